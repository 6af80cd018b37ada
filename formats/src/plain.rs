//! Plain tables: named columns of numbers and text as Parquet, for what a run keeps on its way.
//! The same rows give the same bytes.

use std::{io::Write, ops::Range, sync::Arc};

use arrow_array::{
    Array as _, ArrayRef, ArrowPrimitiveType, Float32Array, Float64Array, Int64Array,
    PrimitiveArray, RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array, UInt64Array,
    cast::AsArray,
    types::{
        Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType, UInt32Type,
        UInt64Type,
    },
};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use ilk_core::{ids::TextColumn, rows::TimeColumn};
use parquet::{
    arrow::{ArrowWriter, arrow_writer::ArrowWriterOptions},
    basic::{Compression, Encoding, ZstdLevel},
    file::{
        metadata::KeyValue,
        properties::{WriterProperties, WriterVersion},
    },
    schema::types::ColumnPath,
};

use crate::{
    error::{At, Error, write_error},
    schema::type_name,
    source::Source,
    table::{Body, Input},
    text::{own_values, texts},
};

/// Rows handed to the writer at a time.
const BATCH_ROWS: usize = 64 << 10;
/// Bytes of text handed to the writer at a time, about; also keeps offsets within 32 bits.
const BATCH_BYTES: usize = 32 << 20;
/// Rows of a row group.
const GROUP_ROWS: usize = 1 << 20;

/// What a column of a plain table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CellType {
    /// Codes and counts of 32 bits.
    U32,
    /// Unsigned integers of 64 bits.
    U64,
    /// Integers of 64 bits.
    I64,
    /// Scores.
    F32,
    /// Weights.
    F64,
    /// Points in time; may be null.
    Time,
    /// Text; may be null.
    Text,
}

/// The cells of one column.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Codes and counts of 32 bits.
    U32(Vec<u32>),
    /// Unsigned integers of 64 bits.
    U64(Vec<u64>),
    /// Integers of 64 bits.
    I64(Vec<i64>),
    /// Scores.
    F32(Vec<f32>),
    /// Weights.
    F64(Vec<f64>),
    /// Microseconds since 1970, [`TimeColumn::NONE`] for null.
    Time(Vec<i64>),
    /// Text.
    Text(TextColumn),
}

impl Values {
    /// Returns what the column holds.
    pub const fn cell_type(&self) -> CellType {
        match self {
            Self::U32(_) => CellType::U32,
            Self::U64(_) => CellType::U64,
            Self::I64(_) => CellType::I64,
            Self::F32(_) => CellType::F32,
            Self::F64(_) => CellType::F64,
            Self::Time(_) => CellType::Time,
            Self::Text(_) => CellType::Text,
        }
    }

    /// Counts the cells.
    pub fn len(&self) -> usize {
        match self {
            Self::U32(values) => values.len(),
            Self::U64(values) => values.len(),
            Self::I64(values) | Self::Time(values) => values.len(),
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::Text(column) => column.codes.len(),
        }
    }

    /// Tells whether there is no cell.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Writes a plain table as Parquet, compressed with zstd. Memory: a compressed row group of
/// 1,048,576 rows.
pub struct TableWriter<W: Write + Send> {
    writer: ArrowWriter<W>,
    schema: SchemaRef,
}

impl<W: Write + Send> TableWriter<W> {
    /// Begins a table with named columns.
    ///
    /// # Errors
    /// [`Error::Write`] with what `out` reported.
    pub fn new(out: W, columns: &[(&str, CellType)]) -> Result<Self, Error> {
        let field = |(name, cell_type): &(&str, CellType)| {
            let can_be_null = matches!(cell_type, CellType::Time | CellType::Text);
            Field::new(*name, data_type(*cell_type), can_be_null)
        };
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        let options = ArrowWriterOptions::new()
            .with_properties(properties(columns))
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(out, Arc::clone(&schema), options);
        Ok(Self { writer: writer.map_err(write_error)?, schema })
    }

