//! Files of a run directory, by what they hold.

/// The inputs, file by file.
pub const INPUTS: &str = "inputs.parquet";
/// The rows that were set aside.
pub const QUARANTINE: &str = "quarantine.parquet";
/// What is compared: code, id, label, support.
pub const ITEMS: &str = "items.parquet";
/// The other side: code, id, degree.
pub const USERS: &str = "users.parquet";
/// One row per user and item, as codes.
pub const INTERACTIONS: &str = "interactions.parquet";
/// The items as the matrix orders them.
pub const MATRIX: &str = "matrix.parquet";
/// The tiles.
pub const PLAN: &str = "plan.parquet";
/// The neighbours, as codes.
pub const MERGED: &str = "merged.parquet";
/// The result.
pub const NEIGHBOURS: &str = "neighbours.parquet";
/// The report for people; no stage reads it.
pub const REPORT: &str = "report.html";
/// Folder of the rows that were kept.
pub const CLEANED: &str = "cleaned";
/// Folder of the rows set aside, while they are gathered.
pub const SET_ASIDE: &str = "quarantine";
/// Folder of what the tiles found.
pub const TILES: &str = "tiles";

/// Folder of working files, which are no result.
pub const WORK: &str = "work";

/// All files.
pub const FILES: [&str; 9] =
    [INPUTS, QUARANTINE, ITEMS, USERS, INTERACTIONS, MATRIX, PLAN, MERGED, NEIGHBOURS];
/// All folders.
pub const FOLDERS: [&str; 3] = [CLEANED, SET_ASIDE, TILES];
