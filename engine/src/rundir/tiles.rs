//! Tiles and what they found: computed on all threads, committed as they are done, taken back in.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use ilk_core::{
    executor::Executor as _,
    kernel::{Comparison, Offer, Worker},
    matrix::{ItemTable, Matrix},
    plan::{ItemFilter, Plan},
    result::Neighbour,
};

use super::{
    checking::remove,
    stage::Folder,
    tables,
    tables::{read_offers, tiles_in},
};
use crate::{
    context::{Means, Run},
    data::Data,
    error::Error,
    handed::{Committed, Laid, PlannedTile},
    keep::Step,
    left,
    memory::FOUND_ROWS,
    observe::Timed,
    pace::Pace,
    pool::{Pool, Turns},
    record::FileRecord,
    spill::{self, Arranged, Between, Offers, OffersAt, catalogue_bytes, rounds_of_merging},
    text::{counted, grouped},
};

/// Work of one thread after which what its tiles found is written.
const COMMIT: Duration = Duration::from_secs(1);

/// Takes what tiles found back in, as far as `filter` wants it; returns how much it was.
pub(super) fn restore(
    comparison: &Comparison,
    positions: &[u32],
    filter: &ItemFilter,
    path: &Path,
) -> Result<u64, Error> {
    let (mut offers, mut count) = (Vec::with_capacity(FOUND_ROWS), 0);
    read_offers(path, &mut |code, neighbour| {
        let item = positions.get(code as usize).copied();
        let item = item.ok_or_else(|| tables::unfit(path))?;
        if !filter.wants(code) {
            return Ok(());
        }
        offers.push(Offer { item, neighbour });
        count += 1;
        if offers.len() == FOUND_ROWS {
            comparison.restore(offers.drain(..));
        }
        Ok(())
    })?;
    comparison.restore(offers);
    Ok(count)
}

/// Looks through the folder of tiles for what an interrupted stage has committed, and removes what
/// is damaged.
///
/// # Errors
/// If the system refuses.
pub(super) fn find(folder: &Folder, run_dir: &Path) -> Result<Committed, Error> {
    let (files, dropped) = folder.whole()?;
    let (mut found, mut known) = (Committed { dropped, ..Committed::default() }, BTreeSet::new());
    for file in files {
        let path = run_dir.join(&file.name);
        let tiles = tiles_in(&path)?;
        // The same ones twice: the file is of no use.
        if tiles.iter().any(|(area, _)| known.contains(area)) {
            remove(&path)?;
            found.dropped += 1;
            continue;
        }
        for (area, timed) in tiles {
            known.insert(area.clone());
            found.areas.push(area);
            found.seconds = found.seconds.max(timed.ended);
        }
        found.offers += tables::row_count(&path)?;
        found.files.push(file);
    }
    Ok(found)
}

/// Computes the tiles of a job that are left and writes what they find into files of `folder`;
/// returns how many candidates there are in all files, and how many tiles.
///
/// # Errors
/// If a disk refuses, and for whatever a plugin does wrong.
pub(super) fn record(
    run: Run<'_>,
    step: &Step<'_>,
    laid: &Laid,
    (folder, run_dir): (&Folder, &Path),
) -> Result<(u64, u64), Error> {
    let Laid { arrangement, committed, .. } = laid;
    let planned = arrangement.planned();
    let done = committed.areas.iter().collect::<BTreeSet<_>>();
    let is_left = |tile: &usize| !done.contains(&planned[*tile].area);
    let left = (0..planned.len()).filter(is_left).collect::<Vec<_>>();
    let (found, computed) = (committed.areas.len() as u64, left.len() as u64);
    let tiles = found + computed;
    if found > 0 {
        let text = format!("{} of {} are done", grouped(found), counted(tiles, "tile"));
        run.reporter.count("resuming", text, &[("tiles", found)]);
    }
    let pace = Pace::of(run, laid);
    step.foresee(pace.expected_of(&left));
    let recording = Recording { run, step, laid, planned: &planned, pace, folder, run_dir };
    let Commits { files, offers } = match arrangement {
        Data::Memory((matrix, plan)) => recording.in_memory(matrix, plan, &left)?,
        Data::Disk(arranged) => recording.on_disk(arranged)?,
    };
    let offers = offers + committed.offers;
    if offers == 0 {
        left::check_laid(run, laid)?;
    }
    step.count("tiles", tiles);
    step.count("tiles_found", found);
    step.count("tiles_computed", computed);
    step.count("files_dropped", committed.dropped);
    step.count("commits", files.len() as u64);
    step.count("offers", offers);
    files.into_iter().chain(committed.files.iter().cloned()).for_each(|file| step.add(file));
    Ok((offers, tiles))
}

