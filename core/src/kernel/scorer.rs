//! Turns a tile's sums into scores, and offers them to the items of both sides.
//!
//! How sums are counted differs from block to block; what follows (limits, measure, selection) is
//! the same for all and lives here.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::{
    ItemFilter, Kernel,
    arch::{BitRow, CHUNK, Lists, Sieve},
    ceiling::Ceilings,
    sparse::Scatter,
};
use crate::{
    job::Job,
    matrix::{Cells, ColumnBlock, ItemTable, RowBlock, Value},
    measure::Pair,
    neighbours::Neighbour,
    plan::Sides,
    topk::{Bar, Offer, Offers, Selection, shrink, to_score},
};

/// What one worker needs to compute rows, reused from row to row.
#[derive(Debug)]
pub(super) struct Workspace<V: Value> {
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

impl<V: Value> Default for Workspace<V> {
    fn default() -> Self {
        Self {
            counts: Box::new([0; CHUNK]),
            sums: Vec::new(),
            touched: Vec::new(),
            hits: Vec::new(),
            hurdles: Vec::new(),
            found: Vec::new(),
            offers: Offers::default(),
            estimates: Vec::new(),
        }
    }
}

impl<V: Value> Workspace<V> {
    /// Makes room for a block of lists of `width` positions.
    fn widen(&mut self, width: usize) {
        if self.sums.len() < width {
            self.sums.resize(width, V::Sum::default());
            self.touched.resize(width + 1, 0);
        }
    }
}

/// What a worker's tiles found, as long as it may matter.
#[derive(Debug, Default)]
pub(super) struct Recording {
    offers: Vec<Offer>,
    /// How many there may be before those that have been surpassed are left out.
    room: usize,
}

impl Recording {
    const ROOM: usize = 1 << 16;

    fn extend(&mut self, offers: impl Iterator<Item = Offer>, selection: &Selection) {
        self.offers.extend(offers);
        if self.offers.len() > self.room.max(Self::ROOM) {
            self.retain(selection);
            self.room = 2 * self.offers.len();
        }
    }

    fn retain(&mut self, selection: &Selection) {
        self.offers.retain(|offer| selection.bar(offer.item).keeps(&offer.neighbour));
    }

    pub(super) fn take(&mut self, selection: &Selection) -> Vec<Offer> {
        self.retain(selection);
        self.room = 0;
        std::mem::take(&mut self.offers)
    }
}

/// Everything that all tiles of a job share.
#[derive(Debug)]
pub(super) struct Scorer<'a> {
    table: &'a ItemTable,
    job: &'a Job,
    filter: &'a ItemFilter,
    sides: Sides,
    kernel: Kernel,
    selection: Selection,
    ceilings: Ceilings,
    /// Bits of what the sum of a pair, times the row's factor as a neighbour, must reach to
    /// matter to each item. They rise with the items' bars; an old one only lets more through.
    hurdles: Vec<AtomicU32>,
}

/// The blocks of a tile.
struct Tile<'a, V> {
    /// First position of the columns.
    first: u32,
    /// How many columns there are.
    width: usize,
    rows: &'a Lists<V>,
    /// First position of the rows.
    start: u32,
}

impl<V> Tile<'_, V> {
    /// Returns where the row at `position` lies.
    fn range(&self, position: u32) -> std::ops::Range<usize> {
        self.rows.range((position - self.start) as usize)
    }
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

impl<'a> Scorer<'a> {
    pub(super) fn new(
        table: &'a ItemTable,
        job: &'a Job,
        filter: &'a ItemFilter,
        sides: Sides,
        kernel: Kernel,
    ) -> Self {
        let floor = job.threshold.unwrap_or(f32::MIN);
        let selection = Selection::new(table.len(), job.top as usize, floor);
        let ceilings = Ceilings::new(table, &job.measure);
        let hurdles = (0..table.len() as u32)
            .map(|item| AtomicU32::new(ceilings.limit(item, selection.bar(item).score).to_bits()))
            .collect();
        Self { table, job, filter, sides, kernel, selection, ceilings, hurdles }
    }

