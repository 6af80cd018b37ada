//! The cost model: what a job takes, from degrees alone.
//!
//! All costs are picoseconds of one core. The constants of a [`Machine`] were fitted to measured
//! runs (see `docs/performance.md`; those of NEON and simd128 are estimates), or a calibration
//! measured them ([`crate::calibrate`]). Results do not depend on them.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::{
    executor::Executor,
    interactions::Interactions,
    kernel::arch::{BitRow, CHUNK, Kernel},
    matrix::{ItemTable, WeightKind, Work},
};

/// What one core of a machine pays for each step, in picoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Adding one user's bit row to the counts of a chunk.
    pub bit_row: u64,
    /// What is added where the chunk's rows lie in the third-level cache.
    pub far_bit_row: u64,
    /// What is added where they lie in memory.
    pub distant_bit_row: u64,
    /// What is added where weights are made of users' and items' factors.
    pub weighted_bit_row: u64,
    /// Making the bit row of one user: memory that is new to the program.
    pub make_bit_row: u64,
    /// Expanding and sifting the counts of a chunk.
    pub chunk: u64,
    /// Beginning a row.
    pub row: u64,
    /// Going to one user's list, in dense data.
    pub visit: u64,
    /// The same in sparse data, where lists lie far apart.
    pub sparse_visit: u64,
    /// One addition to an accumulator, and its share of sifting it, in dense data or among the
    /// most popular items.
    pub addition: u64,
    /// The same in sparse data.
    pub sparse_addition: u64,
    /// What is added where weights are added up.
    pub weighted_addition: u64,
    /// What is added where the sums of sparse data do not fit the second-level cache.
    pub far_addition: u64,
    /// Finding one neighbour of the result: scoring and offering it, and those it replaces.
    pub neighbour: u64,
    /// What is added where weights are added up: their scores hardly tie, so more are replaced.
    pub weighted_neighbour: u64,
    /// Taking one neighbour out of the selection.
    pub collect: u64,
    /// Arranging one interaction in the matrix, both ways.
    pub arrange: u64,
    /// What is added where the matrix does not fit the third-level cache.
    pub far_arrange: u64,
    /// What is added where it has weights.
    pub weighted_arrange: u64,
}

impl Machine {
    /// Returns what `kernel` pays on the machine that the model was fitted on.
    pub fn of(kernel: Kernel) -> Self {
        let (bit_row, chunk) = match kernel.name() {
            "avx512" => (900, 250_000),
            "avx2" => (2_200, 450_000),
            "neon" | "simd128" => (4_500, 650_000),
            _ => (8_000, 900_000),
        };
        // Without instructions for it, bits are gone through one by one, which lists do better.
        let weighted_bit_row = if kernel.name() == "avx512" { 12_000 } else { 1_000_000 };
        Self {
            bit_row,
            far_bit_row: 600,
            distant_bit_row: 12_000,
            weighted_bit_row,
            make_bit_row: 25_000,
            chunk,
            row: 45_000,
            visit: 2_500,
            sparse_visit: 42_000,
            addition: 1_100,
            sparse_addition: 1_300,
            weighted_addition: 100,
            far_addition: 5_000,
            neighbour: 75_000,
            weighted_neighbour: 60_000,
            collect: 21_000,
            arrange: 8_000,
            far_arrange: 6_500,
            weighted_arrange: 8_000,
        }
    }
}

impl Machine {
    /// Predicts arranging so many interactions; `value`: bytes of a weight, 0 where all are 1.
    pub(crate) fn arranging(&self, interactions: usize, value: usize) -> f64 {
        let bytes = 2 * interactions * (size_of::<u32>() + value);
        let far = if bytes > THIRD_LEVEL / 2 { self.far_arrange } else { 0 };
        let weighted = if value > 0 { self.weighted_arrange } else { 0 };
        (self.arrange + far + weighted) as f64 * interactions as f64
    }

    /// Predicts finding so many neighbours of the result, next to counting. `is_unit`: every weight
    /// is 1.
    pub(crate) fn finding(&self, neighbours: f64, is_unit: bool) -> f64 {
        let weighted = if is_unit { 0 } else { self.weighted_neighbour };
        (self.neighbour + weighted) as f64 * neighbours
    }

    /// Predicts taking so many neighbours out of the selection.
    pub(crate) fn collecting(&self, neighbours: f64) -> f64 {
        self.collect as f64 * neighbours
    }
}

/// What one core pays on data of a known size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CostModel {
    /// Adding one user's bit row to the counts of a chunk.
    bit_row: u64,
    /// Expanding and sifting the counts of a chunk.
    chunk: u64,
    /// Going to one user's list.
    visit: u64,
    /// One addition to an accumulator, and its share of sifting it.
    addition: u64,
    /// The same among the most popular items, which the nearest cache holds.
    popular_addition: u64,
    /// Beginning a row.
    row: u64,
}

/// The data that a cost model is made for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// Users.
    pub(crate) users: usize,
    /// Items.
    pub(crate) items: usize,
    /// Additions of all rows against all items.
    pub(crate) additions: u64,
    /// What is added up: counts or weights.
    pub(crate) weights: WeightKind,
}

impl Extent {
    /// Tells whether most pairs of items that share a user share just one: a row adds to a small
    /// part of all items.
    pub(crate) const fn is_sparse(&self) -> bool {
        let items = self.items as u64;
        self.additions < items * items / 4
    }
}

