//! How many users neighbours rest on: whether a result can be trusted.

use super::Neighbour;

/// Overlaps are counted one by one up to here, larger ones together with it.
const LARGEST: usize = 16;

/// Values of `min_overlap` that are tried, the best first.
const CANDIDATES: [u32; 2] = [3, 2];

/// A share of neighbours that rest on one user: from here on they are mostly chance.
const MANY: f64 = 0.1;

/// A share of the items that must keep a neighbour.
const ENOUGH: f64 = 0.8;

/// Neighbours and items, counted by overlap. Cost: O(1) per neighbour, 272 B.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overlaps {
    /// Neighbours by overlap.
    neighbours: [u64; LARGEST + 1],
    /// Items by the largest overlap of their neighbours; those without neighbours at 0.
    items: [u64; LARGEST + 1],
}

impl Overlaps {
    /// Counts the neighbours of one item.
    pub fn see(&mut self, list: &[Neighbour]) {
        let mut largest = 0;
        for neighbour in list {
            let overlap = (neighbour.overlap as usize).min(LARGEST);
            self.neighbours[overlap] += 1;
            largest = largest.max(overlap);
        }
        self.items[largest] += 1;
    }

    /// Counts all neighbours.
    pub fn neighbours(&self) -> u64 {
        self.neighbours.iter().sum()
    }

    /// Counts the items that have neighbours.
    pub fn items(&self) -> u64 {
        self.items[1..].iter().sum()
    }

    /// Returns the share of neighbours that rest on a single user, from 0 to 1; 0 without
    /// neighbours.
    pub fn share_of_one(&self) -> f64 {
        self.neighbours[1] as f64 / self.neighbours().max(1) as f64
    }

    /// Returns how many neighbours, and how many items with neighbours, share at least
    /// `min_overlap` users. A job with that `min_overlap` has at least as many of both: the places
    /// that become free may be taken by neighbours with a lower score.
    ///
    /// # Panics
    /// If `min_overlap` is larger than what is counted one by one, 16.
    pub fn kept(&self, min_overlap: u32) -> (u64, u64) {
        let from = min_overlap as usize;
        assert!(from <= LARGEST, "larger overlaps are counted together");
        (self.neighbours[from..].iter().sum(), self.items[from.max(1)..].iter().sum())
    }

    /// Returns the `min_overlap` that removes chance pairs and keeps most items, if many
    /// neighbours rest on a single user and there is one.
    pub fn advice(&self) -> Option<u32> {
        let items = self.items() as f64;
        let keeps = |min_overlap: &u32| self.kept(*min_overlap).1 as f64 >= ENOUGH * items;
        (self.share_of_one() >= MANY).then(|| CANDIDATES.into_iter().find(keeps)).flatten()
    }
}

/// Returns the share of a list's neighbours that rest on a single user, from 0 to 1; `None` for an
/// empty list.
pub fn share_of_one(list: &[Neighbour]) -> Option<f32> {
    let alone = list.iter().filter(|neighbour| neighbour.overlap == 1).count();
    (!list.is_empty()).then(|| (alone as f64 / list.len() as f64) as f32)
}
