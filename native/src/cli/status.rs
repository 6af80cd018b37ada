//! `ilk status`.

use std::path::PathBuf;

use super::flags::TextOrJson;

pub(super) const EXAMPLES: &str = "\
Examples:
  Progress of a run:
    ilk status run/
  As JSON, for a scheduler:
    ilk status run/ --format json";

/// `ilk status`.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// Run directory (`ilk run --run-dir`)
    #[arg(value_name = "DIR")]
    pub(crate) run_dir: PathBuf,

    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) format: TextOrJson,
}
