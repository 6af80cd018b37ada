//! Computes tiles: co-counts, measure, and the offers of each pair to its items.
//!
//! A *kernel* turns one row of the matrix into co-counts; there is one file for each. What
//! follows (measure, thresholds, selection) is the same for all and lives here.

pub(crate) mod arch;
mod ceiling;
mod sparse;

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

pub use self::arch::Kernel;
use self::{
    arch::{CHUNK, Indices, Sieve},
    ceiling::Ceilings,
    sparse::Tail,
};
use crate::{
    executor::Executor,
    ids::Ids,
    job::Job,
    matrix::{Columns, Kind, Matrix, Value},
    measure::Pair,
    neighbours::{Neighbour, Neighbours},
    plan::{Block, Plan, Sides, Tile},
    topk::{Bar, Offers, Selection, shrink, to_score},
};

/// Which items may be neighbours, and which neighbours are computed for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemFilter {
    candidates: Option<Vec<bool>>,
    wanted: Option<Vec<bool>>,
}

impl ItemFilter {
    /// Makes a filter from lists of codes. `only`: the items that may be neighbours; `exclude`:
    /// those that may not; `wanted`: the items to compute neighbours for.
    ///
    /// # Panics
    /// If a code is not below `items`.
    pub fn new(
        items: usize,
        only: Option<&[u32]>,
        exclude: Option<&[u32]>,
        wanted: Option<&[u32]>,
    ) -> Self {
        let mark = |codes: &[u32], start: bool| {
            let mut marks = vec![start; items];
            for code in codes {
                marks[*code as usize] = !start;
            }
            marks
        };
        let only = only.map(|codes| mark(codes, false));
        let allowed = exclude.map(|codes| mark(codes, true));
        let candidates = match (only, allowed) {
            (Some(only), Some(allowed)) => {
                Some(only.into_iter().zip(allowed).map(|(a, b)| a && b).collect())
            }
            (only, allowed) => only.or(allowed),
        };
        Self { candidates, wanted: wanted.map(|codes| mark(codes, false)) }
    }

    /// Returns the same filter for a part of the items, which get new codes: `codes` has their
    /// old ones.
    pub fn of_part(&self, codes: &[u32]) -> Self {
        let pick = |marks: &Option<Vec<bool>>| {
            let marks = marks.as_ref()?;
            Some(codes.iter().map(|code| marks[*code as usize]).collect())
        };
        Self { candidates: pick(&self.candidates), wanted: pick(&self.wanted) }
    }

    /// Tells whether the item may be a neighbour.
    pub fn admits(&self, code: u32) -> bool {
        self.candidates.as_ref().is_none_or(|marks| marks[code as usize])
    }

    /// Tells whether neighbours of the item are computed.
    pub fn wants(&self, code: u32) -> bool {
        self.wanted.as_ref().is_none_or(|marks| marks[code as usize])
    }
}

/// Finds the codes of ids given as text; the second list holds those that are not there.
pub fn codes_of<'a>(
    ids: &Ids,
    texts: impl IntoIterator<Item = &'a str>,
) -> (Vec<u32>, Vec<&'a str>) {
    let (mut codes, mut unknown) = (Vec::new(), Vec::new());
    for text in texts {
        match ids.find(text) {
            Some(code) => codes.push(code),
            None => unknown.push(text),
        }
    }
    (codes, unknown)
}

/// Computes every tile of `plan` and selects each item's neighbours. `on_tile` is called after
/// each tile, from the thread that computed it.
///
/// Cost: `plan.cost` of one core; per worker one accumulator of 4 B per item (16 B weighted)
/// and 4 B per item of bars, and the [`Selection`]. The result depends on `matrix`, `job` and
/// `filter` alone.
///
/// # Panics
/// If `matrix` holds weights and the measure only counts, which no resolved job asks for.
pub fn neighbours(
    matrix: &Matrix,
    plan: &Plan,
    job: &Job,
    filter: &ItemFilter,
    executor: &impl Executor,
    on_tile: impl Fn(&Tile) + Sync,
) -> Neighbours {
    let is_weighted = matches!(matrix.0, Kind::Weights(_));
    assert!(!is_weighted || job.measure.is_weighted(), "a measure that counts takes no weights");
    match &matrix.0 {
        Kind::Counts(columns) => compute(columns, plan, job, filter, executor, on_tile),
        Kind::Weights(columns) => compute(columns, plan, job, filter, executor, on_tile),
    }
}

