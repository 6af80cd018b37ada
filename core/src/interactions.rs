//! Cleaned events in, one interaction per (user, item) out: steps 6 to 8 of the pipeline.
//!
//! Events are first thrown into buckets of consecutive users, then each bucket is folded by
//! itself: any number of workers, any order of events, the same result.

use std::sync::{Mutex, PoisonError};

use xxhash_rust::xxh3::Xxh3;

use crate::{
    clean::Needs,
    encode::{Encoded, Events},
    executor::Executor,
    ids::{Ids, TextColumn},
    job::{Duplicates, Job, NegativeWeights, Of},
    neighbours::Catalogue,
};

/// Users x items in rows of users, items ascending within a user; every user and every item has
/// at least one interaction. Cost: 4 B per interaction, 8 B more with weights, 8 B with times.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interactions {
    ends: Vec<usize>,
    items: Vec<u32>,
    item_count: usize,
    weights: Option<Vec<f64>>,
    times: Option<Vec<i64>>,
}

/// What became of the events on their way to interactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Folding {
    /// Events that came in.
    pub events: u64,
    /// Pairs of user and item among them.
    pub pairs: u64,
    /// Pairs whose netted weight was zero or less.
    pub netted_away: u64,
    /// Users with more items than `max_items_per_user`.
    pub capped_users: u64,
    /// Pairs dropped by that cap.
    pub capped_pairs: u64,
    /// Pair operations (Σ n²) that the cap saves.
    pub capped_operations: u128,
    /// Items with fewer users than `min_support`.
    pub rare_items: u64,
    /// Pairs dropped with them.
    pub rare_pairs: u64,
    /// Users left without items by that.
    pub emptied_users: u64,
}

/// Interactions with what their codes stand for.
#[derive(Clone, Debug)]
pub struct Folded {
    /// The interactions. With `of = users` users and items have changed places.
    pub interactions: Interactions,
    /// What is compared: ids, labels, supports.
    pub catalogue: Catalogue,
    /// Ids of the other side.
    pub others: Ids,
    /// What became of the events.
    pub folding: Folding,
}

/// Interactions that were kept of others, with their own codes.
pub(crate) struct Part {
    /// The interactions.
    pub(crate) interactions: Interactions,
    /// The code each user had before.
    pub(crate) users: Vec<u32>,
    /// The code each item had before.
    pub(crate) items: Vec<u32>,
}

/// Parts that make no interactions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InteractionsError(&'static str);

impl Interactions {
    /// Puts interactions together that were taken apart: `ends` says where each user's items end,
    /// weights and times stand beside the items. Cost: O(interactions).
    ///
    /// # Errors
    /// [`InteractionsError`] unless every user has items, ascending and below `item_count`, every
    /// item has a user, and all columns are equally long.
    pub fn new(
        ends: Vec<usize>,
        items: Vec<u32>,
        item_count: usize,
        weights: Option<Vec<f64>>,
        times: Option<Vec<i64>>,
    ) -> Result<Self, InteractionsError> {
        let as_long = |length: Option<usize>| length.is_none_or(|length| length == items.len());
        if !as_long(weights.as_ref().map(Vec::len)) || !as_long(times.as_ref().map(Vec::len)) {
            return Err(InteractionsError("columns of different lengths"));
        }
        if ends.last().copied().unwrap_or(0) != items.len() {
            return Err(InteractionsError("users do not end where the items do"));
        }
        let mut start = 0;
        for end in &ends {
            if *end <= start || *end > items.len() {
                return Err(InteractionsError("a user without items"));
            }
            if !items[start..*end].is_sorted_by(|a, b| a < b) {
                return Err(InteractionsError("a user whose items do not ascend"));
            }
            start = *end;
        }
        let mut seen = vec![false; item_count];
        for item in &items {
            let seen = seen.get_mut(*item as usize);
            *seen.ok_or(InteractionsError("an item past the last"))? = true;
        }
        if seen.contains(&false) {
            return Err(InteractionsError("an item without users"));
        }
        Ok(Self { ends, items, item_count, weights, times })
    }

    /// Counts the users.
    pub fn users(&self) -> usize {
        self.ends.len()
    }

    /// Counts the items.
    pub fn items(&self) -> usize {
        self.item_count
    }

    /// Counts the interactions.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Tells whether there is no interaction.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns where `user`'s interactions lie.
    pub fn range(&self, user: u32) -> std::ops::Range<usize> {
        let user = user as usize;
        let start = if user == 0 { 0 } else { self.ends[user - 1] };
        start..self.ends[user]
    }

