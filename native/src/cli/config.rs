//! `ilk config`.

use super::flags::RunSettingsArgs;

pub(super) const EXAMPLES: &str = "\
Examples:
  Every setting of a job file with its origin:
    ilk config job.toml
  Settings of a preset:
    ilk config --like implicit-bm25
  Turn a command line into a job file:
    ilk config orders/ --user member --item product -k 20 --toml > job.toml";

/// `ilk config`.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigArgs {
    #[command(flatten)]
    pub(crate) settings: RunSettingsArgs,

    /// Print a job file with these settings
    #[arg(long, help_heading = "Output")]
    pub(crate) toml: bool,
}
