//! `ilk similar`.

use std::path::PathBuf;

use ilk_core::job::Pairs;

use super::described::names;

pub(super) const EXAMPLES: &str = "\
Examples:
    ilk similar similar.parquet 85123A
    ilk similar out/ 'Earl Grey' -n 20";

/// `ilk similar`.
#[derive(Debug, clap::Args)]
pub(crate) struct SimilarArgs {
    /// Output of `ilk run`: a file, folder or run directory
    #[arg(value_name = "OUT")]
    pub(crate) out: PathBuf,

    /// ID of the item
    #[arg(value_name = "ITEM", allow_hyphen_values = true)]
    pub(crate) item: String,

    /// Number of neighbours to show
    #[arg(short = 'n', long, value_name = "N", default_value = "10")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) count: u32,

    /// Use once for a result written with --pairs once, to show both directions of each pair
    #[arg(long, value_name = "NAME", value_parser = names::<Pairs>(Pairs::NAMES))]
    pub(crate) pairs: Option<Pairs>,
}
