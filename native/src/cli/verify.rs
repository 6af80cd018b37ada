//! `ilk verify`.

use std::path::PathBuf;

use super::flags::TextOrJson;

pub(super) const EXAMPLES: &str = "\
Exit codes:
  0  every file is as it was written
  2  a file is damaged, unreadable, or missing from a run directory (a moved output is not an error)

Examples:
  Everything that a run directory holds, and the output it wrote:
    ilk verify run/
  A result that was copied:
    ilk verify similar.parquet";

/// `ilk verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// Run directory, output folder or file of a result
    #[arg(value_name = "PLACE")]
    pub(crate) place: PathBuf,

    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) format: TextOrJson,
}
