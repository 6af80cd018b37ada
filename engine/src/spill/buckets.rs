//! From runs to interactions, a bucket of consecutive users at a time.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use ilk_core::{
    data::{DoubtfulIds, Id, Ids},
    executor::Executor as _,
    job::Job,
    prepare::{
        Folding, Interactions, Needs, SupportedItems, UserRows, fold_blocks, fold_in_parts,
        pairs_between,
    },
};

use super::{
    rows::{BlockAt, RowsAt, read, write},
    runs::Runs,
    store::Store,
    work::{Progress, Work},
};
use crate::{
    error::Error,
    memory::Allowance,
    misfit::{Needed, does_not_fit},
    pool::Pool,
};

/// Interactions on disk, as all users' rows in order. Item codes are those before rare items are
/// dropped.
pub(crate) struct Buckets {
    pub(super) store: Store,
    pub(super) all: Vec<Bucket>,
    /// Users of every item.
    pub(super) supports: Vec<u32>,
    /// The first code of the items of a second behaviour, if there are two.
    pub(super) target: Option<u32>,
    /// What became of the events.
    pub(super) folding: Folding,
}

/// A bucket on disk.
pub(super) struct Bucket {
    pub(super) at: RowsAt,
    pub(super) census: Census,
}

/// What is counted of users and their items.
#[derive(Clone, Debug, Default)]
pub(super) struct Census {
    pub(super) users: u64,
    pub(super) interactions: u64,
    /// How many users have so many items.
    pub(super) degrees: BTreeMap<u32, u64>,
    /// Pair operations.
    pub(super) operations: u128,
    /// Interactions of rare items, and users left without any.
    pub(super) dropped: (u64, u64),
    /// Users that may be meant otherwise.
    pub(super) doubtful: DoubtfulIds,
}

impl Census {
    /// Counts; `target`: the first code of the items of a second behaviour, if there are two.
    fn of(rows: &UserRows, target: Option<u32>) -> Self {
        let (mut degrees, mut operations, mut rest) = (BTreeMap::new(), 0, rows.items.as_slice());
        for degree in &rows.degrees {
            *degrees.entry(*degree).or_default() += 1;
            let (of_user, others) = rest.split_at(*degree as usize);
            let first = |first| of_user.partition_point(|item| *item < first);
            let input = target.map_or(of_user.len(), first);
            operations += pairs_between(input, target.map(|_| of_user.len() - input));
            rest = others;
        }
        Self {
            users: rows.users.len() as u64,
            interactions: rows.items.len() as u64,
            degrees,
            operations,
            dropped: (0, 0),
            doubtful: rows.users.doubtful(),
        }
    }

    /// Adds what was counted of the users that follow.
    pub(super) fn add(&mut self, other: &Self) {
        self.users += other.users;
        self.interactions += other.interactions;
        for (degree, users) in &other.degrees {
            *self.degrees.entry(*degree).or_default() += users;
        }
        self.operations += other.operations;
        self.dropped.0 += other.dropped.0;
        self.dropped.1 += other.dropped.1;
        self.doubtful.add(other.doubtful.clone());
    }

    /// Walks the number of items of every user, most items first.
    pub(super) fn each_degree(&self) -> impl Iterator<Item = usize> + Clone {
        let degrees = self.degrees.iter().rev();
        degrees.flat_map(|(degree, users)| (0..*users).map(move |_| *degree as usize))
    }
}

/// What folding a bucket needs.
struct Folder<'a> {
    runs: &'a Runs,
    items: &'a Ids,
    target: Option<u32>,
    codes: &'a [u32],
    job: &'a Job,
    needs: Needs,
    budget: &'a Allowance,
    /// Bytes that each thread can take.
    room: usize,
    out: Store,
    sums: Mutex<(Vec<u32>, Folding)>,
    /// Is told how many events are folded.
    progress: Progress<'a>,
}

/// Events of a bucket aimed at: many enough to read blocks of all runs, few enough for the cache.
const EVENTS: usize = 1 << 19;

