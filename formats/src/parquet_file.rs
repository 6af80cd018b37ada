//! Parquet files: one part per row group.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema as ArrowSchema, SchemaRef};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{
            ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
            ParquetRecordBatchReaderBuilder,
        },
    },
    file::statistics::Statistics,
};

use crate::{
    error::{At, Error},
    schema::Schema,
    source::{Chunks, Source},
    table::Part,
    text::is_text,
};

/// Rows per chunk at most.
const CHUNK_ROWS: usize = 512 << 10;
/// Bytes of the columns read per chunk, by the file's own account, at most.
const CHUNK_BYTES: u64 = 256 << 20;

/// An opened Parquet file.
#[derive(Clone)]
pub(crate) struct ParquetFile {
    source: Arc<dyn Source>,
    metadata: ArrowReaderMetadata,
    columns: Vec<usize>,
    pub(crate) schema: Schema,
    pub(crate) parts: Vec<Part>,
}

/// Where reading a row group has got to.
pub(crate) struct ParquetCursor {
    reader: ParquetRecordBatchReader,
    part: usize,
    next_row: u64,
    place: String,
}

impl ParquetFile {
    /// Reads the footer.
    pub(crate) fn open(source: Arc<dyn Source>) -> Result<Self, Error> {
        let file = source.name();
        let at = At { file, place: "footer" };
        let chunks = Chunks(Arc::clone(&source));
        let metadata = at.guard(|| {
            ArrowReaderMetadata::load(&chunks, ArrowReaderOptions::new())
                .map_err(|error| at.parquet(error))
        })?;
        let mut first_row: u64 = 1;
        let mut parts = Vec::with_capacity(metadata.metadata().num_row_groups());
        for group in metadata.metadata().row_groups() {
            let rows = u64::try_from(group.num_rows()).ok().filter(|rows| *rows < 1 << 60);
            let rows = rows.ok_or_else(|| at.damaged("a number of rows that cannot be"))?;
            let bytes = u64::try_from(group.total_byte_size()).unwrap_or_default();
            parts.push(Part { first_row, rows: Some(rows), bytes });
            first_row = first_row.saturating_add(rows);
        }
        let schema = Schema::of_arrow(metadata.schema());
        let columns = (0..schema.columns.len()).collect();
        Ok(Self { source, metadata, columns, schema, parts })
    }

    /// Reads only `columns` from now on, text as dictionaries; returns their types.
    pub(crate) fn project(&mut self, columns: Vec<usize>) -> Result<Vec<DataType>, Error> {
        let at = At { file: self.source.name(), place: "footer" };
        let schema: SchemaRef = Arc::clone(self.metadata.schema());
        let field = |(place, field): (usize, &Arc<Field>)| {
            if !columns.contains(&place) {
                return Arc::clone(field);
            }
            Arc::new(field.as_ref().clone().with_data_type(read_as(field.data_type())))
        };
        let fields: Vec<_> = schema.fields().iter().enumerate().map(field).collect();
        let types = columns.iter().map(|place| fields[*place].data_type().clone()).collect();
        let wanted = ArrowSchema::new_with_metadata(fields, schema.metadata().clone());
        self.metadata = at.guard(|| {
            let options = ArrowReaderOptions::new().with_schema(Arc::new(wanted));
            ArrowReaderMetadata::try_new(Arc::clone(self.metadata.metadata()), options)
                .map_err(|error| at.parquet(error))
        })?;
        self.columns = columns;
        Ok(types)
    }

    /// Returns the notes of the footer: name and text.
    pub(crate) fn notes(&self) -> Vec<(String, String)> {
        let notes = self.metadata.metadata().file_metadata().key_value_metadata();
        let notes = notes.into_iter().flatten();
        notes.filter_map(|note| Some((note.key.clone(), note.value.clone()?))).collect()
    }

