//! `ilk compare`.

use std::path::PathBuf;

use super::flags::TextOrJson;

pub(super) const EXAMPLES: &str = "\
Agreement is the number of neighbours in both lists divided by the number in either. The rank \
correlation is Spearman's, over the neighbours in both lists.

Examples:
  What the new day changes:
    ilk compare yesterday.parquet similar.parquet
  The hundred most changed items, for a script:
    ilk compare run-old/ run/ -n 100 --format json";

/// `ilk compare`.
#[derive(Debug, clap::Args)]
pub(crate) struct CompareArgs {
    /// Old result: a file, folder or run directory
    #[arg(value_name = "OLD")]
    pub(crate) old: PathBuf,

    /// New result
    #[arg(value_name = "NEW")]
    pub(crate) new: PathBuf,

    /// Number of changed items to show
    #[arg(short = 'n', long, value_name = "N", default_value = "10")]
    pub(crate) count: u32,

    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) format: TextOrJson,
}
