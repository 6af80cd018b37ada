//! Computing tiles from blocks on disk: each group of columns is loaded once and shared, and all
//! segments of rows are read through it.

use std::{
    ops::Range,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use ilk_core::{
    executor::Executor as _,
    job::Job,
    kernel::{Comparison, Worker},
    matrix::{ColumnBlock, ItemTable},
    plan::{ItemFilter, Outline, RowOrder, Sides},
    result::Neighbour,
    simd::Kernel,
    weighting::WeightKind,
};

use super::{
    columns::Group,
    cover::{Area, Covered},
    found::{Found, Interim, Lists},
    matrix::{Matrix, Segment},
    work::Work,
};
use crate::{
    error::Error,
    observe::{Place, Tiles, block_name},
    pool::Pool,
};

/// A job of which only the tiles are left to be computed.
pub(crate) struct Arranged {
    matrix: Matrix,
    outline: Outline,
    groups: Vec<Group>,
    keeping: Keeping,
    tiles: Vec<Tile>,
    /// Neighbours that there will be, about.
    pub(crate) neighbours: f64,
}

/// Whose neighbours stay in memory while tiles are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeping {
    /// Those of all items.
    All,
    /// Those of the columns that are in memory, and of the rows that threads are at. The others
    /// are on disk, and brought together at the end.
    OfGroup,
}

/// Those rows of a segment that are left to be computed against a group of columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    /// The group of columns, from the most popular items on.
    pub(crate) group: u32,
    segment: u32,
    /// Its rows.
    pub(crate) area: Area,
    /// What one core takes, in picoseconds, by prediction.
    pub(crate) cost: u64,
    /// The rows, where they are not all that the segment has.
    left: Option<Vec<bool>>,
}

