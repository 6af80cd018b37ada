//! The interactions of a case in other files: cut in three, as Parquet, as Arrow.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    UInt64Array,
};
use arrow_ipc::writer::FileWriter;
use arrow_schema::{Field, Schema};
use ilk_core::data::parse_time;
use parquet::{arrow::ArrowWriter, file::properties::WriterProperties};

use crate::{
    cases::Case,
    reference::{Kind, kind},
};

/// A file: name and bytes.
pub(crate) type File = (String, Vec<u8>);

/// Ways to hand over the same interactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// As it stands.
    Csv,
    /// In three files, the last rows first.
    ThreeCsv,
    /// With types, in row groups of seven rows.
    Parquet,
    /// With types, in one batch.
    Arrow,
}

impl Encoding {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Csv, Self::ThreeCsv, Self::Parquet, Self::Arrow];

    /// Writes the interactions of `case` in this way.
    pub(crate) fn files(self, case: &Case) -> Vec<File> {
        match self {
            Self::Csv => vec![("whole.csv".into(), case.text(&case.source.input).into_bytes())],
            Self::ThreeCsv => thirds(case),
            Self::Parquet => vec![("typed.parquet".into(), parquet(&batch(case)))],
            Self::Arrow => vec![("typed.arrow".into(), arrow(&batch(case)))],
        }
    }
}

fn thirds(case: &Case) -> Vec<File> {
    let sheet = case.sheet();
    let (first, last) = (sheet.rows.len() / 5, sheet.rows.len() / 2);
    let pieces = [&sheet.rows[last..], &sheet.rows[..first], &sheet.rows[first..last]];
    let pieces = (1..).zip(pieces);
    pieces.map(|(number, rows)| (format!("{number}.csv"), sheet.text(rows).into_bytes())).collect()
}

/// The interactions as typed columns.
pub(crate) fn batch(case: &Case) -> RecordBatch {
    let (sheet, source) = (case.sheet(), &case.source);
    let is = |role: &Option<String>, name: &str| role.as_deref() == Some(name);
    let column = |name: &String| -> ArrayRef {
        let cells = sheet.column(name);
        if *name == source.user || *name == source.item {
            ids(&cells)
        } else if is(&source.weight, name) {
            let number = |text: &str| text.parse().unwrap_or(f64::NAN);
            Arc::new(cells.iter().map(|cell| cell.map(number)).collect::<Float64Array>())
        } else if is(&source.time, name) {
            let times = cells.iter().map(|cell| cell.and_then(parse_time));
            Arc::new(times.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
        } else {
            Arc::new(cells.into_iter().collect::<StringArray>())
        }
    };
    let columns = sheet.header.iter().map(column).collect::<Vec<_>>();
    let fields = sheet.header.iter().zip(&columns);
    let fields = fields.map(|(name, array)| Field::new(name, array.data_type().clone(), true));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), columns).expect("columns of one length")
}

fn ids(cells: &[Option<&str>]) -> ArrayRef {
    fn numbers<T: std::str::FromStr>(cells: &[Option<&str>]) -> impl Iterator<Item = Option<T>> {
        cells.iter().map(|cell| cell.and_then(|text| text.parse().ok()))
    }
    match kind(cells) {
        Kind::Integer => Arc::new(numbers(cells).collect::<Int64Array>()),
        Kind::Unsigned => Arc::new(numbers(cells).collect::<UInt64Array>()),
        Kind::Text => Arc::new(cells.iter().copied().collect::<StringArray>()),
    }
}

fn parquet(batch: &RecordBatch) -> Vec<u8> {
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(7)).build();
    let mut bytes = Vec::new();
    let writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties));
    let mut writer = writer.expect("a schema Parquet has");
    writer.write(batch).expect("memory takes it");
    writer.close().expect("memory takes it");
    bytes
}

fn arrow(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = FileWriter::try_new(Vec::new(), &batch.schema()).expect("memory takes it");
    writer.write(batch).expect("memory takes it");
    writer.into_inner().expect("memory takes it")
}
