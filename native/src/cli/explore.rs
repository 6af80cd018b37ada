//! `ilk explore`.

use std::{num::NonZeroU32, path::PathBuf};

use super::{
    flags::{InputArgs, JobArgs, JobFileArgs, LimitArgs, ListArgs, SourceArgs, WorkArgs},
    sample::rate,
};

pub(super) const EXAMPLES: &str = "\
The page is served to this machine only, at an unguessable address. It computes in the browser, on a
sample; the button at its end runs the job on all the data, as `ilk run` does, and keeps the result
and a report. Ctrl-C stops both.

Examples:
  Open a file; its columns are guessed:
    ilk explore orders.parquet
  A tenth of the users, and a job to start with:
    ilk explore views/ --user member --item product --rate 10% --measure llr
  On a machine without a browser, reached with ssh -L 8000:localhost:8000:
    ilk explore job.toml --no-open --listen 127.0.0.1:8000";

/// `ilk explore`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExploreArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,

    #[command(flatten)]
    pub(crate) size: SizeArgs,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
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

/// How much of the data is loaded.
#[derive(Debug, clap::Args)]
pub(crate) struct SizeArgs {
    /// Share of the users to load, as in 10% or 0.1 [default: as many as have 2,000,000 rows]
    #[arg(long, value_name = "SHARE", value_parser = rate, help_heading = "Sample")]
    pub(crate) rate: Option<f64>,

    /// Number of users to load, picked by the hash of their IDs
    #[arg(long, value_name = "N", conflicts_with = "rate", help_heading = "Sample")]
    pub(crate) users: Option<NonZeroU32>,
}

/// Where the notebook is served.
#[derive(Debug, clap::Args)]
pub(crate) struct ServerArgs {
    /// Print the address without opening a browser
    #[arg(long, help_heading = "Server")]
    pub(crate) no_open: bool,

    /// Address to listen on; port 0 takes any free port
    ///
    /// With an address other than localhost, anyone on the network who knows the notebook's address
    /// can open it.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0", help_heading = "Server")]
    pub(crate) listen: String,
}

/// Where the full run writes.
#[derive(Debug, clap::Args, serde::Serialize)]
pub(crate) struct BatchOutputArgs {
    /// Output of the full run; its report goes beside it [default: similar.parquet]
    ///
    /// A file (.parquet, .csv, .jsonl or .arrow) or a folder. Nothing is overwritten: if it exists,
    /// the next one is similar-2.parquet.
    #[arg(short, long, value_name = "PATH", env = "ILK_OUT", hide_env = true)]
    #[arg(help_heading = "Output")]
    pub(crate) out: Option<PathBuf>,
}