/// The tiles of a job on their way into files.
struct Recording<'a> {
    run: Run<'a>,
    step: &'a Step<'a>,
    laid: &'a Laid,
    planned: &'a [PlannedTile],
    pace: Pace,
    folder: &'a Folder,
    run_dir: &'a Path,
}

impl Recording<'_> {
    /// Prepares to compute for a comparison.
    fn computing<'c>(
        &'c self,
        comparison: &'c Comparison,
        on_tile: &'c (dyn Fn(usize) + Sync),
    ) -> Computing<'c> {
        let Self { folder, planned, step, laid, .. } = *self;
        let budget = self.run.means.budget;
        let (most, turns) =
            (budget.most_recorded() / size_of::<Offer>(), Turns::new(budget.committers()));
        let (codes, clock) =
            (laid.arrangement.table().codes(), (step.started(), laid.committed.seconds));
        let overflow = Overflow::new(self.run.means);
        Computing { comparison, codes, planned, on_tile, folder, most, turns, overflow, clock }
    }

    /// Takes in what was found before, as far as `filter` wants it.
    fn restore(
        &self,
        comparison: &Comparison,
        positions: &[u32],
        filter: &ItemFilter,
    ) -> Result<(), Error> {
        self.laid.committed.files.iter().try_for_each(|file| {
            restore(comparison, positions, filter, &self.run_dir.join(&file.name))?;
            Ok(())
        })
    }

    fn in_memory(&self, matrix: &Matrix, plan: &Plan, left: &[usize]) -> Result<Commits, Error> {
        let Run { job, means: Means { pool, .. }, .. } = self.run;
        let filter = &self.laid.named.filter;
        let comparison = Comparison::new(matrix.table(), job, filter, plan.sides, matrix.kernel());
        let on_tile = |tile: usize| self.step.advance(self.pace.units(tile));
        let positions = ItemTable::positions(matrix.table().codes());
        self.restore(&comparison, &positions, filter)?;
        let computing = self.computing(&comparison, &on_tile);
        let sandbox = self.run.means.plugin.map(|plugin| plugin.open(pool)).transpose()?;
        let sandboxed = sandbox.map(|sandbox| sandbox.tiling(matrix, plan, job, filter));
        let sandboxed = sandboxed.transpose()?;
        let compute = |tile: usize, worker: &mut Worker, between: Between<'_>| {
            let tile = &plan.tiles[tile];
            if let Some(tiling) = &sandboxed {
                comparison.record(tiling.compute(tile)?, worker);
                return Ok(());
            }
            let columns = &matrix.columns()[tile.columns];
            let count = (between.pairs / plan.pairs_of_row(tile, matrix)).max(1);
            let mut rows = plan.rows(tile).peekable();
            while rows.peek().is_some() {
                comparison.compute(matrix.rows(), columns, rows.by_ref().take(count), worker);
                (between.act)(worker)?;
            }
            Ok(())
        };
        let mut commits = Commits::default();
        let rest = computing.compute(left, &compute, pool, &mut commits)?;
        computing.finish(rest, &mut commits)?;
        Ok(commits)
    }

    fn on_disk(&self, arranged: &Arranged) -> Result<Commits, Error> {
        let Run { job, means: Means { pool, .. }, .. } = self.run;
        let Laid { layout, named, .. } = self.laid;
        let work = self.run.on_disk(*layout, spill::Recording::Yes)?;
        let on_tile = |tile: usize| self.step.advance(self.pace.units(tile));
        let mut commits = Commits::default();
        let comparison = arranged.comparison(job, &named.filter, layout.kernel);
        self.restore_on_disk(arranged, &comparison, work)?;
        let computing = self.computing(&comparison, &on_tile);
        let mut rest = Pending::default();
        arranged.each_group(&named.filter, pool, |group| {
            let compute = |tile: usize, worker: &mut Worker, between: Between<'_>| {
                group.compute(tile, &comparison, worker, Some(between))?;
                group.forget_rows(tile, &comparison);
                Ok(())
            };
            rest.append(computing.compute(group.tiles, &compute, pool, &mut commits)?);
            group.forget(&comparison);
            // Small groups share a file.
            if computing.is_due(&rest, 0) {
                computing.finish(std::mem::take(&mut rest), &mut commits)?;
            }
            Ok(())
        })?;
        computing.finish(rest, &mut commits)?;
        Ok(commits)
    }

    /// Takes in what was found before, as much at a time as fits: where it is not kept it has done
    /// its work when the bars stand as high.
    fn restore_on_disk(
        &self,
        arranged: &Arranged,
        comparison: &Comparison,
        work: spill::Work<'_>,
    ) -> Result<(), Error> {
        let (table, named) = (arranged.table(), &self.laid.named);
        if self.laid.committed.files.is_empty() {
            return Ok(());
        }
        let positions = ItemTable::positions(table.codes());
        let used = catalogue_bytes(&named.catalogue);
        let rounds = rounds_of_merging(table, self.run.job, &named.filter, used, work)?;
        for round in 0..rounds.number {
            let filter = rounds.filter(round, table, &named.filter);
            self.restore(comparison, &positions, &filter)?;
            arranged.forget_all(comparison);
        }
        Ok(())
    }
}

