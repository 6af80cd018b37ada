//! Types of Parquet columns, as the writer meant them.

use std::sync::Arc;

use arrow_ipc::{convert::try_fb_to_schema, root_as_message};
use arrow_schema::{DataType, Field, Fields, TimeUnit};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use parquet::{
    basic::{
        ConvertedType, LogicalType, Repetition, TimeUnit as ParquetUnit, Type as PhysicalType,
    },
    file::metadata::FileMetaData,
    schema::types::Type,
};

/// The note in which writers that think in Arrow types keep those.
const ARROW_SCHEMA: &str = "ARROW:schema";

/// A column at the top of a file's schema.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    /// Its name.
    pub(crate) name: String,
    /// Its type; lists, structures and maps without what is in them.
    pub(crate) data_type: DataType,
    /// Its place among the leaves, if it is one.
    pub(crate) leaf: Option<usize>,
}

/// Lists the columns at the top of a file's schema.
pub(crate) fn roots(file: &FileMetaData) -> Vec<Root> {
    let fields = file.schema_descr().root_schema().get_fields();
    let hints = hints(file).filter(|hints| hints.len() == fields.len());
    let mut leaves = 0;
    let root = |(place, field): (usize, &Arc<Type>)| {
        let first = leaves;
        leaves += count_leaves(field);
        let info = field.get_basic_info();
        let is_flat = field.is_primitive() && info.repetition() != Repetition::REPEATED;
        let data_type = if is_flat { primitive(field) } else { nested(field) };
        let hint = hints.as_ref().map(|hints| hints[place].data_type());
        Root {
            name: field.name().into(),
            data_type: hint.map_or_else(|| data_type.clone(), |hint| hinted(&data_type, hint)),
            leaf: is_flat.then_some(first),
        }
    };
    fields.iter().enumerate().map(root).collect()
}

fn count_leaves(field: &Type) -> usize {
    if field.is_primitive() {
        return 1;
    }
    field.get_fields().iter().map(|field| count_leaves(field)).sum()
}

/// Reads the Arrow types that the writer noted, if it did.
fn hints(file: &FileMetaData) -> Option<Fields> {
    let mut notes = file.key_value_metadata()?.iter();
    let note = notes.find(|note| note.key == ARROW_SCHEMA)?.value.as_ref()?;
    let bytes = BASE64_STANDARD.decode(note).ok()?;
    let message = bytes.strip_prefix(&[0xff; 4]).and_then(|rest| rest.get(4..)).unwrap_or(&bytes);
    let schema = try_fb_to_schema(root_as_message(message).ok()?.header_as_schema()?).ok()?;
    Some(schema.fields)
}

