//! Counts of one row against all positions, for callers who score them in a way of their own.

use std::ops::Range;

use super::sparse::Scatter;
use crate::{
    matrix::{Cells, Matrix, Value},
    simd::{CHUNK, Floors, GROUP, Indices, add_at},
};

/// Counts rows of a matrix whose weights are all 1. Cost: 12 B per position.
#[derive(Debug)]
pub(crate) struct RowCounts {
    /// By position. Counts of a row begin at a base that no row before it came past, so that what
    /// they left behind reads as nothing.
    counts: Vec<u32>,
    base: u32,
    /// The most that the last row can have counted.
    most: u32,
    /// The positions that count, ascending.
    met: Vec<u32>,
    chunk: Box<[u32; CHUNK]>,
    /// Positions of a block, as they are met: room for one more than there are.
    touched: Vec<u32>,
    order: Order,
}

impl RowCounts {
    /// Makes room for `items` positions.
    pub(crate) fn new(items: usize) -> Self {
        Self {
            counts: vec![0; items],
            base: 0,
            most: 0,
            met: Vec::new(),
            chunk: Box::new([0; CHUNK]),
            touched: vec![0; items + 1],
            order: Order::default(),
        }
    }

    /// Counts the users that the row at `position` shares with each position, its own included, and
    /// lists those that share two, or one from the position `rare` on.
    ///
    /// Cost: a population count for each chunk of the head, an addition for each interaction that its
    /// users have with the tail.
    ///
    /// # Panics
    /// If the matrix holds weights, or has more positions than there is room for.
    pub(crate) fn count(&mut self, matrix: &Matrix, position: u32, rare: u32) {
        let rows = matrix.rows().lists::<()>();
        let users = rows.checked().slice(rows.range(position as usize));
        self.begin(users.list().len() as u32);
        for block in matrix.columns() {
            let (first, width) = (block.positions().start, block.positions().len());
            let rare = rare.saturating_sub(first);
            match &block.cells {
                Cells::Bits(bits) => {
                    let groups =
                        matrix.kernel().count(bits, users, &Floors::OF_PAIRS, &mut self.chunk);
                    for start in groups.each().map(|group| group * GROUP) {
                        self.take(first, start..(start + GROUP).min(width), rare);
                    }
                }
                Cells::Lists(lists) => {
                    let lists = <()>::lists(lists).expect("all blocks of a matrix are of one kind");
                    self.add(&Scatter::new(lists), users, first..first + width as u32, rare);
                }
            }
        }
    }

    /// Begins a row of so many users.
    fn begin(&mut self, users: u32) {
        self.base = match self.base.checked_add(self.most) {
            Some(base) if base.checked_add(users).is_some() => base,
            _ => {
                self.counts.fill(0);
                0
            }
        };
        self.most = users;
        self.met.clear();
    }

    /// Takes a group of counts over from the chunk that begins at the position `first`.
    fn take(&mut self, first: u32, group: Range<usize>, rare: u32) {
        let Self { counts, base, met, chunk, touched, .. } = self;
        let mut listed = 0;
        for index in group {
            let (count, place) = (chunk[index], first + index as u32);
            counts[place as usize] = *base + count;
            touched[listed] = place;
            listed += usize::from(count >= least(index as u32, rare));
        }
        met.extend_from_slice(&touched[..listed]);
    }

    /// Adds up the lists of the users in a block.
    fn add(&mut self, lists: &Scatter<'_, ()>, users: Indices<'_>, block: Range<u32>, rare: u32) {
        let Self { counts, base, met, touched, order, .. } = self;
        let of_block = &mut counts[block.start as usize..block.end as usize];
        let (base, end) = (*base, block.end - block.start);
        let mut listed = 0;
        lists.lists(users, |positions| {
            add_at(of_block, positions, positions.unit(), end, |other, count, ()| {
                let next = base.max(*count) + 1;
                *count = next;
                // No branch: whether a position is new cannot be predicted.
                touched[listed] = other;
                listed += usize::from(next == base + least(other, rare));
            });
        });
        order.put(&touched[..listed], end, |index| met.push(block.start + index));
    }

    /// Returns the count of a position.
    #[inline]
    pub(crate) fn of(&self, position: u32) -> u32 {
        self.counts[position as usize].saturating_sub(self.base)
    }

    /// Lists all positions before `end` that share one user with the row, ascending. Cost: O(end).
    pub(crate) fn list_ones(&self, end: u32, list: &mut Vec<u32>) {
        let counts = &self.counts[..end as usize];
        list.resize(counts.len() + 1, 0);
        let mut listed = 0;
        for (position, count) in (0..).zip(counts) {
            list[listed] = position;
            listed += usize::from(*count == self.base + 1);
        }
        list.truncate(listed);
    }

    /// Returns the positions that were listed, ascending: the most popular first.
    pub(crate) fn met(&self) -> &[u32] {
        &self.met
    }
}

/// What a position has to share to be listed.
#[inline]
fn least(position: u32, rare: u32) -> u32 {
    1 + u32::from(position < rare)
}

/// Puts numbers into their order, by a bit for each: all zero between calls.
#[derive(Debug, Default)]
struct Order {
    bits: Vec<u64>,
}

impl Order {
    /// Calls `each` with all `numbers`, ascending; they differ, and are below `end`. Cost: O(numbers),
    /// and a look at each 64th of `end`.
    fn put(&mut self, numbers: &[u32], end: u32, mut each: impl FnMut(u32)) {
        let words = end.div_ceil(64) as usize;
        if self.bits.len() < words {
            self.bits.resize(words, 0);
        }
        for number in numbers {
            self.bits[*number as usize / 64] |= 1 << (number % 64);
        }
        for (word, bits) in (0..).zip(&mut self.bits[..words]) {
            while *bits != 0 {
                each(word * 64 + bits.trailing_zeros());
                *bits &= *bits - 1;
            }
        }
    }
}
