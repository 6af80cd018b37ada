//! A stage under way, shared by its threads.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use crate::{
    machine,
    progress::{Expected, Stage, cpu_seconds},
    record::{FileRecord, StageName, StageRecord, now},
};

/// A stage under way.
pub(crate) struct Step<'a> {
    name: StageName,
    told: Stage<'a>,
    started: Instant,
    cpu: Option<f64>,
    /// The counters that are told of; all where absent.
    of_events: Option<&'static [&'static str]>,
    counters: Mutex<BTreeMap<String, u64>>,
    files: Mutex<Vec<FileRecord>>,
}

/// What came of a stage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ending {
    /// Rows that came in.
    pub(crate) rows_in: u64,
    /// Rows that came out.
    pub(crate) rows_out: u64,
    /// What people are told of the stage.
    pub(crate) of_stage: String,
    /// What they are told where this stage ends a part of a run that keeps nothing.
    pub(crate) of_part: String,
}

impl<'a> Step<'a> {
    /// Begins a stage, as `told` tells of it.
    pub(crate) fn new(name: StageName, told: Stage<'a>) -> Self {
        Self {
            name,
            told,
            started: Instant::now(),
            cpu: cpu_seconds(),
            of_events: None,
            counters: Mutex::default(),
            files: Mutex::default(),
        }
    }

    /// Lets only these counters be told of.
    pub(crate) fn telling(self, names: &'static [&'static str]) -> Self {
        Self { of_events: Some(names), ..self }
    }

    /// Returns which stage it is.
    pub(crate) const fn name(&self) -> StageName {
        self.name
    }

    /// Returns when it began.
    pub(crate) const fn started(&self) -> Instant {
        self.started
    }

    /// Sets the total of [`advance`](Self::advance), where it is known only now.
    pub(crate) fn expect(&self, total: u64) {
        self.told.expect(total);
    }

    /// Sets the same, with how long it is predicted to take.
    pub(crate) fn foresee(&self, expected: Expected) {
        self.told.foresee(expected);
    }

    /// Reports, from any thread, that `units` more are done.
    pub(crate) fn advance(&self, units: u64) {
        self.told.advance(units);
    }

    /// Takes the bar away, so that lines can be said before the stage ends.
    pub(crate) fn clear(&mut self) {
        self.told.clear();
    }

    /// Counts something, for the record and for events.
    pub(crate) fn count(&self, name: &str, count: u64) {
        if self.of_events.is_none_or(|names| names.contains(&name)) {
            self.told.count(name, count);
        }
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        counters.insert(name.into(), count);
    }

    /// Adds a file to the record.
    pub(crate) fn add(&self, file: FileRecord) {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).push(file);
    }

    /// Returns what tells of the stage, which may go on.
    pub(crate) fn into_told(self) -> Stage<'a> {
        self.told
    }

    /// Returns the record, and what tells of the stage.
    pub(crate) fn end(self, ending: &Ending) -> (StageRecord, Stage<'a>) {
        let mut files = self.files.into_inner().unwrap_or_else(PoisonError::into_inner);
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let micros = |seconds: f64| (seconds * 1e6).round() / 1e6;
        let cpu = self.cpu.zip(cpu_seconds()).map(|(before, after)| micros(after - before));
        let record = StageRecord {
            finished: now().unwrap_or_default(),
            rows_in: ending.rows_in,
            rows_out: ending.rows_out,
            seconds: micros(self.started.elapsed().as_secs_f64()),
            cpu_seconds: cpu,
            peak_memory: machine::peak_memory(),
            bytes: files.iter().map(|file| file.bytes).sum(),
            counters: self.counters.into_inner().unwrap_or_else(PoisonError::into_inner),
            files,
            again: false,
        };
        (record, self.told)
    }
}
