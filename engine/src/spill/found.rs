//! Neighbours on disk, on their way into the result.

use std::sync::{Mutex, PoisonError};

use ilk_core::{
    executor::Executor as _,
    job::Job,
    kernel::{Comparison, Offer},
    matrix::ItemTable,
    plan::{ItemFilter, Sides},
    result::Neighbour,
};

use super::{
    rounds::{ITEM, Rounds},
    store::{Extent, Shelf, Store},
    work::Work,
};
use crate::{
    error::Error,
    memory::{self, Allowance, Written, of_gathering},
    misfit::does_not_fit_until,
    text::counted,
};

/// An item's code with its neighbours, best first.
pub(crate) type List = Result<(u32, Vec<Neighbour>), Error>;

/// The neighbours of all items on disk; they can be walked any number of times.
#[derive(Default)]
pub(crate) struct Found(Vec<Lists>);

impl Found {
    /// Adds the lists of more items.
    pub(crate) fn push(&mut self, lists: Lists) {
        self.0.push(lists);
    }

    /// Returns how many neighbours there are.
    pub(crate) fn rows(&self) -> u64 {
        self.0.iter().map(|part| part.rows).sum()
    }

    /// Walks the items with their neighbours, by ascending code. Memory: a batch of each part.
    pub(crate) fn walk(&self) -> impl Iterator<Item = List> {
        let mut parts = self.0.iter().map(|part| part.iter().peekable()).collect::<Vec<_>>();
        std::iter::from_fn(move || {
            let next = |part: &mut std::iter::Peekable<_>| match part.peek() {
                Some(Ok((code, _))) => Some(*code),
                // An error comes first.
                Some(Err(_)) => Some(0),
                None => None,
            };
            let least = (0..parts.len()).filter_map(|part| Some((next(&mut parts[part])?, part)));
            let (_, part) = least.min()?;
            parts[part].next()
        })
    }
}

/// Offers on disk, before they are written for good: item and neighbour, as codes.
pub(crate) struct Offers(Store);

/// Where some of them lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OffersAt(Extent);

impl Offers {
    /// Prepares to take offers in files of so many bytes.
    pub(crate) fn new(folder: &Shelf, shard: u64) -> Self {
        Self(Store::new(folder, "offers", shard))
    }

    /// Writes some, which become numbers where they lie.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn push(&self, offers: Vec<(u32, Neighbour)>) -> Result<OffersAt, Error> {
        let numbers =
            |(item, one): (u32, Neighbour)| [item, one.code, one.score.to_bits(), one.overlap];
        let numbers = offers.into_iter().map(numbers).collect::<Vec<_>>();
        Ok(OffersAt(self.0.append(&numbers)?))
    }

    /// Reads them back.
    ///
    /// # Errors
    /// If the disk fails.
    pub(crate) fn read(&self, at: OffersAt) -> Result<Vec<(u32, Neighbour)>, Error> {
        let numbers = self.0.read::<[u32; 4]>(&at.0)?;
        let offer = |[item, code, score, overlap]: [u32; 4]| {
            (item, Neighbour { code, score: f32::from_bits(score), overlap })
        };
        Ok(numbers.into_iter().map(offer).collect())
    }
}

/// Neighbours on disk before all are known, by the round in which they are brought together.
pub(super) struct Interim {
    store: Store,
    /// Numbers that are written, and read, at a time, unless a single list has more.
    piece: usize,
    rounds: Rounds,
    /// The position after the last one of each round.
    ends: Vec<u32>,
    of_rounds: Vec<Mutex<Vec<Extent>>>,
}

impl Interim {
    /// Numbers of a piece, where memory has room for them.
    const NUMBERS: usize = 1 << 16;

    /// Prepares to take neighbours of the items of `table`; `used`: bytes that stay taken.
    ///
    /// # Errors
    /// If not even what is known of every item fits when they are brought together.
    pub(super) fn new(
        table: &ItemTable,
        filter: &ItemFilter,
        used: usize,
        work: Work<'_>,
    ) -> Result<Self, Error> {
        let of_thread = work.budget.left(0) / work.budget.workers / size_of::<u32>();
        let piece = (of_thread / 32).clamp(1, Self::NUMBERS);
        let reading = 2 * size_of::<u32>() * piece * work.budget.workers;
        let rounds = rounds_of_merging(table, work.job, filter, used + reading, work)?;
        let store = Store::new(work.folder, "interim", work.budget.shard.0);
        let of_rounds = (0..rounds.number).map(|_| Mutex::default()).collect();
        Ok(Self { store, piece, rounds, ends: rounds.ends(table, filter), of_rounds })
    }

