//! `ilk inspect`.

use super::flags::{InputArgs, JobFileArgs, SourceArgs, WorkArgs};

pub(super) const EXAMPLES: &str = "\
Examples:
  Which columns there are:
    ilk inspect orders.csv
  Rows, users, items, skew and how much work a job would be:
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
