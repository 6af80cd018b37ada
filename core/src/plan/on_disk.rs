//! How the work is cut where blocks do not fit in memory together: the plan's decisions, from
//! what can be counted while users pass by.

use std::ops::Range;

use super::{filter::ItemFilter, tiles::Sides};
use crate::{
    cost::{Additions, CostModel, Extent, Layout, Machine, Shape},
    simd::CHUNK,
    weighting::WeightKind,
};

/// What is decided before blocks are made. The result is the same whatever it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Which pairs rows compute.
    pub sides: Sides,
    /// Most pairs that share a user share just one: rare rows and blocks come first.
    pub is_sparse: bool,
    /// Chunks of 512 items that are worth a block of bits each.
    pub chunks: usize,
    shape: Shape,
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
        let shape = layout.shape(additions, supports, users, weights);
        let chunks = shape.chunks();
        let additions_of_all = additions.all.iter().sum();
        let extent = Extent { users, items: supports.len(), additions: additions_of_all, weights };
        let is_sparse = extent.is_sparse();
        // What falls on the head is added up by bits.
        let first = shape.head_items();
        let on_tail =
            (first..codes.len()).map(|at| additions.of_later(at, supports[at])).sum::<u64>();
        let total = additions.smaller.iter().sum::<u64>().max(1);
        let tail = |additions: u64| {
            (u128::from(additions) * u128::from(on_tail) / u128::from(total)) as u64
        };
        let costs = |machine: &Machine| {
            let model = CostModel::of(machine, &extent);
            let whole = (0..codes.len()).filter(|row| filter.wants(codes[*row])).map(|row| {
                let head = chunks as u64 * model.head_row(supports[row]);
                head + model.tail_row(supports[row], tail(additions.all[row]))
            });
            let half = (0..codes.len()).map(|row| {
                let head = chunks.min(row / CHUNK + 1) as u64 * model.head_row(supports[row]);
                head + model.tail_row(supports[row], tail(additions.smaller[row]))
            });
            (half.sum::<u64>(), whole.sum::<u64>())
        };
        // What was measured predicts, and decides nothing.
        let (both, row) = costs(&layout.model());
        let sides = if row < both { Sides::Row } else { Sides::Both };
        let costs = costs(&layout.machine());
        let operations = Self::count(additions, sides, codes, filter);
        Self { sides, is_sparse, chunks, shape, operations, costs }
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
        let met = additions.others_met(supports).zip(codes);
        let wanted = met.filter(|(_, code)| filter.wants(**code));
        wanted.map(|(met, _)| met.min(f64::from(top))).sum()
    }

    /// Cuts the tail into the blocks that are computed fastest; some may have to be cut further.
    pub fn tail_blocks(&self) -> Vec<Range<u32>> {
        self.shape.tail().map(|block| block.start as u32..block.end as u32).collect()
    }

    /// Counts the items in the head.
    pub fn head_items(&self) -> usize {
        self.shape.head_items()
    }
}