    /// Returns the items of `user`, ascending.
    pub fn of(&self, user: u32) -> &[u32] {
        &self.items[self.range(user)]
    }

    /// Counts the items of every user.
    pub fn degrees(&self) -> impl ExactSizeIterator<Item = usize> + Clone {
        (0..self.users() as u32).map(|user| self.range(user).len())
    }

    /// Counts the users of every item.
    pub fn supports(&self) -> Vec<u32> {
        let mut supports = vec![0; self.item_count];
        for item in &self.items {
            supports[*item as usize] += 1;
        }
        supports
    }

    /// Returns all items, user by user.
    pub fn all_items(&self) -> &[u32] {
        &self.items
    }

    /// Returns the weights beside the items; `None` where every weight is 1.
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// Returns the times beside the items, where the job looks at them.
    pub fn times(&self) -> Option<&[i64]> {
        self.times.as_deref()
    }

    /// Leaves out the interactions at the positions `held_out`, ascending; users and items that
    /// have no others lose their codes. Cost: O(interactions).
    pub(crate) fn without(&self, held_out: &[usize]) -> Part {
        let mut kept = vec![true; self.len()];
        for at in held_out {
            kept[*at] = false;
        }
        let at = (0..self.len()).filter(|at| kept[*at]).collect::<Vec<_>>();
        let mut supports = vec![0_u32; self.item_count];
        for at in &at {
            supports[self.items[*at] as usize] += 1;
        }
        let items = positions(&supports, |support| support > 0);
        let mut codes = vec![u32::MAX; self.item_count];
        for (new, old) in items.iter().enumerate() {
            codes[*old as usize] = new as u32;
        }
        let (mut users, mut ends, mut end) = (Vec::new(), Vec::new(), 0);
        for user in 0..self.users() as u32 {
            let degree = self.range(user).filter(|at| kept[*at]).count();
            if degree > 0 {
                end += degree;
                users.push(user);
                ends.push(end);
            }
        }
        let interactions = Self {
            ends,
            items: at.iter().map(|at| codes[self.items[*at] as usize]).collect(),
            item_count: items.len(),
            weights: self.weights.as_ref().map(|all| at.iter().map(|at| all[*at]).collect()),
            times: self.times.as_ref().map(|all| at.iter().map(|at| all[*at]).collect()),
        };
        Part { interactions, users, items }
    }

    /// Swaps the roles of users and items.
    fn transposed(&self) -> Self {
        let mut starts = vec![0; self.item_count + 1];
        for item in &self.items {
            starts[*item as usize + 1] += 1;
        }
        for item in 0..self.item_count {
            starts[item + 1] += starts[item];
        }
        let mut next = starts.clone();
        let mut sources = vec![0; self.len()];
        let mut items = vec![0; self.len()];
        for user in 0..self.users() as u32 {
            for source in self.range(user) {
                let slot = &mut next[self.items[source] as usize];
                items[*slot] = user;
                sources[*slot] = source;
                *slot += 1;
            }
        }
        Self {
            ends: starts.split_off(1),
            items,
            item_count: self.users(),
            weights: self.weights.as_ref().map(|all| sources.iter().map(|at| all[*at]).collect()),
            times: self.times.as_ref().map(|all| sources.iter().map(|at| all[*at]).collect()),
        }
    }
}

/// Folds all events into interactions. Cost: O(events · log) time; 16 B per event on top of the
/// events, which are consumed as it goes, 48 B where the job looks at weights or times.
pub fn fold(encoded: Encoded, job: &Job, needs: Needs, executor: &impl Executor) -> Folded {
    let Encoded { users, items, labels, events } = encoded;
    let policy = Policy { job, users: &users, items: &items };
    let (mut folding, mut pieces) = if needs == (Needs { weight: false, time: false }) {
        fold_events::<Plain>(events, &policy, executor)
    } else {
        fold_events::<Full>(events, &policy, executor)
    };
    let mut supports = vec![0_u32; items.len()];
    for item in pieces.iter().flat_map(|piece| &piece.items) {
        supports[*item as usize] += 1;
    }
    let least = job.min_support.max(1);
    folding.rare_items =
        supports.iter().filter(|support| (1..least).contains(*support)).count() as u64;
    if folding.rare_items > 0 {
        pieces = drop_rare(&pieces, &supports, least, &mut folding, executor);
    }
    let kept_items = positions(&supports, |support| support >= least);
    let (interactions, kept_users) = assemble(pieces, items.len(), &kept_items, needs);
    let catalogue = Catalogue {
        ids: items.select(&kept_items),
        labels: labels.map(|labels| select_labels(&labels, &kept_items)),
        supports: kept_items.iter().map(|item| supports[*item as usize]).collect(),
    };
    let others = users.select(&kept_users);
    match job.of {
        Of::Items => Folded { interactions, catalogue, others, folding },
        Of::Users => Folded {
            catalogue: Catalogue {
                ids: others,
                labels: None,
                supports: interactions.degrees().map(|degree| degree as u32).collect(),
            },
            others: catalogue.ids,
            interactions: interactions.transposed(),
            folding,
        },
    }
}

