//! Raw rows, a chunk of one file at a time, column by column: what every surface hands to core.

use super::ids::{IdColumn, TextColumn};

/// A chunk of raw rows of one file. All columns are equally long.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// Position of the file in the caller's list of files.
    pub file: u32,
    /// Number of the chunk's first row in its file, counted from 1; a header is not counted.
    pub first_row: u64,
    /// Who touched.
    pub user: IdColumn,
    /// What was touched.
    pub item: IdColumn,
    /// How much; absent where the job names no such column.
    pub weight: Option<NumberColumn>,
    /// When; absent where the job names no such column.
    pub time: Option<TimeColumn>,
    /// How the item is called; absent where the job names no such column.
    pub label: Option<TextColumn>,
    /// Which rows satisfy all `where` conditions; `None` where there are none.
    pub kept: Option<Vec<bool>>,
    /// Rows that could not be read at all, ascending by row. Their cells are null.
    pub unreadable: Vec<BadCell>,
}

impl Rows {
    /// Counts the rows.
    pub fn len(&self) -> usize {
        self.user.len()
    }

    /// Keeps the rows that can be read and satisfy all conditions.
    pub fn readable(self) -> Self {
        let mut unreadable = self.unreadable.iter().map(|cell| cell.row).peekable();
        let keep = (0..self.len() as u32).filter(|row| {
            let is_unreadable = unreadable.next_if_eq(row).is_some();
            !is_unreadable && self.kept.as_ref().is_none_or(|kept| kept[*row as usize])
        });
        let keep = keep.collect::<Vec<_>>();
        if keep.len() == self.len() { self } else { self.pick(&keep) }
    }

    /// Keeps the rows that `keep` names, ascending.
    pub(crate) fn pick(self, keep: &[u32]) -> Self {
        let flags = |flags: Vec<bool>| keep.iter().map(|row| flags[*row as usize]).collect();
        let weight = |column: NumberColumn| NumberColumn {
            values: keep.iter().map(|row| column.values[*row as usize]).collect(),
            bad: pick_bad(column.bad, keep),
        };
        let time = |column: TimeColumn| TimeColumn {
            values: keep.iter().map(|row| column.values[*row as usize]).collect(),
            bad: pick_bad(column.bad, keep),
        };
        Self {
            user: self.user.pick(keep),
            item: self.item.pick(keep),
            weight: self.weight.map(weight),
            time: self.time.map(time),
            label: self.label.map(|column| column.pick(keep)),
            kept: self.kept.map(flags),
            unreadable: pick_bad(self.unreadable, keep),
            ..self
        }
    }

    /// Returns whether the chunk has no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Keeps the cells of the rows that `keep` names, with their new positions.
fn pick_bad(cells: Vec<BadCell>, keep: &[u32]) -> Vec<BadCell> {
    let place = |cell: BadCell| {
        let row = keep.binary_search(&cell.row).ok()? as u32;
        Some(BadCell { row, ..cell })
    };
    cells.into_iter().filter_map(place).collect()
}

/// A cell (or row) that does not hold what it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadCell {
    /// Position of the row in its chunk.
    pub row: u32,
    /// The raw text, or what is wrong with it.
    pub text: String,
}

/// Weights.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NumberColumn {
    /// One per row; NaN where the cell is null or holds no number.
    pub values: Vec<f64>,
    /// The raw text of cells that hold something else than a number, ascending by row.
    pub bad: Vec<BadCell>,
}

/// Points in time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimeColumn {
    /// Microseconds since 1970-01-01T00:00:00Z, or [`TimeColumn::NONE`].
    pub values: Vec<i64>,
    /// The raw text of cells that hold no date or time, ascending by row.
    pub bad: Vec<BadCell>,
}

impl TimeColumn {
    /// Stands where a row has no (readable) time.
    pub const NONE: i64 = i64::MIN;
}
