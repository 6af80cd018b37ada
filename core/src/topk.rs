//! The one total order, and the selection of the k best of every item.

use std::{
    cmp::Ordering,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use crate::neighbours::Neighbour;

/// The total order of an item's neighbours: score descending, then code (that is id) ascending.
pub fn rank(a: &Neighbour, b: &Neighbour) -> Ordering {
    b.score.total_cmp(&a.score).then(a.code.cmp(&b.code))
}

/// Rounds a score once to what results hold; past the range of f32 it stays at the largest.
pub fn to_score(score: f64) -> f32 {
    (score as f32).clamp(f32::MIN, f32::MAX)
}

/// Cuts `list` down to its `k` best, in no order; returns the k-th best score if there are k.
pub(crate) fn shrink(list: &mut Vec<Neighbour>, k: usize) -> Option<f32> {
    if list.len() > k {
        list.select_nth_unstable_by(k - 1, rank);
        list.truncate(k);
        return Some(list[k - 1].score);
    }
    (list.len() == k).then(|| list.iter().map(|neighbour| neighbour.score).fold(f32::MAX, f32::min))
}

/// The k best neighbours of every item, offered in any order by any thread. What is left at the
/// end depends on the set of offers alone.
///
/// Cost: 36 B per item, and up to 18·k B once offers came in.
#[derive(Debug)]
pub struct Selection {
    k: usize,
    /// Bits of the score that an offer must reach; rises as better neighbours come in.
    bars: Vec<AtomicU32>,
    lists: Vec<Mutex<Vec<Neighbour>>>,
}

impl Selection {
    /// Makes an empty selection for `items` items; offers below `floor` are never taken.
    ///
    /// # Panics
    /// If `k` is 0.
    pub fn new(items: usize, k: usize, floor: f32) -> Self {
        assert!(k > 0, "a selection keeps at least one neighbour");
        Self {
            k,
            bars: (0..items).map(|_| AtomicU32::new(floor.to_bits())).collect(),
            lists: (0..items).map(|_| Mutex::new(Vec::new())).collect(),
        }
    }

    /// Returns the score that an offer to `item` must reach to have a chance.
    pub fn bar(&self, item: u32) -> f32 {
        f32::from_bits(self.bars[item as usize].load(Relaxed))
    }

    /// How long a list may grow before it is cut down to the k best.
    pub fn capacity(&self) -> usize {
        self.k + (self.k / 2).max(8)
    }

    /// Offers one neighbour to `item`; the caller has compared its score with the bar.
    pub fn offer(&self, item: u32, neighbour: Neighbour) {
        let mut list = self.lock(item);
        list.push(neighbour);
        if list.len() >= self.capacity() {
            self.cut(item, &mut list);
        }
    }

    /// Offers many neighbours to `item` and empties `neighbours`.
    pub fn offer_all(&self, item: u32, neighbours: &mut Vec<Neighbour>) {
        let mut list = self.lock(item);
        list.append(neighbours);
        if list.len() >= self.k {
            self.cut(item, &mut list);
        }
    }

    /// Takes `item`'s neighbours out, best first.
    pub fn take(&self, item: u32) -> Vec<Neighbour> {
        let mut list = std::mem::take(&mut *self.lock(item));
        shrink(&mut list, self.k);
        list.sort_unstable_by(rank);
        list
    }

    fn lock(&self, item: u32) -> MutexGuard<'_, Vec<Neighbour>> {
        // A list is consistent between any two statements, so a panic elsewhere spoils nothing.
        self.lists[item as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cut(&self, item: u32, list: &mut Vec<Neighbour>) {
        if let Some(kth) = shrink(list, self.k) {
            self.bars[item as usize].store(kth.to_bits(), Relaxed);
        }
    }
}
