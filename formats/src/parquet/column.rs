//! One flat column of a row group, decoded a few rows at a time.

use arrow_schema::{DataType, TimeUnit};
use parquet::{
    basic::Type as PhysicalType,
    column::{page::PageReader, reader::ColumnReaderImpl},
    data_type::{
        BoolType, ByteArrayType, DataType as Physical, DoubleType, FixedLenByteArrayType,
        FloatType, Int32Type, Int64Type, Int96, Int96Type,
    },
    errors::Result,
    schema::types::ColumnDescPtr,
};

use super::text::{Promise, TextReader};
use crate::{
    baskets::Decoded,
    cells::{Cells, Column, spread},
    decimal,
    text::TextBuilder,
};

/// Decodes up to so many rows; fewer only at the end.
pub(crate) trait Decode: Send {
    fn read(&mut self, rows: usize) -> Result<Decoded>;
}

/// Values of elements or rows, which of them are there where not all are, and how many elements
/// each row has where it holds lists.
struct Found<T> {
    values: Vec<T>,
    valid: Option<Vec<bool>>,
    counts: Option<Vec<u32>>,
}

/// Values as the library gives them, without those that are null.
struct Values<T: Physical> {
    reader: ColumnReaderImpl<T>,
    levels: Vec<i16>,
    repetition: Vec<i16>,
    max_def_level: i16,
    /// The definition level from which on an element is there, where the column holds lists.
    list: Option<i16>,
}

impl<T: Physical> Values<T> {
    fn new(column: ColumnDescPtr, pages: Box<dyn PageReader>, list: Option<i16>) -> Self {
        let max_def_level = column.max_def_level();
        let reader = ColumnReaderImpl::new(column, pages);
        Self { reader, levels: Vec::new(), repetition: Vec::new(), max_def_level, list }
    }

    /// Reads up to so many rows.
    fn read(&mut self, rows: usize) -> Result<Found<T::T>> {
        let mut values = Vec::with_capacity(rows);
        self.levels.clear();
        if let Some(present) = self.list {
            return self.read_lists(rows, present);
        }
        let (_, count, levels) =
            self.reader.read_records(rows, Some(&mut self.levels), None, &mut values)?;
        if self.max_def_level == 0 || count == levels {
            return Ok(Found { values, valid: None, counts: None });
        }
        let valid = self.levels.iter().map(|level| *level == self.max_def_level).collect();
        Ok(Found { values, valid: Some(valid), counts: None })
    }

    /// Reads up to so many lists. One that is null counts as one element that is null; one that
    /// is empty has none.
    fn read_lists(&mut self, rows: usize, present: i16) -> Result<Found<T::T>> {
        let (mut values, mut counts, mut valid) = (Vec::new(), Vec::new(), Vec::new());
        self.repetition.clear();
        let (levels, repetition) = (&mut self.levels, &mut self.repetition);
        self.reader.read_records(rows, Some(levels), Some(repetition), &mut values)?;
        for (level, repetition) in self.levels.iter().zip(&self.repetition) {
            if *repetition == 0 {
                counts.push(0);
            }
            if *level == present - 1 {
                continue;
            }
            valid.push(*level == self.max_def_level);
            if let Some(count) = counts.last_mut() {
                *count += 1;
            }
        }
        let valid = valid.contains(&false).then_some(valid);
        Ok(Found { values, valid, counts: Some(counts) })
    }
}

/// A column whose values become cells one by one.
struct Fixed<T: Physical, F> {
    values: Values<T>,
    turn: F,
}

impl<T, F> Decode for Fixed<T, F>
where
    T: Physical<T: Copy + Default>,
    F: FnMut(Vec<T::T>) -> Cells + Send,
{
    fn read(&mut self, rows: usize) -> Result<Decoded> {
        let Found { mut values, valid, counts } = self.values.read(rows)?;
        if let Some(valid) = &valid {
            spread(&mut values, valid);
        }
        Ok(Decoded { column: Column { cells: (self.turn)(values), valid }, counts })
    }
}

