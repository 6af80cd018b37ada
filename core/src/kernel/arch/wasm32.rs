//! WebAssembly's 128-bit vectors.
#![expect(unsafe_code, reason = "lists of indices checked beforehand")]

use std::arch::wasm32::{u64x2, u64x2_extract_lane, v128, v128_and, v128_or, v128_xor};

use super::{
    BitRow, CHUNK, Indices,
    counter::{self, Bits, DIGITS},
};

/// A quarter of a row.
#[derive(Clone, Copy)]
struct Row128(v128);

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

pub(super) fn count(
    rows: &[BitRow],
    users: Indices<'_>,
    least: u32,
    counts: &mut [u32; CHUNK],
) -> bool {
    let mut digits = [BitRow::default(); DIGITS];
    let list = users.list;
    let row = |index: usize, part| {
        // SAFETY: `index` is below the number of users, every user below `bound`, and `bound`
        // at most the number of rows: `Kernel::count` has checked that.
        Row128::load(unsafe { rows.get_unchecked(*list.get_unchecked(index) as usize) }, part)
    };
    let used = counter::count(list.len(), row, |_| (), &mut digits);
    let reaches = counter::reaches(&digits[..used], least);
    if reaches {
        counter::expand(&digits, used, counts);
    }
    reaches
}
