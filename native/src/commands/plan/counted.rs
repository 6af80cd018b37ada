//! The rows, counted: all of them, or as many as a moment allows.

use std::time::{Duration, Instant};

use ilk_core::{
    forecast::{Extrapolated, Surroundings},
    job::Job,
    prepare::{Folded, Needs},
};
use ilk_engine::{
    files::Files,
    parts::{Cleaning, Glimpse, Glimpsed, Haste, check_rows, held},
};

use super::taken::Taken;
use crate::{
    error::Error,
    machine, memory,
    pool::Pool,
    progress::{Reporter, cpu_seconds},
};

/// What is read of a large input: an answer takes about two seconds.
const HASTE: Haste = Haste { time: Duration::from_millis(700), rows: 4_000_000 };

/// What was counted.
pub(super) struct Counted {
    /// Rows that were read.
    pub(super) rows: u64,
    /// The interactions: of all rows, or of a share.
    pub(super) folded: Folded,
    /// What reading all rows takes.
    pub(super) reading: Taken,
    /// What sorting them takes.
    pub(super) sorting: Taken,
    /// Bytes held from the interactions on.
    pub(super) held: u64,
    /// The most bytes that are held until then.
    before: u64,
    /// What a share of the rows tells of all, where no more was read.
    pub(super) share: Option<Share>,
}

/// A share of the rows.
pub(super) struct Share {
    /// How large it is.
    pub(super) share: f64,
    /// How large all of the data is.
    pub(super) extrapolated: Extrapolated,
}

/// How rows are counted.
#[derive(Clone, Copy)]
pub(super) struct Counting<'a> {
    pub(super) job: &'a Job,
    pub(super) needs: Needs,
    pub(super) pool: &'a Pool,
    pub(super) reporter: &'a Reporter,
}

impl Counting<'_> {
    /// Counts all rows.
    ///
    /// # Errors
    /// For input that cannot be read, and rows that are refused.
    pub(super) fn all(self, files: &Files) -> Result<Counted, Error> {
        let (before, clock) = (cpu_seconds(), Instant::now());
        let rows = Cleaning::read(files, (self.job, self.needs), self.pool, self.reporter)?;
        self.whole(files, rows, Taken::since(before, clock, self.pool))
    }

    /// Counts all rows of a small input, and some of a large one.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub(super) fn some(self, files: &Files) -> Result<Counted, Error> {
        let Self { job, needs, pool, reporter } = self;
        let (before, clock) = (cpu_seconds(), Instant::now());
        let glimpse = Glimpse::read(files, (job, needs), HASTE, pool, reporter)?;
        let reading = Taken::since(before, clock, pool);
        if glimpse.is_whole() {
            return self.whole(files, glimpse.into_cleaning(files), reading);
        }
        check_rows(&glimpse.tally, job, files)?;
        let (rows, share) = (glimpse.tally.rows, glimpse.share());
        // Only folding them all is what a run does, too.
        let mut begun = None;
        let Glimpsed { folded, extrapolated } = glimpse.fold((job, needs), pool, || {
            memory::trim();
            machine::forget_peak_memory();
            begun = Some((cpu_seconds(), Instant::now()));
        })?;
        let (before, clock) = begun.unwrap_or((before, clock));
        let sorting = Taken::since(before, clock, pool);
        let program = held([]);
        let peak = machine::peak_memory().unwrap_or(0).saturating_sub(program);
        let ids = held([&folded.catalogue.ids, &folded.others]) - program;
        let seen = folded.catalogue.ids.len() + folded.others.len();
        let all = extrapolated.size.users + extrapolated.size.items;
        let more = all as f64 / seen.max(1) as f64;
        Ok(Counted {
            rows,
            folded,
            reading: reading.times(1.0 / share),
            sorting: sorting.times(1.0 / share),
            held: program + (ids as f64 * more) as u64,
            before: program + (peak as f64 / share) as u64,
            share: Some(Share { share, extrapolated }),
        })
    }

    fn whole(self, files: &Files, rows: Cleaning, reading: Taken) -> Result<Counted, Error> {
        let Self { job, needs, pool, reporter } = self;
        check_rows(&rows.tally, job, files)?;
        let count = rows.tally.rows;
        let (before, clock) = (cpu_seconds(), Instant::now());
        let folded = rows.fold((job, needs), pool, reporter)?;
        let sorting = Taken::since(before, clock, pool);
        Ok(Counted {
            rows: count,
            reading,
            sorting,
            held: held([&folded.catalogue.ids, &folded.others]),
            before: machine::peak_memory().unwrap_or(0),
            share: None,
            folded,
        })
    }
}

impl Counted {
    /// Returns what the job takes beside comparing.
    pub(super) fn surroundings(&self, writing_seconds: f64, workers: usize) -> Surroundings {
        Surroundings {
            seconds: self.reading.seconds + self.sorting.seconds + writing_seconds,
            held: self.held,
            before: self.before,
            workers,
        }
    }
}
