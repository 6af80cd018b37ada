//! `ilk take`.

use std::path::PathBuf;

use crate::settings::Form;

pub(super) const EXAMPLES: &str = "\
Examples:
  What was kept of the input, and what was not:
    ilk take run/ clean
    ilk take run/ quarantine -n 50
  The most popular items, as CSV:
    ilk take run/ matrix -n 100 --format csv";

/// `ilk take`.
#[derive(Debug, clap::Args)]
pub(crate) struct TakeArgs {
    /// Run directory of `ilk run --run-dir`
    #[arg(value_name = "DIR")]
    pub(crate) run_dir: PathBuf,

    /// A stage, or one of its tables
    ///
    /// read: inputs; clean: cleaned, quarantine; encode: interactions, items, users; matrix; plan;
    /// tiles; merge: merged; write: neighbours. A stage stands for the first of its tables.
    #[arg(value_name = "STAGE")]
    pub(crate) stage: String,

    /// How many rows to show
    #[arg(short = 'n', long, value_name = "N", default_value = "10")]
    pub(crate) count: u32,

    /// How to print them
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) format: Form,
}
