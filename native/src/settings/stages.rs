//! How results of stages are shown.

/// How rows are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Form {
    /// A table for people
    #[default]
    Table,
    /// CSV with a header
    Csv,
    /// One JSON object per line
    Json,
}
