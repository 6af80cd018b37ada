//! `ilk stage`.

use std::path::PathBuf;

use crate::settings::StageName;

pub(super) const EXAMPLES: &str = "\
Examples:
  The tiles, once a run has come that far:
    ilk stage run/ tiles
  The result once more:
    ilk stage run/ write";

/// `ilk stage`.
#[derive(Debug, clap::Args)]
pub(crate) struct StageArgs {
    /// Run directory of `ilk run --run-dir`
    #[arg(value_name = "DIR")]
    pub(crate) run_dir: PathBuf,

    /// read, clean, encode, matrix, plan, tiles, merge or write
    #[arg(value_name = "STAGE")]
    pub(crate) stage: StageName,
}
