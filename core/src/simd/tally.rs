//! Counts of one row after the other that are never cleared, and that list a position at the
//! moment in which its count suffices.

use super::types::Indices;

/// One count for each of a block's positions, and what it needs to be listed.
///
/// Counts of a row begin at a base to which no row before it came, so that what they left behind
/// reads as nothing. Cost: 3 B per position.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    counts: Vec<u16>,
    needs: Vec<u8>,
    base: u16,
    /// The most that the last row can have counted.
    most: u16,
}

impl Tally {
    /// Makes room for `width` positions.
    pub(crate) fn widen(&mut self, width: usize) {
        if self.counts.len() < width {
            self.counts.resize(width, 0);
            self.needs.resize(width, 0);
        }
    }

    /// Returns what the position's counts need, to be set. What needs 0 is never listed.
    pub(crate) fn needs(&mut self) -> &mut [u8] {
        &mut self.needs
    }

    /// Counts how often each index is there, at most `most` times, and lists each that reaches what it
    /// needs; returns how many there are.
    ///
    /// # Panics
    /// If there are fewer positions than the indices' bound, or `reached` is not longer than the
    /// indices.
    #[inline]
    pub(crate) fn count(&mut self, indices: Indices<'_>, most: u16, reached: &mut [u32]) -> usize {
        self.base = match self.base.checked_add(self.most) {
            Some(base) if base.checked_add(most).is_some() => base,
            _ => {
                self.counts.fill(0);
                0
            }
        };
        self.most = most;
        tally(&mut self.counts, &self.needs, self.base, indices, reached)
    }

    /// Returns how often the last row had an index.
    #[inline]
    pub(crate) fn of(&self, index: u32) -> u32 {
        u32::from(self.counts[index as usize].saturating_sub(self.base))
    }

    /// Returns the same, and sets it to zero.
    #[inline]
    pub(crate) fn take(&mut self, index: u32) -> u32 {
        let count = self.of(index);
        self.counts[index as usize] = self.base;
        count
    }
}

/// Without branches: whether an index is new, or is listed, cannot be predicted.
#[inline(never)]
#[expect(unsafe_code, reason = "the indices were checked once, and this is the innermost loop")]
fn tally(
    counts: &mut [u16],
    needs: &[u8],
    base: u16,
    indices: Indices<'_>,
    reached: &mut [u32],
) -> usize {
    assert!(indices.bound <= counts.len() && indices.bound <= needs.len(), "indices have counts");
    assert!(indices.list.len() < reached.len(), "there is room for all that may be listed");
    let (mut listed, base) = (0, i32::from(base));
    for index in indices.list {
        let at = *index as usize;
        // SAFETY: every index is below `bound`, which is at most the number of counts and needs.
        let (count, need) = unsafe { (counts.get_unchecked_mut(at), *needs.get_unchecked(at)) };
        let before = i32::from(*count) - base;
        // As a maximum of 0 it would be compiled to a branch.
        let next = (before & !(before >> 31)) + 1;
        *count = (base + next) as u16;
        // SAFETY: it rises by at most 1 with each index, and there is room for more than those.
        unsafe { *reached.get_unchecked_mut(listed) = *index };
        listed += usize::from(next == i32::from(need));
    }
    listed
}

#[cfg(test)]
mod tests {
    use proptest::{
        collection::vec,
        prelude::{ProptestConfig, Strategy},
        prop_assert_eq, proptest,
    };

    use super::*;

    const WIDTH: usize = 40;

    /// Rows of indices, and the most that an index can be there.
    fn rows() -> impl Strategy<Value = Vec<(Vec<u32>, u16)>> {
        vec((vec(0..WIDTH as u32, 0..80), 80..30_000_u16), 1..40)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(crate::testing::cases(300)))]

        #[test]
        fn a_position_is_listed_when_its_count_suffices(rows in rows(), needs in vec(0..=6_u8, WIDTH)) {
            let mut tally = Tally::default();
            tally.widen(WIDTH);
            tally.needs().copy_from_slice(&needs);
            for (row, most) in &rows {
                let (mut counts, mut expected) = ([0; WIDTH], Vec::new());
                for index in row {
                    counts[*index as usize] += 1;
                    if counts[*index as usize] == u32::from(needs[*index as usize]) {
                        expected.push(*index);
                    }
                }
                let mut reached = vec![0; row.len() + 1];
                let indices = Indices::new(row, WIDTH).unwrap();
                let listed = tally.count(indices, *most, &mut reached);
                prop_assert_eq!(&reached[..listed], &expected[..]);
                let found = (0..WIDTH as u32).map(|index| tally.of(index)).collect::<Vec<_>>();
                prop_assert_eq!(&found[..], &counts[..]);
                prop_assert_eq!(tally.take(3), counts[3]);
                prop_assert_eq!(tally.take(3), 0);
            }
        }
    }

    #[test]
    #[should_panic(expected = "room")]
    fn there_is_room_for_all_that_may_be_listed() {
        let mut tally = Tally::default();
        tally.widen(2);
        tally.count(Indices::new(&[0, 1], 2).unwrap(), 2, &mut [0; 2]);
    }

    #[test]
    #[should_panic(expected = "indices have counts")]
    fn positions_past_the_last_are_refused() {
        let mut tally = Tally::default();
        tally.widen(2);
        tally.count(Indices::new(&[0, 1], 3).unwrap(), 2, &mut [0; 3]);
    }
}
