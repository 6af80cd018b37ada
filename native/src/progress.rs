//! What the program tells while it works: events and spans of `tracing`, which one layer prints to
//! stderr, as a few calm lines for people or as JSON for machines. Bars, for what takes longer than
//! a second on a terminal, stand beside them.
//!
//! Every event has the target `ilk` and the fields `event` (`stage_started`, `progress`,
//! `stage_finished`, `counted`, `note`, `row`), `name`, `message` and `record`, a JSON object of what else there is
//! to know. What happens within a stage lies in its span `stage`.

mod ticker;

use std::{
    fmt::{self, Display},
    io::{self, IsTerminal as _, Write as _},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use serde_json::{Map, Value, json};
use tracing::{Event, Subscriber, field::Field};
use tracing_subscriber::{
    layer::{Context, Layer, SubscriberExt as _},
    registry,
};

use self::ticker::Ticker;
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
        // The first reporter of a process prints; others, in tests, find one there.
        let _ = tracing::subscriber::set_global_default(registry().with(Printer { voice }));
        Self { voice, stages: Stages::Told, journal: Arc::default() }
    }

    /// Returns what was told so far, in figures.
    pub(crate) fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }

    /// Tells whether lines for people are told.
    pub(crate) const fn speaks_to_people(&self) -> bool {
        matches!(self.voice, Voice::Lines | Voice::LinesAndBars)
    }

    /// For commands that print a report: people are not told of stages that the report sums up.
    pub(crate) fn for_report(&self) -> Self {
        Self { voice: self.voice, stages: Stages::Silent, journal: Arc::clone(&self.journal) }
    }

    /// Begins a stage, such as `reading`; `total` is what [`Stage::advance`] adds up to, where
    /// that is known.
    pub(crate) fn stage(&self, name: &'static str, total: Option<u64>) -> Stage<'_> {
        let span = tracing::info_span!(target: TARGET, "stage", name);
        let record = total.map(|total| ("total".into(), json!(total)));
        span.in_scope(|| self.emit("stage_started", name, "", &record.into_iter().collect()));
        let bar = (self.voice == Voice::LinesAndBars).then(|| PatientBar::start(name, total));
        let ticker = (self.voice == Voice::Events).then(|| Ticker::start(name, total));
        Stage {
            reporter: self,
            name,
            span,
            started: Instant::now(),
            cpu: cpu_seconds(),
            bar,
            ticker,
            counts: Mutex::default(),
        }
    }

    /// Says one line that people should see.
    pub(crate) fn note(&self, text: impl Display) {
        self.emit("note", "note", text, &Map::new());
    }

    /// Says one line on what became of rows, such as `set_aside`; `counts` are for machines.
    pub(crate) fn count(&self, name: &str, text: impl Display, counts: &[(&str, u64)]) {
        self.journal.count(name, counts);
        let counts = counts.iter().map(|(name, count)| ((*name).into(), json!(count)));
        self.emit("counted", name, text, &counts.collect());
    }

    /// Shows a row of the input; `cells` are for machines.
    pub(crate) fn row(&self, text: impl Display, cells: &Map<String, Value>) {
        self.emit("row", "set_aside", text, cells);
    }

    /// Hands an event to whoever listens; where silence was asked for, to nobody.
    fn emit(&self, event: &str, name: &str, message: impl Display, record: &Map<String, Value>) {
        if self.voice != Voice::Quiet {
            tell(event, name, message, record);
        }
    }
}

/// Hands an event to whoever listens.
fn tell(event: &str, name: &str, message: impl Display, record: &Map<String, Value>) {
    let record = Value::from_iter(record.clone());
    tracing::info!(target: TARGET, event, name, %record, "{message}");
}

/// The target of all events.
const TARGET: &str = "ilk";

/// Prints events to stderr.
struct Printer {
    voice: Voice,
}

