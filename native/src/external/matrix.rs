//! From interactions by user to segments by position: a sort by position in two steps, through
//! files of position ranges that fit in memory.

use std::{
    ops::Range,
    sync::{Mutex, PoisonError},
};

use ilk_core::{
    executor::Executor as _,
    interactions::SupportedItems,
    matrix::{ItemTable, RowBlock},
    outline::Additions,
    weighting::{UserRow, Weigher},
};

use super::{
    Progress, Work,
    buckets::Buckets,
    store::{Extent, Store},
};
use crate::error::Error;

/// The matrix on disk: every position's users, and what is known of every item.
pub(super) struct Matrix {
    store: Store,
    pub(super) segments: Vec<Segment>,
    pub(super) table: ItemTable,
    /// Every weight is 1.
    pub(super) is_unit: bool,
}

/// Consecutive positions whose users lie together on disk.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) positions: Range<u32>,
    users: Extent,
    weights: Option<Extent>,
    /// Against every position, and against smaller ones.
    pub(super) additions: (u64, u64),
}

impl Segment {
    /// Counts the bytes on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.users.length + self.weights.map_or(0, |weights| weights.length)
    }
}

/// Interactions of one bucket with the positions of one region: their positions, then their
/// users; and their weights.
struct Scattered {
    pairs: Extent,
    weights: Option<Extent>,
}

/// What the items of interactions on disk are, by position.
struct Order {
    /// The code at each position.
    codes: Vec<u32>,
    /// Users at each position, descending.
    supports: Vec<u32>,
}

/// How a region becomes segments.
#[derive(Clone, Copy)]
struct Cuts<'a> {
    /// Interactions of a segment at most, unless a single position has more.
    most: usize,
    store: &'a Store,
    progress: Progress<'a>,
}

/// Bytes of one interaction in a block of rows or columns.
pub(super) const fn entry_bytes(is_unit: bool) -> usize {
    if is_unit { 4 } else { 12 }
}

/// Interactions by region and, within, by bucket.
pub(super) struct Regions {
    store: Store,
    ranges: Vec<Range<u32>>,
    /// By bucket, then by region.
    scattered: Vec<Vec<Option<Scattered>>>,
    users: usize,
    pub(super) is_unit: bool,
    order: Order,
    additions: Additions,
}

impl Order {
    /// Orders items by their supports.
    fn new(supports: &[u32]) -> Self {
        let codes = ItemTable::order(supports);
        let supports = codes.iter().map(|code| supports[*code as usize]).collect();
        Self { codes, supports }
    }

    /// Cuts the positions into ranges of at most so many interactions, at least one position each.
    fn cut(&self, most: usize) -> Vec<Range<u32>> {
        let (mut ranges, mut start, mut entries) = (Vec::new(), 0, 0);
        for (position, support) in (0..).zip(&self.supports) {
            if position > start && entries + *support as usize > most {
                ranges.push(start..position);
                (start, entries) = (position, 0);
            }
            entries += *support as usize;
        }
        let end = self.supports.len() as u32;
        if start < end {
            ranges.push(start..end);
        }
        ranges
    }
}

