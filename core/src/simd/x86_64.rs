//! AVX2 and AVX-512.
#![expect(unsafe_code, reason = "vector instructions")]

use std::{
    arch::x86_64::{
        __m256i, __m512d, __m512i, _CMP_GE_OQ, _CMP_GT_OQ, _mm256_and_si256, _mm256_cmp_ps_mask,
        _mm256_cmpgt_epi64, _mm256_load_si256, _mm256_loadu_ps, _mm256_loadu_si256,
        _mm256_mask_blend_ps, _mm256_mul_ps, _mm256_or_si256, _mm256_set1_epi64x, _mm256_set1_ps,
        _mm256_setzero_si256, _mm256_store_si256, _mm256_storeu_si256, _mm256_sub_epi64,
        _mm256_xor_si256, _mm512_cmp_pd_mask, _mm512_cmp_ps_mask, _mm512_cmplt_epu64_mask,
        _mm512_cvtepu32_ps, _mm512_cvtpd_ps, _mm512_load_si512, _mm512_loadu_pd, _mm512_loadu_ps,
        _mm512_loadu_si512, _mm512_mask_add_epi32, _mm512_mask_add_pd, _mm512_movm_epi16,
        _mm512_mul_pd, _mm512_mul_ps, _mm512_permutex2var_pd, _mm512_set1_epi16, _mm512_set1_epi32,
        _mm512_set1_epi64, _mm512_set1_pd, _mm512_set1_ps, _mm512_setr_epi64, _mm512_setzero_pd,
        _mm512_setzero_si512, _mm512_slli_epi32, _mm512_store_si512, _mm512_storeu_pd,
        _mm512_storeu_si512, _mm512_ternarylogic_epi64, _mm512_test_epi16_mask,
        _mm512_test_epi32_mask,
    },
    ops::RangeInclusive,
};

use super::{
    access::prefetch,
    counter::{Bits, DIGITS, count_digits, count_with},
    groups::{Floors, GROUP, Groups},
    isa::{Isa, Kernel},
    portable,
    types::{BitRow, CHUNK, Factors, Indices, Sieve, WeightedSum},
};

pub(super) fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
}

pub(super) fn has_avx512() -> bool {
    has_avx2() && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw")
}

/// A whole row. Only made in functions that have AVX-512.
#[derive(Clone, Copy)]
struct Row512(__m512i);

impl Bits for Row512 {
    const PARTS: usize = 1;

    #[inline(always)]
    fn zero() -> Self {
        // SAFETY: inlined into functions that have AVX-512 only.
        unsafe { Self(_mm512_setzero_si512()) }
    }

    #[inline(always)]
    fn load(row: &BitRow, _part: usize) -> Self {
        // SAFETY: as above; a row is 64 bytes, aligned to 64.
        unsafe { Self(_mm512_load_si512(row.0.as_ptr().cast())) }
    }

