//! Turns a tile's sums into scores, and offers them to the items of both sides.
//!
//! How sums are counted differs from block to block; what follows (limits, measure, selection) is
//! the same for all and lives here.

use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering::Relaxed},
};

use super::{
    ceiling::Ceilings,
    hit::Hit,
    needs::later,
    packed::{self, Packed},
    scale::ScoreScale,
    sparse::{Scatter, Sums},
    topk::{Bar, Offer, Offers, Selection, ascending, number_at},
};
use crate::{
    job::Job,
    matrix::{Cells, ColumnBlock, Factors, ItemTable, Line, RowBlock, Sum, Value},
    measure::Pair,
    plan::{ItemFilter, Sides},
    result::Neighbour,
    simd::{BitRow, Bounds, CHUNK, Kernel, Lists, Sieve, prefetch},
};

/// What one worker needs to compute rows, reused from row to row.
#[derive(Debug)]
pub(super) struct Workspace<V: Value> {
    /// The counts of one chunk of the head.
    counts: Box<[u32; CHUNK]>,
    /// Its dot products, where there are weights.
    dots: Box<[f64; CHUNK]>,
    /// The sums of a block of lists.
    sums: Sums<V>,
    /// The same for counts of rows with few additions.
    packed: Packed,
    /// Room for the positions that may matter: more than a block has.
    hits: Vec<Hit<V::Sum>>,
    /// What the other side's sums must reach, by position; see [`Scorer::hurdles`].
    hurdles: Vec<f32>,
    /// Neighbours found for the row's own item.
    pub(super) found: Found,
    /// Neighbours found for the other items.
    pub(super) offers: Offers,
    /// Estimated scores, as [`ascending`] numbers.
    pub(super) estimates: Vec<u32>,
    /// The rows of a tile.
    order: Vec<u32>,
}

impl<V: Value> Default for Workspace<V> {
    fn default() -> Self {
        Self {
            counts: Box::new([0; CHUNK]),
            dots: Box::new([0.0; CHUNK]),
            sums: Sums::default(),
            packed: Packed::default(),
            hits: Vec::new(),
            hurdles: Vec::new(),
            found: Found::default(),
            offers: Offers::default(),
            estimates: Vec::new(),
            order: Vec::new(),
        }
    }
}

impl<V: Value> Workspace<V> {
    /// Makes room for a block of `width` positions.
    fn widen(&mut self, width: usize) {
        self.hurdles.resize(width, 0.0);
        if self.hits.len() <= width {
            self.hits.resize(width + 1, Hit::default());
        }
    }

    /// Makes room for the sums of a block of lists of `width` positions.
    fn widen_sums(&mut self, width: usize) {
        self.sums.widen(width);
        if V::COUNTS {
            self.packed.reset(&self.hurdles);
        }
    }
}

/// Scores of a row's hits, NaN where the measure says that there is no pair, and what came of them.
#[derive(Debug, Default)]
pub(super) struct Found {
    as_item: Vec<f32>,
    as_neighbour: Vec<f32>,
    /// Neighbours for the row's own item.
    neighbours: Vec<Neighbour>,
    /// Room for thinning them out.
    keys: Vec<u32>,
}

/// What a worker's tiles found, as long as it may matter.
#[derive(Debug)]
pub(super) struct Recording {
    offers: Vec<Offer>,
    /// Offers up to which no more room is taken than for so many.
    room: usize,
    /// How many there may be before those that have been surpassed are left out.
    most: usize,
}

impl Recording {
    const MOST: usize = 1 << 16;

    pub(super) fn new(room: usize) -> Self {
        Self { offers: Vec::new(), room, most: 0 }
    }

    fn extend(&mut self, offers: impl Iterator<Item = Offer>, selection: &Selection) {
        let (least, most) = offers.size_hint();
        self.grow(most.unwrap_or(least));
        self.offers.extend(offers);
        if self.offers.len() > self.most.max(Self::MOST) {
            self.retain(selection);
            self.most = 2 * self.offers.len();
        }
    }

    /// Makes room for so many more: twice as much as there was, but not past what there may be.
    fn grow(&mut self, more: usize) {
        let needed = self.offers.len() + more;
        if (self.offers.capacity() + 1..=self.room).contains(&needed) {
            let room = (2 * self.offers.capacity()).clamp(needed, self.room);
            self.offers.reserve_exact(room - self.offers.len());
        }
    }

