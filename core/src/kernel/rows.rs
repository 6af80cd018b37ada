//! Whole rows: counts of a row against all positions of a block of lists.

use super::{
    hit::Hit,
    needs::{Level, Needs, Reach},
    sparse::Scatter,
};
use crate::simd::{Gathered, Tally, add_at};

/// What one worker needs to count whole rows. Cost: 11 B per position, and 8 B for each addition of a row, at most as many.
#[derive(Debug, Default)]
pub(super) struct WholeRows {
    gathered: Gathered,
    tally: Tally,
    /// Positions that reached what they need.
    reached: Vec<u32>,
    /// Counts of rows of many additions; all zero between rows.
    counts: Vec<u32>,
    /// Nothing is offered to others, whatever they ask for.
    hurdles: Vec<f32>,
    reach: Option<Reach>,
    /// Rows of the level, and those of them that had to be listed twice.
    counted: usize,
    repeated: usize,
}

/// A row to be counted.
pub(super) struct WholeRow<'a> {
    /// Its position, counted from the first of the block; `None` where it is none of the block's.
    pub(super) own: Option<u32>,
    pub(super) users: &'a [u32],
    /// Users of the row after it.
    pub(super) next: &'a [u32],
}

impl WholeRows {
    /// A level lists everything once more than one in so many of its rows had to be listed twice,
    const ONE_IN: usize = 8;

    /// and as many as this.
    const REPEATED: usize = 8;

    /// Indices that are gathered before they are counted, where a row has more of them: what the
    /// nearest cache holds.
    const PIECE: usize = 1 << 13;

    /// Begins with a block of `width` positions.
    pub(super) fn begin(&mut self, width: usize) {
        self.tally.widen(width);
        if self.counts.len() < width {
            self.counts.resize(width, 0);
            self.hurdles.resize(width, f32::INFINITY);
        }
    }

    /// Begins with the rows of a level.
    pub(super) fn begin_level(&mut self, needs: &Needs<'_>, level: &Level) {
        self.reach = Some(needs.set(level, self.tally.needs()));
        (self.counted, self.repeated) = (0, 0);
    }

    /// Counts a row of few additions and puts what may matter into `hits`. `is_candidate`: whether
    /// the index of a position is that of a neighbour that may be.
    pub(super) fn few(
        &mut self,
        scatter: &Scatter<'_, ()>,
        row: &WholeRow<'_>,
        needs: &Needs<'_>,
        is_candidate: impl Fn(u32) -> bool,
        hits: &mut Vec<Hit<u32>>,
    ) {
        let Self { gathered, tally, reached, .. } = self;
        scatter.gather(row.users, row.next, usize::MAX, gathered);
        if reached.len() <= gathered.len() {
            reached.resize((gathered.len() + 1).next_power_of_two(), 0);
        }
        let most = u16::try_from(row.users.len()).expect("few additions have few users");
        let listed = tally.count(gathered.indices(), most, reached);
        let hit = |index: &u32| Hit { index: *index, sum: tally.of(*index) };
        hits.clear();
        hits.extend(reached[..listed].iter().map(hit));
        let Some(Reach::From(rare)) = self.reach else { return };
        self.counted += 1;
        let is_rare = |hit: &&Hit<u32>| {
            hit.index as usize >= rare && Some(hit.index) != row.own && is_candidate(hit.index)
        };
        if hits.iter().filter(is_rare).count() < needs.top() {
            self.list_all(hits);
            self.repeated += 1;
            if self.repeated >= Self::REPEATED.max(self.counted / Self::ONE_IN) {
                self.reach = Some(needs.set_all(self.tally.needs()));
            }
        }
    }

    /// Lists all that was counted.
    fn list_all(&mut self, hits: &mut Vec<Hit<u32>>) {
        hits.clear();
        for index in self.gathered.indices().list() {
            let sum = self.tally.take(*index);
            if sum > 0 {
                hits.push(Hit { index: *index, sum });
            }
        }
    }

    /// Counts a row of any number of additions against every position.
    pub(super) fn many(&mut self, scatter: &Scatter<'_, ()>, row: &WholeRow<'_>) {
        let Self { gathered, counts, .. } = self;
        let mut rest = row.users;
        while !rest.is_empty() {
            let taken = scatter.gather(rest, row.next, Self::PIECE, gathered);
            rest = &rest[taken..];
            let indices = gathered.indices();
            let end = indices.bound() as u32;
            add_at(counts, indices, indices.unit(), end, |_, count, ()| *count += 1);
        }
    }

    /// Returns those counts, to be set to zero, and as many hurdles that none reaches.
    pub(super) fn counts(&mut self) -> (&mut [u32], &[f32]) {
        (&mut self.counts, &self.hurdles)
    }
}
