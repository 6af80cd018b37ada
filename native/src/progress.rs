//! What the program tells while it works, on stderr: a few calm lines, events for machines, and
//! bars for what takes longer than a second on a terminal.

use std::{
    fmt::Display,
    io::{self, IsTerminal as _, Write as _},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value, json};

use crate::journal::{Journal, StageEntry};

/// How progress and errors are written to stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object per line
    Json,
}

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Voice {
    Quiet,
    Lines,
    LinesAndBars,
    Events,
}

/// Tells how the work goes. Cheap to pass around by reference, also between threads.
#[derive(Debug)]
pub(crate) struct Reporter {
    voice: Voice,
    stages: Stages,
    journal: Arc<Journal>,
}

/// Whether the end of a stage is worth a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stages {
    Told,
    Silent,
}

/// Columns that the names of lines take up, with the space after them.
const MARGIN: usize = 11;

/// How long a stage runs before its bar shows.
const PATIENCE: Duration = Duration::from_secs(1);

impl Reporter {
    /// Makes a reporter: `--quiet` silences everything, `--log json` turns lines into events.
    pub(crate) fn new(format: LogFormat, quiet: Quiet) -> Self {
        let voice = match (format, quiet) {
            (_, Quiet::Yes) => Voice::Quiet,
            (LogFormat::Json, Quiet::No) => Voice::Events,
            (LogFormat::Text, Quiet::No) if io::stderr().is_terminal() => Voice::LinesAndBars,
            (LogFormat::Text, Quiet::No) => Voice::Lines,
        };
        Self { voice, stages: Stages::Told, journal: Arc::default() }
    }

    /// Returns what was told so far, in figures.
    pub(crate) fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }

    /// For commands that print a report: people are not told of stages that the report sums up.
    pub(crate) fn for_report(&self) -> Self {
        Self { voice: self.voice, stages: Stages::Silent, journal: Arc::clone(&self.journal) }
    }

    /// Begins a stage, such as `reading`; `total` is what [`Stage::advance`] adds up to, where
    /// that is known.
    pub(crate) fn stage(&self, name: &'static str, total: Option<u64>) -> Stage<'_> {
        if self.voice == Voice::Events {
            let mut record = Map::new();
            if let Some(total) = total {
                record.insert("total".into(), json!(total));
            }
            self.event("stage_started", name, record);
        }
        let bar = (self.voice == Voice::LinesAndBars).then(|| PatientBar::start(name, total));
        Stage {
            reporter: self,
            name,
            started: Instant::now(),
            cpu: cpu_seconds(),
            bar,
            counts: Mutex::default(),
        }
    }

    /// Says one line that people should see.
    pub(crate) fn note(&self, text: impl Display) {
        self.tell("note", "note", text, Map::new());
    }

    /// Says one line on what became of rows, such as `set_aside`; `counts` are for machines.
    pub(crate) fn count(&self, name: &str, text: impl Display, counts: &[(&str, u64)]) {
        self.journal.count(name, counts);
        let counts = counts.iter().map(|(name, count)| ((*name).into(), json!(count)));
        self.tell("counted", name, text, counts.collect());
    }

    /// Shows a row of the input; `cells` are for machines.
    pub(crate) fn row(&self, text: impl Display, cells: Map<String, Value>) {
        match self.voice {
            Voice::Quiet => {}
            Voice::Lines | Voice::LinesAndBars => say(&format!("{:MARGIN$}  {text}", "")),
            Voice::Events => self.event("row", "set_aside", cells),
        }
    }

    fn tell(&self, event: &str, name: &str, text: impl Display, mut record: Map<String, Value>) {
        match self.voice {
            Voice::Quiet => {}
            Voice::Lines | Voice::LinesAndBars => say_named(name, &text),
            Voice::Events => {
                record.insert("message".into(), json!(text.to_string()));
                self.event(event, name, record);
            }
        }
    }

    fn event(&self, event: &str, name: &str, mut record: Map<String, Value>) {
        debug_assert_eq!(self.voice, Voice::Events, "only machines read events");
        record.insert("event".into(), json!(event));
        record.insert("name".into(), json!(name));
        say(&Value::Object(record));
    }
}

/// Whether to keep silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quiet {
    /// Say nothing but errors.
    Yes,
    /// Say how it goes.
    No,
}

/// Writes one line to stderr; if that is closed, nobody listens.
fn say(line: &dyn Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Writes a line with its name before it: names stand in a column of their own.
fn say_named(name: &str, text: &dyn Display) {
    let name = format!("{:<width$}", name.replace('_', " "), width = MARGIN - 1);
    say(&format!("{} {text}", console::style(name).for_stderr().dim()));
}

/// A part of the work that is under way, shared by its threads. Dropping it without
/// [`Stage::finish`] clears its bar and says nothing: the error that follows speaks for it.
#[derive(Debug)]
pub(crate) struct Stage<'a> {
    reporter: &'a Reporter,
    name: &'static str,
    started: Instant,
    /// CPU seconds of the process at the start, where the system tells.
    cpu: Option<f64>,
    bar: Option<PatientBar>,
    counts: Mutex<Map<String, Value>>,
}

