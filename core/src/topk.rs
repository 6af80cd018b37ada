//! The one total order, and the selection of the k best of every item.

use std::{
    cmp::Ordering,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use crate::{kernel::arch::prefetch, neighbours::Neighbour};

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

/// A neighbour on its way to an item's list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer {
    pub(crate) item: u32,
    pub(crate) neighbour: Neighbour,
}

/// One worker's offers to any items, gathered to be settled many at a time.
#[derive(Debug, Default)]
pub(crate) struct Offers {
    gathered: Vec<Offer>,
    sorted: Vec<Offer>,
}

impl Offers {
    /// Offers gathered before they are settled: few enough to stay in a core's second-level
    /// cache, and for bars to rise soon.
    const MOST: usize = 1 << 13;

    /// Gathers an offer.
    pub(crate) fn push(&mut self, item: u32, neighbour: Neighbour) {
        self.gathered.push(Offer { item, neighbour });
    }

    /// Tells whether it is time to settle.
    pub(crate) fn is_full(&self) -> bool {
        self.gathered.len() >= Self::MOST
    }
}

/// The k best neighbours of every item, offered in any order by any thread. What is left at the
/// end depends on the set of offers alone.
///
/// Cost: 28 B per item, and up to 18·k B once offers came in.
#[derive(Debug)]
pub struct Selection {
    k: usize,
    /// Bits of the score that an offer must reach; rises as better neighbours come in.
    bars: Vec<AtomicU32>,
    /// Item i is number i / shards of shard i % shards, so that neighbours in popularity do not
    /// share a lock.
    shards: Vec<Mutex<Vec<Vec<Neighbour>>>>,
}

impl Selection {
    const SHARDS: usize = 64;

    /// Makes an empty selection for `items` items; offers below `floor` are never taken.
    ///
    /// # Panics
    /// If `k` is 0.
    pub fn new(items: usize, k: usize, floor: f32) -> Self {
        assert!(k > 0, "a selection keeps at least one neighbour");
        let lists = |shard: usize| items.saturating_sub(shard).div_ceil(Self::SHARDS);
        Self {
            k,
            bars: (0..items).map(|_| AtomicU32::new(floor.to_bits())).collect(),
            shards: (0..Self::SHARDS)
                .map(|shard| Mutex::new(vec![Vec::new(); lists(shard)]))
                .collect(),
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

    /// Offers many neighbours to `item` and empties `neighbours`; returns the bar if it rose.
    pub fn offer_all(&self, item: u32, neighbours: &mut Vec<Neighbour>) -> Option<f32> {
        let list = &mut self.lock(item as usize % Self::SHARDS)[item as usize / Self::SHARDS];
        list.append(neighbours);
        if list.len() >= self.k { self.cut(item, list) } else { None }
    }

    /// Settles all gathered offers; calls `on_rise` with each item whose bar rose. Offers are
    /// sorted by shard, so each lock is taken once and the lists can be fetched ahead.
    pub(crate) fn settle(&self, offers: &mut Offers, mut on_rise: impl FnMut(u32, f32)) {
        let Offers { gathered, sorted } = offers;
        let mut ends = [0; Self::SHARDS];
        for offer in gathered.iter() {
            ends[offer.item as usize % Self::SHARDS] += 1;
        }
        let mut start = 0;
        for end in &mut ends {
            start += std::mem::replace(end, start);
        }
        sorted.clone_from(gathered);
        for offer in gathered.drain(..) {
            let next = &mut ends[offer.item as usize % Self::SHARDS];
            sorted[*next] = offer;
            *next += 1;
        }
        let mut rest = sorted.as_slice();
        let mut before = 0;
        for (shard, end) in ends.into_iter().enumerate() {
            let of_shard;
            (of_shard, rest) = rest.split_at(end - before);
            before = end;
            if !of_shard.is_empty() {
                self.settle_shard(shard, of_shard, &mut on_rise);
            }
        }
    }

    fn settle_shard(&self, shard: usize, offers: &[Offer], on_rise: &mut impl FnMut(u32, f32)) {
        const AHEAD: usize = 8;
        let mut lists = self.lock(shard);
        for (index, Offer { item, neighbour }) in offers.iter().enumerate() {
            if let Some(later) = offers.get(index + 2 * AHEAD) {
                prefetch(&lists, later.item as usize / Self::SHARDS);
            }
            if let Some(later) = offers.get(index + AHEAD) {
                let list = &lists[later.item as usize / Self::SHARDS];
                prefetch(list, list.len().saturating_sub(1));
            }
            if neighbour.score < self.bar(*item) {
                continue;
            }
            let list = &mut lists[*item as usize / Self::SHARDS];
            if list.len() == list.capacity() {
                // Doubling would overshoot the most a list ever holds.
                list.reserve_exact(list.len().max(4).min(self.capacity() - list.len()));
            }
            list.push(*neighbour);
            if (list.len() == self.k || list.len() >= self.capacity())
                && let Some(bar) = self.cut(*item, list)
            {
                on_rise(*item, bar);
            }
        }
    }

    /// Takes `item`'s neighbours out, best first.
    pub fn take(&self, item: u32) -> Vec<Neighbour> {
        let list = &mut self.lock(item as usize % Self::SHARDS)[item as usize / Self::SHARDS];
        let mut list = std::mem::take(list);
        shrink(&mut list, self.k);
        list.sort_unstable_by(rank);
        list
    }

    fn lock(&self, shard: usize) -> MutexGuard<'_, Vec<Vec<Neighbour>>> {
        // A list is consistent between any two statements, so a panic elsewhere spoils nothing.
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cut(&self, item: u32, list: &mut Vec<Neighbour>) -> Option<f32> {
        let kth = shrink(list, self.k)?;
        self.bars[item as usize].store(kth.to_bits(), Relaxed);
        Some(kth)
    }
}
