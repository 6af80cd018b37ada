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

    /// Also show the time of each step and the layout of the matrix
    #[arg(long, help_heading = "Output")]
    pub(crate) details: bool,
}

impl PlanArgs {
    /// Returns what to print.
    pub(crate) const fn form(&self) -> PlanForm {
        match (self.format, self.details) {
            (PlanFormat::Json, _) => PlanForm::Json,
            (PlanFormat::Text, true) => PlanForm::Details,
            (PlanFormat::Text, false) => PlanForm::Summary,
        }
    }
}

/// What is printed of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlanForm {
    /// Work, memory, time, samples and verdict
    Summary,
    /// The same with the time of each step and the layout of the matrix
    Details,
    /// One JSON object
    Json,
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
