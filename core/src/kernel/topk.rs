//! The one total order, and the selection of the k best of every item.

use std::{
    cmp::Ordering,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use crate::{
    plan::Groups,
    result::Neighbour,
    simd::{Kernel, prefetch},
};

/// The total order of an item's neighbours: score descending, then code (that is id) ascending.
pub fn rank(a: &Neighbour, b: &Neighbour) -> Ordering {
    place(a).cmp(&place(b))
}

/// Returns a number that is smaller the better the neighbour: comparing it takes no branches.
fn place(neighbour: &Neighbour) -> u64 {
    place_of(neighbour.score, neighbour.code)
}

/// Returns the same for a score and a code.
#[inline]
pub(crate) fn place_of(score: f32, code: u32) -> u64 {
    u64::from(!ascending(score)) << 32 | u64::from(code)
}

/// Turns [`place_of`] around.
#[inline]
pub(crate) fn score_at(place: u64) -> (f32, u32) {
    (number_at(!(place >> 32) as u32), place as u32)
}

/// Returns a number that rises with `number` in the order of [`f32::total_cmp`].
#[inline]
pub(crate) fn ascending(number: f32) -> u32 {
    let bits = number.to_bits();
    // Negative numbers turn around and go below the others.
    bits ^ ((bits.cast_signed() >> 31).cast_unsigned() | 0x8000_0000)
}

/// Turns [`ascending`] around.
#[inline]
pub(crate) fn number_at(place: u32) -> f32 {
    let is_negative = !place >> 31;
    f32::from_bits(place ^ (is_negative.wrapping_neg() | 0x8000_0000))
}

/// Rounds a score once to what results hold; past the range of f32 it stays at the largest.
pub fn to_score(score: f64) -> f32 {
    (score as f32).clamp(f32::MIN, f32::MAX)
}

/// Cuts `list` down to its `k` best, in no order; returns the k-th best score if there are k.
pub(crate) fn shrink(list: &mut Vec<Neighbour>, k: usize) -> Option<Bar> {
    if list.len() > k {
        list.select_nth_unstable_by_key(k - 1, place);
        list.truncate(k);
        return list.last().map(Bar::of);
    }
    let last = list.iter().max_by(|a, b| rank(a, b)).filter(|_| list.len() == k);
    last.map(Bar::of)
}

/// Cuts `list` down to its `k` best, or to at most a quarter more; returns a bar that the k best clear,
/// if there are `k`. Much less work than [`shrink`] where the list is long: `keys`, room for as many
/// numbers, are bisected by vectors, and nothing is moved but to where it stays.
pub(crate) fn thin_out(
    list: &mut Vec<Neighbour>,
    k: usize,
    kernel: Kernel,
    keys: &mut Vec<u32>,
) -> Option<Bar> {
    const LONG: usize = 256;
    if list.len() <= k.max(LONG) {
        return shrink(list, k);
    }
    keys.clear();
    keys.extend(list.iter().map(|neighbour| ascending(neighbour.score)));
    let kth = kernel.about_kth(keys, k);
    let mut stay = 0;
    for (index, key) in keys.iter().enumerate() {
        list[stay] = list[index];
        stay += usize::from(*key >= kth);
    }
    list.truncate(stay);
    // Of many that tie, codes say which stay.
    if stay > k + k / 4 { shrink(list, k) } else { Some(Bar::at(number_at(kth))) }
}

/// Sorts `list`, best first, and cuts it down to its `k` best.
fn best_first(list: &mut Vec<Neighbour>, k: usize, kernel: Kernel) {
    /// Lists of at most so many are ranked, where that is faster: each is compared with each by
    /// vectors, without the branches of sorting, which cannot be predicted.
    const FEW: usize = 128;
    if list.len() > FEW || !kernel.ranks_fast() {
        shrink(list, k);
        list.sort_unstable_by_key(place);
        return;
    }
    let (mut keys, mut ranks, mut sorted) = ([0; FEW], [0; FEW], [Neighbour::NONE; FEW]);
    for (key, neighbour) in keys.iter_mut().zip(&*list) {
        *key = place(neighbour);
    }
    kernel.ranks(&keys[..list.len()], &mut ranks);
    for (rank, neighbour) in ranks.iter().zip(&*list) {
        sorted[*rank as usize] = *neighbour;
    }
    list.truncate(k);
    list.iter_mut().zip(sorted).for_each(|(to, neighbour)| *to = neighbour);
}

/// Returns how long a list of the `k` best may grow before it is cut down to them.
pub fn most_kept(k: usize) -> usize {
    k.saturating_add((k / 2).max(8))
}

/// What a neighbour must come before, in the total order, to be among the k best: the k-th.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bar {
    /// Its score.
    pub score: f32,
    /// Its code: of equal scores only smaller codes come before.
    pub code: u32,
}