    /// Begins a row group, whose batches will be of at most `rows`.
    pub(crate) fn begin(&self, part: usize, rows: usize) -> Result<ParquetCursor, Error> {
        let place = format!("row group {} of {}", part + 1, self.parts.len());
        let at = At { file: self.source.name(), place: &place };
        let metadata = self.metadata.clone();
        let roots = ProjectionMask::roots(metadata.parquet_schema(), self.columns.iter().copied());
        let batch_rows = self.batch_rows(part, &roots).min(rows);
        let reader = at.guard(|| {
            let chunks = Chunks(Arc::clone(&self.source));
            ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, metadata)
                .with_projection(roots)
                .with_row_groups(vec![part])
                .with_batch_size(batch_rows)
                .build()
                .map_err(|error| at.parquet(error))
        })?;
        Ok(ParquetCursor { reader, part, next_row: self.parts[part].first_row, place })
    }

    /// Decodes the next batch of a row group; `None` at its end.
    pub(crate) fn next(
        &self,
        cursor: &mut ParquetCursor,
    ) -> Result<Option<(u64, RecordBatch)>, Error> {
        let at = At { file: self.source.name(), place: &cursor.place };
        let reader = &mut cursor.reader;
        let batch = at.guard(|| reader.next().transpose().map_err(|error| at.arrow(error)))?;
        if let Some(batch) = batch {
            let row = cursor.next_row;
            cursor.next_row += batch.num_rows() as u64;
            return Ok(Some((row, batch)));
        }
        let found = cursor.next_row - self.parts[cursor.part].first_row;
        match self.parts[cursor.part].rows {
            Some(rows) if rows != found => {
                Err(at.damaged(format!("{found} rows where {rows} should be")))
            }
            _ => Ok(None),
        }
    }

    /// Tells whether a row group may hold `id` in a column read, by its smallest and largest.
    pub(crate) fn may_hold(&self, part: usize, column: usize, id: &str) -> bool {
        let roots = ProjectionMask::roots(self.metadata.parquet_schema(), [self.columns[column]]);
        let group = self.metadata.metadata().row_group(part);
        let mut leaves = (0..group.num_columns()).filter(|leaf| roots.leaf_included(*leaf));
        let chunk = leaves.next().map(|leaf| group.column(leaf));
        let statistics = chunk.and_then(|chunk| chunk.statistics());
        // Old writers compared text in an order of their own.
        let Some(statistics) = statistics.filter(|found| !found.is_min_max_deprecated()) else {
            return true;
        };
        let data_type = self.metadata.schema().field(self.columns[column]).data_type();
        let within = |range: Option<(i128, i128)>| {
            let Some((least, most)) = range else { return true };
            id.parse().is_ok_and(|id: i128| (least..=most).contains(&id))
        };
        match (statistics, data_type) {
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
    fn batch_rows(&self, part: usize, roots: &ProjectionMask) -> usize {
        let group = self.metadata.metadata().row_group(part);
        let columns = group.columns().iter().enumerate();
        let read = columns.filter(|(leaf, _)| roots.leaf_included(*leaf));
        let bytes: u64 = read.map(|(_, c)| c.uncompressed_size().max(0) as u64).sum();
        let rows = self.parts[part].rows.unwrap_or_default().max(1);
        let fitting = (CHUNK_BYTES as u128 * rows as u128 / bytes.max(1) as u128).max(1);
        fitting.min(rows as u128).min(CHUNK_ROWS as u128) as usize
    }
}

/// Chooses the type a column is decoded to: text as a dictionary with wide offsets (a chunk may
/// hold more than 2 GiB of it), dictionaries of anything else plain.
fn read_as(data_type: &DataType) -> DataType {
    let dictionary = |values| DataType::Dictionary(Box::new(DataType::Int32), Box::new(values));
    match data_type {
        DataType::Dictionary(_, values) if is_text(values) => read_as(values),
        DataType::Dictionary(_, values) => values.as_ref().clone(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            dictionary(DataType::LargeUtf8)
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            dictionary(DataType::LargeBinary)
        }
        other => other.clone(),
    }
}
