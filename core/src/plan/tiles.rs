//! The plan: which tiles there are and what each costs, exactly, before any is computed.

use std::ops::Range;

use super::filter::ItemFilter;
use crate::{
    cost::{CostModel, Extent, Machine},
    job::Job,
    matrix::{ColumnBlock, Matrix},
    simd::CHUNK,
};

/// Which pairs a row of the matrix computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sides {
    /// Pairs with every more popular item, each offered to both of its items.
    Both,
    /// Pairs with every item, each offered to the row's item only: half as fast, but rows that
    /// nobody asked for need not be computed.
    Row,
}

/// Rows against a block of columns, computed in one go; [`Plan::rows`] walks them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// The columns: which of the matrix's blocks.
    pub columns: usize,
    /// Predicted picoseconds of one core that pays what is usual.
    pub cost: u64,
    /// Rows are computed against all of the columns, whatever the plan's sides, and each pair is
    /// for the row's item alone.
    pub is_whole: bool,
    order: RowOrder,
    ranks: Range<u32>,
}

/// An order of consecutive rows.
///
/// Scores rise or fall with popularity, so in an order of popularity every row might beat all
/// before it, and every pair would have to be offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowOrder {
    first: u32,
    count: u32,
    stride: u32,
}

impl RowOrder {
    /// Spreads any stretch of the order evenly over all rows: an item's bar soon stands near its
    /// final place, and about k·ln(n / k) of n offers get through, whatever the data.
    pub fn spread(first: u32, count: u32) -> Self {
        // Multiples of the golden section spread most evenly; coprime, they reach every row.
        let golden = (f64::from(count) * 0.618_033_988_749_895) as u32;
        let coprime = |stride: &u32| gcd(*stride, count) == 1;
        let stride = (golden.max(1)..=count.max(1)).find(coprime).unwrap_or(1);
        Self { first, count, stride }
    }

    /// Goes from the rarest item to the most popular one, which comes at the very start. Where
    /// most pairs share a single user, the rarest neighbours score best: bars stand high at once.
    pub fn rarest_first(first: u32, count: u32) -> Self {
        Self { first, count, stride: count.max(2) - 1 }
    }

    /// Counts the rows.
    pub fn count(self) -> u32 {
        self.count
    }

    /// Goes from the first row to the last.
    fn ascending(first: u32, count: u32) -> Self {
        Self { first, count, stride: 1 }
    }

    /// Returns which row has `rank`, which is below the count of rows.
    pub fn row(self, rank: u32) -> u32 {
        self.index(rank) as u32
    }

    fn index(self, rank: u32) -> usize {
        let step = u64::from(rank) * u64::from(self.stride) % u64::from(self.count);
        self.first as usize + step as usize
    }
}

const fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The tiles of a job.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Which pairs rows compute.
    pub sides: Sides,
    /// The tiles in the order to compute them: blocks and rows that make the bars stand high
    /// early come first.
    pub tiles: Vec<Tile>,
    /// Pair operations: what adding up every pair of a user's items once takes.
    pub operations: u64,
    /// Predicted picoseconds of one core for all tiles, where it pays what is usual.
    pub cost: u64,
    /// Positions of the rows to compute, ascending.
    rows: Vec<u32>,
    /// The same of those that are computed whole, by additions descending.
    whole: Vec<u32>,
    /// The share of additions that fall on the head, where rows are computed whole.
    share_of_head: Option<f64>,
}

impl Plan {
    /// Tiles aimed at: enough to balance many workers, few enough to cost nothing.
    const TILES: u64 = 512;

    /// Plans the tiles of `matrix`, none of them of whole rows: for whoever computes tiles block by
    /// block. Cost: O(items + chunks of the head).
    pub fn new(matrix: &Matrix, filter: &ItemFilter) -> Self {
        let whole = Draft::new(matrix, filter, Sides::Row);
        let half = Draft::new(matrix, filter, Sides::Both);
        if whole.cost() < half.cost() { whole.cut() } else { half.cut() }
    }