impl Bar {
    /// Lets every score from `floor` on pass.
    fn at(floor: f32) -> Self {
        // In the total order −0 is below 0, as a threshold it is not.
        Self { score: if floor == 0.0 { -0.0 } else { floor }, code: u32::MAX }
    }

    fn of(kth: &Neighbour) -> Self {
        Self { score: kth.score, code: kth.code }
    }

    /// Returns whether a neighbour comes before.
    #[inline]
    pub(super) fn admits(self, score: f32, code: u32) -> bool {
        score > self.score
            || score == self.score
                && self.score.total_cmp(&score).then(code.cmp(&self.code)).is_lt()
    }

    /// Returns whether a neighbour comes before, or is the k-th itself.
    pub(crate) fn keeps(self, neighbour: &Neighbour) -> bool {
        let is_kth =
            self.score.to_bits() == neighbour.score.to_bits() && self.code == neighbour.code;
        is_kth || self.admits(neighbour.score, neighbour.code)
    }

    fn to_bits(self) -> u64 {
        u64::from(self.score.to_bits()) << 32 | u64::from(self.code)
    }

    fn from_bits(bits: u64) -> Self {
        Self { score: f32::from_bits((bits >> 32) as u32), code: bits as u32 }
    }
}

/// A neighbour on its way to an item's list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offer {
    /// Position of the item.
    pub item: u32,
    /// The neighbour: a code, as everywhere but inside the matrix.
    pub neighbour: Neighbour,
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

    /// The same for each neighbour that is kept: long lists lie further apart than the cache
    /// reaches, and going to one is worth more than one offer.
    const MOST_PER_KEPT: usize = 1 << 7;

    /// Gathers an offer.
    pub(crate) fn push(&mut self, item: u32, neighbour: Neighbour) {
        self.gathered.push(Offer { item, neighbour });
    }

    /// Returns what was gathered.
    pub(crate) fn gathered(&self) -> &[Offer] {
        &self.gathered
    }

    /// Returns whether it is time to settle, where `k` neighbours are kept.
    pub(crate) fn is_full(&self, k: usize) -> bool {
        self.gathered.len() >= Self::most(k)
    }

    fn most(k: usize) -> usize {
        Self::MOST.max(Self::MOST_PER_KEPT.saturating_mul(k).min(1 << 17))
    }
}

/// Counts the bytes of the offers that a worker gathers before they are settled, where `k` neighbours
/// are kept: as they came, with as much room once more for those of the last row, and sorted.
pub fn bytes_of_gathering(k: usize) -> usize {
    3 * size_of::<Offer>() * Offers::most(k)
}

/// The k best neighbours of every item, offered in any order by any thread. What is left at the
/// end depends on the set of offers alone.
///
/// Cost: 28 B per item, and up to 18·k B once offers came in.
#[derive(Debug)]
pub(super) struct Selection {
    k: usize,
    kernel: Kernel,
    /// Of these groups a list holds only so many.
    limits: Option<Groups>,
    /// Bits of each item's bar, which rises as better neighbours come in.
    bars: Vec<AtomicU64>,
    /// Item i is number i / shards of shard i % shards, so that neighbours in popularity do not
    /// share a lock.
    shards: Vec<Mutex<Shard>>,
}

