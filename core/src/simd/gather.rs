//! Lists copied side by side before they are added up: while one is copied, those to come are on
//! their way, and the sums keep the nearest cache to themselves.

use super::types::Indices;

/// Indices copied out of many lists of one bound.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// What was copied, and room that holds anything.
    list: Vec<u32>,
    length: usize,
    bound: usize,
}

impl Gathered {
    /// Indices that are copied at once: a cache line of them.
    const LINE: usize = 16;

    /// Empties it for lists whose indices are below `bound`.
    pub(crate) fn begin(&mut self, bound: usize) {
        self.length = 0;
        self.bound = bound;
    }

    /// Copies a part of `lists`.
    ///
    /// # Panics
    /// If the lists have another bound.
    #[inline(always)]
    pub(crate) fn append(&mut self, lists: Indices<'_>, part: std::ops::Range<usize>) {
        assert_eq!(lists.bound, self.bound, "all lists have one bound");
        let length = part.len();
        let whole = length.next_multiple_of(Self::LINE);
        self.grow(whole);
        // Whole lines are copied; what comes after the part is written over by the next one.
        if let Some(from) = lists.list.get(part.start..part.start + whole) {
            let to = &mut self.list[self.length..self.length + whole];
            let (to, _) = to.as_chunks_mut::<{ Self::LINE }>();
            let (from, _) = from.as_chunks::<{ Self::LINE }>();
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        } else {
            self.list[self.length..self.length + length].copy_from_slice(&lists.list[part]);
        }
        self.length += length;
    }

    /// Makes room for `more` indices.
    #[inline(always)]
    fn grow(&mut self, more: usize) {
        if self.list.len() < self.length + more {
            self.list.resize((self.length + more).next_power_of_two(), 0);
        }
    }

    /// Counts what was copied.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Returns what was copied.
    #[inline]
    pub(crate) fn indices(&self) -> Indices<'_> {
        // Nothing but indices below the bound was copied since it was set.
        Indices { list: &self.list[..self.length], bound: self.bound }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{
        collection::vec,
        prelude::{ProptestConfig, any},
        prop_assert_eq, proptest,
        sample::Index,
    };

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(crate::testing::cases(300)))]

        #[test]
        fn parts_lie_side_by_side(
            all in vec(0..1_000_u32, 1..200),
            parts in vec((any::<Index>(), any::<Index>()), 0..20),
        ) {
            let mut all = all;
            all.sort_unstable();
            let lists = Indices::new(&all, 1_000).unwrap();
            let mut gathered = Gathered::default();
            for _ in 0..2 {
                gathered.begin(1_000);
                let mut expected = Vec::new();
                for (a, b) in &parts {
                    let (a, b) = (a.index(all.len() + 1), b.index(all.len() + 1));
                    let part = a.min(b)..a.max(b);
                    gathered.append(lists, part.clone());
                    expected.extend_from_slice(&all[part]);
                }
                prop_assert_eq!(gathered.indices().list(), &expected[..]);
                prop_assert_eq!(gathered.len(), expected.len());
            }
        }
    }

    #[test]
    #[should_panic(expected = "one bound")]
    fn lists_of_another_bound_are_refused() {
        let mut gathered = Gathered::default();
        gathered.begin(3);
        gathered.append(Indices::new(&[3], 4).unwrap(), 0..1);
    }
}
