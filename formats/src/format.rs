//! Formats by name.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A format that files are said to be in, where neither name nor content need tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// Parquet
    Parquet,
    /// CSV and its relatives, plain or packed
    Csv,
    /// Arrow IPC, file or stream
    Arrow,
    /// JSON Lines, plain or packed
    #[serde(rename = "jsonl")]
    JsonLines,
}

impl FileFormat {
    /// The names, in the order of the variants.
    pub const NAMES: &[&str] = &["parquet", "csv", "arrow", "jsonl"];
    const ALL: [Self; 4] = [Self::Parquet, Self::Csv, Self::Arrow, Self::JsonLines];

    /// Returns the name.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl FromStr for FileFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| {
            format!("`{text}` is not an input format; expected {}", Self::NAMES.join(", "))
        })
    }
}
