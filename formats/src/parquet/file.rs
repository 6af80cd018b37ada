//! Parquet files: one part per row group.

use std::{collections::BTreeSet, sync::Arc};

use arrow_schema::DataType;
use bytes::Bytes;
use parquet::{
    column::page::PageReader,
    file::{
        metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader},
        serialized_reader::SerializedPageReader,
        statistics::Statistics,
    },
};

use super::{
    column::{Decode, decoder},
    full::{Full, required},
    sums::{NOTE, Sums, of_range},
    types::{Leaf, leaves},
};
use crate::{
    baskets::{Decoded, unfold},
    cells::Batch,
    error::{At, Error},
    part::Part,
    schema::Schema,
    source::{Chunks, Source, read_exact},
    thrift::{Fault, check_footer},
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
    leaves: Arc<[Leaf]>,
    /// Places of the leaves that are encrypted.
    encrypted: Arc<BTreeSet<usize>>,
    /// The checksums of its bytes, where it has some.
    sums: Option<Arc<Sums>>,
    columns: Vec<usize>,
    pub(crate) schema: Schema,
    pub(crate) parts: Vec<Part>,
}

/// Where reading a row group has got to.
pub(crate) struct ParquetCursor {
    columns: Vec<Reading>,
    part: usize,
    /// Rows of a batch.
    rows: usize,
    /// Rows read.
    done: u64,
    place: String,
}

/// A column being read.
struct Reading {
    decoder: Box<dyn Decode>,
    /// It is read as if it could hold no nulls, because the footer says that it holds none.
    is_full: bool,
}

/// Whether the footer is believed where it says that a column holds no nulls.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    Footer,
    Pages,
}

impl ParquetFile {
    /// Reads the footer.
    pub(crate) fn open(source: Arc<dyn Source>) -> Result<Self, Error> {
        let file = source.name();
        let at = At { file, place: "footer" };
        let chunks = Chunks(Arc::clone(&source));
        let (metadata, leaves, encrypted, sums) = at.guard(|| {
            let (footer, encrypted) = guarded(at, source.as_ref())?;
            let metadata = ParquetMetaDataReader::new().parse_and_finish(&chunks);
            let metadata = metadata.map_err(|error| at.parquet(error))?;
            let sums = Sums::find(&footer, metadata.file_metadata().created_by());
            let sums = sums.map_err(|why| at.damaged(why))?.map(Arc::new);
            let leaves = leaves(metadata.file_metadata());
            Ok((metadata, leaves, encrypted, sums))
        })?;
        let mut first_row: u64 = 1;
        let mut parts = Vec::with_capacity(metadata.num_row_groups());
        for group in metadata.row_groups() {
            let rows = u64::try_from(group.num_rows()).ok().filter(|rows| *rows < 1 << 60);
            let rows = rows.ok_or_else(|| at.damaged("an impossible number of rows"))?;
            let bytes = u64::try_from(group.total_byte_size()).unwrap_or_default();
            parts.push(Part { first_row: Some(first_row), rows: Some(rows), bytes });
            first_row = first_row.saturating_add(rows);
        }
        let types = leaves.iter().map(|leaf| (leaf.name.as_str(), &leaf.data_type));
        let mut schema = Schema::of_types(types);
        for (column, leaf) in schema.columns.iter_mut().zip(&leaves) {
            if leaf.list.is_some() {
                column.type_name.insert_str(0, "lists of ");
            }
        }
        let columns = (0..leaves.len()).collect();
        let (metadata, leaves, encrypted) = (Arc::new(metadata), leaves.into(), encrypted.into());
        Ok(Self { source, metadata, leaves, encrypted, sums, columns, schema, parts })
    }

    /// Reads only `columns` from now on; returns their types.
    pub(crate) fn project(&mut self, columns: Vec<usize>) -> Vec<DataType> {
        self.columns = columns;
        self.columns.iter().map(|place| self.leaves[*place].data_type.clone()).collect()
    }

    /// Returns the notes of the footer: name and text.
    pub(crate) fn notes(&self) -> Vec<(String, String)> {
        let notes = self.metadata.file_metadata().key_value_metadata();
        let notes = notes.into_iter().flatten().filter(|note| note.key != NOTE);
        notes.filter_map(|note| Some((note.key.clone(), note.value.clone()?))).collect()
    }