impl<S: Subscriber> Layer<S> for Printer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() != TARGET {
            return;
        }
        let mut told = Told::default();
        event.record(&mut told);
        match self.voice {
            Voice::Events => say(&told.into_json()),
            _ => told.say(),
        }
    }
}

/// The fields of an event.
#[derive(Default)]
struct Told {
    event: String,
    name: String,
    message: String,
    record: String,
}

impl tracing::field::Visit for Told {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let place = match field.name() {
            "event" => &mut self.event,
            "name" => &mut self.name,
            "message" => &mut self.message,
            "record" => &mut self.record,
            _ => return,
        };
        *place = format!("{value:?}");
    }
}

impl Told {
    /// Writes the line that people read, if there is one.
    fn say(&self) {
        match self.event.as_str() {
            "stage_started" | "progress" => {}
            "row" => say(&format!("{:MARGIN$}  {}", "", self.message)),
            // What a report sums up is not told.
            _ if self.message.is_empty() => {}
            _ => say_named(&self.name, &self.message),
        }
    }

    /// Returns the object that machines read.
    fn into_json(self) -> Value {
        let record = serde_json::from_str(&self.record);
        let mut record: Map<String, Value> = record.unwrap_or_default();
        // Cells say all there is of a row; people read of the seconds in the message.
        let has_message = !self.message.is_empty() && self.event != "row";
        if has_message && !record.contains_key("message") {
            record.insert("message".into(), json!(self.message));
        }
        record.insert("event".into(), json!(self.event));
        record.insert("name".into(), json!(self.name));
        Value::Object(record)
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
    span: tracing::Span,
    started: Instant,
    /// CPU seconds of the process at the start, where the system tells.
    cpu: Option<f64>,
    bar: Option<PatientBar>,
    ticker: Option<Ticker>,
    counts: Mutex<Map<String, Value>>,
}

impl Stage<'_> {
    /// Says what [`Stage::advance`] will add up to, where that is known only now.
    pub(crate) fn expect(&self, total: u64) {
        if let Some(bar) = &self.bar {
            bar.bar.set_length(total);
            bar.style(Some(total));
        }
        if let Some(ticker) = &self.ticker {
            ticker.expect(total);
        }
    }

    /// Says, from any thread, that `units` more are done.
    pub(crate) fn advance(&self, units: u64) {
        if let Some(bar) = &self.bar {
            bar.bar.inc(units);
        }
        if let Some(ticker) = &self.ticker {
            ticker.advance(units);
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
        drop(self.ticker.take());
        let seconds = self.started.elapsed().as_secs_f64();
        let counts = std::mem::take(&mut self.counts);
        let mut record = counts.into_inner().unwrap_or_else(PoisonError::into_inner);
        let cpu = self.cpu.zip(cpu_seconds()).map(|(before, after)| after - before);
        let entry = StageEntry::new(self.name, self.started, seconds, cpu, &record);
        self.reporter.journal.end(entry);
        // Microseconds: more digits are noise.
        let micros = |seconds: f64| json!((seconds * 1e6).round() / 1e6);
        record.insert("seconds".into(), micros(seconds));
        if let Some(cpu) = cpu {
            record.insert("cpu_seconds".into(), micros(cpu));
        }
        record.insert("message".into(), json!(message.to_string()));
        let line = match self.reporter.stages {
            Stages::Told => format!("{message} ({})", seconds_text(seconds)),
            Stages::Silent => String::new(),
        };
        let reporter = self.reporter;
        self.span.in_scope(|| reporter.emit("stage_finished", self.name, line, &record));
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
            None => "{prefix:<10} {spinner} {counted}{elapsed}",
        };
        // Not every stage counts on its way.
        let counted = |state: &ProgressState, text: &mut dyn std::fmt::Write| {
            let _ = match state.pos() {
                0 => Ok(()),
                done => write!(text, "{} ", HumanCount(done)),
            };
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.progress_chars("━╸ ").with_key("counted", counted));
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
