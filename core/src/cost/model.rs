//! The cost model: what a machine pays for each step.
//!
//! All costs are picoseconds of one core. The constants of a [`Machine`] were fitted to measured
//! runs (see `docs/performance.md`; those of NEON and simd128 are estimates), or a calibration
//! measured them (`ilk_core::forecast::Workload`). Results do not depend on them.

use crate::{
    simd::{BitRow, Kernel},
    weighting::WeightKind,
};

/// What one core of a machine pays for each step, in picoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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
    /// Beginning a row that is computed whole.
    pub whole_row: u64,
    /// Going to one user's list from such a row.
    pub whole_visit: u64,
    /// One addition of such a row.
    pub whole_addition: u64,
    /// What is added where its counts do not fit the nearest cache.
    pub far_whole_addition: u64,
    /// Finding one neighbour of such a row.
    pub whole_neighbour: u64,
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
            whole_row: 45_000,
            whole_visit: 20_000,
            whole_addition: 900,
            far_whole_addition: 300,
            whole_neighbour: 60_000,
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

    /// Predicts finding so many neighbours of rows that are computed whole, next to counting.
    pub(crate) fn finding_whole(&self, neighbours: f64) -> f64 {
        self.whole_neighbour as f64 * neighbours
    }

    /// Predicts finding so many neighbours of the result, next to counting. `is_unit`: every weight
    /// is 1.
    pub(crate) fn finding(&self, neighbours: f64, is_unit: bool) -> f64 {
        let weighted = if is_unit { 0 } else { self.weighted_neighbour };
        (self.neighbour + weighted) as f64 * neighbours
    }

    /// Predicts finding so many neighbours in a plan; `share_of_head`: of the additions, where rows are
    /// computed whole.
    pub(crate) fn finding_in_plan(
        &self,
        neighbours: f64,
        is_unit: bool,
        share_of_head: Option<f64>,
    ) -> f64 {
        let finding = self.finding(neighbours, is_unit);
        match share_of_head {
            Some(share) => self.finding_whole(neighbours) + finding * share,
            None => finding,
        }
    }

    /// Returns whether bits are cheaper than lists for a chunk of columns, which so many `rows` with
    /// so many `visits` to users meet in so many `additions`.
    pub(crate) fn bits_pay(&self, rows: u64, visits: u64, additions: u64) -> bool {
        let as_bits =
            rows * (self.chunk + self.row / 4) + visits * (self.bit_row + self.far_bit_row);
        additions * self.addition > as_bits
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
    pub(super) addition: u64,
    /// The same among the most popular items, which the nearest cache holds.
    pub(super) popular_addition: u64,
    /// Beginning a row.
    row: u64,
    /// The same of rows that are computed whole: beginning, going to a list, adding.
    whole: (u64, u64, u64),
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
    /// Returns whether most pairs of items that share a user share just one: a row adds to a small
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

/// Bytes of what is counted and needed for each item where rows are computed whole.
const WHOLE_BYTES: usize = 3;

/// What the nearest cache holds.
const NEAREST: usize = 1 << 16;

impl CostModel {
    /// Returns what `machine` pays on data of some extent.
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
        let is_near = extent.items * WHOLE_BYTES <= NEAREST;
        let far_whole = if is_near { 0 } else { machine.far_whole_addition };
        let whole_addition = machine.whole_addition + far_whole;
        Self {
            whole: (machine.whole_row, machine.whole_visit, whole_addition),
            bit_row: machine.bit_row + far + of_bits,
            chunk: machine.chunk,
            visit,
            addition: addition + weighted,
            popular_addition: machine.addition + weighted,
            row: machine.row,
        }
    }

    /// Returns what one addition costs among items of any popularity.
    pub(crate) const fn addition(&self) -> u64 {
        self.addition
    }

    /// Returns what going to one user's list costs.
    pub(crate) const fn visit(&self) -> u64 {
        self.visit
    }

    /// Predicts one row against one chunk of the head.
    pub(crate) fn head_row(&self, support: u32) -> u64 {
        self.row / 4 + self.chunk + u64::from(support) * self.bit_row
    }

    /// Predicts one row against all of the tail, computed whole.
    pub(crate) fn whole_row(&self, support: u32, additions: u64) -> u64 {
        let (row, visit, addition) = self.whole;
        row + u64::from(support) * visit + additions * addition
    }

    /// Predicts one row against the tail.
    pub(crate) fn tail_row(&self, support: u32, additions: u64) -> u64 {
        self.row + u64::from(support) * self.visit + additions * self.addition
    }
}
