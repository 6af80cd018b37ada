//! What rows add up, from degrees alone, and the cuts that make it cheapest: how large the dense
//! head is, and whether the tail is cut.

use std::ops::Range;

use super::model::{CostModel, Extent, Machine};
use crate::{
    simd::{BitRow, CHUNK},
    weighting::WeightKind,
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

    /// Counts the additions that the rows after `position` make to it; `support`: its users.
    pub(crate) fn of_later(&self, position: usize, support: u32) -> u64 {
        self.all[position] - self.smaller[position] - u64::from(support)
    }

    /// Predicts how many others the item at each position meets; `supports`: its users.
    pub(crate) fn others_met(&self, supports: &[u32]) -> impl Iterator<Item = f64> {
        let others = (supports.len() as f64 - 1.0).max(1.0);
        let pairs = self.all.iter().zip(supports).map(|(all, own)| all - u64::from(*own));
        pairs.map(move |pairs| others_met(pairs, others))
    }
}

/// Predicts how many of `others` an item meets in so many pairs: those that fall on them at random
/// leave some of them out.
fn others_met(pairs: u64, others: f64) -> f64 {
    others * (1.0 - libm::exp(-(pairs as f64) / others))
}

/// Chunks whose accumulators stay in the nearest cache.
const POPULAR_CHUNKS: usize = 8;

/// The head may take this many bytes per interaction.
const HEAD_BYTES_PER_INTERACTION: usize = 16;

/// Chooses how many chunks the head has: as many as make all rows together cheapest.
/// Cost: O(items).
pub(super) fn choose_head(
    additions: &Additions,
    supports: &[u32],
    users: usize,
    weights: WeightKind,
    machine: &Machine,
) -> usize {
    let chunks = supports.len().div_ceil(CHUNK);
    let mut of_chunks = vec![0_u64; chunks];
    let mut interactions = 0;
    for (position, support) in supports.iter().enumerate() {
        // What a pair costs is booked on its more popular item: what is not smaller, not itself.
        of_chunks[position / CHUNK] += additions.of_later(position, *support);
        interactions += *support as usize;
    }
    let pairs = 2 * of_chunks.iter().sum::<u64>();
    let items = supports.len();
    let extent = Extent { users, items, additions: pairs, weights };
    let model = CostModel::of(machine, &extent);
    let bytes = users * size_of::<BitRow>();
    let room = (interactions * HEAD_BYTES_PER_INTERACTION).max(1 << 26);
    let most = chunks.min(room / bytes.max(1));

    // From the sparse end: what the rows from each chunk on cost in the head and in the tail.
    let mut visits = vec![0_u64; chunks + 1];
    let mut rows = vec![0_u64; chunks + 1];
    for chunk in (0..chunks).rev() {
        let positions = chunk * CHUNK..((chunk + 1) * CHUNK).min(supports.len());
        let of_chunk = &supports[positions];
        visits[chunk] = visits[chunk + 1]
            + of_chunk.iter().map(|support| model.tail_row(*support, 0)).sum::<u64>();
        rows[chunk] =
            rows[chunk + 1] + of_chunk.iter().map(|support| model.head_row(*support)).sum::<u64>();
    }
    let scatters = |chunk: usize| {
        let popular = chunk < POPULAR_CHUNKS;
        of_chunks[chunk] * if popular { model.popular_addition } else { model.addition }
    };
    let made = users as u64 * machine.make_bit_row;
    let mut scatter = (0..chunks).map(scatters).sum::<u64>();
    let (mut best, mut least, mut head) = (0, scatter + visits[0], 0);
    for chunk in 0..most {
        head += made + rows[chunk];
        scatter -= scatters(chunk);
        let total = head + scatter + visits[chunk + 1];
        if total < least {
            (best, least) = (chunk + 1, total);
        }
    }
    best
}

/// Bytes of the sums that the nearest cache holds.
const NEAREST: usize = 1 << 15;

/// Counts the positions of a block whose sums stay in the nearest cache.
pub(super) const fn near_width(weights: WeightKind) -> usize {
    NEAREST / weights.sum_bytes()
}

/// Chooses how many blocks of [`near_width`] to cut off the tail, which begins at `first`. Sums of
/// weights are wide: in the second-level cache an addition costs about twice what it does in the
/// nearest. But every row after a block has to go to its users' lists once more, which is not worth
/// it where it adds little to the block each time: sparse data is not cut. Cost: O(items).
pub(super) fn choose_cuts(
    additions: &Additions,
    supports: &[u32],
    first: usize,
    extent: &Extent,
    machine: &Machine,
) -> usize {
    if extent.weights == WeightKind::One || extent.is_sparse() {
        return 0;
    }
    let model = CostModel::of(machine, extent);
    let (tail, width) = (first..supports.len(), near_width(extent.weights));
    let going = |rows: Range<usize>| {
        supports[rows].iter().map(|support| model.tail_row(*support, 0)).sum::<u64>()
    };
    let mut again = going(tail.clone());
    let pays = |cut: &usize| {
        let block = tail.start + cut * width..tail.start + (cut + 1) * width;
        again -= going(block.clone());
        block.map(|at| additions.of_later(at, supports[at])).sum::<u64>() * machine.addition > again
    };
    // What is left after the last cut is a block, too.
    (0..tail.len().saturating_sub(1) / width).take_while(pays).count()
}