    /// Plans the tiles of `matrix` as `job` is computed fastest. Cost: O(items · log + chunks of the head).
    pub fn of_job(matrix: &Matrix, job: &Job, filter: &ItemFilter) -> Self {
        let tail = matrix.columns().last().filter(|block| block.bits().is_none());
        let may_be_whole = tail.is_some_and(|tail| tail.lists_of_counts(matrix.rows()).is_some())
            && job.measure.falls_with_support()
            // What a count needs takes any k of a row for its best.
            && !filter.has_groups();
        if !may_be_whole {
            return Self::new(matrix, filter);
        }
        let (codes, supports) = (matrix.table().codes(), matrix.table().supports());
        let met = matrix.additions().others_met(supports).zip(codes);
        let met = met.filter(|(_, code)| filter.wants(**code));
        let found = met.map(|(met, _)| met.min(f64::from(job.top))).sum::<f64>();
        let machine = matrix.machine();
        let finding = machine.finding(found, true);
        let finding_whole = machine.finding_whole(found) + finding * share_of_head(matrix);
        let (finding, finding_whole) = (finding as u64, finding_whole as u64);
        let mut best = None;
        for sides in [Sides::Both, Sides::Row] {
            let half = Draft::new(matrix, filter, sides);
            let whole = Draft::new(matrix, filter, sides).whole(matrix, filter);
            for (draft, finding) in [(half, finding), (whole, finding_whole)] {
                let cost = draft.cost() + finding;
                if best.as_ref().is_none_or(|(_, least)| cost < *least) {
                    best = Some((draft, cost));
                }
            }
        }
        best.expect("there are drafts").0.cut()
    }

    /// Returns whether some tiles are of whole rows.
    pub fn has_whole_rows(&self) -> bool {
        !self.whole.is_empty()
    }

    /// Predicts the picoseconds that finding so many neighbours takes next to counting. `is_unit`: every
    /// weight is 1.
    pub(crate) fn finding(&self, machine: &Machine, neighbours: f64, is_unit: bool) -> f64 {
        machine.finding_in_plan(neighbours, is_unit, self.share_of_head)
    }

    /// Walks the positions of a tile's rows.
    pub fn rows(&self, tile: &Tile) -> impl ExactSizeIterator<Item = u32> {
        let order = tile.order;
        let rows = if tile.is_whole { &self.whole } else { &self.rows };
        tile.ranks.clone().map(move |rank| rows[order.index(rank)])
    }

    /// Counts the pairs of a row of a tile, on average at most: a row meets no more items than its block
    /// has, and no more than it adds to. Cost: O(rows of the tile).
    ///
    /// # Panics
    /// If the tile is not of this plan, or the plan not of `matrix`.
    pub fn pairs_of_row(&self, tile: &Tile, matrix: &Matrix) -> usize {
        let columns = &matrix.columns()[tile.columns];
        let width = columns.positions().len().max(1);
        if columns.bits().is_some() {
            return width;
        }
        let (rows, on_tail) = (self.rows(tile), matrix.additions_on_tail());
        let count = rows.len().max(1) as u64;
        let additions = rows.map(|row| on_tail.all[row as usize]).sum::<u64>();
        usize::try_from(additions / count).unwrap_or(width).clamp(1, width)
    }

    /// Keeps the tiles that `keep` names, to compute a part of the plan; the result is then no
    /// result, but takes as long as that part does.
    pub fn part(&self, keep: &[usize]) -> Self {
        let tiles = keep.iter().map(|tile| self.tiles[*tile].clone()).collect::<Vec<_>>();
        let cost = tiles.iter().map(|tile| tile.cost).sum();
        Self { tiles, cost, ..self.clone() }
    }
}

/// Returns the share of all additions that fall on the head.
fn share_of_head(matrix: &Matrix) -> f64 {
    let of_tail = matrix.additions_on_tail().all.iter().sum::<u64>();
    let all = matrix.additions().all.iter().sum::<u64>();
    1.0 - of_tail as f64 / all.max(1) as f64
}

/// The cost of every row against every block.
struct Draft {
    sides: Sides,
    /// Most pairs that share a user share just one.
    is_sparse: bool,
    operations: u64,
    /// Positions of the rows to compute.
    rows: Vec<u32>,
    /// Chunks of the head.
    chunks: usize,
    /// The blocks of the tail.
    tail: Vec<Range<usize>>,
    /// What each row and those after it cost against one chunk of the head.
    head_costs: Vec<u64>,
    /// What each row costs against the tail.
    tail_costs: Vec<u64>,
    /// Interactions with the positions before each.
    popularity: Vec<u64>,
    /// Positions of the rows that are computed whole, by additions descending, and what each costs.
    whole: Option<(Vec<u32>, Vec<u64>)>,
    share_of_head: f64,
}

