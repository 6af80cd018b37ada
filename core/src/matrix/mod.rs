//! The weighted users x items matrix in both orientations, as blocks of rows and columns, items
//! relabelled by popularity.

mod arrange;
mod blocks;
mod table;
mod value;
mod weigh;

use std::ops::Range;

use self::arrange::{Pieces, bit_rows};
pub(crate) use self::{
    blocks::Cells,
    value::{Separable, Sum, Value},
};
pub use self::{
    blocks::{ColumnBlock, Factors, Malformed, Parts, RowBlock, WeightKind},
    table::ItemTable,
};
pub use crate::kernel::arch::BitRow;
use crate::{
    cost::{self, Extent, Machine},
    executor::Executor,
    interactions::Interactions,
    kernel::arch::{CHUNK, Kernel},
    weighting::Weighting,
};

/// How a matrix is laid out and computed. The result is the same whatever it says.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Which instructions to use.
    pub kernel: Kernel,
    /// Chunks of 512 items in the dense head; `None` lets the cost model choose.
    pub head: Option<usize>,
    /// What a core pays, to choose and to predict by; `None` stands for [`Machine::of`].
    pub machine: Option<Machine>,
}

impl Default for Layout {
    fn default() -> Self {
        Self { kernel: Kernel::detect(), head: None, machine: None }
    }
}

/// The matrix that a job's tiles are computed from: one block of rows; as columns a dense *head*
/// of the most popular items, bits in chunks of 512, and a sparse *tail* of lists, in several
/// blocks where weights of dense data are added up.
///
/// Cost: up to 8 B per interaction (both orientations), 24 B with weights of their own, about 60 B per item,
/// 8 B per user, and in a dense head 64 B per user for every 512 items.
#[derive(Clone, Debug)]
pub struct Matrix {
    kernel: Kernel,
    machine: Machine,
    table: ItemTable,
    rows: RowBlock,
    columns: Vec<ColumnBlock>,
    work: Work,
}

/// How many additions each row takes, by position, known from the degrees.
#[derive(Clone, Debug, Default)]
pub(crate) struct Work {
    /// Against every position, itself included.
    pub(crate) all: Vec<u64>,
    /// Against every smaller position.
    pub(crate) smaller: Vec<u64>,
    /// Against every position of the tail.
    pub(crate) all_of_tail: Vec<u64>,
    /// Against every smaller position of the tail.
    pub(crate) smaller_of_tail: Vec<u64>,
}

impl Work {
    /// Counts the additions that the rows after `position` make to it; `support`: its users.
    pub(crate) fn of_later(&self, position: usize, support: u32) -> u64 {
        self.all[position] - self.smaller[position] - u64::from(support)
    }
}

impl Matrix {
    /// Weighs the interactions and lays them out both ways. Cost: O(interactions).
    pub fn new(
        interactions: &Interactions,
        weighting: Weighting,
        executor: &impl Executor,
    ) -> Self {
        Self::with_layout(interactions, weighting, Layout::default(), executor)
    }

    /// Does what [`Matrix::new`] does, with a layout of the caller's choice.
    pub fn with_layout(
        interactions: &Interactions,
        weighting: Weighting,
        layout: Layout,
        executor: &impl Executor,
    ) -> Self {
        let none = |_: &[u32]| Factors::default();
        match WeightKind::of(weighting, interactions.weights().is_some()) {
            WeightKind::One => Self::arrange(interactions, |_| (), none, layout, executor),
            WeightKind::Separable => {
                let factors = |codes: &[u32]| weigh::factors(interactions, weighting, codes);
                Self::arrange(interactions, |_| Separable, factors, layout, executor)
            }
            WeightKind::Own => {
                let weights = weigh::weigh(interactions, weighting);
                Self::arrange(interactions, |at| weights[at], none, layout, executor)
            }
        }
    }

    fn arrange<V: Value>(
        interactions: &Interactions,
        value: impl Fn(usize) -> V + Sync,
        factors: impl FnOnce(&[u32]) -> Factors,
        layout: Layout,
        executor: &impl Executor,
    ) -> Self {
        let users = interactions.users();
        let supports = interactions.supports();
        let codes = ItemTable::order(&supports);
        let items = codes.len();
        let positions = ItemTable::positions(&codes);
        let supports = codes.iter().map(|code| supports[*code as usize]).collect::<Vec<_>>();
        let pieces = Pieces::new(interactions, &positions, value, executor);
        let mut work = arrange::work(&pieces, items, executor);
        let machine = layout.machine.unwrap_or_else(|| Machine::of(layout.kernel));
        let chunks = match layout.head {
            // Bits do not tell weights of their own.
            _ if V::KIND == WeightKind::Own => 0,
            Some(chunks) => chunks.min(items.div_ceil(CHUNK)),
            None => cost::choose_head(&work, &supports, users, V::KIND, &machine),
        };
        let first = (chunks * CHUNK).min(items);
        let lists = pieces.rows(users, &supports, executor);
        let mut columns = executor.map(chunks, |chunk| {
            let chunk = chunk * CHUNK..((chunk + 1) * CHUNK).min(items);
            let (first, width) = (chunk.start as u32, chunk.len() as u32);
            ColumnBlock::of_bits(first, width, bit_rows(&lists, chunk)).expect("a chunk is short")
        });
        (work.all_of_tail, work.smaller_of_tail) = if first == 0 {
            (work.all.clone(), work.smaller.clone())
        } else {
            pieces.additions(items, first, executor)
        };
        let additions = work.all.iter().sum();
        let extent = Extent { users, items, additions, weights: V::KIND };
        let cuts = cost::choose_cuts(&work, &supports, first, &extent, &machine);
        for positions in tail_blocks(first..items, cuts, cost::near_width(V::KIND)) {
            let lists = pieces.columns(users, &positions, executor);
            columns.push(ColumnBlock::of(positions.start as u32, lists));
        }
        let rows = RowBlock::of(lists, factors(&codes));
        let table = ItemTable::new(users, codes, supports, rows.squares());
        Self { kernel: layout.kernel, machine, table, rows, columns, work }
    }

    /// Returns the instructions to use.
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// Returns what a core pays.
    pub(crate) fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Returns what is known of every item.
    pub fn table(&self) -> &ItemTable {
        &self.table
    }

    /// Returns the rows: all of them.
    pub fn rows(&self) -> &RowBlock {
        &self.rows
    }

    /// Returns the columns: chunks of the head, then, unless the head is all, blocks of the tail.
    pub fn columns(&self) -> &[ColumnBlock] {
        &self.columns
    }

    /// Counts the items in the dense head.
    pub fn head_items(&self) -> usize {
        let head = self.columns.iter().filter(|block| block.bits().is_some());
        head.map(|block| block.positions().len()).sum()
    }

    /// Counts the users.
    pub fn users(&self) -> usize {
        self.table.users()
    }

    /// Counts the items.
    pub fn items(&self) -> usize {
        self.table.len()
    }

    /// Returns how many additions each row takes.
    pub(crate) fn work(&self) -> &Work {
        &self.work
    }
}

/// Cuts the tail into blocks: `cuts` of `width` positions each, and the rest.
pub(crate) fn tail_blocks(
    tail: Range<usize>,
    cuts: usize,
    width: usize,
) -> impl Iterator<Item = Range<usize>> {
    let blocks = if tail.is_empty() { 0 } else { cuts + 1 };
    (0..blocks).map(move |block| {
        let start = tail.start + block * width;
        start..if block == cuts { tail.end } else { start + width }
    })
}