/// Some items' lists.
#[derive(Debug)]
struct Shard {
    lists: Vec<Vec<Neighbour>>,
    /// Room for cutting one.
    keys: Vec<u32>,
}

impl Selection {
    const SHARDS: usize = 64;

    /// Makes an empty selection for `items` items, whose bars stand at `floor`.
    ///
    /// # Panics
    /// If `k` is 0.
    pub(super) fn new(items: usize, k: usize, floor: f32, kernel: Kernel) -> Self {
        assert!(k > 0, "a selection keeps at least one neighbour");
        let shard = |shard: usize| {
            let lists = items.saturating_sub(shard).div_ceil(Self::SHARDS);
            Mutex::new(Shard { lists: vec![Vec::new(); lists], keys: Vec::new() })
        };
        Self {
            k,
            kernel,
            limits: None,
            bars: (0..items).map(|_| AtomicU64::new(Bar::at(floor).to_bits())).collect(),
            shards: (0..Self::SHARDS).map(shard).collect(),
        }
    }

    /// Also limits how many neighbours of a group a list holds. Cutting lists then takes sorting them.
    pub(super) fn limited(self, limits: Option<Groups>) -> Self {
        Self { limits, ..self }
    }

    /// Cuts `list` down as [`thin_out`] does, and by the limits of groups if there are any.
    pub(super) fn thin_out(&self, list: &mut Vec<Neighbour>, keys: &mut Vec<u32>) -> Option<Bar> {
        let Some(limits) = &self.limits else {
            return thin_out(list, self.k, self.kernel, keys);
        };
        list.sort_unstable_by_key(place);
        limits.thin(list, self.k, |one| one.code);
        // Fewer leave room for all that comes.
        list.last().filter(|_| list.len() == self.k).map(Bar::of)
    }

    /// Returns what an offer to `item` must come before to have a chance.
    pub(super) fn bar(&self, item: u32) -> Bar {
        Bar::from_bits(self.bars[item as usize].load(Relaxed))
    }

    /// Asks for an item's bar, which is about to be read.
    pub(crate) fn fetch(&self, item: usize) {
        prefetch(&self.bars, item);
    }

    /// How long a list may grow before it is cut down to the k best.
    pub(super) fn capacity(&self) -> usize {
        most_kept(self.k)
    }

    /// Offers many neighbours to `item` and empties `neighbours`; returns the bar if it rose.
    pub(super) fn offer_all(&self, item: u32, neighbours: &mut Vec<Neighbour>) -> Option<Bar> {
        let Shard { lists, keys } = &mut *self.lock(item as usize % Self::SHARDS);
        let list = &mut lists[item as usize / Self::SHARDS];
        let had = list.len();
        let mut bar = None;
        if list.len() + neighbours.len() > self.capacity() {
            // Where they came from there is room for all; the list takes no more than its own.
            neighbours.append(list);
            bar = self.cut(item, neighbours, keys);
        }
        self.grow(list, neighbours.len());
        list.append(neighbours);
        if had < self.k && bar.is_none() && list.len() >= self.k {
            bar = self.cut(item, list, keys);
        }
        bar
    }

    /// Makes room for `more` neighbours, in few steps, and for no more than a list ever holds.
    fn grow(&self, list: &mut Vec<Neighbour>, more: usize) {
        let needed = list.len() + more;
        if needed > list.capacity() {
            let room = needed.max(4 * list.len()).max(8).min(self.capacity());
            list.reserve_exact(room - list.len());
        }
    }

