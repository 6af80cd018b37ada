//! From runs to interactions, a bucket of consecutive users at a time.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use ilk_core::{
    clean::Needs,
    executor::Executor as _,
    ids::{Id, Ids},
    interactions::{Folding, Interactions, SupportedItems, fold_blocks, fold_in_parts},
    job::Job,
    spill::UserRows,
};

use super::{
    Work, does_not_fit,
    rows::{BlockAt, RowsAt, read, write},
    runs::Runs,
    store::Store,
};
use crate::{error::Error, memory::Budget, pool::Pool, progress::Stage};

/// Interactions on disk, as all users' rows in order. Item codes are those before rare items are
/// dropped.
pub(super) struct Buckets {
    pub(super) store: Store,
    pub(super) all: Vec<Bucket>,
    /// Users of every item.
    pub(super) supports: Vec<u32>,
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
    /// The newest time.
    pub(super) newest: Option<i64>,
    /// Interactions of rare items, and users left without any.
    pub(super) dropped: (u64, u64),
}

impl Census {
    fn of(rows: &UserRows) -> Self {
        let mut degrees = BTreeMap::new();
        for degree in &rows.degrees {
            *degrees.entry(*degree).or_default() += 1;
        }
        Self {
            users: rows.users.len() as u64,
            interactions: rows.items.len() as u64,
            degrees,
            newest: rows.times.iter().flatten().max().copied(),
            dropped: (0, 0),
        }
    }

    /// Adds what was counted of other users.
    pub(super) fn add(&mut self, other: &Self) {
        self.users += other.users;
        self.interactions += other.interactions;
        for (degree, users) in &other.degrees {
            *self.degrees.entry(*degree).or_default() += users;
        }
        self.newest = self.newest.max(other.newest);
        self.dropped.0 += other.dropped.0;
        self.dropped.1 += other.dropped.1;
    }

    /// Counts the pair operations: Σ n².
    pub(super) fn operations(&self) -> u128 {
        let squares = self.degrees.iter();
        squares.map(|(degree, users)| u128::from(*degree).pow(2) * u128::from(*users)).sum()
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
    codes: &'a [u32],
    job: &'a Job,
    needs: Needs,
    budget: &'a Budget,
    /// Events that fit at once.
    room: usize,
    out: Store,
    sums: Mutex<(Vec<u32>, Folding)>,
}

/// Events of a bucket aimed at: many enough to read blocks of all runs, few enough for the cache.
const EVENTS: usize = 1 << 19;

/// Bytes that an event takes while it is folded, and then weighed and sorted by item.
const fn event_bytes(needs: Needs) -> usize {
    if needs.weight || needs.time { 128 } else { 40 }
}

/// Counts the events that each thread can hold.
pub(super) fn events_that_fit(budget: &Budget, used: usize, needs: Needs) -> usize {
    budget.left(used) / budget.workers / event_bytes(needs)
}

/// Folds all events. `codes`: by the code that events have, the code among `items`.
///
/// # Errors
/// If the disk refuses, or the events of one user and item alone do not fit.
pub(super) fn fold(
    runs: &Runs,
    items: &Ids,
    codes: &[u32],
    work: Work<'_>,
    stage: &Stage<'_>,
) -> Result<Buckets, Error> {
    let Work { job, needs, budget, pool, .. } = work;
    let used = id_bytes(items) + items.len() * 12;
    let room = events_that_fit(budget, used, needs).max(1);
    let out = Store::new(work.folder, "interactions", budget.shard.0);
    let sums = Mutex::new((vec![0; items.len()], Folding::default()));
    let folder = Folder { runs, items, codes, job, needs, budget, room, out, sums };
    let bounds = folder.bounds();
    let folded = pool.map(bounds.len() + 1, |index| {
        let from = index.checked_sub(1).map(|before| &bounds[before]);
        let mut buckets = Vec::new();
        folder.fold(from, bounds.get(index), &mut buckets)?;
        stage.advance(1);
        Ok::<_, Error>(buckets)
    });
    let mut buckets = Vec::new();
    for of_range in folded {
        buckets.extend(of_range?);
    }
    let Folder { out, sums, .. } = folder;
    let (supports, folding) = sums.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Buckets { store: out, all: buckets, supports, folding })
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
        let aim = EVENTS.min(self.room / 2) as u64;
        let (mut bounds, mut events) = (Vec::new(), 0);
        for block in &self.runs.blocks {
            if events >= aim && bounds.last() != Some(&block.first) {
                bounds.push(block.first.clone());
                events = 0;
            }
            events += u64::from(block.rows.entries);
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
        let mut events = 0;
        for block in self.blocks(from, to) {
            let rows = self.load(block, from, to, self.codes)?;
            events += rows.items.len();
            loaded.push(rows);
            if events > self.room {
                return self.fold_split(from, Split::of(loaded), to, buckets);
            }
        }
        let (rows, folding) = fold_blocks(loaded, self.items, self.job, self.needs);
        self.keep(&rows, &folding, buckets)
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
        for (item, count) in counts.iter().enumerate() {
            if *count > self.room as u64 {
                let what = format!("{count} rows of one user and item");
                return Err(does_not_fit(
                    &what,
                    *count as usize * event_bytes(self.needs),
                    self.budget,
                ));
            }
            if events + count > self.room as u64 {
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
        let (rows, folding) = fold_in_parts(parts, self.items, self.job, self.needs)?;
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
            buckets.push(Bucket { at, census: Census::of(rows) });
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
        let (mut bounds, mut start) = (vec![0], 0);
        for user in 0..interactions.users() as u32 {
            let end = interactions.range(user).end;
            if end - start >= EVENTS {
                bounds.push(user + 1);
                start = end;
            }
        }
        bounds.push(interactions.users() as u32);
        let buckets = work.pool.map(bounds.len() - 1, |index| {
            let rows = interactions.rows(bounds[index]..bounds[index + 1], users);
            let at = write(&store, &rows, &mut Vec::new())?;
            Ok(Bucket { at, census: Census::of(&rows) })
        });
        let buckets = buckets.into_iter().collect::<Result<_, Error>>()?;
        let (supports, folding) = (interactions.supports(), Folding::default());
        Ok(Self { store, all: buckets, supports, folding })
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
            Ok::<_, Error>(Census { dropped: (dropped, emptied), ..Census::of(&rows) })
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
