//! What the machine offers beyond portable code. The only place in core with `unsafe`; results
//! never depend on it.

/// Asks for the cache line that holds `slice[index]`, which is about to be read. Does nothing
/// past the end, or where the machine has no such instruction.
#[inline]
pub(super) fn prefetch<T>(slice: &[T], index: usize) {
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
