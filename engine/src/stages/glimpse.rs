//! The first stages on a part of the input: for those who want to know how large it is, and not wait.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use ilk_core::{
    forecast::{Extrapolated, Seen, Size, extrapolate},
    job::Job,
    prepare::{Cleaned, Folded, Needs, Tally},
};

use super::{encode::in_memory, look::Cleaning};
use crate::{
    csv::report_read,
    error::Error,
    files::{Files, Held},
    pool::Pool,
    progress::Reporter,
};

/// How much is read of a large input. One of few parts is read whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Haste {
    /// No part is begun later than this after the first one,
    pub time: Duration,
    /// once so many rows were read.
    pub rows: u64,
}

impl Haste {
    /// An input of fewer parts is read whole: they would tell too little of it.
    const PARTS: usize = 16;
}

/// Some parts of the input.
pub struct Glimpse {
    /// The chunks that were kept, with the numbers of their parts, in the order of the files.
    chunks: Vec<(usize, Cleaned)>,
    /// The parts that were read, in the order of reading.
    read: Vec<usize>,
    /// Bytes of all parts.
    bytes: Vec<u64>,
    /// How many of the rows that were read took which path.
    pub tally: Tally,
    names: Vec<String>,
}

/// What some parts tell of all.
pub struct Glimpsed {
    /// The interactions of the parts.
    pub folded: Folded,
    /// How large all of them are.
    pub extrapolated: Extrapolated,
}

impl Glimpse {
    /// Reads and cleans parts in an order drawn by chance, always the same, as long as `haste` allows; all
    /// of them where there are few.
    ///
    /// # Errors
    /// For files that turn out damaged, and where there is no row at all.
    pub fn read(
        files: &Files,
        (job, needs): (&Job, Needs),
        haste: Haste,
        pool: &Pool,
        reporter: &Reporter,
    ) -> Result<Self, Error> {
        let bytes = files.bytes_of_parts();
        let is_whole = bytes.len() < Haste::PARTS || files.target.is_some();
        let (held, stage) = (Held::default(), reporter.stage("reading", files.row_count()));
        let (rows, begun) = (AtomicU64::new(0), Instant::now());
        let progress = |count| {
            rows.fetch_add(count, Ordering::Relaxed);
            stage.advance(count);
        };
        let stopped = AtomicBool::new(false);
        let goes_on = || {
            let goes_on = is_whole
                || rows.load(Ordering::Relaxed) < haste.rows
                || begun.elapsed() < haste.time;
            stopped.fetch_or(!goes_on, Ordering::Relaxed);
            goes_on
        };
        let read = Mutex::new(BTreeSet::new());
        let sink = |part, chunk| {
            read.lock().unwrap_or_else(PoisonError::into_inner).insert(part);
            held.add(part, chunk);
            Ok(())
        };
        let order = if is_whole { (0..bytes.len()).collect() } else { drawn(bytes.len()) };
        let ordered: (&[usize], &(dyn Fn() -> bool + Sync)) = (&order, &goes_on);
        let tally = files.stream_in(ordered, (job, needs), pool, (&progress, &sink))?;
        if tally.rows == 0 {
            return Err(files.no_rows());
        }
        stage.count("rows", tally.rows);
        stage.count("kept", tally.kept());
        stage.finish(files.read_text(tally.rows));
        report_read(&files.tables, reporter);
        let read = read.into_inner().unwrap_or_else(PoisonError::into_inner);
        // A part without rows tells nothing.
        let is_whole = !stopped.into_inner();
        let read = order.into_iter().filter(|part| is_whole || read.contains(part)).collect();
        let names = files.names.clone();
        Ok(Self { chunks: held.by_part(), read, bytes, tally, names })
    }

    /// Returns the share of the input that was read, by bytes.
    pub fn share(&self) -> f64 {
        self.share_of(&self.read)
    }

    /// Returns whether all of it was read.
    pub fn is_whole(&self) -> bool {
        self.read.len() == self.bytes.len()
    }

    /// Returns the rows as those of all of the input, where it was read whole.
    pub fn into_cleaning(self, files: &Files) -> Cleaning {
        let chunks = self.chunks.into_iter().map(|(_, chunk)| chunk).collect();
        Cleaning::of(files, chunks, self.tally)
    }

