//! How well neighbours recommend: some of what users took is held out, and the rest must find it.
//!
//! A user with items I is recommended the n items outside of I with the largest
//! score(j) = Σ s(i, j) over the i in I that have j among their neighbours, s being the job's
//! score; of equal ones the smallest id first (item-based top-n recommendation with sums of
//! similarities: Deshpande & Karypis, Item-based top-N recommendation algorithms, 2004).
//!
//! With H the user's held-out items, L the list and r the ranks from 1 of its hits (L ∩ H):
//!
//! - recall@n = |L ∩ H| / |H|;
//! - nDCG@n = Σ 1 / log2(r + 1) over the hits, divided by the same sum over 1..=min(n, |H|)
//!   (Järvelin & Kekäläinen, Cumulated gain-based evaluation of IR techniques, 2002);
//! - MRR@n = 1 / r of the first hit, 0 without one (Voorhees, TREC-8, 1999);
//! - coverage = items in any list / all items (Herlocker et al., Evaluating collaborative
//!   filtering recommender systems, 2004);
//! - popularity = mean over users of the mean support of L / mean over users of the mean support
//!   of H: above 1 the lists hold more popular items than people took. The numerator is the
//!   average recommendation popularity of Yin et al., Challenging the long tail recommendation,
//!   2012. Users with an empty list count in neither.
//!
//! The first three are means over users, an empty list counting 0. Intervals are analytic, 95 %:
//! ± 1.96·s/√users; for popularity, a ratio of means, s is the deviation of the residuals
//! (Cochran, Sampling techniques, 1977, chapter 6). They speak of the users: of others drawn like
//! these.

use crate::{
    data::{Ids, pair_hash},
    executor::Executor,
    job::Job,
    kernel::neighbours,
    matrix::Matrix,
    plan::{ItemFilter, Plan},
    prepare::{Encoded, Events, Folded, Interactions, Needs, Remainder, fold},
    result::Neighbour,
    simd::prefetch,
};

/// Which interaction of each user is held out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// The one with the smallest hash of user and item: any one, and always the same.
    Any,
    /// The newest; of equally new ones that of smallest hash.
    Newest,
}

/// What users have, and what they are to be recommended.
#[derive(Clone, Debug)]
pub struct Trial {
    train: Interactions,
    supports: Vec<u32>,
    /// Codes of the users who are judged, ascending.
    users: Vec<u32>,
    /// Where each one's held-out items end.
    ends: Vec<usize>,
    held_out: Vec<u32>,
    counts: Counts,
}

/// What became of the interactions that a trial holds out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Users who could be judged.
    pub eligible: u64,
    /// Users drawn from them: those with the smallest hashes, where there are more than asked for.
    pub drawn: u64,
    /// Users of those who are judged: not who had only an item left that nobody else has.
    pub users: u64,
    /// Held-out interactions of the users who are judged.
    pub held_out: u64,
    /// Interactions after the cut of users who are new then: nobody knows what they have.
    pub of_new_users: u64,
    /// Interactions after the cut with items that are new then: no recommender could name them.
    pub of_new_items: u64,
    /// Interactions after the cut that their users had before.
    pub repeated: u64,
}

impl Trial {
    /// Holds out one interaction of each of at most `users` users, those with the smallest hash
    /// of their id among all who have two. The others stay as they are.
    ///
    /// Cost: O(interactions). [`LeftOut::Newest`] needs times.
    ///
    /// # Panics
    /// If users or items are not those of `folded`, which compares items.
    pub fn leave_one_out(folded: &Folded, which: LeftOut, users: usize) -> Self {
        let all = &folded.interactions;
        let eligible = (0..all.users() as u32).filter(|user| all.range(*user).len() > 1);
        let eligible = eligible.collect::<Vec<_>>();
        let chosen = sample(&folded.others, &eligible, users);
        let at = |user: &u32| {
            let name = folded.others.display(*user);
            let order = |at: &usize| {
                let time = all.times().filter(|_| which == LeftOut::Newest).map(|all| all[*at]);
                let item = folded.catalogue.ids.display(all.all_items()[*at]);
                (std::cmp::Reverse(time), pair_hash(&name, &item), *at)
            };
            all.range(*user).min_by_key(order).expect("a user has interactions")
        };
        let held_out = chosen.iter().map(at).collect::<Vec<_>>();
        let Remainder { interactions, users, items } = all.without(&held_out);
        let mut trial = Self::new(interactions, Counts::default());
        trial.counts.eligible = eligible.len() as u64;
        trial.counts.drawn = chosen.len() as u64;
        for (user, at) in chosen.iter().zip(held_out) {
            // Of an item that nobody else has nothing is left to recommend.
            let Ok(item) = items.binary_search(&all.all_items()[at]) else {
                trial.counts.of_new_items += 1;
                continue;
            };
            let user = users.binary_search(user).expect("who has two keeps one");
            trial.push(user as u32, &[item as u32]);
        }
        trial
    }

