//! `ilk config`.

use super::flags::JobSettingsArgs;

pub(super) const EXAMPLES: &str = "\
Examples:
  What a job file comes to, and why:
    ilk config job.toml
  The defaults of a preset:
    ilk config --like implicit-bm25
  Turn a command line into a job file:
    ilk config orders/ --user member --item product -k 20 --toml > job.toml";

/// `ilk config`.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigArgs {
    #[command(flatten)]
    pub(crate) settings: JobSettingsArgs,

    /// Print a job file that gives these settings
    #[arg(long, help_heading = "Output")]
    pub(crate) toml: bool,
}
