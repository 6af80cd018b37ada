//! From interactions by user to segments by position: a sort by position in two steps, through
//! files of position ranges that fit in memory.

use std::{
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use ilk_core::{
    cost::Additions,
    executor::Executor as _,
    matrix::{Factors, ItemTable, RowBlock},
    measure::Norm,
    prepare::SupportedItems,
    weighting::{UserRow, Weigher, WeightKind},
};

use super::{
    buckets::Buckets,
    store::{Extent, Store},
    work::{Progress, Work},
};
use crate::error::Error;

/// The matrix on disk: every position's users, and what is known of every item.
pub(super) struct Matrix {
    store: Store,
    pub(super) segments: Vec<Segment>,
    pub(super) table: ItemTable,
    pub(super) weights: WeightKind,
    /// What weights are made of, where interactions have none of their own.
    factors: Arc<Factors>,
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

/// What a segment has at most, unless a single position has more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Most {
    /// Interactions.
    pub(super) entries: usize,
    /// Positions.
    pub(super) rows: usize,
}

/// How a region becomes segments.
#[derive(Clone, Copy)]
struct Cuts<'a> {
    most: Most,
    /// What is summed up of an item's weights.
    norm: Norm,
    store: &'a Store,
    progress: Progress<'a>,
}

/// Bytes of one interaction in a block of rows or columns.
pub(super) const fn entry_bytes(weights: WeightKind) -> usize {
    4 + weights.bytes()
}

