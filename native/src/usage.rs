//! The ledger of past runs on this machine, one JSON object per line.
//!
//! Lines are only ever added, each in one write under the file's lock, so runs that end at the same
//! time do not mix. An unreadable line is skipped and reported.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use etcetera::BaseStrategy as _;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Kind},
    journal::Journal,
    progress::{Reporter, cpu_seconds},
};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// It wrote its result.
    Done,
    /// A guard refused it.
    Refused,
    /// It met an error.
    Failed,
    /// It was stopped.
    Interrupted,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// When it ended, by the machine's clock.
    pub(crate) finished: Timestamp,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// What was read, in a few words.
    pub(crate) input: String,
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
    /// Bytes read, by the system's count, where it tells.
    pub(crate) bytes_read: Option<u64>,
    /// Bytes written.
    pub(crate) bytes_written: Option<u64>,
    /// What an hour cost, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) price_per_hour: Option<f64>,
}

/// A run in progress.
#[derive(Debug)]
struct Running {
    ledger: PathBuf,
    input: String,
    price_per_hour: Option<f64>,
    started: Instant,
    cpu: Option<f64>,
    journal: Arc<Journal>,
}

/// The one run of this process: a signal ends it, too.
static RUNNING: Mutex<Option<Running>> = Mutex::new(None);

/// Begins a run that the ledger is to know of; `input` says what is read in a few
/// words, `price_per_hour` what the machine costs.
pub(crate) fn begin(input: String, price_per_hour: Option<f64>, reporter: &Reporter) {
    let Some(ledger) = place() else { return };
    *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) = Some(Running {
        ledger,
        input,
        price_per_hour,
        started: Instant::now(),
        cpu: cpu_seconds(),
        journal: Arc::clone(reporter.journal()),
    });
}

/// Ends the run that was begun, if any. A ledger that cannot be written is no reason to fail.
pub(crate) fn end(done: &Result<(), Error>, reporter: &Reporter) {
    let outcome = match done {
        Ok(()) => Outcome::Done,
        Err(error) => match error.kind() {
            Kind::Refused => Outcome::Refused,
            Kind::Interrupted => Outcome::Interrupted,
            // Who reads the first rows only has them.
            Kind::ClosedPipe => Outcome::Done,
            _ => Outcome::Failed,
        },
    };
    if let Some((ledger, Err(error))) = close(outcome) {
        reporter.note(format!("this run was not recorded in {}: {error}", ledger.display()));
    }
}

/// Ends the run that was begun, if any, because a signal came.
pub(crate) fn interrupt() {
    // The program ends whatever comes of it.
    let _ = close(Outcome::Interrupted);
}

fn close(outcome: Outcome) -> Option<(PathBuf, io::Result<()>)> {
    let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner).take()?;
    // A run directory has stages of its own, and only those that were not done before.
    let of_stages = |stages: [&str; 2], name| {
        stages.iter().find_map(|stage| running.journal.of_stage(stage, name)).unwrap_or(0)
    };
    let (bytes_read, bytes_written) = bytes().unzip();
    let entry = Entry {
        finished: Timestamp::now(),
        outcome,
        seconds: milli(running.started.elapsed().as_secs_f64()),
        cpu_seconds: running.cpu.zip(cpu_seconds()).map(|(before, after)| milli(after - before)),
        rows: of_stages(["reading", "clean"], "rows"),
        interactions: of_stages(["sorting", "encode"], "interactions"),
        pair_operations: of_stages(["comparing", "plan"], "pair_operations"),
        bytes_read,
        bytes_written,
        price_per_hour: running.price_per_hour,
        input: running.input,
    };
    let written = append(&running.ledger, &entry);
    Some((running.ledger, written))
}

/// Rounds to milliseconds: more digits are noise.
fn milli(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}