    /// Appends rows, one column of cells after the other. Numbers are not copied.
    ///
    /// # Errors
    /// [`Error::Write`] with what the output reported; the file is then incomplete.
    ///
    /// # Panics
    /// If the columns are not those of the table, or not equally long.
    pub fn write(&mut self, columns: Vec<Values>) -> Result<(), Error> {
        let rows = columns.first().map_or(0, Values::len);
        assert!(columns.iter().all(|column| column.len() == rows), "columns are equally long");
        let types = columns.iter().map(|column| data_type(column.cell_type()));
        let fields = self.schema.fields().iter().map(|field| field.data_type().clone());
        assert!(types.eq(fields), "columns are those of the table");
        let ranges = ranges(&columns, rows);
        let columns = columns.into_iter().map(Prepared::of).collect::<Vec<_>>();
        for range in ranges {
            let arrays = columns.iter().map(|column| column.slice(&range)).collect();
            let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays);
            self.writer.write(&batch.map_err(write_error)?).map_err(write_error)?;
        }
        Ok(())
    }

    /// Puts a note into the file that [`read_notes`] finds again.
    pub fn note(&mut self, name: &str, text: &str) {
        self.writer.append_key_value_metadata(KeyValue::new(name.into(), Some(text.into())));
    }

    /// Ends the table and returns the output.
    ///
    /// # Errors
    /// [`Error::Write`] with what the output reported.
    pub fn finish(self) -> Result<W, Error> {
        self.writer.into_inner().map_err(write_error)
    }
}

fn data_type(cell_type: CellType) -> DataType {
    match cell_type {
        CellType::U32 => DataType::UInt32,
        CellType::U64 => DataType::UInt64,
        CellType::I64 => DataType::Int64,
        CellType::F32 => DataType::Float32,
        CellType::F64 => DataType::Float64,
        CellType::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        CellType::Text => DataType::Utf8,
    }
}

fn properties(columns: &[(&str, CellType)]) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_created_by("ilk".into())
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(GROUP_ROWS));
    for (name, cell_type) in columns {
        let column = ColumnPath::from(*name);
        properties = match cell_type {
            CellType::Text => properties,
            CellType::F32 | CellType::F64 => {
                properties.set_column_dictionary_enabled(column, false)
            }
            // Codes are often sorted, and hashing each would cost more than all the rest.
            _ => properties
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED),
        };
    }
    properties.build()
}

/// Cuts rows into batches of bounded size.
fn ranges(columns: &[Values], rows: usize) -> Vec<Range<usize>> {
    let texts = columns.iter().filter_map(|column| match column {
        Values::Text(column) => Some(column),
        _ => None,
    });
    let texts = texts.collect::<Vec<_>>();
    let (mut ranges, mut start, mut bytes) = (Vec::new(), 0, 0);
    for row in 0..rows {
        bytes += texts.iter().filter_map(|text| text.get(row)).map(str::len).sum::<usize>();
        if row + 1 - start == BATCH_ROWS || bytes >= BATCH_BYTES {
            ranges.push(start..row + 1);
            (start, bytes) = (row + 1, 0);
        }
    }
    if start < rows {
        ranges.push(start..rows);
    }
    ranges
}

/// A column on its way out: numbers as an array, text as it is until its batch comes.
enum Prepared {
    Array(ArrayRef),
    Text(TextColumn),
}

impl Prepared {
    fn of(values: Values) -> Self {
        let array: ArrayRef = match values {
            Values::Text(column) => return Self::Text(column),
            Values::U32(values) => Arc::new(UInt32Array::from(values)),
            Values::U64(values) => Arc::new(UInt64Array::from(values)),
            Values::I64(values) => Arc::new(Int64Array::from(values)),
            Values::F32(values) => Arc::new(Float32Array::from(values)),
            Values::F64(values) => Arc::new(Float64Array::from(values)),
            Values::Time(values) => {
                let cell = |value| (value != TimeColumn::NONE).then_some(value);
                let array = values.into_iter().map(cell).collect::<TimestampMicrosecondArray>();
                Arc::new(array.with_timezone("UTC"))
            }
        };
        Self::Array(array)
    }