fn compute<V: Value>(
    columns: &Columns<V>,
    plan: &Plan,
    job: &Job,
    filter: &ItemFilter,
    executor: &impl Executor,
    on_tile: impl Fn(&Tile) + Sync,
) -> Neighbours {
    let floor = job.threshold.unwrap_or(f32::MIN);
    let selection = Selection::new(columns.items(), job.top as usize, floor);
    let scorer = Scorer::new(columns, job, filter, plan.sides, &selection);
    executor.map_with(
        plan.tiles.len(),
        || Workspace::new(columns.items()),
        |workspace, index| {
            let tile = &plan.tiles[index];
            match tile.columns {
                Block::Head(chunk) => scorer.head_tile(chunk, plan.rows(tile), workspace),
                Block::Tail => scorer.tail_tile(plan.rows(tile), workspace),
            }
            on_tile(tile);
        },
    );
    collect(columns.codes(), &selection, executor)
}

/// What one worker needs to compute rows, reused from row to row.
struct Workspace<V: Value> {
    /// The counts of one chunk of the head.
    counts: Box<[u32; CHUNK]>,
    /// One sum per position of the tail; all zero between rows.
    sums: Vec<V::Sum>,
    /// Positions whose sum is not zero, where the row keeps such a list; longer than `sums`.
    touched: Vec<u32>,
    /// Positions that may matter.
    hits: Vec<u32>,
    /// What the other side's sums must reach, by position; see [`Scorer::hurdles`].
    hurdles: Vec<f32>,
    /// Neighbours found for the row's own item.
    found: Vec<Neighbour>,
    /// Neighbours found for the other items.
    offers: Offers,
    /// Estimated scores, best first up to the k-th.
    estimates: Vec<f32>,
}

impl<V: Value> Workspace<V> {
    fn new(items: usize) -> Self {
        Self {
            counts: Box::new([0; CHUNK]),
            sums: vec![V::Sum::default(); items],
            touched: vec![0; items + 1],
            hits: Vec::new(),
            hurdles: vec![0.0; items],
            found: Vec::new(),
            offers: Offers::default(),
            estimates: Vec::new(),
        }
    }
}

/// Turns sums into scores and offers them.
struct Scorer<'a, V> {
    columns: &'a Columns<V>,
    users: Indices<'a>,
    tail: Tail<'a, V>,
    job: &'a Job,
    filter: &'a ItemFilter,
    sides: Sides,
    selection: &'a Selection,
    ceilings: Ceilings,
    /// Bits of what the sum of a pair, times the row's factor as a neighbour, must reach to
    /// matter to each item. They rise with the items' bars; an old one only lets more through.
    hurdles: Vec<AtomicU32>,
}

/// The row being computed.
struct Row {
    position: u32,
    code: u32,
    /// Neighbours of its item were asked for.
    takes: bool,
    /// Its pairs are offered to the other items, too.
    gives: bool,
    /// What a neighbour must come before to have a chance; rises.
    bar: Bar,
}

impl<'a, V: Value> Scorer<'a, V> {
    fn new(
        columns: &'a Columns<V>,
        job: &'a Job,
        filter: &'a ItemFilter,
        sides: Sides,
        selection: &'a Selection,
    ) -> Self {
        let ceilings = Ceilings::new(columns, &job.measure);
        let hurdles = (0..columns.items() as u32)
            .map(|item| AtomicU32::new(ceilings.limit(item, selection.bar(item).score).to_bits()))
            .collect();
        let users = Indices::new(columns.by_position().codes(), columns.users());
        let tail = Tail::new(columns);
        Self { columns, users, tail, job, filter, sides, selection, ceilings, hurdles }
    }

    /// Computes rows against one chunk of the head.
    fn head_tile(
        &self,
        chunk: usize,
        rows: impl Iterator<Item = u32>,
        workspace: &mut Workspace<V>,
    ) {
        let first = chunk * CHUNK;
        let width = CHUNK.min(self.columns.items() - first);
        let bits = &self.columns.head()[chunk];
        self.copy_hurdles(first, &mut workspace.hurdles[..width]);
        let lowest = |hurdles: &[f32]| hurdles.iter().copied().fold(f32::INFINITY, f32::min);
        let mut hurdle = lowest(&workspace.hurdles[..width]);
        let factor = self.ceilings.largest_factor(first..first + width);
        for position in rows {
            let Some(mut row) = self.begin(position) else { continue };
            let end = match self.sides {
                Sides::Both => width.min(position as usize - first),
                Sides::Row => width,
            };
            let Workspace { counts, hits, hurdles, found, offers, estimates, .. } = workspace;
            let users = self.users.slice(self.columns.by_position().range(position));
            let mut sieve = self.sieve(&row, first, &hurdles[..end]);
            let least = (sieve.least(factor, hurdle) * Ceilings::NEARLY) as u32;
            if !self.columns.kernel().count(bits, users, least, counts) {
                continue;
            }
            self.columns.kernel().select(&counts[..end], &sieve, |hit| hits.push(hit as u32));
            let sum = |hit: u32| V::of_count(counts[hit as usize]);
            self.thin(&row, first, &mut sieve, hits, estimates, sum);
            for hit in hits.drain(..) {
                let sum = V::of_count(counts[hit as usize]);
                self.pair(&mut row, first as u32 + hit, &sum, found, offers);
            }
            self.end(position, found);
            if offers.is_full() {
                self.settle(offers, first, &mut hurdles[..width]);
                hurdle = lowest(&hurdles[..width]);
            }
        }
        self.settle(&mut workspace.offers, first, &mut []);
    }