/// Computes a tile, by its number, with something to do in between where that may take long.
pub(super) type Compute<'a> =
    &'a (dyn Fn(usize, &mut Worker, Between<'_>) -> Result<(), Error> + Sync);

/// Tiles being computed.
pub(super) struct Computing<'a> {
    pub(super) comparison: &'a Comparison,
    /// The codes of the items, by position.
    pub(super) codes: &'a [u32],
    /// The tiles.
    pub(super) planned: &'a [PlannedTile],
    /// Is told each tile that is done.
    pub(super) on_tile: &'a (dyn Fn(usize) + Sync),
    pub(super) folder: &'a Folder,
    /// Offers that a thread gathers before they are written, at the end of a tile.
    pub(super) most: usize,
    /// Of the threads, those that write files at the same time.
    pub(super) turns: Turns,
    /// What goes to disk before its tile is done.
    pub(super) overflow: Overflow<'a>,
    /// When the stage began, with the seconds that earlier processes took for it.
    pub(super) clock: (Instant, f64),
}

/// Where offers go of which a tile has too many for memory: working files, which come into being with
/// the first of them.
pub(super) struct Overflow<'a> {
    means: Means<'a>,
    offers: OnceLock<Offers>,
}

impl<'a> Overflow<'a> {
    /// Prepares for it.
    pub(super) const fn new(means: Means<'a>) -> Self {
        Self { means, offers: OnceLock::new() }
    }

    /// Returns true unless memory is too little even for working files: so is the job then.
    fn is_possible(&self) -> bool {
        self.means.budget.limit >= self.means.budget.least()
    }

    fn push(&self, offers: Vec<(u32, Neighbour)>) -> Result<OffersAt, Error> {
        let Means { budget, desk, .. } = self.means;
        if let Some(all) = self.offers.get() {
            return all.push(offers);
        }
        let folder = desk.folder(budget)?;
        self.offers.get_or_init(|| Offers::new(folder, budget.shard.0)).push(offers)
    }

    fn read(&self, at: OffersAt) -> Option<Result<Vec<(u32, Neighbour)>, Error>> {
        self.offers.get().map(|offers| offers.read(at))
    }
}

