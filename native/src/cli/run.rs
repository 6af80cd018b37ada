//! `ilk run`.

use std::path::PathBuf;

use super::flags::JobSettingsArgs;
use crate::settings::Engine;

pub(super) const EXAMPLES: &str = "\
Settings come from, strongest first: the command line, ILK_* variables (ILK_TOP for --top,
ILK_MIN_SUPPORT for --min-support, …), the job file, the preset of --like, defaults.
`ilk config` takes the same flags and shows each setting with its origin.

Examples:
  Products bought by the same members, from a folder of Parquet files:
    ilk run orders/ --user member --item product --out similar.parquet
  Counting quantities, leaving out rare products and returns, with names, as CSV:
    ilk run orders.csv.gz --user CustomerID --item StockCode --weight Quantity \\
      --item-label Description --weighting log --min-support 5 -k 20 -o similar.csv
  As implicit's TFIDFRecommender does, this year's orders only:
    ilk run 'orders/*.parquet' --user member --item product --weight quantity \\
      --like implicit-tfidf --where 'date>=2026-01-01' -o similar.parquet
  From a job file, on another of its data sources:
    ilk run job.toml --datasource member_views";

/// `ilk run`.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) settings: JobSettingsArgs,

    /// Replace the output if it exists
    #[arg(long, help_heading = "Output")]
    pub(crate) overwrite: bool,

    /// Write a report for people to this file: what became of the rows, what took the time, and
    /// what came of it
    #[arg(long, value_name = "FILE.html", help_heading = "Output")]
    pub(crate) report: Option<PathBuf>,

    /// Begin the run directory anew, whatever it holds of an earlier run
    #[arg(long, help_heading = "Output")]
    pub(crate) restart: bool,

    /// Run even if a guard or a budget thinks it is too much work
    #[arg(long, help_heading = "Work")]
    pub(crate) force: bool,

    /// What compares: `native`, or `plugin:PATH`, a plugin in a sandbox; ilk's own has the same result
    #[arg(long, value_name = "ENGINE", default_value = "native", hide_default_value = true)]
    #[arg(help_heading = "Work")]
    pub(crate) engine: Engine,
}