/// A column whose pages are read.
struct Chunk {
    column: ColumnDescPtr,
    pages: Box<dyn PageReader>,
    list: Option<i16>,
}

fn fixed<T: Physical<T: Copy + Default>>(
    chunk: Chunk,
    turn: impl FnMut(Vec<T::T>) -> Cells + Send + 'static,
) -> Box<dyn Decode> {
    let values = Values::<T>::new(chunk.column, chunk.pages, chunk.list);
    Box::new(Fixed { values, turn })
}

/// A column of nulls, whatever is in it.
struct Nulls(Values<Int32Type>);

impl Decode for Nulls {
    fn read(&mut self, rows: usize) -> Result<Decoded> {
        let Found { values, valid, counts } = self.0.read(rows)?;
        let rows = valid.map_or(values.len(), |valid| valid.len());
        Ok(Decoded { column: Column::nulls(rows), counts })
    }
}

/// A column of text.
impl Decode for TextReader {
    fn read(&mut self, rows: usize) -> Result<Decoded> {
        let texts = Self::read(self, rows)?;
        let column = Column { cells: Cells::Text(texts), valid: None };
        Ok(Decoded { column, counts: None })
    }
}

/// A column of bytes, each cell of which becomes something else.
struct Packed<T: Physical> {
    values: Values<T>,
    data_type: DataType,
}

impl<T: Physical<T: AsRef<[u8]>>> Decode for Packed<T> {
    fn read(&mut self, rows: usize) -> Result<Decoded> {
        let Found { values, valid, counts } = self.values.read(rows)?;
        let mut values = values.iter().map(AsRef::as_ref);
        let rows = valid.as_ref().map_or(values.len(), Vec::len);
        let cells = (0..rows).map(|row| {
            valid.as_ref().is_none_or(|valid| valid[row]).then(|| values.next()).flatten()
        });
        let cells = bytes_cells(cells, &self.data_type);
        let valid = valid.filter(|_| !matches!(cells, Cells::Text(_)));
        Ok(Decoded { column: Column { cells, valid }, counts })
    }
}

/// Makes cells of bytes that stand for something else.
fn bytes_cells<'a>(cells: impl Iterator<Item = Option<&'a [u8]>>, data_type: &DataType) -> Cells {
    match data_type {
        DataType::Float16 => {
            let half = |cell: Option<&[u8]>| {
                let bytes = cell.and_then(|bytes| bytes.first_chunk()).copied();
                half::f16::from_le_bytes(bytes.unwrap_or_default()).into()
            };
            Cells::F32(cells.map(half).collect())
        }
        DataType::Decimal128(_, scale) => {
            let cells = cells.map(Option::unwrap_or_default).collect::<Vec<_>>();
            if cells.iter().all(|cell| cell.len() <= 16) {
                Cells::Decimal(cells.into_iter().map(decimal::of_big_endian).collect(), *scale)
            } else {
                let text = |cell: &[u8]| decimal::wide_text(cell.iter().copied());
                Cells::WideDecimal(cells.into_iter().map(text).collect(), *scale)
            }
        }
        DataType::FixedSizeBinary(16) => {
            let uuid = |cell: Option<&[u8]>| {
                cell.and_then(|bytes| bytes.try_into().ok()).unwrap_or_default()
            };
            Cells::Uuid(cells.map(uuid).collect())
        }
        _ => Cells::Text(TextBuilder::of_bytes(cells)),
    }
}

/// Microseconds since 1970 of a Julian day and nanoseconds of it. Nanoseconds would not reach past
/// 2262, where writers put what never ends.
fn micros_of_int96(value: &Int96) -> i64 {
    const JULIAN_1970: i128 = 2_440_588;
    let [low, high, day] = *value.data().first_chunk::<3>().unwrap_or(&[0; 3]);
    let nanos = i128::from((u64::from(high) << 32 | u64::from(low)).cast_signed());
    let day = i128::from(day.cast_signed());
    let micros = (day - JULIAN_1970) * 86_400_000_000 + nanos / 1_000;
    // Past what can be told: no time at all.
    i64::try_from(micros).unwrap_or(i64::MIN)
}

