//! Raw rows, a chunk of one file at a time, column by column: what every surface hands to core.

use super::{
    ids::{IdColumn, TextColumn},
    time::{Guess, TimeUnit},
};

/// A chunk of raw rows of one file. All columns are equally long.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// Position of the file in the caller's list of files.
    pub file: u32,
    /// Number of the chunk's first row in its file, counted from 1; a header is not counted.
    pub first_row: u64,
    /// Where each row stands in its file, as an offset from `first_row`, ascending: a row of the
    /// file whose cells are lists gives several rows here, or none. `None` where each gives one.
    pub places: Option<Vec<u32>>,
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

    /// Returns the number that a row of the chunk has in its file, from 1.
    pub fn number(&self, row: usize) -> u64 {
        let place = self.places.as_ref().map_or(row as u64, |places| places[row].into());
        self.first_row + place
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

    /// Makes a chunk of the rows that `from` names, ascending; one that is named several times is
    /// repeated, and keeps its number.
    ///
    /// # Panics
    /// If `from` names a row past the end.
    pub fn repeat(self, from: &[u32]) -> Self {
        let bad = |cells: Vec<BadCell>| repeat_bad(&cells, from);
        let of_rows = |row: &u32| match &self.places {
            Some(places) => places[*row as usize],
            None => *row,
        };
        let places = Some(from.iter().map(of_rows).collect());
        let weight = |column: NumberColumn| NumberColumn {
            values: from.iter().map(|row| column.values[*row as usize]).collect(),
            bad: bad(column.bad),
        };
        let time = |column: TimeColumn| TimeColumn {
            values: from.iter().map(|row| column.values[*row as usize]).collect(),
            bad: bad(column.bad),
            guesses: column.guesses,
        };
        Self {
            places,
            user: self.user.pick(from),
            item: self.item.pick(from),
            weight: self.weight.map(weight),
            time: self.time.map(time),
            label: self.label.map(|column| column.pick(from)),
            kept: self.kept.map(|kept| from.iter().map(|row| kept[*row as usize]).collect()),
            unreadable: bad(self.unreadable),
            file: self.file,
            first_row: self.first_row,
        }
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
            // What the column's numbers count does not depend on which rows are kept.
            guesses: column.guesses,
        };
        let place = |places: Vec<u32>| keep.iter().map(|row| places[*row as usize]).collect();
        let places = self.places.map(place);
        Self {
            places,
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

/// Repeats the cells of the rows that `from` names, with their new positions.
fn repeat_bad(cells: &[BadCell], from: &[u32]) -> Vec<BadCell> {
    let mut repeated = Vec::new();
    for cell in cells {
        let first = from.partition_point(|row| *row < cell.row);
        let count = from[first..].iter().take_while(|row| **row == cell.row).count();
        let rows = (first..first + count).map(|row| row as u32);
        repeated.extend(rows.map(|row| BadCell { row, ..cell.clone() }));
    }
    repeated
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
    /// The cell of a row that is wrong because of it, if `text` says what is wrong.
    pub cell: Option<String>,
}

impl BadCell {
    /// Makes one of raw text, or of what is wrong.
    pub fn new(row: u32, text: impl Into<String>) -> Self {
        Self { row, text: text.into(), cell: None }
    }
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
    /// What numbers without a given unit were taken to count: the first of each kind.
    pub guesses: Guesses,
}

/// Numbers of a time column whose unit nobody gave: the first of each unit they were taken to
/// count, and their rows.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Guesses(Vec<GuessedNumber>);

/// A number of a time column, and what it was taken to count.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GuessedNumber {
    /// What it was taken to count.
    pub guess: Guess,
    /// The number.
    pub value: f64,
    /// Position of its file in the caller's list.
    pub file: u32,
    /// Number of its row in that file, from 1.
    pub row: u64,
}

impl Guesses {
    /// Notes a number, unless one like it came before; rows must ascend.
    pub fn note(&mut self, guess: Guess, value: f64, file: u32, row: u64) {
        if guess != Guess::None && self.0.iter().all(|known| known.guess != guess) {
            self.0.push(GuessedNumber { guess, value, file, row });
        }
    }

    /// Adds those of another chunk. The outcome does not depend on the order of chunks.
    pub fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
        self.0.sort_by_key(|number| (number.guess, number.file, number.row));
        self.0.dedup_by_key(|number| number.guess);
    }

    /// Walks the first of each kind.
    pub fn iter(&self) -> impl Iterator<Item = &GuessedNumber> {
        self.0.iter()
    }

    /// Returns the unit that all numbers were taken to count; `None` if there was no number, or
    /// if they do not go together.
    pub fn unit(&self) -> Option<TimeUnit> {
        match self.0[..] {
            [GuessedNumber { guess: Guess::Unit(unit), .. }] => Some(unit),
            _ => None,
        }
    }

    /// Returns true if the numbers cannot all be read alike.
    pub fn is_unclear(&self) -> bool {
        !self.0.is_empty() && self.unit().is_none()
    }
}

impl TimeColumn {
    /// Stands where a row has no (readable) time.
    pub const NONE: i64 = i64::MIN;
}