/// Interactions by region and, within, by bucket.
pub(super) struct Regions {
    store: Store,
    ranges: Vec<Range<u32>>,
    /// By bucket, then by region.
    scattered: Vec<Vec<Option<Scattered>>>,
    users: usize,
    pub(super) weights: WeightKind,
    factors: Factors,
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
        (weights, weigher): (WeightKind, Option<&Weigher>),
        work: Work<'_>,
        used: usize,
        progress: Progress<'_>,
    ) -> Result<Self, Error> {
        let Work { budget, folder, pool, .. } = work;
        let supports = items.kept.iter().map(|item| buckets.supports[*item as usize]);
        let order = Order::new(&supports.collect::<Vec<_>>());
        let positions = ItemTable::positions(&order.codes);
        let region = budget.left(used + order.codes.len() * 48) / budget.workers / 2;
        let region = region.min(usize::try_from(budget.shard.0).unwrap_or(usize::MAX));
        let ranges = order.cut(region / entry_bytes(weights));
        let own = weigher.filter(|_| weights == WeightKind::Own);
        let maker = weigher.filter(|_| weights == WeightKind::Separable);
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
            let mut scatter = Scatter::new(&ranges, &positions, own);
            scatter.rows(firsts[bucket], &rows);
            additions.lock().unwrap_or_else(PoisonError::into_inner).add(&scatter.additions);
            progress(rows.items.len() as u64);
            let of_user = |weigher: &Weigher| {
                let degrees = rows.degrees.iter();
                degrees.map(|degree| weigher.of_user(*degree)).collect::<Vec<_>>()
            };
            Ok::<_, Error>((scatter.write(&store)?, maker.map(of_user).unwrap_or_default()))
        });
        let (mut of_buckets, mut of_users) = (Vec::new(), Vec::new());
        for bucket in scattered {
            let (bucket, of_bucket) = bucket?;
            of_buckets.push(bucket);
            of_users.extend(of_bucket);
        }
        let factors = maker.map(|weigher| Factors::new(of_users, weigher, &order.codes));
        let factors = factors.unwrap_or_default();
        let additions = additions.into_inner().unwrap_or_else(PoisonError::into_inner);
        let scattered = of_buckets;
        Ok(Self { store, ranges, scattered, users, weights, factors, order, additions })
    }

    /// Counts the items.
    pub(super) fn items(&self) -> usize {
        self.order.codes.len()
    }

    /// Sorts every region by position and writes it as segments.
    ///
    /// # Errors
    /// If the disk fails.
    pub(super) fn sort(
        self,
        most: Most,
        work: Work<'_>,
        progress: Progress<'_>,
    ) -> Result<(Matrix, Additions), Error> {
        let store = Store::new(work.folder, "segments", work.budget.shard.0);
        let norm = work.job.measure.norm();
        let cuts = Cuts { most, norm, store: &store, progress };
        let sorted = work.pool.map(self.ranges.len(), |region| self.sort_region(region, cuts));
        let (mut segments, mut squares) = (Vec::new(), Vec::new());
        for of_region in sorted {
            let (of_region, more) = of_region?;
            segments.extend(of_region);
            squares.extend(more);
        }
        let Self { users, weights, factors, order, additions, .. } = self;
        let table = ItemTable::new(users, order.codes, order.supports, squares);
        let factors = Arc::new(factors);
        Ok((Matrix { store, segments, table, weights, factors }, additions))
    }

    fn sort_region(
        &self,
        region: usize,
        Cuts { most, norm, store, progress }: Cuts<'_>,
    ) -> Result<(Vec<Segment>, Vec<f64>), Error> {
        let range = self.ranges[region].clone();
        let supports = &self.order.supports[range.start as usize..range.end as usize];
        let starts = starts_of(supports);
        let mut next = starts.clone();
        let total = starts[supports.len()];
        let mut users = vec![0; total];
        let has_own = self.weights == WeightKind::Own;
        let mut weights = vec![0.0; if has_own { total } else { 0 }];
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
        let weights = has_own.then_some(weights);
        let square = |(position, ends): (u32, &[usize])| -> f64 {
            let entries = ends[0]..ends[1];
            match (&weights, self.weights) {
                (Some(weights), _) => weights[entries].iter().map(|x| norm.of(*x)).sum(),
                (None, WeightKind::Separable) => {
                    let products = self.factors.products(position as usize, &users[entries]);
                    products.map(|x| norm.of(x)).sum()
                }
                (None, _) => entries.len() as f64,
            }
        };
        let squares = range.clone().zip(starts.windows(2)).map(square).collect();
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
    fn cut_region(&self, range: &Range<u32>, starts: &[usize], most: Most) -> Vec<Range<u32>> {
        const SEGMENTS: u64 = 256;
        let work = (self.additions.all.iter().sum::<u64>() / SEGMENTS).max(1 << 22);
        let (mut cuts, mut start, mut additions) = (Vec::new(), range.start, 0);
        for position in range.clone() {
            let end = starts[(position - range.start) as usize + 1];
            let entries = end - starts[(start - range.start) as usize];
            let more = self.additions.all[position as usize];
            let is_full = entries > most.entries || (position - start) as usize >= most.rows;
            if position > start && (is_full || additions + more > work) {
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
    /// Of weights of their own.
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

    fn rows(&mut self, first_user: u32, rows: &ilk_core::prepare::UserRows) {
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
        let has_own = self.weigher.is_some();
        let write = |region: Region| {
            let Region { mut positions, users, weights } = region;
            if positions.is_empty() {
                return Ok(None);
            }
            positions.extend(users);
            let weights = has_own.then(|| store.append(&weights)).transpose()?;
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

    /// Reads the users of a segment's positions, and their weights where they have their own.
    ///
    /// # Errors
    /// If the disk fails.
    pub(super) fn entries_of(&self, segment: &Segment) -> Result<Entries, Error> {
        let range = segment.positions.start as usize..segment.positions.end as usize;
        let weights = segment.weights.as_ref().map(|extent| self.store.read::<f64>(extent));
        Ok(Entries {
            starts: starts_of(&self.table.supports()[range]),
            users: self.store.read::<u32>(&segment.users)?,
            weights: weights.transpose()?,
        })
    }

    /// Reads a segment as a block of rows.
    ///
    /// # Errors
    /// If the disk fails.
    pub(super) fn rows(&self, segment: &Segment) -> Result<RowBlock, Error> {
        let Entries { starts, users, weights } = self.entries_of(segment)?;
        let (first, all) = (segment.positions.start, self.table.users());
        let block = if self.weights == WeightKind::Separable {
            RowBlock::of_factors(first, all, starts, users, Arc::clone(&self.factors))
        } else {
            RowBlock::new(first, all, starts, users, weights)
        };
        block.map_err(|error| Error::internal(format!("a segment of the matrix: {error}")))
    }
}

/// What a segment holds: position p has `users[starts[p]..starts[p + 1]]`, counted from its first.
pub(super) struct Entries {
    pub(super) starts: Vec<usize>,
    pub(super) users: Vec<u32>,
    pub(super) weights: Option<Vec<f64>>,
}