impl Regions {
    /// Weighs all interactions and throws them into regions of positions.
    ///
    /// `used`: bytes that stay taken.
    ///
    /// # Errors
    /// If the disk fails.
    pub(super) fn scatter(
        buckets: &Buckets,
        items: &SupportedItems,
        weigher: Option<&Weigher>,
        work: Work<'_>,
        used: usize,
        progress: Progress<'_>,
    ) -> Result<Self, Error> {
        let Work { budget, folder, pool, .. } = work;
        let supports = items.kept.iter().map(|item| buckets.supports[*item as usize]);
        let order = Order::new(&supports.collect::<Vec<_>>());
        let positions = ItemTable::positions(&order.codes);
        let is_unit = weigher.is_none();
        let region = budget.left(used + order.codes.len() * 48) / budget.workers / 2;
        let region = region.min(usize::try_from(budget.shard.0).unwrap_or(usize::MAX));
        let ranges = order.cut(region / entry_bytes(is_unit));
        let mut firsts = Vec::with_capacity(buckets.all.len());
        let mut users = 0;
        for bucket in &buckets.all {
            firsts.push(users as u32);
            users += bucket.census.users as usize;
        }
        let store = Store::new(folder, "regions", budget.shard.0);
        let additions = Mutex::new(Additions::new(order.codes.len()));
        let scattered = pool.map(buckets.all.len(), |bucket| {
            let rows = buckets.read(bucket, items)?;
            let mut scatter = Scatter::new(&ranges, &positions, weigher);
            scatter.rows(firsts[bucket], &rows);
            additions.lock().unwrap_or_else(PoisonError::into_inner).add(&scatter.additions);
            progress(rows.items.len() as u64);
            scatter.write(&store)
        });
        let scattered = scattered.into_iter().collect::<Result<_, Error>>()?;
        let additions = additions.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Self { store, ranges, scattered, users, is_unit, order, additions })
    }

    /// Sorts every region by position and writes it as segments of at most so many interactions
    /// and additions, unless a single position has more.
    ///
    /// # Errors
    /// If the disk fails.
    pub(super) fn sort(
        self,
        most: usize,
        work: Work<'_>,
        progress: Progress<'_>,
    ) -> Result<(Matrix, Additions), Error> {
        let store = Store::new(work.folder, "segments", work.budget.shard.0);
        let cuts = Cuts { most, store: &store, progress };
        let sorted = work.pool.map(self.ranges.len(), |region| self.sort_region(region, cuts));
        let (mut segments, mut squares) = (Vec::new(), Vec::new());
        for of_region in sorted {
            let (of_region, more) = of_region?;
            segments.extend(of_region);
            squares.extend(more);
        }
        let Self { users, is_unit, order: Order { codes, supports }, additions, .. } = self;
        let table = ItemTable::new(users, codes, supports, squares);
        Ok((Matrix { store, segments, table, is_unit }, additions))
    }

    fn sort_region(
        &self,
        region: usize,
        Cuts { most, store, progress }: Cuts<'_>,
    ) -> Result<(Vec<Segment>, Vec<f64>), Error> {
        let range = self.ranges[region].clone();
        let supports = &self.order.supports[range.start as usize..range.end as usize];
        let starts = starts_of(supports);
        let mut next = starts.clone();
        let total = starts[supports.len()];
        let mut users = vec![0; total];
        let mut weights = vec![0.0; if self.is_unit { 0 } else { total }];
        // Buckets in order: the users of every position ascend.
        for scattered in self.scattered.iter().filter_map(|bucket| bucket[region].as_ref()) {
            let pairs = self.store.read::<u32>(&scattered.pairs)?;
            let (positions, of_bucket) = pairs.split_at(pairs.len() / 2);
            let with = scattered.weights.as_ref().map(|extent| self.store.read::<f64>(extent));
            let with = with.transpose()?;
            for (at, (position, user)) in positions.iter().zip(of_bucket).enumerate() {
                let place = &mut next[(position - range.start) as usize];
                users[*place] = *user;
                if let Some(with) = &with {
                    weights[*place] = with[at];
                }
                *place += 1;
            }
        }
        progress(total as u64);
        let weights = (!self.is_unit).then_some(weights);
        let mut squares = Vec::with_capacity(supports.len());
        squares.extend(starts.windows(2).map(|ends| match &weights {
            None => (ends[1] - ends[0]) as f64,
            Some(weights) => weights[ends[0]..ends[1]].iter().map(|x| x * x).sum(),
        }));
        let segments = self.cut_region(&range, &starts, most).into_iter().map(|positions| {
            let of = |position: u32| starts[(position - range.start) as usize];
            let entries = of(positions.start)..of(positions.end);
            let extent = weights.as_ref().map(|weights| store.append(&weights[entries.clone()]));
            let range = positions.start as usize..positions.end as usize;
            let Additions { all, smaller } = &self.additions;
            let additions = (all[range.clone()].iter().sum(), smaller[range].iter().sum());
            Ok(Segment {
                positions,
                additions,
                users: store.append(&users[entries])?,
                weights: extent.transpose()?,
            })
        });
        Ok((segments.collect::<Result<_, Error>>()?, squares))
    }

    /// Cuts a region into segments of about equal work: by pair operations as well as by bytes.
    fn cut_region(&self, range: &Range<u32>, starts: &[usize], most: usize) -> Vec<Range<u32>> {
        const SEGMENTS: u64 = 256;
        let work = (self.additions.all.iter().sum::<u64>() / SEGMENTS).max(1 << 22);
        let (mut cuts, mut start, mut additions) = (Vec::new(), range.start, 0);
        for position in range.clone() {
            let end = starts[(position - range.start) as usize + 1];
            let entries = end - starts[(start - range.start) as usize];
            let more = self.additions.all[position as usize];
            if position > start && (entries > most || additions + more > work) {
                cuts.push(start..position);
                (start, additions) = (position, 0);
            }
            additions += more;
        }
        cuts.push(start..range.end);
        cuts
    }
}

