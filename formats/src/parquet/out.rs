//! Parquet, written a batch at a time.

use std::{
    io::Write,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use arrow_schema::{DataType, TimeUnit};
use bytes::Bytes;
use parquet::{
    basic::{LogicalType, Repetition, TimeUnit as ParquetUnit, Type as PhysicalType},
    column::{
        page::{CompressedPage, PageWriteSpec, PageWriter},
        writer::{ColumnCloseResult, ColumnWriter, ColumnWriterImpl, get_column_writer},
    },
    data_type::{ByteArray, DataType as Physical},
    errors::{ParquetError, Result as Written},
    file::{
        metadata::KeyValue,
        properties::WriterProperties,
        writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite},
    },
    schema::types::{SchemaDescriptor, Type, TypePtr},
};

use super::sums::{NOTE, Summing, note_of, with_sum};
use crate::{
    error::{Error, write_error},
    out::{Cells, Field, GROUP_TEXT, Nulls, Values},
};

/// A Parquet file being written. Memory: a compressed row group, and its text.
pub(crate) struct ParquetOut<W: Write + Send> {
    writer: SerializedFileWriter<Summing<W>>,
    columns: SchemaDescriptor,
    group: Vec<Column>,
    /// Checksums of the columns of the row groups that are done.
    sums: Vec<u32>,
    /// Rows of the row group under way.
    rows: usize,
    /// Bytes of its text.
    text: usize,
}

/// A column of the row group under way.
struct Column {
    writer: ColumnWriter<'static>,
    pages: Pages,
}

/// Where the pages of a column wait for their row group.
#[derive(Clone)]
struct Pages(Arc<Mutex<TrackedWrite<Vec<u8>>>>);

