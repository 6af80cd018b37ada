//! `ilk similar`.

use std::path::PathBuf;

use ilk_core::job::Pairs;

use super::{described::names, run::Ids};

pub(super) const EXAMPLES: &str = "\
An item that is not found by its ID is looked for by its label. IDs that begin with `-` and are no
numbers come after `--`. With --format json, each item is one object on a line of its own:
{\"item\":…,\"label\":…,\"total\":…,\"neighbours\":[{\"item\":…,\"label\":…,\"rank\":…,\"score\":…,\"overlap\":…}]}

Examples:
    ilk similar similar.parquet 85123A
    ilk similar out/ 85123A 21733 'Earl Grey' -n 20
    ilk similar out/ 85123A --format json
    ilk similar out/ -- -x";

/// `ilk similar`.
#[derive(Debug, clap::Args)]
pub(crate) struct SimilarArgs {
    /// Output of `ilk run`: a file, folder or run directory
    #[arg(value_name = "OUT")]
    pub(crate) out: PathBuf,

    /// IDs or labels of the items
    #[arg(value_name = "ITEM", required = true, allow_negative_numbers = true)]
    pub(crate) items: Vec<String>,

    /// Number of neighbours to show for each item
    #[arg(short = 'n', long, value_name = "N", default_value = "10")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) count: u32,

    /// Use once for a result written with --pairs once, to show both directions of each pair
    #[arg(long, value_name = "NAME", value_parser = names::<Pairs>(Pairs::NAMES))]
    pub(crate) pairs: Option<Pairs>,

    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) format: SimilarFormat,

    /// Write IDs in JSON as text even if they are integers: JavaScript rounds numbers past 2^53
    #[arg(long, value_name = "HOW")]
    pub(crate) ids: Option<Ids>,
}

/// Formats of lists of neighbours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SimilarFormat {
    /// Tables for people
    #[default]
    Text,
    /// One JSON object per item and line
    Json,
}
