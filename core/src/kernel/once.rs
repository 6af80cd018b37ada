//! Each pair of items once, from lists that contain most pairs twice.
//!
//! A pair is kept if either item is a neighbour of the other. It is listed at the item of the smaller
//! id, in the total order. So a list can be longer than the k neighbours of the job, or empty.

use std::ops::Range;

use super::topk::rank;
use crate::{
    executor::Executor,
    result::{Neighbour, Neighbours, Piece},
};

/// The pairs of some consecutive items with items of larger codes. Cost: 12 B for each place in a
/// list, 8 B per item.
#[derive(Clone, Debug)]
pub struct PairsOnce {
    first: u32,
    /// Where the pairs of each item go on; after the last place, where they end.
    ends: Vec<usize>,
    starts: Vec<usize>,
    entries: Vec<Neighbour>,
}

impl PairsOnce {
    /// Adds one to the count of every pair's item, by code.
    ///
    /// # Panics
    /// If there is no count for an item.
    pub fn count(counts: &mut [u32], item: u32, list: &[Neighbour]) {
        for other in list {
            counts[item.min(other.code) as usize] += 1;
        }
    }

    /// Makes room for the pairs of `items`, as [`count`](Self::count) counted them; `counts` has a
    /// number for every item of the job.
    ///
    /// # Panics
    /// If `items` are not among those counted.
    pub fn new(items: Range<u32>, counts: &[u32]) -> Self {
        let mut starts = vec![0];
        for count in &counts[items.start as usize..items.end as usize] {
            starts.push(starts.last().unwrap_or(&0) + *count as usize);
        }
        let places = starts.last().copied().unwrap_or(0);
        let ends = starts.clone();
        Self { first: items.start, ends, starts, entries: vec![Neighbour::NONE; places] }
    }

    /// Adds the neighbours of an item; pairs that are listed at other items are skipped.
    ///
    /// # Panics
    /// If there are more pairs than were counted.
    pub fn see(&mut self, item: u32, list: &[Neighbour]) {
        let items = self.starts.len() - 1;
        for other in list {
            let (least, most) = (item.min(other.code), item.max(other.code));
            let place = least.wrapping_sub(self.first) as usize;
            if place < items {
                self.entries[self.ends[place]] = Neighbour { code: most, ..*other };
                self.ends[place] += 1;
            }
        }
    }

    /// Returns the pairs of the item at `place` among its items, best first, each once.
    ///
    /// # Panics
    /// If there is no such item.
    pub fn list(&self, place: usize) -> Vec<Neighbour> {
        let mut list = self.entries[self.starts[place]..self.ends[place]].to_vec();
        list.sort_unstable_by(rank);
        // A pair scores the same from both of its items, so that the two stand side by side.
        list.dedup_by_key(|other| other.code);
        list
    }
}

/// Keeps each pair once. Cost: O(neighbours), beside sorting lists; 12 B per neighbour and 12 B per
/// item.
///
/// # Panics
/// If a neighbour is not among the items.
pub fn pairs_once(found: &Neighbours, executor: &impl Executor) -> Neighbours {
    let items = found.items();
    let each = |visit: &mut dyn FnMut(u32, &[Neighbour])| {
        (0..items as u32).for_each(|item| visit(item, found.of(item)));
    };
    let mut counts = vec![0; items];
    each(&mut |item, list| PairsOnce::count(&mut counts, item, list));
    let mut pairs = PairsOnce::new(0..items as u32, &counts);
    drop(counts);
    each(&mut |item, list| pairs.see(item, list));
    Neighbours::of_pieces(executor.map(items.div_ceil(Piece::ITEMS), |index| {
        let places = index * Piece::ITEMS..((index + 1) * Piece::ITEMS).min(items);
        let mut piece = Piece::default();
        places.for_each(|place| piece.push(pairs.list(place)));
        piece
    }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::{executor::Sequential, testing::cases};

    /// Lists of symmetric scores: of each pair one score, of each item some of its pairs.
    fn lists() -> impl Strategy<Value = Vec<Vec<Neighbour>>> {
        let items = 1..30_u32;
        items.prop_flat_map(|items| {
            let pairs = (items * items) as usize;
            (vec(0..4_u32, pairs), vec(any::<bool>(), pairs)).prop_map(move |(scores, kept)| {
                let list = |item: u32| {
                    let others = (0..items).filter(|other| *other != item);
                    let others = others.filter(|other| kept[(item * items + other) as usize]);
                    let score =
                        |other: u32| scores[(item.min(other) * items + item.max(other)) as usize];
                    let mut list = others
                        .map(|code| Neighbour { code, score: score(code) as f32, overlap: 1 })
                        .collect::<Vec<_>>();
                    list.sort_by(rank);
                    list
                };
                (0..items).map(list).collect()
            })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(cases(256)))]

        #[test]
        fn every_pair_of_either_list_stays_once(lists in lists(), cut in 0..30_usize) {
            let mut found = Neighbours::new();
            for list in &lists {
                found.push(list.iter().copied());
            }
            let mut expected = BTreeMap::new();
            for (item, list) in (0..).zip(&lists) {
                for other in list {
                    let key = (u32::min(item, other.code), u32::max(item, other.code));
                    expected.insert(key, other.score);
                }
            }
            let once = pairs_once(&found, &Sequential);
            prop_assert_eq!(once.items(), lists.len());
            let mut pairs = BTreeMap::new();
            for item in 0..once.items() as u32 {
                prop_assert!(once.of(item).is_sorted_by(|a, b| rank(a, b).is_lt()));
                for other in once.of(item) {
                    prop_assert!(item < other.code);
                    prop_assert_eq!(pairs.insert((item, other.code), other.score), None);
                }
            }
            prop_assert_eq!(pairs, expected);
            // The same from two parts.
            let mut counts = vec![0; lists.len()];
            (0..).zip(&lists).for_each(|(item, list)| PairsOnce::count(&mut counts, item, list));
            let (all, cut) = (lists.len() as u32, cut.min(lists.len()) as u32);
            for items in [0..cut, cut..all] {
                let mut part = PairsOnce::new(items.clone(), &counts);
                (0..).zip(&lists).for_each(|(item, list)| part.see(item, list));
                for item in items.clone() {
                    prop_assert_eq!(&part.list((item - items.start) as usize)[..], once.of(item));
                }
            }
        }
    }
}