    fn retain(&mut self, selection: &Selection) {
        self.offers.retain(|offer| selection.bar(offer.item).keeps(&offer.neighbour));
    }

    pub(super) fn len(&self) -> usize {
        self.offers.len()
    }

    pub(super) fn take(&mut self, selection: &Selection) -> Vec<Offer> {
        self.retain(selection);
        self.most = 0;
        std::mem::take(&mut self.offers)
    }
}

/// Everything that all tiles of a job share.
#[derive(Debug)]
pub(super) struct Scorer {
    table: ItemTable,
    job: Job,
    filter: ItemFilter,
    sides: Sides,
    kernel: Kernel,
    selection: Selection,
    scale: ScoreScale,
    ceilings: Ceilings,
    /// Bits of what the sum of a pair, times the row's factor as a neighbour, must reach to
    /// matter to each item. They rise with the items' bars; an old one only lets more through.
    hurdles: Vec<AtomicU32>,
    /// What scores need to know of each position, side by side in memory.
    facts: Vec<Facts>,
    /// Where rows are computed whole; see [`later`](Self::later).
    later: OnceLock<Vec<u64>>,
}

/// What is known of one item.
#[derive(Clone, Copy, Debug)]
struct Facts {
    square: f64,
    support: u32,
    code: u32,
}

/// The blocks of a tile.
struct Tile<'a, V: Value> {
    /// First position of the columns.
    first: u32,
    /// How many columns there are.
    width: usize,
    rows: &'a Lists<V::Stored>,
    /// First position of the rows.
    start: u32,
    factors: &'a Factors,
}

impl<V: Value> Tile<'_, V> {
    /// Returns the users of the row at `position`.
    fn users(&self, position: u32) -> &[u32] {
        &self.rows.indices()[self.rows.range((position - self.start) as usize)]
    }

    /// Returns the row at `position`.
    fn line(&self, position: u32) -> Line<'_, V> {
        let factor = |positions| self.factors.of_items.get(positions).unwrap_or_default();
        let range = self.rows.range((position - self.start) as usize);
        Line {
            users: self.rows.checked().slice(range.clone()),
            weights: &self.rows.values()[range],
            of_users: &self.factors.of_users,
            of_row: factor(position as usize..position as usize + 1)
                .first()
                .copied()
                .unwrap_or(1.0),
            of_items: factor(self.first as usize..self.first as usize + self.width),
        }
    }
}

/// The row being computed.
pub(super) struct Row {
    position: u32,
    code: u32,
    /// Neighbours of its item were asked for.
    takes: bool,
    /// Its pairs are offered to the other items, too.
    pub(super) gives: bool,
    /// What a neighbour must come before to have a chance; rises.
    bar: Bar,
}

impl Scorer {
    pub(super) fn new(
        table: &ItemTable,
        job: &Job,
        filter: &ItemFilter,
        sides: Sides,
        kernel: Kernel,
    ) -> Self {
        let scale = ScoreScale::of(table, &job.measure);
        let floor = job.threshold.map_or(f32::MIN, |least| scale.ranked(least.into()));
        let selection = Selection::new(table.len(), job.top as usize, floor, kernel);
        let selection = selection.limited(filter.limits().cloned());
        let ceilings = Ceilings::new(table, &job.measure, scale);
        let hurdles = (0..table.len() as u32)
            .map(|item| AtomicU32::new(ceilings.limit(item, selection.bar(item).score).to_bits()))
            .collect();
        let squares = table.squares().iter().zip(table.supports()).zip(table.codes());
        let facts = squares
            .map(|((square, support), code)| Facts {
                square: *square,
                support: *support,
                code: *code,
            })
            .collect();
        let (table, job, filter) = (table.clone(), job.clone(), filter.clone());
        Self {
            table,
            job,
            filter,
            sides,
            kernel,
            selection,
            scale,
            ceilings,
            hurdles,
            facts,
            later: OnceLock::new(),
        }
    }

    pub(super) fn table(&self) -> &ItemTable {
        &self.table
    }

    pub(super) fn scale(&self) -> ScoreScale {
        self.scale
    }

    pub(super) fn job(&self) -> &Job {
        &self.job
    }

