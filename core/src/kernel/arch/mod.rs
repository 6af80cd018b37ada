//! What the machine offers beyond portable code: the only place in core with `unsafe`.
//!
//! Every path gives the same numbers as the portable one; [`Kernel`] says which are there, and
//! only this module makes one. Lists of indices are checked once ([`Indices`]), then used
//! without checks.
#![allow(
    clippy::inline_always,
    reason = "code shared by instruction sets must be compiled with those of its caller"
)]

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod checked;
mod counter;
mod portable;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm32;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub(crate) use self::checked::Lists;
use self::counter::{Bits, DIGITS, Digits};

/// Items in one bit row.
pub(crate) const CHUNK: usize = 512;

/// One user's interactions with the items of one chunk of 512, a bit each: item i is bit i % 64 of
/// word i / 64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(align(64))]
pub struct BitRow(pub [u64; CHUNK / 64]);

/// Which instructions the inner loops use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel(Isa);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Isa {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "aarch64")]
    Neon,
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Simd128,
}

impl Kernel {
    /// Plain Rust, everywhere.
    pub const PORTABLE: Self = Self(Isa::Portable);

    /// Lists the kernels that this machine can run, the fastest first.
    pub fn available() -> Vec<Self> {
        let mut kernels = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if x86_64::has_avx512() {
                kernels.push(Self(Isa::Avx512));
            }
            if x86_64::has_avx2() {
                kernels.push(Self(Isa::Avx2));
            }
        }
        // NEON is part of every aarch64; a wasm module with simd128 only loads where it runs.
        #[cfg(target_arch = "aarch64")]
        kernels.push(Self(Isa::Neon));
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        kernels.push(Self(Isa::Simd128));
        kernels.push(Self::PORTABLE);
        kernels
    }

    /// Returns the fastest kernel that this machine can run.
    pub fn detect() -> Self {
        Self::available()[0]
    }

    /// Returns the kernel's name: `portable`, `avx2`, `avx512`, `neon` or `simd128`.
    pub const fn name(self) -> &'static str {
        match self.0 {
            Isa::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => "avx512",
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => "neon",
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Isa::Simd128 => "simd128",
        }
    }

    /// Counts, for each of the chunk's 512 items, how many of `users` have it: a positional
    /// population count of their rows. Returns false, with `counts` left as they are, if it is
    /// plain before that no count reaches `least`.
    ///
    /// # Panics
    /// If there are fewer rows than users.
    #[inline]
    pub(super) fn count(
        self,
        rows: &[BitRow],
        users: Indices<'_>,
        least: u32,
        counts: &mut [u32; CHUNK],
    ) -> bool {
        assert!(users.bound <= rows.len(), "every user has a row");
        if users.list.len() < least as usize {
            return false;
        }
        match self.0 {
            Isa::Portable => portable::count(rows, users.list, least, counts),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => x86_64::count_avx2(self, rows, users, least, counts),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => x86_64::count_avx512(self, rows, users, least, counts),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => count_with::<aarch64::Row128>(rows, users, least, counts),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Isa::Simd128 => count_with::<wasm32::Row128>(rows, users, least, counts),
        }
    }

    /// Adds up, for each of the chunk's 512 items, the products of a row with those of `users` that
    /// have the item, in their order.
    ///
    /// # Panics
    /// If there are fewer rows than users, or fewer factors.
    #[inline]
    pub(crate) fn add_products(
        self,
        rows: &[BitRow],
        users: Indices<'_>,
        factors: &Factors<'_>,
        dots: &mut [f64; CHUNK],
    ) {
        assert!(users.bound <= rows.len(), "every user has a row");
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => x86_64::add_products_avx512(self, rows, users, factors, dots),
            _ => portable::add_products(rows, users.list, factors, dots),
        }
    }

    /// Finds the counts that may matter: those with `count · factors[j] >= row_limit` or
    /// `count · column_factor >= hurdles[j]`, and calls `visit` with their position. A count of 0
    /// never matters.
    #[inline]
    pub(crate) fn select(self, counts: &[u32], sieve: &Sieve<'_>, visit: impl FnMut(usize)) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => x86_64::select_avx512(self, counts, sieve, visit),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => x86_64::select_avx2(self, counts, sieve, visit),
            _ => portable::select(counts, sieve, visit),
        }
    }

    /// Does the same for weighted sums: what is compared is the dot product, and a pair without
    /// overlap never matters.
    #[inline]
    pub(crate) fn select_weighted(
        self,
        sums: &[WeightedSum],
        sieve: &Sieve<'_>,
        visit: impl FnMut(usize),
    ) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => x86_64::select_weighted_avx512(self, sums, sieve, visit),
            _ => portable::select_weighted(sums, sieve, visit),
        }
    }

    /// Returns the k-th largest of `numbers`, of which there are no fewer, or a smaller number that
    /// at most a quarter more than `k` reach. Cost: O(n) for each bit in which they differ, at most,
    /// without branches.
    #[inline]
    pub(crate) fn about_kth(self, numbers: &[u32], k: usize) -> u32 {
        let enough = k as u32..=(k + k / 4) as u32;
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => x86_64::about_kth_avx512(self, numbers, enough),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => x86_64::about_kth_avx2(self, numbers, enough),
            _ => portable::about_kth(numbers, enough),
        }
    }

    /// Counts, for each of `keys`, how many of them are smaller: where it comes in their order.
    /// Cost: O(n²).
    #[inline]
    pub(crate) fn ranks(self, keys: &[u64], ranks: &mut [u32]) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => x86_64::ranks_avx512(self, keys, ranks),
            _ => portable::ranks(keys, ranks),
        }
    }

    /// Tells whether ranking a hundred keys takes less than sorting them.
    pub(crate) const fn ranks_fast(self) -> bool {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => true,
            _ => false,
        }
    }
}

