//! Jobs larger than memory: the same stages through working files, with the same output bytes.
//!
//! Rows become *runs* sorted by user while they are read (`reading`, `runs`); buckets of
//! consecutive users are cut out of all runs and folded (`buckets`); interactions are weighed and
//! sorted by position (`matrix`); tiles are computed from segments of rows, streamed through
//! blocks of columns (`columns`, `tiles`). What has a size per item stays in memory: ids, labels,
//! supports, and the neighbours found so far, in several passes if they do not fit together.

mod buckets;
mod columns;
mod intake;
mod matrix;
mod reading;
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
    ids::Ids,
    interactions::{self, Folding, SupportedItems},
    job::{Duplicates, Job, NegativeWeights, Of},
    kernel::ItemFilter,
    matrix::{ItemTable, Layout},
    neighbours::{Catalogue, Neighbour},
    outline::Outline,
    plan::Sides,
    weighting::{UserRow, Weigher, Weighting, bm25},
};

use self::{
    buckets::{Buckets, Census, id_bytes},
    columns::Group,
    matrix::{Matrix, Regions, entry_bytes},
    runs::RunWriter,
    store::Store,
    tiles::{Lists, Tiles},
};
pub(crate) use self::{
    intake::{Intake, Taken},
    reading::{Ending, Spilled, Spiller},
};
use crate::{
    error::Error,
    memory::{Allowance, Bytes},
    pool::Pool,
    progress::Stage,
    publish::NewFolder,
    text::counted,
};

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
}

/// Interactions on disk with what their codes stand for.
pub(crate) struct Folded {
    buckets: Buckets,
    items: SupportedItems,
    census: Census,
    /// What is compared: ids, labels, supports.
    pub(crate) catalogue: Catalogue,
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

/// Makes a folder for working files beside `target`.
///
/// # Errors
/// If memory is too little even with them, and if the system gives no folder.
pub(crate) fn workplace(budget: &Allowance, target: &Path) -> Result<NewFolder, Error> {
    let least = budget.least();
    if budget.limit < least {
        let threads = counted(budget.workers as u64, "thread");
        return Err(Error::refused(format!(
            "memory of {} is too little: {threads} take {least} at least",
            budget.limit
        ))
        .with_help("allow more with --memory, or use fewer --threads"));
    }
    NewFolder::beside(target)
}

/// Folds what was read into interactions.
///
/// # Errors
/// If the disk fails, or something of which there is one per item does not fit.
pub(crate) fn fold(spilled: Spilled, work: Work<'_>, stage: &Stage<'_>) -> Result<Folded, Error> {
    let Spilled { runs, items, codes, labels } = spilled;
    let mut buckets = buckets::fold(&runs, &items, &codes, work, stage)?;
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
        rare_items: kept.rare,
        rare_pairs: census.dropped.0,
        emptied_users: census.dropped.1,
        ..buckets.folding
    };
    let catalogue = kept.catalogue(&items, labels.as_ref(), &buckets.supports);
    drop(items);
    let has_weights = work.needs.weight;
    let folded =
        Folded { buckets, items: kept, census, catalogue, folding, others: None, has_weights };
    match work.job.of {
        Of::Items => Ok(folded),
        Of::Users => folded.transposed(work, stage),
    }
}

/// Takes interactions out of memory, where only what follows does not fit.
///
/// # Errors
/// If the disk fails.
pub(crate) fn spill(folded: interactions::Folded, work: Work<'_>) -> Result<Folded, Error> {
    let interactions::Folded { interactions, catalogue, others, folding } = folded;
    let buckets = Buckets::of_memory(&interactions, &others, work)?;
    let items = SupportedItems::new(&buckets.supports, work.job);
    let census = buckets.census();
    let has_weights = work.needs.weight;
    Ok(Folded { buckets, items, census, catalogue, folding, others: None, has_weights })
}

impl Folded {
    /// Counts the users (of items) or items (of users).
    pub(crate) fn others(&self) -> u64 {
        self.census.users
    }

    /// Counts the interactions.
    pub(crate) fn interactions(&self) -> u64 {
        self.census.interactions
    }

