//! `ilk explain`.

use super::flags::{ReadingArgs, TextOrJson};

pub(super) const EXAMPLES: &str = "\
RUN is a folder of --run-dir, a job file, or an input (quote a pattern). Flags say what else there is
to say, and go over what the run or the job file says.

Examples:
  Why a neighbour stands where it stands:
    ilk explain job.toml 85123A 21733
  The same by another measure:
    ilk explain job.toml 85123A 21733 --measure llr
  Without a job file:
    ilk explain orders.csv 85123A 21733 --user CustomerID --item StockCode";

/// `ilk explain`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// Run directory, job file or input
    #[arg(id = "input", value_name = "RUN")]
    pub(crate) run: String,

    /// Id of the item
    #[arg(id = "ITEM", value_name = "ITEM", allow_hyphen_values = true)]
    pub(crate) item: String,

    /// Id of the neighbour
    #[arg(value_name = "NEIGHBOUR", allow_hyphen_values = true)]
    pub(crate) neighbour: String,

    #[command(flatten)]
    pub(crate) reading: ReadingArgs,

    /// How many of the users of both to name
    #[arg(short = 'n', long, value_name = "N", default_value = "10", help_heading = "Output")]
    pub(crate) count: u32,

    /// What to print
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, help_heading = "Output")]
    pub(crate) format: TextOrJson,
}
