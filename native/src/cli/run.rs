//! `ilk run`.

use super::flags::RunSettingsArgs;
use crate::settings::Engine;

pub(super) const EXAMPLES: &str = "\
Settings are taken from the first of these that has them: the command line, \
ILK_* variables (ILK_MIN_SUPPORT for --min-support), the job file, the preset of --like, the \
defaults. `ilk config` takes the same flags and shows every setting with its origin.

Examples:
  Products bought by the same members, from a folder of Parquet files:
    ilk run orders/ --user member --item product --out similar.parquet
  Weighted by quantity, without rare products, with product names, as CSV:
    ilk run orders.csv.gz --user CustomerID --item StockCode \\
      --weight Quantity --item-label Description --weighting log \\
      --min-support 5 -k 20 -o similar.csv
  Like implicit's TFIDFRecommender, on this year's orders only:
    ilk run 'orders/*.parquet' --user member --item product \\
      --weight quantity --like implicit-tfidf \\
      --where 'date>=2026-01-01' -o similar.parquet
  From a job file, with another of its data sources:
    ilk run job.toml --datasource member_views";

/// How IDs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Ids {
    /// All IDs as text
    Text,
}

/// `ilk run`.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) settings: RunSettingsArgs,

    /// Write IDs as text even if they are integers: JavaScript rounds numbers past 2^53
    #[arg(long, value_name = "HOW", help_heading = "Output")]
    pub(crate) ids: Option<Ids>,

    /// Start over in the run directory; the old result stays until the new one replaces it
    #[arg(long, help_heading = "Output", conflicts_with = "restart_if_changed")]
    pub(crate) restart: bool,

    /// Run even if a check or a budget refuses the job
    #[arg(long, help_heading = "Work")]
    pub(crate) force: bool,

    /// Engine: `native`, or `plugin:PATH` for a sandboxed plugin; Ilk's own plugin gives the same result as `native`
    #[arg(long, value_name = "ENGINE", default_value = "native", hide_default_value = true)]
    #[arg(help_heading = "Work")]
    pub(crate) engine: Engine,
}
