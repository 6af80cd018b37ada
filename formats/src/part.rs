//! Pieces of a file.

/// A piece of a file that can be read by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Number of its first row in the file, from 1; `None` where only reading tells.
    pub first_row: Option<u64>,
    /// How many rows it has, where the file says so.
    pub rows: Option<u64>,
    /// About how many bytes it takes up, for sharing out work: unpacked ones in Parquet, those
    /// on disk in the other formats.
    pub bytes: u64,
}
