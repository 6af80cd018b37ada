//! The cost model: what a row takes on each path, from degrees alone.
//!
//! All costs are picoseconds of one core; the constants were fitted to measured runs (see
//! `docs/performance.md`; those of NEON and simd128 are estimates) and need only be right in
//! proportion.

use crate::{
    kernel::arch::{CHUNK, Kernel},
    matrix::Work,
};

/// What one core pays.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CostModel {
    /// Adding one user's bit row to the counts of a chunk.
    pub(crate) bit_row: u64,
    /// Expanding and sifting the counts of a chunk.
    pub(crate) chunk: u64,
    /// Going to one user's list.
    pub(crate) visit: u64,
    /// One addition to an accumulator, and its share of sifting it.
    pub(crate) addition: u64,
    /// The same among the most popular items, which the nearest cache holds.
    popular_addition: u64,
    /// Beginning a row.
    pub(crate) row: u64,
}

/// Bits of a chunk that stay in a core's second-level cache, and in the third.
const SECOND_LEVEL: usize = 1 << 20;
const THIRD_LEVEL: usize = 1 << 24;

/// Chunks whose accumulators stay in the nearest cache.
const POPULAR_CHUNKS: usize = 8;

/// The head may take this many bytes per interaction.
const HEAD_BYTES_PER_INTERACTION: usize = 16;

impl CostModel {
    /// Says what `kernel` pays on data of so many users.
    pub(crate) fn of(kernel: Kernel, users: usize, is_sparse: bool) -> Self {
        let (fast, chunk) = match kernel.name() {
            "avx512" => (900, 500_000),
            "avx2" => (2_200, 800_000),
            "neon" | "simd128" => (4_500, 1_000_000),
            _ => (9_000, 1_600_000),
        };
        let far = match users * size_of::<crate::kernel::arch::BitRow>() {
            bytes if bytes <= SECOND_LEVEL => 0,
            bytes if bytes <= THIRD_LEVEL => 600,
            _ => 5_000,
        };
        // Sparse sums lie far apart, and so do the few that are then sifted.
        let (visit, addition) = if is_sparse { (35_000, 9_000) } else { (6_000, 1_500) };
        Self { bit_row: fast + far, chunk, visit, addition, popular_addition: 1_500, row: 50_000 }
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

/// Tells whether most pairs of items that share a user share just one: a row adds to a small
/// part of all items. `additions`: of all rows against all items.
pub(crate) const fn is_sparse(additions: u64, items: usize) -> bool {
    let items = items as u64;
    additions < items * items / 4
}

/// Chooses how many chunks the head has: as many as make all rows together cheapest.
/// Cost: O(items).
pub(crate) fn choose_head(work: &Work, supports: &[u32], users: usize, kernel: Kernel) -> usize {
    let chunks = supports.len().div_ceil(CHUNK);
    let mut additions = vec![0_u64; chunks];
    let mut interactions = 0;
    for (position, support) in supports.iter().enumerate() {
        // What a pair costs is booked on its more popular item: what is not smaller, not itself.
        let greater = work.all[position] - work.smaller[position] - u64::from(*support);
        additions[position / CHUNK] += greater;
        interactions += *support as usize;
    }
    let pairs = 2 * additions.iter().sum::<u64>();
    let model = CostModel::of(kernel, users, is_sparse(pairs, supports.len()));
    let bytes = users * size_of::<crate::kernel::arch::BitRow>();
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
    let mut scatter = (0..chunks).map(scatters).sum::<u64>();
    let (mut best, mut least, mut head) = (0, scatter + visits[0], 0);
    for chunk in 0..most {
        head += rows[chunk];
        scatter -= scatters(chunk);
        let total = head + scatter + visits[chunk + 1];
        if total < least {
            (best, least) = (chunk + 1, total);
        }
    }
    best
}
