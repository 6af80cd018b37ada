//! Jobs larger than memory: the same stages through working files, with the same output bytes.
//!
//! Rows become *runs* sorted by user while they are read (`reading`, `runs`); buckets of
//! consecutive users are cut out of all runs and folded (`buckets`); interactions are weighed and
//! sorted by position (`matrix`); tiles are computed from segments of rows, streamed through
//! blocks of columns (`columns`, `tiles`). What has a size per item stays in memory: ids, labels,
//! supports. The neighbours found so far do, too, as long as they fit; else those of the columns in
//! memory (`found`).

mod buckets;
mod columns;
mod cover;
mod found;
mod intake;
mod matrix;
mod reading;
mod rounds;
mod rows;
mod runs;
mod store;
mod tiles;

#[cfg(test)]
mod tests;

use std::path::Path;

use ilk_core::{
    clean::Needs,
    encode::{IdKind, TypedIds},
    executor::Executor as _,
    ids::{Id, Ids},
    interactions::{self, Folding, SupportedItems},
    job::{Duplicates, Job, NegativeWeights, Of},
    kernel::ItemFilter,
    matrix::{Layout, WeightKind},
    neighbours::Catalogue,
    outline::Outline,
    plan::Sides,
    spill::UserRows,
    weighting::{UserRow, Weigher, Weighting, bm25},
};

pub(crate) use self::{
    buckets::Gathering,
    cover::{Area, Covered},
    found::{Found, Lists, Offers, OffersAt, rounds_of_merging},
    intake::{Holding, Intake, Taken},
    reading::{Ending, Spilled, Spiller},
    rounds::Rounds,
    tiles::{Arranged, Between, Tile},
};
use self::{
    buckets::{Buckets, Census, id_bytes},
    columns::{CHUNK, Group, Room},
    matrix::{Matrix, Most, Regions, entry_bytes},
    rounds::ITEM,
    runs::RunWriter,
    store::Store,
    tiles::Keeping,
};
use crate::{
    error::Error,
    memory::{self, Allowance, Bytes},
    pool::Pool,
    publish::NewFolder,
    text::counted,
};

/// Is told, from any thread, how many units more are done.
pub(crate) type Progress<'a> = &'a (dyn Fn(u64) + Sync);

/// What all stages of a job share.
#[derive(Clone, Copy)]
pub(crate) struct Work<'a> {
    pub(crate) job: &'a Job,
    pub(crate) needs: Needs,
    pub(crate) layout: Layout,
    pub(crate) budget: &'a Allowance,
    /// Where working files lie.
    pub(crate) folder: &'a Path,
    pub(crate) pool: &'a Pool,
    pub(crate) recording: Recording,
}

/// Whether what tiles find is written as they are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recording {
    /// It only goes into the neighbours.
    No,
    /// Each thread gathers some of it, and writes it.
    Yes,
}

impl Work<'_> {
    /// Counts the bytes of what a thread's tiles have found after which it is written. Memory is
    /// reserved for four times as much: buffers grow by doubling, and a piece of a tile comes to
    /// its end.
    pub(crate) fn most_recorded(&self) -> usize {
        match self.recording {
            Recording::No => 0,
            Recording::Yes => (self.budget.left(0) / self.budget.workers / 32).max(1 << 16),
        }
    }
}

/// Where a folder for working files goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Workplace<'a> {
    /// Beside an output, under a name of its own.
    Beside(&'a Path),
    /// Here, where nothing is yet.
    At(&'a Path),
}

impl Workplace<'_> {
    /// Makes the folder; it is gone with what is returned.
    ///
    /// # Errors
    /// If memory is too little even with working files, and if the system gives no folder.
    pub(crate) fn make(self, budget: &Allowance) -> Result<NewFolder, Error> {
        let least = budget.least();
        if budget.limit < least {
            let threads = counted(budget.workers as u64, "thread");
            return Err(Error::refused(format!(
                "memory of {} is too little: {threads} take {least} at least",
                budget.limit
            ))
            .with_help("allow more with --memory, or use fewer --threads"));
        }
        match self {
            Self::Beside(target) => NewFolder::beside(target),
            Self::At(path) => NewFolder::create(path),
        }
    }
}

/// Interactions on disk.
pub(crate) struct Folded {
    buckets: Buckets,
    items: SupportedItems,
    census: Census,
    /// What became of the events.
    pub(crate) folding: Folding,
    /// Ids of the users, where they have changed places with items.
    others: Option<Ids>,
    /// Some weights differ from 1.
    has_weights: bool,
}

/// Says that something does not fit, and how much memory would do.
fn does_not_fit(what: &str, needed: usize, budget: &Allowance) -> Error {
    let (least, mebi) = (budget.least().0 + needed as u64, 1 << 20);
    let enough = Bytes((least + least / 8).next_multiple_of(16 * mebi));
    Error::refused(format!("{what} do not fit in memory of {}", budget.limit))
        .with_help(format!("--memory {} would do", String::from(enough)))
}