    /// Takes neighbours of items by ascending position, from any thread.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn push(
        &self,
        lists: impl Iterator<Item = (u32, Vec<Neighbour>)>,
    ) -> Result<(), Error> {
        let (mut round, mut numbers) = (0, Vec::new());
        for (position, list) in lists.filter(|(_, list)| !list.is_empty()) {
            let is_past = position >= self.ends[round];
            if is_past || numbers.len() >= self.piece {
                self.write(round, &mut numbers)?;
                round = self.ends.partition_point(|end| *end <= position);
            }
            numbers.extend([position, list.len() as u32]);
            numbers.extend(list.iter().flat_map(triple));
        }
        self.write(round, &mut numbers)
    }

    fn write(&self, round: usize, numbers: &mut Vec<u32>) -> Result<(), Error> {
        if !numbers.is_empty() {
            let extent = self.store.append(numbers)?;
            let extents = &self.of_rounds[round];
            extents.lock().unwrap_or_else(PoisonError::into_inner).push(extent);
            numbers.clear();
        }
        Ok(())
    }

    /// Brings together what every item has, and leaves its best on disk. `filter`: as before.
    ///
    /// # Errors
    /// If the disk fails.
    pub(super) fn finish(
        self,
        table: &ItemTable,
        filter: &ItemFilter,
        work: Work<'_>,
    ) -> Result<Found, Error> {
        let Work { job, layout, pool, .. } = work;
        let positions = ItemTable::positions(table.codes());
        let (mut found, parts) = (Found::default(), self.rounds.number as usize);
        for (round, extents) in (0..).zip(self.of_rounds) {
            let filter = self.rounds.filter(round, table, filter);
            // Nothing is computed here, so it does not matter which pairs rows would compute.
            let comparison = Comparison::new(table, job, &filter, Sides::Row, layout.kernel);
            let extents = extents.into_inner().unwrap_or_else(PoisonError::into_inner);
            let restored = pool.map(extents.len(), |index| {
                let numbers = self.store.read::<u32>(&extents[index])?;
                comparison.restore(offers(&numbers));
                Ok::<_, Error>(())
            });
            restored.into_iter().collect::<Result<(), Error>>()?;
            let lists = Lists::new(work, round, parts);
            found.push(lists.take(&comparison, &positions, &filter)?);
            // Other threads may make the lists of the next round.
            memory::trim();
        }
        Ok(found)
    }
}

/// Walks what [`Interim`] wrote.
fn offers(mut numbers: &[u32]) -> impl Iterator<Item = Offer> {
    let mut left = (0, 0);
    std::iter::from_fn(move || {
        let (mut item, mut count) = left;
        if count == 0 {
            (item, count) = (numbers.first().copied()?, *numbers.get(1)?);
            numbers = &numbers[2..];
        }
        let (one, rest) = numbers.split_at(3);
        numbers = rest;
        left = (item, count - 1);
        Some(Offer { item, neighbour: neighbour(one) })
    })
}

/// Returns the numbers of a neighbour.
fn triple(one: &Neighbour) -> [u32; 3] {
    [one.code, one.score.to_bits(), one.overlap]
}

/// Turns [`triple`] around.
fn neighbour(triple: &[u32]) -> Neighbour {
    Neighbour { code: triple[0], score: f32::from_bits(triple[1]), overlap: triple[2] }
}

/// Neighbours of some items on disk, by ascending code.
pub(crate) struct Lists {
    store: Store,
    /// Numbers of a batch, unless a single list has more.
    numbers: usize,
    /// Batches of items: codes, lengths, and then code, score and overlap of each neighbour.
    batches: Vec<(u32, Extent)>,
    codes: Vec<u32>,
    lengths: Vec<u32>,
    entries: Vec<u32>,
    /// Neighbours so far.
    rows: u64,
}

impl Lists {
    /// Numbers of a batch where there are few parts.
    const NUMBERS: usize = 1 << 13;

    /// The part of what is left that batches take as they are read, one of each part side by side. As
    /// lists they take up to four times as much.
    const OF_ALL: usize = 64;

    /// Begins lists, one of so many `parts` that will be read side by side; `name` tells them from other
    /// ones in the folder.
    pub(crate) fn new(work: Work<'_>, name: u32, parts: usize) -> Self {
        let store = Store::new(work.folder, format!("neighbours-{name}"), work.budget.shard.0);
        let numbers = Self::numbers_of(work.budget, parts);
        let (codes, lengths, entries) = (Vec::new(), Vec::new(), Vec::new());
        Self { store, numbers, batches: Vec::new(), codes, lengths, entries, rows: 0 }
    }

