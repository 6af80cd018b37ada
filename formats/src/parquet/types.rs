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

/// A column of a file: a leaf of its schema, or what is nested deeper than is read.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    /// Its name; inside structures the path to it, with dots between.
    pub(crate) name: String,
    /// Its type, that of the elements where it holds lists; where it is not read, that of the whole.
    pub(crate) data_type: DataType,
    /// Its place among the leaves of the schema, if it is read.
    pub(crate) place: Option<usize>,
    /// The definition level from which on an element is there, where it holds lists.
    pub(crate) list: Option<i16>,
}

/// Lists the columns of a file.
pub(crate) fn leaves(file: &FileMetaData) -> Vec<Leaf> {
    let fields = file.schema_descr().root_schema().get_fields();
    let hints = hints(file).filter(|hints| hints.len() == fields.len());
    let mut walk = Walk { leaves: Vec::new(), next: 0 };
    for (place, field) in fields.iter().enumerate() {
        let hint = hints.as_ref().map(|hints| hints[place].data_type());
        walk.field(field, field.name().into(), hint, Depth::default());
    }
    walk.leaves
}

/// How deep a walk is.
#[derive(Clone, Copy, Default)]
struct Depth {
    definition: i16,
    repetition: i16,
    list: Option<i16>,
}

impl Depth {
    /// Goes down into a field.
    fn into(mut self, field: &Type) -> Self {
        match field.get_basic_info().repetition() {
            Repetition::REQUIRED => {}
            Repetition::OPTIONAL => self.definition += 1,
            Repetition::REPEATED => {
                self.definition += 1;
                self.repetition += 1;
                self.list = Some(self.definition);
            }
        }
        self
    }
}

/// A walk over the fields of a schema.
struct Walk {
    leaves: Vec<Leaf>,
    /// The next leaf of the schema.
    next: usize,
}

impl Walk {
    fn field(&mut self, field: &Type, name: String, hint: Option<&DataType>, above: Depth) {
        let repetition = field.get_basic_info().has_repetition();
        let depth = if repetition { above.into(field) } else { above };
        if field.is_primitive() {
            self.leaf(field, name, hint, depth);
        } else if is_map(field) || depth.repetition > 1 {
            self.pass(field, name, nested(field));
        } else if let Some(element) = element_of(field) {
            let inside = depth.into(&field.get_fields()[0]);
            let hint = hint.and_then(hint_of_element);
            match element {
                Element::Repeated(element) => self.inside(element, name, hint, inside),
                Element::Inner(element) => self.field(element, name, hint, inside),
            }
        } else {
            self.inside(field, name, hint, depth);
        }
    }

    /// Walks what is in a field whose own repetition has been counted.
    fn inside(&mut self, field: &Type, name: String, hint: Option<&DataType>, depth: Depth) {
        if field.is_primitive() {
            self.leaf(field, name, hint, depth);
            return;
        }
        if field.get_fields().is_empty() {
            self.pass(field, name, nested(field));
            return;
        }
        for inner in field.get_fields() {
            let hint = hint.and_then(|hint| hint_of_field(hint, inner.name()));
            self.field(inner, format!("{name}.{}", inner.name()), hint, depth);
        }
    }

    fn leaf(&mut self, field: &Type, name: String, hint: Option<&DataType>, depth: Depth) {
        if depth.repetition > 1 {
            self.pass(field, name, nested(field));
            return;
        }
        let own = primitive(field);
        let data_type = hint.map_or_else(|| own.clone(), |hint| hinted(&own, hint));
        let list = depth.list;
        self.leaves.push(Leaf { name, data_type, place: Some(self.next), list });
        self.next += 1;
    }

    /// Notes a field that is not read.
    fn pass(&mut self, field: &Type, name: String, data_type: DataType) {
        self.leaves.push(Leaf { name, data_type, place: None, list: None });
        self.next += count_leaves(field);
    }
}

/// What a list is of.
enum Element<'a> {
    /// The repeated field itself.
    Repeated(&'a Type),
    /// The one field in it.
    Inner(&'a Type),
}

/// Finds the element of a group that is marked as a list, whoever wrote it.
fn element_of(field: &Type) -> Option<Element<'_>> {
    let info = field.get_basic_info();
    let is_list = matches!(info.logical_type_ref(), Some(LogicalType::List))
        || info.converted_type() == ConvertedType::LIST;
    let [repeated] = field.get_fields() else { return None };
    if !is_list || repeated.get_basic_info().repetition() != Repetition::REPEATED {
        return None;
    }
    // The rules by which old writers are told apart are part of the format's description.
    let is_old = repeated.name() == "array" || repeated.name() == format!("{}_tuple", field.name());
    match repeated.is_group().then(|| repeated.get_fields()) {
        Some([inner]) if !is_old => Some(Element::Inner(inner)),
        _ => Some(Element::Repeated(repeated)),
    }
}

fn is_map(field: &Type) -> bool {
    let info = field.get_basic_info();
    matches!(info.logical_type_ref(), Some(LogicalType::Map))
        || matches!(info.converted_type(), ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE)
}

fn hint_of_element(hint: &DataType) -> Option<&DataType> {
    match hint {
        DataType::List(inner)
        | DataType::LargeList(inner)
        | DataType::ListView(inner)
        | DataType::LargeListView(inner)
        | DataType::FixedSizeList(inner, _) => Some(inner.data_type()),
        _ => None,
    }
}

fn hint_of_field<'a>(hint: &'a DataType, name: &str) -> Option<&'a DataType> {
    let DataType::Struct(fields) = hint else { return None };
    fields.find(name).map(|(_, field)| field.data_type())
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

/// The type of what is not read, for messages.
fn nested(field: &Type) -> DataType {
    let info = field.get_basic_info();
    let inner = Arc::new(Field::new("", DataType::Null, true));
    let is_list = matches!(info.logical_type_ref(), Some(LogicalType::List))
        || info.converted_type() == ConvertedType::LIST
        || info.repetition() == Repetition::REPEATED
        || field.is_primitive();
    match (is_map(field), is_list) {
        (true, _) => DataType::Map(inner, false),
        (_, true) => DataType::List(Arc::new(Field::new("", DataType::List(inner), true))),
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
        PhysicalType::INT96 => DataType::Timestamp(TimeUnit::Microsecond, None),
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