/// Folds what was read into interactions; also returns what is compared. Progress: as
/// [`Spilled::work`] says.
///
/// # Errors
/// If the disk fails, or something of which there is one per item does not fit.
pub(crate) fn fold(
    spilled: Spilled,
    work: Work<'_>,
    progress: Progress<'_>,
) -> Result<(Folded, Catalogue), Error> {
    let Spilled { runs, items, codes, labels, events } = spilled;
    let mut buckets = buckets::fold(&runs, &items, &codes, work, progress)?;
    drop((runs, codes));
    let kept = SupportedItems::new(&buckets.supports, work.job);
    buckets.count(&kept, work.pool)?;
    let census = buckets.census();
    if census.users >= u64::from(u32::MAX) {
        let distinct = census.users as usize;
        let error = ilk_core::encode::check_count("user", distinct).err();
        return Err(Error::input(error.map_or_else(String::new, |error| error.to_string())));
    }
    let folding = Folding {
        events,
        rare_items: kept.rare,
        rare_pairs: census.dropped.0,
        emptied_users: census.dropped.1,
        ..buckets.folding
    };
    let catalogue = kept.catalogue(&items, labels.as_ref(), &buckets.supports);
    drop(items);
    let has_weights = work.needs.weight;
    let folded = Folded { buckets, items: kept, census, folding, others: None, has_weights };
    match work.job.of {
        Of::Items => Ok((folded, catalogue)),
        Of::Users => folded.transposed(catalogue, work, progress),
    }
}

/// Takes interactions out of memory, where only what follows does not fit.
///
/// # Errors
/// If the disk fails.
pub(crate) fn spill(
    interactions: &interactions::Interactions,
    users: &Ids,
    work: Work<'_>,
) -> Result<Folded, Error> {
    Ok(Folded::of(Buckets::of_memory(interactions, users, work)?, work))
}

/// Counts the bytes of what is compared.
pub(crate) fn catalogue_bytes(catalogue: &Catalogue) -> usize {
    let labels = catalogue.labels.as_ref();
    let labels = labels.map_or(0, |labels| labels.dictionary.bytes() + labels.codes.len() * 12);
    id_bytes(&catalogue.ids) + catalogue.ids.len() * 4 + labels
}

impl Folded {
    /// Takes interactions that were folded before: all that are there count.
    fn of(buckets: Buckets, work: Work<'_>) -> Self {
        let items = SupportedItems::new(&buckets.supports, &as_it_is(work.job));
        let (census, has_weights) = (buckets.census(), work.needs.weight);
        let folding = Folding::default();
        Self { buckets, items, census, folding, others: None, has_weights }
    }

