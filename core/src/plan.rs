//! The plan: which tiles there are and what each costs, exactly, before any is computed.

use std::ops::Range;

use crate::{
    cost::{CostModel, Extent},
    kernel::{ItemFilter, arch::CHUNK},
    matrix::{Columns, Kind, Matrix, Value},
    profile::Profile,
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

/// The columns of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// A chunk of 512 items of the dense head.
    Head(usize),
    /// The sparse tail.
    Tail,
}

/// Rows against a block of columns, computed in one go; [`Plan::rows`] walks them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// The columns.
    pub columns: Block,
    /// Predicted picoseconds of one core.
    pub cost: u64,
    order: Order,
    ranks: Range<u32>,
}

/// An order of consecutive rows.
///
/// Scores rise or fall with popularity, so in an order of popularity every row might beat all
/// before it, and every pair would have to be offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Order {
    first: u32,
    count: u32,
    stride: u32,
}

impl Order {
    /// Spreads any stretch of the order evenly over all rows: an item's bar soon stands near its
    /// final place, and about k·ln(n / k) of n offers get through, whatever the data.
    fn spread(first: u32, count: u32) -> Self {
        // Multiples of the golden section spread most evenly; coprime, they reach every row.
        let golden = (f64::from(count) * 0.618_033_988_749_895) as u32;
        let coprime = |stride: &u32| gcd(*stride, count) == 1;
        let stride = (golden.max(1)..=count.max(1)).find(coprime).unwrap_or(1);
        Self { first, count, stride }
    }

    /// Goes from the rarest item to the most popular one, which comes at the very start. Where
    /// most pairs share a single user, the rarest neighbours score best: bars stand high at once.
    fn rarest_first(first: u32, count: u32) -> Self {
        Self { first, count, stride: count.max(2) - 1 }
    }

    /// Returns which row, counted from the first of the plan, has `rank`.
    fn index(self, rank: u32) -> usize {
        let step = u64::from(rank) * u64::from(self.stride) % u64::from(self.count);
        self.first as usize + step as usize
    }
}

const fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The tiles of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Which pairs rows compute.
    pub sides: Sides,
    /// The tiles in the order to compute them: blocks and rows that make the bars stand high
    /// early come first.
    pub tiles: Vec<Tile>,
    /// Pair operations: what adding up every pair of a user's items once takes.
    pub operations: u64,
    /// Predicted picoseconds of one core for all tiles.
    pub cost: u64,
    /// Positions of the rows to compute, ascending.
    rows: Vec<u32>,
}

impl Plan {
    /// Tiles aimed at: enough to balance many workers, few enough to cost nothing.
    const TILES: u64 = 512;

    /// Plans the tiles of `matrix`. Cost: O(items + chunks of the head).
    pub fn new(matrix: &Matrix, filter: &ItemFilter) -> Self {
        match &matrix.0 {
            Kind::Counts(columns) => Self::of(columns, filter),
            Kind::Weights(columns) => Self::of(columns, filter),
        }
    }

    /// Walks the positions of a tile's rows.
    pub fn rows(&self, tile: &Tile) -> impl ExactSizeIterator<Item = u32> {
        let order = tile.order;
        tile.ranks.clone().map(move |rank| self.rows[order.index(rank)])
    }

    /// Keeps the tiles that `keep` names, to compute a part of the plan; the result is then no
    /// result, but takes as long as that part does.
    pub fn part(&self, keep: &[usize]) -> Self {
        let tiles = keep.iter().map(|tile| self.tiles[*tile].clone()).collect::<Vec<_>>();
        let cost = tiles.iter().map(|tile| tile.cost).sum();
        Self { tiles, cost, ..self.clone() }
    }

    fn of<V: Value>(columns: &Columns<V>, filter: &ItemFilter) -> Self {
        let whole = Draft::new(columns, filter, Sides::Row);
        let half = Draft::new(columns, filter, Sides::Both);
        if whole.cost() < half.cost() { whole.cut() } else { half.cut() }
    }
}

/// The cost of every row against every block.
struct Draft {
    sides: Sides,
    /// Most pairs that share a user share just one.
    is_sparse: bool,
    operations: u64,
    /// Positions of the rows to compute.
    rows: Vec<u32>,
    /// Chunks of the head, and the first position of the tail unless there is none.
    chunks: usize,
    tail: Option<usize>,
    /// What each row and those after it cost against one chunk of the head.
    head_costs: Vec<u64>,
    /// What each row costs against the tail.
    tail_costs: Vec<u64>,
}

