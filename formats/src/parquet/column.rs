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
    cells::{Cells, Column, spread},
    decimal,
    text::TextBuilder,
};

/// Decodes up to so many rows; fewer only at the end.
pub(crate) trait Decode: Send {
    fn read(&mut self, rows: usize) -> Result<Column>;
}

/// Values, and which rows have one where not all do.
type Found<T> = (Vec<T>, Option<Vec<bool>>);

/// Values as the library gives them, without those that are null.
struct Values<T: Physical> {
    reader: ColumnReaderImpl<T>,
    levels: Vec<i16>,
    max_def_level: i16,
}

impl<T: Physical> Values<T> {
    fn new(column: ColumnDescPtr, pages: Box<dyn PageReader>) -> Self {
        let max_def_level = column.max_def_level();
        Self { reader: ColumnReaderImpl::new(column, pages), levels: Vec::new(), max_def_level }
    }

    /// Reads up to so many rows.
    fn read(&mut self, rows: usize) -> Result<Found<T::T>> {
        let mut values = Vec::with_capacity(rows);
        self.levels.clear();
        let (_, count, levels) =
            self.reader.read_records(rows, Some(&mut self.levels), None, &mut values)?;
        if self.max_def_level == 0 || count == levels {
            return Ok((values, None));
        }
        let valid = self.levels.iter().map(|level| *level == self.max_def_level).collect();
        Ok((values, Some(valid)))
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
    fn read(&mut self, rows: usize) -> Result<Column> {
        let (mut values, valid) = self.values.read(rows)?;
        if let Some(valid) = &valid {
            spread(&mut values, valid);
        }
        Ok(Column { cells: (self.turn)(values), valid })
    }
}

fn fixed<T: Physical<T: Copy + Default>>(
    column: ColumnDescPtr,
    pages: Box<dyn PageReader>,
    turn: impl FnMut(Vec<T::T>) -> Cells + Send + 'static,
) -> Box<dyn Decode> {
    Box::new(Fixed { values: Values::<T>::new(column, pages), turn })
}

/// A column of nulls, whatever is in it.
struct Nulls(Values<Int32Type>);

impl Decode for Nulls {
    fn read(&mut self, rows: usize) -> Result<Column> {
        self.0.read(rows)?;
        Ok(Column::nulls(self.0.levels.len()))
    }
}

/// A column of text.
impl Decode for TextReader {
    fn read(&mut self, rows: usize) -> Result<Column> {
        let texts = Self::read(self, rows)?;
        Ok(Column { cells: Cells::Text(texts), valid: None })
    }
}

/// A column of bytes, each cell of which becomes something else.
struct Packed<T: Physical> {
    values: Values<T>,
    data_type: DataType,
}

impl<T: Physical<T: AsRef<[u8]>>> Decode for Packed<T> {
    fn read(&mut self, rows: usize) -> Result<Column> {
        let (values, valid) = self.values.read(rows)?;
        let mut values = values.iter().map(AsRef::as_ref);
        let rows = valid.as_ref().map_or(values.len(), Vec::len);
        let cells = (0..rows).map(|row| {
            valid.as_ref().is_none_or(|valid| valid[row]).then(|| values.next()).flatten()
        });
        let cells = bytes_cells(cells, &self.data_type);
        Ok(Column { cells, valid })
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

/// Chooses how a column is decoded.
pub(crate) fn decoder(
    column: ColumnDescPtr,
    pages: Box<dyn PageReader>,
    data_type: &DataType,
) -> Result<Box<dyn Decode>> {
    Ok(match column.physical_type() {
        PhysicalType::BOOLEAN => fixed::<BoolType>(column, pages, Cells::Bool),
        _ if *data_type == DataType::Null && column.physical_type() == PhysicalType::INT32 => {
            Box::new(Nulls(Values::new(column, pages)))
        }
        PhysicalType::INT32 => int32(column, pages, data_type),
        PhysicalType::INT64 => int64(column, pages, data_type),
        PhysicalType::INT96 => fixed::<Int96Type>(column, pages, |values| {
            let nanos = values.iter().map(Int96::to_nanos).collect();
            Cells::Time(nanos, TimeUnit::Nanosecond)
        }),
        PhysicalType::FLOAT => fixed::<FloatType>(column, pages, Cells::F32),
        PhysicalType::DOUBLE => fixed::<DoubleType>(column, pages, Cells::F64),
        PhysicalType::BYTE_ARRAY if matches!(data_type, DataType::Decimal128(..)) => {
            let values = Values::<ByteArrayType>::new(column, pages);
            Box::new(Packed { values, data_type: data_type.clone() })
        }
        PhysicalType::BYTE_ARRAY => {
            let promise = if *data_type == DataType::Utf8 { Promise::Text } else { Promise::Bytes };
            Box::new(TextReader::new(&column, pages, promise)?)
        }
        PhysicalType::FIXED_LEN_BYTE_ARRAY => {
            let values = Values::<FixedLenByteArrayType>::new(column, pages);
            Box::new(Packed { values, data_type: data_type.clone() })
        }
    })
}

fn int32(
    column: ColumnDescPtr,
    pages: Box<dyn PageReader>,
    data_type: &DataType,
) -> Box<dyn Decode> {
    match *data_type {
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => {
            fixed::<Int32Type>(column, pages, |values| {
                Cells::U32(values.into_iter().map(|value| value as u32).collect())
            })
        }
        DataType::Date32 => fixed::<Int32Type>(column, pages, Cells::Day),
        DataType::Date64 => fixed::<Int32Type>(column, pages, |values| {
            let millis = values.into_iter().map(|day| i64::from(day) * 86_400_000).collect();
            Cells::Time(millis, TimeUnit::Millisecond)
        }),
        DataType::Timestamp(unit, _) => fixed::<Int32Type>(column, pages, move |values| {
            Cells::Time(values.into_iter().map(i64::from).collect(), unit)
        }),
        DataType::Decimal128(_, scale) => fixed::<Int32Type>(column, pages, move |values| {
            Cells::Decimal(values.into_iter().map(i128::from).collect(), scale)
        }),
        _ => fixed::<Int32Type>(column, pages, Cells::I32),
    }
}

fn int64(
    column: ColumnDescPtr,
    pages: Box<dyn PageReader>,
    data_type: &DataType,
) -> Box<dyn Decode> {
    match *data_type {
        DataType::UInt64 => fixed::<Int64Type>(column, pages, |values| {
            Cells::U64(values.into_iter().map(|value| value as u64).collect())
        }),
        DataType::Timestamp(unit, _) => {
            fixed::<Int64Type>(column, pages, move |values| Cells::Time(values, unit))
        }
        DataType::Date64 => {
            fixed::<Int64Type>(column, pages, |values| Cells::Time(values, TimeUnit::Millisecond))
        }
        DataType::Decimal128(_, scale) => fixed::<Int64Type>(column, pages, move |values| {
            Cells::Decimal(values.into_iter().map(i128::from).collect(), scale)
        }),
        _ => fixed::<Int64Type>(column, pages, Cells::I64),
    }
}
