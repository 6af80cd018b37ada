//! Memory accesses whose indices were checked before.

use super::types::Indices;

/// Calls `add` with the sum at each index, up to the first index that is not below `end`, and the
/// value beside it.
///
/// # Panics
/// If there are fewer sums than the indices' bound, or another number of values than indices.
#[inline(always)]
#[expect(unsafe_code, reason = "the indices were checked once, and this is the innermost loop")]
pub(crate) fn add_at<S, V: Copy>(
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