    /// Computes rows against the tail.
    fn tail_tile(&self, rows: impl Iterator<Item = u32>, workspace: &mut Workspace<V>) {
        let first = self.columns.tail_start();
        let items = self.columns.items() - first;
        self.copy_hurdles(first, &mut workspace.hurdles[..items]);
        for position in rows {
            let Some(mut row) = self.begin(position) else { continue };
            let (end, additions) = match self.sides {
                Sides::Both => (
                    position as usize - first,
                    self.columns.work().smaller_of_tail[position as usize],
                ),
                Sides::Row => (items, self.columns.work().all_of_tail[position as usize]),
            };
            let Workspace { sums, touched, hits, hurdles, found, offers, estimates, .. } =
                workspace;
            let all = &mut sums[..items];
            let mut sieve = self.sieve(&row, first, &hurdles[..end]);
            // Few sums are listed as they are touched; many are cheaper to look for.
            let lists = additions < end as u64 / 4;
            let mut listed = 0;
            if lists {
                listed = self.tail.sum_and_list(position, end as u32, all, touched);
                let matters = |other: &u32| {
                    sieve.admits(*other as usize, V::rough_dot(&sums[*other as usize]))
                };
                hits.extend(touched[..listed].iter().copied().filter(matters));
            } else {
                self.tail.sum(position, end as u32, all);
                V::select(self.columns.kernel(), &all[..end], &sieve, |hit| hits.push(hit as u32));
            }
            self.thin(&row, first, &mut sieve, hits, estimates, |hit| sums[hit as usize]);
            for hit in hits.drain(..) {
                self.pair(&mut row, first as u32 + hit, &sums[hit as usize], found, offers);
            }
            if lists {
                for other in &touched[..listed] {
                    sums[*other as usize] = V::Sum::default();
                }
            } else {
                sums[..end].fill(V::Sum::default());
            }
            self.end(position, found);
            if offers.is_full() {
                self.settle(offers, first, &mut hurdles[..items]);
            }
        }
        self.settle(&mut workspace.offers, first, &mut []);
    }

    /// Copies the hurdles of the positions from `first` on: inner loops read no shared memory.
    fn copy_hurdles(&self, first: usize, copy: &mut [f32]) {
        for (copy, hurdle) in copy.iter_mut().zip(&self.hurdles[first..]) {
            *copy = f32::from_bits(hurdle.load(Relaxed));
        }
    }

    /// Begins a row; `None` where nobody wants it.
    fn begin(&self, position: u32) -> Option<Row> {
        let code = self.columns.codes()[position as usize];
        let takes = self.filter.wants(code);
        let gives = self.sides == Sides::Both && self.filter.admits(code);
        let bar = self.selection.bar(position);
        (takes || gives).then_some(Row { position, code, takes, gives, bar })
    }

    /// Hands what was found to the row's item.
    fn end(&self, position: u32, found: &mut Vec<Neighbour>) {
        if !found.is_empty()
            && let Some(bar) = self.selection.offer_all(position, found)
        {
            self.raise(position, bar);
        }
    }

    /// Says what sums must reach to matter to the row's item or to the other one.
    fn sieve<'b>(&'b self, row: &Row, first: usize, hurdles: &'b [f32]) -> Sieve<'b> {
        let position = row.position as usize;
        Sieve {
            factors: &self.ceilings.as_neighbour[first..first + hurdles.len()],
            hurdles,
            row_limit: if row.takes {
                self.ceilings.limit(row.position, row.bar.score)
            } else {
                f32::INFINITY
            },
            // Nothing compares with NaN: where the row gives nothing, nothing matters to others.
            column_factor: if row.gives { self.ceilings.as_neighbour[position] } else { f32::NAN },
        }
    }

    /// Hands what was found to the other items; `hurdles`, those from position `first` on, rise
    /// with their bars.
    fn settle(&self, offers: &mut Offers, first: usize, hurdles: &mut [f32]) {
        self.selection.settle(offers, |item, bar| {
            let hurdle = self.raise(item, bar);
            if let Some(copy) = hurdles.get_mut((item as usize).wrapping_sub(first)) {
                *copy = hurdle;
            }
        });
    }