    /// Counts the pair operations: Σ n².
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
            (Some(ids), ilk_core::ids::Id::Integer(code)) => ids.display(code as u32).into_owned(),
            _ => rows.users.display(user as u32).into_owned(),
        })
    }

    /// Swaps the roles of users and items, through runs sorted by item.
    fn transposed(self, work: Work<'_>, stage: &Stage<'_>) -> Result<Self, Error> {
        let Self { buckets, items, census, catalogue, folding, has_weights, .. } = self;
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
        // Everything is folded: each pair is there once.
        let as_it_is = Job {
            duplicates: Duplicates::Max,
            negative_weights: NegativeWeights::Drop,
            max_items_per_user: None,
            min_support: 1,
            ..work.job.clone()
        };
        let codes = (0..users as u32).collect::<Vec<_>>();
        let buckets = buckets::fold(&runs, &ids, &codes, Work { job: &as_it_is, ..work }, stage)?;
        let items = SupportedItems::new(&buckets.supports, &as_it_is);
        let others = Some(catalogue.ids);
        let catalogue = Catalogue { ids, labels: None, supports };
        let census = buckets.census();
        Ok(Self { buckets, items, census, catalogue, folding, others, has_weights })
    }

    /// Prepares to weigh; `None` where every weight is 1.
    fn weigher(&self, weighting: Weighting) -> Result<Option<Weigher>, Error> {
        if Weigher::is_unit(weighting, self.has_weights) {
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

    /// Lays the interactions out as segments by position, and decides how they are compared.
    ///
    /// # Errors
    /// If the disk fails, or something of which there is one per item does not fit.
    pub(crate) fn arrange(
        self,
        filter: &ItemFilter,
        work: Work<'_>,
        stage: &Stage<'_>,
    ) -> Result<Arranged, Error> {
        let Work { job, budget, folder, pool, .. } = work;
        let of_catalogue = id_bytes(&self.catalogue.ids)
            + self.catalogue.ids.len() * 4
            + self
                .catalogue
                .labels
                .as_ref()
                .map_or(0, |labels| labels.dictionary.bytes() + labels.codes.len() * 12);
        let weigher = self.weigher(job.weighting)?;
        stage.expect(2 * self.census.interactions);
        let regions = Regions::scatter(
            &self.buckets,
            &self.items,
            weigher.as_ref(),
            work,
            of_catalogue,
            stage,
        )?;
        let catalogue = self.catalogue;
        drop((self.buckets, self.items, weigher));
        let entry = entry_bytes(regions.is_unit);
        let most = ((budget.left(0) / budget.workers / 16).min(4 << 20) / entry).max(1);
        let (matrix, additions) = regions.sort(most, folder, budget.shard.0, pool, stage)?;
        let table = &matrix.table;
        let decide = |head| {
            let layout = Layout { head, ..work.layout };
            let (codes, supports) = (table.codes(), table.supports());
            Outline::new(&additions, table.users(), codes, supports, filter, layout, matrix.is_unit)
        };
        let mut outline = decide(work.layout.head);
        let passes = Passes::plan(&matrix, job, filter, budget, of_catalogue, most);
        let Some(passes) = passes else {
            let what = format!("what is known of {} items and one block of columns", table.len());
            return Err(does_not_fit(&what, table.len() * 120 + table.users() * 24, budget));
        };
        let mut groups = Group::cut(&matrix, &outline, passes.room);
        if groups.is_none() {
            // Bits of all users may take more than there is.
            outline = decide(Some(0));
            groups = Group::cut(&matrix, &outline, passes.room);
        }
        let Some(groups) = groups else {
            return Err(does_not_fit("a block of columns", table.users() * 24, budget));
        };
        Ok(Arranged { matrix, outline, groups, passes, catalogue })
    }
}

/// How often rows are gone through, so that the neighbours of each pass fit.
struct Passes {
    /// Passes of about as many wanted items.
    number: usize,
    /// Bytes for a group of columns.
    room: usize,
}

impl Passes {
    /// Divides memory between columns and neighbours; `used`: bytes that stay taken.
    fn plan(
        matrix: &Matrix,
        job: &Job,
        filter: &ItemFilter,
        budget: &Allowance,
        used: usize,
        segment: usize,
    ) -> Option<Self> {
        let items = matrix.table.len();
        let users = matrix.table.users();
        let entry = entry_bytes(matrix.is_unit);
        let most = matrix.table.supports().first().map_or(0, |support| *support as usize);
        // Table, ceilings, bars; of each thread a segment, read and checked, and sums.
        let of_thread =
            2 * entry * segment.max(most) + items * if matrix.is_unit { 28 } else { 48 };
        let left = budget.left(used + items * 88 + budget.workers * of_thread);
        let wanted = matrix.table.codes().iter().filter(|code| filter.wants(**code)).count();
        let neighbours = wanted.saturating_mul(22 * (job.top as usize).min(items));
        let all = matrix.segments.iter().map(|segment| matrix.entries(segment)).sum::<usize>();
        let columns = (all * entry + (users + 1) * 8).min(left / 2);
        // Neighbours of a single pass stay in memory while they are written; those of several
        // leave gaps behind that the system does not get back.
        let lists = (left - columns).min(budget.left_for_writing(used + items * 88));
        let number = neighbours.div_ceil(lists.max(1)).max(1);
        let room = left.checked_sub(neighbours.div_ceil(number))?;
        let room = room.min(usize::try_from(budget.shard.0).unwrap_or(usize::MAX));
        (number <= wanted.max(1)).then_some(Self { number, room })
    }
}

/// Items with their neighbours, best first, as they come.
pub(crate) type Ranked<'a> = dyn Iterator<Item = Result<(u32, Vec<Neighbour>), Error>> + 'a;

/// A job of which only the tiles are left to be computed.
pub(crate) struct Arranged {
    matrix: Matrix,
    outline: Outline,
    groups: Vec<Group>,
    passes: Passes,
    /// What is compared.
    pub(crate) catalogue: Catalogue,
}

impl Arranged {
    /// Counts the pair operations.
    pub(crate) fn operations(&self) -> u64 {
        self.outline.operations
    }

    /// Counts the items in the dense head.
    pub(crate) fn head_items(&self) -> usize {
        self.outline.head_items(&self.matrix.table)
    }

    /// Counts the blocks of columns, and the passes.
    pub(crate) fn cuts(&self) -> (usize, usize) {
        (self.groups.len(), self.passes.number)
    }

    /// Computes all tiles, then hands `stage` back with every item's neighbours, by ascending code.
    ///
    /// # Errors
    /// If the disk fails, and whatever `take` returns.
    pub(crate) fn compare<R>(
        self,
        filter: &ItemFilter,
        work: Work<'_>,
        stage: Stage<'_>,
        take: impl FnOnce(&Catalogue, &mut Ranked<'_>, Stage<'_>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let Self { matrix, outline, groups, passes, catalogue } = self;
        let Work { job, layout, pool, .. } = work;
        let tiles = Tiles {
            matrix: &matrix,
            job,
            outline,
            kernel: layout.kernel,
            groups,
            pool,
            stage: &stage,
        };
        stage.expect(tiles.total() * passes.number as u64);
        let positions = ItemTable::positions(matrix.table.codes());
        if passes.number == 1 {
            let comparison = tiles.compute(filter, outline.sides)?;
            let lists = (0..).zip(&positions);
            let mut lists = lists.map(|(code, position)| Ok((code, comparison.take(*position))));
            return take(&catalogue, &mut lists, stage);
        }
        let wanted = matrix.table.codes().iter().filter(|code| filter.wants(**code)).count();
        let of_pass = wanted.div_ceil(passes.number);
        let mut parts = Vec::with_capacity(passes.number);
        // Positions in order: a pass reads only the segments that it needs.
        let mut pass_of = vec![u32::MAX; positions.len()];
        let wanted = matrix.table.codes().iter().filter(|code| filter.wants(**code));
        for (rank, code) in wanted.enumerate() {
            pass_of[*code as usize] = (rank / of_pass) as u32;
        }
        for pass in 0..passes.number as u32 {
            let filter = filter.narrowed(positions.len(), |code| pass_of[code as usize] == pass);
            let comparison = tiles.compute(&filter, Sides::Row)?;
            let store = Store::new(work.folder, format!("neighbours-{pass}"), work.budget.shard.0);
            parts.push(Lists::write(&comparison, &positions, &filter, store)?);
        }
        let mut parts = parts.iter().map(|part| part.iter().peekable()).collect::<Vec<_>>();
        let mut lists = (0..positions.len() as u32).filter_map(|code| {
            let is_next = |list: Option<&Result<(u32, Vec<Neighbour>), Error>>| match list {
                Some(Ok((next, _))) => *next == code,
                Some(Err(_)) => true,
                None => false,
            };
            parts.iter_mut().find_map(|part| if is_next(part.peek()) { part.next() } else { None })
        });
        take(&catalogue, &mut lists, stage)
    }
}
