//! Cleaned events in, one interaction per (user, item) out: steps 6 to 8 of the pipeline.
//!
//! Events are first thrown into buckets of consecutive users, then each bucket is folded by
//! itself: any number of workers, any order of events, the same result.

use std::sync::{Mutex, PoisonError};

use super::{
    clean::Needs,
    encode::{Encoded, Events},
    interactions::{Interactions, pairs_between},
    user_rows::UserRows,
};
use crate::{
    data::{Ids, TextColumn, pair_hash},
    executor::Executor,
    job::{Duplicates, Job, NegativeWeights, Of},
    result::{Catalogue, select_labels},
    weighting::{Weighting, decay},
};

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
    /// Pair operations that the cap saves.
    pub capped_operations: u128,
    /// Items with fewer users than `min_support`.
    pub rare_items: u64,
    /// Pairs dropped with them.
    pub rare_pairs: u64,
    /// Users left without items by that.
    pub emptied_users: u64,
}

impl Folding {
    /// Adds what became of other events.
    pub fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.pairs += other.pairs;
        self.netted_away += other.netted_away;
        self.capped_users += other.capped_users;
        self.capped_pairs += other.capped_pairs;
        self.capped_operations += other.capped_operations;
        self.rare_items += other.rare_items;
        self.rare_pairs += other.rare_pairs;
        self.emptied_users += other.emptied_users;
    }

    /// Counts the rows of ratings that were added to another rating of the same user and item, which is
    /// rarely what is meant; 0 where the job's weights are no ratings or it does not add them.
    pub fn repeated_ratings(&self, job: &Job) -> u64 {
        let are_ratings = job.measure.is_common()
            || job.negative_weights == NegativeWeights::Keep
            || matches!(job.weighting, Weighting::Centred(_));
        let are_added = job.duplicates == Duplicates::Sum;
        if are_ratings && are_added { self.events - self.pairs } else { 0 }
    }
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

/// Folds all events into interactions. Cost: O(events · log) time; 16 B per event on top of the
/// events, which are consumed as it goes, 48 B where the job looks at weights or times.
pub fn fold(encoded: Encoded, job: &Job, needs: Needs, executor: &impl Executor) -> Folded {
    let Encoded { users, items, labels, events, target } = encoded;
    let policy = Policy { job, users: &users, items: &items, target };
    let (mut folding, mut pieces) = if needs == (Needs { weight: false, time: false }) {
        fold_events::<Plain>(events, &policy, executor)
    } else {
        fold_events::<Full>(events, &policy, executor)
    };
    let mut supports = vec![0_u32; items.len()];
    for item in pieces.iter().flat_map(|piece| &piece.items) {
        supports[*item as usize] += 1;
    }
    let kept_items = SupportedItems::new(&supports, job);
    folding.rare_items = kept_items.rare;
    if folding.rare_items > 0 {
        pieces = drop_rare(&pieces, &kept_items, &mut folding, executor);
    }
    let (mut interactions, kept_users) = assemble(pieces, &kept_items, needs);
    interactions.emptied = folding.emptied_users as usize;
    let mut catalogue = kept_items.catalogue(&items, labels.as_ref(), &supports);
    interactions.target = kept_items.target(target);
    catalogue.target = interactions.target;
    let others = users.select(&kept_users);
    match job.of {
        Of::Items => Folded { interactions, catalogue, others, folding },
        Of::Users => Folded {
            catalogue: Catalogue {
                ids: others,
                labels: None,
                supports: interactions.degrees().map(|degree| degree as u32).collect(),
                target: None,
            },
            others: catalogue.ids,
            interactions: interactions.transposed(),
            folding,
        },
    }
}

/// Folds blocks that together hold all events of their users; `items` are the items by their
/// codes, and `target` is the first code of those of a second behaviour, if there are two. Cost: O(events · log of a user's events) time; 12 B per event, 44 B where the job looks
/// at weights or times.
pub fn fold_blocks(
    blocks: Vec<UserRows>,
    (items, target): (&Ids, Option<u32>),
    job: &Job,
    needs: Needs,
) -> (UserRows, Folding) {
    if needs == (Needs { weight: false, time: false }) {
        fold_gathered::<Plain>(blocks, (items, target), job, needs)
    } else {
        fold_gathered::<Full>(blocks, (items, target), job, needs)
    }
}

