//! The plan: which tiles there are and what each costs, exactly, before any is computed.

use std::ops::Range;

use crate::{
    kernel::ItemFilter,
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

/// A range of rows computed in one go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Positions in the matrix.
    pub rows: Range<u32>,
    /// Pair operations: additions to an accumulator.
    pub operations: u64,
}

/// The tiles of a job, and the pair operations of every row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Which pairs rows compute.
    pub sides: Sides,
    /// The tiles, the rarest items first: their few users make for the best scores with popular
    /// items, so the bars of those rise early and most later offers fall short.
    pub tiles: Vec<Tile>,
    /// Pair operations of all tiles.
    pub operations: u64,
    /// Pair operations per position; 0 for rows that nobody asked for.
    pub(crate) row_operations: Vec<u64>,
}

impl Plan {
    /// Tiles aimed at: enough to balance many workers, few enough to cost nothing.
    const TILES: u64 = 512;

    /// Plans the tiles of `matrix`. Cost: O(interactions).
    pub fn new(matrix: &Matrix, filter: &ItemFilter) -> Self {
        match &matrix.0 {
            Kind::Counts(columns) => Self::of(columns, filter),
            Kind::Weights(columns) => Self::of(columns, filter),
        }
    }

    fn of<V: Value>(columns: &Columns<V>, filter: &ItemFilter) -> Self {
        let items = columns.items();
        let (mut whole, mut half) = (vec![0_u64; items], vec![0_u64; items]);
        let by_user = columns.by_user();
        for user in 0..by_user.len() as u32 {
            let (row, _) = by_user.row(user);
            for (before, position) in row.iter().enumerate() {
                whole[*position as usize] += row.len() as u64;
                half[*position as usize] += before as u64;
            }
        }
        for (position, code) in columns.codes().iter().enumerate() {
            if !filter.wants(*code) {
                whole[position] = 0;
            }
        }
        let (rows_only, both_sides) = (whole.iter().sum::<u64>(), half.iter().sum::<u64>());
        if rows_only < both_sides {
            Self::cut(Sides::Row, whole, rows_only)
        } else {
            Self::cut(Sides::Both, half, both_sides)
        }
    }

    /// Cuts the rows into tiles of about equal cost.
    fn cut(sides: Sides, row_operations: Vec<u64>, operations: u64) -> Self {
        let wanted = (operations / Self::TILES).max(1 << 16);
        let mut tiles = Vec::new();
        let (mut first, mut sum) = (0, 0);
        for (position, cost) in row_operations.iter().enumerate() {
            sum += cost;
            let last = position + 1 == row_operations.len();
            if sum >= wanted || last && sum > 0 {
                tiles.push(Tile { rows: first..position as u32 + 1, operations: sum });
                (first, sum) = (position as u32 + 1, 0);
            }
        }
        tiles.reverse();
        Self { sides, tiles, operations, row_operations }
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
