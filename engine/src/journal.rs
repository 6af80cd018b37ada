//! What a command told while it worked, in figures: its stages and what they counted.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One stage that ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageEntry {
    /// Its name, such as `reading`.
    pub name: String,
    /// When it began.
    #[serde(skip)]
    pub began: Option<Instant>,
    /// Seconds it took.
    pub seconds: f64,
    /// CPU seconds of all threads, where the system tells.
    pub cpu_seconds: Option<f64>,
    /// What it counted.
    pub counts: Vec<(String, u64)>,
}

impl StageEntry {
    /// Makes an entry of a stage that has just ended.
    pub fn new(
        name: &str,
        began: Instant,
        seconds: f64,
        cpu_seconds: Option<f64>,
        counts: &Map<String, Value>,
    ) -> Self {
        let counts =
            counts.iter().filter_map(|(name, count)| Some((name.clone(), count.as_u64()?)));
        Self {
            name: name.into(),
            began: Some(began),
            seconds,
            cpu_seconds,
            counts: counts.collect(),
        }
    }
}

/// Everything so far. Shared: a signal may want to know while stages still end.
#[derive(Debug, Default)]
pub struct Journal(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    stages: Vec<StageEntry>,
    /// Lines on what became of rows: (line, what is counted, how many).
    counted: Vec<(String, String, u64)>,
    /// Rows of the input that were shown: (why, row).
    rows: Vec<(String, String)>,
}

impl Journal {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a stage ended.
    pub fn end(&self, stage: StageEntry) {
        self.entries().stages.push(stage);
    }

    /// Notes what became of rows.
    pub fn count(&self, line: &str, counts: &[(&str, u64)]) {
        let counts = counts.iter().map(|(name, count)| (line.into(), (*name).into(), *count));
        self.entries().counted.extend(counts);
    }

    /// Notes a row of the input that was shown, and why.
    pub fn show(&self, reason: &str, row: String) {
        self.entries().rows.push((reason.into(), row));
    }

    /// Returns the rows that were shown, each after the reason why.
    pub fn rows(&self) -> Vec<(String, String)> {
        self.entries().rows.clone()
    }

    /// Returns the stages that ended, in their order.
    pub fn stages(&self) -> Vec<StageEntry> {
        self.entries().stages.clone()
    }

    /// Returns what became of rows under the heading `line`: what, how many.
    pub fn counted(&self, line: &str) -> Vec<(String, u64)> {
        let entries = self.entries();
        let of_line = entries.counted.iter().filter(|(other, ..)| other == line);
        of_line.map(|(_, name, count)| (name.clone(), *count)).collect()
    }

    /// Returns what a stage counted, the latest if there were several of that name.
    pub fn of_stage(&self, stage: &str, name: &str) -> Option<u64> {
        let entries = self.entries();
        let stages = entries.stages.iter().rev().filter(|entry| entry.name == stage);
        let mut counts = stages.flat_map(|entry| &entry.counts);
        counts.find(|(other, _)| other == name).map(|(_, count)| *count)
    }
}