/// Bits of a chunk that stay in a core's second-level cache, and in the third.
const SECOND_LEVEL: usize = 1 << 20;
const THIRD_LEVEL: usize = 1 << 24;

/// Sums of a row that stay in the second-level cache: most go to popular items, at the front.
const NEAR_SUMS: usize = 1 << 21;

/// Chunks whose accumulators stay in the nearest cache.
const POPULAR_CHUNKS: usize = 8;

/// The head may take this many bytes per interaction.
const HEAD_BYTES_PER_INTERACTION: usize = 16;

impl CostModel {
    /// Says what `machine` pays on data of some extent.
    pub(crate) fn of(machine: &Machine, extent: &Extent) -> Self {
        let far = match extent.users * size_of::<BitRow>() {
            bytes if bytes <= SECOND_LEVEL => 0,
            bytes if bytes <= THIRD_LEVEL => machine.far_bit_row,
            _ => machine.distant_bit_row,
        };
        let (weighted, of_bits) = match extent.weights {
            WeightKind::One => (0, 0),
            WeightKind::Separable => (machine.weighted_addition, machine.weighted_bit_row),
            WeightKind::Own => (machine.weighted_addition, 0),
        };
        // Sparse sums lie far apart, and so do the few that are then sifted.
        let (visit, addition) = if extent.is_sparse() {
            let is_far = extent.items * extent.weights.sum_bytes() > NEAR_SUMS;
            let far = if is_far { machine.far_addition } else { 0 };
            (machine.sparse_visit, machine.sparse_addition + far)
        } else {
            (machine.visit, machine.addition)
        };
        Self {
            bit_row: machine.bit_row + far + of_bits,
            chunk: machine.chunk,
            visit,
            addition: addition + weighted,
            popular_addition: machine.addition + weighted,
            row: machine.row,
        }
    }

    /// Predicts one row against one chunk of the head.
    pub(crate) fn head_row(&self, support: u32) -> u64 {
        self.row / 4 + self.chunk + u64::from(support) * self.bit_row
    }

    /// Predicts one row against the tail.
    pub(crate) fn tail_row(&self, support: u32, additions: u64) -> u64 {
        self.row + u64::from(support) * self.visit + additions * self.addition
    }
}

/// Chooses how many chunks the head has: as many as make all rows together cheapest.
/// Cost: O(items).
pub(crate) fn choose_head(
    work: &Work,
    supports: &[u32],
    users: usize,
    weights: WeightKind,
    machine: &Machine,
) -> usize {
    let chunks = supports.len().div_ceil(CHUNK);
    let mut additions = vec![0_u64; chunks];
    let mut interactions = 0;
    for (position, support) in supports.iter().enumerate() {
        // What a pair costs is booked on its more popular item: what is not smaller, not itself.
        additions[position / CHUNK] += work.of_later(position, *support);
        interactions += *support as usize;
    }
    let pairs = 2 * additions.iter().sum::<u64>();
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
        additions[chunk] * if popular { model.popular_addition } else { model.addition }
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
pub(crate) const fn near_width(weights: WeightKind) -> usize {
    NEAREST / weights.sum_bytes()
}

/// Chooses how many blocks of [`near_width`] to cut off the tail, which begins at `first`. Sums of
/// weights are wide: in the second-level cache an addition costs about twice what it does in the
/// nearest. But every row after a block has to go to its users' lists once more, which is not worth
/// it where it adds little to the block each time: sparse data is not cut. Cost: O(items).
pub(crate) fn choose_cuts(
    work: &Work,
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
        block.map(|at| work.of_later(at, supports[at])).sum::<u64>() * machine.addition > again
    };
    // What is left after the last cut is a block, too.
    (0..tail.len().saturating_sub(1) / width).take_while(pays).count()
}

/// Items in the order of the matrix, with the work of their rows.
pub(crate) struct Survey {
    /// Position -> code.
    pub(crate) codes: Vec<u32>,
    /// Users per position, descending.
    pub(crate) supports: Vec<u32>,
    /// Additions per position; those of the tail are left out.
    pub(crate) work: Work,
}

/// Finds what [`Matrix`](crate::matrix::Matrix) will find, without arranging the interactions.
/// Cost: O(interactions · log of the longest row), and 16 B per item and worker.
pub(crate) fn survey(interactions: &Interactions, executor: &impl Executor) -> Survey {
    let by_code = interactions.supports();
    let codes = ItemTable::order(&by_code);
    let positions = ItemTable::positions(&codes);
    let (users, pieces) = (interactions.users(), executor.workers());
    let parts = executor.map(pieces, |piece| {
        let (mut all, mut smaller) = (vec![0; codes.len()], vec![0; codes.len()]);
        let mut row = Vec::new();
        for user in users * piece / pieces..users * (piece + 1) / pieces {
            row.clear();
            let items = interactions.of(user as u32).iter();
            row.extend(items.map(|item| positions[*item as usize]));
            row.sort_unstable();
            for (before, position) in (0..).zip(&row) {
                all[*position as usize] += row.len() as u64;
                smaller[*position as usize] += before;
            }
        }
        (all, smaller)
    });
    let mut work = Work::default();
    work.all.resize(codes.len(), 0);
    work.smaller.resize(codes.len(), 0);
    let add = |sums: &mut Vec<u64>, part: &[u64]| {
        sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
    };
    for (all, smaller) in parts {
        add(&mut work.all, &all);
        add(&mut work.smaller, &smaller);
    }
    let supports = codes.iter().map(|code| by_code[*code as usize]).collect();
    Survey { codes, supports, work }
}
