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
mod counter;
mod portable;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm32;
#[cfg(target_arch = "x86_64")]
mod x86_64;

/// Items in one bit row.
pub(crate) const CHUNK: usize = 512;

/// One user's interactions with the items of one chunk, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(align(64))]
pub(crate) struct BitRow(pub(crate) [u64; CHUNK / 64]);

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
    /// population count of their rows.
    ///
    /// # Panics
    /// If there are fewer rows than users.
    #[inline]
    pub(super) fn count(self, rows: &[BitRow], users: Indices<'_>, counts: &mut [u32; CHUNK]) {
        assert!(users.bound <= rows.len(), "every user has a row");
        match self.0 {
            Isa::Portable => portable::count(rows, users.list, counts),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => x86_64::count_avx2(self, rows, users, counts),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => x86_64::count_avx512(self, rows, users, counts),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => aarch64::count(rows, users, counts),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Isa::Simd128 => wasm32::count(rows, users, counts),
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
}

/// What counts are sifted by; see [`Kernel::select`]. All slices are as long as the counts.
pub(crate) struct Sieve<'a> {
    pub(super) factors: &'a [f32],
    pub(super) hurdles: &'a [f32],
    pub(super) row_limit: f32,
    pub(super) column_factor: f32,
}

impl Sieve<'_> {
    /// Tells whether the number at `index` may matter.
    #[inline]
    pub(crate) fn admits(&self, index: usize, number: f32) -> bool {
        number * self.factors[index] >= self.row_limit
            || number * self.column_factor >= self.hurdles[index]
    }
}

/// Indices that are known to be below a bound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Indices<'a> {
    list: &'a [u32],
    bound: usize,
}

impl<'a> Indices<'a> {
    /// Checks that all indices are below `bound`.
    ///
    /// # Panics
    /// If one is not.
    pub(super) fn new(list: &'a [u32], bound: usize) -> Self {
        let most = list.iter().copied().max();
        assert!(most.is_none_or(|most| (most as usize) < bound), "indices are below their bound");
        Self { list, bound }
    }

    /// Returns a part, which needs no new check.
    #[inline]
    pub(super) fn slice(self, range: std::ops::Range<usize>) -> Self {
        Self { list: &self.list[range], bound: self.bound }
    }
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