impl Draft {
    fn new(matrix: &Matrix, filter: &ItemFilter, sides: Sides) -> Self {
        let (supports, on_all) = (matrix.table().supports(), matrix.additions());
        let extent = Extent {
            users: matrix.users(),
            items: supports.len(),
            additions: on_all.all.iter().sum(),
            weights: matrix.rows().kind(),
        };
        let is_sparse = extent.is_sparse();
        let model = CostModel::of(&matrix.machine(), &extent);
        let on_tail = matrix.additions_on_tail();
        let (additions, all) = match sides {
            Sides::Both => (&on_tail.smaller, &on_all.smaller),
            Sides::Row => (&on_tail.all, &on_all.all),
        };
        let wanted =
            |row: &u32| sides == Sides::Both || filter.wants(matrix.table().codes()[*row as usize]);
        let rows = (0..supports.len() as u32).filter(wanted).collect::<Vec<_>>();
        let tail_cost = |row: &u32| match additions[*row as usize] {
            0 => 0,
            additions => model.tail_row(supports[*row as usize], additions),
        };
        let mut head_costs = vec![0; rows.len() + 1];
        for (index, row) in rows.iter().enumerate().rev() {
            head_costs[index] = head_costs[index + 1] + model.head_row(supports[*row as usize]);
        }
        let lists = matrix.columns().iter().filter(|block| block.bits().is_none());
        let range = |block: &ColumnBlock| {
            let positions = block.positions();
            positions.start as usize..positions.end as usize
        };
        let mut popularity = Vec::with_capacity(supports.len() + 1);
        popularity.push(0);
        popularity.extend(supports.iter().scan(0, |sum, support| {
            *sum += u64::from(*support);
            Some(*sum)
        }));
        Self {
            sides,
            is_sparse,
            popularity,
            operations: rows.iter().map(|row| all[*row as usize]).sum(),
            chunks: matrix.head_items().div_ceil(CHUNK),
            tail: lists.map(range).collect(),
            head_costs,
            tail_costs: rows.iter().map(tail_cost).collect(),
            rows,
            whole: None,
            share_of_head: 0.0,
        }
    }

    /// Computes the rows of the tail whole.
    fn whole(self, matrix: &Matrix, filter: &ItemFilter) -> Self {
        let table = matrix.table();
        let additions = &matrix.additions_on_tail().all;
        let supports = table.supports();
        let extent = Extent {
            users: matrix.users(),
            items: supports.len(),
            additions: matrix.additions().all.iter().sum(),
            weights: matrix.rows().kind(),
        };
        let model = CostModel::of(&matrix.machine(), &extent);
        let first = self.first_row(self.tail[0].start) as u32;
        let of = |row: u32| additions[row as usize];
        let mut rows = (first..supports.len() as u32)
            .filter(|row| of(*row) > 0 && filter.wants(table.codes()[*row as usize]))
            .collect::<Vec<_>>();
        rows.sort_by_key(|row| std::cmp::Reverse(of(*row)));
        let cost = |row: &u32| model.whole_row(supports[*row as usize], of(*row));
        let costs = rows.iter().map(cost).collect();
        Self { whole: Some((rows, costs)), share_of_head: share_of_head(matrix), ..self }
    }

    /// Returns the first row that meets a block whose first position is `first`.
    fn first_row(&self, first: usize) -> usize {
        match self.sides {
            Sides::Both => first,
            Sides::Row => 0,
        }
    }

    fn cost(&self) -> u64 {
        let head = |chunk: usize| self.head_costs[self.first_row(chunk * CHUNK)];
        let tail = self.whole.as_ref().map_or(&self.tail_costs, |(_, costs)| costs);
        (0..self.chunks).map(head).sum::<u64>() + tail.iter().sum::<u64>()
    }

