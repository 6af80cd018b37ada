//! `ilk explain`.

use super::flags::{ReadingArgs, TextOrJson};

pub(super) const EXAMPLES: &str = "\
RUN is a run directory, a job file or an input (quote a pattern). Flags override the settings of the
run or the job file.

Examples:
  Why a neighbour has its rank:
    ilk explain job.toml 85123A 21733
  With another measure:
    ilk explain job.toml 85123A 21733 --measure llr
  Without a job file:
    ilk explain orders.csv 85123A 21733 --user CustomerID --item StockCode";

/// `ilk explain`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// Run directory, job file or input
    #[arg(id = "input", value_name = "RUN")]
    pub(crate) run: String,

    /// ID of the item
    #[arg(id = "ITEM", value_name = "ITEM", allow_hyphen_values = true)]
    pub(crate) item: String,

    /// ID of the neighbour
    #[arg(value_name = "NEIGHBOUR", allow_hyphen_values = true)]
    pub(crate) neighbour: String,

    #[command(flatten)]
    pub(crate) reading: ReadingArgs,

    /// Number of shared users to list
    #[arg(short = 'n', long, value_name = "N", default_value = "10", help_heading = "Output")]
    pub(crate) count: u32,

    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, help_heading = "Output")]
    pub(crate) format: TextOrJson,
}
