//! `ilk stage`.

use std::path::PathBuf;

use crate::settings::StageName;

pub(super) const EXAMPLES: &str = "\
Examples:
  Repeat the tiles of a run that got that far:
    ilk stage run/ tiles
  Write the result again:
    ilk stage run/ write";

/// `ilk stage`.
#[derive(Debug, clap::Args)]
pub(crate) struct StageArgs {
    /// Run directory (`ilk run --run-dir`)
    #[arg(value_name = "DIR")]
    pub(crate) run_dir: PathBuf,

    /// Stage: read, clean, encode, matrix, plan, tiles, merge or write
    #[arg(value_name = "STAGE")]
    pub(crate) stage: StageName,
}