    pub(super) fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// Returns whether neighbours of the item are asked for.
    pub(super) fn wants(&self, code: u32) -> bool {
        self.filter.wants(code)
    }

    /// Returns whether the item may be a neighbour.
    pub(super) fn admits(&self, code: u32) -> bool {
        self.filter.admits(code)
    }

    /// Returns what counts of the row must reach, as things stand.
    pub(super) fn limit(&self, row: &Row) -> f32 {
        self.ceilings.limit(row.position, row.bar.score)
    }

    /// Returns the interactions with items that may be neighbours, from each position on.
    pub(super) fn later(&self) -> &[u64] {
        self.later.get_or_init(|| later(&self.table, |code| self.filter.admits(code)))
    }

    pub(super) fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Takes the neighbours of the item at `position` out, best first, with the scores that results
    /// hold.
    pub(super) fn take_out(&self, position: u32) -> Vec<Neighbour> {
        let mut found = self.selection.take(position);
        if !self.scale.is_one() {
            for neighbour in &mut found {
                neighbour.score = self.scale.score(neighbour.score);
            }
            let least = self.job.threshold.unwrap_or(f32::MIN);
            found.retain(|neighbour| neighbour.score >= least);
        }
        found
    }

    /// Takes offers in that were made elsewhere.
    pub(super) fn restore(
        &self,
        offers: impl IntoIterator<Item = Offer>,
        mut recording: Option<&mut Recording>,
    ) {
        let mut gathered = Offers::default();
        for Offer { item, neighbour } in offers {
            gathered.push(item, neighbour);
            if gathered.is_full(self.job.top as usize) {
                self.settle(&mut gathered, &mut recording, |_, _| {});
            }
        }
        self.settle(&mut gathered, &mut recording, |_, _| {});
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
        workspace.widen(block.len());
        self.copy_hurdles(block.start as usize, &mut workspace.hurdles);
        let tile = Tile {
            first: block.start,
            width: block.len(),
            rows: rows.lists::<V>(),
            start: rows.positions().start,
            factors: rows.factors(),
        };
        let mut order = std::mem::take(&mut workspace.order);
        order.clear();
        order.extend(positions);
        match &columns.cells {
            Cells::Bits(bits) => {
                self.head_tile(&tile, bits, &order, workspace, &mut recording);
            }
            Cells::Lists(lists) => {
                let lists = V::lists(lists).expect("all blocks of a matrix are of one kind");
                workspace.widen_sums(block.len());
                self.tail_tile(&tile, lists, &order, workspace, &mut recording);
            }
        }
        workspace.order = order;
        self.settle(&mut workspace.offers, &mut recording, |_, _| {});
    }

    /// Computes rows against one chunk of the head.
    fn head_tile<V: Value>(
        &self,
        tile: &Tile<'_, V>,
        bits: &[BitRow],
        order: &[u32],
        workspace: &mut Workspace<V>,
        recording: &mut Option<&mut Recording>,
    ) {
        let first = tile.first as usize;
        let factors = &self.ceilings.as_neighbour[first..first + tile.width];
        let mut bounds = Bounds::new(factors, &workspace.hurdles[..tile.width]);
        let of_items = tile.factors.of_items.get(first..first + tile.width).map(|factors| {
            let mut of_items = [0.0; CHUNK];
            of_items[..tile.width].copy_from_slice(factors);
            of_items
        });
        for (index, position) in order.iter().copied().enumerate() {
            self.fetch(tile, &order[index + 1..]);
            let Some(mut row) = self.begin(position) else { continue };
            let end = self.end_of(tile, position);
            let Workspace { counts, dots, hits, hurdles, found, offers, estimates, .. } = workspace;
            let line = tile.line(position);
            let mut sieve = self.sieve(&row, first, &hurdles[..end]);
            let groups =
                self.kernel.count(bits, line.users, &V::Sum::floors(&bounds, &sieve), counts);
            if groups.is_empty() {
                continue;
            }
            if !V::COUNTS {
                dots.fill(0.0);
                V::add_chunk(self.kernel, bits, &line, of_items.as_ref(), dots);
            }
            let mut count = 0;
            let (overlaps, dots) = (&counts[..end], &dots[..end]);
            V::Sum::select_parts(self.kernel, groups, overlaps, dots, &sieve, |hit| {
                let sum = Sum::new(overlaps[hit], dots[hit]);
                hits[count] = Hit { index: hit as u32, sum };
                count += 1;
            });
            let hits = self.thin::<V>(&row, first, &mut sieve, &mut hits[..count], estimates);
            self.offer::<V>(&mut row, tile.first, hits, found, offers);
            self.end(position, found, recording);
            if offers.is_full(self.job.top as usize) {
                self.settle(offers, recording, |item, hurdle| {
                    hurdles[(item - tile.first) as usize] = hurdle;
                });
                bounds.rise(&hurdles[..tile.width]);
            }
        }
    }