impl Pages {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(TrackedWrite::new(Vec::new()))))
    }

    fn with<T>(&self, work: impl FnOnce(&mut TrackedWrite<Vec<u8>>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl PageWriter for Pages {
    /// Writes a page with its checksum, which the library leaves out.
    fn write_page(&mut self, page: CompressedPage) -> Written<PageWriteSpec> {
        let (sum, length) = (crc32fast::hash(page.data()), page.data().len());
        let mut plain = TrackedWrite::new(Vec::with_capacity(length + 256));
        let spec = SerializedPageWriter::new(&mut plain).write_page(page)?;
        let plain = plain.into_inner()?;
        let (head, data) = plain.split_at(plain.len() - length);
        let summed = with_sum(head, sum).unwrap_or_else(|| head.to_vec());
        let longer = summed.len() - head.len();
        self.with(|pages| {
            let offset = pages.bytes_written() as u64;
            pages.write_all(&summed)?;
            pages.write_all(data)?;
            Ok(PageWriteSpec {
                uncompressed_size: spec.uncompressed_size + longer,
                compressed_size: spec.compressed_size + longer,
                bytes_written: spec.bytes_written + longer as u64,
                offset,
                ..spec
            })
        })
    }

    fn close(&mut self) -> Written<()> {
        self.with(|pages| SerializedPageWriter::new(pages).close())
    }
}

impl<W: Write + Send> ParquetOut<W> {
    /// Begins a file with these columns.
    pub(crate) fn new(
        out: W,
        fields: &[Field],
        properties: WriterProperties,
    ) -> Result<Self, Error> {
        let columns = fields.iter().map(parquet_type).collect::<Written<Vec<_>>>();
        let columns = columns.map_err(write_error)?;
        let schema = Type::group_type_builder("schema").with_fields(columns).build();
        let schema = Arc::new(schema.map_err(write_error)?);
        let columns = SchemaDescriptor::new(Arc::clone(&schema));
        let writer = SerializedFileWriter::new(Summing::new(out), schema, Arc::new(properties));
        let writer = writer.map_err(write_error)?;
        let (group, sums) = (Vec::new(), Vec::new());
        Ok(Self { writer, columns, group, sums, rows: 0, text: 0 })
    }

    /// Appends rows.
    pub(crate) fn write(&mut self, columns: &[Cells]) -> Result<(), Error> {
        let rows = columns.first().map_or(0, Cells::len);
        let mut next = 0;
        while next < rows {
            let most = self.writer.properties().max_row_group_row_count().unwrap_or(usize::MAX);
            let end = rows.min(next + (most - self.rows));
            self.append(columns, next..end).map_err(write_error)?;
            next = end;
            if self.rows == most || self.text >= GROUP_TEXT {
                self.flush().map_err(write_error)?;
            }
        }
        Ok(())
    }

    fn append(&mut self, columns: &[Cells], rows: Range<usize>) -> Written<()> {
        if self.group.is_empty() {
            let column = |column: &_| {
                let pages = Pages::new();
                let properties = Arc::clone(self.writer.properties());
                let writer =
                    get_column_writer(Arc::clone(column), properties, Box::new(pages.clone()));
                Column { writer, pages }
            };
            self.group = self.columns.columns().iter().map(column).collect();
        }
        self.rows += rows.len();
        self.text += columns.iter().map(|cells| cells.text_bytes(&rows)).sum::<usize>();
        let fields = self.columns.columns().iter();
        for ((column, cells), field) in self.group.iter_mut().zip(columns).zip(fields) {
            let levels = (field.max_def_level() > 0).then(|| {
                let level = |row| i16::from(cells.is_valid(row));
                rows.clone().map(level).collect::<Vec<_>>()
            });
            append(&mut column.writer, cells, rows.clone(), levels.as_deref())?;
        }
        Ok(())
    }

    /// Ends the row group.
    fn flush(&mut self) -> Written<()> {
        if self.rows == 0 {
            return Ok(());
        }
        (self.rows, self.text) = (0, 0);
        let mut group = self.writer.next_row_group()?;
        for Column { writer, pages } in self.group.drain(..) {
            let close: ColumnCloseResult = writer.close()?;
            let pages = pages.with(|pages| std::mem::replace(pages, TrackedWrite::new(Vec::new())));
            let pages = Bytes::from(pages.into_inner()?);
            self.sums.push(crc32fast::hash(&pages));
            group.append_column(&pages, close)?;
        }
        group.close().map(drop)
    }

    /// Puts a note into the footer.
    pub(crate) fn note(&mut self, name: &str, text: &str) {
        self.writer.append_key_value_metadata(KeyValue::new(name.into(), Some(text.into())));
    }

    /// Ends the file.
    pub(crate) fn close(self) -> Result<(), Error> {
        self.finish().map(drop)
    }

    /// Ends the file and returns the output.
    pub(crate) fn finish(self) -> Result<W, Error> {
        self.end().map_err(write_error)?.finish().map_err(write_error)
    }

    /// Writes all but the checksums.
    fn end(mut self) -> Written<Summing<W>> {
        self.flush()?;
        self.writer.flush()?;
        self.writer.inner_mut().hold();
        let note = note_of(&self.sums);
        self.note(NOTE, &note);
        self.writer.into_inner()
    }
}

fn parquet_type(field: &Field) -> Written<TypePtr> {
    let (physical, logical) = match &field.data_type {
        DataType::Int32 => (PhysicalType::INT32, None),
        DataType::UInt32 => (PhysicalType::INT32, Some(LogicalType::integer(32, false))),
        DataType::Int64 => (PhysicalType::INT64, None),
        DataType::UInt64 => (PhysicalType::INT64, Some(LogicalType::integer(64, false))),
        DataType::Float32 => (PhysicalType::FLOAT, None),
        DataType::Float64 => (PhysicalType::DOUBLE, None),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let logical = LogicalType::timestamp(zone.is_some(), ParquetUnit::MICROS);
            (PhysicalType::INT64, Some(logical))
        }
        DataType::Utf8 => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
        other => return Err(ParquetError::NYI(format!("columns of {other}"))),
    };
    let repetition = match field.nulls {
        Nulls::Never => Repetition::REQUIRED,
        Nulls::Allowed => Repetition::OPTIONAL,
    };
    let column = Type::primitive_type_builder(&field.name, physical);
    column.with_repetition(repetition).with_logical_type(logical).build().map(Arc::new)
}

/// Hands some rows of a column to its writer; `levels`: 1 where a value is there.
fn append(
    writer: &mut ColumnWriter<'_>,
    cells: &Cells,
    rows: Range<usize>,
    levels: Option<&[i16]>,
) -> Written<()> {
    macro_rules! there {
        ($values:expr, $turn:expr) => {{
            let there = rows.clone().filter(|row| cells.is_valid(*row));
            there.map(|row| $turn($values[row])).collect::<Vec<_>>()
        }};
    }
    match (writer, &cells.values) {
        (ColumnWriter::Int32ColumnWriter(writer), Values::I32(values)) if cells.valid.is_none() => {
            batch(writer, &values[rows], levels)
        }
        (ColumnWriter::Int64ColumnWriter(writer), Values::I64(values)) if cells.valid.is_none() => {
            batch(writer, &values[rows], levels)
        }
        (ColumnWriter::FloatColumnWriter(writer), Values::F32(values)) if cells.valid.is_none() => {
            batch(writer, &values[rows], levels)
        }
        (ColumnWriter::DoubleColumnWriter(writer), Values::F64(values))
            if cells.valid.is_none() =>
        {
            batch(writer, &values[rows], levels)
        }
        (ColumnWriter::Int32ColumnWriter(writer), Values::I32(values)) => {
            batch(writer, &there!(values, |value| value), levels)
        }
        (ColumnWriter::Int32ColumnWriter(writer), Values::U32(values)) => {
            batch(writer, &there!(values, u32::cast_signed), levels)
        }
        (ColumnWriter::Int64ColumnWriter(writer), Values::I64(values)) => {
            batch(writer, &there!(values, |value| value), levels)
        }
        (ColumnWriter::Int64ColumnWriter(writer), Values::U64(values)) => {
            batch(writer, &there!(values, u64::cast_signed), levels)
        }
        (ColumnWriter::FloatColumnWriter(writer), Values::F32(values)) => {
            batch(writer, &there!(values, |value| value), levels)
        }
        (ColumnWriter::DoubleColumnWriter(writer), Values::F64(values)) => {
            batch(writer, &there!(values, |value| value), levels)
        }
        (ColumnWriter::ByteArrayColumnWriter(writer), Values::Text(text)) => {
            let Range { start: first, end: last } = text.span(&rows);
            let bytes = Bytes::copy_from_slice(&text.bytes[first..last]);
            let there = rows.filter(|row| cells.is_valid(*row)).map(|row| {
                let range = text.range(row);
                ByteArray::from(bytes.slice(range.start - first..range.end - first))
            });
            batch(writer, &there.collect::<Vec<_>>(), levels)
        }
        _ => Err(ParquetError::General("a column of another type than its field".into())),
    }
}

fn batch<T: Physical>(
    writer: &mut ColumnWriterImpl<'_, T>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Written<()> {
    writer.write_batch(values, levels, None).map(drop)
}