    /// Counts the numbers of a batch.
    fn numbers_of(budget: &Allowance, parts: usize) -> usize {
        let all = budget.left(0) / Self::OF_ALL / size_of::<u32>();
        (all / parts.max(1)).min(Self::NUMBERS)
    }

    /// Takes the lists of the items that `filter` wants out of a comparison.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn take(
        mut self,
        comparison: &Comparison,
        positions: &[u32],
        filter: &ItemFilter,
    ) -> Result<Self, Error> {
        for code in (0..positions.len() as u32).filter(|code| filter.wants(*code)) {
            self.push(code, &comparison.take(positions[code as usize]))?;
        }
        self.finish()
    }

    /// Adds an item's neighbours; items come by ascending code.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn push(&mut self, code: u32, list: &[Neighbour]) -> Result<(), Error> {
        self.codes.push(code);
        self.lengths.push(list.len() as u32);
        self.rows += list.len() as u64;
        self.entries.extend(list.iter().flat_map(triple));
        if self.entries.len() + 2 * self.codes.len() >= self.numbers {
            self.write()
        } else {
            Ok(())
        }
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn finish(mut self) -> Result<Self, Error> {
        self.write()?;
        Ok(self)
    }

    /// Writes a batch.
    fn write(&mut self) -> Result<(), Error> {
        let items = self.codes.len() as u32;
        if items > 0 {
            self.codes.append(&mut self.lengths);
            self.codes.append(&mut self.entries);
            self.batches.push((items, self.store.append(&self.codes)?));
            self.codes.clear();
        }
        Ok(())
    }

    /// Walks the items with their neighbours.
    fn iter(&self) -> impl Iterator<Item = List> {
        self.batches.iter().flat_map(|(items, extent)| {
            let batch =
                self.store.read::<u32>(extent).map(|numbers| batch(&numbers, *items as usize));
            let (lists, error) = match batch {
                Ok(lists) => (lists, None),
                Err(error) => (Vec::new(), Some(Err(error))),
            };
            lists.into_iter().map(Ok).chain(error)
        })
    }
}

/// Takes the lists of a batch apart.
fn batch(numbers: &[u32], items: usize) -> Vec<(u32, Vec<Neighbour>)> {
    let (codes, rest) = numbers.split_at(items);
    let (lengths, mut entries) = rest.split_at(items);
    let list = |(code, length): (&u32, &u32)| {
        let (own, rest) = entries.split_at(*length as usize * 3);
        entries = rest;
        (*code, own.chunks_exact(3).map(neighbour).collect())
    };
    codes.iter().zip(lengths).map(list).collect()
}

/// Decides in how many rounds what tiles found is taken in again; `used`: bytes that stay taken.
///
/// # Errors
/// If not even what is known of every item fits.
pub(crate) fn rounds_of_merging(
    table: &ItemTable,
    job: &Job,
    filter: &ItemFilter,
    used: usize,
    work: Work<'_>,
) -> Result<Rounds, Error> {
    let items = table.len();
    let rounds = |budget: &Allowance| {
        let top = job.top as usize;
        // Each thread gathers what it takes in.
        let reading = Work { budget, ..work }.restoring() + budget.workers * of_gathering(top);
        // When lists are written they are on disk, and one of each round is read at a time.
        let (written, walk) = (Written::of(items, top, used), budget.left(0) / Lists::OF_ALL * 4);
        let is_written = budget.left_for_writing(used + walk, written) > 0;
        // Several threads make the lists: an allocator leaves some of what each had unused.
        let room = budget.left(used + items * ITEM + reading) / 4 * 3;
        Rounds::new(table, job, filter, room).filter(|_| is_written)
    };
    rounds(work.budget).ok_or_else(|| {
        let what = format!("the tables of {}", counted(items as u64, "item"));
        does_not_fit_until(&what, work.budget, |budget| rounds(budget).is_some())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_of_all_parts_take_a_small_part_of_the_memory() {
        for bytes in [40 << 10, 8 << 20, 1 << 30] {
            let budget = Allowance::of_data(bytes, 2);
            for parts in [0, 1, 7, 1_000, 1_000_000] {
                let taken = parts * Lists::numbers_of(&budget, parts) * size_of::<u32>();
                assert!(taken <= budget.left(0) / 64, "{parts} parts: {taken} of {bytes} bytes");
            }
        }
        assert_eq!(Lists::numbers_of(&Allowance::of_data(1 << 30, 2), 1), Lists::NUMBERS);
    }
}
