//! Computing tiles from blocks on disk: each group of columns is loaded once and shared, and all
//! segments of rows are read through it.

use std::sync::atomic::{AtomicBool, Ordering};

use ilk_core::{
    executor::Executor as _,
    job::Job,
    kernel::{Comparison, ItemFilter, Kernel, Worker},
    matrix::{ColumnBlock, ItemTable},
    outline::Outline,
    plan::{RowOrder, Sides},
};

use super::{
    columns::Group,
    matrix::{Matrix, Segment},
    rounds::Rounds,
};
use crate::{
    error::Error,
    pool::Pool,
    report::{Place, block_name},
};

/// A job of which only the tiles are left to be computed.
pub(crate) struct Arranged {
    matrix: Matrix,
    outline: Outline,
    groups: Vec<Group>,
    rounds: Rounds,
    tiles: Vec<Tile>,
    /// Neighbours that there will be, about.
    pub(crate) neighbours: f64,
}

/// The rows of a segment against a group of columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    /// The round it belongs to.
    pub(crate) round: u32,
    /// The group of columns, from the most popular items on.
    pub(crate) group: u32,
    segment: u32,
    /// Its rows.
    pub(crate) rows: u32,
    /// What one core takes, in picoseconds, by prediction.
    pub(crate) cost: u64,
}

impl Arranged {
    /// Lists the tiles.
    pub(super) fn new(
        matrix: Matrix,
        outline: Outline,
        (groups, rounds): (Vec<Group>, Rounds),
        neighbours: f64,
        filter: &ItemFilter,
    ) -> Self {
        let tiles = Vec::new();
        let mut arranged = Self { matrix, outline, groups, rounds, tiles, neighbours };
        for round in 0..rounds.number {
            let filter = arranged.filter(round, filter);
            for group in arranged.order_of_groups() {
                let tiles = arranged.tiles_of(round, group, &filter);
                arranged.tiles.extend(tiles);
            }
        }
        arranged.share_cost();
        arranged
    }

    /// Orders the groups. Popular neighbours score best in dense data, rare ones in sparse data:
    /// bars stand high early if those come first.
    fn order_of_groups(&self) -> Vec<u32> {
        let groups = 0..self.groups.len() as u32;
        if self.outline.is_sparse { groups.rev().collect() } else { groups.collect() }
    }

    /// Lists the tiles of a group, in an order that spreads popularity.
    fn tiles_of(&self, round: u32, group: u32, filter: &ItemFilter) -> Vec<Tile> {
        let columns = self.groups[group as usize].positions();
        let sides = self.sides();
        let segments = &self.matrix.segments;
        let mut tiles = Vec::new();
        for (number, segment) in (0..).zip(segments) {
            let positions = segment.positions.clone();
            let rows = positions.filter(|row| self.is_wanted(*row, columns.start, filter)).count();
            if rows == 0 {
                continue;
            }
            let additions = match sides {
                Sides::Both => segment.additions.1,
                Sides::Row => segment.additions.0,
            };
            let end = match sides {
                Sides::Both => columns.end.min(segment.positions.end),
                Sides::Row => columns.end,
            };
            // About: the additions fall on all columns alike.
            let on_columns = self.matrix.supports(columns.start..end);
            let cost = (additions + 1).saturating_mul(on_columns.max(1) as u64);
            let rows = rows as u32;
            tiles.push(Tile { round, group, segment: number, rows, cost });
        }
        let order = self.order(0, tiles.len() as u32);
        (0..tiles.len() as u32).map(|rank| tiles[order.row(rank) as usize]).collect()
    }

    /// Shares the predicted cost of all tiles out among them.
    fn share_cost(&mut self) {
        let cost = u128::from(self.outline.cost(self.sides()));
        let all = self.tiles.iter().map(|tile| u128::from(tile.cost)).sum::<u128>().max(1);
        // Shares of billions: multiplied first they stay exact, and in 128 bits.
        let scale = |share: u64| u64::try_from(u128::from(share) * cost / all).unwrap_or(u64::MAX);
        self.tiles.iter_mut().for_each(|tile| tile.cost = scale(tile.cost));
    }

    /// Tells whether a row is to be compared with columns from `first` on.
    fn is_wanted(&self, row: u32, first: u32, filter: &ItemFilter) -> bool {
        match self.sides() {
            Sides::Both => row >= first,
            Sides::Row => filter.wants(self.matrix.table.codes()[row as usize]),
        }
    }

    /// Returns what rows compute: with several rounds, a pair from both of its sides.
    fn sides(&self) -> Sides {
        if self.rounds.number > 1 { Sides::Row } else { self.outline.sides }
    }

    fn order(&self, first: u32, count: u32) -> RowOrder {
        if self.outline.is_sparse {
            RowOrder::rarest_first(first, count)
        } else {
            RowOrder::spread(first, count)
        }
    }

    /// Returns the tiles in the order to compute them: by round, then group.
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

    /// Counts the items in the dense head.
    pub(crate) fn head_items(&self) -> usize {
        self.outline.head_items(&self.matrix.table)
    }

