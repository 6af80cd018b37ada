//! The formats that tables are written in.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::packing::OutputPacking;
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
    /// Arrow IPC stream, which can be read while it is written
    #[serde(rename = "arrows")]
    ArrowStream,
}

impl OutputFormat {
    /// All of them.
    pub const ALL: &[Self] =
        &[Self::Parquet, Self::Csv, Self::JsonLines, Self::Arrow, Self::ArrowStream];

    /// Returns the ending of file names, without the dot.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
            Self::Arrow => "arrow",
            Self::ArrowStream => "arrows",
        }
    }

    /// Returns true for formats that people read as text.
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Csv | Self::JsonLines)
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

/// How a file is written: its format, and how its bytes are packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct OutputStyle {
    /// The format.
    pub format: OutputFormat,
    /// How the bytes are packed; only those of text are.
    pub packing: OutputPacking,
}

impl OutputStyle {
    /// Finds the style by the endings of a file name, of either case: `.csv`, `.csv.gz`.
    ///
    /// # Errors
    /// [`Error::OutputFormat`] if they name none.
    pub fn of_name(name: &str) -> Result<Self, Error> {
        let lower = name.to_lowercase();
        let (inner, packing) = OutputPacking::of_name(&lower);
        let ending = inner.rsplit_once('.').map(|(_, ending)| ending);
        let mut known = OutputFormat::ALL.iter().copied();
        let format = known.find(|format| ending == Some(format.ending()));
        let format = format.filter(|format| packing == OutputPacking::Plain || format.is_text());
        let style = format.map(|format| Self { format, packing });
        style.ok_or_else(|| Error::OutputFormat { name: name.into() })
    }
}

impl From<OutputFormat> for OutputStyle {
    fn from(format: OutputFormat) -> Self {
        Self { format, packing: OutputPacking::Plain }
    }
}

impl fmt::Display for OutputStyle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}{}", self.format.ending(), self.packing.ending()))
    }
}
