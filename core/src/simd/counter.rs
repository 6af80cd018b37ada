//! Positional population count with carry-save adders, once for all vector widths.
//!
//! A full adder takes three bit rows of equal weight and leaves a sum row and a carry row of
//! twice the weight, for all items at once. Sixteen rows pass a tree of fifteen adders; carries
//! of weight 16 and more meet their like two by two, as digits of a binary counter do, so n rows
//! cost about n adders in all. What remains is one row per binary digit of the counts.
//! Source: Harley & Seal, in Warren, Hacker's Delight, 2nd ed., 2013; Klarqvist, Muła & Lemire,
//! Efficient computation of positional population counts using SIMD instructions, 2021.

use super::{
    access::prefetch,
    groups::{Floors, GROUP, Groups, reached},
    types::{BitRow, CHUNK, Indices},
};

/// Digits of a count: users are numbered with 32 bits.
pub(super) const DIGITS: usize = 32;

/// The counts of a chunk, one row per binary digit, the lowest first.
pub(super) type Digits = [BitRow; DIGITS];

/// A vector of bits that holds the whole or a part of a row.
pub(super) trait Bits: Copy {
    /// How many of them make a row.
    const PARTS: usize;

    fn zero() -> Self;
    fn load(row: &BitRow, part: usize) -> Self;
    fn store(self, row: &mut BitRow, part: usize);
    /// Adds three rows: (sum, carry).
    fn add(a: Self, b: Self, c: Self) -> (Self, Self);
}

/// Adds up rows `0..rows` that `row` gives; returns how many digits are in use.
#[inline(always)]
pub(super) fn count<B: Bits>(
    rows: usize,
    row: impl Fn(usize, usize) -> B,
    ahead: impl Fn(usize),
    digits: &mut Digits,
) -> usize {
    /// Digits above the lowest four that rows of fewer than 4,096 users need, which most are:
    /// clearing and flushing all that there could be takes as long as adding up a hundred users.
    const FEW: usize = 9;
    if rows >> (FEW + 3) == 0 {
        count_to::<B, FEW>(rows, row, ahead, digits)
    } else {
        count_to::<B, { DIGITS - 4 }>(rows, row, ahead, digits)
    }
}

/// Does the same for rows whose counts have at most `HIGH` digits above the lowest four.
#[inline(always)]
fn count_to<B: Bits, const HIGH: usize>(
    rows: usize,
    row: impl Fn(usize, usize) -> B,
    ahead: impl Fn(usize),
    digits: &mut Digits,
) -> usize {
    let used = rows.checked_ilog2().map_or(0, |log| log as usize + 1);
    for part in 0..B::PARTS {
        let mut low = [B::zero(); 4];
        let mut high = [B::zero(); HIGH];
        let mut waiting = [B::zero(); HIGH];
        let whole = rows / 16;
        for block in 0..whole {
            if part == 0 {
                ahead(block * 16);
            }
            let carry = add_16(&mut low, |index| row(block * 16 + index, part));
            settle(&mut high, &mut waiting, block, carry);
        }
        let mut blocks = whole;
        if !rows.is_multiple_of(16) {
            let rest = whole * 16;
            let carry = add_16(&mut low, |index| {
                if rest + index < rows { row(rest + index, part) } else { B::zero() }
            });
            settle(&mut high, &mut waiting, whole, carry);
            blocks += 1;
        }
        flush(&mut high, &waiting, blocks);
        for (digit, bits) in low.iter().chain(&high).take(used).enumerate() {
            bits.store(&mut digits[digit], part);
        }
    }
    used
}

/// Adds sixteen rows to the digits of weight 1 to 8; returns the carry of weight 16.
#[inline(always)]
fn add_16<B: Bits>(low: &mut [B; 4], row: impl Fn(usize) -> B) -> B {
    let [mut ones, mut twos, mut fours, mut eights] = *low;
    let mut carry_8 = [B::zero(); 2];
    for (half, carry_8) in carry_8.iter_mut().enumerate() {
        let mut carry_4 = [B::zero(); 2];
        for (quarter, carry_4) in carry_4.iter_mut().enumerate() {
            let first = half * 8 + quarter * 4;
            let carry_2a;
            let carry_2b;
            (ones, carry_2a) = B::add(ones, row(first), row(first + 1));
            (ones, carry_2b) = B::add(ones, row(first + 2), row(first + 3));
            (twos, *carry_4) = B::add(twos, carry_2a, carry_2b);
        }
        (fours, *carry_8) = B::add(fours, carry_4[0], carry_4[1]);
    }
    let carry_16;
    (eights, carry_16) = B::add(eights, carry_8[0], carry_8[1]);
    *low = [ones, twos, fours, eights];
    carry_16
}

/// Lets the carry of block `block` meet the one that waits for it at each level, if there is one.
#[inline(always)]
fn settle<B: Bits>(high: &mut [B], waiting: &mut [B], block: usize, mut carry: B) {
    let mut level = 0;
    while block >> level & 1 == 1 {
        (high[level], carry) = B::add(high[level], waiting[level], carry);
        level += 1;
    }
    waiting[level] = carry;
}

/// Adds the carries that still wait after `blocks` blocks.
#[inline(always)]
fn flush<B: Bits>(high: &mut [B], waiting: &[B], blocks: usize) {
    let mut carry = B::zero();
    for level in 0..high.len() {
        let late = if blocks >> level & 1 == 1 { waiting[level] } else { B::zero() };
        (high[level], carry) = B::add(high[level], late, carry);
    }
}

