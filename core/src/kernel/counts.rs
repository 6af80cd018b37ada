//! Counts of one row against all positions, for callers who score them in a way of their own.

use super::sparse::Scatter;
use crate::{
    matrix::{Cells, Matrix, Value},
    simd::{CHUNK, Floors, GROUP, add_at},
};

/// Counts rows of a matrix whose weights are all 1. Cost: 8 B per position.
#[derive(Debug)]
pub(crate) struct RowCounts {
    /// By position; all zero between rows.
    counts: Vec<u32>,
    /// The positions whose counts are not zero, ascending.
    met: Vec<u32>,
    chunk: Box<[u32; CHUNK]>,
    /// Positions of a block of lists, as they are met: room for one more than there are.
    touched: Vec<u32>,
    order: Order,
}

impl RowCounts {
    /// Makes room for `items` positions.
    pub(crate) fn new(items: usize) -> Self {
        Self {
            counts: vec![0; items],
            met: Vec::new(),
            chunk: Box::new([0; CHUNK]),
            touched: vec![0; items + 1],
            order: Order::default(),
        }
    }

    /// Counts the users that the row at `position` shares with each position, its own included.
    /// Cost: a population count for each chunk of the head, an addition for each interaction that its
    /// users have with the tail.
    ///
    /// # Panics
    /// If the matrix holds weights, or has more positions than there is room for.
    pub(crate) fn count(&mut self, matrix: &Matrix, position: u32) {
        self.clear();
        let rows = matrix.rows().lists::<()>();
        let users = rows.checked().slice(rows.range(position as usize));
        let Self { counts, met, chunk, touched, order } = self;
        for block in matrix.columns() {
            let (first, width) = (block.positions().start, block.positions().len());
            match &block.cells {
                Cells::Bits(bits) => {
                    let groups = matrix.kernel().count(bits, users, &Floors::OF_PAIRS, chunk);
                    for start in groups.each().map(|group| group * GROUP) {
                        for index in start..(start + GROUP).min(width) {
                            if chunk[index] > 0 {
                                counts[first as usize + index] = chunk[index];
                                met.push(first + index as u32);
                            }
                        }
                    }
                }
                Cells::Lists(lists) => {
                    let lists = <()>::lists(lists).expect("all blocks of a matrix are of one kind");
                    let of_block = &mut counts[first as usize..first as usize + width];
                    let mut listed = 0;
                    Scatter::<()>::new(lists).lists(users, |positions| {
                        let (unit, end) = (positions.unit(), width as u32);
                        add_at(of_block, positions, unit, end, |other, count, ()| {
                            // No branch: whether a position is new cannot be predicted.
                            touched[listed] = other;
                            listed += usize::from(*count == 0);
                            *count += 1;
                        });
                    });
                    order.put(&touched[..listed], width, |index| met.push(first + index));
                }
            }
        }
    }

    /// Returns the count of a position.
    #[inline]
    pub(crate) fn of(&self, position: u32) -> u32 {
        self.counts[position as usize]
    }

    /// Returns the positions that share a user with the row, ascending: the most popular first.
    pub(crate) fn met(&self) -> &[u32] {
        &self.met
    }

    /// Forgets the row.
    pub(crate) fn clear(&mut self) {
        for position in self.met.drain(..) {
            self.counts[position as usize] = 0;
        }
    }
}

/// Puts numbers into their order, by a bit for each: all zero between calls.
#[derive(Debug, Default)]
struct Order {
    bits: Vec<u64>,
}

impl Order {
    /// Calls `each` with all `numbers`, ascending; they differ, and are below `end`. Cost: O(numbers),
    /// and a look at each 64th of `end`.
    fn put(&mut self, numbers: &[u32], end: usize, mut each: impl FnMut(u32)) {
        let words = end.div_ceil(64);
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