    /// Asks for what the rows to come need first. They are not in the order of memory, so that
    /// nobody else knows; and with few users each, they are through before it would arrive.
    fn fetch<V: Value>(&self, tile: &Tile<'_, V>, rows: &[u32]) {
        /// Rows that what is known of an item is asked ahead; its users follow.
        const AHEAD: usize = 6;
        const USERS_AHEAD: usize = 2;
        /// What comes after so many users is read in order, which the machine notices.
        const USERS: usize = 256;
        if let Some(later) = rows.get(AHEAD) {
            let later = *later as usize;
            prefetch(self.table.codes(), later);
            prefetch(tile.rows.starts(), later - tile.start as usize);
            self.selection.fetch(later);
            self.ceilings.fetch(later);
        }
        if let Some(next) = rows.get(USERS_AHEAD) {
            let users = tile.users(*next);
            (0..users.len().min(USERS)).step_by(16).for_each(|user| prefetch(users, user));
        }
    }

    /// Computes rows against lists.
    fn tail_tile<V: Value>(
        &self,
        tile: &Tile<'_, V>,
        lists: &Lists<V::Stored>,
        order: &[u32],
        workspace: &mut Workspace<V>,
        recording: &mut Option<&mut Recording>,
    ) {
        let first = tile.first as usize;
        let scatter = Scatter::<V>::new(lists);
        for (index, position) in order.iter().copied().enumerate() {
            let coming = &order[index + 1..];
            self.fetch(tile, coming);
            scatter.fetch(|ahead| Some(tile.users(*coming.get(ahead)?)));
            let Some(mut row) = self.begin(position) else { continue };
            let end = self.end_of(tile, position);
            let line = tile.line(position);
            let Workspace { sums, packed, hits, hurdles, found, offers, estimates, .. } = workspace;
            let mut sieve = self.sieve(&row, first, &hurdles[..end]);
            // Few sums are listed as they are touched; many are cheaper to look for.
            let is_few = scatter.additions_below(line.users, end / 4);
            let count = if is_few && V::COUNTS && line.users.list().len() <= packed::MOST_USERS {
                packed.few(&scatter, line.users, &sieve, hits)
            } else if is_few {
                sums.few(&scatter, line, &sieve, hits)
            } else {
                sums.many(&scatter, line, self.kernel, &sieve, hits)
            };
            let hits = self.thin::<V>(&row, first, &mut sieve, &mut hits[..count], estimates);
            self.offer::<V>(&mut row, tile.first, hits, found, offers);
            self.end(position, found, recording);
            if offers.is_full(self.job.top as usize) {
                self.settle(offers, recording, |item, hurdle| {
                    let index = (item - tile.first) as usize;
                    hurdles[index] = hurdle;
                    if V::COUNTS {
                        packed.raise(index, hurdle);
                    }
                });
            }
        }
    }

