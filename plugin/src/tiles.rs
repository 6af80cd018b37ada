//! Tiles: blocks come in as dense codes, offers go out.

use crate::failure::{Failure, job};
use ilk_core::{
    cost::Machine,
    job::Given,
    kernel::{Comparison as Computation, Offer, Worker, rank},
    matrix::{ColumnBlock, ItemTable, RowBlock},
    plan::{ItemFilter, Sides},
    result::Neighbour,
    simd::Kernel,
};

/// The items, by position.
#[derive(Clone, Debug, Default)]
pub struct Items {
    /// Users there are in all.
    pub users: u32,
    /// The bound of users in blocks.
    pub numbers: u32,
    /// The code of each item.
    pub codes: Vec<u32>,
    /// Users of each item.
    pub supports: Vec<u32>,
    /// Sum of squared weights of each item.
    pub squares: Option<Vec<f64>>,
    /// Positions of the items that may be neighbours.
    pub candidates: Option<Vec<u32>>,
    /// Positions of the items to compute neighbours for.
    pub wanted: Option<Vec<u32>>,
}

/// Consecutive items with their users.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// Position of the first item.
    pub first: u32,
    /// Where each item's users begin.
    pub starts: Vec<u32>,
    /// Users, ascending within an item.
    pub users: Vec<u32>,
    /// As many weights.
    pub weights: Option<Vec<f64>>,
}

/// Neighbours of items, column by column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Offers {
    /// Codes of the items.
    pub items: Vec<u32>,
    /// Codes of their neighbours.
    pub neighbours: Vec<u32>,
    /// Scores.
    pub scores: Vec<f32>,
    /// Users of both.
    pub overlaps: Vec<u32>,
}

impl Offers {
    fn push(&mut self, item: u32, neighbour: Neighbour) {
        self.items.push(item);
        self.neighbours.push(neighbour.code);
        self.scores.push(neighbour.score);
        self.overlaps.push(neighbour.overlap);
    }
}

/// Tiles of one job.
pub struct Comparison {
    numbers: usize,
    positions: u32,
    sides: Sides,
    is_weighted: bool,
    measure_counts: bool,
    computation: Computation,
    worker: Worker,
    rows: Option<RowBlock>,
    columns: Vec<ColumnBlock>,
}

/// What this sandbox's core pays.
fn machine() -> Machine {
    Machine::of(Kernel::detect())
}

fn wrong(message: impl Into<String>) -> Failure {
    Failure::new("block", message)
}

impl Comparison {
    /// Begins.
    ///
    /// # Errors
    /// For settings that cannot be, and items that do not go together.
    pub fn open(wish: &str, items: Items, sides: Sides) -> Result<Self, Failure> {
        // What depends on the columns of a table is not looked at any more.
        let job = job(wish)?.resolve(Given { weight: true, time: true })?;
        let Items { users, numbers, codes, supports, squares, candidates, wanted } = items;
        let count = codes.len();
        if supports.len() != count || squares.as_ref().is_some_and(|all| all.len() != count) {
            let message = format!(
                "{count} codes, {} supports and {} squares: give one of each per item",
                supports.len(),
                squares.map_or(count, |all| all.len())
            );
            return Err(wrong(message));
        }
        if !supports.is_sorted_by(|a, b| a >= b) {
            return Err(wrong("supports rise: number items by descending support"));
        }
        if supports.first().is_some_and(|most| *most > users) {
            return Err(wrong("an item has more users than there are: give all users in `users`"));
        }
        let by_code = |positions: &Option<Vec<u32>>| -> Result<Option<Vec<u32>>, Failure> {
            let Some(positions) = positions else { return Ok(None) };
            let code = |position: &u32| codes.get(*position as usize).copied();
            let listed = positions.iter().map(code).collect::<Option<Vec<_>>>();
            listed.map(Some).ok_or_else(|| wrong("a listed position is past the items"))
        };
        let (candidates, wanted) = (by_code(&candidates)?, by_code(&wanted)?);
        let filter = if candidates.is_none() && wanted.is_none() {
            ItemFilter::default()
        } else {
            let bound = codes.iter().max().map_or(0, |most| *most as usize + 1);
            ItemFilter::new(bound, candidates.as_deref(), None, wanted.as_deref())
        };
        let is_weighted = squares.is_some();
        let measure_counts = !job.measure.is_weighted();
        let squares =
            squares.unwrap_or_else(|| supports.iter().map(|support| *support as f64).collect());
        let table = ItemTable::new(users as usize, codes, supports, squares);
        let computation = Computation::new(&table, &job, &filter, sides, Kernel::detect());
        if !computation.scale().is_one() {
            let message = "dot products leave the range of 32-bit scores, which tiles exchange: compute \
                           the job in one go, or take weights of another unit";
            return Err(Failure::new("refused", message));
        }
        let worker = computation.recording_worker(0);
        Ok(Self {
            numbers: numbers as usize,
            positions: count as u32,
            sides,
            is_weighted,
            measure_counts,
            computation,
            worker,
            rows: None,
            columns: Vec::new(),
        })
    }

    /// Takes the rows of the tiles to come.
    ///
    /// # Errors
    /// For a block that does not go together, or does not go with the items.
    pub fn rows(&mut self, block: Block) -> Result<(), Failure> {
        self.rows = Some(self.block(block)?);
        Ok(())
    }

