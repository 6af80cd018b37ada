//! Who tells: a reporter for the run, and a stage of it that is under way.

use std::{
    fmt::Display,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use serde_json::{Map, Value, json};

use super::{
    bar::{Bar, Bars},
    estimate::Expected,
    event::{TARGET, tell, unit_of},
};
use crate::journal::{Journal, StageEntry};

/// How much is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Telling {
    /// Everything.
    #[default]
    All,
    /// Everything but the ends of stages: a report sums them up.
    Silently,
    /// Nothing.
    Nothing,
}

/// Reports progress. Cheap to pass by reference, also between threads.
#[derive(Clone, Debug, Default)]
pub struct Reporter {
    telling: Telling,
    bars: Option<Arc<dyn Bars>>,
    journal: Arc<Journal>,
}

impl Reporter {
    /// Makes a reporter that tells as much as that.
    pub fn new(telling: Telling) -> Self {
        Self { telling, ..Self::default() }
    }

    /// Lets every stage have a bar.
    #[must_use]
    pub fn with_bars(self, bars: Arc<dyn Bars>) -> Self {
        Self { bars: Some(bars), ..self }
    }

    /// Returns what was told so far, in figures.
    pub fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }

    /// For commands that print a report: people are not told of stages that the report sums up.
    pub fn for_report(&self) -> Self {
        let telling = match self.telling {
            Telling::All => Telling::Silently,
            telling => telling,
        };
        Self { telling, ..self.clone() }
    }

    /// Begins a stage, such as `reading`; `total` is what [`Stage::advance`] adds up to, where
    /// that is known.
    pub fn stage(&self, name: &'static str, total: Option<u64>) -> Stage<'_> {
        let span = tracing::info_span!(target: TARGET, "stage", name);
        let of = |total| [("total".into(), json!(total)), ("unit".into(), json!(unit_of(name)))];
        let record = total.into_iter().flat_map(of).collect();
        span.in_scope(|| self.emit("stage_started", name, "", &record));
        Stage {
            reporter: self,
            name,
            span,
            started: Instant::now(),
            cpu: cpu_seconds(),
            bar: self.bars.as_ref().map(|bars| bars.begin(name, total)),
            counts: Mutex::default(),
        }
    }

    /// Reports one line for people.
    pub fn note(&self, text: impl Display) {
        self.emit("note", "note", text, &Map::new());
    }

    /// Reports one line on what became of rows, such as `set_aside`; `counts` are for machines.
    pub fn count(&self, name: &str, text: impl Display, counts: &[(&str, u64)]) {
        self.journal.count(name, counts);
        let counts = counts.iter().map(|(name, count)| ((*name).into(), json!(count)));
        self.emit("counted", name, text, &counts.collect());
    }

    /// Shows a row of the input; `cells` are for machines.
    pub fn row(&self, text: impl Display, cells: &Map<String, Value>) {
        if let Some(reason) = cells.get("reason").and_then(Value::as_str) {
            self.journal.show(reason, text.to_string());
        }
        self.emit("row", "set_aside", text, cells);
    }

    /// Reports the figures of a run that has ended, for machines: people were told.
    pub fn end_of_run(&self, figures: &Map<String, Value>) {
        self.emit("run_finished", "run", "", figures);
    }

    /// Hands an event to whoever listens; where silence was asked for, to nobody.
    fn emit(&self, event: &str, name: &str, message: impl Display, record: &Map<String, Value>) {
        if self.telling != Telling::Nothing {
            tell(event, name, message, record);
        }
    }
}

/// A part of the work that is under way, shared by its threads. Dropping it without
/// [`Stage::finish`] clears its bar and says nothing: the error that follows speaks for it.
#[derive(Debug)]
pub struct Stage<'a> {
    reporter: &'a Reporter,
    name: &'static str,
    span: tracing::Span,
    started: Instant,
    /// CPU seconds of the process at the start, where the system tells.
    cpu: Option<f64>,
    bar: Option<Box<dyn Bar>>,
    counts: Mutex<Map<String, Value>>,
}

impl Stage<'_> {
    /// Sets the total of [`Stage::advance`], where it is known only now.
    pub fn expect(&self, total: u64) {
        self.foresee(Expected::units(total));
    }

    /// Sets the same, with how long it is predicted to take.
    pub fn foresee(&self, expected: Expected) {
        if let Some(bar) = &self.bar {
            bar.expect(expected);
        }
    }

    /// Reports, from any thread, that `units` more are done.
    pub fn advance(&self, units: u64) {
        if let Some(bar) = &self.bar {
            bar.advance(units);
        }
    }

    /// Adds a count to the event that ends the stage.
    pub fn count(&self, name: &str, count: u64) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.insert(name.into(), json!(count));
    }

    /// Takes the bar away, so that lines can be said before the stage ends.
    pub fn clear(&mut self) {
        drop(self.bar.take());
    }

    /// Ends the stage with what came of it, such as `541,909 rows from 1 file`.
    pub fn finish(mut self, message: impl Display) {
        self.clear();
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
        let line = match self.reporter.telling {
            Telling::Silently => String::new(),
            _ => format!("{message} ({})", seconds_text(seconds)),
        };
        let reporter = self.reporter;
        self.span.in_scope(|| reporter.emit("stage_finished", self.name, line, &record));
    }
}

/// Returns the CPU seconds that all threads of the process have used.
#[cfg(unix)]
pub fn cpu_seconds() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}

#[cfg(not(unix))]
pub fn cpu_seconds() -> Option<f64> {
    None
}

/// Formats a span of time as people say it: `0.21 s`, `12.3 s`, `4 min 05 s`.
pub fn seconds_text(seconds: f64) -> String {
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
        let reporter = Reporter::new(Telling::Nothing);
        let stage = reporter.stage("reading", Some(10));
        std::thread::scope(|scope| {
            scope.spawn(|| stage.advance(5));
        });
        stage.advance(5);
        drop(stage);
    }
}
