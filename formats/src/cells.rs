//! Columns as they come out of a decoder: plain vectors, one type each, and which cells are there.

use std::ops::Range;

use arrow_schema::TimeUnit;
use ilk_core::data::BadCell;

use crate::text::Texts;

/// A decoded column.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// A cell per row; what stands in null ones does not matter, but in text, where it is the null
    /// code.
    pub(crate) cells: Cells,
    /// Which cells are there; all where `None`.
    pub(crate) valid: Option<Vec<bool>>,
}

/// Cells of one type. Narrow integers are widened to 32 bits.
#[derive(Clone, Debug)]
pub(crate) enum Cells {
    /// So many nulls.
    Null(usize),
    /// True and false.
    Bool(Vec<bool>),
    /// Integers of up to 32 bits.
    I32(Vec<i32>),
    /// Unsigned integers of up to 32 bits.
    U32(Vec<u32>),
    /// Integers of 64 bits.
    I64(Vec<i64>),
    /// Unsigned integers of 64 bits.
    U64(Vec<u64>),
    /// Floats of up to 32 bits.
    F32(Vec<f32>),
    /// Floats of 64 bits.
    F64(Vec<f64>),
    /// Decimals: digits, and how many of them stand after the point.
    Decimal(Vec<i128>, i8),
    /// Decimals of more digits than that, as text with a sign and without a point.
    WideDecimal(Vec<String>, i8),
    /// Days since 1970.
    Day(Vec<i32>),
    /// Points in time, counted in a unit since 1970.
    Time(Vec<i64>, TimeUnit),
    /// UUIDs; those that are null are zero.
    Uuid(Vec<[u8; 16]>),
    /// Text, or bytes that should be.
    Text(Texts),
}

/// Runs `$body` with `$values` standing for the vector of whichever variant it is.
macro_rules! each_kind {
    ($cells:expr, $values:ident => $body:expr, $rows:ident => $null:expr, $texts:ident => $text:expr) => {
        match $cells {
            Cells::Null($rows) => $null,
            Cells::Bool($values) => $body,
            Cells::I32($values) | Cells::Day($values) => $body,
            Cells::U32($values) => $body,
            Cells::I64($values) | Cells::Time($values, _) => $body,
            Cells::U64($values) => $body,
            Cells::F32($values) => $body,
            Cells::F64($values) => $body,
            Cells::Decimal($values, _) => $body,
            Cells::WideDecimal($values, _) => $body,
            Cells::Uuid($values) => $body,
            Cells::Text($texts) => $text,
        }
    };
}

impl Column {
    /// A column of nulls.
    pub(crate) const fn nulls(rows: usize) -> Self {
        Self { cells: Cells::Null(rows), valid: None }
    }

    /// Counts the rows.
    pub(crate) fn len(&self) -> usize {
        each_kind!(&self.cells, values => values.len(), rows => *rows, texts => texts.column.codes.len())
    }

    /// Returns true if the cell of a row is there.
    pub(crate) fn is_valid(&self, row: usize) -> bool {
        self.valid.as_ref().is_none_or(|valid| valid[row])
    }

    /// Returns true if some cell is null.
    pub(crate) fn has_nulls(&self) -> bool {
        matches!(self.cells, Cells::Null(1..)) || self.valid.is_some()
    }