    /// Cuts the rows of every block into tiles of about equal cost.
    fn cut(self) -> Plan {
        let cost = self.cost();
        let wanted = (cost / Plan::TILES).max(20_000_000);
        let mut tiles = Vec::new();
        // Popular neighbours score best in dense data, rare ones in sparse data: whichever it is
        // comes first, and bars stand high from then on.
        let leading = usize::from(!self.is_sparse).min(self.chunks);
        for chunk in 0..leading {
            self.cut_head(chunk, wanted, &mut tiles);
        }
        if let Some((_, costs)) = &self.whole {
            self.cut_whole(costs, wanted, &mut tiles);
        } else {
            for block in 0..self.tail.len() {
                self.cut_tail(block, wanted, &mut tiles);
            }
        }
        for chunk in leading..self.chunks {
            self.cut_head(chunk, wanted, &mut tiles);
        }
        let Self { sides, operations, rows, whole, share_of_head, .. } = self;
        let share_of_head = whole.is_some().then_some(share_of_head);
        let whole = whole.map(|(rows, _)| rows).unwrap_or_default();
        let cost = tiles.iter().map(|tile| tile.cost).sum();
        Plan { sides, tiles, operations, cost, rows, whole, share_of_head }
    }

    fn order(&self, first: usize) -> RowOrder {
        let order = if self.is_sparse { RowOrder::rarest_first } else { RowOrder::spread };
        order(first as u32, (self.rows.len() - first) as u32)
    }

    /// Cuts a chunk of the head into tiles of as many rows: spread, they cost the same.
    fn cut_head(&self, chunk: usize, wanted: u64, tiles: &mut Vec<Tile>) {
        let first = self.first_row(chunk * CHUNK);
        let (order, cost) = (self.order(first), self.head_costs[first]);
        let count = u64::from(order.count);
        let pieces = cost.div_ceil(wanted).min(count);
        let part = |whole: u64, piece: u64| {
            (u128::from(whole) * u128::from(piece) / u128::from(pieces)) as u64
        };
        tiles.extend((0..pieces).map(|piece| Tile {
            columns: chunk,
            cost: part(cost, piece + 1) - part(cost, piece),
            is_whole: false,
            order,
            ranks: part(count, piece) as u32..part(count, piece + 1) as u32,
        }));
    }

    /// Cuts rows that are computed whole into tiles of about equal cost.
    fn cut_whole(&self, costs: &[u64], wanted: u64, tiles: &mut Vec<Tile>) {
        /// What a tile costs at least: it begins with finding out what counts need.
        const LEAST: u64 = 1_000_000_000;
        let order = RowOrder::ascending(0, costs.len() as u32);
        let (mut begun, mut sum, wanted) = (0, 0, wanted.max(LEAST));
        for (rank, cost) in (0..).zip(costs) {
            sum += cost;
            if sum >= wanted || rank + 1 == order.count {
                let ranks = begun..rank + 1;
                let columns = self.chunks;
                tiles.push(Tile { columns, cost: sum.max(1), is_whole: true, order, ranks });
                (begun, sum) = (rank + 1, 0);
            }
        }
    }

    /// Cuts a block of the tail into tiles of about equal cost.
    fn cut_tail(&self, block: usize, wanted: u64, tiles: &mut Vec<Tile>) {
        let order = self.order(self.first_row(self.tail[block].start));
        let (mut begun, mut sum) = (0, 0);
        for rank in 0..order.count {
            sum += self.share(order.index(rank), &self.tail[block]);
            if sum >= wanted || rank + 1 == order.count && sum > 0 {
                let (columns, ranks) = (self.chunks + block, begun..rank + 1);
                tiles.push(Tile { columns, cost: sum, is_whole: false, order, ranks });
                (begun, sum) = (rank + 1, 0);
            }
        }
    }

    /// Returns the part of what a row costs against the tail that falls on one of its blocks:
    /// interactions are as frequent among its additions as among all.
    fn share(&self, row: usize, block: &Range<usize>) -> u64 {
        let end = match self.sides {
            Sides::Both => self.rows[row] as usize,
            Sides::Row => self.popularity.len() - 1,
        };
        let before = |position: usize| {
            self.popularity[position.min(end)] - self.popularity[self.tail[0].start.min(end)]
        };
        let cost = self.tail_costs[row] as u128;
        let all = u128::from(before(end)).max(1);
        let part = |position| (cost * u128::from(before(position)) / all) as u64;
        // A row of no cost would be left out.
        (part(block.end) - part(block.start)).max(self.tail_costs[row].min(1))
    }
}