/// Adds up supports: where the users of each position begin, and where the last ones end.
pub(super) fn starts_of(supports: &[u32]) -> Vec<usize> {
    let mut starts = Vec::with_capacity(supports.len() + 1);
    starts.push(0);
    let mut end = 0;
    starts.extend(supports.iter().map(|support| {
        end += *support as usize;
        end
    }));
    starts
}

/// The interactions of a bucket on their way into regions.
struct Scatter<'a> {
    ranges: &'a [Range<u32>],
    positions: &'a [u32],
    weigher: Option<&'a Weigher>,
    regions: Vec<Region>,
    additions: Additions,
}

#[derive(Default)]
struct Region {
    positions: Vec<u32>,
    users: Vec<u32>,
    weights: Vec<f64>,
}

impl<'a> Scatter<'a> {
    fn new(ranges: &'a [Range<u32>], positions: &'a [u32], weigher: Option<&'a Weigher>) -> Self {
        let regions = ranges.iter().map(|_| Region::default()).collect();
        Self { ranges, positions, weigher, regions, additions: Additions::new(positions.len()) }
    }

    fn rows(&mut self, first_user: u32, rows: &ilk_core::spill::UserRows) {
        let (mut start, mut weights, mut row) = (0, Vec::new(), Vec::new());
        for (user, degree) in (first_user..).zip(&rows.degrees) {
            let range = start..start + *degree as usize;
            start = range.end;
            let items = &rows.items[range.clone()];
            weights.clear();
            if let Some(weigher) = self.weigher {
                let of_user = UserRow {
                    items,
                    weights: rows.weights.as_ref().map(|all| &all[range.clone()]),
                    times: rows.times.as_ref().map(|all| &all[range]),
                };
                weigher.weigh(of_user, &mut weights);
            }
            row.clear();
            row.extend(
                items.iter().zip(0_u32..).map(|(item, at)| (self.positions[*item as usize], at)),
            );
            row.sort_unstable();
            self.additions.count(row.iter().map(|(position, _)| *position));
            self.row(user, &row, &weights);
        }
    }

    fn row(&mut self, user: u32, row: &[(u32, u32)], weights: &[f64]) {
        let mut region = 0;
        for (position, at) in row {
            while *position >= self.ranges[region].end {
                region += 1;
            }
            let region = &mut self.regions[region];
            region.positions.push(*position);
            region.users.push(user);
            if self.weigher.is_some() {
                region.weights.push(weights[*at as usize]);
            }
        }
    }

    fn write(self, store: &Store) -> Result<Vec<Option<Scattered>>, Error> {
        let is_unit = self.weigher.is_none();
        let write = |region: Region| {
            let Region { mut positions, users, weights } = region;
            if positions.is_empty() {
                return Ok(None);
            }
            positions.extend(users);
            let weights = (!is_unit).then(|| store.append(&weights)).transpose()?;
            Ok(Some(Scattered { pairs: store.append(&positions)?, weights }))
        };
        self.regions.into_iter().map(write).collect()
    }
}

impl Matrix {
    /// Counts the interactions of a range of positions.
    pub(super) fn supports(&self, positions: Range<u32>) -> usize {
        let last = self.table.len();
        let range = (positions.start as usize).min(last)..(positions.end as usize).min(last);
        let supports = self.table.supports().get(range).unwrap_or_default();
        supports.iter().map(|support| *support as usize).sum()
    }

    /// Counts the interactions of a segment.
    pub(super) fn entries(&self, segment: &Segment) -> usize {
        self.supports(segment.positions.clone())
    }

    /// Reads a segment as a block of rows.
    ///
    /// # Errors
    /// If the disk fails.
    pub(super) fn rows(&self, segment: &Segment) -> Result<RowBlock, Error> {
        let users = self.store.read::<u32>(&segment.users)?;
        let weights = segment.weights.as_ref().map(|extent| self.store.read::<f64>(extent));
        let range = segment.positions.start as usize..segment.positions.end as usize;
        let starts = starts_of(&self.table.supports()[range]);
        RowBlock::new(
            segment.positions.start,
            self.table.users(),
            starts,
            users,
            weights.transpose()?,
        )
        .map_err(|error| Error::internal(format!("a segment of the matrix: {error}")))
    }
}
