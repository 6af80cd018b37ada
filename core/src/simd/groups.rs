//! A chunk's items sixteen at a time: what their counts must reach to matter, and where some do.

use super::types::{BitRow, CHUNK, Sieve};

/// Items that are turned into numbers, and sifted, together.
pub(crate) const GROUP: usize = 16;

/// Groups of a chunk.
pub(crate) const GROUPS: usize = CHUNK / GROUP;

/// What the counts of each group must at least reach to matter. None is 0: a pair without users never
/// matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(align(64))]
pub(crate) struct Floors(pub(super) [u16; GROUPS]);

impl Floors {
    /// Whoever is a pair matters.
    pub(crate) const OF_PAIRS: Self = Self([1; GROUPS]);

    /// The lowest of all.
    #[inline]
    pub(super) fn lowest(&self) -> u16 {
        self.0.iter().fold(u16::MAX, |lowest, floor| lowest.min(*floor))
    }
}

/// The groups in which some count reaches its floor, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Groups(pub(super) u32);

impl Groups {
    /// No count reaches its floor.
    pub(crate) const NONE: Self = Self(0);

    /// Returns whether there are none.
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Numbers them, in ascending order.
    #[inline]
    pub(crate) fn each(self) -> impl Iterator<Item = usize> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let first = (left != 0).then_some(left.trailing_zeros() as usize);
            left &= left.wrapping_sub(1);
            first
        })
    }
}

/// What bounds the counts of each group, whatever the row.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    /// One divided by the largest factor.
    factors: [f32; GROUPS],
    /// The lowest hurdle.
    hurdles: [f32; GROUPS],
}

impl Bounds {
    /// Finds the bounds of a chunk; it may have fewer items than there is room for.
    pub(crate) fn new(factors: &[f32], hurdles: &[f32]) -> Self {
        let mut largest = [0.0; GROUPS];
        for (largest, group) in largest.iter_mut().zip(factors.chunks(GROUP)) {
            *largest = group.iter().copied().fold(0.0, f32::max);
        }
        let mut bounds =
            Self { factors: largest.map(f32::recip), hurdles: [f32::INFINITY; GROUPS] };
        bounds.rise(hurdles);
        bounds
    }

    /// Takes in that hurdles have risen.
    pub(crate) fn rise(&mut self, hurdles: &[f32]) {
        for (lowest, group) in self.hurdles.iter_mut().zip(hurdles.chunks(GROUP)) {
            *lowest = group.iter().copied().fold(f32::INFINITY, f32::min);
        }
    }

    /// Returns what counts must reach to matter to the sieve's row, or the row to them.
    #[inline]
    pub(crate) fn floors(&self, sieve: &Sieve<'_>) -> Floors {
        // Where a limit or a factor is infinite the wrong way, NaN, nothing is known.
        let known = |least: f32| if least > 0.0 { least } else { 0.0 };
        let gives = sieve.column_factor > 0.0;
        let of_column = sieve.column_factor.recip();
        let mut floors = [0; GROUPS];
        for (floor, (factor, hurdle)) in
            floors.iter_mut().zip(self.factors.iter().zip(&self.hurdles))
        {
            let for_row = known(sieve.row_limit * factor);
            let for_column = if gives { known(hurdle * of_column) } else { f32::INFINITY };
            let least = if for_row < for_column { for_row } else { for_column };
            *floor = round_up(least * Sieve::NEARLY);
        }
        Floors(floors)
    }
}

/// Rounds up to a whole number from 1 to 65,535, or sometimes down where the fraction is below 0.02;
/// `as` would keep the loop from being vectorised.
#[inline]
fn round_up(least: f32) -> u16 {
    /// From here on f32 has no fractions: the last bits of a sum are the other number, rounded.
    const WHOLE: f32 = 8_388_608.0;
    let least = if least > 1.0 { least } else { 1.0 };
    let least = if least < 65_535.0 { least } else { 65_535.0 };
    (least + 0.49 + WHOLE).to_bits() as u16
}

/// Finds the groups in which a count reaches its floor, from the counts' digits, lowest first.
/// Floors of four groups, a word, are taken together.
pub(super) fn reached(digits: &[BitRow], floors: &Floors) -> Groups {
    let mut groups = 0;
    for (word, floors) in floors.0.chunks_exact(4).enumerate() {
        let floor = floors.iter().fold(u16::MAX, |lowest, floor| lowest.min(*floor));
        if u32::from(floor) >> digits.len().min(16) != 0 {
            continue;
        }
        // Digit by digit: at least as large if the higher digits decide so, or leave it to these.
        let mut reach = u64::MAX;
        for (place, digit) in digits.iter().enumerate() {
            let bits = digit.0[word];
            let is_set = u32::from(floor) >> place & 1 == 1;
            reach = if is_set { reach & bits } else { reach | bits };
        }
        for group in 0..4 {
            let has = reach >> (group * GROUP) & 0xffff != 0;
            groups |= u32::from(has) << (word * 4 + group);
        }
    }
    Groups(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floors_are_rounded_up_and_never_above() {
        for whole in [0_u16, 1, 2, 3, 1_000, 32_767, 60_001, 65_534, 65_535] {
            let number = f32::from(whole);
            assert_eq!(round_up(number), whole.max(1));
            assert_eq!(round_up(number + 0.1), whole.saturating_add(1).max(1));
            assert_eq!(round_up(number - 0.1), whole.max(1));
        }
        for (number, floor) in [(f32::NAN, 1), (f32::NEG_INFINITY, 1), (f32::INFINITY, 65_535)] {
            assert_eq!(round_up(number), floor);
        }
    }

    #[test]
    fn groups_are_gone_through_in_order() {
        assert_eq!(Groups(0x8000_0005).each().collect::<Vec<_>>(), [0, 2, 31]);
        assert!(Groups::NONE.is_empty());
        assert_eq!(Groups::NONE.each().count(), 0);
    }
}