    /// Begins a row group, whose batches will be of at most `rows`.
    pub(crate) fn begin(&self, part: usize, rows: usize) -> Result<ParquetCursor, Error> {
        let place = format!("row group {} of {}", part + 1, self.parts.len());
        let at = At { file: self.source.name(), place: &place };
        let columns = at.guard(|| {
            let begin = |column: &usize| self.begin_column(at, part, *column, Trust::Footer);
            let columns = self.columns.iter().map(begin);
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
        trust: Trust,
    ) -> Result<Reading, Error> {
        let leaf = &self.leaves[column];
        let place = leaf.place.ok_or_else(|| {
            at.damaged(format!(
                "column `{}` is {}",
                leaf.name, self.schema.columns[column].type_name
            ))
        })?;
        let group = self.metadata.row_group(part);
        if place >= group.num_columns() {
            return Err(at.damaged(format!("no column `{}`", leaf.name)));
        }
        let chunk = group.column(place);
        let starts = [Some(chunk.data_page_offset()), chunk.dictionary_page_offset()];
        if chunk.compressed_size() < 0 || starts.into_iter().flatten().any(|start| start < 0) {
            return Err(at.damaged(format!("column `{}` begins before the file", leaf.name)));
        }
        self.check_chunk(at, (part, place), chunk)?;
        let chunks = Arc::new(Chunks(Arc::clone(&self.source)));
        let rows = usize::try_from(group.num_rows()).unwrap_or_default();
        let pages = SerializedPageReader::new(chunks, chunk, rows, None);
        let pages = pages.map_err(|error| at.parquet(error))?;
        let column = chunk.column_descr_ptr();
        let nulls = chunk.statistics().and_then(Statistics::null_count_opt);
        let is_full = trust == Trust::Footer
            && nulls == Some(0)
            && column.max_def_level() > 0
            && leaf.list.is_none();
        let (column, pages): (_, Box<dyn PageReader>) = if is_full {
            (required(&column), Box::new(Full(Box::new(pages))))
        } else {
            (column, Box::new(pages))
        };
        let decoder = decoder(column, pages, &leaf.data_type, leaf.list);
        let decoder = decoder.map_err(|error| at.parquet(error))?;
        Ok(Reading { decoder, is_full })
    }

    /// Refuses a column of a row group whose bytes are not those that were written.
    fn check_chunk(
        &self,
        at: At<'_>,
        (part, place): (usize, usize),
        chunk: &ColumnChunkMetaData,
    ) -> Result<(), Error> {
        let Some(sums) = &self.sums else { return Ok(()) };
        let columns = self.metadata.row_group(part).num_columns();
        let expected = sums.chunks.get(part * columns + place);
        let (start, length) = chunk.byte_range();
        let sum = of_range(self.source.as_ref(), start, length).map_err(|error| at.io(error))?;
        if expected != Some(&sum) {
            let name = chunk.column_path().string();
            return Err(at.damaged(format!("the checksum of column `{name}` does not match")));
        }
        Ok(())
    }

    /// Checks all bytes, where the file has checksums; returns whether it has.
    ///
    /// # Errors
    /// If they are not those that were written; the first place that is wrong is named.
    pub(crate) fn check(&self) -> Result<bool, Error> {
        let Some(sums) = &self.sums else { return Ok(false) };
        for part in 0..self.parts.len() {
            let place = format!("row group {} of {}", part + 1, self.parts.len());
            let at = At { file: self.source.name(), place: &place };
            let columns = self.metadata.row_group(part).columns().iter().enumerate();
            at.guard(|| {
                let mut columns = columns;
                columns.try_for_each(|(place, chunk)| self.check_chunk(at, (part, place), chunk))
            })?;
        }
        let at = At { file: self.source.name(), place: "whole file" };
        let (footer, _) = guarded(at, self.source.as_ref())?;
        let length = self.source.len().saturating_sub(8 + footer.len() as u64);
        let sum = of_range(self.source.as_ref(), 0, length).map_err(|error| at.io(error))?;
        if sum == sums.body { Ok(true) } else { Err(at.damaged("its checksum does not match")) }
    }

    /// Refuses a column that is encrypted.
    pub(crate) fn check_readable(&self, column: usize) -> Result<(), Error> {
        let leaf = &self.leaves[column];
        if leaf.place.is_some_and(|place| self.encrypted.contains(&place)) {
            return Err(Error::Unsupported {
                file: self.source.name().into(),
                found: format!("Parquet whose column `{}` is encrypted", leaf.name),
                instead: "decrypt it first, or choose other columns",
            });
        }
        Ok(())
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
        let done = cursor.done;
        let (index, readings) = (cursor.part, &mut cursor.columns);
        let columns = at.guard(|| {
            let read = |(reading, column): (&mut Reading, &usize)| -> Result<Decoded, Error> {
                let decoded = self.read_column(at, index, *column, reading, (done, rows))?;
                let found = done + decoded.rows() as u64;
                if decoded.rows() == rows {
                    Ok(decoded)
                } else {
                    Err(at.damaged(format!("{found} rows where {all} should be")))
                }
            };
            readings.iter_mut().zip(&self.columns).map(read).collect::<Result<Vec<_>, Error>>()
        })?;
        let first_row = part.first_row.unwrap_or(1) + done;
        cursor.done += rows as u64;
        let batch = unfold(columns, rows).map_err(|uneven| {
            let name = |place: usize| self.leaves[self.columns[place]].name.clone();
            Error::UnevenLists {
                file: self.source.name().into(),
                row: first_row + uneven.row as u64,
                columns: uneven.columns.map(name),
            }
        })?;
        Ok(Some((first_row, batch)))
    }

    /// Reads the rows of a column that follow the first `done`. Where the footer is wrong about nulls,
    /// the column is begun anew, and its pages are believed.
    fn read_column(
        &self,
        at: At<'_>,
        part: usize,
        column: usize,
        reading: &mut Reading,
        (done, rows): (u64, usize),
    ) -> Result<Decoded, Error> {
        match reading.decoder.read(rows) {
            Err(_) if reading.is_full => {}
            other => return other.map_err(|error| at.parquet(error)),
        }
        *reading = self.begin_column(at, part, column, Trust::Pages)?;
        let mut left = done;
        while left > 0 {
            let some = left.min(CHUNK_ROWS as u64) as usize;
            let passed = reading.decoder.read(some).map_err(|error| at.parquet(error))?;
            if passed.rows() != some {
                return Err(at.damaged("fewer rows than there should be"));
            }
            left -= some as u64;
        }
        reading.decoder.read(rows).map_err(|error| at.parquet(error))
    }

    /// Returns true if a row group may hold `id` in a column read, by its smallest and largest.
    pub(crate) fn may_hold(&self, part: usize, column: usize, id: &str) -> bool {
        let root = &self.leaves[self.columns[column]];
        let group = self.metadata.row_group(part);
        let place = root.place.filter(|place| *place < group.num_columns());
        let statistics = place.and_then(|place| group.column(place).statistics());
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
        let leaves = self.columns.iter().filter_map(|column| self.leaves[*column].place);
        let chunks =
            leaves.filter(|leaf| *leaf < group.num_columns()).map(|leaf| group.column(leaf));
        let bytes: u64 = chunks.map(|chunk| chunk.uncompressed_size().max(0) as u64).sum();
        let rows = self.parts[part].rows.unwrap_or_default().max(1);
        let fitting = (CHUNK_BYTES as u128 * rows as u128 / bytes.max(1) as u128).max(1);
        fitting.min(rows as u128).min(CHUNK_ROWS as u128) as usize
    }
}

/// Looks at the footer before the library does; returns its bytes, and which leaves are encrypted. What
/// is not there at all is left to the library to name.
fn guarded(at: At<'_>, source: &dyn Source) -> Result<(Bytes, BTreeSet<usize>), Error> {
    let none = || Ok((Bytes::new(), BTreeSet::new()));
    let Some(end) = source.len().checked_sub(8) else { return none() };
    let tail = read_exact(source, end, 8).map_err(|error| at.io(error))?;
    let length = tail.first_chunk().map_or(0, |length| u32::from_le_bytes(*length));
    let Some(start) = end.checked_sub(length.into()).filter(|_| tail.ends_with(b"PAR1")) else {
        return none();
    };
    let footer = read_exact(source, start, length as usize).map_err(|error| at.io(error))?;
    match check_footer(&footer) {
        Ok(encrypted) => Ok((footer, encrypted)),
        Err(Fault::Absurd(why)) => Err(at.damaged(why)),
        Err(Fault::CutShort) => Err(at.damaged("a footer that is cut short")),
    }
}
