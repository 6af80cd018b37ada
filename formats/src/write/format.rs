//! The formats that tables are written in.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// A format that results are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OutputFormat {
    /// Parquet, compressed with zstd
    #[default]
    #[serde(rename = "parquet")]
    Parquet,
    /// CSV with a header
    #[serde(rename = "csv")]
    Csv,
    /// One JSON object per line
    #[serde(rename = "jsonl")]
    JsonLines,
    /// Arrow IPC file
    #[serde(rename = "arrow")]
    Arrow,
}

impl OutputFormat {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Parquet, Self::Csv, Self::JsonLines, Self::Arrow];

    /// Returns the ending of file names, without the dot.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
            Self::Arrow => "arrow",
        }
    }

    /// Finds the format by the ending of a file name, of either case.
    ///
    /// # Errors
    /// [`Error::OutputFormat`] if the ending names none.
    pub fn of_name(name: &str) -> Result<Self, Error> {
        let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase());
        let known = Self::ALL.iter().find(|format| ending.as_deref() == Some(format.ending()));
        known.copied().ok_or_else(|| Error::OutputFormat { name: name.into() })
    }
}

impl fmt::Display for OutputFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.ending())
    }
}

impl FromStr for OutputFormat {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let known = Self::ALL.iter().find(|format| format.ending() == text);
        known.copied().ok_or_else(|| Error::OutputFormat { name: text.into() })
    }
}
