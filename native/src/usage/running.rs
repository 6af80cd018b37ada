//! The run of this process: however it ends, the ledger gets a line, and machines are told its figures.

use std::{
    fs,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::ledger::{Entry, Figures, Outcome, Task, append, place};
use crate::{
    error::{Error, Kind},
    machine,
    progress::{Reporter, cpu_seconds},
};

/// A run in progress.
#[derive(Debug)]
struct Running {
    ledger: Option<PathBuf>,
    task: Task,
    started: Instant,
    cpu: Option<f64>,
    reporter: Reporter,
}

/// The one run of this process: a signal ends it, too.
static RUNNING: Mutex<Option<Running>> = Mutex::new(None);

/// Begins a run that the ledger is to know of.
pub(crate) fn begin(task: Task, reporter: &Reporter) {
    *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) = Some(Running {
        ledger: place(),
        task,
        started: Instant::now(),
        cpu: cpu_seconds(),
        reporter: reporter.clone(),
    });
}

/// Ends the run that was begun, if any; `error`: why it did not come to its end.
pub(crate) fn end(error: Option<&Error>) {
    let outcome = error.map_or(Outcome::Done, |error| match error.kind() {
        Kind::ClosedPipe => Outcome::Done,
        Kind::Refused => Outcome::Refused,
        Kind::Stopped => Outcome::Stopped,
        Kind::Withheld => Outcome::Withheld,
        Kind::Interrupted => Outcome::Interrupted,
        Kind::Input | Kind::Internal => Outcome::Failed,
    });
    let exit_code = error.map_or(0, |error| error.kind().exit_code());
    close(outcome, exit_code, error.map(Error::message));
}

/// Ends the run that was begun, if any, because a signal came.
pub(crate) fn interrupt() {
    close(Outcome::Interrupted, Kind::Interrupted.exit_code(), None);
}

/// A ledger that cannot be written is no reason to fail.
fn close(outcome: Outcome, exit_code: u8, error: Option<&str>) {
    let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(running) = running else { return };
    let figures = running.figures();
    let Running { ledger, task, reporter, .. } = running;
    let (finished, error) = (Timestamp::now(), error.map(str::to_owned));
    let entry = Entry { finished, outcome, error, task, figures };
    if let Some(ledger) = ledger
        && let Err(error) = append(&ledger, &entry)
    {
        reporter.note(format!("this run was not recorded in {}: {error}", ledger.display()));
    }
    reporter.end_of_run(&event(&entry, exit_code));
}

/// Makes the event that ends what is told of a run. Names say the units.
fn event(entry: &Entry, exit_code: u8) -> Map<String, Value> {
    let Figures { seconds, cpu_seconds, rows, interactions, .. } = entry.figures;
    let Figures { pair_operations, neighbours, peak_bytes, .. } = entry.figures;
    let Figures { bytes_read, bytes_written, .. } = entry.figures;
    let fields = [
        ("outcome", json!(entry.outcome.name())),
        ("error", json!(entry.error)),
        ("exit_code", json!(exit_code)),
        ("job", json!(entry.task.job)),
        ("seconds", json!(seconds)),
        ("cpu_seconds", json!(cpu_seconds)),
        ("rows", json!(rows)),
        ("interactions", json!(interactions)),
        ("pair_operations", json!(pair_operations)),
        ("neighbours", json!(neighbours)),
        ("peak_memory_bytes", json!(peak_bytes)),
        ("read_bytes", json!(bytes_read)),
        ("written_bytes", json!(bytes_written)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

impl Running {
    /// Adds up what the run took so far.
    fn figures(&self) -> Figures {
        // A run directory has stages of its own, and only those that were not done before.
        let of_stages = |stages: [&str; 2], name| {
            let journal = self.reporter.journal();
            stages.iter().find_map(|stage| journal.of_stage(stage, name)).unwrap_or(0)
        };
        let (bytes_read, bytes_written) = bytes().unzip();
        Figures {
            seconds: milli(self.started.elapsed().as_secs_f64()),
            cpu_seconds: self.cpu.zip(cpu_seconds()).map(|(before, after)| milli(after - before)),
            rows: of_stages(["reading", "clean"], "rows"),
            interactions: of_stages(["sorting", "encode"], "interactions"),
            pair_operations: of_stages(["comparing", "plan"], "pair_operations"),
            neighbours: of_stages(["writing", "write"], "rows"),
            peak_bytes: machine::peak_of_process(),
            bytes_read,
            bytes_written,
        }
    }
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