    /// Encodes and folds the rows, and estimates from them how large all of the input is; `before` is
    /// called before the rows of all parts are folded, the most that is held at a time.
    ///
    /// # Errors
    /// For ids that do not go together.
    pub fn fold(
        self,
        (job, needs): (&Job, Needs),
        pool: &Pool,
        before: impl FnOnce(),
    ) -> Result<Glimpsed, Error> {
        let (share, parts) = (self.share(), self.bytes.len() as u64);
        let size_of = |chunks: Vec<Cleaned>| {
            let folded = in_memory(chunks, (&self.names, None), (job, needs), pool)?;
            Ok::<Size, Error>(Size::of(&folded.interactions))
        };
        let first = self.read.iter().take(self.read.len().div_ceil(2)).copied();
        let first = first.collect::<BTreeSet<_>>();
        let (mut within, mut within_first) = (0, 0);
        for part in &self.read {
            let operations = size_of(self.copy(|of| of == *part))?.pair_operations;
            within += operations;
            within_first += if first.contains(part) { operations } else { 0 };
        }
        let half = Seen {
            parts: first.len() as u64,
            share: self.share_of(&first),
            size: size_of(self.copy(|part| first.contains(&part)))?,
            within: within_first,
        };
        before();
        let read = self.read.len() as u64;
        let chunks = self.chunks.into_iter().map(|(_, chunk)| chunk).collect();
        let folded = in_memory(chunks, (&self.names, None), (job, needs), pool)?;
        let size = Size::of(&folded.interactions);
        let seen = Seen { parts: read, share, size, within };
        Ok(Glimpsed { folded, extrapolated: extrapolate(&half, &seen, parts) })
    }

    fn share_of<'p>(&self, parts: impl IntoIterator<Item = &'p usize>) -> f64 {
        let of_parts = parts.into_iter().map(|part| self.bytes[*part]).sum::<u64>();
        of_parts as f64 / self.bytes.iter().sum::<u64>().max(1) as f64
    }

    /// Copies the chunks of the parts that are needed.
    fn copy(&self, is_needed: impl Fn(usize) -> bool) -> Vec<Cleaned> {
        let needed = self.chunks.iter().filter(|(part, _)| is_needed(*part));
        needed.map(|(_, chunk)| chunk.clone()).collect()
    }
}

/// Draws an order of so many parts by chance, always the same.
fn drawn(parts: usize) -> Vec<usize> {
    let mut order = (0..parts).collect::<Vec<_>>();
    order.sort_by_key(|part| mixed(*part as u64));
    order
}

/// Mixes the bits of a number (`SplitMix64`; Steele, Lea and Flood, 2014).
const fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use ilk_core::job::SimilarityJob;

    use super::*;
    use crate::source::{DataSource, needs};

    /// So many files of 400 rows: users in files of their own, or in all of them.
    fn files(folder: &std::path::Path, files: u32, is_sorted: bool) -> DataSource {
        for file in 0..files {
            let mut text = "member,product\n".to_owned();
            for row in 0..400 {
                let user = if is_sorted { file * 50 + row % 50 } else { row * 13 % (50 * files) };
                let item = (row * row + file * 7 + user) % 90;
                let _ = writeln!(text, "{user},{item}");
            }
            std::fs::write(folder.join(format!("{file:03}.csv")), text).expect("written");
        }
        DataSource::new([folder.display().to_string()], "member", "product")
    }

    fn glimpse(source: &DataSource, rows: u64) -> (Glimpse, Files, Job) {
        let reporter = Reporter::default();
        let job = SimilarityJob::default().resolve(source.given()).expect("a job");
        let files = Files::open(source, None, &reporter).expect("files");
        let (pool, haste) = (pool(), Haste { time: Duration::ZERO, rows });
        let needs = needs(source, &job);
        let glimpse = Glimpse::read(&files, (&job, needs), haste, &pool, &reporter);
        (glimpse.expect("rows"), files, job)
    }

    fn pool() -> Pool {
        Pool::new(std::num::NonZeroUsize::new(1)).expect("a pool")
    }

    #[test]
    fn few_parts_are_read_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let source = files(folder.path(), 15, true);
        let (glimpse, ..) = glimpse(&source, 1);
        assert!(glimpse.is_whole());
        assert_eq!((glimpse.tally.rows, glimpse.share()), (6_000, 1.0));
    }

    #[test]
    fn many_parts_are_read_until_there_are_rows_enough() {
        for is_sorted in [true, false] {
            let folder = tempfile::tempdir().expect("a folder");
            let source = files(folder.path(), 64, is_sorted);
            let (all, files, job) = glimpse(&source, u64::MAX);
            assert!(all.is_whole());
            let needs = needs(&source, &job);
            let reporter = Reporter::default();
            let whole = all.into_cleaning(&files).fold((&job, needs), &pool(), &reporter);
            let whole = Size::of(&whole.expect("folded").interactions);

            let (some, ..) = glimpse(&source, 6_000);
            assert_eq!(some.read.len(), 15, "one after the other");
            assert_eq!(some.tally.rows, 6_000);
            assert!((some.share() - 15.0 / 64.0).abs() < 0.02, "{}", some.share());
            let mut calls = 0;
            let glimpsed = some.fold((&job, needs), &pool(), || calls += 1).expect("folded");
            assert_eq!(calls, 1);
            let size = glimpsed.extrapolated.size;
            for (estimate, truth) in [
                (size.interactions as f64, whole.interactions as f64),
                (size.pair_operations as f64, whole.pair_operations as f64),
            ] {
                let ratio = estimate / truth;
                assert!((0.8..1.25).contains(&ratio), "{is_sorted}: {size:?} for {whole:?}");
            }
        }
    }
}