/// Turns digits into numbers, in some groups.
#[inline(always)]
pub(super) fn expand(digits: &[BitRow], groups: Groups, counts: &mut [u32; CHUNK]) {
    let (counts, _) = counts.as_chunks_mut::<GROUP>();
    for group in groups.each() {
        let mut sums = [0_u32; GROUP];
        for digit in digits.iter().rev() {
            let bits = (digit.0[group / 4] >> (group % 4 * GROUP)) as u32;
            for (lane, sum) in sums.iter_mut().enumerate() {
                *sum = *sum << 1 | bits >> lane & 1;
            }
        }
        counts[group] = sums;
    }
}

/// Counts the digits of a chunk with vectors of a given width, whose instructions the caller has.
///
/// # Panics
/// If there are fewer rows than the users' bound.
#[inline(always)]
#[expect(unsafe_code, reason = "the users were checked once, and this is the innermost loop")]
pub(super) fn count_digits<B: Bits>(
    rows: &[BitRow],
    users: Indices<'_>,
    digits: &mut Digits,
) -> usize {
    /// Rows are asked for this many users ahead.
    const AHEAD: usize = 32;
    const NEAR_ROWS: usize = 1 << 19;
    assert!(users.bound <= rows.len(), "every user has a row");
    let list = users.list;
    let row = |index: usize, part| {
        // SAFETY: `counter::count` asks for indices below `list.len()`, every user is below
        // `bound`, and `bound` is at most the number of rows.
        B::load(unsafe { rows.get_unchecked(*list.get_unchecked(index) as usize) }, part)
    };
    // What the second-level cache holds comes in time.
    let is_far = size_of_val(rows) > NEAR_ROWS;
    let ahead = |first: usize| {
        if is_far && let Some(next) = list.get(first + AHEAD..first + AHEAD + 16) {
            for user in next {
                prefetch(rows, *user as usize);
            }
        }
    };
    count::<B>(list.len(), row, ahead, digits)
}

/// Counts with vectors of a given width; see [`Kernel::count`].
#[inline(always)]
pub(super) fn count_with<B: Bits>(
    rows: &[BitRow],
    users: Indices<'_>,
    floors: &Floors,
    counts: &mut [u32; CHUNK],
) -> Groups {
    let mut digits = [BitRow::default(); DIGITS];
    let used = count_digits::<B>(rows, users, &mut digits);
    let groups = reached(&digits[..used], floors);
    expand(&digits[..used], groups, counts);
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A quarter of a row, as vectors of 128 bits hold it.
    impl Bits for u128 {
        const PARTS: usize = 4;

        fn zero() -> Self {
            0
        }

        fn load(row: &BitRow, part: usize) -> Self {
            u128::from(row.0[part * 2]) | u128::from(row.0[part * 2 + 1]) << 64
        }

        fn store(self, row: &mut BitRow, part: usize) {
            (row.0[part * 2], row.0[part * 2 + 1]) = (self as u64, (self >> 64) as u64);
        }

        fn add(a: Self, b: Self, c: Self) -> (Self, Self) {
            (a ^ b ^ c, a & b | a & c | b & c)
        }
    }

    /// Row `index` has item j if `index` is a multiple of j + 1: item 0 is in all rows.
    fn sieve_row(index: usize) -> BitRow {
        let mut row = BitRow::default();
        for item in (0..CHUNK).filter(|item| index.is_multiple_of(item + 1)) {
            row.0[item / 64] |= 1 << (item % 64);
        }
        row
    }

    fn count_all<B: Bits>(rows: usize, table: &[BitRow]) -> Vec<u32> {
        let mut digits = [BitRow::default(); DIGITS];
        let mut counts = [0; CHUNK];
        let row = |index: usize, part| B::load(&table[index % table.len()], part);
        let used = count::<B>(rows, row, |_| (), &mut digits);
        assert!(used <= DIGITS && rows < 1 << used, "{used} digits for {rows} rows");
        expand(&digits[..used], Groups(u32::MAX), &mut counts);
        counts.to_vec()
    }

    #[test]
    fn every_part_of_a_row_is_counted_at_any_width() {
        let table = (0..1_100).map(sieve_row).collect::<Vec<_>>();
        for rows in (0..=70_usize).chain([255, 256, 257, 511, 512, 1_023, 1_024, 1_100]) {
            let expected = (1..=CHUNK).map(|step| rows.div_ceil(step) as u32).collect::<Vec<_>>();
            assert_eq!(count_all::<u64>(rows, &table), expected, "{rows} rows of u64");
            assert_eq!(count_all::<u128>(rows, &table), expected, "{rows} rows of u128");
        }
    }

    #[test]
    fn carries_reach_the_highest_digits() {
        for rows in [1 << 16, (1 << 20) - 1, 1 << 20, (1 << 20) + 15, 3 << 19] {
            let counts = count_all::<u128>(rows, &[BitRow([!0; CHUNK / 64])]);
            assert!(counts.iter().all(|count| *count == rows as u32), "{rows} rows");
        }
    }

    #[test]
    fn the_number_of_digits_is_that_of_the_rows() {
        let row = BitRow([!0; CHUNK / 64]);
        for (rows, expected) in [(0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (255, 8), (256, 9)] {
            let mut digits = [BitRow::default(); DIGITS];
            let load = |_, part| u64::load(&row, part);
            assert_eq!(count::<u64>(rows, load, |_| (), &mut digits), expected, "{rows} rows");
        }
    }
}