impl Stage<'_> {
    /// Says what [`Stage::advance`] will add up to, where that is known only now.
    pub(crate) fn expect(&self, total: u64) {
        if let Some(bar) = &self.bar {
            bar.bar.set_length(total);
            bar.style(Some(total));
        }
    }

    /// Says, from any thread, that `units` more are done.
    pub(crate) fn advance(&self, units: u64) {
        if let Some(bar) = &self.bar {
            bar.bar.inc(units);
        }
    }

    /// Adds a count to the event that ends the stage.
    pub(crate) fn count(&self, name: &str, count: u64) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.insert(name.into(), json!(count));
    }

    /// Takes the bar away, so that lines can be said before the stage ends.
    pub(crate) fn clear(&mut self) {
        drop(self.bar.take());
    }

    /// Ends the stage with what came of it, such as `541,909 rows from 1 file`.
    pub(crate) fn finish(mut self, message: impl Display) {
        self.clear();
        let seconds = self.started.elapsed().as_secs_f64();
        let counts = std::mem::take(&mut self.counts);
        let mut record = counts.into_inner().unwrap_or_else(PoisonError::into_inner);
        let cpu = self.cpu.zip(cpu_seconds()).map(|(before, after)| after - before);
        self.reporter.journal.end(StageEntry::new(self.name, self.started, seconds, cpu, &record));
        match self.reporter.voice {
            Voice::Quiet => {}
            Voice::Lines | Voice::LinesAndBars => {
                if self.reporter.stages == Stages::Told {
                    let text = format!("{message} ({})", seconds_text(seconds));
                    say_named(self.name, &text);
                }
            }
            Voice::Events => {
                // Microseconds: more digits are noise.
                record.insert("seconds".into(), json!((seconds * 1e6).round() / 1e6));
                if let Some(cpu) = cpu {
                    record.insert("cpu_seconds".into(), json!((cpu * 1e6).round() / 1e6));
                }
                record.insert("message".into(), json!(message.to_string()));
                self.reporter.event("stage_finished", self.name, record);
            }
        }
    }
}

/// A bar that a waiting thread brings to the screen once its stage has run for [`PATIENCE`].
#[derive(Debug)]
struct PatientBar {
    bar: ProgressBar,
    /// Dropped to tell the thread that the stage is over.
    over: Option<mpsc::Sender<()>>,
    waiter: Option<std::thread::JoinHandle<()>>,
}

impl PatientBar {
    fn start(name: &'static str, total: Option<u64>) -> Self {
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
        bar.set_prefix(name);
        let (over, stage) = mpsc::channel();
        let shown = bar.clone();
        // A bar is a courtesy: without a thread for it the work goes on.
        let waiter = std::thread::Builder::new().name("progress".into()).spawn(move || {
            if stage.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                shown.set_draw_target(ProgressDrawTarget::stderr());
                shown.enable_steady_tick(Duration::from_millis(100));
            }
        });
        let patient = Self { bar, over: Some(over), waiter: waiter.ok() };
        patient.style(total);
        patient
    }

    /// Draws a bar where the total is known, else a spinner.
    fn style(&self, total: Option<u64>) {
        let template = match total {
            Some(_) => "{prefix:<10} {bar:30} {percent:>3}% {eta:>5} left",
            None => "{prefix:<10} {spinner} {human_pos} {elapsed}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.progress_chars("━╸ "));
        }
    }
}

impl Drop for PatientBar {
    fn drop(&mut self) {
        drop(self.over.take());
        if let Some(waiter) = self.waiter.take() {
            // It only waits and draws; if it panicked the hook has ended the program.
            let _ = waiter.join();
        }
        self.bar.finish_and_clear();
    }
}

/// Returns the CPU seconds that all threads of the process have used.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems do not tell")]
pub(crate) fn cpu_seconds() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}

#[cfg(not(unix))]
pub(crate) fn cpu_seconds() -> Option<f64> {
    None
}

/// Formats a span of time as people say it: `0.21 s`, `12.3 s`, `4 min 05 s`.
pub(crate) fn seconds_text(seconds: f64) -> String {
    if seconds < 9.995 {
        format!("{seconds:.2} s")
    } else if seconds < 99.95 {
        format!("{seconds:.1} s")
    } else {
        let whole = seconds.round() as u64;
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_with_sensible_digits() {
        assert_eq!(seconds_text(0.2149), "0.21 s");
        assert_eq!(seconds_text(9.999), "10.0 s");
        assert_eq!(seconds_text(245.2), "4 min 05 s");
    }

    #[test]
    fn a_stage_can_be_shared_and_dropped_early() {
        let reporter = Reporter::new(LogFormat::Text, Quiet::Yes);
        let stage = reporter.stage("reading", Some(10));
        std::thread::scope(|scope| {
            scope.spawn(|| stage.advance(5));
        });
        stage.advance(5);
        drop(stage);
    }
}
