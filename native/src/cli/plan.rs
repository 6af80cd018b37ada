//! `ilk plan`.

use super::flags::JobSettingsArgs;

pub(super) const EXAMPLES: &str = "\
Examples:
  What the job would take on this machine:
    ilk plan orders/ --user member --item product
    ilk plan job.toml --datasource member_views
  Whether it fits, for a script (exit code 0 also where it does not; `ilk run` refuses with 1):
    ilk plan job.toml --budget-time 30m --budget-memory 8GiB --format json
  In money:
    ilk plan job.toml --price-per-hour 3.20 --budget-cost 12.50";

/// `ilk plan`.
#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) settings: JobSettingsArgs,

    /// How to print the plan
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, help_heading = "Output")]
    pub(crate) format: PlanFormat,
}

/// How a plan is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum PlanFormat {
    /// Tables for people
    #[default]
    Text,
    /// One JSON object
    Json,
}
