//! AVX2 and AVX-512.
#![expect(unsafe_code, reason = "vector instructions")]

use std::arch::x86_64::{
    __m256i, __m512i, _CMP_GE_OQ, _mm256_and_si256, _mm256_load_si256, _mm256_or_si256,
    _mm256_setzero_si256, _mm256_store_si256, _mm256_xor_si256, _mm512_cmp_ps_mask,
    _mm512_cvtepu32_ps, _mm512_load_si512, _mm512_loadu_ps, _mm512_loadu_si512,
    _mm512_mask_add_epi32, _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_si512,
    _mm512_slli_epi32, _mm512_store_si512, _mm512_storeu_si512, _mm512_ternarylogic_epi64,
    _mm512_test_epi32_mask,
};

use super::{
    BitRow, CHUNK, Indices, Isa, Kernel, Sieve, count_digits, count_with,
    counter::{self, Bits, DIGITS},
    portable,
};

pub(super) fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
}

pub(super) fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw")
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
    least: u32,
    counts: &mut [u32; CHUNK],
) -> bool {
    assert_eq!(kernel.0, Isa::Avx512, "the kernel proves that the machine has AVX-512");
    // SAFETY: a kernel of that kind is only made where `has_avx512` holds.
    unsafe { count_512(rows, users, least, counts) }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn count_512(rows: &[BitRow], users: Indices<'_>, least: u32, counts: &mut [u32; CHUNK]) -> bool {
    let mut digits = [BitRow::default(); DIGITS];
    let used = count_digits::<Row512>(rows, users, &mut digits);
    if !counter::reaches(&digits[..used], least) {
        return false;
    }
    // The digits as masks: each adds its weight to the sixteen counts it has bits for.
    for (group, counts) in counts.chunks_exact_mut(16).enumerate() {
        let mut sums = _mm512_setzero_si512();
        let mut weight = _mm512_set1_epi32(1);
        for digit in &digits[..used] {
            let mask = (digit.0[group / 4] >> (group % 4 * 16)) as u16;
            sums = _mm512_mask_add_epi32(sums, mask, sums, weight);
            weight = _mm512_slli_epi32::<1>(weight);
        }
        // SAFETY: the chunk has sixteen counts of four bytes.
        unsafe { _mm512_storeu_si512(counts.as_mut_ptr().cast(), sums) };
    }
    true
}

#[inline]
pub(super) fn count_avx2(
    kernel: Kernel,
    rows: &[BitRow],
    users: Indices<'_>,
    least: u32,
    counts: &mut [u32; CHUNK],
) -> bool {
    assert_eq!(kernel.0, Isa::Avx2, "the kernel proves that the machine has AVX2");
    // SAFETY: a kernel of that kind is only made where `has_avx2` holds.
    unsafe { count_256(rows, users, least, counts) }
}

#[target_feature(enable = "avx2")]
fn count_256(rows: &[BitRow], users: Indices<'_>, least: u32, counts: &mut [u32; CHUNK]) -> bool {
    count_with::<Row256>(rows, users, least, counts)
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

/// The portable loop, compiled for vectors of 256 bits.
#[target_feature(enable = "avx2")]
fn select_256(counts: &[u32], sieve: &Sieve<'_>, visit: impl FnMut(usize)) {
    portable::select(counts, sieve, visit);
}