/// Chooses how a column is decoded.
/// `list`: the definition level from which on
/// an element is there, where it holds lists.
pub(crate) fn decoder(
    column: ColumnDescPtr,
    pages: Box<dyn PageReader>,
    data_type: &DataType,
    list: Option<i16>,
) -> Result<Box<dyn Decode>> {
    let physical = column.physical_type();
    let chunk = Chunk { column, pages, list };
    Ok(match physical {
        PhysicalType::BOOLEAN => fixed::<BoolType>(chunk, Cells::Bool),
        _ if *data_type == DataType::Null && physical == PhysicalType::INT32 => {
            Box::new(Nulls(Values::new(chunk.column, chunk.pages, list)))
        }
        PhysicalType::INT32 => int32(chunk, data_type),
        PhysicalType::INT64 => int64(chunk, data_type),
        PhysicalType::INT96 => fixed::<Int96Type>(chunk, |values| {
            Cells::Time(values.iter().map(micros_of_int96).collect(), TimeUnit::Microsecond)
        }),
        PhysicalType::FLOAT => fixed::<FloatType>(chunk, Cells::F32),
        PhysicalType::DOUBLE => fixed::<DoubleType>(chunk, Cells::F64),
        PhysicalType::BYTE_ARRAY
            if matches!(data_type, DataType::Decimal128(..)) || list.is_some() =>
        {
            let values = Values::<ByteArrayType>::new(chunk.column, chunk.pages, list);
            Box::new(Packed { values, data_type: data_type.clone() })
        }
        PhysicalType::BYTE_ARRAY => {
            let promise = if *data_type == DataType::Utf8 { Promise::Text } else { Promise::Bytes };
            Box::new(TextReader::new(&chunk.column, chunk.pages, promise)?)
        }
        PhysicalType::FIXED_LEN_BYTE_ARRAY => {
            let values = Values::<FixedLenByteArrayType>::new(chunk.column, chunk.pages, list);
            Box::new(Packed { values, data_type: data_type.clone() })
        }
    })
}

fn int32(chunk: Chunk, data_type: &DataType) -> Box<dyn Decode> {
    match *data_type {
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => {
            fixed::<Int32Type>(chunk, |values| {
                Cells::U32(values.into_iter().map(|value| value as u32).collect())
            })
        }
        DataType::Date32 => fixed::<Int32Type>(chunk, Cells::Day),
        DataType::Date64 => fixed::<Int32Type>(chunk, |values| {
            let millis = values.into_iter().map(|day| i64::from(day) * 86_400_000).collect();
            Cells::Time(millis, TimeUnit::Millisecond)
        }),
        DataType::Timestamp(unit, _) => fixed::<Int32Type>(chunk, move |values| {
            Cells::Time(values.into_iter().map(i64::from).collect(), unit)
        }),
        DataType::Decimal128(_, scale) => fixed::<Int32Type>(chunk, move |values| {
            Cells::Decimal(values.into_iter().map(i128::from).collect(), scale)
        }),
        _ => fixed::<Int32Type>(chunk, Cells::I32),
    }
}

fn int64(chunk: Chunk, data_type: &DataType) -> Box<dyn Decode> {
    match *data_type {
        DataType::UInt64 => fixed::<Int64Type>(chunk, |values| {
            Cells::U64(values.into_iter().map(|value| value as u64).collect())
        }),
        DataType::Timestamp(unit, _) => {
            fixed::<Int64Type>(chunk, move |values| Cells::Time(values, unit))
        }
        DataType::Date64 => {
            fixed::<Int64Type>(chunk, |values| Cells::Time(values, TimeUnit::Millisecond))
        }
        DataType::Decimal128(_, scale) => fixed::<Int64Type>(chunk, move |values| {
            Cells::Decimal(values.into_iter().map(i128::from).collect(), scale)
        }),
        _ => fixed::<Int64Type>(chunk, Cells::I64),
    }
}