/// What folding a bucket needs to know.
struct Policy<'a> {
    job: &'a Job,
    users: &'a Ids,
    items: &'a Ids,
}

/// An event on its way through the buckets.
trait Event: Copy + Send + Sync {
    fn of(events: &Events, row: usize) -> Self;
    fn user(&self) -> u32;
    fn item(&self) -> u32;
    fn weight(&self) -> f64;
    fn time(&self) -> i64;
    /// Leaves one event per user and item, ascending by both.
    fn fold(events: &mut Vec<Self>, job: &Job);
}

/// An event of which only user and item matter: the item below, the user above.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Plain(u64);

impl Event for Plain {
    fn of(events: &Events, row: usize) -> Self {
        Self(u64::from(events.user[row]) << 32 | u64::from(events.item[row]))
    }

    fn user(&self) -> u32 {
        (self.0 >> 32) as u32
    }

    fn item(&self) -> u32 {
        self.0 as u32
    }

    fn weight(&self) -> f64 {
        1.0
    }

    fn time(&self) -> i64 {
        0
    }

    fn fold(events: &mut Vec<Self>, _job: &Job) {
        events.sort_unstable();
        events.dedup();
    }
}

/// An event with weight and time.
#[derive(Clone, Copy)]
struct Full {
    pair: Plain,
    weight: f64,
    time: i64,
}

impl Event for Full {
    fn of(events: &Events, row: usize) -> Self {
        Self {
            pair: Plain::of(events, row),
            weight: events.weight.as_ref().map_or(1.0, |weights| weights[row]),
            time: events.time.as_ref().map_or(0, |times| times[row]),
        }
    }

    fn user(&self) -> u32 {
        self.pair.user()
    }

    fn item(&self) -> u32 {
        self.pair.item()
    }

    fn weight(&self) -> f64 {
        self.weight
    }

    fn time(&self) -> i64 {
        self.time
    }

    fn fold(events: &mut Vec<Self>, job: &Job) {
        events.sort_unstable_by(|a, b| {
            a.pair.cmp(&b.pair).then(a.weight.total_cmp(&b.weight)).then(a.time.cmp(&b.time))
        });
        let of_pair = |same: &[Self]| {
            let heaviest = same[same.len() - 1].weight;
            let newest = same.iter().map(|event| event.time).max().unwrap_or_default();
            let weight = match job.duplicates {
                Duplicates::One => 1.0,
                // In ascending order of weight, as they are sorted.
                Duplicates::Sum => same.iter().map(|event| event.weight).sum(),
                Duplicates::Max => heaviest,
                // The last of the newest is the heaviest of them.
                Duplicates::Last => same
                    .iter()
                    .rfind(|event| event.time == newest)
                    .map_or(heaviest, |event| event.weight),
            };
            Self { pair: same[0].pair, weight, time: newest }
        };
        let folded = events.chunk_by(|a, b| a.pair == b.pair).map(of_pair).collect();
        *events = folded;
    }
}

/// Buckets of consecutive users, each a power of two wide.
struct Buckets {
    shift: u32,
    users: usize,
    count: usize,
}

/// The events of one chunk, bucket by bucket.
struct Scattered<E> {
    events: Vec<E>,
    ends: Vec<usize>,
}

impl<E> Scattered<E> {
    fn bucket(&self, bucket: usize) -> &[E] {
        let start = if bucket == 0 { 0 } else { self.ends[bucket - 1] };
        &self.events[start..self.ends[bucket]]
    }
}

impl Buckets {
    /// Events per bucket aimed at: they fit a core's second-level cache while they are sorted.
    const EVENTS: usize = 1 << 16;

    fn new(users: usize, events: usize) -> Self {
        let wanted = (events / Self::EVENTS).clamp(1, 1 << 12);
        let width = users.div_ceil(wanted).max(1).next_power_of_two();
        Self { shift: width.trailing_zeros(), users, count: users.div_ceil(width) }
    }

