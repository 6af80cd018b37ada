//! `ilk inspect`.

use super::flags::{InputArgs, JobFileArgs, SourceArgs, WorkArgs};

pub(super) const EXAMPLES: &str = "\
Examples:
  Columns and their types:
    ilk inspect orders.csv
  Rows, users, items, skew, and the work of a job:
    ilk inspect orders/ --user member --item product
    ilk inspect job.toml";

/// `ilk inspect`.
#[derive(Debug, clap::Args)]
pub(crate) struct InspectArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) file: JobFileArgs,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
}