/// Counts the interactions of a bucket that need not be folded any more: each thread will weigh and sort
/// one, and read the next.
fn events_of(items: usize, work: Work<'_>) -> usize {
    let room = work.budget.left(12 * items) / work.budget.workers / 2;
    (room / event_bytes(work.needs)).clamp(1, EVENTS)
}

/// Bytes that an event takes while it is folded, and then weighed and sorted by item.
const fn event_bytes(needs: Needs) -> usize {
    if needs.weight || needs.time { 128 } else { 40 }
}

/// Bytes that a block takes while it is folded with others: its users are united with theirs.
fn block_bytes(at: &RowsAt, needs: Needs) -> usize {
    at.entries as usize * event_bytes(needs) + 3 * at.user_bytes() + 24 * at.users as usize
}

/// Folds all events. `codes`: by the code that events have, the code among `items`; `target`: the
/// first code of those of a second behaviour, if there are two.
///
/// # Errors
/// If the disk refuses, or the events of one user and item alone do not fit.
pub(super) fn fold(
    runs: &Runs,
    (items, target): (&Ids, Option<u32>),
    codes: &[u32],
    work: Work<'_>,
    progress: Progress<'_>,
) -> Result<Buckets, Error> {
    let Work { job, needs, budget, pool, .. } = work;
    let used = id_bytes(items) + items.len() * 12;
    let room = budget.left(used) / budget.workers;
    let out = Store::new(work.folder, "interactions", budget.shard.0);
    let sums = Mutex::new((vec![0; items.len()], Folding::default()));
    let folder =
        Folder { runs, items, target, codes, job, needs, budget, room, out, sums, progress };
    let bounds = folder.bounds();
    let folded = pool.map(bounds.len() + 1, |index| {
        let from = index.checked_sub(1).map(|before| &bounds[before]);
        let mut buckets = Vec::new();
        folder.fold(from, bounds.get(index), &mut buckets)?;
        Ok::<_, Error>(buckets)
    });
    let mut buckets = Vec::new();
    for of_range in folded {
        buckets.extend(of_range?);
    }
    let Folder { out, sums, .. } = folder;
    let (supports, folding) = sums.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Buckets { store: out, all: buckets, supports, target, folding })
}

/// Counts the bytes of ids.
pub(super) fn id_bytes(ids: &Ids) -> usize {
    match ids {
        Ids::Integer(_) | Ids::Unsigned(_) => ids.len() * 8,
        Ids::Text(texts) => texts.bytes() + texts.len() * 8,
    }
}

