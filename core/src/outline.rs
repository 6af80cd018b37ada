//! How the work is cut where blocks do not fit in memory together: the plan's decisions, from
//! what can be counted while users pass by.

use std::ops::Range;

use crate::{
    cost::{CostModel, Extent, Machine, choose_cuts, choose_head, near_width},
    kernel::{ItemFilter, arch::CHUNK},
    matrix::{ItemTable, Layout, WeightKind, Work, tail_blocks},
    outlook::others_met,
    plan::Sides,
};

/// How many additions each row takes, by position. Cost: 16 B per item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Additions {
    /// Against every position, itself included.
    pub all: Vec<u64>,
    /// Against every smaller position.
    pub smaller: Vec<u64>,
}

impl Additions {
    /// Begins to count for so many items.
    pub fn new(items: usize) -> Self {
        Self { all: vec![0; items], smaller: vec![0; items] }
    }

    /// Counts those of one user, whose positions come in ascending order.
    pub fn count(&mut self, positions: impl ExactSizeIterator<Item = u32>) {
        let degree = positions.len() as u64;
        for (before, position) in (0..).zip(positions) {
            self.all[position as usize] += degree;
            self.smaller[position as usize] += before;
        }
    }

    /// Adds those of other users.
    pub fn add(&mut self, other: &Self) {
        let add = |sums: &mut [u64], more: &[u64]| {
            sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        };
        add(&mut self.all, &other.all);
        add(&mut self.smaller, &other.smaller);
    }
}

/// What is decided before blocks are made. The result is the same whatever it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Which pairs rows compute.
    pub sides: Sides,
    /// Most pairs that share a user share just one: rare rows and blocks come first.
    pub is_sparse: bool,
    /// Chunks of 512 items that are worth a block of bits each.
    pub chunks: usize,
    /// Blocks that are worth cutting off the front of the tail.
    cuts: usize,
    /// Pair operations: what adding up every pair of a user's items once takes.
    pub operations: u64,
    /// Picoseconds of one core that computing all pairs takes, by prediction: each once, and from
    /// the rows that are asked for alone.
    costs: (u64, u64),
}

impl Outline {
    /// Decides. `supports` are by position, `codes` the codes there; `weights`: what there are.
    /// Cost: O(items).
    pub fn new(
        additions: &Additions,
        users: usize,
        codes: &[u32],
        supports: &[u32],
        filter: &ItemFilter,
        layout: Layout,
        weights: WeightKind,
    ) -> Self {
        let Additions { all, smaller } = additions.clone();
        let work = Work { all, smaller, ..Work::default() };
        let machine = layout.machine.unwrap_or_else(|| Machine::of(layout.kernel));
        let chunks = match layout.head {
            // Bits do not tell weights of their own.
            _ if weights == WeightKind::Own => 0,
            Some(chunks) => chunks.min(codes.len().div_ceil(CHUNK)),
            None => choose_head(&work, supports, users, weights, &machine),
        };
        let additions_of_all = work.all.iter().sum();
        let extent = Extent { users, items: supports.len(), additions: additions_of_all, weights };
        let is_sparse = extent.is_sparse();
        let model = CostModel::of(&machine, &extent);
        // What falls on the head is added up by bits.
        let first = (chunks * CHUNK).min(codes.len());
        let on_tail = (first..codes.len()).map(|at| work.of_later(at, supports[at])).sum::<u64>();
        let total = work.smaller.iter().sum::<u64>().max(1);
        let tail = |additions: u64| {
            (u128::from(additions) * u128::from(on_tail) / u128::from(total)) as u64
        };
        let whole = (0..codes.len()).filter(|row| filter.wants(codes[*row])).map(|row| {
            let head = chunks as u64 * model.head_row(supports[row]);
            head + model.tail_row(supports[row], tail(work.all[row]))
        });
        let half = (0..codes.len()).map(|row| {
            let head = chunks.min(row / CHUNK + 1) as u64 * model.head_row(supports[row]);
            head + model.tail_row(supports[row], tail(work.smaller[row]))
        });
        let costs = (half.sum::<u64>(), whole.sum::<u64>());
        let sides = if costs.1 < costs.0 { Sides::Row } else { Sides::Both };
        let operations = Self::count(additions, sides, codes, filter);
        let cuts = choose_cuts(&work, supports, first, &extent, &machine);
        Self { sides, is_sparse, chunks, cuts, operations, costs }
    }

    /// Predicts the picoseconds of one core that counting takes where rows compute `sides`.
    pub fn cost(&self, sides: Sides) -> u64 {
        match sides {
            Sides::Both => self.costs.0,
            Sides::Row => self.costs.1,
        }
    }

    fn count(additions: &Additions, sides: Sides, codes: &[u32], filter: &ItemFilter) -> u64 {
        match sides {
            Sides::Both => additions.smaller.iter().sum(),
            Sides::Row => {
                let wanted =
                    additions.all.iter().zip(codes).filter(|(_, code)| filter.wants(**code));
                wanted.map(|(additions, _)| *additions).sum()
            }
        }
    }

    /// Predicts how many neighbours there will be, of `top` per item: about, and at most where
    /// pairs may fall to `threshold` or `min_overlap`. Cost: O(items).
    pub fn neighbours(
        additions: &Additions,
        codes: &[u32],
        supports: &[u32],
        filter: &ItemFilter,
        top: u32,
    ) -> f64 {
        let others = (codes.len() as f64 - 1.0).max(1.0);
        let pairs = additions.all.iter().zip(supports).map(|(all, own)| all - u64::from(*own));
        let wanted = pairs.zip(codes).filter(|(_, code)| filter.wants(**code));
        wanted.map(|(pairs, _)| others_met(pairs, others).min(f64::from(top))).sum()
    }

    /// Cuts the tail into the blocks that are computed fastest; some may have to be cut further.
    pub fn tail_blocks(&self, table: &ItemTable, weights: WeightKind) -> Vec<Range<u32>> {
        let tail = self.head_items(table)..table.len();
        tail_blocks(tail, self.cuts, near_width(weights))
            .map(|block| block.start as u32..block.end as u32)
            .collect()
    }

    /// Counts the items in the head.
    pub fn head_items(&self, table: &ItemTable) -> usize {
        (self.chunks * CHUNK).min(table.len())
    }
}