/// Folds the events of one user who has too many for one go: each part holds all events of some
/// items, the parts in ascending order of items.
///
/// # Errors
/// The first error among the parts.
pub fn fold_in_parts<E>(
    parts: impl Iterator<Item = Result<Vec<UserRows>, E>>,
    items: (&Ids, Option<u32>),
    job: &Job,
    needs: Needs,
) -> Result<(UserRows, Folding), E> {
    // Capping looks at all items of the user.
    let uncapped = Job { max_items_per_user: None, ..job.clone() };
    let (mut whole, mut folding) = (None::<UserRows>, Folding::default());
    for part in parts {
        let (rows, of_part) = fold_blocks(part?, items, &uncapped, needs);
        folding.add(&of_part);
        match &mut whole {
            _ if rows.users.is_empty() => {}
            None => whole = Some(rows),
            Some(whole) => whole.append_to_user(rows),
        }
    }
    let Some(whole) = whole else {
        return Ok((fold_blocks(Vec::new(), items, job, needs).0, folding));
    };
    // Folding what is folded changes nothing but the counts.
    let (rows, of_cap) = fold_blocks(vec![whole], items, job, needs);
    let Folding { capped_users, capped_pairs, capped_operations, .. } = of_cap;
    Ok((rows, Folding { capped_users, capped_pairs, capped_operations, ..folding }))
}

fn fold_gathered<E: Event>(
    blocks: Vec<UserRows>,
    (items, target): (&Ids, Option<u32>),
    job: &Job,
    needs: Needs,
) -> (UserRows, Folding) {
    let (users, mut events) = gather::<E>(blocks);
    let mut folding = Folding { events: events.len() as u64, ..Folding::default() };
    fold_pairs(&mut events, job, &mut folding);
    cap(&mut events, &Policy { job, users: &users, items, target }, &mut folding);
    let Piece { degrees, items, weights, times, .. } = piece_of(&events, 0..users.len());
    let weights = needs.weight.then_some(weights);
    let times = needs.time.then_some(times);
    let mut rows = UserRows { users, degrees, items, weights, times };
    rows.drop_idle();
    (rows, folding)
}

/// Brings the events of blocks together, sorted.
fn gather<E: Event>(mut blocks: Vec<UserRows>) -> (Ids, Vec<E>) {
    let nobody = || Ids::Integer(Vec::new());
    let lists = blocks.iter_mut().map(|block| std::mem::replace(&mut block.users, nobody()));
    let (users, codes) = Ids::unite(&lists.collect::<Vec<_>>());
    let mut next = vec![0; users.len() + 1];
    for (block, codes) in blocks.iter().zip(&codes) {
        for (user, degree) in codes.iter().zip(&block.degrees) {
            next[*user as usize] += *degree as usize;
        }
    }
    let mut total = 0;
    for place in &mut next {
        total += std::mem::replace(place, total);
    }
    let mut events = vec![E::new(Plain(0), 0.0, 0); total];
    for (block, codes) in blocks.into_iter().zip(&codes) {
        let mut at = 0;
        for (user, degree) in codes.iter().zip(&block.degrees) {
            for _ in 0..*degree {
                let weight = block.weights.as_ref().map_or(1.0, |all| all[at]);
                let time = block.times.as_ref().map_or(0, |all| all[at]);
                let pair = Plain(u64::from(*user) << 32 | u64::from(block.items[at]));
                events[next[*user as usize]] = E::new(pair, weight, time);
                next[*user as usize] += 1;
                at += 1;
            }
        }
    }
    let mut start = 0;
    for end in &next[..users.len()] {
        E::sort(&mut events[start..*end]);
        start = *end;
    }
    (users, events)
}

/// What folding a bucket needs to know.
struct Policy<'a> {
    job: &'a Job,
    users: &'a Ids,
    items: &'a Ids,
    /// The first code of the items of a second behaviour, which is capped by itself.
    target: Option<u32>,
}

