//! `ilk explore`.

use std::{num::NonZeroU32, path::PathBuf};

use super::{
    flags::{InputArgs, JobArgs, JobFileArgs, LimitArgs, ListArgs, SourceArgs, WorkArgs},
    sample::rate,
};

pub(super) const EXAMPLES: &str = "\
The page is served on this machine alone, at an address that nobody can guess. What is computed in it
is computed in the browser, on a sample; the button at its end runs the job on everything, as
`ilk run` would, and keeps result and report. Ctrl-C ends both.

Examples:
  Look at a file, its columns guessed:
    ilk explore orders.parquet
  A tenth of the users, and a job to begin with:
    ilk explore views/ --user member --item product --rate 10% --measure llr
  Where there is no browser, from another machine through ssh -L 8000:localhost:8000:
    ilk explore job.toml --no-open --listen 127.0.0.1:8000";

/// `ilk explore`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExploreArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,

    /// Share of the users in the notebook, as in 10% or 0.1 [default: as many as have 2,000,000 rows]
    #[arg(long, value_name = "SHARE", value_parser = rate, help_heading = "Sample")]
    pub(crate) rate: Option<f64>,

    /// Number of users in the notebook: those of the smallest hashes
    #[arg(long, value_name = "N", conflicts_with = "rate", help_heading = "Sample")]
    pub(crate) users: Option<NonZeroU32>,

    /// Do not open a browser, only print the address
    #[arg(long, help_heading = "Server")]
    pub(crate) no_open: bool,

    /// Where to listen; port 0 is any free one
    ///
    /// Anything but an address of this machine's own lets others in who have the notebook's
    /// address.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0", help_heading = "Server")]
    pub(crate) listen: String,

    #[command(flatten)]
    pub(crate) file: JobFileArgs,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) job: JobArgs,
    #[command(flatten)]
    pub(crate) lists: ListArgs,
    #[command(flatten)]
    pub(crate) output: BatchOutputArgs,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Where the full batch writes.
#[derive(Debug, clap::Args, serde::Serialize)]
pub(crate) struct BatchOutputArgs {
    /// Output of the full batch [default: similar.parquet]; its report goes beside it
    ///
    /// .parquet, .csv, .jsonl or .arrow, or a folder. Nothing is replaced: where there is one
    /// already, the next is similar-2.parquet.
    #[arg(short, long, value_name = "PATH", env = "ILK_OUT", hide_env = true)]
    #[arg(help_heading = "Output")]
    pub(crate) out: Option<PathBuf>,
}