impl Folder<'_> {
    /// Chooses the users at which buckets begin, but for the first.
    fn bounds(&self) -> Vec<Id> {
        let (mut bounds, mut events, mut bytes) = (Vec::new(), 0, 0);
        for block in &self.runs.blocks {
            let is_full = events >= EVENTS || bytes >= self.room / 2;
            if is_full && bounds.last() != Some(&block.first) {
                bounds.push(block.first.clone());
                (events, bytes) = (0, 0);
            }
            events += block.rows.entries as usize;
            bytes += block_bytes(&block.rows, self.needs);
        }
        bounds
    }

    /// Folds the users from `from` up to, but not including, `to`; where they are too many, some
    /// after the other.
    fn fold(
        &self,
        from: Option<&Id>,
        to: Option<&Id>,
        buckets: &mut Vec<Bucket>,
    ) -> Result<(), Error> {
        let mut loaded = Vec::new();
        let mut bytes = 0;
        for block in self.blocks(from, to) {
            let rows = self.load(block, from, to, self.codes)?;
            // Of a block at the edge only a part is loaded.
            let share = rows.items.len() as f64 / f64::from(block.rows.entries.max(1));
            bytes += (block_bytes(&block.rows, self.needs) as f64 * share) as usize;
            loaded.push(rows);
            if bytes > self.room {
                return self.fold_split(from, Split::of(loaded), to, buckets);
            }
        }
        let events = loaded.iter().map(|rows| rows.items.len() as u64).sum();
        let (rows, folding) = fold_blocks(loaded, (self.items, self.target), self.job, self.needs);
        self.keep(&rows, &folding, buckets)?;
        (self.progress)(events);
        Ok(())
    }

    /// Folds users who are too many, some after the other.
    fn fold_split(
        &self,
        from: Option<&Id>,
        split: Option<Split>,
        to: Option<&Id>,
        buckets: &mut Vec<Bucket>,
    ) -> Result<(), Error> {
        let user = match split {
            None => return Ok(()),
            Some(Split::At(user)) => {
                self.fold(from, Some(&user), buckets)?;
                return self.fold(Some(&user), to, buckets);
            }
            Some(Split::Around(user)) => user,
        };
        let after = next(&user);
        if from == Some(&user) && to == after.as_ref() {
            return self.fold_user(&user, buckets);
        }
        if from.is_none_or(|from| *from < user) {
            self.fold(from, Some(&user), buckets)?;
        }
        self.fold(Some(&user), after.as_ref(), buckets)?;
        match &after {
            Some(after) if to.is_none_or(|to| after < to) => self.fold(Some(after), to, buckets),
            _ => Ok(()),
        }
    }

    /// Folds the events of one user, some items after the other.
    fn fold_user(&self, user: &Id, buckets: &mut Vec<Bucket>) -> Result<(), Error> {
        let after = next(user);
        let (from, to) = (Some(user), after.as_ref());
        let mut counts = vec![0_u64; self.items.len()];
        for block in self.blocks(from, to) {
            for item in &self.load(block, from, to, self.codes)?.items {
                counts[*item as usize] += 1;
            }
        }
        let (mut ends, mut events) = (Vec::new(), 0);
        let room = (self.room / event_bytes(self.needs)) as u64;
        for (item, count) in counts.iter().enumerate() {
            if *count > room {
                let what = format!("{count} rows of one user and item");
                let needed = Needed::all(*count as usize * event_bytes(self.needs));
                return Err(does_not_fit(&what, needed, self.budget));
            }
            if events + count > room {
                ends.push(item);
                events = 0;
            }
            events += count;
        }
        ends.push(counts.len());
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let parts = starts.zip(&ends).map(|(start, end)| {
            let of_part = |code: &u32| {
                if (start..*end).contains(&(*code as usize)) { *code } else { u32::MAX }
            };
            let codes = self.codes.iter().map(of_part).collect::<Vec<_>>();
            let blocks = self.blocks(from, to);
            let rows = blocks.map(|block| self.load(block, from, to, &codes));
            // Blocks are small, and those without an event take no room.
            rows.filter(|rows| rows.as_ref().map_or(true, |rows| !rows.items.is_empty())).collect()
        });
        (self.progress)(counts.iter().sum());
        let (rows, folding) =
            fold_in_parts(parts, (self.items, self.target), self.job, self.needs)?;
        self.keep(&rows, &folding, buckets)
    }

    /// Lists the blocks that may hold users of a range.
    fn blocks<'b>(
        &'b self,
        from: Option<&'b Id>,
        to: Option<&'b Id>,
    ) -> impl Iterator<Item = &'b BlockAt> {
        let blocks = &self.runs.blocks;
        let end = to.map_or(blocks.len(), |to| blocks.partition_point(|block| block.first < *to));
        blocks[..end].iter().filter(move |block| from.is_none_or(|from| block.last >= *from))
    }

    fn load(
        &self,
        block: &BlockAt,
        from: Option<&Id>,
        to: Option<&Id>,
        codes: &[u32],
    ) -> Result<UserRows, Error> {
        let mut rows = read(&self.runs.store, &block.rows, &mut Vec::new())?;
        rows.cut(from, to);
        rows.rename(codes);
        Ok(rows)
    }

    /// Writes a folded bucket and counts it.
    fn keep(
        &self,
        rows: &UserRows,
        folding: &Folding,
        buckets: &mut Vec<Bucket>,
    ) -> Result<(), Error> {
        {
            let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
            for item in &rows.items {
                sums.0[*item as usize] += 1;
            }
            sums.1.add(folding);
        }
        if !rows.users.is_empty() {
            let at = write(&self.out, rows, &mut Vec::new())?;
            buckets.push(Bucket { at, census: Census::of(rows, self.target) });
        }
        Ok(())
    }
}

