//! The ledger of past runs on this machine, one JSON object per line.
//!
//! Lines are only ever added, each in one write under the file's lock, so runs that end at the same
//! time do not mix. An unreadable line is skipped and reported.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use etcetera::BaseStrategy as _;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// It wrote its result.
    Done,
    /// A guard refused it.
    Refused,
    /// It reached its budget.
    Stopped,
    /// Its result did not take the place of the one before.
    Withheld,
    /// It met an error.
    Failed,
    /// A signal ended it.
    Interrupted,
}

impl Outcome {
    /// Returns its name, as the ledger has it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Stopped => "stopped",
            Self::Withheld => "withheld",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// When it ended, by the machine's clock.
    pub(crate) finished: Timestamp,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// Why it did not come to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// Which job it was of.
    #[serde(flatten)]
    pub(crate) task: Task,
    /// What it took.
    #[serde(flatten)]
    pub(crate) figures: Figures,
}

/// What is run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Task {
    /// What people call the job: its file, or where it writes. Lines of older versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) job: Option<String>,
    /// What is read, in a few words.
    pub(crate) input: String,
    /// What an hour costs, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) price_per_hour: Option<f64>,
}

/// What a process took for a run. Stages that were done before are not in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figures {
    /// Seconds from start to end.
    pub(crate) seconds: f64,
    /// CPU seconds of all threads, where the system tells.
    pub(crate) cpu_seconds: Option<f64>,
    /// Rows read.
    pub(crate) rows: u64,
    /// Interactions made of them.
    pub(crate) interactions: u64,
    /// Pair operations done.
    pub(crate) pair_operations: u64,
    /// Rows of the result.
    #[serde(default)]
    pub(crate) neighbours: u64,
    /// The most bytes of memory at a time, where the system tells.
    #[serde(default)]
    pub(crate) peak_bytes: Option<u64>,
    /// Bytes read, by the system's count, where it tells.
    pub(crate) bytes_read: Option<u64>,
    /// Bytes written.
    pub(crate) bytes_written: Option<u64>,
}

impl Entry {
    /// Returns what people call the job.
    pub(crate) fn job(&self) -> &str {
        self.task.job.as_deref().unwrap_or(&self.task.input)
    }
}

/// Returns where the ledger is; `None` where none is kept: `ILK_USAGE_FILE=off`, or no home.
pub(crate) fn place() -> Option<PathBuf> {
    let asked = std::env::var_os("ILK_USAGE_FILE").filter(|asked| !asked.is_empty());
    let has_home = ["HOME", "XDG_STATE_HOME", "USERPROFILE"]
        .into_iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    match asked {
        Some(asked) if asked == "off" => None,
        Some(asked) => Some(asked.into()),
        // A service without a home has no user whose folder it might be.
        None if !has_home => None,
        None => {
            let folders = etcetera::choose_base_strategy().ok()?;
            let state = folders.state_dir().unwrap_or_else(|| folders.data_dir());
            Some(state.join("ilk").join("usage.jsonl"))
        }
    }
}

/// Adds a line, in one write, while no other process does.
pub(super) fn append(ledger: &Path, entry: &Entry) -> io::Result<()> {
    if let Some(folder) = ledger.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = File::options().create(true).read(true).append(true).open(ledger)?;
    file.lock()?;
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    if !ends_in_newline(&mut file)? {
        // The machine stopped while a line was written: it stays by itself.
        line.insert(0, b'\n');
    }
    file.write_all(&line)
}

fn ends_in_newline(file: &mut File) -> io::Result<bool> {
    let mut last = [b'\n'];
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    Ok(last == [b'\n'])
}

/// What the ledger says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ledger {
    /// Runs in the order they ended.
    pub(crate) entries: Vec<Entry>,
    /// Numbers of the lines that could not be read.
    pub(crate) broken: Vec<usize>,
}

/// Reads a ledger; one that is not there is empty.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn read(ledger: &Path) -> Result<Ledger, Error> {
    let bytes = match fs::read(ledger) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ledger::default()),
        read => read.map_err(|error| Error::file("read", ledger, &error))?,
    };
    let mut found = Ledger::default();
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        match serde_json::from_slice(line) {
            Ok(entry) => found.entries.push(entry),
            Err(_) if line.is_empty() => {}
            Err(_) => found.broken.push(number),
        }
    }
    found.entries.sort_by_key(|entry| entry.finished);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(finished: &str, seconds: f64) -> Entry {
        Entry {
            finished: finished.parse().expect("a time"),
            outcome: Outcome::Failed,
            error: Some("the disk is full".into()),
            task: Task { input: "orders.csv".into(), ..Task::default() },
            figures: Figures { seconds, peak_bytes: Some(1_000), ..Figures::default() },
        }
    }

    #[test]
    fn what_is_added_is_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = folder.path().join("state/ilk/usage.jsonl");
        assert_eq!(read(&ledger).expect("nothing yet"), Ledger::default());
        let (one, two) = (entry("2026-11-21T10:00:00Z", 1.5), entry("2026-11-20T10:00:00Z", 2.5));
        append(&ledger, &one).expect("added");
        append(&ledger, &two).expect("added");
        let found = read(&ledger).expect("readable");
        assert_eq!(found, Ledger { entries: vec![two, one], broken: vec![] });
    }

    #[test]
    fn lines_of_older_versions_are_read() {
        let line = r#"{"finished":"2026-11-21T10:00:00Z","outcome":"done","input":"orders.csv","seconds":3,"cpu_seconds":null,"rows":10,"interactions":8,"pair_operations":100,"bytes_read":1000,"bytes_written":null}"#;
        let entry = serde_json::from_str::<Entry>(line).expect("an entry");
        assert_eq!((entry.job(), entry.figures.rows), ("orders.csv", 10));
        assert_eq!((entry.figures.neighbours, entry.figures.peak_bytes), (0, None));
    }

    #[test]
    fn a_torn_line_spoils_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = folder.path().join("usage.jsonl");
        let one = entry("2026-11-21T10:00:00Z", 1.0);
        append(&ledger, &one).expect("added");
        let whole = fs::read(&ledger).expect("there");
        let torn = [&whole[..], &whole[..whole.len() / 2]].concat();
        fs::write(&ledger, torn).expect("torn");
        append(&ledger, &one).expect("added");
        let found = read(&ledger).expect("readable");
        assert_eq!((found.entries.len(), found.broken), (2, vec![2]));
    }

    #[test]
    fn runs_that_end_at_once_do_not_mix() {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = folder.path().join("usage.jsonl");
        std::thread::scope(|scope| {
            for worker in 0..8 {
                let ledger = &ledger;
                scope.spawn(move || {
                    for run in 0..50 {
                        let one = entry("2026-11-21T10:00:00Z", f64::from(worker * 50 + run));
                        append(ledger, &one).expect("added");
                    }
                });
            }
        });
        let found = read(&ledger).expect("readable");
        assert_eq!((found.entries.len(), found.broken.len()), (400, 0));
        let seconds = found.entries.iter().map(|entry| entry.figures.seconds).sum::<f64>();
        assert!((seconds - 399.0 * 200.0).abs() < 1e-6);
    }
}