    /// Takes the columns of the tiles to come.
    ///
    /// # Errors
    /// For a block that does not go together, or does not go with the items.
    pub fn columns(&mut self, block: Block) -> Result<(), Failure> {
        let block = self.block(block)?;
        self.columns = block.columns(block.positions(), self.rows.as_ref(), &machine());
        Ok(())
    }

    /// Takes as columns some of the rows' own items.
    ///
    /// # Errors
    /// If there are no rows, or none at these positions.
    pub fn columns_of_rows(&mut self, first: u32, width: u32) -> Result<(), Failure> {
        let Some(rows) = &self.rows else {
            return Err(wrong("there are no rows to take columns of: give rows first"));
        };
        let end = first.checked_add(width).filter(|end| *end <= rows.positions().end);
        let range = end.map(|end| first..end).filter(|_| first >= rows.positions().start);
        let range = range.ok_or_else(|| wrong("the columns lie outside the rows"))?;
        self.columns = rows.columns(range, Some(rows), &machine());
        Ok(())
    }

    /// Computes the rows at `positions` against the columns.
    ///
    /// # Errors
    /// If rows or columns are missing, or a position is not among the rows.
    pub fn compute(&mut self, positions: &[u32]) -> Result<Offers, Failure> {
        let Some(rows) = &self.rows else {
            return Err(wrong("there are no rows: give them before computing"));
        };
        let range = rows.positions();
        if let Some(position) = positions.iter().find(|position| !range.contains(position)) {
            return Err(wrong(format!(
                "position {position} is not among the rows, which are {} to {}",
                range.start, range.end
            )));
        }
        for block in &self.columns {
            // With both sides a row meets smaller positions only.
            let least = if self.sides == Sides::Both { block.positions().start } else { 0 };
            let meeting = positions.iter().copied().filter(|position| *position >= least);
            self.computation.compute(rows, block, meeting, &mut self.worker);
        }
        let mut offers = Offers::default();
        let codes = self.computation.table().codes();
        for Offer { item, neighbour } in self.computation.survivors(&mut self.worker) {
            offers.push(codes[item as usize], neighbour);
        }
        Ok(offers)
    }

    /// Checks a block.
    fn block(&self, block: Block) -> Result<RowBlock, Failure> {
        let Block { first, starts, users, weights } = block;
        let end = starts.len().checked_sub(1).and_then(|items| first.checked_add(items as u32));
        if end.is_none_or(|end| end > self.positions) {
            let message = format!("the block ends past the {} items there are", self.positions);
            return Err(wrong(message));
        }
        if weights.is_some() != self.is_weighted {
            let (has, want) = if self.is_weighted {
                ("no weights", "squares")
            } else {
                ("weights", "no squares")
            };
            return Err(wrong(format!("the block has {has}, but the items have {want}")));
        }
        if self.is_weighted && self.measure_counts {
            return Err(wrong("the measure counts users: leave out weights and squares"));
        }
        if weights.iter().flatten().any(|weight| !weight.is_finite()) {
            return Err(wrong("a weight is not a finite number"));
        }
        let starts = starts.into_iter().map(|start| start as usize).collect();
        let block = RowBlock::new(first, self.numbers, starts, users, weights)?;
        let supports = &self.computation.table().supports()[first as usize..];
        let lengths = block.parts().starts.windows(2).map(|ends| ends[1] - ends[0]);
        let mut items = (first..).zip(lengths.zip(supports));
        // Measures subtract what both have from what each has.
        match items.find(|(_, (length, support))| *length > **support as usize) {
            None => Ok(block),
            Some((position, (length, support))) => Err(wrong(format!(
                "the item at position {position} has {length} users in the block, and a support \
                 of {support}"
            ))),
        }
    }
}

/// Brings offers together: by item, best first, at most `top` each.
///
/// # Errors
/// If lists differ in length or `top` is 0.
pub fn merge(top: u32, offers: &Offers) -> Result<Offers, Failure> {
    let Offers { items, neighbours, scores, overlaps } = offers;
    if [neighbours.len(), scores.len(), overlaps.len()].iter().any(|other| *other != items.len()) {
        return Err(wrong("the lists of the offers differ in length"));
    }
    if top == 0 {
        return Err(Failure::new("setting", "top is 0, expected 1 or more"));
    }
    let entry =
        |at: usize| Neighbour { code: neighbours[at], score: scores[at], overlap: overlaps[at] };
    let mut order = (0..items.len()).collect::<Vec<_>>();
    order.sort_unstable_by(|a, b| {
        items[*a].cmp(&items[*b]).then_with(|| rank(&entry(*a), &entry(*b)))
    });
    let mut merged = Offers::default();
    let mut kept = 0;
    for at in order {
        let last = merged.items.last();
        if last != Some(&items[at]) {
            kept = 0;
        } else if merged.neighbours.last() == Some(&neighbours[at]) {
            // The same tile computed twice, as schedulers do, gives the same offer twice.
            continue;
        }
        if kept < top {
            merged.push(items[at], entry(at));
            kept += 1;
        }
    }
    Ok(merged)
}
