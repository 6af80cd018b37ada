//! The weighted users x items matrix in both orientations, as blocks of rows and columns, items
//! relabelled by popularity.

mod arrange;
mod blocks;
mod table;
mod transpose;
mod value;
mod weigh;

use self::arrange::{Pieces, bit_rows};
pub(crate) use self::{
    blocks::Cells,
    value::{CommonUsers, Least, Line, Separable, Sum, Value},
};
pub use self::{
    blocks::{ColumnBlock, Factors, RowBlock},
    table::ItemTable,
    value::{Malformed, Parts},
};
use crate::{
    cost::{Additions, Layout, Machine},
    executor::Executor,
    job::Job,
    measure::Norm,
    prepare::Interactions,
    simd::Kernel,
    weighting::{WeightKind, Weighting},
};

/// The matrix that a job's tiles are computed from: one block of rows; as columns a dense *head*
/// of the most popular items, bits in chunks of 512, and a sparse *tail* of lists, in several
/// blocks where weights of dense data are added up.
///
/// Cost: up to 8 B per interaction (both orientations), 24 B with weights of their own, about 60 B per item,
/// 8 B per user, and in a dense head 64 B per user for every 512 items.
#[derive(Clone, Debug)]
pub struct Matrix {
    kernel: Kernel,
    model: Machine,
    table: ItemTable,
    rows: RowBlock,
    columns: Vec<ColumnBlock>,
    /// Against all positions.
    additions: Additions,
    /// Against those of the tail.
    on_tail: Additions,
}

/// What a matrix is made with: how interactions are weighed, and what is summed up of an item.
#[derive(Clone, Copy, Debug)]
pub struct Weights {
    /// What an interaction counts.
    pub weighting: Weighting,
    /// What of an item's weights the measure looks at.
    pub norm: Norm,
}

impl From<Weighting> for Weights {
    /// For measures of Σx², and those that count.
    fn from(weighting: Weighting) -> Self {
        Self { weighting, norm: Norm::Squares }
    }
}

impl From<&Job> for Weights {
    fn from(job: &Job) -> Self {
        Self { weighting: job.weighting, norm: job.measure.norm() }
    }
}

/// What is laid out, and how.
#[derive(Clone, Copy)]
struct Arranging<'a> {
    interactions: &'a Interactions,
    norm: Norm,
    layout: Layout,
}

impl Matrix {
    /// Weighs the interactions and lays them out both ways. Cost: O(interactions).
    pub fn new(
        interactions: &Interactions,
        weights: impl Into<Weights>,
        executor: &impl Executor,
    ) -> Self {
        Self::with_layout(interactions, weights, Layout::default(), executor)
    }

    /// Does what [`Matrix::new`] does, with a layout of the caller's choice.
    pub fn with_layout(
        interactions: &Interactions,
        weights: impl Into<Weights>,
        layout: Layout,
        executor: &impl Executor,
    ) -> Self {
        let Weights { weighting, norm } = weights.into();
        let arranging = Arranging { interactions, norm, layout };
        let none = |_: &[u32]| Factors::default();
        match interactions.weight_kind(weighting) {
            WeightKind::One => Self::arrange(arranging, |_| (), none, executor),
            WeightKind::Separable => {
                let factors = |codes: &[u32]| weigh::factors(interactions, weighting, codes);
                Self::arrange(arranging, |_| Separable, factors, executor)
            }
            WeightKind::Own => {
                let weights = weigh::weigh(interactions, weighting);
                Self::arrange(arranging, |at| weights[at], none, executor)
            }
        }
    }

    fn arrange<V: Value<Stored = V>>(
        Arranging { interactions, norm, layout }: Arranging<'_>,
        value: impl Fn(usize) -> V + Sync,
        factors: impl FnOnce(&[u32]) -> Factors,
        executor: &impl Executor,
    ) -> Self {
        let users = interactions.users();
        let supports = interactions.supports();
        let codes = ItemTable::order(&supports);
        let items = codes.len();
        let positions = ItemTable::positions(&codes);
        let supports = codes.iter().map(|code| supports[*code as usize]).collect::<Vec<_>>();
        let pieces = Pieces::new(interactions, &positions, value, executor);
        let additions = pieces.additions(items, 0, executor);
        let shape = layout.shape(&additions, &supports, users, V::KIND);
        let lists = pieces.rows(users, &supports, executor);
        let mut columns = executor.map(shape.chunks(), |chunk| {
            let chunk = shape.chunk(chunk);
            let (first, width) = (chunk.start as u32, chunk.len() as u32);
            ColumnBlock::of_bits(first, width, bit_rows(&lists, chunk)).expect("a chunk is short")
        });
        let first = shape.head_items();
        let on_tail =
            if first == 0 { additions.clone() } else { pieces.additions(items, first, executor) };
        for positions in shape.tail() {
            let lists = pieces.columns(users, &positions, executor);
            columns.push(ColumnBlock::of(positions.start as u32, lists));
        }
        let rows = RowBlock::of(lists, factors(&codes));
        let table = ItemTable::new(users, codes, supports, rows.norms(norm))
            .with_population(interactions.population());
        let (kernel, model) = (layout.kernel, layout.model());
        Self { kernel, model, table, rows, columns, additions, on_tail }
    }

    /// Returns the instructions to use.
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// Returns what a core is taken to pay, by which the work is cut.
    pub(crate) fn machine(&self) -> Machine {
        self.model
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
    pub(crate) fn additions(&self) -> &Additions {
        &self.additions
    }

    /// Returns how many of them fall on the tail.
    pub(crate) fn additions_on_tail(&self) -> &Additions {
        &self.on_tail
    }
}
