//! WebAssembly's 128-bit vectors.

use std::arch::wasm32::{u64x2, u64x2_extract_lane, v128, v128_and, v128_or, v128_xor};

use super::{counter::Bits, types::BitRow};

/// A quarter of a row.
#[derive(Clone, Copy)]
pub(super) struct Row128(v128);

impl Bits for Row128 {
    const PARTS: usize = 4;

    #[inline(always)]
    fn zero() -> Self {
        Self(u64x2(0, 0))
    }

    #[inline(always)]
    fn load(row: &BitRow, part: usize) -> Self {
        Self(u64x2(row.0[part * 2], row.0[part * 2 + 1]))
    }

    #[inline(always)]
    fn store(self, row: &mut BitRow, part: usize) {
        row.0[part * 2] = u64x2_extract_lane::<0>(self.0);
        row.0[part * 2 + 1] = u64x2_extract_lane::<1>(self.0);
    }

    #[inline(always)]
    fn add(a: Self, b: Self, c: Self) -> (Self, Self) {
        let half = v128_xor(a.0, b.0);
        let carry = v128_or(v128_and(a.0, b.0), v128_and(half, c.0));
        (Self(v128_xor(half, c.0)), Self(carry))
    }
}
