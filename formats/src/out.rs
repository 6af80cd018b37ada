//! Columns on their way into a file.

use arrow_schema::DataType;
use ilk_core::data::TextColumn;

/// A column of a file that is written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) data_type: DataType,
    pub(crate) nulls: Nulls,
}

/// Whether a column may hold nulls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nulls {
    Never,
    Allowed,
}

impl Field {
    pub(crate) fn new(name: &str, data_type: DataType, nulls: Nulls) -> Self {
        Self { name: name.into(), data_type, nulls }
    }
}

/// Rows of a column.
#[derive(Debug)]
pub(crate) struct Cells {
    pub(crate) values: Values,
    /// Which of them are there; all where `None`.
    pub(crate) valid: Option<Vec<bool>>,
}

/// A value per row, also where it is null.
#[derive(Debug)]
pub(crate) enum Values {
    I32(Vec<i32>),
    U32(Vec<u32>),
    I64(Vec<i64>),
    U64(Vec<u64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Text(Text),
}

/// Text in one buffer.
#[derive(Debug, Default)]
pub(crate) struct Text {
    pub(crate) bytes: Vec<u8>,
    /// Where each cell ends.
    pub(crate) ends: Vec<u32>,
}

impl Text {
    fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        self.ends.push(self.bytes.len() as u32);
    }

    /// Returns the range of a cell.
    #[cfg(feature = "write-parquet")]
    pub(crate) fn range(&self, row: usize) -> std::ops::Range<usize> {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        start as usize..self.ends[row] as usize
    }

    /// Returns the range of the cells of some rows.
    #[cfg(feature = "write-parquet")]
    pub(crate) fn span(&self, rows: &std::ops::Range<usize>) -> std::ops::Range<usize> {
        if rows.is_empty() {
            return 0..0;
        }
        self.range(rows.start).start..self.range(rows.end - 1).end
    }
}

impl From<Values> for Cells {
    fn from(values: Values) -> Self {
        Self { values, valid: None }
    }
}

impl Cells {
    /// Counts the rows.
    pub(crate) fn len(&self) -> usize {
        match &self.values {
            Values::I32(values) => values.len(),
            Values::U32(values) => values.len(),
            Values::I64(values) => values.len(),
            Values::U64(values) => values.len(),
            Values::F32(values) => values.len(),
            Values::F64(values) => values.len(),
            Values::Text(text) => text.ends.len(),
        }
    }

    /// Makes rows of which some may be null.
    pub(crate) fn optional<T: Default>(
        cells: impl Iterator<Item = Option<T>>,
        values: fn(Vec<T>) -> Values,
    ) -> Self {
        let (mut all, mut valid) = (Vec::new(), Vec::new());
        for cell in cells {
            valid.push(cell.is_some());
            all.push(cell.unwrap_or_default());
        }
        let valid = valid.contains(&false).then_some(valid);
        Self { values: values(all), valid }
    }

    /// Makes rows of text.
    pub(crate) fn text<'a>(cells: impl Iterator<Item = Option<&'a str>>) -> Self {
        let (mut text, mut valid) = (Text::default(), Vec::new());
        for cell in cells {
            valid.push(cell.is_some());
            text.push(cell.unwrap_or_default());
        }
        let valid = valid.contains(&false).then_some(valid);
        Self { values: Values::Text(text), valid }
    }

    /// Makes rows of a part of a text column.
    pub(crate) fn of_column(column: &TextColumn, rows: std::ops::Range<usize>) -> Self {
        Self::text(rows.map(|row| column.get(row)))
    }

    /// Counts the bytes of text in some rows.
    #[cfg(feature = "write-parquet")]
    pub(crate) fn text_bytes(&self, rows: &std::ops::Range<usize>) -> usize {
        if let Values::Text(text) = &self.values { text.span(rows).len() } else { 0 }
    }

    /// Returns true if a row's value is there.
    #[cfg(feature = "write-parquet")]
    pub(crate) fn is_valid(&self, row: usize) -> bool {
        self.valid.as_ref().is_none_or(|valid| valid[row])
    }
}
