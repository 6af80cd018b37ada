//! Plain tables: named columns of numbers and text as Parquet, for what a run keeps on its way.
//! The same rows give the same bytes.

use std::{io::Write, ops::Range, sync::Arc};

use arrow_schema::{DataType, TimeUnit};
use ilk_core::data::{TextColumn, TimeColumn};
use parquet::{basic::Encoding, file::properties::WriterProperties, schema::types::ColumnPath};

use crate::{
    cells::{Batch, Cells as Decoded, Column},
    columns,
    dialect::CsvOptions,
    error::{At, Error},
    out::{self, BATCH_BYTES, BATCH_ROWS, Cells, Field, GROUP_ROWS, Nulls, table_properties},
    parquet::ParquetOut,
    schema::type_name,
    source::Source,
    table::{Body, Input},
    text::is_text,
};

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

    /// Returns true if there is no cell.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Hands all rows to the writer.
    fn into_cells(self) -> Cells {
        let values = match self {
            Self::U32(values) => out::Values::U32(values),
            Self::U64(values) => out::Values::U64(values),
            Self::I64(values) => out::Values::I64(values),
            Self::F32(values) => out::Values::F32(values),
            Self::F64(values) => out::Values::F64(values),
            Self::Time(_) | Self::Text(_) => return self.cells(0..self.len()),
        };
        values.into()
    }

    /// Copies out some rows for the writer.
    fn cells(&self, rows: Range<usize>) -> Cells {
        let values = match self {
            Self::U32(values) => out::Values::U32(values[rows].to_vec()),
            Self::U64(values) => out::Values::U64(values[rows].to_vec()),
            Self::I64(values) => out::Values::I64(values[rows].to_vec()),
            Self::F32(values) => out::Values::F32(values[rows].to_vec()),
            Self::F64(values) => out::Values::F64(values[rows].to_vec()),
            Self::Time(values) => {
                let cell = |value: &i64| (*value != TimeColumn::NONE).then_some(*value);
                return Cells::optional(values[rows].iter().map(cell), out::Values::I64);
            }
            Self::Text(column) => return Cells::of_column(column, rows),
        };
        values.into()
    }
}

/// Writes a plain table as Parquet, compressed with zstd. Memory: a compressed row group.
pub struct TableWriter<W: Write + Send> {
    writer: ParquetOut<W>,
    types: Vec<CellType>,
}

impl<W: Write + Send> TableWriter<W> {
    /// Begins a table with named columns, whose row groups have up to 1,048,576 rows or 8 MiB of text.
    ///
    /// # Errors
    /// [`Error::Write`] with what `out` reported.
    pub fn new(out: W, columns: &[(&str, CellType)]) -> Result<Self, Error> {
        Self::in_groups(out, columns, GROUP_ROWS)
    }

    /// Begins a table whose row groups have up to `rows` rows, where that is less: whoever writes or
    /// reads it holds no more.
    ///
    /// # Errors
    /// [`Error::Write`] with what `out` reported.
    pub fn in_groups(out: W, columns: &[(&str, CellType)], rows: usize) -> Result<Self, Error> {
        let field = |(name, cell_type): &(&str, CellType)| {
            let can_be_null = matches!(cell_type, CellType::Time | CellType::Text);
            let nulls = if can_be_null { Nulls::Allowed } else { Nulls::Never };
            Field::new(name, data_type(*cell_type), nulls)
        };
        let fields = columns.iter().map(field).collect::<Vec<_>>();
        let types = columns.iter().map(|(_, cell_type)| *cell_type).collect();
        Ok(Self { writer: ParquetOut::new(out, &fields, properties(columns, rows))?, types })
    }

    /// Appends rows, one column of cells after the other.
    ///
    /// # Errors
    /// [`Error::Write`] with what the output reported; the file is then incomplete.
    ///
    /// # Panics
    /// If the columns are not those of the table, or not equally long.
    pub fn write(&mut self, columns: Vec<Values>) -> Result<(), Error> {
        let rows = columns.first().map_or(0, Values::len);
        assert!(columns.iter().all(|column| column.len() == rows), "columns are equally long");
        let types = columns.iter().map(Values::cell_type);
        assert!(types.eq(self.types.iter().copied()), "columns are those of the table");
        let ranges = ranges(&columns, rows);
        if ranges.len() == 1 {
            let cells = columns.into_iter().map(Values::into_cells).collect::<Vec<_>>();
            return self.writer.write(&cells);
        }
        for range in ranges {
            let cells = columns.iter().map(|column| column.cells(range.clone()));
            self.writer.write(&cells.collect::<Vec<_>>())?;
        }
        Ok(())
    }

    /// Puts a note into the file that [`read_notes`] finds again.
    pub fn note(&mut self, name: &str, text: &str) {
        self.writer.note(name, text);
    }