    /// Settles all gathered offers; calls `on_rise` with each item whose bar rose. Offers are
    /// sorted by shard, so each lock is taken once and the lists can be fetched ahead.
    pub(crate) fn settle(&self, offers: &mut Offers, mut on_rise: impl FnMut(u32, Bar)) {
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

    fn settle_shard(&self, shard: usize, offers: &[Offer], on_rise: &mut impl FnMut(u32, Bar)) {
        const AHEAD: usize = 8;
        let Shard { lists, keys } = &mut *self.lock(shard);
        for (index, Offer { item, neighbour }) in offers.iter().enumerate() {
            if let Some(later) = offers.get(index + 2 * AHEAD) {
                prefetch(lists, later.item as usize / Self::SHARDS);
            }
            if let Some(later) = offers.get(index + AHEAD) {
                let list = &lists[later.item as usize / Self::SHARDS];
                prefetch(list, list.len().saturating_sub(1));
            }
            if !self.bar(*item).admits(neighbour.score, neighbour.code) {
                continue;
            }
            let list = &mut lists[*item as usize / Self::SHARDS];
            self.grow(list, 1);
            list.push(*neighbour);
            let is_time = self.limits.is_none() && list.len() == self.k;
            if (is_time || list.len() >= self.capacity())
                && let Some(bar) = self.cut(*item, list, keys)
            {
                on_rise(*item, bar);
            }
        }
    }

    /// Counts the neighbours that [`take`](Self::take) would return.
    pub(crate) fn count(&self, item: u32) -> usize {
        self.lock(item as usize % Self::SHARDS).lists[item as usize / Self::SHARDS]
            .len()
            .min(self.k)
    }

    /// Takes out what `item` has so far, in no order; its bar stays, so that only better ones come.
    pub(super) fn withdraw(&self, item: u32) -> Vec<Neighbour> {
        let mut list = self.remove(item);
        let kth = match self.limits {
            None => shrink(&mut list, self.k),
            Some(_) => self.thin_out(&mut list, &mut Vec::new()),
        };
        if let Some(kth) = kth {
            self.raise(item, kth);
        }
        list
    }

    /// Takes `item`'s neighbours out, best first.
    pub(super) fn take(&self, item: u32) -> Vec<Neighbour> {
        let mut list = self.remove(item);
        match self.limits {
            None => best_first(&mut list, self.k, self.kernel),
            Some(_) => {
                self.thin_out(&mut list, &mut Vec::new());
            }
        }
        list
    }

    fn remove(&self, item: u32) -> Vec<Neighbour> {
        let shard = &mut *self.lock(item as usize % Self::SHARDS);
        std::mem::take(&mut shard.lists[item as usize / Self::SHARDS])
    }

    fn lock(&self, shard: usize) -> MutexGuard<'_, Shard> {
        // A list is consistent between any two statements, so a panic elsewhere spoils nothing.
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cut(&self, item: u32, list: &mut Vec<Neighbour>, keys: &mut Vec<u32>) -> Option<Bar> {
        let bar = self.thin_out(list, keys)?;
        self.raise(item, bar).then_some(bar)
    }

    /// Raises an item's bar; tells whether it did. What was withdrawn may have been better.
    fn raise(&self, item: u32, bar: Bar) -> bool {
        let rises = self.bar(item).admits(bar.score, bar.code);
        if rises {
            self.bars[item as usize].store(bar.to_bits(), Relaxed);
        }
        rises
    }
}

#[cfg(test)]
mod tests {
    use proptest::{
        collection::vec,
        prelude::{ProptestConfig, Strategy, any},
        prop_assert, prop_assert_eq, proptest,
        sample::select,
    };

    use super::*;

    /// Scores of which many tie; both zeros, which are not the same in the total order.
    const SCORES: &[f32] = &[f32::MIN, -1.5, -0.0, 0.0, 1e-45, 0.25, 0.5, 0.75, 1.0, f32::MAX];

    /// More items than shards, so that some share one.
    const ITEMS: u32 = 150;

    fn neighbour(code: u32, score: f32) -> Neighbour {
        Neighbour { code, score, overlap: code + 1 }
    }

    /// What a thread does: offers codes from..to to an item, or lets an item have offers gathered;
    /// settles what it gathered before.
    #[derive(Clone, Debug)]
    struct Step {
        item: u32,
        scores: Vec<f32>,
        gathers: bool,
        settles: bool,
        /// Takes out what the item has so far.
        withdraws: bool,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        // A few items get most of the offers.
        let item =
            (0..ITEMS, any::<bool>()).prop_map(|(item, few)| if few { item % 3 } else { item });
        let step = (item, vec(select(SCORES), 0..40), any::<[bool; 4]>());
        let step = step.prop_map(|(item, scores, [gathers, settles, a, b])| Step {
            item,
            scores,
            gathers,
            settles,
            withdraws: a && b,
        });
        vec(step, 0..60)
    }

