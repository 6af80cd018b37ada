//! Formats by name.

/// A format that files are said to be in, where neither name nor content need tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileFormat {
    /// Parquet
    Parquet,
    /// CSV and its relatives, plain or packed
    Csv,
    /// Arrow IPC, file or stream
    Arrow,
    /// JSON Lines, plain or packed
    JsonLines,
}