    /// Counts the groups of columns.
    pub(crate) fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Tells whether a group is of the dense head.
    pub(crate) fn is_head(&self, group: u32) -> bool {
        matches!(self.groups[group as usize], Group::Bits(_))
    }

    /// Counts the rounds.
    pub(crate) fn rounds(&self) -> u32 {
        self.rounds.number
    }

    /// Names the blocks of columns, those of one round after those of the other.
    pub(crate) fn block_names(&self) -> Vec<String> {
        let names = |round: u32| {
            let name = move |group: u32| {
                let name = block_name(group as usize, self.is_head(group));
                if self.rounds() > 1 { format!("{name} ({})", round + 1) } else { name }
            };
            (0..self.groups.len() as u32).map(name)
        };
        (0..self.rounds()).flat_map(names).collect()
    }

    /// Says where the tiles lie.
    pub(crate) fn places(&self) -> Vec<Place> {
        let groups = self.groups.len() as u32;
        let place =
            |tile: &Tile| Place { block: tile.round * groups + tile.group, rows: tile.rows };
        self.tiles.iter().map(place).collect()
    }

    /// Tells whether every weight is 1.
    pub(crate) const fn is_unit(&self) -> bool {
        self.matrix.is_unit
    }

    /// Counts the bytes that are read for some of the tiles: segments as rows of each, and all
    /// segments as columns, once as bits and two times as lists, for every round.
    pub(crate) fn bytes_to_read(&self, is_left: impl Fn(usize) -> bool) -> u64 {
        let left = self.tiles.iter().enumerate().filter(|(tile, _)| is_left(*tile));
        let rows = left.map(|(_, tile)| self.matrix.segments[tile.segment as usize].bytes());
        let columns = self.matrix.segments.iter().map(Segment::bytes).sum::<u64>();
        rows.sum::<u64>() + 2 * columns * u64::from(self.rounds.number)
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

    /// Asks for the items of a round alone.
    pub(crate) fn filter(&self, round: u32, filter: &ItemFilter) -> ItemFilter {
        self.rounds.filter(round, &self.matrix.table, filter)
    }

    /// Begins to compare for a round; `filter`: as [`filter`](Self::filter) returns it.
    pub(crate) fn comparison<'a>(
        &'a self,
        job: &'a Job,
        filter: &'a ItemFilter,
        kernel: Kernel,
    ) -> Comparison<'a> {
        Comparison::new(&self.matrix.table, job, filter, self.sides(), kernel)
    }

    /// Loads the columns of one group after the other, for those tiles of a round that are left,
    /// and hands them on.
    ///
    /// # Errors
    /// If the disk fails, and what `compute` returns.
    pub(crate) fn each_group(
        &self,
        round: u32,
        filter: &ItemFilter,
        is_left: impl Fn(usize) -> bool,
        pool: &Pool,
        mut compute: impl FnMut(&Loaded<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let is_here = |tile: &usize| self.tiles[*tile].round == round && is_left(*tile);
        let tiles = (0..self.tiles.len()).filter(is_here).collect::<Vec<_>>();
        for tiles in tiles.chunk_by(|a, b| self.tiles[*a].group == self.tiles[*b].group) {
            let group = self.tiles[tiles[0]].group;
            let columns = self.groups[group as usize].load(&self.matrix, pool)?;
            compute(&Loaded { arranged: self, filter, columns, tiles })?;
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
    /// Their numbers.
    pub(crate) tiles: &'a [usize],
}

impl Loaded<'_> {
    /// Computes all tiles on all threads; `on_tile` is told each that is done.
    ///
    /// # Errors
    /// If the disk fails.
    pub(crate) fn compute_all(
        &self,
        comparison: &Comparison<'_>,
        pool: &Pool,
        on_tile: impl Fn(usize) + Sync,
    ) -> Result<(), Error> {
        let failed = AtomicBool::new(false);
        let done = pool.map_with(
            self.tiles.len(),
            || comparison.worker(),
            |worker, rank| {
                if failed.load(Ordering::Relaxed) {
                    return Ok(());
                }
                let done = self.compute(self.tiles[rank], comparison, worker, None);
                failed.fetch_or(done.is_err(), Ordering::Relaxed);
                on_tile(self.tiles[rank]);
                done
            },
        );
        done.into_iter().collect()
    }

    /// Computes a tile, in pieces if there is something to do in between.
    ///
    /// # Errors
    /// If the disk fails, and what is done in between.
    pub(crate) fn compute(
        &self,
        tile: usize,
        comparison: &Comparison<'_>,
        worker: &mut Worker,
        mut between: Option<Between<'_>>,
    ) -> Result<(), Error> {
        let Arranged { matrix, groups, tiles, .. } = self.arranged;
        let Tile { group, segment, .. } = tiles[tile];
        let segment = &matrix.segments[segment as usize];
        let first = groups[group as usize].positions().start;
        let rows = matrix.rows(segment)?;
        for block in &self.columns {
            let positions = self.rows_of(segment, block);
            let wanted = positions.filter(|row| self.arranged.is_wanted(*row, first, self.filter));
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