/// Bytes this process has read and written, as the system counts them.
fn bytes() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/self/io").ok()?;
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse().ok()
    };
    Some((field("rchar:")?, field("wchar:")?))
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
fn append(ledger: &Path, entry: &Entry) -> io::Result<()> {
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

/// What some runs took together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Sum {
    /// Runs, however they ended.
    pub(crate) runs: u64,
    /// Those that did not write a result.
    pub(crate) unfinished: u64,
    /// Rows read.
    pub(crate) rows: u64,
    /// Interactions.
    pub(crate) interactions: u64,
    /// Pair operations.
    pub(crate) pair_operations: u128,
    /// Seconds.
    pub(crate) seconds: f64,
    /// CPU seconds.
    pub(crate) cpu_seconds: f64,
    /// Bytes read.
    pub(crate) bytes_read: u64,
    /// Bytes written.
    pub(crate) bytes_written: u64,
    /// What it cost; runs without a price cost nothing.
    pub(crate) cost: f64,
}

impl Sum {
    /// Adds a run; `price` holds for runs that say none of their own.
    pub(crate) fn add(&mut self, entry: &Entry, price: Option<f64>) {
        self.runs += 1;
        self.unfinished += u64::from(entry.outcome != Outcome::Done);
        self.rows += entry.rows;
        self.interactions += entry.interactions;
        self.pair_operations += u128::from(entry.pair_operations);
        self.seconds += entry.seconds;
        self.cpu_seconds += entry.cpu_seconds.unwrap_or(0.0);
        self.bytes_read += entry.bytes_read.unwrap_or(0);
        self.bytes_written += entry.bytes_written.unwrap_or(0);
        self.cost += entry.price_per_hour.or(price).unwrap_or(0.0) * entry.seconds / 3600.0;
    }
}

/// Adds runs up by the day they ended on, in the machine's time zone.
pub(crate) fn by_day(
    entries: &[Entry],
    zone: &TimeZone,
    price: Option<f64>,
) -> BTreeMap<Date, Sum> {
    let mut days = BTreeMap::<Date, Sum>::new();
    for entry in entries {
        let day = entry.finished.to_zoned(zone.clone()).date();
        days.entry(day).or_default().add(entry, price);
    }
    days
}

/// Adds runs up by month, named by its first day.
pub(crate) fn by_month(
    entries: &[Entry],
    zone: &TimeZone,
    price: Option<f64>,
) -> BTreeMap<Date, Sum> {
    let mut months = BTreeMap::<Date, Sum>::new();
    for entry in entries {
        let day = entry.finished.to_zoned(zone.clone()).date();
        months.entry(day.first_of_month()).or_default().add(entry, price);
    }
    months
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(finished: &str, seconds: f64) -> Entry {
        Entry {
            finished: finished.parse().expect("a time"),
            outcome: Outcome::Done,
            input: "orders.csv".into(),
            seconds,
            cpu_seconds: Some(2.0 * seconds),
            rows: 10,
            interactions: 8,
            pair_operations: 100,
            bytes_read: Some(1_000),
            bytes_written: None,
            price_per_hour: None,
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
        let seconds = found.entries.iter().map(|entry| entry.seconds).sum::<f64>();
        assert!((seconds - 399.0 * 200.0).abs() < 1e-6);
    }

    #[test]
    fn days_and_months_follow_the_machines_zone() {
        let zone = TimeZone::fixed(jiff::tz::offset(9));
        let entries = [
            entry("2026-10-31T14:59:00Z", 3_600.0),
            entry("2026-10-31T15:00:00Z", 1_800.0),
            Entry { price_per_hour: Some(10.0), ..entry("2026-11-01T02:00:00Z", 360.0) },
        ];
        let days = by_day(&entries, &zone, Some(2.0));
        let told = days.iter().map(|(day, sum)| (day.to_string(), sum.runs, sum.cost));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [("2026-10-31".to_owned(), 1, 2.0), ("2026-11-01".to_owned(), 2, 2.0)]
        );
        let months = by_month(&entries, &zone, None);
        let told = months.iter().map(|(month, sum)| (month.to_string(), sum.seconds, sum.cost));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [("2026-10-01".to_owned(), 3_600.0, 0.0), ("2026-11-01".to_owned(), 2_160.0, 1.0)]
        );
    }
}
