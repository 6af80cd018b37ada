//! What the tests share: tables into bytes, bytes into readable cells.

use std::{borrow::Cow, io::Write, sync::Arc};

use arrow_array::{ArrayRef, RecordBatch};
use arrow_ipc::{
    CompressionType,
    writer::{FileWriter, IpcWriteOptions, StreamWriter},
};
use ilk_core::data::{BadCell, IdColumn, Rows, TimeColumn};
use ilk_formats::{Condition, Error, Memory, ReadOptions, Source, Table};
use parquet::{arrow::ArrowWriter, basic::Compression, file::properties::WriterProperties};

pub(crate) fn batch(columns: &[(&str, ArrayRef)]) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(
        columns.iter().map(|(name, array)| (*name, Arc::clone(array), true)),
    )
    .unwrap()
}

pub(crate) fn parquet_with(
    batch: &RecordBatch,
    compression: Compression,
    group_rows: usize,
) -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_max_row_group_row_count(Some(group_rows))
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

pub(crate) fn parquet(batch: &RecordBatch) -> Vec<u8> {
    parquet_with(batch, Compression::UNCOMPRESSED, 1 << 20)
}

pub(crate) fn arrow_file(batches: &[RecordBatch], compression: Option<CompressionType>) -> Vec<u8> {
    let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
    let schema = batches[0].schema();
    let mut writer = FileWriter::try_new_with_options(Vec::new(), &schema, options).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.into_inner().unwrap()
}

pub(crate) fn arrow_stream(
    batches: &[RecordBatch],
    compression: Option<CompressionType>,
) -> Vec<u8> {
    let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
    let schema = batches[0].schema();
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), &schema, options).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.into_inner().unwrap()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn source(name: &str, bytes: impl Into<Vec<u8>>) -> Arc<dyn Source> {
    Arc::new(Memory::new(name, bytes.into()))
}

/// Options that read `user` and `item`.
pub(crate) fn pair() -> ReadOptions {
    ReadOptions { user: "user".into(), item: "item".into(), ..ReadOptions::default() }
}

/// Options that read `user`, `item`, `weight`, `time` and `label`.
pub(crate) fn all() -> ReadOptions {
    ReadOptions {
        weight: Some("weight".into()),
        time: Some("time".into()),
        item_label: Some("label".into()),
        ..pair()
    }
}

/// Options that read `user` and `item` where `condition` holds.
pub(crate) fn only(condition: &str) -> ReadOptions {
    let condition: Condition = condition.parse().unwrap();
    ReadOptions { conditions: vec![condition], ..pair() }
}

/// Reads all parts.
pub(crate) fn chunks(source: &Arc<dyn Source>, options: &ReadOptions) -> Result<Vec<Rows>, Error> {
    let table = Table::open(Arc::clone(source), 3, options)?;
    let mut chunks = Vec::new();
    for part in 0..table.parts().len() {
        table.read(part, &mut |rows| {
            chunks.push(rows);
            Ok::<_, Error>(())
        })?;
    }
    let count: usize = chunks.iter().map(Rows::len).sum();
    // Rows of lists are as many as these have elements.
    let has_lists = chunks.iter().any(|rows| rows.places.is_some());
    assert!(table.row_count().is_none_or(|rows| has_lists || rows == count as u64));
    Ok(chunks)
}

/// Reads all parts of what must be readable.
pub(crate) fn read(name: &str, bytes: impl Into<Vec<u8>>, options: &ReadOptions) -> Vec<Rows> {
    chunks(&source(name, bytes), options).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Reads the parts of what must be readable from the first on, or from the last on, and puts the
/// chunks in the file's order.
pub(crate) fn read_parts(
    name: &str,
    bytes: &[u8],
    options: &ReadOptions,
    backward: bool,
) -> Vec<Rows> {
    let table = Table::open(source(name, bytes.to_vec()), 0, options).unwrap();
    let mut parts: Vec<usize> = (0..table.parts().len()).collect();
    if backward {
        parts.reverse();
    }
    let mut chunks = Vec::new();
    for part in parts {
        let mut push = |rows: Rows| {
            chunks.push(rows);
            Ok::<_, Error>(())
        };
        table.read(part, &mut push).unwrap();
    }
    chunks.sort_by_key(|rows| rows.first_row);
    chunks
}

/// The error of what must not be readable.
pub(crate) fn error(name: &str, bytes: impl Into<Vec<u8>>, options: &ReadOptions) -> String {
    match chunks(&source(name, bytes), options) {
        Ok(chunks) => panic!("{name} is read, {} chunks", chunks.len()),
        Err(error) => error.to_string(),
    }
}

/// Rows as people read them: `7 tea 2 @0 Green tea`, set apart by what is there; `-` for null,
/// `?` before an unreadable row, `!` before a filtered one.
pub(crate) fn show(chunks: &[Rows]) -> Vec<String> {
    chunks.iter().flat_map(|rows| (0..rows.len()).map(|row| show_row(rows, row))).collect()
}

fn show_row(rows: &Rows, row: usize) -> String {
    let bad = |bad: &[BadCell]| {
        bad.iter().find(|bad| bad.row as usize == row).map(|bad| format!("bad:{}", bad.text))
    };
    let id = |ids: &IdColumn| ids.display(row).map_or_else(|| "-".into(), Cow::into_owned);
    let mut mark = String::new();
    if bad(&rows.unreadable).is_some() {
        mark.push('?');
    }
    if rows.kept.as_ref().is_some_and(|kept| !kept[row]) {
        mark.push('!');
    }
    let mut cells = vec![mark + &id(&rows.user), id(&rows.item)];
    if let Some(weight) = &rows.weight {
        cells.push(bad(&weight.bad).unwrap_or_else(|| weight.values[row].to_string()));
    }
    if let Some(time) = &rows.time {
        cells.push(bad(&time.bad).unwrap_or_else(|| match time.values[row] {
            TimeColumn::NONE => "@-".into(),
            micros => format!("@{micros}"),
        }));
    }
    if let Some(label) = &rows.label {
        cells.push(label.get(row).unwrap_or("-").into());
    }
    cells.join(" ")
}