/// Overlap and dot product of a weighted pair.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(16))]
pub(crate) struct WeightedSum {
    pub(crate) dot: f64,
    /// A count like any other, as f64: both are added to by one instruction.
    pub(crate) overlap: f64,
}

impl WeightedSum {
    /// Below this f32 loses its precision.
    const LEAST_ROUGH: f64 = 1e-30;

    /// Returns the dot product in f32, for bounds: infinite where f32 would lose its precision.
    #[inline]
    pub(crate) fn rough_dot(&self) -> f32 {
        if self.dot > Self::LEAST_ROUGH { self.dot as f32 } else { f32::INFINITY }
    }
}

/// What the weights of a row and a chunk are made of: an interaction
/// weighs the factor of its user times that of its item.
pub(crate) struct Factors<'a> {
    /// Those of users.
    pub(crate) users: &'a [f64],
    /// The row's own.
    pub(crate) row: f64,
    /// Those of the chunk's items, unless all are 1.
    pub(crate) items: Option<&'a [f64; CHUNK]>,
}

/// What counts are sifted by; see [`Kernel::select`]. All slices are as long as the counts.
pub(crate) struct Sieve<'a> {
    pub(super) factors: &'a [f32],
    pub(super) hurdles: &'a [f32],
    pub(super) row_limit: f32,
    pub(super) column_factor: f32,
}

impl Sieve<'_> {
    /// Returns what a number must at least be to matter anywhere, rounding aside. `factor`: the
    /// largest of the factors; `hurdle`: the lowest of the hurdles.
    #[inline]
    pub(super) fn least(&self, factor: f32, hurdle: f32) -> f32 {
        // No number is known to be too small where a limit or a factor is infinite the wrong way.
        let known = |least: f32| if least.is_nan() { f32::NEG_INFINITY } else { least };
        let for_row = known(self.row_limit / factor);
        let for_column = if self.column_factor > 0.0 {
            known(hurdle / self.column_factor)
        } else {
            f32::INFINITY
        };
        for_row.min(for_column)
    }

    /// Tells whether the number at `index` may matter.
    #[inline]
    pub(crate) fn admits(&self, index: usize, number: f32) -> bool {
        number * self.factors[index] >= self.row_limit
            || number * self.column_factor >= self.hurdles[index]
    }
}

