//! What is known of a stage that is done: its name, what it took, which files it left.

use std::{collections::BTreeMap, fmt, str::FromStr, time::SystemTime};

use serde::{Deserialize, Serialize};

use crate::{checksum::Checksum, text::did_you_mean};

/// The counter of stage `plan` that tells that tiles are computed through working files.
pub(crate) const GROUPS: &str = "column_groups";

/// The stages of a run, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StageName {
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
    pub const ALL: [Self; 8] = [
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
    pub const fn name(self) -> &'static str {
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
    pub fn before(self) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |stage| *stage < self)
    }

    /// Walks the stages after this one.
    pub fn after(self) -> impl Iterator<Item = Self> {
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

/// A file that a stage left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Its name below the run directory, with `/` between folders.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Of its content.
    pub checksum: Checksum,
}

/// What a finished stage did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageRecord {
    /// When it ended, by the machine's clock.
    pub finished: String,
    /// Rows that came in.
    pub rows_in: u64,
    /// Rows that came out.
    pub rows_out: u64,
    /// Seconds it took, without what an interruption lost.
    pub seconds: f64,
    /// CPU seconds it took, where the system tells.
    pub cpu_seconds: Option<f64>,
    /// Most bytes of memory at a time, where the system tells.
    pub peak_memory: Option<u64>,
    /// Bytes of its files.
    pub bytes: u64,
    /// What it counted.
    pub counters: BTreeMap<String, u64>,
    /// Its files.
    pub files: Vec<FileRecord>,
    /// Some of it is damaged or gone: it has to be done again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

impl StageRecord {
    /// Returns a counter, 0 where there is none.
    pub fn count(&self, name: &str) -> u64 {
        self.counters.get(name).copied().unwrap_or(0)
    }
}

/// Returns the time by the machine's clock, which may go any way it likes: nothing is computed
/// from it.
pub(crate) fn now() -> Option<String> {
    let time = time_text(SystemTime::now())?;
    // Whole seconds are enough for people.
    Some(time.split_once('.').map_or_else(|| time.clone(), |(seconds, _)| format!("{seconds}Z")))
}

/// Writes a point in time as manifests do; times before 1970 are times like any other.
pub(crate) fn time_text(time: SystemTime) -> Option<String> {
    jiff::Timestamp::try_from(time).ok().map(|time| time.to_string())
}
