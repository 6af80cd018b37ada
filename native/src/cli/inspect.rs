//! `ilk inspect`.

use super::flags::{InputArgs, JobFileArgs, SourceArgs, TextOrJson, WorkArgs};

pub(super) const EXAMPLES: &str = "\
Examples:
  Columns and their types:
    ilk inspect orders.csv
  Rows, users, items, skew, and the work of a job:
    ilk inspect orders/ --user member --item product
    ilk inspect job.toml
  The same for a script:
    ilk inspect orders/ --format json";

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

    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, help_heading = "Output")]
    pub(crate) format: TextOrJson,
}
