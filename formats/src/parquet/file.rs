//! Parquet files: one part per row group.

use std::sync::Arc;

use arrow_schema::DataType;
use parquet::{
    column::page::PageReader,
    file::{
        metadata::{ParquetMetaData, ParquetMetaDataReader},
        serialized_reader::SerializedPageReader,
        statistics::Statistics,
    },
};

use super::{
    column::{Decode, decoder},
    full::{Full, required},
    types::{Root, roots},
};
use crate::{
    cells::{Batch, Column},
    error::{At, Error},
    part::Part,
    schema::Schema,
    source::{Chunks, Source},
};

/// Rows per chunk at most.
const CHUNK_ROWS: usize = 512 << 10;
/// Bytes of the columns read per chunk, by the file's own account, at most.
const CHUNK_BYTES: u64 = 256 << 20;

/// An opened Parquet file.
#[derive(Clone)]
pub(crate) struct ParquetFile {
    source: Arc<dyn Source>,
    metadata: Arc<ParquetMetaData>,
    roots: Arc<[Root]>,
    columns: Vec<usize>,
    pub(crate) schema: Schema,
    pub(crate) parts: Vec<Part>,
}

/// Where reading a row group has got to.
pub(crate) struct ParquetCursor {
    columns: Vec<Box<dyn Decode>>,
    part: usize,
    /// Rows of a batch.
    rows: usize,
    /// Rows read.
    done: u64,
    place: String,
}

impl ParquetFile {
    /// Reads the footer.
    pub(crate) fn open(source: Arc<dyn Source>) -> Result<Self, Error> {
        let file = source.name();
        let at = At { file, place: "footer" };
        let chunks = Chunks(Arc::clone(&source));
        let (metadata, roots) = at.guard(|| {
            let metadata = ParquetMetaDataReader::new().parse_and_finish(&chunks);
            let metadata = metadata.map_err(|error| at.parquet(error))?;
            let roots = roots(metadata.file_metadata());
            Ok((metadata, roots))
        })?;
        let mut first_row: u64 = 1;
        let mut parts = Vec::with_capacity(metadata.num_row_groups());
        for group in metadata.row_groups() {
            let rows = u64::try_from(group.num_rows()).ok().filter(|rows| *rows < 1 << 60);
            let rows = rows.ok_or_else(|| at.damaged("an impossible number of rows"))?;
            let bytes = u64::try_from(group.total_byte_size()).unwrap_or_default();
            parts.push(Part { first_row, rows: Some(rows), bytes });
            first_row = first_row.saturating_add(rows);
        }
        let names = roots.iter().map(|root| (root.name.as_str(), &root.data_type));
        let schema = Schema::of_types(names);
        let columns = (0..roots.len()).collect();
        let (metadata, roots) = (Arc::new(metadata), roots.into());
        Ok(Self { source, metadata, roots, columns, schema, parts })
    }

    /// Reads only `columns` from now on; returns their types.
    pub(crate) fn project(&mut self, columns: Vec<usize>) -> Vec<DataType> {
        self.columns = columns;
        self.columns.iter().map(|place| self.roots[*place].data_type.clone()).collect()
    }

    /// Returns the notes of the footer: name and text.
    pub(crate) fn notes(&self) -> Vec<(String, String)> {
        let notes = self.metadata.file_metadata().key_value_metadata();
        let notes = notes.into_iter().flatten();
        notes.filter_map(|note| Some((note.key.clone(), note.value.clone()?))).collect()
    }

    /// Begins a row group, whose batches will be of at most `rows`.
    pub(crate) fn begin(&self, part: usize, rows: usize) -> Result<ParquetCursor, Error> {
        let place = format!("row group {} of {}", part + 1, self.parts.len());
        let at = At { file: self.source.name(), place: &place };
        let columns = at.guard(|| {
            let columns = self.columns.iter().map(|column| self.begin_column(at, part, *column));
            columns.collect::<Result<Vec<_>, Error>>()
        })?;
        let rows = self.batch_rows(part).min(rows);
        Ok(ParquetCursor { columns, part, rows, done: 0, place })
    }