/// Indices that are known to be below a bound.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Indices<'a> {
    list: &'a [u32],
    bound: usize,
}

impl<'a> Indices<'a> {
    /// Checks that all indices are below `bound`; `None` if one is not.
    fn new(list: &'a [u32], bound: usize) -> Option<Self> {
        let most = list.iter().copied().max();
        most.is_none_or(|most| (most as usize) < bound).then_some(Self { list, bound })
    }

    /// Returns the indices.
    #[inline]
    pub(crate) fn list(self) -> &'a [u32] {
        self.list
    }

    /// Returns values of no size, as many as indices.
    #[inline]
    pub(crate) fn unit(self) -> &'static [()] {
        static UNITS: [(); usize::MAX] = [(); usize::MAX];
        &UNITS[..self.list.len()]
    }

    /// Returns a part, which needs no new check.
    #[inline]
    pub(crate) fn slice(self, range: std::ops::Range<usize>) -> Self {
        Self { list: &self.list[range], bound: self.bound }
    }
}

/// Counts the digits of a chunk with vectors of a given width, whose instructions the caller has.
///
/// # Panics
/// If there are fewer rows than the users' bound.
#[inline(always)]
#[expect(unsafe_code, reason = "the users were checked once, and this is the innermost loop")]
fn count_digits<B: Bits>(rows: &[BitRow], users: Indices<'_>, digits: &mut Digits) -> usize {
    /// Rows are asked for this many users ahead.
    const AHEAD: usize = 32;
    assert!(users.bound <= rows.len(), "every user has a row");
    let list = users.list;
    let row = |index: usize, part| {
        // SAFETY: `counter::count` asks for indices below `list.len()`, every user is below
        // `bound`, and `bound` is at most the number of rows.
        B::load(unsafe { rows.get_unchecked(*list.get_unchecked(index) as usize) }, part)
    };
    let ahead = |first: usize| {
        if let Some(next) = list.get(first + AHEAD..first + AHEAD + 16) {
            for user in next {
                prefetch(rows, *user as usize);
            }
        }
    };
    counter::count::<B>(list.len(), row, ahead, digits)
}

/// Counts with vectors of a given width; see [`Kernel::count`].
#[inline(always)]
fn count_with<B: Bits>(
    rows: &[BitRow],
    users: Indices<'_>,
    least: u32,
    counts: &mut [u32; CHUNK],
) -> bool {
    let mut digits = [BitRow::default(); DIGITS];
    let used = count_digits::<B>(rows, users, &mut digits);
    let reaches = counter::reaches(&digits[..used], least);
    if reaches {
        counter::expand(&digits, used, counts);
    }
    reaches
}

/// Calls `add` with the sum at each index, up to the first index that is not below `end`, and the
/// value beside it.
///
/// # Panics
/// If there are fewer sums than the indices' bound, or another number of values than indices.
#[inline(always)]
#[expect(unsafe_code, reason = "the indices were checked once, and this is the innermost loop")]
pub(super) fn add_at<S, V: Copy>(
    sums: &mut [S],
    indices: Indices<'_>,
    values: &[V],
    end: u32,
    mut add: impl FnMut(u32, &mut S, V),
) {
    assert!(indices.bound <= sums.len(), "every index has a sum");
    assert_eq!(indices.list.len(), values.len(), "every index has a value");
    for (index, value) in indices.list.iter().zip(values) {
        if *index >= end {
            return;
        }
        // SAFETY: every index is below `bound`, which is at most the number of sums.
        add(*index, unsafe { sums.get_unchecked_mut(*index as usize) }, *value);
    }
}