    /// Holds out everything from time `cut` on, in microseconds since 1970: what is before goes
    /// through the job as if nothing had followed. At most `users` users are judged, those with
    /// the smallest hashes.
    ///
    /// Cost: that of folding both parts.
    ///
    /// # Panics
    /// If `encoded` has no times.
    pub fn since(
        cut: i64,
        encoded: Encoded,
        (job, needs): (&Job, Needs),
        users: usize,
        executor: &impl Executor,
    ) -> Self {
        let (before, after) = split(encoded, cut);
        let before = fold(before, job, needs, executor);
        // What people took afterwards is theirs however rare it is.
        let plain = Job { min_support: 1, max_items_per_user: None, ..job.clone() };
        let after = fold(after, &plain, needs, executor);
        let user_codes = after.others.codes_in(&before.others);
        let item_codes = after.catalogue.ids.codes_in(&before.catalogue.ids);
        let mut trial = Self::new(before.interactions, Counts::default());
        let mut fresh = Vec::new();
        for (user, code) in (0..).zip(&user_codes) {
            let items = after.interactions.of(user);
            let Some(code) = code else {
                trial.counts.of_new_users += items.len() as u64;
                continue;
            };
            let has = trial.train.of(*code);
            let known = items.iter().filter_map(|item| item_codes[*item as usize]);
            let known = known.collect::<Vec<_>>();
            trial.counts.of_new_items += (items.len() - known.len()) as u64;
            let new = known.iter().copied().filter(|item| has.binary_search(item).is_err());
            let new = new.collect::<Vec<_>>();
            trial.counts.repeated += (known.len() - new.len()) as u64;
            if !new.is_empty() {
                fresh.push((*code, new));
            }
        }
        trial.counts.eligible = fresh.len() as u64;
        let eligible = fresh.iter().map(|(user, _)| *user).collect::<Vec<_>>();
        let chosen = sample(&before.others, &eligible, users);
        trial.counts.drawn = chosen.len() as u64;
        for (user, items) in fresh {
            if chosen.binary_search(&user).is_ok() {
                trial.push(user, &items);
            }
        }
        trial
    }

    fn new(train: Interactions, counts: Counts) -> Self {
        let supports = train.supports();
        Self { train, supports, users: Vec::new(), ends: Vec::new(), held_out: Vec::new(), counts }
    }

    /// Adds a user, in ascending order, with its held-out items, ascending.
    fn push(&mut self, user: u32, items: &[u32]) {
        self.users.push(user);
        self.held_out.extend_from_slice(items);
        self.ends.push(self.held_out.len());
        self.counts.users += 1;
        self.counts.held_out += items.len() as u64;
    }

    /// Returns what users have, with codes of its own.
    pub fn train(&self) -> &Interactions {
        &self.train
    }

    /// Returns what became of the held-out interactions.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Returns the code of the judged user with that number.
    ///
    /// # Panics
    /// If `number` is not below `counts().users`.
    pub fn user(&self, number: usize) -> u32 {
        self.users[number]
    }

    /// Returns what is held out of the judged user with that number, ascending.
    ///
    /// # Panics
    /// If `number` is not below `counts().users`.
    pub fn held_out(&self, number: usize) -> &[u32] {
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.held_out[start..self.ends[number]]
    }

    fn mean_support(&self, items: &[u32]) -> f64 {
        let sum = items.iter().map(|item| u64::from(self.supports[*item as usize])).sum::<u64>();
        sum as f64 / items.len() as f64
    }
}

/// Finds the time from which on about `share` of all rows lie, at least one; `None` without rows
/// or times. Cost: O(rows), 8 B per row.
pub fn cut_for(encoded: &Encoded, share: f64) -> Option<i64> {
    let times = encoded.events.iter().filter_map(|events| events.time.as_deref());
    let mut times = times.flatten().copied().collect::<Vec<_>>();
    let last = times.len().checked_sub(1)?;
    let before = ((1.0 - share) * times.len() as f64).round() as usize;
    Some(*times.select_nth_unstable(before.min(last)).1)
}