    /// The users of `bucket`.
    fn users(&self, bucket: usize) -> std::ops::Range<usize> {
        (bucket << self.shift)..((bucket + 1) << self.shift).min(self.users)
    }

    fn scatter<E: Event>(&self, events: &Events) -> Scattered<E> {
        let mut ends = vec![0; self.count];
        for user in &events.user {
            ends[(*user >> self.shift) as usize] += 1;
        }
        // Turn counts into starts; each start moves up to its bucket's end while events come in.
        let mut start = 0;
        for end in &mut ends {
            start += std::mem::replace(end, start);
        }
        let rows = events.user.len();
        let Some(filler) = (rows > 0).then(|| E::of(events, 0)) else {
            return Scattered { events: Vec::new(), ends };
        };
        let mut scattered = vec![filler; rows];
        for (row, user) in events.user.iter().enumerate() {
            let next = &mut ends[(*user >> self.shift) as usize];
            scattered[*next] = E::of(events, row);
            *next += 1;
        }
        Scattered { events: scattered, ends }
    }
}

/// The interactions of a bucket's users.
#[derive(Default)]
struct Piece {
    first_user: usize,
    degrees: Vec<u32>,
    items: Vec<u32>,
    weights: Vec<f64>,
    times: Vec<i64>,
}

fn fold_events<E: Event>(
    events: Vec<Events>,
    policy: &Policy<'_>,
    executor: &impl Executor,
) -> (Folding, Vec<Piece>) {
    let rows = events.iter().map(|events| events.user.len()).sum::<usize>();
    let buckets = Buckets::new(policy.users.len(), rows);
    // Each chunk is freed as soon as it is scattered.
    let events = events.into_iter().map(|events| Mutex::new(Some(events))).collect::<Vec<_>>();
    let scattered = executor.map(events.len(), |chunk| {
        let events = events[chunk].lock().unwrap_or_else(PoisonError::into_inner).take();
        buckets.scatter::<E>(&events.unwrap_or_default())
    });
    let folded = executor.map(buckets.count, |bucket| {
        let events = scattered.iter().flat_map(|chunk| chunk.bucket(bucket)).copied();
        fold_bucket::<E>(events.collect(), buckets.users(bucket), policy)
    });
    let mut folding = Folding { events: rows as u64, ..Folding::default() };
    let mut pieces = Vec::with_capacity(folded.len());
    for (of_bucket, piece) in folded {
        folding.pairs += of_bucket.pairs;
        folding.netted_away += of_bucket.netted_away;
        folding.capped_users += of_bucket.capped_users;
        folding.capped_pairs += of_bucket.capped_pairs;
        folding.capped_operations += of_bucket.capped_operations;
        pieces.push(piece);
    }
    (folding, pieces)
}

fn fold_bucket<E: Event>(
    mut events: Vec<E>,
    users: std::ops::Range<usize>,
    policy: &Policy<'_>,
) -> (Folding, Piece) {
    let mut folding = Folding::default();
    E::fold(&mut events, policy.job);
    folding.pairs = events.len() as u64;
    if policy.job.negative_weights == NegativeWeights::Net {
        events.retain(|event| event.weight() > 0.0);
        folding.netted_away = folding.pairs - events.len() as u64;
    }
    if let Some(cap) = policy.job.max_items_per_user {
        events = cap_users(&events, cap as usize, policy, &mut folding);
    }
    let mut piece = Piece {
        first_user: users.start,
        degrees: vec![0; users.len()],
        items: events.iter().map(E::item).collect(),
        ..Piece::default()
    };
    for event in &events {
        piece.degrees[event.user() as usize - users.start] += 1;
    }
    if size_of::<E>() > size_of::<Plain>() {
        piece.weights = events.iter().map(E::weight).collect();
        piece.times = events.iter().map(E::time).collect();
    }
    (folding, piece)
}

