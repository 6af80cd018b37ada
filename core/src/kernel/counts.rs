//! Counts of one row against all positions, for callers who score them in a way of their own.

use super::sparse::Scatter;
use crate::{
    matrix::{Cells, Matrix, Value},
    simd::{CHUNK, Floors, GROUP},
};

/// Counts rows of a matrix whose weights are all 1. Cost: 8 B per position.
#[derive(Debug)]
pub(crate) struct RowCounts {
    /// By position; all zero between rows.
    counts: Vec<u32>,
    /// The positions whose counts are not zero, ascending.
    met: Vec<u32>,
    chunk: Box<[u32; CHUNK]>,
}

impl RowCounts {
    /// Makes room for `items` positions.
    pub(crate) fn new(items: usize) -> Self {
        Self { counts: vec![0; items], met: Vec::new(), chunk: Box::new([0; CHUNK]) }
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
        let Self { counts, met, chunk } = self;
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
                    let (begin, scatter) = (met.len(), Scatter::<()>::new(lists));
                    scatter.lists(users, |positions| {
                        for index in positions.list() {
                            let count = &mut counts[(first + index) as usize];
                            if *count == 0 {
                                met.push(first + index);
                            }
                            *count += 1;
                        }
                    });
                    // Many are found faster in their order than put into it.
                    if met.len() - begin > width / 16 {
                        met.truncate(begin);
                        let all = first..first + width as u32;
                        met.extend(all.filter(|position| counts[*position as usize] > 0));
                    } else {
                        met[begin..].sort_unstable();
                    }
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