/// Parts the rows into those before `cut` and the others.
fn split(encoded: Encoded, cut: i64) -> (Encoded, Encoded) {
    let Encoded { users, items, events, .. } = encoded;
    let part = |events: &Events, is_after: bool| {
        let times = events.time.as_ref().expect("a split by time has times");
        let rows = (0..times.len()).filter(|row| (times[*row] >= cut) == is_after);
        let rows = rows.collect::<Vec<_>>();
        Events {
            user: rows.iter().map(|row| events.user[*row]).collect(),
            item: rows.iter().map(|row| events.item[*row]).collect(),
            weight: events.weight.as_ref().map(|all| rows.iter().map(|row| all[*row]).collect()),
            time: Some(rows.iter().map(|row| times[*row]).collect()),
        }
    };
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for chunk in events {
        before.push(part(&chunk, false));
        after.push(part(&chunk, true));
    }
    let of = |users: Ids, items: Ids, events| Encoded {
        users,
        items,
        labels: None,
        events,
        target: None,
    };
    (of(users.clone(), items.clone(), before), of(users, items, after))
}

/// Chooses at most `most` users, those with the smallest hashes; ascending.
fn sample(ids: &Ids, users: &[u32], most: usize) -> Vec<u32> {
    if users.len() <= most {
        return users.to_vec();
    }
    let mut hashed = users.iter().map(|user| (ids.hash(*user), *user)).collect::<Vec<_>>();
    hashed.select_nth_unstable(most);
    hashed.truncate(most);
    let mut chosen = hashed.into_iter().map(|(_, user)| user).collect::<Vec<_>>();
    chosen.sort_unstable();
    chosen
}

/// A mean over users: with 95 % confidence it lies within `margin` of `value`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mean {
    /// The mean.
    pub value: f64,
    /// Half of the interval.
    pub margin: f64,
}

impl Mean {
    /// Averages; the values are summed in their order. 0 without values.
    fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        if values.is_empty() {
            return Self::default();
        }
        let mean = values.iter().sum::<f64>() / count;
        let squares = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
        Self { value: mean, margin: margin(squares, count) }
    }

    /// Divides two means over the same users; `None` where the second is 0.
    fn of_ratio(pairs: &[(f64, f64)]) -> Option<Self> {
        let count = pairs.len() as f64;
        let over = pairs.iter().map(|(over, _)| over).sum::<f64>() / count;
        let under = pairs.iter().map(|(_, under)| under).sum::<f64>() / count;
        if pairs.is_empty() || under <= 0.0 {
            return None;
        }
        let ratio = over / under;
        let residual = |(over, under): &(f64, f64)| over - ratio * under;
        let squares = pairs.iter().map(residual).map(|residual| residual * residual).sum::<f64>();
        Some(Self { value: ratio, margin: margin(squares, count) / under })
    }
}

/// Half of a 95 % interval from a sum of squared deviations.
fn margin(squares: f64, count: f64) -> f64 {
    if count > 1.0 { 1.96 * (squares / (count - 1.0)).sqrt() / count.sqrt() } else { 0.0 }
}

/// How good recommendations are; formulas on the page `docs/evaluation.md`.
#[derive(Clone, Debug, PartialEq)]
pub struct Quality {
    /// Share of what was held out that is in the list.
    pub recall: Mean,
    /// The same, more for hits near the top.
    pub ndcg: Mean,
    /// 1 / rank of the first hit.
    pub mrr: Mean,
    /// Share of all items that are in any list.
    pub coverage: f64,
    /// How much more popular the lists are than what was held out; `None` if all are empty.
    pub popularity: Option<Mean>,
    /// Users who were recommended anything.
    pub served: u64,
    /// nDCG of every user.
    ndcg_of_users: Vec<f64>,
}

impl Quality {
    /// By how much this nDCG is above the other's, user by user: much narrower than the two
    /// intervals, as both had the same users.
    ///
    /// # Panics
    /// If the two are of different trials.
    pub fn lead_over(&self, other: &Self) -> Mean {
        assert_eq!(self.ndcg_of_users.len(), other.ndcg_of_users.len(), "the same trial");
        let pairs = self.ndcg_of_users.iter().zip(&other.ndcg_of_users);
        Mean::of(&pairs.map(|(one, other)| one - other).collect::<Vec<_>>())
    }
}

/// Judges the neighbours of `job` by what they recommend, `at` items to a user.
///
/// Cost: that of computing the neighbours of all items, and top · items of the user additions
/// per user; 9 B per item and worker. The result depends on trial, job and `at` alone.
///
/// # Panics
/// If `at` is 0.
pub fn evaluate(trial: &Trial, job: &Job, at: usize, executor: &impl Executor) -> Quality {
    evaluate_on(Matrix::new(&trial.train, job, executor), trial, job, at, executor)
}