/// Takes what the note says where the file's own type leaves it open.
fn hinted(own: &DataType, hint: &DataType) -> DataType {
    use DataType::{
        Binary, Date32, Date64, Dictionary, Duration, Int32, Int64, Time32, Time64, Timestamp, Utf8,
    };
    match (own, hint) {
        (_, Dictionary(_, values)) => hinted(own, values),
        (Int32 | Int64, Timestamp(..))
        | (Int32, Time32(_))
        | (Int64, Time64(_) | Duration(_) | Date64)
        | (Date32, Date64) => hint.clone(),
        (Timestamp(unit, _), Timestamp(same, Some(_))) if unit == same => hint.clone(),
        (Binary, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => Utf8,
        _ => own.clone(),
    }
}

fn nested(field: &Type) -> DataType {
    let info = field.get_basic_info();
    let inner = Arc::new(Field::new("", DataType::Null, true));
    let is_list = matches!(info.logical_type_ref(), Some(LogicalType::List))
        || info.converted_type() == ConvertedType::LIST
        || info.repetition() == Repetition::REPEATED;
    let is_map = matches!(info.logical_type_ref(), Some(LogicalType::Map))
        || matches!(info.converted_type(), ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE);
    match (is_list, is_map) {
        (true, _) => DataType::List(inner),
        (_, true) => DataType::Map(inner, false),
        _ => DataType::Struct(Fields::empty()),
    }
}

/// The type of a flat column; the physical one where nothing known is said of it.
fn primitive(field: &Type) -> DataType {
    let info = field.get_basic_info();
    let Type::PrimitiveType { physical_type, scale, precision, type_length, .. } = field else {
        return DataType::Null;
    };
    let (mut precision, mut scale) = (*precision, *scale);
    if let Some(LogicalType::Decimal(decimal)) = info.logical_type_ref() {
        (precision, scale) = (decimal.precision, decimal.scale);
    }
    let decimal = || DataType::Decimal128(precision.clamp(0, 76) as u8, scale.clamp(0, 127) as i8);
    let (logical, converted) = (info.logical_type_ref(), info.converted_type());
    let is_decimal = matches!(logical, Some(LogicalType::Decimal(_)))
        || (logical.is_none() && converted == ConvertedType::DECIMAL);
    let can_be_decimal = !matches!(
        physical_type,
        PhysicalType::BOOLEAN | PhysicalType::INT96 | PhysicalType::FLOAT | PhysicalType::DOUBLE
    );
    match physical_type {
        _ if matches!(logical, Some(LogicalType::Unknown)) => DataType::Null,
        _ if is_decimal && can_be_decimal => decimal(),
        PhysicalType::BOOLEAN => DataType::Boolean,
        PhysicalType::INT32 => int32(logical, converted),
        PhysicalType::INT64 => int64(logical, converted),
        PhysicalType::INT96 => DataType::Timestamp(TimeUnit::Nanosecond, None),
        PhysicalType::FLOAT => DataType::Float32,
        PhysicalType::DOUBLE => DataType::Float64,
        PhysicalType::BYTE_ARRAY => match (logical, converted) {
            (Some(LogicalType::String | LogicalType::Json), _)
            | (None, ConvertedType::UTF8 | ConvertedType::JSON) => DataType::Utf8,
            _ => DataType::Binary,
        },
        PhysicalType::FIXED_LEN_BYTE_ARRAY => match (logical, converted) {
            (Some(LogicalType::Float16), _) if *type_length == 2 => DataType::Float16,
            (None, ConvertedType::INTERVAL) => {
                DataType::Interval(arrow_schema::IntervalUnit::DayTime)
            }
            _ => DataType::FixedSizeBinary(*type_length),
        },
    }
}

fn int32(logical: Option<&LogicalType>, converted: ConvertedType) -> DataType {
    match (logical, converted) {
        (Some(LogicalType::Integer(int)), _) => match (int.bit_width, int.is_signed) {
            (8, true) => DataType::Int8,
            (16, true) => DataType::Int16,
            (8, false) => DataType::UInt8,
            (16, false) => DataType::UInt16,
            (_, false) => DataType::UInt32,
            _ => DataType::Int32,
        },
        (Some(LogicalType::Date), _) | (None, ConvertedType::DATE) => DataType::Date32,
        (Some(LogicalType::Time(_)), _) | (None, ConvertedType::TIME_MILLIS) => {
            DataType::Time32(TimeUnit::Millisecond)
        }
        (None, ConvertedType::UINT_8) => DataType::UInt8,
        (None, ConvertedType::UINT_16) => DataType::UInt16,
        (None, ConvertedType::UINT_32) => DataType::UInt32,
        (None, ConvertedType::INT_8) => DataType::Int8,
        (None, ConvertedType::INT_16) => DataType::Int16,
        _ => DataType::Int32,
    }
}

fn int64(logical: Option<&LogicalType>, converted: ConvertedType) -> DataType {
    let utc = || Some("UTC".into());
    match (logical, converted) {
        (Some(LogicalType::Integer(int)), _) if !int.is_signed => DataType::UInt64,
        (None, ConvertedType::UINT_64) => DataType::UInt64,
        (Some(LogicalType::Timestamp(time)), _) => {
            DataType::Timestamp(unit(time.unit), time.is_adjusted_to_u_t_c.then(utc).flatten())
        }
        (Some(LogicalType::Time(time)), _) => DataType::Time64(unit(time.unit)),
        (None, ConvertedType::TIME_MICROS) => DataType::Time64(TimeUnit::Microsecond),
        (None, ConvertedType::TIMESTAMP_MILLIS) => {
            DataType::Timestamp(TimeUnit::Millisecond, utc())
        }
        (None, ConvertedType::TIMESTAMP_MICROS) => {
            DataType::Timestamp(TimeUnit::Microsecond, utc())
        }
        _ => DataType::Int64,
    }
}

const fn unit(unit: ParquetUnit) -> TimeUnit {
    match unit {
        ParquetUnit::MILLIS => TimeUnit::Millisecond,
        ParquetUnit::MICROS => TimeUnit::Microsecond,
        ParquetUnit::NANOS => TimeUnit::Nanosecond,
    }
}