    fn slice(&self, range: &Range<usize>) -> ArrayRef {
        match self {
            Self::Array(array) => array.slice(range.start, range.len()),
            Self::Text(column) => {
                Arc::new(range.clone().map(|row| column.get(row)).collect::<StringArray>())
            }
        }
    }
}

/// Streams the columns `names` of a plain table, up to 524,288 rows at a time.
///
/// # Errors
/// Those of [`Input::open`]; a missing column; a column that is none of [`CellType`]; damaged
/// bytes; and whatever `sink` returns, which ends the reading.
pub fn read_plain<E: From<Error>>(
    source: Arc<dyn Source>,
    names: &[&str],
    sink: &mut dyn FnMut(Vec<Values>) -> Result<(), E>,
) -> Result<(), E> {
    let file = source.name().to_owned();
    let mut input = Input::open(source, None)?;
    let places = names.iter().map(|name| input.schema().find(&file, name));
    let places = places.collect::<Result<Vec<_>, Error>>()?;
    let mut columns = places.clone();
    columns.sort_unstable();
    columns.dedup();
    input.project(columns.clone())?;
    let place = |place: &usize| columns.partition_point(|other| other < place);
    let places = places.iter().map(place).collect::<Vec<_>>();
    input.each_batch(&mut |first_row, batch: RecordBatch| {
        let rows = format!("rows from {first_row} on");
        let at = At { file: &file, place: &rows };
        let (_, arrays, _) = batch.into_parts();
        let mut arrays = arrays.into_iter().map(Some).collect::<Vec<_>>();
        let mut values = Vec::with_capacity(places.len());
        for (place, name) in places.iter().zip(names) {
            let Some(array) = arrays[*place].take() else { continue };
            values.push(values_of(at, name, array)?);
        }
        sink(values)
    })
}

fn values_of(at: At<'_>, name: &str, array: ArrayRef) -> Result<Values, Error> {
    fn own<T: ArrowPrimitiveType>(array: ArrayRef) -> PrimitiveArray<T> {
        let values = array.as_primitive::<T>().clone();
        // Where nothing else holds the buffer it can be moved out.
        drop(array);
        values
    }
    let has_nulls = array.null_count() > 0;
    let values = match array.data_type() {
        DataType::UInt32 => Values::U32(own_values(own::<UInt32Type>(array)).0),
        DataType::UInt64 => Values::U64(own_values(own::<UInt64Type>(array)).0),
        DataType::Int64 => Values::I64(own_values(own::<Int64Type>(array)).0),
        DataType::Int32 => {
            let values = array.as_primitive::<Int32Type>().values();
            Values::I64(values.iter().map(|value| (*value).into()).collect())
        }
        DataType::Float32 => Values::F32(own_values(own::<Float32Type>(array)).0),
        DataType::Float64 => Values::F64(own_values(own::<Float64Type>(array)).0),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let cells = array.as_primitive::<TimestampMicrosecondType>().iter();
            return Ok(Values::Time(cells.map(|cell| cell.unwrap_or(TimeColumn::NONE)).collect()));
        }
        other => {
            let misfit = at.damaged(format!("column `{name}` is {}", type_name(other)));
            return texts(array).map(|texts| Values::Text(texts.column)).ok_or(misfit);
        }
    };
    if has_nulls { Err(at.damaged(format!("column `{name}` has nulls"))) } else { Ok(values) }
}