    /// Copies out the cells at `places`, nulls where there is none; `None` if a place is past the end.
    pub(crate) fn take(&self, places: &[Option<usize>]) -> Option<Self> {
        if places.iter().flatten().any(|place| *place >= self.len()) {
            return None;
        }
        let is_there = |place: &Option<usize>| place.is_some_and(|place| self.is_valid(place));
        let valid = places.iter().map(is_there).collect::<Vec<_>>();
        let valid = valid.contains(&false).then_some(valid);
        macro_rules! pick {
            ($values:expr) => {{
                let cell = |place: &Option<usize>| place.map(|place| $values[place].clone());
                places.iter().map(|place| cell(place).unwrap_or_default()).collect()
            }};
        }
        let cells = match &self.cells {
            Cells::Null(_) => Cells::Null(places.len()),
            Cells::Bool(values) => Cells::Bool(pick!(values)),
            Cells::I32(values) => Cells::I32(pick!(values)),
            Cells::U32(values) => Cells::U32(pick!(values)),
            Cells::I64(values) => Cells::I64(pick!(values)),
            Cells::U64(values) => Cells::U64(pick!(values)),
            Cells::F32(values) => Cells::F32(pick!(values)),
            Cells::F64(values) => Cells::F64(pick!(values)),
            Cells::Decimal(values, scale) => Cells::Decimal(pick!(values), *scale),
            Cells::WideDecimal(values, scale) => Cells::WideDecimal(pick!(values), *scale),
            Cells::Day(values) => Cells::Day(pick!(values)),
            Cells::Time(values, unit) => Cells::Time(pick!(values), *unit),
            Cells::Uuid(values) => Cells::Uuid(pick!(values)),
            Cells::Text(texts) => {
                return Some(Self { cells: Cells::Text(texts.take(places)), valid: None });
            }
        };
        Some(Self { cells, valid })
    }

    /// Appends the rows of a column of the same type; tells whether it is.
    pub(crate) fn append(&mut self, other: Self) -> bool {
        let (rows, more) = (self.len(), other.len());
        match (&mut self.cells, other.cells) {
            (Cells::Null(count), Cells::Null(_)) => *count += more,
            (Cells::Bool(own), Cells::Bool(values)) => own.extend(values),
            (Cells::I32(own), Cells::I32(values)) | (Cells::Day(own), Cells::Day(values)) => {
                own.extend(values);
            }
            (Cells::U32(own), Cells::U32(values)) => own.extend(values),
            (Cells::I64(own), Cells::I64(values))
            | (Cells::Time(own, _), Cells::Time(values, _)) => {
                own.extend(values);
            }
            (Cells::U64(own), Cells::U64(values)) => own.extend(values),
            (Cells::F32(own), Cells::F32(values)) => own.extend(values),
            (Cells::F64(own), Cells::F64(values)) => own.extend(values),
            (Cells::Decimal(own, _), Cells::Decimal(values, _)) => own.extend(values),
            (Cells::WideDecimal(own, _), Cells::WideDecimal(values, _)) => own.extend(values),
            (Cells::Uuid(own), Cells::Uuid(values)) => own.extend(values),
            (Cells::Text(own), Cells::Text(texts)) => own.append(&texts),
            _ => return false,
        }
        if self.valid.is_some() || other.valid.is_some() {
            let valid = self.valid.get_or_insert_with(|| vec![true; rows]);
            valid.extend(other.valid.unwrap_or_else(|| vec![true; more]));
        }
        true
    }

    /// Cuts off the rows from `start` on and returns them.
    pub(crate) fn split_off(&mut self, start: usize) -> Self {
        let valid = self.valid.as_mut().map(|valid| valid.split_off(start));
        let cells = match &mut self.cells {
            Cells::Null(rows) => Cells::Null(std::mem::replace(rows, start) - start),
            Cells::Bool(values) => Cells::Bool(values.split_off(start)),
            Cells::I32(values) => Cells::I32(values.split_off(start)),
            Cells::U32(values) => Cells::U32(values.split_off(start)),
            Cells::I64(values) => Cells::I64(values.split_off(start)),
            Cells::U64(values) => Cells::U64(values.split_off(start)),
            Cells::F32(values) => Cells::F32(values.split_off(start)),
            Cells::F64(values) => Cells::F64(values.split_off(start)),
            Cells::Decimal(values, scale) => Cells::Decimal(values.split_off(start), *scale),
            Cells::WideDecimal(values, scale) => {
                Cells::WideDecimal(values.split_off(start), *scale)
            }
            Cells::Day(values) => Cells::Day(values.split_off(start)),
            Cells::Time(values, unit) => Cells::Time(values.split_off(start), *unit),
            Cells::Uuid(values) => Cells::Uuid(values.split_off(start)),
            Cells::Text(texts) => Cells::Text(texts.split_off(start)),
        };
        Self { cells, valid }
    }
}

