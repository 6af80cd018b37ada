//! The report: one page on what a run found, how far to trust it, what it read, and what it took.
//!
//! [`ReportData`] is all it says; whatever is missing there is left out of the page. The page is
//! one file without scripts or anything from elsewhere, light or dark as the reader prefers.

mod axis;
mod charts;
mod gather;
pub(crate) mod ladders;
mod page;
mod probe;
mod watch;

use serde::{Deserialize, Serialize};

pub(crate) use self::watch::{Watch, Watched};
use crate::{journal::StageEntry, settings::Setting};

/// Everything a report may say.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ReportData {
    /// What was run.
    pub(crate) about: About,
    /// What came out.
    pub(crate) outcome: Outcome,
    /// What became of the rows.
    pub(crate) rows: Rows,
    /// What the interactions are like.
    pub(crate) data: Option<DataShape>,
    /// What it took.
    pub(crate) spent: Spent,
    /// How it was computed.
    pub(crate) work: Work,
    /// Every setting in force.
    pub(crate) settings: Vec<Setting>,
}

/// What was run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct About {
    /// What was read.
    pub(crate) inputs: Vec<String>,
    /// The measure's name.
    pub(crate) measure: String,
    /// Whether users are compared, not items.
    pub(crate) of_users: bool,
    /// When the run ended, as people write it.
    pub(crate) finished: String,
    /// Version of the program.
    pub(crate) version: String,
    /// The words of the command that was given.
    pub(crate) command: Vec<String>,
    /// The folder it was given in.
    pub(crate) folder: String,
}

/// What came out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    /// How many neighbours there are.
    pub(crate) shape: Option<ResultShape>,
    /// How the scores are distributed.
    pub(crate) scores: Option<Scores>,
    /// On how many shared users neighbours rest.
    pub(crate) overlaps: OverlapCounts,
    /// A few items with their neighbours.
    pub(crate) examples: Vec<Example>,
}

/// What became of the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    /// Rows on their way to interactions.
    pub(crate) funnel: Vec<Step>,
    /// Rows set aside, by reason.
    pub(crate) aside: Vec<Aside>,
    /// The range of times in them.
    pub(crate) times: Option<String>,
}

/// Rows set aside for a reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Aside {
    /// Why.
    pub(crate) reason: String,
    /// How many.
    pub(crate) count: u64,
    /// The first of them.
    pub(crate) examples: Vec<String>,
}

/// What the run took, over all processes that worked on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Spent {
    /// Seconds from start to end; of a run directory, of all stages.
    pub(crate) seconds: Option<f64>,
    /// CPU seconds of all threads.
    pub(crate) cpu_seconds: Option<f64>,
    /// Processes that worked on it, where a run directory tells; 0 where there is none.
    pub(crate) attempts: u64,
    /// When the first of them began, as people write it.
    pub(crate) begun: Option<String>,
    /// Memory by time, of this process: (seconds, bytes).
    pub(crate) memory: Vec<(f64, u64)>,
    /// The stages, in their order.
    pub(crate) stages: Vec<Span>,
}

/// How the result was computed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Work {
    /// The tiles, in the order they were begun.
    pub(crate) tiles: Vec<TileSpan>,
    /// Names of the blocks of columns that tiles belong to.
    pub(crate) blocks: Vec<String>,
    /// Pair operations of all tiles.
    pub(crate) pair_operations: Option<u64>,
    /// What samples promised and what they took.
    pub(crate) ladder: Vec<Rung>,
}

/// How many rows, or pairs, are left after a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Step {
    /// What they are now.
    pub(crate) name: String,
    /// How many.
    pub(crate) count: u64,
    /// Why there are fewer than before.
    pub(crate) remark: String,
}

/// What the interactions are like.
#[derive(Clone, Debug, Default, PartialEq)]
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
#[derive(Clone, Debug, Default, PartialEq)]
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
#[derive(Clone, Debug, Default, PartialEq)]
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
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Scores {
    /// Bins are of equal width in the logarithm of the score.
    pub(crate) is_log: bool,
    /// Where bins begin and end, one more than there are bins.
    pub(crate) edges: Vec<f64>,
    /// Neighbours in each.
    pub(crate) counts: Vec<u64>,
}

/// How many neighbours rest on how many shared users.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OverlapCounts {
    /// Neighbours by shared users, from few to many: (least, most, how many).
    pub(crate) bins: Vec<(u32, u32, u64)>,
    /// The least overlap that would leave out most pairs that met by chance, where there are many.
    pub(crate) advice: Option<u32>,
}

/// How many neighbours the result has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Debug, Default, PartialEq)]
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

/// A neighbour of an example. One that rests on a single shared user is weak.
#[derive(Clone, Debug, Default, PartialEq)]
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

impl OverlapCounts {
    /// Counts all neighbours.
    pub(crate) fn total(&self) -> u64 {
        self.bins.iter().map(|(_, _, count)| count).sum()
    }

    /// Counts those that rest on one shared user.
    pub(crate) fn alone(&self) -> u64 {
        self.bins.first().filter(|(least, ..)| *least == 1).map_or(0, |(_, _, count)| *count)
    }
}

impl ResultShape {
    /// Counts the items.
    pub(crate) fn items(&self) -> u64 {
        self.full + self.some + self.none
    }
}

impl Spent {
    /// Returns the most memory at a time, over all processes that tell.
    pub(crate) fn peak(&self) -> Option<u64> {
        let of_stages = self.stages.iter().filter_map(|stage| stage.peak_memory);
        self.memory.iter().map(|(_, bytes)| *bytes).chain(of_stages).max()
    }
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