    /// Walks the users in order: the code of the first, then some of them with their items.
    ///
    /// # Errors
    /// If the disk fails.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Result<(u32, UserRows), Error>> {
        let mut first = 0;
        (0..self.buckets.all.len()).map(move |bucket| {
            let rows = self.buckets.read(bucket, &self.items)?;
            let before = first;
            first += rows.users.len() as u32;
            Ok((before, rows))
        })
    }

    /// Returns the ids of users as people wrote them; `users`: of [`rows`](Self::rows).
    pub(crate) fn ids_of(&self, users: Ids) -> Ids {
        match (&self.others, &users) {
            (Some(ids), Ids::Integer(codes)) => {
                ids.select(&codes.iter().map(|code| *code as u32).collect::<Vec<_>>())
            }
            _ => users,
        }
    }

    /// Returns how many users have how many items, and how many users each item has.
    pub(crate) fn degrees(&self) -> (Vec<(u32, u64)>, Vec<u32>) {
        let users = self.census.degrees.iter().map(|(degree, users)| (*degree, *users)).collect();
        let items = self.items.kept.iter().map(|item| self.buckets.supports[*item as usize]);
        (users, items.collect())
    }

    /// Counts the users (of items) or items (of users).
    pub(crate) fn others(&self) -> u64 {
        self.census.users
    }

    /// Counts the interactions.
    pub(crate) fn interactions(&self) -> u64 {
        self.census.interactions
    }

    /// Counts the pair operations.
    pub(crate) fn operations(&self) -> u128 {
        self.census.operations()
    }

    /// Walks the number of items of every user, most items first.
    pub(crate) fn each_degree(&self) -> impl Iterator<Item = usize> + Clone {
        self.census.each_degree()
    }

    /// Finds the name of the first user with most items.
    ///
    /// # Errors
    /// If the disk fails.
    pub(crate) fn heaviest_user(&self) -> Result<String, Error> {
        let most = self.census.degrees.keys().next_back().copied().unwrap_or_default();
        let has_it =
            |bucket: &&usize| self.buckets.all[**bucket].census.degrees.contains_key(&most);
        let all = (0..self.buckets.all.len()).collect::<Vec<_>>();
        let Some(bucket) = all.iter().find(has_it) else { return Ok(String::new()) };
        let rows = self.buckets.read(*bucket, &self.items)?;
        let user = rows.degrees.iter().position(|degree| *degree == most).unwrap_or_default();
        Ok(match (&self.others, rows.users.id(user as u32)) {
            (Some(ids), Id::Integer(code)) => ids.display(code as u32).into_owned(),
            _ => rows.users.display(user as u32).into_owned(),
        })
    }

    /// Swaps the roles of users and items, through runs sorted by item.
    fn transposed(
        self,
        catalogue: Catalogue,
        work: Work<'_>,
        progress: Progress<'_>,
    ) -> Result<(Self, Catalogue), Error> {
        let Self { buckets, items, census, folding, has_weights, .. } = self;
        let users = census.users as usize;
        if users * 48 > work.budget.left(0) {
            return Err(does_not_fit(
                &format!("{users} users, which are compared,"),
                users * 100,
                work.budget,
            ));
        }
        let room = work.budget.left(users * 48) / 2 / work.budget.workers / 3 * 2;
        let store = Store::new(work.folder, "runs-by-item", work.budget.shard.0);
        let writer = RunWriter::new(store, IdKind::Integer, work.needs, room);
        let mut first = 0;
        let firsts = buckets.all.iter().map(|bucket| {
            let before = first;
            first += bucket.census.users as u32;
            before
        });
        let firsts = firsts.collect::<Vec<_>>();
        let ids = work.pool.map(firsts.len(), |bucket| {
            let rows = buckets.read(bucket, &items)?;
            let keys = rows.items.iter().map(|item| i64::from(*item)).collect();
            let all = (firsts[bucket]..).zip(&rows.degrees);
            let users = all.flat_map(|(user, degree)| (0..*degree).map(move |_| user));
            let users = users.collect::<Vec<_>>();
            let (weights, times) = (rows.weights.as_deref(), rows.times.as_deref());
            writer.add(TypedIds::Keys(keys), &users, weights, times)?;
            Ok::<_, Error>((rows.users, rows.degrees))
        });
        let runs = writer.finish(work.pool)?;
        drop(buckets);
        let (mut all, mut supports) = (None::<Ids>, Vec::with_capacity(users));
        for of_bucket in ids {
            let (ids, degrees): (Ids, Vec<u32>) = of_bucket?;
            supports.extend(degrees);
            match &mut all {
                None => all = Some(ids),
                Some(all) => all.append(&ids),
            }
        }
        let ids = all.unwrap_or_else(|| Ids::Integer(Vec::new()));
        let as_it_is = as_it_is(work.job);
        let codes = (0..users as u32).collect::<Vec<_>>();
        let buckets =
            buckets::fold(&runs, &ids, &codes, Work { job: &as_it_is, ..work }, progress)?;
        let items = SupportedItems::new(&buckets.supports, &as_it_is);
        let others = Some(catalogue.ids);
        let catalogue = Catalogue { ids, labels: None, supports };
        let census = buckets.census();
        Ok((Self { buckets, items, census, folding, others, has_weights }, catalogue))
    }

    /// Prepares to weigh; `None` where every weight is 1.
    fn weigher(&self, weighting: Weighting) -> Result<Option<Weigher>, Error> {
        if self.weights(weighting) == WeightKind::One {
            return Ok(None);
        }
        let items = self.items.kept.len();
        let mut lengths = Vec::new();
        if matches!(weighting, Weighting::Bm25 { .. }) {
            lengths.resize(items, 0.0);
            // One bucket after the other: sums are taken in ascending order of users.
            for bucket in 0..self.buckets.all.len() {
                let rows = self.buckets.read(bucket, &self.items)?;
                let row = UserRow {
                    items: &rows.items,
                    weights: rows.weights.as_deref(),
                    times: rows.times.as_deref(),
                };
                bm25::add_lengths(row, &mut lengths);
            }
        }
        Ok(Some(Weigher::new(weighting, items, lengths, self.census.newest)))
    }

    /// Tells what weights there are.
    fn weights(&self, weighting: Weighting) -> WeightKind {
        WeightKind::of(weighting, self.has_weights)
    }

    /// Lays the interactions out as segments by position, and decides how what is not `covered` is
    /// compared. `used`: bytes that stay taken, as of [`catalogue_bytes`]. Progress: twice the
    /// interactions.
    ///
    /// # Errors
    /// If the disk fails, or something of which there is one per item does not fit.
    pub(crate) fn arrange(
        self,
        used: usize,
        (filter, covered): (&ItemFilter, Covered<'_>),
        work: Work<'_>,
        progress: Progress<'_>,
    ) -> Result<Arranged, Error> {
        let Work { job, budget, .. } = work;
        let weigher = self.weigher(job.weighting)?;
        let (buckets, items) = (&self.buckets, &self.items);
        let weights = (self.weights(job.weighting), weigher.as_ref());
        // What weights are made of, where they are.
        let used = used
            + match weights.0 {
                WeightKind::Separable => 8 * (self.census.users as usize + items.kept.len()),
                WeightKind::One | WeightKind::Own => 0,
            };
        let regions = Regions::scatter(buckets, items, weights, work, used, progress)?;
        drop((self, weigher));
        let entry = entry_bytes(regions.weights);
        let most = (budget.left(0) / budget.workers / 16).min(4 << 20);
        let list = memory::of_lists(1, regions.items(), job.top as usize);
        let most = Most { entries: (most / entry).max(1), rows: (most / list / 2).max(1) };
        let (matrix, additions) = regions.sort(most, work, progress)?;
        let table = &matrix.table;
        let decide = |head| {
            let layout = Layout { head, ..work.layout };
            let (codes, supports) = (table.codes(), table.supports());
            let mut outline = Outline::new(
                &additions,
                table.users(),
                codes,
                supports,
                filter,
                layout,
                matrix.weights,
            );
            // What was begun is gone on with.
            outline.sides = covered.sides().unwrap_or(outline.sides);
            outline
        };
        let bounds = covered.bounds();
        let mut outline = decide(work.layout.head);
        let mut in_head = bounds.range(..outline.head_items(table) as u32);
        if let Some(crossed) = in_head.find(|bound| !bound.is_multiple_of(CHUNK)) {
            outline = decide(Some((*crossed / CHUNK) as usize));
        }
        let (keeping, room) = divide(&matrix, &outline, filter, work, used);
        let mut groups = Group::cut(&matrix, &outline, room, &bounds);
        if groups.is_none() {
            // Bits of all users may take more than there is.
            outline = decide(Some(0));
            groups = Group::cut(&matrix, &outline, room, &bounds);
        }
        let Some(groups) = groups else {
            let what = format!("what is known of {} items and one block of columns", table.len());
            return Err(does_not_fit(&what, table.len() * 120 + table.users() * 24, budget));
        };
        let (codes, supports) = (table.codes(), table.supports());
        let found = Outline::neighbours(&additions, codes, supports, filter, job.top);
        Ok(Arranged::new(matrix, outline, (groups, keeping), found, (filter, covered)))
    }
}