/// Some rows of the columns read.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The columns, equally long.
    pub(crate) columns: Vec<Column>,
    /// How many rows there are.
    pub(crate) rows: usize,
    /// Where each stands in the file, counted from the first row of the batch on; `None` where
    /// they follow one another.
    pub(crate) places: Option<Vec<u32>>,
    /// Rows that could not be read, ascending; their cells are null.
    pub(crate) unreadable: Vec<BadCell>,
    /// How many rows of the file it was made of, before anything was cut off.
    pub(crate) of_rows: usize,
}

impl Batch {
    /// Cuts off the rows from `start` on and returns them.
    pub(crate) fn split_off(&mut self, start: usize) -> Self {
        let rows = std::mem::replace(&mut self.rows, start) - start;
        let columns = self.columns.iter_mut().map(|column| column.split_off(start)).collect();
        let places = self.places.as_mut().map(|places| places.split_off(start));
        let cut = self.unreadable.partition_point(|bad| (bad.row as usize) < start);
        let mut unreadable = self.unreadable.split_off(cut);
        for bad in &mut unreadable {
            bad.row -= start as u32;
        }
        Self { columns, rows, places, unreadable, of_rows: self.of_rows }
    }

    /// Copies out some rows.
    pub(crate) fn slice(&self, range: Range<usize>) -> Self {
        let of_rows = self.places.as_ref().map(|places| places[range.clone()].to_vec());
        let bad = self.unreadable.iter().filter(|bad| range.contains(&(bad.row as usize)));
        let bad = bad.map(|bad| BadCell { row: bad.row - range.start as u32, ..bad.clone() });
        let unreadable = bad.collect();
        let (rows, places) = (range.len(), range.map(Some).collect::<Vec<_>>());
        let columns = self.columns.iter().filter_map(|column| column.take(&places)).collect();
        Self { columns, rows, places: of_rows, unreadable, of_rows: self.of_rows }
    }
}

/// Spreads the values of the cells that are there over all rows.
pub(crate) fn spread<T: Copy + Default>(values: &mut Vec<T>, valid: &[bool]) {
    let mut next = values.len();
    values.resize(valid.len(), T::default());
    // From the end on, so that no value is overwritten before it has moved.
    for (row, valid) in valid.iter().enumerate().rev() {
        if *valid {
            next -= 1;
            values[row] = values[next];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::TextBuilder;

    fn texts(cells: &[Option<&[u8]>]) -> Column {
        let cells = Cells::Text(TextBuilder::of_bytes(cells.iter().copied()));
        Column { cells, valid: None }
    }

    #[test]
    fn values_stand_where_they_are_there() {
        let mut values = vec![1, 2, 3];
        spread(&mut values, &[false, true, true, false, true, false]);
        assert_eq!([values[1], values[2], values[4]], [1, 2, 3]);
        assert_eq!(values.len(), 6);
    }

    #[test]
    fn dictionaries_drop_unused_null_and_unreadable_entries() {
        let mut entries = texts(&[Some(b"unused"), Some(b"\xff"), None]);
        assert!(entries.append(texts(&[Some(b"a")])));
        let column = entries.take(&[Some(3), Some(1), Some(2), None, Some(3)]).unwrap();
        assert!(entries.take(&[Some(4)]).is_none());
        let Cells::Text(found) = column.cells else { panic!("text stays text") };
        let cells = (0..5).map(|row| found.column.get(row)).collect::<Vec<_>>();
        assert_eq!(cells, [Some("a"), None, None, None, Some("a")]);
        assert_eq!(found.unreadable, [1]);
        assert_eq!(found.column.dictionary.len(), 1);
    }

    #[test]
    fn rows_are_cut_off_with_what_is_known_of_them() {
        let mut column =
            Column { cells: Cells::I32(vec![1, 0, 3]), valid: Some(vec![true, false, true]) };
        let rest = column.split_off(1);
        assert_eq!((column.len(), rest.len()), (1, 2));
        assert!(!rest.is_valid(0) && rest.is_valid(1));
        let mut column = texts(&[Some(b"a"), Some(b"\xff"), Some(b"\xff")]);
        let Cells::Text(rest) = column.split_off(2).cells else { panic!("text stays text") };
        assert_eq!(rest.unreadable, [0]);
    }
}