    /// Ends the table and returns the output.
    ///
    /// # Errors
    /// [`Error::Write`] with what the output reported.
    pub fn finish(self) -> Result<W, Error> {
        self.writer.finish()
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

fn properties(columns: &[(&str, CellType)], group: usize) -> WriterProperties {
    let mut properties =
        table_properties().set_max_row_group_row_count(Some(group.clamp(1, GROUP_ROWS)));
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

/// Streams the columns `names` of a plain table, up to 65,536 rows at a time: as many
/// as were written.
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
    let mut input = Input::open(source, &CsvOptions::default())?;
    let places = names.iter().map(|name| input.schema().find(&file, name));
    let places = places.collect::<Result<Vec<_>, Error>>()?;
    let mut columns = places.clone();
    columns.sort_unstable();
    columns.dedup();
    let types = input.project(columns.clone())?.unwrap_or_default();
    let place = |place: &usize| columns.partition_point(|other| other < place);
    let places = places.iter().map(place).collect::<Vec<_>>();
    input.each_batch_of(BATCH_ROWS, &mut |first_row, batch: Batch| {
        let rows = format!("rows from {first_row} on");
        let at = At { file: &file, place: &rows };
        let mut columns = batch.columns.into_iter().map(Some).collect::<Vec<_>>();
        let mut values = Vec::with_capacity(places.len());
        for (place, name) in places.iter().zip(names) {
            let Some(column) = columns[*place].take() else { continue };
            values.push(values_of(at, name, &types[*place], column)?);
        }
        sink(values)
    })
}

fn values_of(
    at: At<'_>,
    name: &str,
    data_type: &DataType,
    column: Column,
) -> Result<Values, Error> {
    let has_nulls = column.has_nulls();
    let Column { cells, valid } = column;
    let values = match (data_type, cells) {
        (DataType::UInt32, Decoded::U32(values)) => Values::U32(values),
        (DataType::UInt64, Decoded::U64(values)) => Values::U64(values),
        (DataType::Int64, Decoded::I64(values)) => Values::I64(values),
        (DataType::Int32, Decoded::I32(values)) => {
            Values::I64(values.into_iter().map(i64::from).collect())
        }
        (DataType::Float32, Decoded::F32(values)) => Values::F32(values),
        (DataType::Float64, Decoded::F64(values)) => Values::F64(values),
        (DataType::Timestamp(TimeUnit::Microsecond, _), Decoded::Time(mut values, _)) => {
            let nulls = values.iter_mut().zip(valid.iter().flatten()).filter(|(_, valid)| !**valid);
            nulls.for_each(|(value, _)| *value = TimeColumn::NONE);
            return Ok(Values::Time(values));
        }
        (data_type, cells @ Decoded::Text(_)) if is_text(data_type) => {
            return Ok(Values::Text(columns::labels(Column { cells, valid })));
        }
        (other, _) => {
            return Err(at.damaged(format!("column `{name}` is {}", type_name(other))));
        }
    };
    if has_nulls { Err(at.damaged(format!("column `{name}` has nulls"))) } else { Ok(values) }
}

/// Returns the notes that [`TableWriter::note`] put into a Parquet file, in their order.
///
/// # Errors
/// Those of [`Input::open`].
pub fn read_notes(source: Arc<dyn Source>) -> Result<Vec<(String, String)>, Error> {
    let input = Input::open(source, &CsvOptions::default())?;
    Ok(match input.body() {
        Body::Parquet(file) => file.notes(),
        _ => Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use ilk_core::data::TextList;

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
    fn row_groups_have_no_more_rows_than_they_may() {
        for (most, groups) in
            [(100, vec![100, 100, 50]), (usize::MAX, vec![250]), (0, vec![1; 250])]
        {
            let columns = [("code", CellType::U32)];
            let mut writer = TableWriter::in_groups(Vec::new(), &columns, most).unwrap();
            for chunk in [0..70, 70..130, 130..250] {
                writer.write(vec![Values::U32(chunk.collect())]).unwrap();
            }
            let source = Arc::new(Memory::new("x.parquet", writer.finish().unwrap()));
            let input = Input::open(source.clone(), &CsvOptions::default()).unwrap();
            let rows = input.parts().iter().map(|part| part.rows.unwrap());
            assert!(rows.eq(groups), "{most}");
            let mut found = Vec::new();
            read_plain(source, &["code"], &mut |values: Vec<Values>| {
                found.extend(values);
                Ok::<(), Error>(())
            })
            .unwrap();
            let found = found.into_iter().flat_map(|values| match values {
                Values::U32(codes) => codes,
                other => panic!("{other:?}"),
            });
            assert!(found.eq(0..250), "{most}");
        }
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
