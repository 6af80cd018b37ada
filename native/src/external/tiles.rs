//! Computing tiles from blocks on disk: each group of columns is loaded once and shared, and all
//! segments of rows are read through it.

use std::sync::atomic::{AtomicBool, Ordering};

use ilk_core::{
    executor::Executor as _,
    job::Job,
    kernel::{Comparison, ItemFilter, Kernel},
    matrix::ColumnBlock,
    neighbours::Neighbour,
    outline::Outline,
    plan::{RowOrder, Sides},
};

use super::{
    columns::Group,
    matrix::{Matrix, Segment},
    store::{Extent, Store},
};
use crate::{error::Error, pool::Pool, progress::Stage};

/// What tiles are computed from.
pub(super) struct Tiles<'a, 's> {
    pub(super) matrix: &'a Matrix,
    pub(super) job: &'a Job,
    pub(super) outline: Outline,
    pub(super) kernel: Kernel,
    pub(super) groups: Vec<Group>,
    pub(super) pool: &'s Pool,
    pub(super) stage: &'s Stage<'s>,
}

impl<'a> Tiles<'a, '_> {
    /// Says how far [`advance`](Stage::advance) will go in one pass.
    pub(super) fn total(&self) -> u64 {
        let entries =
            self.matrix.segments.iter().map(|segment| self.matrix.entries(segment) as u64);
        entries.sum::<u64>() * self.groups.len() as u64
    }

    /// Computes all tiles that concern the items `filter` wants.
    ///
    /// # Errors
    /// If the disk fails.
    pub(super) fn compute(
        &self,
        filter: &'a ItemFilter,
        sides: Sides,
    ) -> Result<Comparison<'a>, Error> {
        let comparison = Comparison::new(&self.matrix.table, self.job, filter, sides, self.kernel);
        let mut groups = self.groups.iter().collect::<Vec<_>>();
        // Popular neighbours score best in dense data, rare ones in sparse data: bars stand high
        // early if those come first.
        if self.outline.is_sparse {
            groups.reverse();
        }
        for group in groups {
            let columns = group.load(self.matrix, self.pool)?;
            self.compute_group(&comparison, filter, sides, &columns)?;
        }
        Ok(comparison)
    }

    fn compute_group(
        &self,
        comparison: &Comparison<'_>,
        filter: &ItemFilter,
        sides: Sides,
        columns: &[ColumnBlock],
    ) -> Result<(), Error> {
        let first = columns.iter().map(|block| block.positions().start).min().unwrap_or_default();
        let segments = &self.matrix.segments;
        let is_wanted = |position: u32| match sides {
            Sides::Both => position >= first,
            Sides::Row => filter.wants(self.matrix.table.codes()[position as usize]),
        };
        let needed = (0..segments.len())
            .filter(|index| segments[*index].positions.clone().any(is_wanted))
            .collect::<Vec<_>>();
        let order = self.order(0, needed.len() as u32);
        let failed = AtomicBool::new(false);
        let done = self.pool.map_with(
            needed.len(),
            || comparison.worker(),
            |worker, rank| {
                if failed.load(Ordering::Relaxed) {
                    return Ok(());
                }
                let segment = &segments[needed[order.row(rank as u32) as usize]];
                let rows = self.matrix.rows(segment).inspect_err(|_| {
                    failed.store(true, Ordering::Relaxed);
                })?;
                for block in columns {
                    let positions = self.rows_of(segment, block, sides);
                    let wanted = positions.filter(|position| is_wanted(*position));
                    comparison.compute(&rows, block, wanted, worker);
                }
                self.stage.advance(self.matrix.entries(segment) as u64);
                Ok(())
            },
        );
        done.into_iter().collect()
    }

    /// Walks the positions of a segment that meet a block of columns.
    fn rows_of(
        &self,
        segment: &Segment,
        block: &ColumnBlock,
        sides: Sides,
    ) -> impl Iterator<Item = u32> {
        let first = match sides {
            Sides::Both => block.positions().start.max(segment.positions.start),
            Sides::Row => segment.positions.start,
        };
        let count = segment.positions.end.saturating_sub(first);
        let order = self.order(first, count);
        (0..count).map(move |rank| order.row(rank))
    }

    fn order(&self, first: u32, count: u32) -> RowOrder {
        if self.outline.is_sparse {
            RowOrder::rarest_first(first, count)
        } else {
            RowOrder::spread(first, count)
        }
    }
}

/// Neighbours of some items on disk, by ascending code: finished lists of one pass.
pub(super) struct Lists {
    store: Store,
    /// Batches of items: codes, lengths, and then code, score and overlap of each neighbour.
    batches: Vec<(u32, Extent)>,
}

impl Lists {
    /// Numbers of a batch, unless a single list has more: all passes are read side by side.
    const NUMBERS: usize = 1 << 13;

    /// Writes the lists of the items that `filter` wants.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn write(
        comparison: &Comparison<'_>,
        positions: &[u32],
        filter: &ItemFilter,
        store: Store,
    ) -> Result<Self, Error> {
        let mut lists = Self { store, batches: Vec::new() };
        let wanted = (0..positions.len() as u32).filter(|code| filter.wants(*code));
        let (mut codes, mut lengths, mut entries) = (Vec::new(), Vec::new(), Vec::new());
        for code in wanted {
            let list = comparison.take(positions[code as usize]);
            codes.push(code);
            lengths.push(list.len() as u32);
            let triple = |one: &Neighbour| [one.code, one.score.to_bits(), one.overlap];
            entries.extend(list.iter().flat_map(triple));
            if entries.len() + 2 * codes.len() >= Self::NUMBERS {
                lists.push(&mut codes, &mut lengths, &mut entries)?;
            }
        }
        lists.push(&mut codes, &mut lengths, &mut entries)?;
        Ok(lists)
    }

    /// Writes a batch.
    fn push(
        &mut self,
        codes: &mut Vec<u32>,
        lengths: &mut Vec<u32>,
        entries: &mut Vec<u32>,
    ) -> Result<(), Error> {
        let items = codes.len() as u32;
        if items > 0 {
            codes.append(lengths);
            codes.append(entries);
            self.batches.push((items, self.store.append(codes)?));
            codes.clear();
        }
        Ok(())
    }

    /// Walks the items with their neighbours.
    pub(super) fn iter(&self) -> impl Iterator<Item = Result<(u32, Vec<Neighbour>), Error>> {
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
        let neighbour = |triple: &[u32]| Neighbour {
            code: triple[0],
            score: f32::from_bits(triple[1]),
            overlap: triple[2],
        };
        (*code, own.chunks_exact(3).map(neighbour).collect())
    };
    codes.iter().zip(lengths).map(list).collect()
}
