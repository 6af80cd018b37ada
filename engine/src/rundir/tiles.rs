//! Tiles and what they found: computed on all threads, committed as they are done, taken back in.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use ilk_core::{
    executor::Executor as _,
    kernel::{Comparison, ItemFilter, Worker},
    neighbours::Neighbour,
    topk::Offer,
};

use super::{
    FileRecord, Folder, tables,
    tables::{PlannedTile, read_offers, tiles_in},
};
use crate::{
    error::Error,
    observe::Timed,
    pool::Pool,
    spill::{self, Area, Between, Offers, OffersAt},
};

/// Work of one thread after which what its tiles found is written.
const COMMIT: Duration = Duration::from_secs(1);

/// Takes what tiles found back in, as far as `filter` wants it; returns how much it was.
pub(super) fn restore(
    comparison: &Comparison<'_>,
    positions: &[u32],
    filter: &ItemFilter,
    path: &Path,
) -> Result<u64, Error> {
    const MOST: usize = 1 << 16;
    let (mut offers, mut count) = (Vec::with_capacity(MOST), 0);
    read_offers(path, &mut |code, neighbour| {
        let item = positions.get(code as usize).copied();
        let item = item.ok_or_else(|| Error::internal("an offer to an item that is not there"))?;
        if !filter.wants(code) {
            return Ok(());
        }
        offers.push(Offer { item, neighbour });
        count += 1;
        if offers.len() == MOST {
            comparison.restore(offers.drain(..));
        }
        Ok(())
    })?;
    comparison.restore(offers);
    Ok(count)
}

/// What an interrupted stage has committed.
#[derive(Default)]
pub(super) struct Committed {
    pub(super) files: Vec<FileRecord>,
    pub(super) paths: Vec<PathBuf>,
    /// What the tiles in them compared.
    pub(super) areas: Vec<Area>,
    pub(super) offers: u64,
    /// Files that were not whole.
    pub(super) dropped: u64,
    /// Seconds of the stage that its tiles took, from begin to end.
    pub(super) seconds: f64,
}

impl Committed {
    /// Looks through the folder of tiles, and removes what is damaged.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) fn find(folder: &Folder, run_dir: &Path) -> Result<Self, Error> {
        let (files, dropped) = folder.whole()?;
        let (mut found, mut known) = (Self { dropped, ..Self::default() }, BTreeSet::new());
        for file in files {
            let path = run_dir.join(&file.name);
            let tiles = tiles_in(&path)?;
            // The same ones twice: the file is of no use.
            if tiles.iter().any(|(area, _)| known.contains(area)) {
                super::remove(&path)?;
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
            found.paths.push(path);
        }
        Ok(found)
    }

    /// Takes in what tiles were found to have found.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(super) fn restore(
        &self,
        comparison: &Comparison<'_>,
        positions: &[u32],
        filter: &ItemFilter,
    ) -> Result<(), Error> {
        self.paths.iter().try_for_each(|path| {
            restore(comparison, positions, filter, path)?;
            Ok(())
        })
    }
}

/// Computes a tile, by its number, with something to do in between where that may take long.
pub(super) type Compute<'a> =
    &'a (dyn Fn(usize, &mut Worker, Between<'_>) -> Result<(), Error> + Sync);

/// Tiles being computed.
pub(super) struct Computing<'a> {
    pub(super) comparison: &'a Comparison<'a>,
    /// The codes of the items, by position.
    pub(super) codes: &'a [u32],
    /// The tiles.
    pub(super) planned: &'a [PlannedTile],
    /// Is told each tile that is done.
    pub(super) on_tile: &'a (dyn Fn(usize) + Sync),
    pub(super) folder: &'a Folder,
    /// Where memory is short, what goes to disk before its tile is done.
    pub(super) overflow: Option<Overflow>,
    /// When the stage began, with the seconds that earlier processes took for it.
    pub(super) clock: (Instant, f64),
}

/// Where offers go of which there are too many in memory.
pub(super) struct Overflow {
    pub(super) offers: Offers,
    /// Offers that a thread gathers before they are written.
    pub(super) most: usize,
}

impl Overflow {
    /// Prepares for it.
    pub(super) fn new(work: spill::Work<'_>) -> Self {
        Self { offers: Offers::new(work), most: work.most_recorded() / size_of::<Offer>() }
    }
}

/// What one thread has found and not yet written.
#[derive(Default)]
pub(super) struct Pending {
    tiles: Vec<Timed>,
    offers: Vec<(u32, Neighbour)>,
    /// More of them on disk.
    overflown: Vec<OffersAt>,
}

impl Pending {
    pub(super) fn append(&mut self, mut other: Self) {
        self.tiles.append(&mut other.tiles);
        self.offers.append(&mut other.offers);
        self.overflown.append(&mut other.overflown);
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
            let mut worker = self.comparison.recording_worker();
            let mut pending = Pending::default();
            let done = work(left, &next, &failed, |tile| {
                let began = self.seconds();
                let mut relieve = |worker: &mut Worker| self.relieve(worker, &mut pending);
                let pairs = self.overflow.as_ref().map_or(usize::MAX, |overflow| overflow.most);
                compute(tile, &mut worker, Between { pairs, act: &mut relieve })?;
                (self.on_tile)(tile);
                let ended = self.seconds();
                pending.tiles.push(Timed { tile, worker: number as u32, began, ended });
                if self.is_due(&pending) {
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

    fn take(&self, worker: &mut Worker, pending: &mut Pending) {
        let offers = self.comparison.survivors(worker).into_iter();
        let offers = offers.map(|offer| (self.codes[offer.item as usize], offer.neighbour));
        pending.offers.extend(offers);
    }

    /// Takes what was found to disk if it is too much.
    fn relieve(&self, worker: &mut Worker, pending: &mut Pending) -> Result<(), Error> {
        let Some(overflow) = &self.overflow else { return Ok(()) };
        if worker.recorded() >= overflow.most {
            self.take(worker, pending);
            // Much of it may have been surpassed.
            if pending.offers.len() >= overflow.most / 2 {
                pending.overflown.push(overflow.offers.push(&pending.offers)?);
                pending.offers.clear();
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

    /// Tells whether what was found is much, or of long ago.
    pub(super) fn is_due(&self, pending: &Pending) -> bool {
        let began = pending.tiles.first().map_or(f64::INFINITY, |first| first.began);
        let most = self.overflow.as_ref().map_or(usize::MAX, |overflow| overflow.most);
        let is_much = !pending.overflown.is_empty() || pending.offers.len() >= most;
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

    fn write(&self, mut pending: Pending) -> Result<Option<(FileRecord, u64)>, Error> {
        let Some(first) = pending.tiles.iter().map(|timed| timed.tile).min() else {
            return Ok(None);
        };
        let file = self.folder.begin(&format!("{first:06}"))?;
        let tiles = pending.tiles.iter().map(|timed| (&self.planned[timed.tile].area, timed));
        let mut table = tables::OfferTable::new(file, tiles)?;
        let overflown = std::mem::take(&mut pending.overflown);
        let read = |at| self.overflow.as_ref().map(|overflow| overflow.offers.read(at));
        let overflown = overflown.into_iter().filter_map(read);
        let mut count = 0;
        for offers in overflown.chain([Ok(pending.offers)]) {
            let mut offers = offers?;
            // Sorted, the table is a third of the size.
            let by_score = |a: &Neighbour, b: &Neighbour| ilk_core::topk::rank(a, b);
            offers.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| by_score(&a.1, &b.1)));
            table.push(&offers)?;
            count += offers.len() as u64;
        }
        Ok(Some((Folder::publish(table.finish()?)?, count)))
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