    fn begin_column(
        &self,
        at: At<'_>,
        part: usize,
        column: usize,
    ) -> Result<Box<dyn Decode>, Error> {
        let root = &self.roots[column];
        let leaf = root.leaf.ok_or_else(|| {
            at.damaged(format!(
                "column `{}` is {}",
                root.name, self.schema.columns[column].type_name
            ))
        })?;
        let group = self.metadata.row_group(part);
        if leaf >= group.num_columns() {
            return Err(at.damaged(format!("no column `{}`", root.name)));
        }
        let chunk = group.column(leaf);
        let chunks = Arc::new(Chunks(Arc::clone(&self.source)));
        let rows = usize::try_from(group.num_rows()).unwrap_or_default();
        let pages = SerializedPageReader::new(chunks, chunk, rows, None);
        let pages = pages.map_err(|error| at.parquet(error))?;
        let column = chunk.column_descr_ptr();
        let nulls = chunk.statistics().and_then(Statistics::null_count_opt);
        let is_full = nulls == Some(0) && column.max_def_level() > 0;
        let (column, pages): (_, Box<dyn PageReader>) = if is_full {
            (required(&column), Box::new(Full(Box::new(pages))))
        } else {
            (column, Box::new(pages))
        };
        decoder(column, pages, &root.data_type).map_err(|error| at.parquet(error))
    }

    /// Decodes the next batch of a row group; `None` at its end.
    pub(crate) fn next(&self, cursor: &mut ParquetCursor) -> Result<Option<(u64, Batch)>, Error> {
        let part = self.parts[cursor.part];
        let at = At { file: self.source.name(), place: &cursor.place };
        let all = part.rows.unwrap_or_default();
        let rows = (all - cursor.done).min(cursor.rows as u64) as usize;
        if rows == 0 {
            return Ok(None);
        }
        let decoders = &mut cursor.columns;
        let columns = at.guard(|| {
            let read = |decoder: &mut Box<dyn Decode>| -> Result<Column, Error> {
                let column = decoder.read(rows).map_err(|error| at.parquet(error))?;
                let found = cursor.done + column.len() as u64;
                if column.len() == rows {
                    Ok(column)
                } else {
                    Err(at.damaged(format!("{found} rows where {all} should be")))
                }
            };
            decoders.iter_mut().map(read).collect::<Result<Vec<_>, Error>>()
        })?;
        let first_row = part.first_row + cursor.done;
        cursor.done += rows as u64;
        Ok(Some((first_row, Batch { columns, rows })))
    }

    /// Tells whether a row group may hold `id` in a column read, by its smallest and largest.
    pub(crate) fn may_hold(&self, part: usize, column: usize, id: &str) -> bool {
        let root = &self.roots[self.columns[column]];
        let group = self.metadata.row_group(part);
        let leaf = root.leaf.filter(|leaf| *leaf < group.num_columns());
        let statistics = leaf.and_then(|leaf| group.column(leaf).statistics());
        // Old writers compared text in an order of their own.
        let Some(statistics) = statistics.filter(|found| !found.is_min_max_deprecated()) else {
            return true;
        };
        let within = |range: Option<(i128, i128)>| {
            let Some((least, most)) = range else { return true };
            id.parse().is_ok_and(|id: i128| (least..=most).contains(&id))
        };
        match (statistics, &root.data_type) {
            (Statistics::Int64(values), DataType::Int64) => {
                let range = values.min_opt().zip(values.max_opt());
                within(range.map(|(least, most)| (*least as i128, *most as i128)))
            }
            (Statistics::Int64(values), DataType::UInt64) => {
                let range = values.min_opt().zip(values.max_opt());
                within(range.map(|(least, most)| (*least as u64 as i128, *most as u64 as i128)))
            }
            (Statistics::ByteArray(values), _) => {
                let range = values.min_opt().zip(values.max_opt());
                range.is_none_or(|(least, most)| {
                    (least.data()..=most.data()).contains(&id.as_bytes())
                })
            }
            _ => true,
        }
    }

    /// Chooses how many rows to decode at a time.
    fn batch_rows(&self, part: usize) -> usize {
        let group = self.metadata.row_group(part);
        let leaves = self.columns.iter().filter_map(|column| self.roots[*column].leaf);
        let chunks =
            leaves.filter(|leaf| *leaf < group.num_columns()).map(|leaf| group.column(leaf));
        let bytes: u64 = chunks.map(|chunk| chunk.uncompressed_size().max(0) as u64).sum();
        let rows = self.parts[part].rows.unwrap_or_default().max(1);
        let fitting = (CHUNK_BYTES as u128 * rows as u128 / bytes.max(1) as u128).max(1);
        fitting.min(rows as u128).min(CHUNK_ROWS as u128) as usize
    }
}
