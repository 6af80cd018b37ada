//! Columns on their way into a file, and how much of them is in memory at a time.

use arrow_schema::DataType;
use ilk_core::data::TextColumn;
use parquet::{
    basic::{Compression, ZstdLevel},
    file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion},
};

/// Rows handed to a writer at a time.
pub(crate) const BATCH_ROWS: usize = 64 << 10;
/// Bytes of text handed to a writer at a time, about; also keeps offsets within 32 bits.
pub(crate) const BATCH_BYTES: usize = 2 << 20;
/// Rows of a Parquet row group, unless its text is long.
pub(crate) const GROUP_ROWS: usize = 1 << 20;
/// Bytes of text in a row group, about: a writer keeps them until the group ends, whatever they take
/// compressed. The same under every memory limit, so that files are the same.
pub(crate) const GROUP_TEXT: usize = 8 << 20;
/// Who wrote a file; without a version, so that versions that agree give the same bytes.
const CREATED_BY: &str = "ilk";

/// Counts the bytes that writing a table of neighbours takes at most; `names`: bytes of the IDs and
/// labels of a row. However many rows there are, no more than 26 MiB: a row group of 1,048,576 rows and
/// 8 MiB of text, and a batch of 65,536 rows and 2 MiB of text.
pub fn bytes_of_writing(rows: usize, names: usize) -> usize {
    /// Of a row in a row group: the neighbour's place in the dictionary, its score, rank and overlap.
    const ENCODED: usize = 12;
    /// Of a row in a batch: as codes, and as cells.
    const BUILT: usize = 64;
    let texts = rows.saturating_mul(names).min(GROUP_TEXT + BATCH_BYTES);
    rows.min(GROUP_ROWS) * ENCODED + rows.min(BATCH_ROWS) * BUILT + texts
}

/// How every Parquet file is written.
pub(crate) fn table_properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_created_by(CREATED_BY.into())
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
}

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

    /// Makes rows of what values are called.
    pub(crate) fn spelled<T: AsRef<str>>(cells: impl Iterator<Item = T>) -> Self {
        let mut text = Text::default();
        cells.for_each(|cell| text.push(cell.as_ref()));
        Self { values: Values::Text(text), valid: None }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_takes_a_row_group_and_a_batch_at_most() {
        assert_eq!(bytes_of_writing(0, 100), 0);
        assert_eq!(bytes_of_writing(1_000, 100), 1_000 * (12 + 64 + 100));
        assert_eq!(bytes_of_writing(usize::MAX, 100), 26 << 20);
        assert_eq!(bytes_of_writing(usize::MAX, 0), 16 << 20);
    }
}