/// Does the same with a matrix of [`Trial::train`] that is weighted as the job asks.
pub(super) fn evaluate_on(
    matrix: impl std::borrow::Borrow<Matrix>,
    trial: &Trial,
    job: &Job,
    at: usize,
    executor: &impl Executor,
) -> Quality {
    let train = &trial.train;
    let filter = ItemFilter::default();
    let plan = Plan::of_job(matrix.borrow(), job, &filter);
    let found = neighbours(matrix.borrow(), &plan, job, &filter, executor, |_| {});
    drop(matrix);
    let start = || Sums::new(train.items());
    judge(trial, at, executor, start, |sums, user, list| {
        sums.recommend(train.of(user), |item| found.of(item), (at, |code| code), list);
    })
}

/// Judges what is most popular and the user does not have: what any measure should beat.
///
/// # Panics
/// If `at` is 0.
pub fn most_popular(trial: &Trial, at: usize, executor: &impl Executor) -> Quality {
    let mut items = (0..trial.train.items() as u32).collect::<Vec<_>>();
    items.sort_by_key(|item| std::cmp::Reverse(trial.supports[*item as usize]));
    judge(
        trial,
        at,
        executor,
        || (),
        |(), user, list| {
            let has = trial.train.of(user);
            let new = items.iter().filter(|item| has.binary_search(item).is_err());
            list.extend(new.take(at));
        },
    )
}

/// Judges any recommender: `recommend` fills an empty list, best first, for a user of
/// [`Trial::train`]; what is past the first `at` is cut off. Each worker has a state from `init`.
///
/// # Panics
/// If `at` is 0.
pub fn judge<S>(
    trial: &Trial,
    at: usize,
    executor: &impl Executor,
    init: impl Fn() -> S + Sync,
    recommend: impl Fn(&mut S, u32, &mut Vec<u32>) + Sync,
) -> Quality {
    const USERS: usize = 256;
    assert!(at > 0, "a list has at least one place");
    let users = trial.users.len();
    let gains = Gains::new(at, trial);
    let pieces = executor.map_with(users.div_ceil(USERS), init, |state, piece| {
        let (mut lists, mut list) = (Judged::default(), Vec::new());
        for number in piece * USERS..((piece + 1) * USERS).min(users) {
            list.clear();
            recommend(state, trial.user(number), &mut list);
            list.truncate(at);
            lists.add(trial, trial.held_out(number), &list, &gains);
        }
        lists
    });
    let mut all = Judged::default();
    for piece in pieces {
        all.recall.extend(piece.recall);
        all.ndcg.extend(piece.ndcg);
        all.mrr.extend(piece.mrr);
        all.popularity.extend(piece.popularity);
        all.recommended.extend(piece.recommended);
    }
    all.finish(trial.train.items())
}

/// What hits gain, by their places in a list.
struct Gains {
    of: Vec<f64>,
    /// The most that so many items can gain together, from one on.
    most: Vec<f64>,
}

impl Gains {
    /// Of lists of `at` items: as many places as anyone can fill.
    fn new(at: usize, trial: &Trial) -> Self {
        let places = at.min(trial.train.items());
        let of = (1..=places).map(|rank| 1.0 / libm::log2(rank as f64 + 1.0)).collect::<Vec<_>>();
        let total = |sum: &mut f64, gain: &f64| {
            *sum += gain;
            Some(*sum)
        };
        Self { most: of.iter().scan(0.0, total).collect(), of }
    }

    fn most_of(&self, items: usize) -> f64 {
        self.most[items.min(self.most.len()) - 1]
    }
}

/// The figures of some users, in their order.
#[derive(Default)]
struct Judged {
    recall: Vec<f64>,
    ndcg: Vec<f64>,
    mrr: Vec<f64>,
    /// Mean support of list and of held-out items, of users with a list.
    popularity: Vec<(f64, f64)>,
    recommended: Vec<u32>,
}

