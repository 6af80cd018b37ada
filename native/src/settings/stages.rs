//! The stages of a run by name, and how their results are shown.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::text::did_you_mean;

/// The stages of a run, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StageName {
    /// Finds the inputs, checks their columns and takes their fingerprints.
    Read,
    /// Keeps each row or sets it aside with a reason.
    Clean,
    /// Gives ids their codes and makes one interaction of every user and item.
    Encode,
    /// Puts items in the order of their popularity.
    Matrix,
    /// Cuts the work into tiles.
    Plan,
    /// Computes the tiles.
    Tiles,
    /// Takes the best of what the tiles found.
    Merge,
    /// Writes the result.
    Write,
}

impl StageName {
    /// All of them, in their order.
    pub(crate) const ALL: [Self; 8] = [
        Self::Read,
        Self::Clean,
        Self::Encode,
        Self::Matrix,
        Self::Plan,
        Self::Tiles,
        Self::Merge,
        Self::Write,
    ];

    /// Returns the name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Clean => "clean",
            Self::Encode => "encode",
            Self::Matrix => "matrix",
            Self::Plan => "plan",
            Self::Tiles => "tiles",
            Self::Merge => "merge",
            Self::Write => "write",
        }
    }

    /// Walks the stages before this one.
    pub(crate) fn before(self) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |stage| *stage < self)
    }

    /// Walks the stages after this one.
    pub(crate) fn after(self) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |stage| *stage > self)
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for StageName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Self::ALL.into_iter().map(Self::name);
        Self::ALL.into_iter().find(|stage| stage.name() == text).ok_or_else(|| {
            did_you_mean(text, names()).unwrap_or_else(|| {
                format!("the stages are {}", names().collect::<Vec<_>>().join(", "))
            })
        })
    }
}

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
