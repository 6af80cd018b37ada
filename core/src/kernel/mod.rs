//! Computes tiles: co-counts, measure, and the offers of each pair to its items.
//!
//! A *kernel* turns one row of the matrix into co-counts; there is one file for each. What
//! follows (measure, thresholds, selection) is the same for all and lives here.

mod arch;
mod sparse;

use crate::{
    executor::Executor,
    ids::Ids,
    job::Job,
    matrix::{Columns, Kind, Matrix, Value},
    measure::{Measure, Pair},
    neighbours::{Neighbour, Neighbours},
    plan::{Plan, Sides, Tile},
    topk::{Selection, shrink, to_score},
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
/// Cost: `plan.operations` additions; one accumulator of 4 B per item (16 B weighted) per
/// worker, and the [`Selection`]. The result depends on `matrix`, `job` and `filter` alone.
pub fn neighbours(
    matrix: &Matrix,
    plan: &Plan,
    job: &Job,
    filter: &ItemFilter,
    executor: &impl Executor,
    on_tile: impl Fn(&Tile) + Sync,
) -> Neighbours {
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
    let ceilings = Ceilings::new(columns, &job.measure);
    let scorer = Scorer { columns, job, filter, plan, selection: &selection, ceilings };
    executor.map_with(
        plan.tiles.len(),
        || Workspace::new(columns.items()),
        |workspace, index| {
            let tile = &plan.tiles[index];
            for position in tile.rows.clone() {
                scorer.row(position, workspace);
            }
            on_tile(tile);
        },
    );
    collect(columns.codes(), &selection, executor)
}

/// What one worker needs to compute rows, reused from row to row.
struct Workspace<V: Value> {
    /// One sum per position; all zero between rows.
    sums: Vec<V::Sum>,
    /// Positions whose sum is not zero, where the row keeps such a list.
    touched: Vec<u32>,
    /// Neighbours found for the row's own item.
    found: Vec<Neighbour>,
}

impl<V: Value> Workspace<V> {
    fn new(items: usize) -> Self {
        Self { sums: vec![V::Sum::default(); items], touched: Vec::new(), found: Vec::new() }
    }
}

/// Turns co-counts into scores and offers them.
struct Scorer<'a, V> {
    columns: &'a Columns<V>,
    job: &'a Job,
    filter: &'a ItemFilter,
    plan: &'a Plan,
    selection: &'a Selection,
    ceilings: Ceilings,
}

/// What bounds a score from above at the price of two products: dot · item factor · neighbour
/// factor. It only spares exact scores that cannot matter, with slack for its own rounding.
struct Ceilings {
    as_item: Vec<f32>,
    as_neighbour: Vec<f32>,
}

impl Ceilings {
    /// Bars are compared lowered by this share: the bound is computed in f32, five roundings of
    /// 6e-8 each.
    const SLACK: f32 = 1.0 - 1e-6;

    /// Factors outside this range, whose products could leave that of f32, bound nothing.
    const SAFE: std::ops::RangeInclusive<f64> = 1e-9..=1e9;

    fn new<V: Value>(columns: &Columns<V>, measure: &Measure) -> Self {
        let safe =
            |factor: f64| if Self::SAFE.contains(&factor) { factor as f32 } else { f32::INFINITY };
        let sides = columns.supports().iter().zip(columns.squares());
        let factors = sides.map(|(support, square)| {
            let (item, neighbour) = measure.ceiling(*support, *square, columns.users() as u32);
            (safe(item), safe(neighbour))
        });
        let (as_item, as_neighbour) = factors.unzip();
        Self { as_item, as_neighbour }
    }

    /// Tells whether `neighbour` certainly scores below `bar` for `item`.
    #[inline]
    fn rules_out(&self, item: u32, neighbour: u32, dot: f32, bar: f32) -> bool {
        // Where the product is NaN (0 · ∞) nothing is certain, and the comparison says so.
        dot * self.as_item[item as usize] * self.as_neighbour[neighbour as usize]
            < bar * Self::SLACK
    }
}

impl<V: Value> Scorer<'_, V> {
    /// Computes one row and offers its pairs.
    fn row(&self, position: u32, workspace: &mut Workspace<V>) {
        let operations = self.plan.row_operations[position as usize];
        if operations == 0 {
            return;
        }
        let end = match self.plan.sides {
            Sides::Both => position,
            Sides::Row => self.columns.items() as u32,
        };
        let code = self.columns.codes()[position as usize];
        let mut row = Row {
            position,
            code,
            gives: self.plan.sides == Sides::Both && self.filter.admits(code),
            bar: if self.filter.wants(code) { self.selection.bar(position) } else { f32::INFINITY },
        };
        let Workspace { sums, touched, found } = workspace;
        sparse::row(self.columns, position, end, operations, (sums, touched), |other, sum| {
            self.pair(&mut row, other, &sum, found);
        });
        if !found.is_empty() {
            self.selection.offer_all(position, found);
        }
    }

    /// Offers one pair to the row's item and, where both sides count, to the other.
    #[inline]
    fn pair(&self, row: &mut Row, other: u32, sum: &V::Sum, found: &mut Vec<Neighbour>) {
        if V::overlap(sum) < self.job.min_overlap {
            return;
        }
        let dot = V::rough_dot(sum);
        if !self.ceilings.rules_out(row.position, other, dot, row.bar) {
            self.take(row, other, sum, found);
        }
        if row.gives {
            let bar = self.selection.bar(other);
            if !self.ceilings.rules_out(other, row.position, dot, bar) {
                self.give(row, other, sum, bar);
            }
        }
    }

    /// Scores `other` as a neighbour of the row's item and keeps it if it may be among the best.
    fn take(&self, row: &mut Row, other: u32, sum: &V::Sum, found: &mut Vec<Neighbour>) {
        let Some(score) = self.score(row.position, other, sum) else { return };
        let code = self.columns.codes()[other as usize];
        if score < row.bar || !self.filter.admits(code) {
            return;
        }
        found.push(Neighbour { code, score, overlap: V::overlap(sum) });
        if found.len() >= self.selection.capacity() {
            let kth = shrink(found, self.job.top as usize);
            row.bar = kth.map_or(row.bar, |kth| row.bar.max(kth));
        }
    }

    /// Scores the row's item as a neighbour of `other` and offers it if it may be among the best.
    fn give(&self, row: &Row, other: u32, sum: &V::Sum, bar: f32) {
        let Some(score) = self.score(other, row.position, sum) else { return };
        if score >= bar && self.filter.wants(self.columns.codes()[other as usize]) {
            let overlap = V::overlap(sum);
            self.selection.offer(other, Neighbour { code: row.code, score, overlap });
        }
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

/// The row being computed.
struct Row {
    position: u32,
    code: u32,
    /// Its pairs are offered to the other items, too.
    gives: bool,
    /// Score that a neighbour must reach to have a chance; rises.
    bar: f32,
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