/// An event on its way through the buckets.
trait Event: Copy + Send + Sync {
    fn of(events: &Events, row: usize) -> Self;
    fn user(&self) -> u32;
    fn item(&self) -> u32;
    fn weight(&self) -> f64;
    fn time(&self) -> i64;
    fn new(pair: Plain, weight: f64, time: i64) -> Self;
    /// Sorts by user and item; events of one pair in the order in which they are folded.
    fn sort(events: &mut [Self]);
    /// Leaves one of the sorted events per user and item.
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

    fn new(pair: Plain, _: f64, _: i64) -> Self {
        pair
    }

    fn sort(events: &mut [Self]) {
        events.sort_unstable();
    }

    fn fold(events: &mut Vec<Self>, _job: &Job) {
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

    fn new(pair: Plain, weight: f64, time: i64) -> Self {
        Self { pair, weight, time }
    }

    fn sort(events: &mut [Self]) {
        events.sort_unstable_by(|a, b| {
            a.pair.cmp(&b.pair).then(a.weight.total_cmp(&b.weight)).then(a.time.cmp(&b.time))
        });
    }

    fn fold(events: &mut Vec<Self>, job: &Job) {
        let of_pair = |same: &[Self]| {
            let heaviest = same[same.len() - 1].weight;
            let newest = same.iter().map(|event| event.time).max().unwrap_or_default();
            let weight = match job.duplicates {
                Duplicates::One => 1.0,
                // In ascending order of weight, as they are sorted.
                Duplicates::Sum => same.iter().map(|event| event.weight_at(newest, job)).sum(),
                Duplicates::Max => heaviest,
                // The last of the newest is the heaviest of them.
                Duplicates::Last => same
                    .iter()
                    .rfind(|event| event.time == newest)
                    .map_or(heaviest, |event| event.weight),
            };
            Self { pair: same[0].pair, weight, time: newest }
        };
        // In place: a pair's events are read before the one that is left is written.
        let (mut read, mut written) = (0, 0);
        while read < events.len() {
            let same = events[read..].iter().take_while(|event| event.pair == events[read].pair);
            let end = read + same.count();
            events[written] = of_pair(&events[read..end]);
            (read, written) = (end, written + 1);
        }
        events.truncate(written);
    }
}

impl Full {
    /// Returns what the event weighs at a later time: with decay each event decays before it is
    /// added to others. One that is there already, such as a sum, stays as it is.
    fn weight_at(&self, newest: i64, job: &Job) -> f64 {
        let Weighting::Decay { half_life, .. } = job.weighting else { return self.weight };
        decay::weigh(self.weight, newest.saturating_sub(self.time), half_life)
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
        folding.add(&of_bucket);
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
    E::sort(&mut events);
    fold_pairs(&mut events, policy.job, &mut folding);
    cap(&mut events, policy, &mut folding);
    (folding, piece_of(&events, users))
}

/// Leaves one event of each pair, and none where netting leaves nothing; `events` are sorted.
fn fold_pairs<E: Event>(events: &mut Vec<E>, job: &Job, folding: &mut Folding) {
    E::fold(events, job);
    let pairs = events.len() as u64;
    folding.pairs += pairs;
    if job.negative_weights == NegativeWeights::Net {
        events.retain(|event| event.weight() > 0.0);
        folding.netted_away += pairs - events.len() as u64;
    }
}

/// Caps the users of folded events where the job says so.
fn cap<E: Event>(events: &mut Vec<E>, policy: &Policy<'_>, folding: &mut Folding) {
    if let Some(cap) = policy.job.max_items_per_user {
        *events = cap_users(events, cap as usize, policy, folding);
    }
}

/// Takes folded events of `users` apart.
fn piece_of<E: Event>(events: &[E], users: std::ops::Range<usize>) -> Piece {
    let mut piece = Piece {
        first_user: users.start,
        degrees: vec![0; users.len()],
        items: events.iter().map(E::item).collect(),
        ..Piece::default()
    };
    for event in events {
        piece.degrees[event.user() as usize - users.start] += 1;
    }
    if size_of::<E>() > size_of::<Plain>() {
        piece.weights = events.iter().map(E::weight).collect();
        piece.times = events.iter().map(E::time).collect();
    }
    piece
}

/// Keeps the `cap` items of each user that are heaviest, then newest, then of smallest hash; of two
/// behaviours as many of each.
fn cap_users<E: Event>(
    events: &[E],
    cap: usize,
    policy: &Policy<'_>,
    folding: &mut Folding,
) -> Vec<E> {
    let mut kept = Vec::with_capacity(events.len());
    for of_user in events.chunk_by(|a, b| a.user() == b.user()) {
        let first = |first| of_user.partition_point(|event| event.item() < first);
        let (of_input, of_target) = of_user.split_at(policy.target.map_or(of_user.len(), first));
        let (input, target) = (of_input.len(), policy.target.map(|_| of_target.len()));
        let capped = (input.min(cap), target.map(|target| target.min(cap)));
        if capped != (input, target) {
            folding.capped_users += 1;
            folding.capped_pairs +=
                (of_user.len() - capped.0 - capped.1.unwrap_or_default()) as u64;
            folding.capped_operations +=
                pairs_between(input, target) - pairs_between(capped.0, capped.1);
        }
        for part in [of_input, of_target] {
            keep_best(part, cap, policy, &mut kept);
        }
    }
    kept
}

/// Appends the `cap` best events of one user and behaviour to `kept`.
fn keep_best<E: Event>(events: &[E], cap: usize, policy: &Policy<'_>, kept: &mut Vec<E>) {
    if events.len() <= cap {
        kept.extend_from_slice(events);
        return;
    }
    let user = policy.users.display(events[0].user());
    let mut hashed = events
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

/// The items with as many users as the job asks for.
#[derive(Clone, Debug)]
pub struct SupportedItems {
    /// Their codes among all items, ascending: an item's place here is its new code.
    pub kept: Vec<u32>,
    /// The new code of each item, `u32::MAX` where it has too few users.
    pub new_codes: Vec<u32>,
    /// Items that have users, but too few.
    pub rare: u64,
}

impl SupportedItems {
    /// Finds them by the number of users of each item.
    pub fn new(supports: &[u32], job: &Job) -> Self {
        let least = job.min_support.max(1);
        let mut new_codes = vec![u32::MAX; supports.len()];
        let mut kept = Vec::new();
        for (item, support) in (0..).zip(supports) {
            if *support >= least {
                new_codes[item as usize] = kept.len() as u32;
                kept.push(item);
            }
        }
        let rare = supports.iter().filter(|support| (1..least).contains(*support)).count() as u64;
        Self { kept, new_codes, rare }
    }

    /// Returns the first new code of the items of a second behaviour, if there are two; `target`: the
    /// first code of all of them.
    pub fn target(&self, target: Option<u32>) -> Option<u32> {
        target.map(|first| self.kept.partition_point(|item| *item < first) as u32)
    }

    /// Picks what is known of them; `supports` as for [`new`](Self::new).
    pub fn catalogue(
        &self,
        items: &Ids,
        labels: Option<&TextColumn>,
        supports: &[u32],
    ) -> Catalogue {
        Catalogue {
            ids: items.select(&self.kept),
            labels: labels.map(|labels| select_labels(labels, &self.kept)),
            supports: self.kept.iter().map(|item| supports[*item as usize]).collect(),
            target: None,
        }
    }
}

/// Drops the interactions of items that have too few users.
fn drop_rare(
    pieces: &[Piece],
    items: &SupportedItems,
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
                if items.new_codes[piece.items[at] as usize] != u32::MAX {
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

/// Puts the pieces together; items and users without interactions lose their codes.
fn assemble(
    pieces: Vec<Piece>,
    kept_items: &SupportedItems,
    needs: Needs,
) -> (Interactions, Vec<u32>) {
    let SupportedItems { kept, new_codes, .. } = kept_items;
    let total = pieces.iter().map(|piece| piece.items.len()).sum();
    let mut users = Vec::new();
    let mut all = Interactions {
        items: Vec::with_capacity(total),
        item_count: kept.len(),
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