    /// Takes the steps; codes count from `first`, so that no two threads offer the same one. Returns
    /// what was taken out on the way.
    fn take_steps(selection: &Selection, steps: &[Step], first: u32) -> Vec<(u32, Neighbour)> {
        let mut withdrawn = Vec::new();
        let (mut offers, mut code) = (Offers::default(), first);
        let settle = |offers: &mut Offers| {
            selection.settle(offers, |item, bar| {
                assert!(selection.bar(item).score >= bar.score, "bars rise");
            });
            assert!(offers.gathered.is_empty());
        };
        for step in steps {
            let mut found = Vec::new();
            for score in &step.scores {
                // As the kernel does: what is below the bar is not offered to the item.
                if step.gathers {
                    offers.push(step.item, neighbour(code, *score));
                } else if *score >= selection.bar(step.item).score {
                    found.push(neighbour(code, *score));
                }
                code += 1;
            }
            selection.offer_all(step.item, &mut found);
            assert!(found.is_empty());
            if step.withdraws {
                withdrawn
                    .extend(selection.withdraw(step.item).into_iter().map(|one| (step.item, one)));
            }
            if step.settles {
                settle(&mut offers);
            }
        }
        settle(&mut offers);
        withdrawn
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(crate::testing::cases(200)))]

        #[test]
        #[expect(clippy::disallowed_methods, reason = "here the caller is the test")]
        fn a_selection_is_what_a_sort_leaves(
            threads in vec(steps(), 1..4),
            k in select(vec![1, 2, 3, 7, 16, 17, 1_000]),
            floor in select(vec![f32::MIN, 0.0, 0.5]),
            kernel in select(Kernel::available()),
        ) {
            let selection = Selection::new(ITEMS as usize, k, floor, kernel);
            let withdrawn = std::thread::scope(|scope| {
                let threads = (0..).zip(&threads).map(|(thread, steps)| {
                    let selection = &selection;
                    scope.spawn(move || take_steps(selection, steps, thread * 1_000_000))
                });
                let threads = threads.collect::<Vec<_>>();
                let found = threads.into_iter().flat_map(|thread| thread.join().expect("joined"));
                found.collect::<Vec<_>>()
            });
            let mut expected = vec![Vec::new(); ITEMS as usize];
            for (thread, steps) in (0..).zip(&threads) {
                let mut code = thread * 1_000_000;
                for step in steps {
                    for score in &step.scores {
                        if *score >= floor {
                            expected[step.item as usize].push(neighbour(code, *score));
                        }
                        code += 1;
                    }
                }
            }
            for (item, mut expected) in (0..).zip(expected) {
                expected.sort_by(rank);
                let kth = expected.get(k - 1).map_or(floor, |kth| kth.score);
                prop_assert!(selection.bar(item).score <= kth, "a bar is no higher than the k-th score");
                expected.truncate(k);
                let bits = |list: &[Neighbour]| {
                    list.iter().map(|one| (one.code, one.score.to_bits())).collect::<Vec<_>>()
                };
                let earlier = withdrawn.iter().filter(|(of, _)| *of == item).map(|(_, one)| *one);
                let earlier = earlier.collect::<Vec<_>>();
                prop_assert!(!earlier.is_empty() || selection.count(item) == expected.len());
                let mut found = selection.take(item);
                if !earlier.is_empty() {
                    found.extend(earlier);
                    shrink(&mut found, k);
                    found.sort_by(rank);
                }
                prop_assert_eq!(bits(&found), bits(&expected));
                prop_assert_eq!(selection.take(item), Vec::new(), "taken out");
            }
        }

        #[test]
        fn ascending_numbers_are_in_total_order(a in any::<f32>(), b in any::<f32>()) {
            prop_assert_eq!(ascending(a).cmp(&ascending(b)), a.total_cmp(&b));
            prop_assert_eq!(number_at(ascending(a)).to_bits(), a.to_bits());
        }

