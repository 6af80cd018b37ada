//! `ilk take`.

use std::path::PathBuf;

use crate::settings::Form;

pub(super) const EXAMPLES: &str = "\
Examples:
  Rows that were kept, and rows that were set aside:
    ilk take run/ clean
    ilk take run/ quarantine -n 50
  The most popular items, as CSV:
    ilk take run/ matrix -n 100 --format csv";

/// `ilk take`.
#[derive(Debug, clap::Args)]
pub(crate) struct TakeArgs {
    /// Run directory (`ilk run --run-dir`)
    #[arg(value_name = "DIR")]
    pub(crate) run_dir: PathBuf,

    /// Stage or table
    ///
    /// read: inputs; clean: cleaned, quarantine; encode: interactions, items, users; matrix; plan;
    /// tiles; merge: merged; write: neighbours. A stage's name shows its first table.
    #[arg(value_name = "STAGE")]
    pub(crate) stage: String,

    /// Number of rows to show
    #[arg(short = 'n', long, value_name = "N", default_value = "10")]
    pub(crate) count: u32,

    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) format: Form,
}
