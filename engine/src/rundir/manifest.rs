//! The manifest `run.json`: what a run is, how far it has come, and what each stage took.
//!
//! It is written whole or not at all. Its second line is the checksum of all lines after it.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use ilk_core::cost::Machine as Costs;
use ilk_formats::Spelling;
use serde::{Deserialize, Serialize};

use super::{fingerprint::Fingerprint, machine::Machine};
use crate::{
    checksum::Checksum,
    error::Error,
    publish::{Existing, WorkingFile},
    record::{FileRecord, StageName, StageRecord, now},
    source::Record,
};

/// The manifest's name in a run directory.
pub const MANIFEST: &str = "run.json";

/// Grows when what a manifest says changes its meaning.
const FORMAT: u32 = 1;

/// An output outside of the run directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Where it is.
    pub path: PathBuf,
    /// Its files: name below `path` (empty for a file), length and checksum.
    pub files: Vec<FileRecord>,
    /// How it spells what it holds.
    #[serde(flatten)]
    pub spelling: Spelling,
}

/// What a run is and how far it has come. The groups are for the program; the file is flat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// When it began and ended.
    #[serde(flatten)]
    pub life: Life,
    /// What it computes, from which files.
    #[serde(flatten)]
    pub task: Task,
    /// What it runs on.
    #[serde(flatten)]
    pub host: Host,
    /// The stages that are done.
    pub stages: BTreeMap<StageName, StageRecord>,
    /// What was written outside of the run directory.
    pub out: Option<Published>,
}

/// When a run began and ended, and with which version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// Of the manifest's form.
    pub format: u32,
    /// Version of the program.
    pub ilk: String,
    /// When the run began, by the machine's clock.
    pub begun: Option<String>,
    /// When it ended.
    pub finished: Option<String>,
    /// How often it was started or resumed.
    pub attempts: u64,
    /// The folder that relative paths of the job start from.
    pub folder: PathBuf,
}

/// What a run computes, from which files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The job.
    pub job: Record,
    /// What is read, once stage `read` has looked.
    pub inputs: Vec<Fingerprint>,
    /// The number of the first input of a second behaviour, if there are two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<u32>,
    /// Fingerprints of the item lists and the labels, by setting.
    pub lists: BTreeMap<String, Vec<Fingerprint>>,
    /// The plugin that computes the tiles, if it is not this program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Fingerprint>,
}

/// What a run runs on, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// The machine.
    pub machine: Machine,
    /// Threads of the last attempt.
    pub threads: usize,
    /// Whether it runs although a guard thinks it is too much work.
    pub force: bool,
    /// What a core of the machine was measured to pay, where a budget of time was to be held: the
    /// tiles are cut by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub costs: Option<Costs>,
}

impl Manifest {
    /// Begins a manifest.
    pub(super) fn new(task: Task, folder: PathBuf, host: Host) -> Self {
        let life = Life {
            format: FORMAT,
            ilk: env!("CARGO_PKG_VERSION").into(),
            begun: now(),
            finished: None,
            attempts: 0,
            folder,
        };
        Self { life, task, host, stages: BTreeMap::new(), out: None }
    }

    /// Returns the record of a stage that is done.
    pub(super) fn done(&self, stage: StageName) -> Option<&StageRecord> {
        self.stages.get(&stage).filter(|record| !record.again)
    }

    /// Adds up the seconds of the stages that were done.
    pub(super) fn seconds(&self) -> f64 {
        self.stages.values().map(|record| record.seconds).sum()
    }

    /// Reads the manifest of a run directory; `None` where there is none.
    ///
    /// # Errors
    /// If it cannot be read, is damaged, or comes from a version that this one does not know.
    pub fn load(folder: &Path) -> Result<Option<Self>, Error> {
        let path = folder.join(MANIFEST);
        // A pipe of that name would keep its reader waiting.
        if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
            return Ok(None);
        }
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
                "{} has format {format}; this version of ilk reads format {FORMAT}",
                path.display()
            ))
            .with_help("resume with the version that created it, or start over with --restart"));
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
    .with_help("restore it, or start over with --restart")
}