/// Asks for the cache line that holds `slice[index]`, which is about to be read. Does nothing
/// past the end, or where the machine has no such instruction.
#[inline]
pub(crate) fn prefetch<T>(slice: &[T], index: usize) {
    if let Some(value) = slice.get(index) {
        prefetch_line(std::ptr::from_ref(value).cast());
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[expect(unsafe_code, reason = "the intrinsic takes a raw pointer")]
fn prefetch_line(address: *const i8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a prefetch reads nothing and cannot fault, whatever the address; SSE is part of
    // x86_64.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address) }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn prefetch_line(_address: *const i8) {}

#[cfg(test)]
mod tests {
    use proptest::{
        collection::vec,
        prelude::{ProptestConfig, any},
        prop_assert, prop_assert_eq, proptest,
        sample::select,
    };
    use rand_pcg::{Pcg32, rand_core::Rng};

    use super::*;

    /// Rows in which each item has about one in 2^`rarity` users.
    fn random_rows(rows: usize, rarity: u32, seed: u64) -> Vec<BitRow> {
        let mut dice = Pcg32::new(seed, 0);
        let mut word = || (0..rarity).fold(!0, |word, _| word & dice.next_u64());
        (0..rows).map(|_| BitRow(std::array::from_fn(|_| word()))).collect()
    }

    /// Users in no order, some of them twice.
    fn random_users(users: usize, rows: usize, seed: u64) -> Vec<u32> {
        let mut dice = Pcg32::new(seed, 1);
        (0..users).map(|_| dice.next_u32() % rows as u32).collect()
    }

    fn plain_counts(rows: &[BitRow], users: &[u32]) -> [u32; CHUNK] {
        let mut counts = [0; CHUNK];
        for user in users {
            for (words, word) in counts.chunks_exact_mut(64).zip(rows[*user as usize].0) {
                for (bit, count) in words.iter_mut().enumerate() {
                    *count += (word >> bit & 1) as u32;
                }
            }
        }
        counts
    }

    fn assert_counts(rows: &[BitRow], users: &[u32]) {
        let expected = plain_counts(rows, users);
        let users = Indices::new(users, rows.len()).unwrap();
        for kernel in Kernel::available() {
            // Whatever the counts held before is gone.
            let mut counts = [u32::MAX; CHUNK];
            assert!(kernel.count(rows, users, 0, &mut counts));
            assert!(counts == expected, "{} of {} users", kernel.name(), users.list.len());
        }
    }

    #[test]
    fn every_kernel_counts_what_a_loop_counts() {
        for rarity in [0, 1, 4] {
            let rows = random_rows(90, rarity, 7);
            for users in 0..=70 {
                assert_counts(&rows, &random_users(users, rows.len(), users as u64));
            }
        }
    }

    #[test]
    fn every_kernel_counts_around_powers_of_two() {
        let (random, full) = (random_rows(65_537, 1, 8), random_rows(65_537, 0, 8));
        for power in 7..=16 {
            for users in [(1 << power) - 1, 1 << power, (1 << power) + 1] {
                assert_counts(&random, &(0..users).collect::<Vec<_>>());
                assert_counts(&random, &random_users(users as usize, random.len(), 3));
                assert_counts(&full, &vec![65_536; users as usize]);
            }
        }
    }

    #[test]
    fn counts_are_left_out_only_if_none_reaches_the_least() {
        let rows = random_rows(1_000, 2, 9);
        for users in [0, 1, 2, 15, 16, 17, 100, 1_000] {
            let users = random_users(users, rows.len(), 5);
            let expected = plain_counts(&rows, &users);
            let most = expected.iter().copied().fold(0, u32::max);
            let list = Indices::new(&users, rows.len()).unwrap();
            let around = (most.saturating_sub(2)..most + 3).chain([0, 1, 2, 4, 8, 9, 4_000]);
            for (kernel, least) in around
                .flat_map(|least| Kernel::available().into_iter().map(move |one| (one, least)))
            {
                let mut counts = [7; CHUNK];
                let reaches = kernel.count(&rows, list, least, &mut counts);
                assert!(reaches || least > most, "{}: {least} of {most}", kernel.name());
                assert!(counts == if reaches { expected } else { [7; CHUNK] });
            }
        }
    }

    #[test]
    fn counts_need_no_more_rows_than_users_are_bound_by() {
        let rows = random_rows(3, 1, 1);
        assert_counts(&rows, &[2, 0, 2]);
        assert_counts(&[], &[]);
        for kernel in Kernel::available() {
            let few = std::panic::catch_unwind(|| {
                kernel.count(&rows[..2], Indices::new(&[0], 3).unwrap(), 0, &mut [0; CHUNK]);
            });
            assert!(few.is_err(), "{} takes fewer rows than users", kernel.name());
        }
    }

    #[test]
    fn an_index_at_its_bound_is_refused() {
        let list = [3, 0, 7];
        assert_eq!(Indices::new(&list, 8).unwrap().list, list);
        assert_eq!(Indices::new(&[], 0).unwrap().bound, 0);
        for (list, bound) in [(&list[..], 7), (&[0], 0), (&[u32::MAX], u32::MAX as usize)] {
            assert!(Indices::new(list, bound).is_none(), "{list:?} below {bound}");
        }
        let part = Indices::new(&list, 8).unwrap().slice(1..3);
        assert_eq!((part.list, part.bound), (&[0, 7][..], 8));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn every_kernel_ranks_as_a_sort_does(keys in vec(any::<u64>(), 0..140)) {
            let mut sorted = keys.clone();
            sorted.sort_unstable();
            let expected = keys.iter().map(|key| sorted.partition_point(|one| one < key) as u32);
            let expected = expected.collect::<Vec<_>>();
            for kernel in Kernel::available() {
                let mut ranks = vec![0; keys.len()];
                kernel.ranks(&keys, &mut ranks);
                prop_assert_eq!(&ranks, &expected, "{}", kernel.name());
            }
        }

        #[test]
        fn every_kernel_finds_about_the_kth_largest(
            numbers in vec(select(vec![0, 1, 7, 1 << 20, 0x3f80_0000, 0x3f80_0001, u32::MAX]), 1..80),
            others in vec(any::<u32>(), 0..80),
            k in 1..90_usize,
        ) {
            let mut sorted = [numbers, others].concat();
            let numbers = sorted.clone();
            sorted.sort_unstable_by(|a, b| b.cmp(a));
            let k = k.min(numbers.len());
            for kernel in Kernel::available() {
                let found = kernel.about_kth(&numbers, k);
                let reach = numbers.iter().filter(|number| **number >= found).count();
                let name = kernel.name();
                prop_assert!(found <= sorted[k - 1], "{name}: {found} is not reached by {k}");
                prop_assert!(found == sorted[k - 1] || reach <= k + k / 4, "{name}: {reach} of {k}");
            }
        }
    }

    /// What [`Kernel::select`] says that it finds.
    fn plain_selection(counts: &[u32], sieve: &Sieve<'_>) -> Vec<usize> {
        let matters = |index: &usize| {
            let count = counts[*index] as f32;
            let for_row = count * sieve.factors[*index] >= sieve.row_limit;
            let for_column = count * sieve.column_factor >= sieve.hurdles[*index];
            counts[*index] > 0 && (for_row || for_column)
        };
        (0..counts.len()).filter(matters).collect()
    }

    const COUNTS: &[u32] = &[0, 0, 1, 2, 3, 1_000, 16_777_217, 16_777_219, u32::MAX - 1, u32::MAX];
    const DOTS: &[f64] = &[0.0, 1e-40, 1e-30, 2e-30, 1.0 / 3.0, 1.0, 2.0, 1e30, 1e40];
    const FACTORS: &[f32] = &[1e-9, 1e-3, 1.0 / 3.0, 0.5, 1.0, 2.0, 1e9, f32::INFINITY];
    const LIMITS: &[f32] = &[
        f32::NEG_INFINITY,
        -1e30,
        -0.0,
        0.0,
        1e-40,
        1.0 / 3.0,
        1.0,
        2.0,
        16_777_216.0,
        16_777_218.0,
        1e30,
        f32::INFINITY,
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]

        #[test]
        fn every_kernel_selects_what_matters(
            columns in vec((select(COUNTS), select(FACTORS), select(LIMITS)), 0..150),
            row_limit in select(LIMITS),
            column_factor in select(FACTORS),
            gives in any::<bool>(),
        ) {
            let counts = columns.iter().map(|(count, ..)| *count).collect::<Vec<_>>();
            let factors = columns.iter().map(|(_, factor, _)| *factor).collect::<Vec<_>>();
            let hurdles = columns.iter().map(|(.., hurdle)| *hurdle).collect::<Vec<_>>();
            let column_factor = if gives { column_factor } else { 0.0 };
            let sieve = Sieve { factors: &factors, hurdles: &hurdles, row_limit, column_factor };
            let expected = plain_selection(&counts, &sieve);
            for kernel in Kernel::available() {
                let mut found = Vec::new();
                kernel.select(&counts, &sieve, |index| found.push(index));
                prop_assert_eq!(&found, &expected, "{}", kernel.name());
            }
            for (index, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                let admits = sieve.admits(index, *count as f32);
                prop_assert_eq!(admits, expected.contains(&index), "one at a time");
            }
        }

        #[test]
        fn every_kernel_selects_the_weighted_sums_that_matter(
            columns in vec(
                (select(DOTS), select(&[0.0, 1.0, 7.0]), select(FACTORS), select(LIMITS)),
                0..70,
            ),
            row_limit in select(LIMITS),
            column_factor in select(FACTORS),
        ) {
            let sum = |(dot, overlap, ..): &(f64, f64, f32, f32)| WeightedSum {
                dot: *dot,
                overlap: *overlap,
            };
            let sums = columns.iter().map(sum).collect::<Vec<_>>();
            let factors = columns.iter().map(|(.., factor, _)| *factor).collect::<Vec<_>>();
            let hurdles = columns.iter().map(|(.., hurdle)| *hurdle).collect::<Vec<_>>();
            let sieve = Sieve { factors: &factors, hurdles: &hurdles, row_limit, column_factor };
            let matters = |index: &usize| {
                let sum = &sums[*index];
                sum.overlap > 0.0 && sieve.admits(*index, sum.rough_dot())
            };
            let expected = (0..sums.len()).filter(matters).collect::<Vec<_>>();
            for kernel in Kernel::available() {
                let mut found = Vec::new();
                kernel.select_weighted(&sums, &sieve, |index| found.push(index));
                prop_assert_eq!(&found, &expected, "{}", kernel.name());
            }
        }

        #[test]
        fn what_matters_reaches_the_least(
            columns in vec((select(COUNTS), select(FACTORS), select(LIMITS)), 1..20),
            row_limit in select(LIMITS),
            column_factor in select(FACTORS),
            gives in any::<bool>(),
        ) {
            let counts = columns.iter().map(|(count, ..)| *count).collect::<Vec<_>>();
            let factors = columns.iter().map(|(_, factor, _)| *factor).collect::<Vec<_>>();
            let hurdles = columns.iter().map(|(.., hurdle)| *hurdle).collect::<Vec<_>>();
            let column_factor = if gives { column_factor } else { 0.0 };
            let sieve = Sieve { factors: &factors, hurdles: &hurdles, row_limit, column_factor };
            let factor = factors.iter().copied().fold(0.0, f32::max);
            let hurdle = hurdles.iter().copied().fold(f32::INFINITY, f32::min);
            // Roundings of the quotient and of the products may differ in the last digits.
            let least = sieve.least(factor, hurdle) * (1.0 - 1e-6);
            for index in plain_selection(&counts, &sieve) {
                // A row or a column that takes nothing may be let go.
                let for_row = row_limit < f32::INFINITY
                    && counts[index] as f32 * factors[index] >= row_limit;
                let for_column = gives && counts[index] as f32 * column_factor >= hurdles[index];
                let reaches = counts[index] >= least as u32;
                prop_assert!(reaches || !(for_row || for_column), "{} of {least}", counts[index]);
            }
        }
    }

    #[test]
    fn every_kernel_adds_the_same_products_in_the_same_order() {
        let rows = random_rows(700, 1, 3);
        let of_users = (0..700).map(|user| 1.0 / f64::from(user + 3)).collect::<Vec<_>>();
        let of_items = std::array::from_fn(|item| 1.0 / (item as f64 + 0.7));
        for (users, items) in [0, 1, 127, 128, 129, 700]
            .into_iter()
            .flat_map(|users| [None, Some(&of_items)].map(|items| (users, items)))
        {
            let users = random_users(users, rows.len(), 9);
            let mut expected = [0.5; CHUNK];
            for user in &users {
                let of_user = of_users[*user as usize];
                for (item, dot) in expected.iter_mut().enumerate() {
                    if rows[*user as usize].0[item / 64] >> (item % 64) & 1 == 1 {
                        let of_item = items.map_or(1.0, |items: &[f64; CHUNK]| items[item]);
                        *dot += of_user * 0.3 * (of_user * of_item);
                    }
                }
            }
            let users = Indices::new(&users, rows.len()).unwrap();
            for kernel in Kernel::available() {
                let mut dots = [0.5; CHUNK];
                let factors = Factors { users: &of_users, row: 0.3, items };
                kernel.add_products(&rows, users, &factors, &mut dots);
                assert!(dots.map(f64::to_bits) == expected.map(f64::to_bits), "{}", kernel.name());
            }
        }
    }

    #[test]
    fn every_length_is_selected_from() {
        for length in (0..=70).chain([511, 512, 513]) {
            let counts = (0..length).map(|index| index % 3).collect::<Vec<_>>();
            let (factors, hurdles) = (vec![0.5; counts.len()], vec![2.0; counts.len()]);
            for (row_limit, column_factor) in [(1.0, 0.0), (f32::INFINITY, 1.0)] {
                let sieve =
                    Sieve { factors: &factors, hurdles: &hurdles, row_limit, column_factor };
                for kernel in Kernel::available() {
                    let mut found = Vec::new();
                    kernel.select(&counts, &sieve, |index| found.push(index));
                    let twos = (0..counts.len()).filter(|index| index % 3 == 2);
                    assert!(found.into_iter().eq(twos), "{} of {length}", kernel.name());
                }
            }
        }
    }

    #[test]
    fn values_are_added_where_their_indices_say_up_to_the_end() {
        let list = [0, 2, 3, 5];
        let add = |sums: usize, values: &[u32], end| {
            let mut all = vec![0; sums];
            add_at(&mut all, Indices::new(&list, 6).unwrap(), values, end, |_, sum, value| {
                *sum += value;
            });
            all
        };
        assert_eq!(add(6, &[1, 2, 3, 4], 6), [1, 0, 2, 3, 0, 4]);
        assert_eq!(add(7, &[1, 2, 3, 4], 5), [1, 0, 2, 3, 0, 0, 0]);
        assert_eq!(add(6, &[1, 2, 3, 4], 0), [0; 6]);
        for (sums, values) in [(5, 4), (6, 3), (6, 5)] {
            let refused = std::panic::catch_unwind(|| add(sums, &vec![1; values], 6));
            assert!(refused.is_err(), "{sums} sums, {values} values");
        }
    }

    #[test]
    fn the_portable_kernel_comes_last_and_the_detected_one_first() {
        let kernels = Kernel::available();
        assert_eq!(kernels.last(), Some(&Kernel::PORTABLE));
        assert_eq!(kernels.first(), Some(&Kernel::detect()));
        let names = kernels.iter().map(|kernel| kernel.name());
        let names = names.collect::<std::collections::BTreeSet<_>>();
        assert_eq!(names.len(), kernels.len());
    }

    #[test]
    fn a_prefetch_past_the_end_does_nothing() {
        for index in [0, 1, 2, 3, usize::MAX] {
            prefetch(&[1_u8, 2], index);
            prefetch::<u64>(&[], index);
        }
    }
}