    /// Leaves out hits that cannot be among the row's k best, where the measure lets scores be
    /// estimated: k of them estimated at some value or above raise the sieve's limit to just
    /// below it.
    fn thin(
        &self,
        row: &Row,
        first: usize,
        sieve: &mut Sieve<'_>,
        hits: &mut Vec<u32>,
        estimates: &mut Vec<f32>,
        sum: impl Fn(u32) -> V::Sum,
    ) {
        let k = self.job.top as usize;
        if !row.takes || hits.len() <= self.selection.capacity() || !self.estimates() {
            return;
        }
        let code = |hit: u32| self.columns.codes()[first + hit as usize];
        let counts = |hit: &&u32| {
            V::overlap(&sum(**hit)) >= self.job.min_overlap
                && first as u32 + **hit != row.position
                && self.filter.admits(code(**hit))
        };
        estimates.clear();
        estimates.extend(
            hits.iter()
                .filter(counts)
                .map(|hit| V::rough_dot(&sum(*hit)) * sieve.factors[*hit as usize])
                .filter(|product| product.is_finite()),
        );
        if estimates.len() < k {
            return;
        }
        let (_, kth, _) = estimates.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
        if !self.ceilings.is_safe(row.position, *kth) {
            return;
        }
        sieve.row_limit = sieve.row_limit.max(*kth * Ceilings::NEARLY);
        let stays = |hit: &u32| sieve.admits(*hit as usize, V::rough_dot(&sum(*hit)));
        hits.retain(stays);
    }

    /// Tells whether scores are products of sum and factors, up to rounding.
    fn estimates(&self) -> bool {
        self.job.shrinkage == 0.0 && self.job.measure.is_product()
    }

    /// Scores a pair and, if it may be among the best, keeps it for the row's item and, where
    /// both sides count, for the other.
    fn pair(
        &self,
        row: &mut Row,
        other: u32,
        sum: &V::Sum,
        found: &mut Vec<Neighbour>,
        offers: &mut Offers,
    ) {
        let overlap = V::overlap(sum);
        if overlap < self.job.min_overlap || other == row.position {
            return;
        }
        let code = self.columns.codes()[other as usize];
        let mut score = None;
        if row.takes {
            score = self.score(row.position, other, sum);
            if let Some(score) = score.filter(|score| row.bar.admits(*score, code))
                && self.filter.admits(code)
            {
                found.push(Neighbour { code, score, overlap });
                if found.len() >= self.selection.capacity() {
                    let kth = shrink(found, self.job.top as usize);
                    row.bar =
                        kth.filter(|kth| row.bar.admits(kth.score, kth.code)).unwrap_or(row.bar);
                }
            }
        }
        if !row.gives {
            return;
        }
        if !row.takes || !self.job.measure.is_symmetric() {
            score = self.score(other, row.position, sum);
        }
        if let Some(score) =
            score.filter(|score| self.selection.bar(other).admits(*score, row.code))
            && self.filter.wants(code)
        {
            offers.push(other, Neighbour { code: row.code, score, overlap });
        }
    }

    /// Raises an item's hurdle to what its new bar asks for.
    fn raise(&self, item: u32, bar: Bar) -> f32 {
        let hurdle = self.ceilings.limit(item, bar.score);
        self.hurdles[item as usize].store(hurdle.to_bits(), Relaxed);
        hurdle
    }

    /// Scores the position `neighbour` as a neighbour of `item`: measure, shrinkage, one rounding.
    #[inline]
    fn score(&self, item: u32, neighbour: u32, sum: &V::Sum) -> Option<f32> {
        let (supports, squares) = (self.columns.supports(), self.columns.squares());
        let pair = Pair {
            overlap: V::overlap(sum),
            item_support: supports[item as usize],
            neighbour_support: supports[neighbour as usize],
            users: self.columns.users() as u32,
            dot: V::dot(sum),
            item_square: squares[item as usize],
            neighbour_square: squares[neighbour as usize],
        };
        let mut score = self.job.measure.score(&pair)?;
        if self.job.shrinkage > 0.0 {
            let overlap = pair.overlap as f64;
            score *= overlap / (overlap + self.job.shrinkage);
        }
        Some(to_score(score))
    }
}

/// Takes every item's neighbours out of the selection, in the order of codes.
fn collect(codes: &[u32], selection: &Selection, executor: &impl Executor) -> Neighbours {
    const ITEMS: usize = 1 << 12;
    let mut positions = vec![0; codes.len()];
    for (position, code) in codes.iter().enumerate() {
        positions[*code as usize] = position as u32;
    }
    let pieces = executor.map(codes.len().div_ceil(ITEMS), |piece| {
        let last = ((piece + 1) * ITEMS).min(codes.len());
        let lists = positions[piece * ITEMS..last].iter().map(|position| selection.take(*position));
        lists.collect::<Vec<_>>()
    });
    let mut neighbours = Neighbours::new();
    for list in pieces.into_iter().flatten() {
        neighbours.push(list);
    }
    neighbours
}
