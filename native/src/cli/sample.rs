//! `ilk sample`.

use std::{num::NonZeroU32, path::PathBuf};

use ilk_formats::OutputFormat;

use super::flags::{InputArgs, JobArgs, JobFileArgs, SourceArgs, WorkArgs, piped_names};

pub(super) const EXAMPLES: &str = "\
Examples:
    ilk sample orders/ --user member --item product --rate 10% --out sample.parquet
    ilk sample job.toml --users 50000 --out sample.csv";

/// `ilk sample`.
#[derive(Debug, clap::Args)]
pub(crate) struct SampleArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,

    #[command(flatten)]
    pub(crate) size: SampleSizeArgs,

    /// Output file (.parquet, .csv, .jsonl or .arrow); `-` for standard output, without the report
    ///
    /// CSV and JSON Lines may be compressed, as in sample.csv.gz or sample.jsonl.zst.
    #[arg(short, long, value_name = "PATH", help_heading = "Sample")]
    pub(crate) out: PathBuf,

    /// Format of the rows on standard output, for --out - [default: csv]
    #[arg(long, value_name = "FORMAT", value_parser = piped_names(), help_heading = "Sample")]
    pub(crate) out_format: Option<OutputFormat>,

    /// Replace the output if it exists
    #[arg(long, help_heading = "Sample")]
    pub(crate) overwrite: bool,

    #[command(flatten)]
    pub(crate) file: JobFileArgs,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) job: JobArgs,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
}

/// How many users a sample has.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct SampleSizeArgs {
    /// Share of the users to keep, as in 10% or 0.1
    #[arg(long, value_name = "SHARE", value_parser = rate, help_heading = "Sample")]
    pub(crate) rate: Option<f64>,

    /// Number of users to keep, picked by the hash of their IDs
    #[arg(long, value_name = "N", help_heading = "Sample")]
    pub(crate) users: Option<NonZeroU32>,
}

/// Reads a share above 0.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.parse(),
    };
    let share = share.ok().filter(|share| *share > 0.0 && *share <= 1.0);
    share.ok_or_else(|| "expected a share above 0 and up to 1, such as 10% or 0.1".into())
}
