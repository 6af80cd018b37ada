//! Plain Rust: the reference for all other paths.

use super::{
    BitRow, CHUNK, Sieve,
    counter::{self, Bits, DIGITS},
};

impl Bits for u64 {
    const PARTS: usize = CHUNK / 64;

    #[inline(always)]
    fn zero() -> Self {
        0
    }

    #[inline(always)]
    fn load(row: &BitRow, part: usize) -> Self {
        row.0[part]
    }

    #[inline(always)]
    fn store(self, row: &mut BitRow, part: usize) {
        row.0[part] = self;
    }

    #[inline(always)]
    fn add(a: Self, b: Self, c: Self) -> (Self, Self) {
        let half = a ^ b;
        (half ^ c, a & b | half & c)
    }
}

pub(super) fn count(rows: &[BitRow], users: &[u32], least: u32, counts: &mut [u32; CHUNK]) -> bool {
    let mut digits = [BitRow::default(); DIGITS];
    let row = |index: usize, part| u64::load(&rows[users[index] as usize], part);
    let used = counter::count(users.len(), row, |_| (), &mut digits);
    let reaches = counter::reaches(&digits[..used], least);
    if reaches {
        counter::expand(&digits, used, counts);
    }
    reaches
}

/// Sixteen counts at a time: whether any of them matters, and only then which.
#[inline(always)]
pub(super) fn select(counts: &[u32], sieve: &Sieve<'_>, mut visit: impl FnMut(usize)) {
    const GROUP: usize = 16;
    let columns = sieve.factors.chunks(GROUP).zip(sieve.hurdles.chunks(GROUP));
    for (group, (counts, (factors, hurdles))) in counts.chunks(GROUP).zip(columns).enumerate() {
        #[expect(
            clippy::needless_bitwise_bool,
            reason = "branches would keep this from being vectorised"
        )]
        let matters = |index: usize| {
            let count = counts[index] as f32;
            let for_row = count * factors[index] >= sieve.row_limit;
            let for_column = count * sieve.column_factor >= hurdles[index];
            (for_row | for_column) & (counts[index] > 0)
        };
        let mut any = false;
        for index in 0..counts.len() {
            any |= matters(index);
        }
        if any {
            (0..counts.len())
                .filter(|index| matters(*index))
                .for_each(|index| visit(group * GROUP + index));
        }
    }
}
