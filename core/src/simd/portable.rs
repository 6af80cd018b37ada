//! Plain Rust: the reference for all other paths.

use std::ops::RangeInclusive;

use super::{
    counter::{self, Bits, DIGITS},
    groups::{self, Floors, Groups},
    types::{BitRow, CHUNK, Factors, Sieve, WeightedSum},
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

pub(super) fn count(
    rows: &[BitRow],
    users: &[u32],
    floors: &Floors,
    counts: &mut [u32; CHUNK],
) -> Groups {
    let mut digits = [BitRow::default(); DIGITS];
    let row = |index: usize, part| u64::load(&rows[users[index] as usize], part);
    let used = counter::count(users.len(), row, |_| (), &mut digits);
    let groups = groups::reached(&digits[..used], floors);
    counter::expand(&digits[..used], groups, counts);
    groups
}

pub(super) fn add_products(
    rows: &[BitRow],
    users: &[u32],
    factors: &Factors<'_>,
    dots: &mut [f64; CHUNK],
) {
    for user in users {
        let of_user = factors.users[*user as usize];
        let x = of_user * factors.row;
        for_each_item(&rows[*user as usize], |item| {
            let of_item = factors.items.map_or(1.0, |factors| factors[item]);
            dots[item] += x * (of_user * of_item);
        });
    }
}

/// Calls `visit` with every item that a row has, in ascending order.
fn for_each_item(row: &BitRow, mut visit: impl FnMut(usize)) {
    for (index, word) in row.0.iter().enumerate() {
        let mut rest = *word;
        while rest != 0 {
            visit(index * 64 + rest.trailing_zeros() as usize);
            rest &= rest - 1;
        }
    }
}

#[inline(always)]
pub(super) fn select(counts: &[u32], sieve: &Sieve<'_>, visit: impl FnMut(usize)) {
    let number = |count: &u32| if *count > 0 { *count as f32 } else { f32::NAN };
    select_numbers(counts, number, sieve, visit);
}

#[inline(always)]
pub(super) fn select_weighted(sums: &[WeightedSum], sieve: &Sieve<'_>, visit: impl FnMut(usize)) {
    let number = |sum: &WeightedSum| if sum.overlap > 0.0 { sum.rough_dot() } else { f32::NAN };
    select_numbers(sums, number, sieve, visit);
}

/// Sixteen sums at a time: whether any of them matters, and only then which. `number` is NaN where
/// a sum never does.
#[inline(always)]
fn select_numbers<S>(
    sums: &[S],
    number: impl Fn(&S) -> f32,
    sieve: &Sieve<'_>,
    mut visit: impl FnMut(usize),
) {
    const GROUP: usize = 16;
    let columns = sieve.factors.chunks(GROUP).zip(sieve.hurdles.chunks(GROUP));
    for (group, (sums, (factors, hurdles))) in sums.chunks(GROUP).zip(columns).enumerate() {
        // No branches, which would keep this from being vectorised.
        let matters = |index: usize| {
            let number = number(&sums[index]);
            let for_row = number * factors[index] >= sieve.row_limit;
            let for_column = number * sieve.column_factor >= hurdles[index];
            for_row | for_column
        };
        let mut any = false;
        for index in 0..sums.len() {
            any |= matters(index);
        }
        if any {
            (0..sums.len())
                .filter(|index| matters(*index))
                .for_each(|index| visit(group * GROUP + index));
        }
    }
}

/// See [`Kernel::ranks`](super::Kernel::ranks).
#[inline(always)]
pub(super) fn ranks(keys: &[u64], ranks: &mut [u32]) {
    for (rank, key) in ranks.iter_mut().zip(keys) {
        *rank = keys.iter().map(|other| u32::from(other < key)).sum();
    }
}

/// See [`Kernel::about_kth`](super::Kernel::about_kth).
#[inline(always)]
pub(super) fn about_kth(numbers: &[u32], enough: RangeInclusive<u32>) -> u32 {
    let least_and_most =
        |(least, most): (u32, u32), number: &u32| (least.min(*number), most.max(*number));
    let (mut low, mut high) = numbers.iter().fold((u32::MAX, 0), least_and_most);
    // From `low` on there are enough, past `high` there are fewer.
    while low < high {
        let middle = high - (high - low) / 2;
        let reach = numbers.iter().map(|number| u32::from(*number >= middle)).sum::<u32>();
        if enough.contains(&reach) {
            return middle;
        }
        if reach > *enough.end() { low = middle } else { high = middle - 1 }
    }
    low
}