/// Where users of whom only some are loaded are split.
enum Split {
    /// Before this user.
    At(Id),
    /// Before and after this user, who has half of what is loaded.
    Around(Id),
}

impl Split {
    /// Chooses the user in the middle.
    fn of(loaded: Vec<UserRows>) -> Option<Self> {
        let (mut users, mut total) = (BTreeMap::<Id, u64>::new(), 0);
        for rows in loaded {
            for (user, degree) in (0..).zip(&rows.degrees) {
                *users.entry(rows.users.id(user)).or_default() += u64::from(*degree);
                total += u64::from(*degree);
            }
        }
        let (mut before, mut is_first) = (0, true);
        for (user, events) in users {
            before += events;
            if before * 2 >= total {
                return Some(if is_first { Self::Around(user) } else { Self::At(user) });
            }
            is_first = false;
        }
        None
    }
}

/// Returns the least id above `id`, if there is one.
fn next(id: &Id) -> Option<Id> {
    match id {
        Id::Integer(id) => id.checked_add(1).map(Id::Integer),
        Id::Unsigned(id) => id.checked_add(1).map(Id::Unsigned),
        Id::Text(text) => Some(Id::Text(format!("{text}\0"))),
    }
}

/// Interactions that come in order, user by user, on their way into buckets.
pub(crate) struct Gathering<'a> {
    work: Work<'a>,
    /// Interactions of a bucket.
    events: usize,
    buckets: Buckets,
    rows: UserRows,
}

impl<'a> Gathering<'a> {
    /// Begins; there are so many items, from `target` on those of a second behaviour.
    pub(crate) fn new(items: usize, target: Option<u32>, work: Work<'a>) -> Self {
        let store = Store::new(work.folder, "interactions", work.budget.shard.0);
        let (supports, folding) = (vec![0; items], Folding::default());
        let buckets = Buckets { store, all: Vec::new(), supports, target, folding };
        Self { work, events: events_of(items, work), buckets, rows: Self::none(work.needs) }
    }

    fn none(needs: Needs) -> UserRows {
        UserRows {
            users: Ids::Integer(Vec::new()),
            degrees: Vec::new(),
            items: Vec::new(),
            weights: needs.weight.then(Vec::new),
            times: needs.time.then(Vec::new),
        }
    }

    /// Takes in interactions: the user and the item of each, and weights and times where the job
    /// looks at them.
    ///
    /// # Errors
    /// If the disk refuses, or there is no such item.
    pub(crate) fn add(
        &mut self,
        users: &[u32],
        items: &[u32],
        weights: Option<&[f64]>,
        times: Option<&[i64]>,
    ) -> Result<(), Error> {
        let mut start = 0;
        for of_user in users.chunk_by(|a, b| a == b) {
            let range = start..start + of_user.len();
            start = range.end;
            let user = i64::from(of_user[0]);
            let Ids::Integer(known) = &mut self.rows.users else { continue };
            if known.last() == Some(&user) {
                self.rows.degrees.iter_mut().rev().take(1).for_each(|last| {
                    *last += of_user.len() as u32;
                });
            } else {
                known.push(user);
                self.rows.degrees.push(of_user.len() as u32);
            }
            for item in &items[range.clone()] {
                let support = self.buckets.supports.get_mut(*item as usize);
                let support = support.ok_or_else(|| Error::internal("no such item"))?;
                *support += 1;
            }
            self.rows.items.extend_from_slice(&items[range.clone()]);
            if let (Some(all), Some(more)) = (&mut self.rows.weights, weights) {
                all.extend_from_slice(&more[range.clone()]);
            }
            if let (Some(all), Some(more)) = (&mut self.rows.times, times) {
                all.extend_from_slice(&more[range]);
            }
        }
        self.write(self.events)
    }

