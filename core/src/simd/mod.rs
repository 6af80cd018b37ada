//! What the machine offers beyond portable code: the only place in core with `unsafe`.
//!
//! Every path gives the same numbers as the portable one; [`Kernel`] says which are there, and
//! only this module makes one. Lists of indices are checked once (`Indices`), then used
//! without checks.
#![allow(
    clippy::inline_always,
    reason = "code shared by instruction sets must be compiled with those of its caller"
)]

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod access;
mod checked;
mod counter;
mod gather;
mod groups;
mod isa;
mod portable;
mod tally;
mod types;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm32;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use self::isa::Isa;
pub(crate) use self::{
    access::{add_at, prefetch},
    checked::Lists,
    gather::Gathered,
    groups::{Bounds, Floors, GROUP, Groups},
    tally::Tally,
    types::{CHUNK, Factors, Indices, Sieve, WeightedSum},
};
pub use self::{isa::Kernel, types::BitRow};

impl Kernel {
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

    /// Counts, for each of the chunk's 512 items, how many of `users` have it: a positional
    /// population count of their rows. Returns the groups in which some count reaches its floor;
    /// `counts` of other groups stay as they are.
    ///
    /// # Panics
    /// If there are fewer rows than users.
    #[inline]
    pub(super) fn count(
        self,
        rows: &[BitRow],
        users: Indices<'_>,
        floors: &Floors,
        counts: &mut [u32; CHUNK],
    ) -> Groups {
        assert!(users.bound <= rows.len(), "every user has a row");
        if users.list.len() < usize::from(floors.lowest()) {
            return Groups::NONE;
        }
        match self.0 {
            Isa::Portable => portable::count(rows, users.list, floors, counts),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => x86_64::count_avx2(self, rows, users, floors, counts),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => x86_64::count_avx512(self, rows, users, floors, counts),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => counter::count_with::<aarch64::Row128>(rows, users, floors, counts),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Isa::Simd128 => counter::count_with::<wasm32::Row128>(rows, users, floors, counts),
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

    /// Does the same in some groups of a chunk's counts; those past the last count are left out.
    #[inline]
    pub(crate) fn select_groups(
        self,
        groups: Groups,
        counts: &[u32],
        sieve: &Sieve<'_>,
        mut visit: impl FnMut(usize),
    ) {
        for first in
            groups.each().map(|group| group * GROUP).take_while(|first| *first < counts.len())
        {
            let part = first..(first + GROUP).min(counts.len());
            let sieve = Sieve {
                factors: &sieve.factors[part.clone()],
                hurdles: &sieve.hurdles[part.clone()],
                ..*sieve
            };
            self.select(&counts[part], &sieve, |index| visit(first + index));
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
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => x86_64::ranks_avx2(self, keys, ranks),
            _ => portable::ranks(keys, ranks),
        }
    }

    /// Returns whether ranking a hundred keys takes less than sorting them.
    pub(crate) const fn ranks_fast(self) -> bool {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 | Isa::Avx512 => true,
            _ => false,
        }
    }
}

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
            let mut counts = [u32::MAX; CHUNK];
            let groups = kernel.count(rows, users, &Floors::OF_PAIRS, &mut counts);
            for (group, expected) in expected.chunks(GROUP).enumerate() {
                // Whatever the counts held before is gone, unless there are none.
                let has = has_group(groups, group);
                let counts = &counts[group * GROUP..][..GROUP];
                let is_right = if has { counts == expected } else { expected == [0; GROUP] };
                assert!(is_right, "{} of {} users", kernel.name(), users.list.len());
            }
        }
    }

    fn has_group(groups: Groups, group: usize) -> bool {
        groups.0 >> group & 1 == 1
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
    fn groups_are_left_out_only_if_no_count_reaches_their_floor() {
        let (rows, full) = (random_rows(1_000, 2, 9), random_rows(70_000, 0, 9));
        let everybody = (0..70_000).collect::<Vec<_>>();
        assert_groups(&full, &everybody, 5);
        assert_groups(&full, &everybody[..65_535], 6);
        for users in [0, 1, 2, 15, 16, 17, 100, 1_000] {
            assert_groups(&rows, &random_users(users, rows.len(), 5), users as u64);
        }
    }

    /// Counts with floors around what the counts are.
    fn assert_groups(rows: &[BitRow], users: &[u32], seed: u64) {
        let (mut dice, expected) = (Pcg32::new(seed, 2), plain_counts(rows, users));
        let most = |group: usize| expected[group * GROUP..][..GROUP].iter().max().copied();
        let mosts = std::array::from_fn::<_, 32, _>(|group| most(group).unwrap_or(0));
        let list = Indices::new(users, rows.len()).unwrap();
        for (kernel, _) in
            Kernel::available().into_iter().flat_map(|one| [(one, 1), (one, 2), (one, 3)])
        {
            let floors = Floors(mosts.map(|most| {
                let floor = (most + dice.next_u32() % 4).saturating_sub(1);
                floor.clamp(1, u32::from(u16::MAX)) as u16
            }));
            let mut counts = [7; CHUNK];
            let groups = kernel.count(rows, list, &floors, &mut counts);
            for (group, most) in mosts.into_iter().enumerate() {
                let (has, name) = (has_group(groups, group), kernel.name());
                assert!(has || most < u32::from(floors.0[group]), "{name}: {most}, {floors:?}");
                // Four groups may be taken together.
                let four = &floors.0[group / 4 * 4..][..4];
                assert!(!has || four.iter().any(|floor| most >= u32::from(*floor)), "{name}");
                let counts = &counts[group * GROUP..][..GROUP];
                assert!(!has || *counts == expected[group * GROUP..][..GROUP], "{name}");
                assert!(has || *counts == [7; GROUP], "{name}");
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
                let users = Indices::new(&[0], 3).unwrap();
                kernel.count(&rows[..2], users, &Floors::OF_PAIRS, &mut [0; CHUNK]);
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
        #![proptest_config(ProptestConfig::with_cases(crate::testing::cases(300)))]

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
        #![proptest_config(ProptestConfig::with_cases(crate::testing::cases(600)))]

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
        fn what_matters_reaches_its_groups_floor_and_is_selected(
            columns in vec((select(COUNTS), select(FACTORS), select(LIMITS)), 1..150),
            row_limit in select(LIMITS),
            column_factor in select(FACTORS),
            gives in any::<bool>(),
            chosen in any::<u32>(),
        ) {
            let counts = columns.iter().map(|(count, ..)| *count).collect::<Vec<_>>();
            let factors = columns.iter().map(|(_, factor, _)| *factor).collect::<Vec<_>>();
            let hurdles = columns.iter().map(|(.., hurdle)| *hurdle).collect::<Vec<_>>();
            let column_factor = if gives { column_factor } else { f32::NAN };
            let sieve = Sieve { factors: &factors, hurdles: &hurdles, row_limit, column_factor };
            let expected = plain_selection(&counts, &sieve);
            let Floors(floors) = Bounds::new(&factors, &hurdles).floors(&sieve);
            for index in &expected {
                let floor = floors[*index / GROUP];
                // A row that takes nothing may be let go.
                let for_row = row_limit < f32::INFINITY
                    && counts[*index] as f32 * factors[*index] >= row_limit;
                let for_column = counts[*index] as f32 * column_factor >= hurdles[*index];
                let reaches = counts[*index] >= u32::from(floor);
                prop_assert!(reaches || !(for_row || for_column), "{} of {floor}", counts[*index]);
            }
            let in_groups = expected.into_iter().filter(|index| has_group(Groups(chosen), *index / GROUP));
            let in_groups = in_groups.collect::<Vec<_>>();
            for kernel in Kernel::available() {
                let mut found = Vec::new();
                kernel.select_groups(Groups(chosen), &counts, &sieve, |index| found.push(index));
                prop_assert_eq!(&found, &in_groups, "{}", kernel.name());
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