/// Keeps the `cap` items of each user that are heaviest, then newest, then of smallest hash.
fn cap_users<E: Event>(
    events: &[E],
    cap: usize,
    policy: &Policy<'_>,
    folding: &mut Folding,
) -> Vec<E> {
    let mut kept = Vec::with_capacity(events.len());
    for of_user in events.chunk_by(|a, b| a.user() == b.user()) {
        if of_user.len() <= cap {
            kept.extend_from_slice(of_user);
            continue;
        }
        let operations = |items: usize| (items as u128) * (items as u128);
        folding.capped_users += 1;
        folding.capped_pairs += (of_user.len() - cap) as u64;
        folding.capped_operations += operations(of_user.len()) - operations(cap);
        let user = policy.users.display(of_user[0].user());
        let mut hashed = of_user
            .iter()
            .map(|event| (pair_hash(&user, &policy.items.display(event.item())), *event))
            .collect::<Vec<_>>();
        hashed.select_nth_unstable_by(cap - 1, |(hash_a, a), (hash_b, b)| {
            let heavier = b.weight().total_cmp(&a.weight());
            let newer = b.time().cmp(&a.time());
            heavier.then(newer).then(hash_a.cmp(hash_b)).then(a.item().cmp(&b.item()))
        });
        hashed.truncate(cap);
        hashed.sort_unstable_by_key(|(_, event)| event.item());
        kept.extend(hashed.into_iter().map(|(_, event)| event));
    }
    kept
}

/// Hashes a pair: XXH3-64, seed 0, of the user's text, a zero byte and the item's text.
pub(crate) fn pair_hash(user: &str, item: &str) -> u64 {
    let mut hasher = Xxh3::new();
    hasher.update(user.as_bytes());
    hasher.update(&[0]);
    hasher.update(item.as_bytes());
    hasher.digest()
}

/// Drops the interactions of items with fewer than `least` users.
fn drop_rare(
    pieces: &[Piece],
    supports: &[u32],
    least: u32,
    folding: &mut Folding,
    executor: &impl Executor,
) -> Vec<Piece> {
    let sizes = |pieces: &[Piece]| {
        let pairs = pieces.iter().map(|piece| piece.items.len() as u64).sum::<u64>();
        let degrees = pieces.iter().flat_map(|piece| &piece.degrees);
        (pairs, degrees.filter(|degree| **degree > 0).count() as u64)
    };
    let (pairs, users) = sizes(pieces);
    let kept = executor.map(pieces.len(), |index| {
        let piece = &pieces[index];
        let mut kept = Piece { first_user: piece.first_user, ..Piece::default() };
        let mut start = 0;
        for degree in &piece.degrees {
            let before = kept.items.len();
            for at in start..start + *degree as usize {
                if supports[piece.items[at] as usize] >= least {
                    kept.items.push(piece.items[at]);
                    kept.weights.extend(piece.weights.get(at));
                    kept.times.extend(piece.times.get(at));
                }
            }
            start += *degree as usize;
            kept.degrees.push((kept.items.len() - before) as u32);
        }
        kept
    });
    let (kept_pairs, kept_users) = sizes(&kept);
    folding.rare_pairs = pairs - kept_pairs;
    folding.emptied_users = users - kept_users;
    kept
}

/// Lists the positions whose value `keep` accepts.
fn positions(values: &[u32], keep: impl Fn(u32) -> bool) -> Vec<u32> {
    let kept = values.iter().enumerate().filter(|(_, value)| keep(**value));
    kept.map(|(position, _)| position as u32).collect()
}

/// Puts the pieces together; items and users without interactions lose their codes.
fn assemble(
    pieces: Vec<Piece>,
    items: usize,
    kept_items: &[u32],
    needs: Needs,
) -> (Interactions, Vec<u32>) {
    let mut new_codes = vec![u32::MAX; items];
    for (new, old) in kept_items.iter().enumerate() {
        new_codes[*old as usize] = new as u32;
    }
    let total = pieces.iter().map(|piece| piece.items.len()).sum();
    let mut users = Vec::new();
    let mut all = Interactions {
        items: Vec::with_capacity(total),
        item_count: kept_items.len(),
        weights: needs.weight.then(Vec::new),
        times: needs.time.then(Vec::new),
        ..Interactions::default()
    };
    for piece in pieces {
        let mut end = all.items.len();
        for (user, degree) in piece.degrees.iter().enumerate().filter(|(_, degree)| **degree > 0) {
            end += *degree as usize;
            users.push((piece.first_user + user) as u32);
            all.ends.push(end);
        }
        all.items.extend(piece.items.iter().map(|item| new_codes[*item as usize]));
        all.weights.iter_mut().for_each(|weights| weights.extend(&piece.weights));
        all.times.iter_mut().for_each(|times| times.extend(&piece.times));
    }
    (all, users)
}

fn select_labels(labels: &TextColumn, keep: &[u32]) -> TextColumn {
    let mut selected = TextColumn::default();
    for item in keep {
        let code = match labels.get(*item as usize) {
            Some(label) => {
                selected.dictionary.push(label);
                selected.dictionary.len() as u32 - 1
            }
            None => TextColumn::NULL,
        };
        selected.codes.push(code);
    }
    selected
}