    /// Writes the users that are whole, once they have so many interactions.
    fn write(&mut self, least: usize) -> Result<(), Error> {
        let users = self.rows.users.len();
        let of_last = self.rows.degrees.last().copied().unwrap_or_default() as usize;
        if users < 2 || self.rows.items.len() - of_last < least {
            return Ok(());
        }
        let last = self.rows.users.id(users as u32 - 1);
        let mut rest = self.rows.clone();
        rest.cut(Some(&last), None);
        self.rows.cut(None, Some(&last));
        let rows = std::mem::replace(&mut self.rows, rest);
        self.keep(&rows)
    }

    fn keep(&mut self, rows: &UserRows) -> Result<(), Error> {
        let at = write(&self.buckets.store, rows, &mut Vec::new())?;
        let census = Census::of(rows, self.buckets.target);
        self.buckets.all.push(Bucket { at, census });
        Ok(())
    }

    /// Ends with what is left.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn finish(mut self) -> Result<Buckets, Error> {
        let rows = std::mem::replace(&mut self.rows, Self::none(self.work.needs));
        if !rows.users.is_empty() {
            self.keep(&rows)?;
        }
        Ok(self.buckets)
    }
}

impl Buckets {
    /// Writes interactions that are in memory; `users` are their users' ids.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn of_memory(
        interactions: &Interactions,
        users: &Ids,
        work: Work<'_>,
    ) -> Result<Self, Error> {
        let store = Store::new(work.folder, "interactions", work.budget.shard.0);
        let events = events_of(interactions.items(), work);
        let (mut bounds, mut start) = (vec![0], 0);
        for user in 0..interactions.users() as u32 {
            let end = interactions.range(user).end;
            if end - start >= events {
                bounds.push(user + 1);
                start = end;
            }
        }
        bounds.push(interactions.users() as u32);
        let buckets = work.pool.map(bounds.len() - 1, |index| {
            let rows = interactions.rows(bounds[index]..bounds[index + 1], users);
            let at = write(&store, &rows, &mut Vec::new())?;
            Ok(Bucket { at, census: Census::of(&rows, interactions.target()) })
        });
        let buckets = buckets.into_iter().collect::<Result<_, Error>>()?;
        let (supports, folding) = (interactions.supports(), Folding::default());
        let target = interactions.target();
        Ok(Self { store, all: buckets, supports, target, folding })
    }

    /// Reads a bucket without its rare items.
    ///
    /// # Errors
    /// If the disk fails.
    pub(super) fn read(&self, bucket: usize, items: &SupportedItems) -> Result<UserRows, Error> {
        let mut rows = read(&self.store, &self.all[bucket].at, &mut Vec::new())?;
        if items.kept.len() < items.new_codes.len() {
            rows.rename(&items.new_codes);
        }
        Ok(rows)
    }

    /// Counts what is left of every bucket without its rare items.
    ///
    /// # Errors
    /// If the disk fails.
    pub(super) fn count(&mut self, items: &SupportedItems, pool: &Pool) -> Result<(), Error> {
        if items.rare == 0 {
            return Ok(());
        }
        let counted = pool.map(self.all.len(), |bucket| {
            let rows = self.read(bucket, items)?;
            let before = &self.all[bucket].at;
            let dropped = (before.entries as usize - rows.items.len()) as u64;
            let emptied = (before.users as usize - rows.users.len()) as u64;
            Ok::<_, Error>(Census {
                dropped: (dropped, emptied),
                ..Census::of(&rows, items.target(self.target))
            })
        });
        for (bucket, census) in self.all.iter_mut().zip(counted) {
            bucket.census = census?;
        }
        Ok(())
    }

    /// Adds up all users.
    pub(super) fn census(&self) -> Census {
        let mut all = Census::default();
        self.all.iter().for_each(|bucket| all.add(&bucket.census));
        all
    }
}
