//! The manifest `run.json`: what a run is, how far it has come, and what each stage took.
//!
//! It is written whole or not at all. Its second line is the checksum of all lines after it.

use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    str::FromStr,
    time::SystemTime,
};

use ilk_core::cost::Machine as Costs;
use serde::{Deserialize, Serialize};

use super::{
    checksum::Checksum,
    fingerprint::{Fingerprint, time_text},
    machine::Machine,
};
use crate::{
    error::Error,
    publish::{Existing, WorkingFile},
    source::Record,
    text::did_you_mean,
};

/// The manifest's name in a run directory.
pub const MANIFEST: &str = "run.json";

/// Grows when what a manifest says changes its meaning.
const FORMAT: u32 = 1;

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

/// An output outside of the run directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Where it is.
    pub path: PathBuf,
    /// Its files: name below `path` (empty for a file), length and checksum.
    pub files: Vec<FileRecord>,
}

/// What a run is and how far it has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Of this file's form.
    pub format: u32,
    /// Version of the program.
    pub ilk: String,
    /// When the run began, by the machine's clock.
    pub begun: Option<String>,
    /// When it ended.
    pub finished: Option<String>,
    /// How often it was begun or gone on with.
    pub attempts: u64,
    /// The folder that relative paths of the job start from.
    pub folder: PathBuf,
    /// The job.
    pub job: Record,
    /// What is read, once stage `read` has looked.
    pub inputs: Vec<Fingerprint>,
    /// Fingerprints of the item lists, by setting.
    pub lists: BTreeMap<String, Vec<Fingerprint>>,
    /// The plugin that computes the tiles, if it is not this program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Fingerprint>,
    /// Where it runs.
    pub machine: Machine,
    /// Threads of the last attempt.
    pub threads: usize,
    /// Whether it runs although a guard thinks it is too much work.
    pub force: bool,
    /// What a core of the machine was measured to pay, where a budget of time was to be held: the
    /// tiles are cut by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub costs: Option<Costs>,
    /// The stages that are done.
    pub stages: BTreeMap<StageName, StageRecord>,
    /// What was written outside of the run directory.
    pub out: Option<Published>,
}

/// Returns the time by the machine's clock, which may go any way it likes: nothing is computed
/// from it.
pub fn now() -> Option<String> {
    let time = time_text(SystemTime::now())?;
    // Whole seconds are enough for people.
    Some(time.split_once('.').map_or_else(|| time.clone(), |(seconds, _)| format!("{seconds}Z")))
}

impl Manifest {
    /// Begins a manifest.
    pub fn new(job: Record, folder: PathBuf, machine: Machine) -> Self {
        Self {
            format: FORMAT,
            ilk: env!("CARGO_PKG_VERSION").into(),
            begun: now(),
            finished: None,
            attempts: 0,
            folder,
            job,
            inputs: Vec::new(),
            lists: BTreeMap::new(),
            engine: None,
            machine,
            threads: 0,
            force: false,
            costs: None,
            stages: BTreeMap::new(),
            out: None,
        }
    }

    /// Returns the record of a stage that is done.
    pub fn done(&self, stage: StageName) -> Option<&StageRecord> {
        self.stages.get(&stage).filter(|record| !record.again)
    }

    /// Reads the manifest of a run directory; `None` where there is none.
    ///
    /// # Errors
    /// If it cannot be read, is damaged, or comes from a version that this one does not know.
    pub fn load(folder: &Path) -> Result<Option<Self>, Error> {
        let path = folder.join(MANIFEST);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(damaged(&path)),
            Err(error) => return Err(Error::file("read", &path, &error)),
        };
        let body = checked(&text).ok_or_else(|| damaged(&path))?;
        let format = serde_json::from_str::<Form>(&body).map_err(|_| damaged(&path))?.format;
        if format != FORMAT {
            return Err(Error::input(format!(
                "{} has form {format}, this ilk knows form {FORMAT}",
                path.display()
            ))
            .with_help("go on with the version that began the run, or begin anew with --restart"));
        }
        serde_json::from_str(&body).map(Some).map_err(|_| damaged(&path))
    }

    /// Writes the manifest into a run directory, whole or not at all.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn store(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join(MANIFEST);
        let body = serde_json::to_string_pretty(self);
        let body = body.map_err(|error| Error::internal(error.to_string()))?;
        let lines = body.strip_prefix("{\n").unwrap_or(&body);
        let checksum = Checksum::of(lines.as_bytes());
        let text = format!("{{\n{CHECKSUM}{checksum}\",\n{lines}\n");
        let mut working = WorkingFile::create(&path, Existing::Replace)?;
        let written = working.file().write_all(text.as_bytes());
        written.map_err(|error| Error::file("write", &path, &error))?;
        working.publish()
    }
}

const CHECKSUM: &str = "  \"checksum\": \"";

/// The part of a manifest that no form changes.
#[derive(Deserialize)]
struct Form {
    format: u32,
}

/// Takes the checksum out of a manifest's text; `None` if it is not that of the rest.
fn checked(text: &str) -> Option<String> {
    let rest = text.strip_prefix("{\n")?.strip_prefix(CHECKSUM)?;
    let (checksum, lines) = rest.split_once("\",\n")?;
    let lines = lines.strip_suffix('\n')?;
    let expected: Checksum = checksum.parse().ok()?;
    (Checksum::of(lines.as_bytes()) == expected).then(|| format!("{{\n{lines}"))
}

fn damaged(path: &Path) -> Error {
    Error::input(format!(
        "{} is damaged or was changed: its checksum does not match",
        path.display()
    ))
    .with_help("put it back as it was, or begin anew with --restart")
}
