//! How what is left of a job is arranged on disk, and what stays in memory meanwhile.

use ilk_core::{
    cost::Layout,
    plan::{ItemFilter, Outline, Sides},
    weighting::{Totals, UserRow, Weigher, WeightKind, Weighting},
};

use super::{
    columns::{CHUNK, Group, Room},
    cover::Covered,
    folded::Folded,
    found::rounds_of_merging,
    matrix::{Matrix, Most, Regions, entry_bytes},
    rounds::ITEM,
    tiles::{Arranged, Keeping},
    work::{Progress, Work},
};
use crate::{
    error::Error,
    memory::{self, Allowance},
    misfit::does_not_fit_until,
    text::counted,
};

impl Folded {
    /// Prepares to weigh; `None` where every weight is 1.
    fn weigher(&self, weighting: Weighting) -> Result<Option<Weigher>, Error> {
        if self.weights(weighting) == WeightKind::One {
            return Ok(None);
        }
        let totals = Totals::new(weighting, self.items.kept.len());
        let mut totals = totals.with_target(self.target());
        if totals.are_needed() {
            // One bucket after the other: sums are taken in ascending order of users.
            for bucket in 0..self.buckets.all.len() {
                let rows = self.buckets.read(bucket, &self.items)?;
                let row = UserRow {
                    items: &rows.items,
                    weights: rows.weights.as_deref(),
                    times: rows.times.as_deref(),
                };
                totals.add(row);
            }
        }
        Ok(Some(Weigher::new(weighting, totals)))
    }

    /// Returns the kind of weights.
    fn weights(&self, weighting: Weighting) -> WeightKind {
        WeightKind::of(weighting, self.has_weights).with_target(self.target())
    }

    /// Lays the interactions out as segments by position, and decides how what is not `covered` is
    /// compared. `used`: bytes that stay taken, as of [`super::catalogue_bytes`]. Progress: twice the
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
        let population = (self.census.users + self.emptied) as usize;
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
        let (mut matrix, additions) = regions.sort(most, work, progress)?;
        matrix.table = matrix.table.with_population(population);
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
            // What was begun is resumed.
            outline.sides = covered.sides().unwrap_or(outline.sides);
            outline
        };
        let bounds = covered.bounds();
        let mut outline = decide(work.layout.head);
        let mut in_head = bounds.range(..outline.head_items() as u32);
        if let Some(crossed) = in_head.find(|bound| !bound.is_multiple_of(CHUNK)) {
            outline = decide(Some((*crossed / CHUNK) as usize));
        }
        let cut = |outline: &Outline, budget: &Allowance| {
            let (keeping, room) = divide(&matrix, outline, filter, Work { budget, ..work }, used);
            Some((Group::cut(&matrix, outline, room, &bounds)?, keeping))
        };
        let mut groups = cut(&outline, budget);
        if groups.is_none() {
            // Bits of all users may take more than there is.
            outline = decide(Some(0));
            groups = cut(&outline, budget);
        }
        let Some(groups) = groups else {
            let what = format!(
                "the tables of {} and one block of columns",
                counted(table.len() as u64, "item")
            );
            return Err(does_not_fit_until(&what, budget, |more| {
                let work = Work { budget: more, ..work };
                let merges = rounds_of_merging(table, job, filter, used, work).is_ok();
                merges && cut(&outline, more).is_some()
            }));
        };
        let (codes, supports) = (table.codes(), table.supports());
        let found = Outline::neighbours(&additions, codes, supports, filter, job.top);
        Ok(Arranged::new(matrix, outline, groups, found, (filter, covered)))
    }
}

/// Bytes of the columns that are compared at a time, where there is memory for them and files are
/// smaller.
const LEAST_SHARD: usize = 8 << 20;

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
    // A segment, read and checked, sums, and what is gathered of them.
    let longest = matrix.segments.iter().map(|segment| matrix.entries(segment)).max();
    let of_thread = 2 * entry * longest.unwrap_or_default()
        + items * if matrix.weights == WeightKind::One { 28 } else { 48 }
        + memory::of_gathering(top);
    // While columns are put together nothing is computed: what each user has is counted, and filled in.
    let of_threads = (budget.workers * of_thread).max(12 * users) + work.recording();
    let left = budget.left(used + items * ITEM + of_threads);
    let all = matrix.segments.iter().map(|segment| matrix.entries(segment)).sum::<usize>();
    let columns = (all * entry + (users + 1) * 8).min(left / 2);
    // At least a block has to fit, however small files are to be.
    let shard = usize::try_from(budget.shard.0).unwrap_or(usize::MAX);
    let shard = shard.max(LEAST_SHARD).max(4 * (users + 1) * 8);
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