    /// Returns how many of the tile's columns a row is compared with.
    fn end_of<V: Value>(&self, tile: &Tile<'_, V>, position: u32) -> usize {
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
    pub(super) fn begin(&self, position: u32) -> Option<Row> {
        let code = self.table.codes()[position as usize];
        let takes = self.filter.wants(code);
        let gives = self.sides == Sides::Both && self.filter.admits(code);
        let bar = self.selection.bar(position);
        (takes || gives).then_some(Row { position, code, takes, gives, bar })
    }

    /// Hands what was found to the row's item.
    pub(super) fn end(
        &self,
        position: u32,
        found: &mut Found,
        recording: &mut Option<&mut Recording>,
    ) {
        let Found { neighbours: found, keys, .. } = found;
        if found.is_empty() {
            return;
        }
        self.selection.thin_out(found, keys);
        if let Some(recording) = recording {
            let offers = found.iter().map(|found| Offer { item: position, neighbour: *found });
            recording.extend(offers, &self.selection);
        }
        if let Some(bar) = self.selection.offer_all(position, found) {
            self.raise(position, bar);
        }
    }

    /// Returns what sums must reach to matter to the row's item or to the other one.
    pub(super) fn sieve<'b>(&'b self, row: &Row, first: usize, hurdles: &'b [f32]) -> Sieve<'b> {
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

    /// Hands what was found to the other items; `on_rise` is told the hurdles that rise with
    /// their bars.
    fn settle(
        &self,
        offers: &mut Offers,
        recording: &mut Option<&mut Recording>,
        mut on_rise: impl FnMut(u32, f32),
    ) {
        if let Some(recording) = recording {
            recording.extend(offers.gathered().iter().copied(), &self.selection);
        }
        self.selection.settle(offers, |item, bar| on_rise(item, self.raise(item, bar)));
    }

    /// Leaves out hits that cannot be among the row's k best, where the measure lets scores be
    /// estimated: k of them estimated at some value or above raise the sieve's limit to just
    /// below it.
    pub(super) fn thin<'h, V: Value>(
        &self,
        row: &Row,
        first: usize,
        sieve: &mut Sieve<'_>,
        hits: &'h mut [Hit<V::Sum>],
        estimates: &mut Vec<u32>,
    ) -> &'h [Hit<V::Sum>] {
        let k = self.job.top as usize;
        if !row.takes
            || hits.len() <= self.selection.capacity()
            || !self.estimates()
            || self.filter.limits().is_some()
        {
            return hits;
        }
        // What cannot be a neighbour, or has no estimate, is worse than everything.
        let (filter, codes) = (&self.filter, self.table.codes());
        let estimate = |hit: &Hit<V::Sum>| {
            let product = hit.sum.rough_dot() * sieve.factors[hit.index as usize];
            let position = first as u32 + hit.index;
            let counts = hit.sum.overlap() >= self.job.min_overlap
                && position != row.position
                && (filter.admits_all() || admits(filter, row.code, codes[position as usize]));
            if counts && product.is_finite() { ascending(product) } else { 0 }
        };
        estimates.clear();
        estimates.extend(hits.iter().map(estimate));
        let kth = number_at(self.kernel.about_kth(estimates, k));
        if !self.ceilings.is_safe(row.position, kth) {
            return hits;
        }
        sieve.row_limit = sieve.row_limit.max(kth * Sieve::NEARLY);
        let mut stay = 0;
        for index in 0..hits.len() {
            let hit = hits[index];
            hits[stay] = hit;
            stay += usize::from(sieve.admits(hit.index as usize, hit.sum.rough_dot()));
        }
        &hits[..stay]
    }

    /// Returns whether scores are products of sum and factors, up to rounding.
    pub(super) fn estimates(&self) -> bool {
        self.job.shrinkage == 0.0 && self.job.measure.is_product()
    }

    /// Scores hits and keeps those that may be among the best for the row's item and, where both
    /// sides count, for the others.
    pub(super) fn offer<V: Value>(
        &self,
        row: &mut Row,
        first: u32,
        hits: &[Hit<V::Sum>],
        found: &mut Found,
        offers: &mut Offers,
    ) {
        let is_symmetric = self.job.measure.is_symmetric();
        if row.takes || is_symmetric {
            self.score::<V>(row, first, hits, Direction::RowIsItem, &mut found.as_item);
        }
        if row.gives && !is_symmetric {
            self.score::<V>(row, first, hits, Direction::RowIsNeighbour, &mut found.as_neighbour);
        }
        if row.takes {
            let Found { as_item, neighbours, keys, .. } = &mut *found;
            for (hit, score) in hits.iter().zip(as_item) {
                self.take::<V>(row, first, *hit, *score, neighbours, keys);
            }
        }
        if row.gives {
            let scores = if is_symmetric { &found.as_item } else { &found.as_neighbour };
            for (hit, score) in hits.iter().zip(scores) {
                self.give::<V>(row, first, *hit, *score, offers);
            }
        }
    }