impl Draft {
    fn new<V: Value>(columns: &Columns<V>, filter: &ItemFilter, sides: Sides) -> Self {
        let (supports, work) = (columns.supports(), columns.work());
        let extent = Extent {
            users: columns.users(),
            items: supports.len(),
            additions: work.all.iter().sum(),
            sum: size_of::<V::Sum>(),
        };
        let is_sparse = extent.is_sparse();
        let model = CostModel::of(columns.machine(), &extent);
        let (additions, all) = match sides {
            Sides::Both => (&work.smaller_of_tail, &work.smaller),
            Sides::Row => (&work.all_of_tail, &work.all),
        };
        let wanted =
            |row: &u32| sides == Sides::Both || filter.wants(columns.codes()[*row as usize]);
        let rows = (0..supports.len() as u32).filter(wanted).collect::<Vec<_>>();
        let tail_cost = |row: &u32| match additions[*row as usize] {
            0 => 0,
            additions => model.tail_row(supports[*row as usize], additions),
        };
        let mut head_costs = vec![0; rows.len() + 1];
        for (index, row) in rows.iter().enumerate().rev() {
            head_costs[index] = head_costs[index + 1] + model.head_row(supports[*row as usize]);
        }
        Self {
            sides,
            is_sparse,
            operations: rows.iter().map(|row| all[*row as usize]).sum(),
            chunks: columns.head().len(),
            tail: Some(columns.tail_start()).filter(|start| *start < columns.items()),
            head_costs,
            tail_costs: rows.iter().map(tail_cost).collect(),
            rows,
        }
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
        (0..self.chunks).map(head).sum::<u64>() + self.tail_costs.iter().sum::<u64>()
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
        self.cut_tail(wanted, &mut tiles);
        for chunk in leading..self.chunks {
            self.cut_head(chunk, wanted, &mut tiles);
        }
        let Self { sides, operations, rows, .. } = self;
        Plan { sides, tiles, operations, cost, rows }
    }

    fn order(&self, first: usize) -> Order {
        let order = if self.is_sparse { Order::rarest_first } else { Order::spread };
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
            columns: Block::Head(chunk),
            cost: part(cost, piece + 1) - part(cost, piece),
            order,
            ranks: part(count, piece) as u32..part(count, piece + 1) as u32,
        }));
    }

    fn cut_tail(&self, wanted: u64, tiles: &mut Vec<Tile>) {
        let Some(start) = self.tail else { return };
        let order = self.order(self.first_row(start));
        let (mut begun, mut sum) = (0, 0);
        for rank in 0..order.count {
            sum += self.tail_costs[order.index(rank)];
            if sum >= wanted || rank + 1 == order.count && sum > 0 {
                tiles.push(Tile { columns: Block::Tail, cost: sum, order, ranks: begun..rank + 1 });
                (begun, sum) = (rank + 1, 0);
            }
        }
    }
}

/// Items of one user past which a job is refused unless forced: 2.5e11 pair operations for that
/// user alone, minutes of a core.
pub const HEAVIEST_USER: u64 = 500_000;

/// A user whose items alone would cost more than anybody means to pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeavyUser {
    /// Code of the heaviest user.
    pub user: u32,
    /// Its items.
    pub items: u64,
    /// Pair operations of this user.
    pub operations: u128,
    /// Pair operations of all users.
    pub all_operations: u128,
    /// The cap on items per user that would help.
    pub cap: u32,
    /// Pair operations of all users under that cap, at most.
    pub capped_operations: u128,
}

/// Finds the heaviest user if it has more than [`HEAVIEST_USER`] items, with the largest cap that
/// leaves the heavy no more work than everybody else, or 1e10 pair operations. Cost: O(users).
pub fn find_heavy_user(degrees: impl Iterator<Item = usize> + Clone) -> Option<HeavyUser> {
    let square = |items: u64| u128::from(items) * u128::from(items);
    let sizes = degrees.clone().map(|items| items as u64);
    let (user, items) = (0..).zip(sizes.clone()).max_by_key(|(user, items)| (*items, !*user))?;
    if items <= HEAVIEST_USER {
        return None;
    }
    let light = sizes.clone().filter(|items| *items <= HEAVIEST_USER).map(square).sum::<u128>();
    let cap = Profile::cap_for(degrees, (2 * light).max(10_000_000_000));
    Some(HeavyUser {
        user,
        items,
        operations: square(items),
        all_operations: sizes.clone().map(square).sum(),
        cap,
        capped_operations: sizes.map(|items| square(items.min(cap.into()))).sum(),
    })
}