/// What one thread has found and not yet written.
#[derive(Default)]
pub(super) struct Pending {
    tiles: Vec<Timed>,
    /// Offers as they were taken from the worker, item and neighbour as codes.
    offers: Vec<Vec<(u32, Neighbour)>>,
    /// More of them on disk.
    overflown: Vec<OffersAt>,
}

impl Pending {
    pub(super) fn append(&mut self, mut other: Self) {
        self.tiles.append(&mut other.tiles);
        self.offers.append(&mut other.offers);
        self.overflown.append(&mut other.overflown);
    }

    /// Counts the offers in memory.
    fn len(&self) -> usize {
        self.offers.iter().map(Vec::len).sum()
    }
}

/// Files of tiles, and how many offers are in them.
#[derive(Default)]
pub(super) struct Commits {
    pub(super) files: Vec<FileRecord>,
    pub(super) offers: u64,
}

impl Computing<'_> {
    /// Computes the tiles `left` on all threads, in that order. A thread writes what it has found
    /// after a second of work, at the end of a tile: whatever happens, no more is lost than that
    /// second and a tile of each thread. What is left at the end is returned.
    ///
    /// # Errors
    /// If the disk refuses, or `compute` fails.
    pub(super) fn compute(
        &self,
        left: &[usize],
        compute: Compute<'_>,
        pool: &Pool,
        commits: &mut Commits,
    ) -> Result<Pending, Error> {
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let all = Mutex::new(std::mem::take(commits));
        let workers = pool.map(pool.workers(), |number| {
            let mut worker = self.comparison.recording_worker(self.room());
            let mut pending = Pending::default();
            let done = work(left, &next, &failed, |tile| {
                let began = self.seconds();
                let mut relieve = |worker: &mut Worker| self.relieve(worker, &mut pending);
                compute(tile, &mut worker, Between { pairs: self.most, act: &mut relieve })?;
                (self.on_tile)(tile);
                let ended = self.seconds();
                pending.tiles.push(Timed { tile, worker: number as u32, began, ended });
                if self.is_due(&pending, worker.recorded()) {
                    self.take(&mut worker, &mut pending);
                    self.commit(std::mem::take(&mut pending), &all)?;
                }
                Ok(())
            });
            done.map(|()| {
                self.take(&mut worker, &mut pending);
                pending
            })
        });
        let mut rest = Pending::default();
        for of_worker in workers {
            rest.append(of_worker?);
        }
        *commits = all.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(rest)
    }

    /// Returns the seconds that the stage took so far.
    fn seconds(&self) -> f64 {
        self.clock.1 + self.clock.0.elapsed().as_secs_f64()
    }

    /// Counts the offers that a worker has room for: what is gathered, and what a piece of a tile brings
    /// to both items of its pairs.
    fn room(&self) -> usize {
        3 * self.most
    }

    /// Takes what the worker has; it becomes codes where it lies.
    fn take(&self, worker: &mut Worker, pending: &mut Pending) {
        let offers = self.comparison.survivors(worker).into_iter();
        let offers = offers.map(|offer| (self.codes[offer.item as usize], offer.neighbour));
        let mut offers = offers.collect::<Vec<_>>();
        if !offers.is_empty() {
            offers.shrink_to_fit();
            pending.offers.push(offers);
        }
    }

    /// Takes what was found to disk if it is too much.
    fn relieve(&self, worker: &mut Worker, pending: &mut Pending) -> Result<(), Error> {
        if pending.len() + worker.recorded() < self.most || !self.overflow.is_possible() {
            return Ok(());
        }
        self.take(worker, pending);
        // Much of it may have been surpassed.
        if pending.len() >= self.most / 2 {
            for offers in pending.offers.drain(..) {
                pending.overflown.push(self.overflow.push(offers)?);
            }
        }
        Ok(())
    }

    /// Writes what was found, whole or not at all.
    fn commit(&self, pending: Pending, commits: &Mutex<Commits>) -> Result<(), Error> {
        let Some((file, offers)) = self.write(pending)? else { return Ok(()) };
        let mut commits = commits.lock().unwrap_or_else(PoisonError::into_inner);
        commits.files.push(file);
        commits.offers += offers;
        Ok(())
    }

    /// Returns true if what was found is much, or of long ago; `recorded`: offers that the worker has.
    pub(super) fn is_due(&self, pending: &Pending, recorded: usize) -> bool {
        let began = pending.tiles.first().map_or(f64::INFINITY, |first| first.began);
        let gathered = pending.len() + recorded;
        let is_much = !pending.overflown.is_empty() || gathered >= self.most;
        is_much || self.seconds() - began >= COMMIT.as_secs_f64()
    }

    /// Writes the rest of several threads into one file.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn finish(&self, rest: Pending, commits: &mut Commits) -> Result<(), Error> {
        if let Some((file, offers)) = self.write(rest)? {
            commits.files.push(file);
            commits.offers += offers;
        }
        Ok(())
    }

    fn write(&self, pending: Pending) -> Result<Option<(FileRecord, u64)>, Error> {
        match pending.tiles.iter().map(|timed| timed.tile).min() {
            Some(first) => self.turns.take(|| self.write_from(first, pending)).map(Some),
            None => Ok(None),
        }
    }

    /// Writes a file that is named by its first tile.
    fn write_from(&self, first: usize, pending: Pending) -> Result<(FileRecord, u64), Error> {
        let file = self.folder.begin(&format!("{first:06}"))?;
        let tiles = pending.tiles.iter().map(|timed| (&self.planned[timed.tile].area, timed));
        let mut table = tables::OfferTable::new(file, tiles)?;
        let overflown = pending.overflown.into_iter().filter_map(|at| self.overflow.read(at));
        let mut count = 0;
        // What is in memory comes first, and goes.
        for offers in pending.offers.into_iter().map(Ok).chain(overflown) {
            let mut offers = offers?;
            // Sorted, the table is a third of the size.
            let by_score = |a: &Neighbour, b: &Neighbour| ilk_core::kernel::rank(a, b);
            offers.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| by_score(&a.1, &b.1)));
            table.push(&offers)?;
            count += offers.len() as u64;
        }
        Ok((Folder::publish(table.finish()?)?, count))
    }
}

