//! `ilk plan`.

use super::flags::JobSettingsArgs;

pub(super) const EXAMPLES: &str = "\
Examples:
  Time and memory of the job on this machine:
    ilk plan orders/ --user member --item product
    ilk plan job.toml --datasource member_views
  Whether it fits, for a script (exit code 0 in either case; `ilk run` refuses with 1):
    ilk plan job.toml --budget-time 30m --budget-memory 8GiB --format json
  In money:
    ilk plan job.toml --price-per-hour 3.20 --budget-cost 12.50";

/// `ilk plan`.
#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) settings: JobSettingsArgs,

    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, help_heading = "Output")]
    pub(crate) format: PlanFormat,
}

/// Formats of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum PlanFormat {
    /// Tables for people
    #[default]
    Text,
    /// One JSON object
    Json,
}