    #[inline(always)]
    fn store(self, row: &mut BitRow, _part: usize) {
        // SAFETY: as above.
        unsafe { _mm512_store_si512(row.0.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    fn add(a: Self, b: Self, c: Self) -> (Self, Self) {
        // SAFETY: inlined into functions that have AVX-512 only. 0x96 is the truth table of a
        // three-way exclusive or, 0xe8 that of the majority.
        unsafe {
            (
                Self(_mm512_ternarylogic_epi64::<0x96>(a.0, b.0, c.0)),
                Self(_mm512_ternarylogic_epi64::<0xe8>(a.0, b.0, c.0)),
            )
        }
    }
}

/// Half a row. Only made in functions that have AVX2.
#[derive(Clone, Copy)]
struct Row256(__m256i);

impl Bits for Row256 {
    const PARTS: usize = 2;

    #[inline(always)]
    fn zero() -> Self {
        // SAFETY: inlined into functions that have AVX2 only.
        unsafe { Self(_mm256_setzero_si256()) }
    }

    #[inline(always)]
    fn load(row: &BitRow, part: usize) -> Self {
        // SAFETY: as above; both halves of a row are 32 bytes, aligned to 32.
        unsafe { Self(_mm256_load_si256(row.0[part * 4..part * 4 + 4].as_ptr().cast())) }
    }

    #[inline(always)]
    fn store(self, row: &mut BitRow, part: usize) {
        // SAFETY: as above.
        unsafe { _mm256_store_si256(row.0[part * 4..part * 4 + 4].as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    fn add(a: Self, b: Self, c: Self) -> (Self, Self) {
        // SAFETY: inlined into functions that have AVX2 only.
        unsafe {
            let half = _mm256_xor_si256(a.0, b.0);
            let carry = _mm256_or_si256(_mm256_and_si256(a.0, b.0), _mm256_and_si256(half, c.0));
            (Self(_mm256_xor_si256(half, c.0)), Self(carry))
        }
    }
}

#[inline]
pub(super) fn count_avx512(
    kernel: Kernel,
    rows: &[BitRow],
    users: Indices<'_>,
    floors: &Floors,
    counts: &mut [u32; CHUNK],
) -> Groups {
    assert_eq!(kernel.0, Isa::Avx512, "the kernel proves that the machine has AVX-512");
    // SAFETY: a kernel of that kind is only made where `has_avx512` holds.
    unsafe { count_512(rows, users, floors, counts) }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn count_512(
    rows: &[BitRow],
    users: Indices<'_>,
    floors: &Floors,
    counts: &mut [u32; CHUNK],
) -> Groups {
    let mut digits = [BitRow::default(); DIGITS];
    let used = count_digits::<Row512>(rows, users, &mut digits);
    let groups = reached_512(&digits[..used], floors);
    let (counts, _) = counts.as_chunks_mut::<GROUP>();
    for group in groups.each() {
        // The digits as masks: each adds its weight to the counts it has bits for.
        let mut sums = _mm512_setzero_si512();
        let mut weight = _mm512_set1_epi32(1);
        for digit in &digits[..used] {
            let mask = (digit.0[group / 4] >> (group % 4 * GROUP)) as u16;
            sums = _mm512_mask_add_epi32(sums, mask, sums, weight);
            weight = _mm512_slli_epi32::<1>(weight);
        }
        // SAFETY: a group has sixteen counts of four bytes.
        unsafe { _mm512_storeu_si512(counts[group].as_mut_ptr().cast(), sums) };
    }
    groups
}

/// Finds the groups in which a count reaches its floor: the digits of all counts are compared with
/// those of the floors at once.
#[target_feature(enable = "avx512f,avx512bw")]
fn reached_512(digits: &[BitRow], floors: &Floors) -> Groups {
    // SAFETY: the floors are 64 bytes, aligned to 64.
    let floors = unsafe { _mm512_load_si512(floors.0.as_ptr().cast()) };
    let mut reach = _mm512_set1_epi64(-1);
    for place in 0..digits.len().max(16) {
        // Floors have sixteen digits; past those of the counts, counts have none.
        let mut of_floors = _mm512_setzero_si512();
        if place < 16 {
            let bit = _mm512_set1_epi16(1 << place);
            of_floors = _mm512_movm_epi16(_mm512_test_epi16_mask(floors, bit));
        }
        let of_counts = match digits.get(place) {
            // SAFETY: a row is 64 bytes, aligned to 64.
            Some(digit) => unsafe { _mm512_load_si512(digit.0.as_ptr().cast()) },
            None => _mm512_setzero_si512(),
        };
        // At least as large: where the digits differ the count's is set, else as decided below.
        reach = _mm512_ternarylogic_epi64::<0xb2>(of_counts, of_floors, reach);
    }
    Groups(_mm512_test_epi16_mask(reach, reach))
}

/// Users whose rows stay in the nearest cache while a chunk is gone through part by part.
const NEAR_USERS: usize = 128;

/// Sums held in registers: a part of a chunk is sixteen groups of eight items.
const PART: usize = 16;

#[inline]
pub(super) fn add_products_avx512(
    kernel: Kernel,
    rows: &[BitRow],
    users: Indices<'_>,
    factors: &Factors<'_>,
    dots: &mut [f64; CHUNK],
) {
    assert_eq!(kernel.0, Isa::Avx512, "the kernel proves that the machine has AVX-512");
    // SAFETY: a kernel of that kind is only made where `has_avx512` holds.
    unsafe { add_products_512(rows, users.list, factors, dots) }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn add_products_512(
    rows: &[BitRow],
    users: &[u32],
    factors: &Factors<'_>,
    dots: &mut [f64; CHUNK],
) {
    match factors.items {
        None => add_each_512(rows, users, factors, dots, |x, of_user, _| _mm512_mul_pd(x, of_user)),
        Some(of_items) => {
            let (of_items, _) = of_items.as_chunks::<8>();
            add_each_512(rows, users, factors, dots, |x, of_user, group| {
                // SAFETY: eight values of eight bytes.
                let of_items = unsafe { _mm512_loadu_pd(of_items[group].as_ptr()) };
                _mm512_mul_pd(x, _mm512_mul_pd(of_user, of_items))
            });
        }
    }
}

/// Adds up what `product` makes of a row's weight, its user's factor and a group of eight items.
#[target_feature(enable = "avx512f,avx512bw")]
fn add_each_512(
    rows: &[BitRow],
    users: &[u32],
    factors: &Factors<'_>,
    dots: &mut [f64; CHUNK],
    product: impl Fn(__m512d, __m512d, usize) -> __m512d,
) {
    let of_row = _mm512_set1_pd(factors.row);
    let mut near = users.chunks(NEAR_USERS).peekable();
    while let Some(users) = near.next() {
        // What comes next is on its way while this is added up.
        near.peek().iter().flat_map(|next| next.iter()).for_each(|user| {
            prefetch(rows, *user as usize);
            prefetch(factors.users, *user as usize);
        });
        for (part, dots) in dots.chunks_exact_mut(8 * PART).enumerate() {
            let mut sums = load_part(dots);
            for user in users {
                let of_user = _mm512_set1_pd(factors.users[*user as usize]);
                let x = _mm512_mul_pd(of_user, of_row);
                let masks = masks(&rows[*user as usize], part);
                for (group, (sum, mask)) in sums.iter_mut().zip(masks).enumerate() {
                    let product = product(x, of_user, part * PART + group);
                    *sum = _mm512_mask_add_pd(*sum, mask, *sum, product);
                }
            }
            store_part(&sums, dots);
        }
    }
}

/// Returns which of a part's items a row has, eight at a time.
#[inline(always)]
fn masks(row: &BitRow, part: usize) -> [u8; PART] {
    let [low, high] = [row.0[2 * part].to_le_bytes(), row.0[2 * part + 1].to_le_bytes()];
    std::array::from_fn(|group| if group < 8 { low[group] } else { high[group - 8] })
}

#[target_feature(enable = "avx512f")]
fn load_part(dots: &[f64]) -> [__m512d; PART] {
    let (groups, _) = dots.as_chunks::<8>();
    // SAFETY: a group is eight values of eight bytes.
    std::array::from_fn(|group| unsafe { _mm512_loadu_pd(groups[group].as_ptr()) })
}

#[target_feature(enable = "avx512f")]
fn store_part(sums: &[__m512d; PART], dots: &mut [f64]) {
    let (groups, _) = dots.as_chunks_mut::<8>();
    for (sum, group) in sums.iter().zip(groups) {
        // SAFETY: a group is eight values of eight bytes.
        unsafe { _mm512_storeu_pd(group.as_mut_ptr(), *sum) };
    }
}

#[inline]
pub(super) fn count_avx2(
    kernel: Kernel,
    rows: &[BitRow],
    users: Indices<'_>,
    floors: &Floors,
    counts: &mut [u32; CHUNK],
) -> Groups {
    assert_eq!(kernel.0, Isa::Avx2, "the kernel proves that the machine has AVX2");
    // SAFETY: a kernel of that kind is only made where `has_avx2` holds.
    unsafe { count_256(rows, users, floors, counts) }
}

#[target_feature(enable = "avx2")]
fn count_256(
    rows: &[BitRow],
    users: Indices<'_>,
    floors: &Floors,
    counts: &mut [u32; CHUNK],
) -> Groups {
    count_with::<Row256>(rows, users, floors, counts)
}

#[inline]
pub(super) fn select_avx512(
    kernel: Kernel,
    counts: &[u32],
    sieve: &Sieve<'_>,
    visit: impl FnMut(usize),
) {
    assert_eq!(kernel.0, Isa::Avx512, "the kernel proves that the machine has AVX-512");
    // SAFETY: a kernel of that kind is only made where `has_avx512` holds.
    unsafe { select_512(counts, sieve, visit) }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn select_512(counts: &[u32], sieve: &Sieve<'_>, mut visit: impl FnMut(usize)) {
    const GROUP: usize = 16;
    let (whole, rest) = counts.as_chunks::<GROUP>();
    let (factors, rest_factors) = sieve.factors.as_chunks::<GROUP>();
    let (hurdles, rest_hurdles) = sieve.hurdles.as_chunks::<GROUP>();
    let row_limit = _mm512_set1_ps(sieve.row_limit);
    let column_factor = _mm512_set1_ps(sieve.column_factor);
    for (group, (counts, (factors, hurdles))) in
        whole.iter().zip(factors.iter().zip(hurdles)).enumerate()
    {
        // SAFETY: each is sixteen values of four bytes.
        let (counts, factors, hurdles) = unsafe {
            (
                _mm512_loadu_si512(counts.as_ptr().cast()),
                _mm512_loadu_ps(factors.as_ptr()),
                _mm512_loadu_ps(hurdles.as_ptr()),
            )
        };
        let numbers = _mm512_cvtepu32_ps(counts);
        let for_row = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(_mm512_mul_ps(numbers, factors), row_limit);
        let for_column =
            _mm512_cmp_ps_mask::<_CMP_GE_OQ>(_mm512_mul_ps(numbers, column_factor), hurdles);
        let mut mask = (for_row | for_column) & _mm512_test_epi32_mask(counts, counts);
        while mask != 0 {
            visit(group * GROUP + mask.trailing_zeros() as usize);
            mask &= mask - 1;
        }
    }
    let first = whole.len() * GROUP;
    let sieve = Sieve { factors: rest_factors, hurdles: rest_hurdles, ..*sieve };
    portable::select(rest, &sieve, |index| visit(first + index));
}

#[inline]
pub(super) fn select_avx2(
    kernel: Kernel,
    counts: &[u32],
    sieve: &Sieve<'_>,
    visit: impl FnMut(usize),
) {
    assert_eq!(kernel.0, Isa::Avx2, "the kernel proves that the machine has AVX2");
    // SAFETY: a kernel of that kind is only made where `has_avx2` holds.
    unsafe { select_256(counts, sieve, visit) }
}

#[inline]
pub(super) fn select_weighted_avx512(
    kernel: Kernel,
    sums: &[WeightedSum],
    sieve: &Sieve<'_>,
    visit: impl FnMut(usize),
) {
    assert_eq!(kernel.0, Isa::Avx512, "the kernel proves that the machine has AVX-512");
    // SAFETY: a kernel of that kind is only made where `has_avx512` holds.
    unsafe { select_weighted_512(sums, sieve, visit) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn select_weighted_512(sums: &[WeightedSum], sieve: &Sieve<'_>, mut visit: impl FnMut(usize)) {
    const GROUP: usize = 8;
    let (whole, rest) = sums.as_chunks::<GROUP>();
    let (factors, rest_factors) = sieve.factors.as_chunks::<GROUP>();
    let (hurdles, rest_hurdles) = sieve.hurdles.as_chunks::<GROUP>();
    let row_limit = _mm256_set1_ps(sieve.row_limit);
    let column_factor = _mm256_set1_ps(sieve.column_factor);
    let unknown = _mm256_set1_ps(f32::INFINITY);
    let (none, least) = (_mm512_setzero_pd(), _mm512_set1_pd(WeightedSum::LEAST_ROUGH));
    let even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
    let odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
    for (group, (sums, (factors, hurdles))) in
        whole.iter().zip(factors.iter().zip(hurdles)).enumerate()
    {
        let (low, high) = sums.split_at(GROUP / 2);
        // SAFETY: four sums are eight values of eight bytes; the others are eight of four bytes.
        let (low, high, factors, hurdles) = unsafe {
            (
                _mm512_loadu_pd(low.as_ptr().cast()),
                _mm512_loadu_pd(high.as_ptr().cast()),
                _mm256_loadu_ps(factors.as_ptr()),
                _mm256_loadu_ps(hurdles.as_ptr()),
            )
        };
        let dots = _mm512_permutex2var_pd(low, even, high);
        let overlaps = _mm512_permutex2var_pd(low, odd, high);
        let is_known = _mm512_cmp_pd_mask::<_CMP_GT_OQ>(dots, least);
        let numbers = _mm256_mask_blend_ps(is_known, unknown, _mm512_cvtpd_ps(dots));
        let for_row = _mm256_cmp_ps_mask::<_CMP_GE_OQ>(_mm256_mul_ps(numbers, factors), row_limit);
        let for_column =
            _mm256_cmp_ps_mask::<_CMP_GE_OQ>(_mm256_mul_ps(numbers, column_factor), hurdles);
        let mut mask = (for_row | for_column) & _mm512_cmp_pd_mask::<_CMP_GT_OQ>(overlaps, none);
        while mask != 0 {
            visit(group * GROUP + mask.trailing_zeros() as usize);
            mask &= mask - 1;
        }
    }
    let first = whole.len() * GROUP;
    let sieve = Sieve { factors: rest_factors, hurdles: rest_hurdles, ..*sieve };
    portable::select_weighted(rest, &sieve, |index| visit(first + index));
}

/// The portable loop, compiled for vectors of 256 bits.
#[target_feature(enable = "avx2")]
fn select_256(counts: &[u32], sieve: &Sieve<'_>, visit: impl FnMut(usize)) {
    portable::select(counts, sieve, visit);
}

#[inline]
pub(super) fn ranks_avx512(kernel: Kernel, keys: &[u64], ranks: &mut [u32]) {
    assert_eq!(kernel.0, Isa::Avx512, "the kernel proves that the machine has AVX-512");
    // SAFETY: a kernel of that kind is only made where `has_avx512` holds.
    unsafe { ranks_512(keys, ranks) }
}

#[inline]
pub(super) fn ranks_avx2(kernel: Kernel, keys: &[u64], ranks: &mut [u32]) {
    assert_eq!(kernel.0, Isa::Avx2, "the kernel proves that the machine has AVX2");
    // SAFETY: a kernel of that kind is only made where `has_avx2` holds.
    unsafe { ranks_256(keys, ranks) }
}

/// The keys four at a time, against each of them.
#[target_feature(enable = "avx2")]
fn ranks_256(keys: &[u64], ranks: &mut [u32]) {
    let (whole, rest) = keys.as_chunks::<4>();
    // There is no comparison but of signed numbers.
    let sign = _mm256_set1_epi64x(i64::MIN);
    for (rank, key) in ranks.iter_mut().zip(keys) {
        let pivot = _mm256_xor_si256(_mm256_set1_epi64x(key.cast_signed()), sign);
        let mut smaller = _mm256_setzero_si256();
        for group in whole {
            // SAFETY: four values of eight bytes.
            let group = unsafe { _mm256_loadu_si256(group.as_ptr().cast()) };
            let is_smaller = _mm256_cmpgt_epi64(pivot, _mm256_xor_si256(group, sign));
            smaller = _mm256_sub_epi64(smaller, is_smaller);
        }
        let mut counts = [0_u64; 4];
        // SAFETY: four values of eight bytes.
        unsafe { _mm256_storeu_si256(counts.as_mut_ptr().cast(), smaller) };
        let of_rest = rest.iter().map(|other| u64::from(other < key)).sum::<u64>();
        *rank = (counts.iter().sum::<u64>() + of_rest) as u32;
    }
}

/// The keys eight at a time, against each of them.
#[target_feature(enable = "avx512f,avx512bw")]
fn ranks_512(keys: &[u64], ranks: &mut [u32]) {
    let (whole, rest) = keys.as_chunks::<8>();
    for (rank, key) in ranks.iter_mut().zip(keys) {
        let pivot = _mm512_set1_epi64(key.cast_signed());
        let mut count = 0;
        for group in whole {
            // SAFETY: eight values of eight bytes.
            let group = unsafe { _mm512_loadu_si512(group.as_ptr().cast()) };
            count += _mm512_cmplt_epu64_mask(group, pivot).count_ones();
        }
        *rank = count + rest.iter().map(|other| u32::from(other < key)).sum::<u32>();
    }
}

#[inline]
pub(super) fn about_kth_avx512(
    kernel: Kernel,
    numbers: &[u32],
    enough: RangeInclusive<u32>,
) -> u32 {
    assert_eq!(kernel.0, Isa::Avx512, "the kernel proves that the machine has AVX-512");
    // SAFETY: a kernel of that kind is only made where `has_avx512` holds.
    unsafe { about_kth_512(numbers, enough) }
}

/// The portable loop, compiled for vectors of 512 bits.
#[target_feature(enable = "avx512f,avx512bw")]
fn about_kth_512(numbers: &[u32], enough: RangeInclusive<u32>) -> u32 {
    portable::about_kth(numbers, enough)
}

#[inline]
pub(super) fn about_kth_avx2(kernel: Kernel, numbers: &[u32], enough: RangeInclusive<u32>) -> u32 {
    assert_eq!(kernel.0, Isa::Avx2, "the kernel proves that the machine has AVX2");
    // SAFETY: a kernel of that kind is only made where `has_avx2` holds.
    unsafe { about_kth_256(numbers, enough) }
}

/// The portable loop, compiled for vectors of 256 bits.
#[target_feature(enable = "avx2")]
fn about_kth_256(numbers: &[u32], enough: RangeInclusive<u32>) -> u32 {
    portable::about_kth(numbers, enough)
}