impl Arranged {
    /// Lists the tiles of what is not `covered`.
    pub(super) fn new(
        matrix: Matrix,
        outline: Outline,
        (groups, keeping): (Vec<Group>, Keeping),
        neighbours: f64,
        (filter, covered): (&ItemFilter, Covered<'_>),
    ) -> Self {
        let tiles = Vec::new();
        let mut arranged = Self { matrix, outline, groups, keeping, tiles, neighbours };
        let mut all = 0;
        for group in arranged.order_of_groups() {
            let (tiles, cost) = arranged.tiles_of(group, filter, covered);
            arranged.tiles.extend(tiles);
            all += cost;
        }
        arranged.share_cost(all);
        arranged
    }

    /// Orders the groups. Popular neighbours score best in dense data, rare ones in sparse data:
    /// bars stand high early if those come first.
    fn order_of_groups(&self) -> Vec<u32> {
        let groups = 0..self.groups.len() as u32;
        if self.outline.is_sparse { groups.rev().collect() } else { groups.collect() }
    }

    /// Lists the tiles of a group, in an order that spreads popularity; also returns what all of
    /// them cost, those that are done as well.
    fn tiles_of(&self, group: u32, filter: &ItemFilter, covered: Covered<'_>) -> (Vec<Tile>, u128) {
        let columns = self.groups[group as usize].positions();
        let columns = columns.start..columns.end.min(self.matrix.table.len() as u32);
        let done = covered.rows(&columns, self.matrix.table.len());
        let (mut tiles, mut all) = (Vec::new(), 0);
        for (number, segment) in (0..).zip(&self.matrix.segments) {
            let positions = segment.positions.clone();
            let wanted =
                positions.clone().filter(|row| self.is_wanted(*row, columns.start, filter));
            let wanted = wanted.collect::<Vec<_>>();
            if wanted.is_empty() {
                continue;
            }
            let cost = self.cost(segment, &columns);
            all += u128::from(cost);
            let rows = wanted.iter().copied().filter(|row| !done[*row as usize]);
            let rows = rows.collect::<Vec<_>>();
            if rows.is_empty() {
                continue;
            }
            let is_part = rows.len() < wanted.len();
            let left = is_part.then(|| positions.clone().map(|row| !done[row as usize]).collect());
            let cost = (cost as f64 * rows.len() as f64 / wanted.len() as f64) as u64;
            let area = Area::new(self.sides(), columns.clone(), positions, rows.into_iter());
            tiles.push(Tile { group, segment: number, area, cost, left });
        }
        let order = self.order(0, tiles.len() as u32);
        let tiles = (0..tiles.len() as u32).map(|rank| tiles[order.row(rank) as usize].clone());
        (tiles.collect(), all)
    }

    /// Predicts what all rows of a segment cost against columns, beside others.
    fn cost(&self, segment: &Segment, columns: &Range<u32>) -> u64 {
        let (additions, end) = match self.sides() {
            Sides::Both => (segment.additions.1, columns.end.min(segment.positions.end)),
            Sides::Row => (segment.additions.0, columns.end),
        };
        // About: the additions fall on all columns alike.
        let on_columns = self.matrix.supports(columns.start..end);
        (additions + 1).saturating_mul(on_columns.max(1) as u64)
    }

    /// Shares the predicted cost of everything, whose tiles cost `all` together, out among the
    /// tiles.
    fn share_cost(&mut self, all: u128) {
        let cost = u128::from(self.outline.cost(self.sides()));
        // Shares of billions: multiplied first they stay exact, and in 128 bits.
        let scale =
            |share: u64| u64::try_from(u128::from(share) * cost / all.max(1)).unwrap_or(u64::MAX);
        self.tiles.iter_mut().for_each(|tile| tile.cost = scale(tile.cost));
    }

    /// Returns true if a row is to be compared with columns from `first` on.
    fn is_wanted(&self, row: u32, first: u32, filter: &ItemFilter) -> bool {
        match self.sides() {
            Sides::Both => row >= first,
            Sides::Row => filter.wants(self.matrix.table.codes()[row as usize]),
        }
    }

    /// Returns what rows compute.
    fn sides(&self) -> Sides {
        self.outline.sides
    }

    fn order(&self, first: u32, count: u32) -> RowOrder {
        if self.outline.is_sparse {
            RowOrder::rarest_first(first, count)
        } else {
            RowOrder::spread(first, count)
        }
    }

    /// Returns the tiles that are left in the order to compute them, group by group.
    pub(crate) fn tiles(&self) -> &[Tile] {
        &self.tiles
    }

    /// Returns what is known of the items.
    pub(crate) fn table(&self) -> &ItemTable {
        &self.matrix.table
    }

    /// Counts the pair operations.
    pub(crate) fn operations(&self) -> u64 {
        self.outline.operations
    }

    /// Counts the interactions that were arranged.
    pub(crate) fn interactions(&self) -> u64 {
        self.matrix.segments.iter().map(|segment| self.matrix.entries(segment) as u64).sum()
    }

    /// Counts the items in the dense head.
    pub(crate) fn head_items(&self) -> usize {
        self.outline.head_items()
    }

    /// Counts the groups of columns.
    pub(crate) fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Returns true if a group is of the dense head.
    pub(crate) fn is_head(&self, group: u32) -> bool {
        matches!(self.groups[group as usize], Group::Bits(_))
    }

    /// Describes the tiles for whoever watches.
    pub(crate) fn seen(&self) -> Tiles {
        let groups = 0..self.groups.len() as u32;
        let name = |group: u32| block_name(group as usize, self.is_head(group));
        let place = |tile: &Tile| Place { block: tile.group, rows: tile.area.len() };
        Tiles {
            blocks: groups.map(name).collect(),
            places: self.tiles.iter().map(place).collect(),
            operations: self.operations(),
        }
    }

    /// Returns true if every weight is 1.
    pub(crate) const fn is_unit(&self) -> bool {
        matches!(self.matrix.weights, WeightKind::One)
    }

    /// Counts the bytes that are read for the tiles: segments as rows of each, and all segments as
    /// columns, once as bits and two times as lists.
    pub(crate) fn bytes_to_read(&self) -> u64 {
        let rows =
            self.tiles.iter().map(|tile| self.matrix.segments[tile.segment as usize].bytes());
        let columns = self.matrix.segments.iter().map(Segment::bytes).sum::<u64>();
        rows.sum::<u64>() + 2 * columns
    }

    /// Reads segments, to tell how long it takes; returns how many bytes there were.
    ///
    /// # Errors
    /// If the disk fails.
    pub(crate) fn read_some(&self) -> Result<u64, Error> {
        const ENOUGH: u64 = 16 << 20;
        let mut bytes = 0;
        for segment in &self.matrix.segments {
            bytes += segment.bytes();
            drop(self.matrix.rows(segment)?);
            if bytes > ENOUGH {
                break;
            }
        }
        Ok(bytes)
    }

    /// Begins to compare.
    pub(crate) fn comparison(&self, job: &Job, filter: &ItemFilter, kernel: Kernel) -> Comparison {
        Comparison::new(&self.matrix.table, job, filter, self.sides(), kernel)
    }

    /// Forgets what all items have so far, where that is not kept: their bars stay.
    pub(crate) fn forget_all(&self, comparison: &Comparison) {
        if self.keeping == Keeping::OfGroup {
            (0..self.matrix.table.len() as u32).for_each(|item| drop(comparison.withdraw(item)));
        }
    }

    /// Computes all tiles and leaves the neighbours on disk; `on_tile` is told each that is done.
    /// `used`: bytes that stay taken.
    ///
    /// # Errors
    /// If the disk fails, or something of which there is one per item does not fit.
    pub(crate) fn compute(
        &self,
        filter: &ItemFilter,
        used: usize,
        work: Work<'_>,
        on_tile: impl Fn(usize) + Sync,
    ) -> Result<Found, Error> {
        let (table, pool) = (&self.matrix.table, work.pool);
        let comparison = self.comparison(work.job, filter, work.layout.kernel);
        let interim = match self.keeping {
            Keeping::All => None,
            Keeping::OfGroup => Some(Interim::new(table, filter, used, work)?),
        };
        self.each_group(filter, pool, |group| {
            group.compute_all(&comparison, pool, |tile| {
                if let Some(interim) = &interim {
                    interim.push(group.withdraw_rows(tile, &comparison))?;
                }
                on_tile(tile);
                Ok(())
            })?;
            interim.iter().try_for_each(|interim| interim.push(group.withdraw(&comparison)))
        })?;
        let Some(interim) = interim else {
            let positions = ItemTable::positions(table.codes());
            let mut found = Found::default();
            found.push(Lists::new(work, 0, 1).take(&comparison, &positions, filter)?);
            return Ok(found);
        };
        drop(comparison);
        interim.finish(table, filter, work)
    }

    /// Finds the highest score of the items that `filter` asks for, which are among the most popular
    /// ones.
    ///
    /// # Errors
    /// If the disk fails.
    pub(crate) fn best(&self, filter: &ItemFilter, work: Work<'_>) -> Result<Option<f32>, Error> {
        let comparison = self.comparison(work.job, filter, work.layout.kernel);
        let codes = self.matrix.table.codes();
        let best = Mutex::new(None::<f32>);
        let see = |(position, neighbours): (u32, Vec<Neighbour>)| {
            if !codes.get(position as usize).is_some_and(|code| filter.wants(*code)) {
                return;
            }
            let mut best = best.lock().unwrap_or_else(PoisonError::into_inner);
            for Neighbour { score, .. } in neighbours {
                *best = Some(best.map_or(score, |best| best.max(score)));
            }
        };
        self.each_group(filter, work.pool, |group| {
            // Pairs of popular items are computed against the columns of the first group.
            if self.sides() == Sides::Both && group.positions.start > 0 {
                return Ok(());
            }
            group.compute_all(&comparison, work.pool, |tile| {
                group.withdraw_rows(tile, &comparison).for_each(see);
                Ok(())
            })?;
            group.withdraw(&comparison).for_each(see);
            Ok(())
        })?;
        drop(comparison);
        Ok(best.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Loads the columns of one group after the other and hands them on.
    ///
    /// # Errors
    /// If the disk fails, and what `compute` returns.
    pub(crate) fn each_group(
        &self,
        filter: &ItemFilter,
        pool: &Pool,
        mut compute: impl FnMut(&Loaded<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let tiles = (0..self.tiles.len()).collect::<Vec<_>>();
        for tiles in tiles.chunk_by(|a, b| self.tiles[*a].group == self.tiles[*b].group) {
            let group = &self.groups[self.tiles[tiles[0]].group as usize];
            let columns = group.load(&self.matrix, pool)?;
            let positions = group.positions();
            compute(&Loaded { arranged: self, filter, columns, positions, tiles })?;
        }
        Ok(())
    }
}

/// What to do while a tile is computed.
pub(crate) struct Between<'a> {
    /// Pairs after which it is done, unless a single row has more.
    pub(crate) pairs: usize,
    /// What is done.
    pub(crate) act: &'a mut dyn FnMut(&mut Worker) -> Result<(), Error>,
}

/// Tiles of a group whose columns are in memory.
pub(crate) struct Loaded<'a> {
    arranged: &'a Arranged,
    filter: &'a ItemFilter,
    columns: Vec<ColumnBlock>,
    /// Those of the columns.
    positions: Range<u32>,
    /// Their numbers.
    pub(crate) tiles: &'a [usize],
}

impl Loaded<'_> {
    /// Computes all tiles on all threads; `on_tile` is told each that is done.
    ///
    /// # Errors
    /// If the disk fails, and what `on_tile` returns.
    fn compute_all(
        &self,
        comparison: &Comparison,
        pool: &Pool,
        on_tile: impl Fn(usize) -> Result<(), Error> + Sync,
    ) -> Result<(), Error> {
        let failed = AtomicBool::new(false);
        let done = pool.map_with(
            self.tiles.len(),
            || comparison.worker(),
            |worker, rank| {
                if failed.load(Ordering::Relaxed) {
                    return Ok(());
                }
                let tile = self.tiles[rank];
                let done =
                    self.compute(tile, comparison, worker, None).and_then(|()| on_tile(tile));
                failed.fetch_or(done.is_err(), Ordering::Relaxed);
                done
            },
        );
        done.into_iter().collect()
    }

    /// Takes out what the rows of a tile have so far, unless they are columns as well, which are
    /// offered more.
    fn withdraw_rows(
        &self,
        tile: usize,
        comparison: &Comparison,
    ) -> impl Iterator<Item = (u32, Vec<Neighbour>)> {
        let segment = &self.arranged.matrix.segments[self.arranged.tiles[tile].segment as usize];
        let is_column = |position: &u32| match self.arranged.sides() {
            Sides::Both => self.positions.contains(position),
            Sides::Row => false,
        };
        let rows = segment.positions.clone().filter(move |position| !is_column(position));
        rows.map(move |position| (position, comparison.withdraw(position)))
    }

    /// Takes out what the columns have so far, when all tiles are done.
    fn withdraw(&self, comparison: &Comparison) -> impl Iterator<Item = (u32, Vec<Neighbour>)> {
        let last = self.arranged.matrix.table.len() as u32;
        let positions = self.positions.start..self.positions.end.min(last);
        positions.map(move |position| (position, comparison.withdraw(position)))
    }

    /// Forgets what the rows of a tile have so far, where that is not kept: it is written by then.
    pub(crate) fn forget_rows(&self, tile: usize, comparison: &Comparison) {
        if self.arranged.keeping == Keeping::OfGroup {
            self.withdraw_rows(tile, comparison).for_each(drop);
        }
    }

    /// Forgets what the columns have so far, where that is not kept, when all tiles are done.
    pub(crate) fn forget(&self, comparison: &Comparison) {
        if self.arranged.keeping == Keeping::OfGroup {
            self.withdraw(comparison).for_each(drop);
        }
    }

    /// Computes a tile, in pieces if there is something to do in between.
    ///
    /// # Errors
    /// If the disk fails, and what is done in between.
    pub(crate) fn compute(
        &self,
        tile: usize,
        comparison: &Comparison,
        worker: &mut Worker,
        mut between: Option<Between<'_>>,
    ) -> Result<(), Error> {
        let Arranged { matrix, tiles, .. } = self.arranged;
        let Tile { segment, left, .. } = &tiles[tile];
        let segment = &matrix.segments[*segment as usize];
        let first = self.positions.start;
        let rows = matrix.rows(segment)?;
        let is_left = |row: u32| {
            let place = (row - segment.positions.start) as usize;
            left.as_ref().is_none_or(|left| left[place])
        };
        for block in &self.columns {
            let positions = self.rows_of(segment, block);
            let wanted = positions
                .filter(|row| is_left(*row) && self.arranged.is_wanted(*row, first, self.filter));
            let Some(between) = &mut between else {
                comparison.compute(&rows, block, wanted, worker);
                continue;
            };
            // A row meets no more items than the block has, and no more than it adds to.
            let additions = segment.additions.0 as usize / segment.positions.len().max(1);
            let pairs = block.positions().len().min(additions).max(1);
            let count = (between.pairs / pairs).max(1);
            let mut wanted = wanted.peekable();
            while wanted.peek().is_some() {
                comparison.compute(&rows, block, wanted.by_ref().take(count), worker);
                (between.act)(worker)?;
            }
        }
        Ok(())
    }

    /// Walks the positions of a segment that meet a block of columns.
    fn rows_of(&self, segment: &Segment, block: &ColumnBlock) -> impl Iterator<Item = u32> {
        let first = match self.arranged.sides() {
            Sides::Both => block.positions().start.max(segment.positions.start),
            Sides::Row => segment.positions.start,
        };
        let count = segment.positions.end.saturating_sub(first);
        let order = self.arranged.order(first, count);
        (0..count).map(move |rank| order.row(rank))
    }
}