impl Judged {
    fn add(&mut self, trial: &Trial, held_out: &[u32], list: &[u32], gains: &Gains) {
        let hits = (0..).zip(list).filter(|(_, item)| held_out.binary_search(item).is_ok());
        let mut hits = hits.map(|(at, _)| at).peekable();
        let first = hits.peek().copied();
        let (mut count, mut gained) = (0, 0.0);
        for at in hits {
            count += 1;
            gained += gains.of[at];
        }
        self.recall.push(count as f64 / held_out.len() as f64);
        self.ndcg.push(gained / gains.most_of(held_out.len()));
        self.mrr.push(first.map_or(0.0, |at| 1.0 / (at + 1) as f64));
        if !list.is_empty() {
            self.popularity.push((trial.mean_support(list), trial.mean_support(held_out)));
        }
        self.recommended.extend_from_slice(list);
    }

    fn finish(self, items: usize) -> Quality {
        let mut is_recommended = vec![false; items];
        for item in &self.recommended {
            is_recommended[*item as usize] = true;
        }
        let recommended = is_recommended.iter().filter(|item| **item).count();
        Quality {
            recall: Mean::of(&self.recall),
            ndcg: Mean::of(&self.ndcg),
            mrr: Mean::of(&self.mrr),
            coverage: recommended as f64 / items.max(1) as f64,
            popularity: Mean::of_ratio(&self.popularity),
            served: self.popularity.len() as u64,
            ndcg_of_users: self.ndcg,
        }
    }
}

/// A neighbour, of which only its number and score count.
pub(super) trait Scored {
    /// Returns number and score, which is not -0.
    fn scored(&self) -> (u32, f32);
}

impl Scored for Neighbour {
    fn scored(&self) -> (u32, f32) {
        (self.code, self.score + 0.0)
    }
}

/// One worker's sums of scores, by item.
pub(super) struct Sums {
    /// [`Self::NOTHING`] of items that nothing was added to, between users all of them.
    scores: Vec<f64>,
    /// Items with a sum; room for one more than there are items.
    touched: Vec<u32>,
    /// The best of them so far, and their sums.
    best: Vec<(f64, u32)>,
}

impl Sums {
    /// No sum of numbers that are not -0 is -0.
    const NOTHING: f64 = -0.0;

    pub(super) fn new(items: usize) -> Self {
        Self { scores: vec![Self::NOTHING; items], touched: vec![0; items + 1], best: Vec::new() }
    }

    /// Adds up the scores of all neighbours of `items`, in ascending order of their codes, and lists
    /// the codes of the `at` best that are not among them. Items are numbered in any way.
    pub(super) fn recommend<'a, N: Scored + 'a>(
        &mut self,
        items: &[u32],
        neighbours: impl Fn(u32) -> &'a [N],
        (at, code): (usize, impl Fn(u32) -> u32),
        list: &mut Vec<u32>,
    ) {
        /// Lists lie anywhere in memory: those that come so much later are asked for.
        const AHEAD: usize = 3;
        const LINE: usize = 64;
        let Self { scores, touched, .. } = self;
        // What the user has collects a sum that is no number.
        for item in items {
            scores[*item as usize] = f64::NAN;
        }
        let lists = items.iter().map(|item| neighbours(*item)).collect::<Vec<_>>();
        let mut count = 0;
        for (index, neighbours) in lists.iter().enumerate() {
            if let Some(later) = lists.get(index + AHEAD) {
                let lines = (0..later.len()).step_by(LINE / size_of::<N>());
                lines.for_each(|line| prefetch(later, line));
            }
            for neighbour in *neighbours {
                let (number, score) = neighbour.scored();
                let sum = &mut scores[number as usize];
                // No branch: whether an item is new cannot be predicted.
                touched[count] = number;
                count += usize::from(sum.to_bits() == Self::NOTHING.to_bits());
                *sum += f64::from(score);
            }
        }
        self.pick(count, (at, code), list);
        for item in items {
            self.scores[*item as usize] = Self::NOTHING;
        }
    }

    /// Lists the `at` best of the first `count` that were touched, and forgets their sums.
    fn pick(
        &mut self,
        count: usize,
        (at, code): (usize, impl Fn(u32) -> u32),
        list: &mut Vec<u32>,
    ) {
        let Self { scores, touched, best } = self;
        let order = |a: &(f64, u32), b: &(f64, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        let mut least = f64::NEG_INFINITY;
        best.clear();
        for number in &touched[..count] {
            let sum = std::mem::replace(&mut scores[*number as usize], Self::NOTHING);
            if sum < least {
                continue;
            }
            best.push((sum, code(*number)));
            if best.len() >= at.saturating_mul(2).saturating_add(16) {
                best.select_nth_unstable_by(at - 1, order);
                best.truncate(at);
                least = best[at - 1].0;
            }
        }
        best.sort_unstable_by(order);
        list.extend(best.iter().take(at).map(|(_, code)| *code));
    }
}