/// Returns the job for interactions that are folded: each pair is there once.
fn as_it_is(job: &Job) -> Job {
    Job {
        duplicates: Duplicates::Max,
        negative_weights: NegativeWeights::Drop,
        max_items_per_user: None,
        min_support: 1,
        ..job.clone()
    }
}

/// Divides memory between neighbours and columns; `used`: bytes that stay taken.
/// Returns whose neighbours are kept, and what a group of columns may take.
fn divide(
    matrix: &Matrix,
    outline: &Outline,
    filter: &ItemFilter,
    work: Work<'_>,
    used: usize,
) -> (Keeping, Room) {
    let Work { job, budget, .. } = work;
    let (items, users, top) = (matrix.table.len(), matrix.table.users(), job.top as usize);
    let entry = entry_bytes(matrix.weights);
    let list = memory::of_lists(1, items, top);
    // A segment, read and checked, sums, and what tiles found and is not yet written.
    let longest = matrix.segments.iter().map(|segment| matrix.entries(segment)).max();
    let of_thread = 2 * entry * longest.unwrap_or_default()
        + items * if matrix.weights == WeightKind::One { 28 } else { 48 }
        + 4 * work.most_recorded();
    let left = budget.left(used + items * ITEM + budget.workers * of_thread);
    let all = matrix.segments.iter().map(|segment| matrix.entries(segment)).sum::<usize>();
    let columns = (all * entry + (users + 1) * 8).min(left / 2);
    let shard = usize::try_from(budget.shard.0).unwrap_or(usize::MAX);
    let wanted = matrix.table.codes().iter().filter(|code| filter.wants(**code)).count();
    let lists = memory::of_lists(wanted, items, top);
    if lists <= left - columns {
        let room = left - lists;
        return (Keeping::All, Room { columns: room.min(shard), all: room, list: 0 });
    }
    // Of the rows that a thread is at, twice: as lists, and on their way to disk.
    let rows = matrix.segments.iter().map(|segment| segment.positions.len()).max();
    let all = left.saturating_sub(budget.workers * 2 * list * rows.unwrap_or_default());
    // Where rows are all that is computed, columns are offered nothing.
    let list = if outline.sides == Sides::Row { 0 } else { list };
    (Keeping::OfGroup, Room { columns: all.min(shard), all, list })
}
