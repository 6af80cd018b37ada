//! How the columns of a matrix are cut: the one place that decides it.

use std::ops::Range;

use super::{
    additions::{Additions, choose_cuts, choose_head, near_width},
    model::{Extent, Machine},
};
use crate::{
    simd::{CHUNK, Kernel},
    weighting::WeightKind,
};

/// How a matrix is laid out and computed. The result is the same whatever it says.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Which instructions to use.
    pub kernel: Kernel,
    /// Chunks of 512 items in the dense head; `None` lets the cost model choose.
    pub head: Option<usize>,
    /// What a core was measured to pay, to predict by; `None` stands for [`Machine::of`]. What is
    /// laid out never depends on it: the same data is cut alike whatever was measured.
    pub machine: Option<Machine>,
    /// What a core is taken to pay where it is decided what is laid out and how it is computed; `None`
    /// stands for [`Machine::of`], and anything else for a test of what is rarely decided.
    pub model: Option<Machine>,
}

impl Default for Layout {
    fn default() -> Self {
        Self { kernel: Kernel::detect(), head: None, machine: None, model: None }
    }
}

impl Layout {
    /// Returns what a core pays.
    pub fn machine(&self) -> Machine {
        self.machine.unwrap_or_else(|| Machine::of(self.kernel))
    }

    /// Returns what a core is taken to pay, by which the work is cut.
    pub(crate) fn model(&self) -> Machine {
        self.model.unwrap_or_else(|| Machine::of(self.kernel))
    }

    /// Cuts the columns, by what a core is taken to pay. `additions` and `supports` are by position.
    /// Cost: O(items).
    pub(crate) fn shape(
        &self,
        additions: &Additions,
        supports: &[u32],
        users: usize,
        weights: WeightKind,
    ) -> Shape {
        let (items, machine) = (supports.len(), self.model());
        let chunks = match self.head {
            // Bits do not tell weights of their own.
            _ if weights == WeightKind::Own => 0,
            Some(chunks) => chunks.min(items.div_ceil(CHUNK)),
            None => choose_head(additions, supports, users, weights, &machine),
        };
        let extent = Extent { users, items, additions: additions.all.iter().sum(), weights };
        let first = (chunks * CHUNK).min(items);
        let cuts = choose_cuts(additions, supports, first, &extent, &machine);
        Shape { items, chunks, cuts, width: near_width(weights) }
    }
}

/// The blocks of columns: a dense head in chunks of 512 items, and a sparse tail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    items: usize,
    chunks: usize,
    /// Blocks cut off the front of the tail, of `width` positions each.
    cuts: usize,
    width: usize,
}

impl Shape {
    /// Counts the chunks of the head.
    pub(crate) const fn chunks(&self) -> usize {
        self.chunks
    }

    /// Counts the items of the head.
    pub(crate) fn head_items(&self) -> usize {
        (self.chunks * CHUNK).min(self.items)
    }

    /// Returns the positions of a chunk of the head.
    pub(crate) fn chunk(&self, chunk: usize) -> Range<usize> {
        chunk * CHUNK..((chunk + 1) * CHUNK).min(self.items)
    }

    /// Walks the positions of the blocks of the tail: the cuts, and what is left.
    pub(crate) fn tail(self) -> impl Iterator<Item = Range<usize>> {
        let tail = self.head_items()..self.items;
        let blocks = if tail.is_empty() { 0 } else { self.cuts + 1 };
        (0..blocks).map(move |block| {
            let start = tail.start + block * self.width;
            start..if block == self.cuts { tail.end } else { start + self.width }
        })
    }
}
