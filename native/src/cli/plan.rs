//! `ilk plan`.

use super::flags::JobSettingsArgs;

pub(super) const EXAMPLES: &str = "\
Examples:
  Time and memory of the job on this machine, in about two seconds:
    ilk plan orders/ --user member --item product
    ilk plan job.toml --datasource member_views
  Whether it fits, for a script (exit code 0 in either case; `ilk run` refuses with 1):
    ilk plan job.toml --budget-time 30m --budget-memory 8GiB --format json
  Check the prediction on samples of the data, which may take a minute:
    ilk plan orders/ --user member --item product --prove
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

    /// Read all rows, compute samples of them, and show predicted and measured figures
    #[arg(long, help_heading = "Output")]
    pub(crate) prove: bool,

    /// Also show the time of each step and the layout of the matrix
    #[arg(long, help_heading = "Output")]
    pub(crate) details: bool,
}

impl PlanArgs {
    /// Returns what to print, and what it is to rest on.
    pub(crate) const fn asked(&self) -> PlanAsked {
        let form = match (self.format, self.details) {
            (PlanFormat::Json, _) => PlanForm::Json,
            (PlanFormat::Text, true) => PlanForm::Details,
            (PlanFormat::Text, false) => PlanForm::Summary,
        };
        PlanAsked { form, proves: self.prove }
    }
}

/// What is asked of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlanAsked {
    /// What is printed.
    pub(crate) form: PlanForm,
    /// Samples are computed.
    pub(crate) proves: bool,
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