    /// Keeps a hit for the row's item if it may be among the best.
    #[inline]
    fn take<V: Value>(
        &self,
        row: &mut Row,
        first: u32,
        hit: Hit<V::Sum>,
        score: f32,
        found: &mut Vec<Neighbour>,
        keys: &mut Vec<u32>,
    ) {
        let (other, overlap) = (first + hit.index, hit.sum.overlap());
        let code = self.facts[other as usize].code;
        // NaN is no better than any bar.
        if !row.bar.admits(score, code)
            || overlap < self.job.min_overlap
            || other == row.position
            || !admits(&self.filter, row.code, code)
        {
            return;
        }
        found.push(Neighbour { code, score, overlap });
        if found.len() >= 4 * self.selection.capacity() {
            let kth = self.selection.thin_out(found, keys);
            row.bar = kth.filter(|kth| row.bar.admits(kth.score, kth.code)).unwrap_or(row.bar);
        }
    }

    /// Offers the row to the item of a hit if it may be among its best.
    #[inline]
    fn give<V: Value>(
        &self,
        row: &Row,
        first: u32,
        hit: Hit<V::Sum>,
        score: f32,
        offers: &mut Offers,
    ) {
        let (other, overlap) = (first + hit.index, hit.sum.overlap());
        if !self.selection.bar(other).admits(score, row.code)
            || overlap < self.job.min_overlap
            || other == row.position
            || !self.filter.wants(self.facts[other as usize].code)
            || !self.filter.pairs(self.facts[other as usize].code, row.code)
        {
            return;
        }
        offers.push(other, Neighbour { code: row.code, score, overlap });
    }

    /// Raises an item's hurdle to what its new bar asks for.
    fn raise(&self, item: u32, bar: Bar) -> f32 {
        let hurdle = self.ceilings.limit(item, bar.score);
        self.hurdles[item as usize].store(hurdle.to_bits(), Relaxed);
        hurdle
    }

    /// Scores hits with the row: measure, shrinkage, one rounding. NaN for what is no pair.
    fn score<V: Value>(
        &self,
        row: &Row,
        first: u32,
        hits: &[Hit<V::Sum>],
        direction: Direction,
        scores: &mut Vec<f32>,
    ) {
        let (users, own) = (self.table.population() as u32, self.facts[row.position as usize]);
        let pair = |hit: &Hit<V::Sum>| {
            let other = self.facts[(first + hit.index) as usize];
            let (item, neighbour) = match direction {
                Direction::RowIsItem => (own, other),
                Direction::RowIsNeighbour => (other, own),
            };
            Pair {
                overlap: hit.sum.overlap(),
                item_support: item.support,
                neighbour_support: neighbour.support,
                users,
                dot: hit.sum.dot(),
                item_square: item.square,
                neighbour_square: neighbour.square,
                // Where a measure looks at these they are what was summed up.
                item_sum: item.square,
                neighbour_sum: neighbour.square,
                least: hit.sum.dot(),
                common: hit.sum.common(),
            }
        };
        let shrinkage = self.job.shrinkage;
        scores.clear();
        self.job.measure.score_each(hits.iter().map(pair), |pair, score| {
            let mut score = score.unwrap_or(f64::NAN);
            if shrinkage > 0.0 {
                score *= self.job.measure.damping(pair.overlap, shrinkage);
            }
            scores.push(self.scale.ranked(score));
        });
    }
}

/// Returns whether `other` may be a neighbour of `item`.
fn admits(filter: &ItemFilter, item: u32, other: u32) -> bool {
    filter.admits(other) && filter.pairs(item, other)
}

/// Which of a pair's items the row is.
#[derive(Clone, Copy)]
enum Direction {
    RowIsItem,
    RowIsNeighbour,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_take_no_more_room_than_they_have() {
        let selection = Selection::new(1, 1_000, f32::MIN, Kernel::detect());
        let offers = |count| {
            let neighbour = |code| Neighbour { code, score: 1.0, overlap: 1 };
            (0..count).map(move |code| Offer { item: 0, neighbour: neighbour(code) })
        };
        let mut recording = Recording::new(100);
        for count in [10, 31, 42, 17] {
            recording.extend(offers(count), &selection);
            assert!(recording.offers.capacity() <= 100, "{}", recording.offers.capacity());
        }
        assert_eq!(recording.len(), 100);
        // What comes all the same is kept.
        recording.extend(offers(50), &selection);
        assert_eq!(recording.take(&selection).len(), 150);
        assert_eq!(recording.len(), 0);
    }
}
