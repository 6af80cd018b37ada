//! Which tables are of which stage.

use crate::{record::StageName, rundir::files};

/// Returns the files and folders that a stage leaves.
pub(crate) const fn files_of(stage: StageName) -> &'static [&'static str] {
    match stage {
        StageName::Read => &[files::INPUTS],
        StageName::Clean => &[files::CLEANED, files::SET_ASIDE, files::QUARANTINE],
        StageName::Encode => &[files::ITEMS, files::USERS, files::INTERACTIONS],
        StageName::Matrix => &[files::MATRIX],
        StageName::Plan => &[files::PLAN],
        StageName::Tiles => &[files::TILES],
        StageName::Merge => &[files::MERGED],
        StageName::Write => &[files::NEIGHBOURS],
    }
}