    pub(super) fn table(&self) -> &'a ItemTable {
        self.table
    }

    pub(super) fn job(&self) -> &'a Job {
        self.job
    }

    pub(super) fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Takes offers in that were made before.
    pub(super) fn restore(&self, offers: impl IntoIterator<Item = Offer>) {
        let mut gathered = Offers::default();
        for Offer { item, neighbour } in offers {
            gathered.push(item, neighbour);
            if gathered.is_full() {
                self.settle(&mut gathered, 0, &mut [], None);
            }
        }
        self.settle(&mut gathered, 0, &mut [], None);
    }

    /// Computes the rows at `positions` against a block of columns.
    pub(super) fn tile<V: Value>(
        &self,
        rows: &RowBlock,
        columns: &ColumnBlock,
        positions: impl Iterator<Item = u32>,
        workspace: &mut Workspace<V>,
        mut recording: Option<&mut Recording>,
    ) {
        let block = columns.positions();
        workspace.hurdles.resize(block.len(), 0.0);
        self.copy_hurdles(block.start as usize, &mut workspace.hurdles);
        let tile = Tile {
            first: block.start,
            width: block.len(),
            rows: rows.lists::<V>(),
            start: rows.positions().start,
        };
        match &columns.cells {
            Cells::Bits(bits) => {
                self.head_tile(&tile, bits, positions, workspace, &mut recording);
            }
            Cells::Lists(lists) => {
                let lists = V::lists(lists).expect("all blocks of a matrix are of one kind");
                workspace.widen(block.len());
                self.tail_tile(&tile, lists, positions, workspace, &mut recording);
            }
        }
        self.settle(&mut workspace.offers, 0, &mut [], recording);
    }

    /// Computes rows against one chunk of the head.
    fn head_tile<V: Value>(
        &self,
        tile: &Tile<'_, V>,
        bits: &[BitRow],
        positions: impl Iterator<Item = u32>,
        workspace: &mut Workspace<V>,
        recording: &mut Option<&mut Recording>,
    ) {
        let first = tile.first as usize;
        let lowest = |hurdles: &[f32]| hurdles.iter().copied().fold(f32::INFINITY, f32::min);
        let mut hurdle = lowest(&workspace.hurdles);
        let factor = self.ceilings.largest_factor(first..first + tile.width);
        for position in positions {
            let Some(mut row) = self.begin(position) else { continue };
            let end = self.end_of(tile, position);
            let Workspace { counts, hits, hurdles, found, offers, estimates, .. } = workspace;
            let users = tile.rows.checked().slice(tile.range(position));
            let mut sieve = self.sieve(&row, first, &hurdles[..end]);
            let least = (sieve.least(factor, hurdle) * Ceilings::NEARLY) as u32;
            if !self.kernel.count(bits, users, least, counts) {
                continue;
            }
            self.kernel.select(&counts[..end], &sieve, |hit| hits.push(hit as u32));
            let sum = |hit: u32| V::of_count(counts[hit as usize]);
            self.thin::<V>(&row, first, &mut sieve, hits, estimates, sum);
            for hit in hits.drain(..) {
                let sum = V::of_count(counts[hit as usize]);
                self.pair::<V>(&mut row, tile.first + hit, &sum, found, offers);
            }
            self.end(position, found, recording);
            if offers.is_full() {
                self.settle(offers, first, hurdles, recording.as_deref_mut());
                hurdle = lowest(hurdles);
            }
        }
    }

    /// Computes rows against lists.
    fn tail_tile<V: Value>(
        &self,
        tile: &Tile<'_, V>,
        lists: &Lists<V>,
        positions: impl Iterator<Item = u32>,
        workspace: &mut Workspace<V>,
        recording: &mut Option<&mut Recording>,
    ) {
        let first = tile.first as usize;
        let scatter = Scatter::new(lists);
        for position in positions {
            let Some(mut row) = self.begin(position) else { continue };
            let end = self.end_of(tile, position);
            let Workspace { sums, touched, hits, hurdles, found, offers, estimates, .. } =
                workspace;
            let range = tile.range(position);
            let users = tile.rows.checked().slice(range.clone());
            let weights = &tile.rows.values()[range];
            let all = &mut sums[..tile.width];
            let mut sieve = self.sieve(&row, first, &hurdles[..end]);
            // Few sums are listed as they are touched; many are cheaper to look for.
            let is_few = scatter.additions_below(users, end / 4);
            let mut listed = 0;
            if is_few {
                listed = scatter.sum_and_list(users, weights, end as u32, all, touched);
                let matters = |other: &u32| {
                    sieve.admits(*other as usize, V::rough_dot(&sums[*other as usize]))
                };
                hits.extend(touched[..listed].iter().copied().filter(matters));
            } else {
                scatter.sum(users, weights, end as u32, all);
                V::select(self.kernel, &all[..end], &sieve, |hit| hits.push(hit as u32));
            }
            self.thin::<V>(&row, first, &mut sieve, hits, estimates, |hit| sums[hit as usize]);
            for hit in hits.drain(..) {
                self.pair::<V>(&mut row, tile.first + hit, &sums[hit as usize], found, offers);
            }
            if is_few {
                for other in &touched[..listed] {
                    sums[*other as usize] = V::Sum::default();
                }
            } else {
                sums[..end].fill(V::Sum::default());
            }
            self.end(position, found, recording);
            if offers.is_full() {
                self.settle(offers, first, hurdles, recording.as_deref_mut());
            }
        }
    }

    /// Returns how many of the tile's columns a row is compared with.
    fn end_of<V>(&self, tile: &Tile<'_, V>, position: u32) -> usize {
        match self.sides {
            Sides::Both => tile.width.min((position - tile.first) as usize),
            Sides::Row => tile.width,
        }
    }

    /// Copies the hurdles of the positions from `first` on: inner loops read no shared memory.
    fn copy_hurdles(&self, first: usize, copy: &mut [f32]) {
        for (copy, hurdle) in copy.iter_mut().zip(&self.hurdles[first..]) {
            *copy = f32::from_bits(hurdle.load(Relaxed));
        }
    }

    /// Begins a row; `None` where nobody wants it.
    fn begin(&self, position: u32) -> Option<Row> {
        let code = self.table.codes()[position as usize];
        let takes = self.filter.wants(code);
        let gives = self.sides == Sides::Both && self.filter.admits(code);
        let bar = self.selection.bar(position);
        (takes || gives).then_some(Row { position, code, takes, gives, bar })
    }

    /// Hands what was found to the row's item.
    fn end(
        &self,
        position: u32,
        found: &mut Vec<Neighbour>,
        recording: &mut Option<&mut Recording>,
    ) {
        if found.is_empty() {
            return;
        }
        if let Some(recording) = recording {
            let offers = found.iter().map(|found| Offer { item: position, neighbour: *found });
            recording.extend(offers, &self.selection);
        }
        if let Some(bar) = self.selection.offer_all(position, found) {
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
    fn settle(
        &self,
        offers: &mut Offers,
        first: usize,
        hurdles: &mut [f32],
        recording: Option<&mut Recording>,
    ) {
        if let Some(recording) = recording {
            recording.extend(offers.gathered().iter().copied(), &self.selection);
        }
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
    fn thin<V: Value>(
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
        let code = |hit: u32| self.table.codes()[first + hit as usize];
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
    fn pair<V: Value>(
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
        let code = self.table.codes()[other as usize];
        let mut score = None;
        if row.takes {
            score = self.score::<V>(row.position, other, sum);
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
            score = self.score::<V>(other, row.position, sum);
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
    fn score<V: Value>(&self, item: u32, neighbour: u32, sum: &V::Sum) -> Option<f32> {
        let (supports, squares) = (self.table.supports(), self.table.squares());
        let pair = Pair {
            overlap: V::overlap(sum),
            item_support: supports[item as usize],
            neighbour_support: supports[neighbour as usize],
            users: self.table.users() as u32,
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
