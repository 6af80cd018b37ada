//! The report: one page on what a run read, where its time went, and its result.
//!
//! [`ReportData`] is all it says; whatever is missing there is left out of the page. The page is
//! one file without scripts or anything from elsewhere, light or dark as the reader prefers.

mod charts;
pub(crate) mod ladders;
mod page;
mod watch;

use serde::{Deserialize, Serialize};

pub(crate) use self::watch::{Watch, Watched};
use crate::{journal::StageEntry, settings::Setting};

/// Everything a report may say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ReportData {
    /// What was read, in a few words.
    pub(crate) input: String,
    /// When the run ended, as people write it.
    pub(crate) finished: Option<String>,
    /// Version of the program.
    pub(crate) version: String,
    /// What is compared, `items` or `users`.
    pub(crate) of: String,
    /// The measure's name.
    pub(crate) measure: String,
    /// Seconds from start to end.
    pub(crate) seconds: Option<f64>,
    /// CPU seconds of all threads.
    pub(crate) cpu_seconds: Option<f64>,
    /// Processes that worked on it, where a run directory tells; 0 where there is none.
    pub(crate) attempts: u64,
    /// Rows on their way to interactions.
    pub(crate) funnel: Vec<Step>,
    /// Rows set aside, by reason.
    pub(crate) set_aside: Vec<(String, u64)>,
    /// What the interactions are like.
    pub(crate) data: Option<DataShape>,
    /// The stages, in their order.
    pub(crate) stages: Vec<Span>,
    /// The tiles, in the order they were begun.
    pub(crate) tiles: Vec<TileSpan>,
    /// Names of the blocks of columns that tiles belong to.
    pub(crate) blocks: Vec<String>,
    /// Pair operations of all tiles.
    pub(crate) pair_operations: Option<u64>,
    /// Memory by time: (seconds, bytes).
    pub(crate) memory: Vec<(f64, u64)>,
    /// What samples promised and what they took.
    pub(crate) ladder: Vec<Rung>,
    /// How the scores are distributed.
    pub(crate) scores: Option<Scores>,
    /// What came out.
    pub(crate) result: Option<ResultShape>,
    /// A few items with their neighbours.
    pub(crate) examples: Vec<Example>,
    /// Every setting in force.
    pub(crate) settings: Vec<Setting>,
}

/// How many rows, or pairs, are left after a step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    /// What they are now.
    pub(crate) name: String,
    /// How many.
    pub(crate) count: u64,
    /// Why there are fewer than before.
    pub(crate) remark: String,
}

/// What the interactions are like.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct DataShape {
    /// Users with at least one interaction.
    pub(crate) users: u64,
    /// Items with at least one interaction.
    pub(crate) items: u64,
    /// Interactions.
    pub(crate) interactions: u64,
    /// (d, how many users have d items or more), d ascending.
    pub(crate) user_degrees: Vec<(u64, u64)>,
    /// (d, how many items have d users or more), d ascending.
    pub(crate) item_degrees: Vec<(u64, u64)>,
    /// (share of users, heaviest first; share of the pair operations that they cause).
    pub(crate) work: Vec<(f64, f64)>,
}

/// A stage and its time, in seconds since the run began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Span {
    /// Its name.
    pub(crate) name: String,
    /// When it began.
    pub(crate) began: f64,
    /// How long it took.
    pub(crate) seconds: f64,
    /// CPU seconds of all threads, where the system tells.
    pub(crate) cpu_seconds: Option<f64>,
    /// Most bytes of memory at a time, where it is known of this stage alone.
    pub(crate) peak_memory: Option<u64>,
}

/// A tile and its time, in seconds since the run began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TileSpan {
    /// Number of the worker that computed it.
    pub(crate) worker: u32,
    /// Number of its block of columns.
    pub(crate) block: u32,
    /// Which part of the block's rows: from 0 to 1.
    pub(crate) rows: (f64, f64),
    /// When it began.
    pub(crate) began: f64,
    /// When it ended.
    pub(crate) ended: f64,
}

/// One sample of a ladder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rung {
    /// Share of the users.
    pub(crate) rate: f64,
    /// CPU seconds that were predicted.
    pub(crate) predicted: f64,
    /// CPU seconds that were measured, where this rung was run.
    pub(crate) measured: Option<f64>,
}

/// How many neighbours have which score.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scores {
    /// Bins are of equal width in the logarithm of the score.
    pub(crate) is_log: bool,
    /// Where bins begin and end, one more than there are bins.
    pub(crate) edges: Vec<f64>,
    /// Neighbours in each.
    pub(crate) counts: Vec<u64>,
}

/// What came out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ResultShape {
    /// Rows of the result.
    pub(crate) neighbours: u64,
    /// Items that have as many neighbours as the job keeps.
    pub(crate) full: u64,
    /// Items that have some.
    pub(crate) some: u64,
    /// Items that have none.
    pub(crate) none: u64,
}

/// An item with its first neighbours.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Example {
    /// Popular, middle or rare.
    pub(crate) kind: String,
    /// The item.
    pub(crate) id: String,
    /// Its name.
    pub(crate) label: Option<String>,
    /// Its users.
    pub(crate) support: u64,
    /// How many neighbours it has.
    pub(crate) total: u64,
    /// The first of them.
    pub(crate) neighbours: Vec<ExampleNeighbour>,
}

/// A neighbour of an example.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ExampleNeighbour {
    /// The neighbour.
    pub(crate) id: String,
    /// Its name.
    pub(crate) label: Option<String>,
    /// How alike the two are.
    pub(crate) score: f32,
    /// Users of both.
    pub(crate) overlap: u64,
}

impl Span {
    /// Makes the span of a stage of a run that began at `start`.
    fn of(stage: &StageEntry, start: std::time::Instant) -> Self {
        let began = stage.began.map(|began| began.saturating_duration_since(start).as_secs_f64());
        Self {
            name: stage.name.clone(),
            began: began.unwrap_or(0.0),
            seconds: stage.seconds,
            cpu_seconds: stage.cpu_seconds,
            peak_memory: None,
        }
    }
}
