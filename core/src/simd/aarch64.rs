//! NEON, which every aarch64 has.
#![expect(unsafe_code, reason = "vector instructions")]

use std::arch::aarch64::{
    uint64x2_t, vandq_u64, vdupq_n_u64, veorq_u64, vld1q_u64, vorrq_u64, vst1q_u64,
};

use super::{counter::Bits, types::BitRow};

/// A quarter of a row.
#[derive(Clone, Copy)]
pub(super) struct Row128(uint64x2_t);

impl Bits for Row128 {
    const PARTS: usize = 4;

    #[inline(always)]
    fn zero() -> Self {
        // SAFETY: NEON is part of every aarch64.
        unsafe { Self(vdupq_n_u64(0)) }
    }

    #[inline(always)]
    fn load(row: &BitRow, part: usize) -> Self {
        // SAFETY: as above; the slice has two words.
        unsafe { Self(vld1q_u64(row.0[part * 2..part * 2 + 2].as_ptr())) }
    }

    #[inline(always)]
    fn store(self, row: &mut BitRow, part: usize) {
        // SAFETY: as above.
        unsafe { vst1q_u64(row.0[part * 2..part * 2 + 2].as_mut_ptr(), self.0) }
    }

    #[inline(always)]
    fn add(a: Self, b: Self, c: Self) -> (Self, Self) {
        // SAFETY: NEON is part of every aarch64.
        unsafe {
            let half = veorq_u64(a.0, b.0);
            let carry = vorrq_u64(vandq_u64(a.0, b.0), vandq_u64(half, c.0));
            (Self(veorq_u64(half, c.0)), Self(carry))
        }
    }
}