        #[test]
        fn rank_is_a_total_order(
            codes in vec((0..3_u32, select(SCORES)), 3),
        ) {
            let [a, b, c] = [0, 1, 2].map(|at: usize| neighbour(codes[at].0, codes[at].1));
            prop_assert_eq!(rank(&a, &b), rank(&b, &a).reverse());
            if rank(&a, &b).is_le() && rank(&b, &c).is_le() {
                prop_assert!(rank(&a, &c).is_le());
            }
            let same = a.code == b.code && a.score.to_bits() == b.score.to_bits();
            prop_assert_eq!(rank(&a, &b).is_eq(), same);
            prop_assert!(a.score <= b.score || rank(&a, &b).is_lt(), "higher scores come first");
        }

        #[test]
        fn thinning_out_keeps_the_best_and_raises_no_bar_above_them(
            scores in vec((select(SCORES), 0.0..1.0_f32, any::<bool>()), 0..700),
            k in 1..400_usize,
            kernel in select(Kernel::available()),
        ) {
            // Some tie, others do not.
            let score = |(tied, own, ties): &(f32, f32, bool)| if *ties { *tied } else { *own };
            let all = (0..).zip(&scores).map(|(code, one)| neighbour(code, score(one)));
            let mut all = all.collect::<Vec<_>>();
            let (mut list, before) = (all.clone(), all.len());
            let bar = thin_out(&mut list, k, kernel, &mut Vec::new());
            all.sort_by(rank);
            all.truncate(k);
            prop_assert!(list.len() >= k.min(before) && list.len() <= k + k / 4);
            list.sort_by(rank);
            prop_assert_eq!(&list[..all.len()], &all[..]);
            prop_assert_eq!(bar.is_some(), before >= k);
            // What comes after the k-th may come before the bar, never the other way round.
            let keeps = |bar: Bar| all.iter().all(|one| bar.keeps(one));
            prop_assert!(bar.is_none_or(keeps), "{bar:?}");
        }

        #[test]
        fn shrinking_keeps_the_best_and_tells_the_last(
            scores in vec(select(SCORES), 0..40),
            k in 1..20_usize,
        ) {
            let mut list = (0..).zip(&scores).map(|(code, score)| neighbour(code, *score));
            let mut list = list.by_ref().collect::<Vec<_>>();
            let mut expected = list.clone();
            expected.sort_by(rank);
            expected.truncate(k);
            let kth = shrink(&mut list, k);
            prop_assert_eq!(kth, expected.get(k - 1).map(Bar::of));
            list.sort_by(rank);
            prop_assert_eq!(list, expected);
        }
    }

    #[test]
    fn lists_never_grow_past_their_capacity() {
        for k in [1, 2, 50] {
            let selection = Selection::new(1, k, f32::MIN, Kernel::detect());
            assert!(selection.capacity() > k, "there is room to gather before a cut");
            let mut offers = Offers::default();
            for code in 0..1_000 {
                offers.push(0, neighbour(code, code as f32));
            }
            selection.settle(&mut offers, |_, _| {});
            let holds = || selection.lock(0).lists[0].capacity();
            assert!(holds() <= selection.capacity(), "{}, k = {k}", holds());
            for first in [2_000, 3_000] {
                let all = first..first + 2 * k as u32;
                let mut found = all.map(|code| neighbour(code, code as f32)).collect();
                selection.offer_all(0, &mut found);
                assert!(holds() <= selection.capacity(), "{}, k = {k}", holds());
            }
            assert_eq!(selection.take(0)[0].code, 3_000 + 2 * k as u32 - 1);
        }
    }

    #[test]
    fn scores_past_the_range_stay_at_its_ends() {
        let cases = [(1e39, f32::MAX), (-1e300, f32::MIN), (1e-50, 0.0), (0.1, 0.1_f32)];
        for (score, expected) in cases {
            assert_eq!(to_score(score).to_bits(), expected.to_bits());
        }
    }
}
