//! Tiles of whole rows: each pair for the row's item alone.
//!
//! On sparse data most pairs share a single user and matter to neither of their items, and handing
//! a pair to the other item takes longer than counting it twice. A row that is computed whole needs
//! no lists that others share: what its counts must reach is known before ([`Needs`]), and what it
//! lists is all that it selects from. Limits depend on the data and the job alone, not on what
//! other rows found.

use super::{
    hit::Hit,
    needs::{Level, Needs},
    rows::{WholeRow, WholeRows},
    scorer::{Recording, Row, Scorer, Workspace},
    sparse::Scatter,
};
use crate::{
    plan::RowOrder,
    simd::{Lists, Sieve, prefetch},
};

/// What one worker needs to compute tiles of whole rows, reused from tile to tile.
#[derive(Debug, Default)]
pub(super) struct WholeWorkspace {
    rows: WholeRows,
    hits: Vec<Hit<u32>>,
    order: Vec<u32>,
}

/// The blocks of a tile.
pub(super) struct WholeTile<'a> {
    /// The users of every position.
    pub(super) rows: &'a Lists<()>,
    /// First position of the columns.
    pub(super) first: u32,
    pub(super) columns: &'a Lists<()>,
    /// How many additions each row takes, by position.
    pub(super) additions: &'a [u64],
}

impl WholeTile<'_> {
    fn users(&self, position: u32) -> &[u32] {
        &self.rows.indices()[self.rows.range(position as usize)]
    }

    /// Walks the rows that are of one level with the first; what they are like.
    fn level(&self, order: &[u32]) -> (usize, Level) {
        let additions = |position: u32| {
            let own = self.users(position).len() as u64;
            self.additions[position as usize].saturating_sub(own)
        };
        let first = additions(order[0]) as f64;
        let near = first / Level::SPREAD..=first * Level::SPREAD;
        let (mut fewest, mut supports) = (u64::MAX, (u32::MAX, 0));
        let mut rows = 0;
        for position in order {
            let own = additions(*position);
            if !near.contains(&(own as f64)) {
                break;
            }
            let support = self.users(*position).len() as u32;
            fewest = fewest.min(own);
            supports = (support.min(supports.0), support.max(supports.1));
            rows += 1;
        }
        (rows, Level { additions: fewest, supports })
    }
}

impl Scorer {
    /// Positions that are sifted before the limit is raised.
    const STRETCH: usize = 1 << 11;

    /// Computes the rows at `positions` against all of a block, each for its own item. Rows of about as
    /// many additions are best computed one after the other.
    pub(super) fn whole_tile(
        &self,
        tile: &WholeTile<'_>,
        positions: impl Iterator<Item = u32>,
        whole: &mut WholeWorkspace,
        workspace: &mut Workspace<()>,
        mut recording: Option<&mut Recording>,
    ) {
        let WholeWorkspace { rows, hits, order } = whole;
        let codes = self.table().codes();
        order.clear();
        order.extend(positions.filter(|position| self.wants(codes[*position as usize])));
        let (scatter, width) = (Scatter::new(tile.columns), tile.columns.columns());
        rows.begin(width);
        let block = tile.first as usize..tile.first as usize + width;
        let needs = Needs::new(self.table(), self.job(), block, self.later());
        let mut level_ends = 0;
        for (index, position) in order.iter().copied().enumerate() {
            self.fetch_row(tile, &order[index + 1..]);
            let Some(mut row) = self.begin(position) else { continue };
            row.gives = false;
            let users = tile.users(position);
            let next = order.get(index + 1).map_or(&[][..], |next| tile.users(*next));
            let own = position.checked_sub(tile.first).filter(|own| (*own as usize) < width);
            let line = WholeRow { own, users, next };
            let additions = tile.additions[position as usize];
            // More of them are cheaper to look through than to list as they are counted.
            if additions < width as u64 && u16::try_from(users.len()).is_ok() {
                if index >= level_ends {
                    let (count, level) = tile.level(&order[index..]);
                    rows.begin_level(&needs, &level);
                    level_ends = index + count.max(1);
                }
                let first = tile.first as usize;
                let is_candidate = |index: u32| self.admits(codes[first + index as usize]);
                rows.few(&scatter, &line, &needs, is_candidate, hits);
                let found = &mut workspace.found;
                let mut sieve = self.sieve(&row, first, &rows.counts().1[..width]);
                let hits = self.thin::<()>(&row, first, &mut sieve, hits, &mut workspace.estimates);
                self.offer::<()>(&mut row, tile.first, hits, found, &mut workspace.offers);
            } else {
                rows.many(&scatter, &line);
                self.sift(tile.first, width, &mut row, rows, hits, workspace);
            }
            self.end(position, &mut workspace.found, &mut recording);
        }
    }

    /// Takes what may matter out of the counts of a row.
    fn sift(
        &self,
        first: u32,
        width: usize,
        row: &mut Row,
        rows: &mut WholeRows,
        hits: &mut Vec<Hit<u32>>,
        workspace: &mut Workspace<()>,
    ) {
        let Workspace { found, offers, estimates, .. } = workspace;
        let (counts, hurdles) = rows.counts();
        let stretches = RowOrder::spread(0, width.div_ceil(Self::STRETCH) as u32);
        let mut sieve = self.sieve(row, first as usize, &hurdles[..width]);
        hits.clear();
        for rank in 0..stretches.count() {
            let start = stretches.row(rank) as usize * Self::STRETCH;
            let end = (start + Self::STRETCH).min(width);
            let part = Sieve {
                factors: &sieve.factors[start..end],
                hurdles: &sieve.hurdles[start..end],
                ..sieve
            };
            let of_stretch = &mut counts[start..end];
            self.kernel().select(of_stretch, &part, |index| {
                hits.push(Hit { index: (start + index) as u32, sum: of_stretch[index] });
            });
            if hits.len() > 4 * self.selection().capacity() {
                if self.estimates() {
                    let stay = self.thin::<()>(row, first as usize, &mut sieve, hits, estimates);
                    let stay = stay.len();
                    hits.truncate(stay);
                } else {
                    self.offer::<()>(row, first, hits, found, offers);
                    sieve.row_limit = self.limit(row);
                    hits.clear();
                }
            }
        }
        counts[..width].fill(0);
        let hits = self.thin::<()>(row, first as usize, &mut sieve, hits, estimates);
        self.offer::<()>(row, first, hits, found, offers);
    }

    /// Asks for what the rows to come need first.
    fn fetch_row(&self, tile: &WholeTile<'_>, rows: &[u32]) {
        const AHEAD: usize = 6;
        const USERS_AHEAD: usize = 2;
        const USERS: usize = 256;
        if let Some(later) = rows.get(AHEAD) {
            prefetch(self.table().codes(), *later as usize);
            prefetch(tile.rows.starts(), *later as usize);
        }
        if let Some(next) = rows.get(USERS_AHEAD) {
            let users = tile.users(*next);
            (0..users.len().min(USERS)).step_by(16).for_each(|user| prefetch(users, user));
        }
    }
}