/// Returns the notes that [`TableWriter::note`] put into a Parquet file, in their order.
///
/// # Errors
/// Those of [`Input::open`].
pub fn read_notes(source: Arc<dyn Source>) -> Result<Vec<(String, String)>, Error> {
    let input = Input::open(source, None)?;
    Ok(match input.body() {
        Body::Parquet(file) => file.notes(),
        _ => Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use ilk_core::ids::TextList;

    use super::*;
    use crate::Memory;

    fn text(cells: &[Option<&str>]) -> TextColumn {
        let mut column = TextColumn { dictionary: TextList::new(), ..TextColumn::default() };
        for cell in cells {
            column.codes.push(cell.map_or(TextColumn::NULL, |text| {
                column.dictionary.push(text);
                column.dictionary.len() as u32 - 1
            }));
        }
        column
    }

    fn write(columns: &[(&str, CellType)], chunks: Vec<Vec<Values>>) -> Vec<u8> {
        let mut writer = TableWriter::new(Vec::new(), columns).unwrap();
        for chunk in chunks {
            writer.write(chunk).unwrap();
        }
        writer.note("ilk.kind", "a test");
        writer.finish().unwrap()
    }

    #[test]
    fn every_type_of_cell_reads_back() {
        let columns = [
            ("u32", CellType::U32),
            ("u64", CellType::U64),
            ("i64", CellType::I64),
            ("f32", CellType::F32),
            ("f64", CellType::F64),
            ("time", CellType::Time),
            ("text", CellType::Text),
        ];
        let chunk = vec![
            Values::U32(vec![0, u32::MAX]),
            Values::U64(vec![u64::MAX, 0]),
            Values::I64(vec![i64::MIN, i64::MAX]),
            Values::F32(vec![-0.0, f32::MAX]),
            Values::F64(vec![1e-308, 0.1]),
            Values::Time(vec![TimeColumn::NONE, -1]),
            Values::Text(text(&[None, Some("")])),
        ];
        let bytes = write(&columns, vec![chunk.clone(), chunk.clone()]);
        let source = || Arc::new(Memory::new("x.parquet", bytes.clone()));
        let names = columns.map(|(name, _)| name);
        let mut rows = 0;
        read_plain(source(), &names, &mut |values: Vec<Values>| {
            rows += values[0].len();
            assert_eq!(values[..6].len(), 6);
            for (read, written) in values.iter().zip(&chunk) {
                assert_eq!(read.cell_type(), written.cell_type());
            }
            let (Values::Text(column), Values::Time(times)) = (&values[6], &values[5]) else {
                panic!("text and times");
            };
            assert_eq!((column.get(0), column.get(1)), (None, Some("")));
            assert_eq!(times[..2], [TimeColumn::NONE, -1]);
            assert_eq!(values[0], Values::U32(vec![0, u32::MAX, 0, u32::MAX]));
            assert_eq!(values[2], Values::I64(vec![i64::MIN, i64::MAX, i64::MIN, i64::MAX]));
            Ok::<(), Error>(())
        })
        .unwrap();
        assert_eq!(rows, 4);
        // Some of the columns, in another order.
        read_plain(source(), &["f64", "u64"], &mut |values: Vec<Values>| {
            assert_eq!(values[0], Values::F64(vec![1e-308, 0.1, 1e-308, 0.1]));
            assert_eq!(values[1], Values::U64(vec![u64::MAX, 0, u64::MAX, 0]));
            Ok::<(), Error>(())
        })
        .unwrap();
        let notes = read_notes(source()).unwrap();
        assert!(notes.contains(&("ilk.kind".into(), "a test".into())), "{notes:?}");
        let missing = read_plain(source(), &["u23"], &mut |_| Ok::<(), Error>(())).unwrap_err();
        assert!(missing.to_string().contains("no column `u23`"), "{missing}");
    }

    #[test]
    fn the_same_rows_give_the_same_bytes() {
        let columns = [("code", CellType::U32), ("label", CellType::Text)];
        let rows = 70_000;
        let label = |row: u32| format!("label {}", row % 100);
        let chunk = |range: Range<u32>| {
            let labels = range.clone().map(label).collect::<Vec<_>>();
            let labels = labels.iter().map(|label| Some(label.as_str())).collect::<Vec<_>>();
            vec![Values::U32(range.collect()), Values::Text(text(&labels))]
        };
        let whole = write(&columns, vec![chunk(0..rows)]);
        assert_eq!(whole, write(&columns, vec![chunk(0..rows)]));
        let mut found = Vec::new();
        read_plain(Arc::new(Memory::new("x.parquet", whole)), &["code"], &mut |values: Vec<
            Values,
        >| {
            if let Some(Values::U32(codes)) = values.into_iter().next() {
                found.extend(codes);
            }
            Ok::<(), Error>(())
        })
        .unwrap();
        assert!(found.into_iter().eq(0..rows));
    }
}