/// Hands out the tiles, one after the other, until one fails.
fn work(
    left: &[usize],
    next: &AtomicUsize,
    failed: &AtomicBool,
    mut tile: impl FnMut(usize) -> Result<(), Error>,
) -> Result<(), Error> {
    while !failed.load(Ordering::Relaxed) {
        let Some(number) = left.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
        tile(*number).inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use ilk_core::simd::Kernel;

    use super::*;
    use crate::{
        disk::Disk,
        memory::Allowance,
        spill::{Desk, Workplace},
    };

    #[test]
    fn what_overflows_lies_in_working_files_that_come_with_it() {
        let home = tempfile::tempdir().unwrap();
        let place = home.path().join("work");
        let desk = Desk::new(Workplace::At(place.clone()), Disk::default());
        let (pool, budget) =
            (Pool::new(NonZeroUsize::new(1)).unwrap(), Allowance::of_data(1 << 20, 1));
        let kernel = Kernel::detect();
        let means = Means { pool: &pool, budget: &budget, kernel, desk: &desk, plugin: None };
        let overflow = Overflow::new(means);
        assert!(overflow.is_possible() && !place.exists());
        let offers = |first: u32| {
            let neighbour = |code| Neighbour { code, score: 1.0 / (code as f32 + 1.0), overlap: 1 };
            (first..first + 1_000).map(|code| (code + 1, neighbour(code))).collect::<Vec<_>>()
        };
        let firsts = [0, 5_000];
        let places = firsts.map(|first| overflow.push(offers(first)).unwrap());
        assert!(place.exists());
        for (first, at) in firsts.into_iter().zip(places) {
            assert_eq!(overflow.read(at).unwrap().unwrap(), offers(first));
        }
    }
}
