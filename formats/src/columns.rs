//! Arrow arrays into the columns core takes: ids, weights, times, labels.

use std::fmt::Write as _;

use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType,
    cast::AsArray,
    make_array, new_null_array,
    temporal_conversions::{as_datetime, date32_to_datetime, date64_to_datetime},
    types::{
        Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
        Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
        TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
        TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
};
use arrow_data::transform::MutableArrayData;
use arrow_schema::{DataType, TimeUnit};
use ilk_core::{
    ids::{Cells, IdColumn, TextColumn},
    rows::{BadCell, NumberColumn, TimeColumn},
    time::{from_seconds, parse_time},
};

use crate::{
    error::Error,
    schema::{is_decimal, type_name},
    text::{TextBuilder, Texts, is_text, own_values, texts},
};

/// Runs `$body` with `$type` standing for the array's integer type.
macro_rules! with_integer_type {
    ($array:expr, $type:ident => $body:expr, else $other:expr) => {
        with_integer_type!(@ $array, $type, $body, $other,
            Int8 Int8Type, Int16 Int16Type, Int32 Int32Type, Int64 Int64Type,
            UInt8 UInt8Type, UInt16 UInt16Type, UInt32 UInt32Type, UInt64 UInt64Type)
    };
    (@ $array:expr, $type:ident, $body:expr, $other:expr, $($name:ident $arrow:ident),+) => {
        match *$array.data_type() {
            $(arrow_schema::DataType::$name => { type $type = arrow_array::types::$arrow; $body })+
            _ => $other,
        }
    };
}
pub(crate) use with_integer_type;

/// Which column is being read, for errors.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// Name of the file.
    pub(crate) file: &'a str,
    /// Name of the column.
    pub(crate) column: &'a str,
    /// Number of the first row, from 1.
    pub(crate) first_row: u64,
}

impl Place<'_> {
    fn misfit(self, found: &DataType, expected: &'static str) -> Error {
        Error::ColumnType {
            file: self.file.into(),
            column: self.column.into(),
            found: type_name(found),
            expected,
        }
    }

    fn numeric_id(self, row: usize, value: String) -> Error {
        Error::NumericId {
            file: self.file.into(),
            column: self.column.into(),
            row: self.first_row + row as u64,
            value,
        }
    }
}

const IDS: &str = "integers, text or UUIDs";
const WEIGHTS: &str = "numbers";
const TIMES: &str = "dates, times, or numbers of seconds since 1970";

/// Checks that a type serves as ids.
pub(crate) fn check_id(place: Place<'_>, data_type: &DataType) -> Result<(), Error> {
    let serves = match data_type {
        DataType::Dictionary(_, values) => return check_id(place, values),
        DataType::Null | DataType::FixedSizeBinary(_) => true,
        other => other.is_integer() || other.is_floating() || is_decimal(other) || is_text(other),
    };
    if serves { Ok(()) } else { Err(place.misfit(data_type, IDS)) }
}

/// Checks that a type serves as weights.
pub(crate) fn check_weight(place: Place<'_>, data_type: &DataType) -> Result<(), Error> {
    let serves = match data_type {
        DataType::Dictionary(_, values) => return check_weight(place, values),
        DataType::Null | DataType::Boolean => true,
        other => other.is_integer() || other.is_floating() || is_decimal(other) || is_text(other),
    };
    if serves { Ok(()) } else { Err(place.misfit(data_type, WEIGHTS)) }
}

/// Checks that a type serves as times.
pub(crate) fn check_time(place: Place<'_>, data_type: &DataType) -> Result<(), Error> {
    let serves = match data_type {
        DataType::Dictionary(_, values) => return check_time(place, values),
        DataType::Null | DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => true,
        other => other.is_integer() || other.is_floating() || is_decimal(other) || is_text(other),
    };
    if serves { Ok(()) } else { Err(place.misfit(data_type, TIMES)) }
}

/// Checks that a type serves as labels.
pub(crate) fn check_label(place: Place<'_>, data_type: &DataType) -> Result<(), Error> {
    let serves = match data_type {
        DataType::Dictionary(_, values) => return check_label(place, values),
        DataType::Boolean | DataType::FixedSizeBinary(_) => true,
        other => check_time(place, other).is_ok(),
    };
    if serves { Ok(()) } else { Err(place.misfit(data_type, "text, numbers or dates")) }
}

/// Unpacks a dictionary of anything but text: only text gains from staying one.
pub(crate) fn unpack(array: ArrayRef) -> ArrayRef {
    if !matches!(array.data_type(), DataType::Dictionary(..)) || is_text(array.data_type()) {
        return array;
    }
    let dictionary = array.as_any_dictionary();
    let values = dictionary.values().to_data();
    if values.is_empty() {
        return new_null_array(values.data_type(), array.len());
    }
    let mut unpacked = MutableArrayData::new(vec![&values], true, array.len());
    for (row, key) in dictionary.normalized_keys().into_iter().enumerate() {
        let extended = if dictionary.keys().is_null(row) {
            unpacked.try_extend_nulls(1)
        } else {
            unpacked.try_extend(0, key, key + 1)
        };
        extended.expect("values of one width have no offsets that could overflow");
    }
    make_array(unpacked.freeze())
}

/// An id column, and the rows whose id is no text (as null).
pub(crate) fn ids(place: Place<'_>, array: ArrayRef) -> Result<(IdColumn, Vec<u32>), Error> {
    let array = unpack(array);
    let column = match array.data_type() {
        DataType::Int64 => {
            let values = array.as_primitive::<Int64Type>().clone();
            drop(array);
            let (values, valid) = own_values::<_, i64>(values);
            IdColumn::Integer(Cells { values, valid })
        }
        DataType::UInt64 => {
            let values = array.as_primitive::<UInt64Type>().clone();
            drop(array);
            unsigned_ids(values)
        }
        DataType::Float16 => float_ids::<Float16Type>(place, &array, f64::from)?,
        DataType::Float32 => float_ids::<Float32Type>(place, &array, f64::from)?,
        DataType::Float64 => float_ids::<Float64Type>(place, &array, |v| v)?,
        DataType::FixedSizeBinary(16) => IdColumn::Text(uuids(array.as_ref())),
        DataType::Null => null_ids(array.len()),
        other if is_decimal(other) => decimal_ids(place, array.as_ref())?,
        other if is_text(other) => {
            let misfit = place.misfit(other, IDS);
            let Texts { column, unreadable } = texts(array).ok_or(misfit)?;
            return Ok((IdColumn::Text(column), unreadable));
        }
        DataType::Int8 => narrow_ids::<Int8Type>(&array),
        DataType::Int16 => narrow_ids::<Int16Type>(&array),
        DataType::Int32 => narrow_ids::<Int32Type>(&array),
        DataType::UInt8 => narrow_ids::<UInt8Type>(&array),
        DataType::UInt16 => narrow_ids::<UInt16Type>(&array),
        DataType::UInt32 => narrow_ids::<UInt32Type>(&array),
        other => return Err(place.misfit(other, IDS)),
    };
    Ok((column, Vec::new()))
}

fn narrow_ids<T: ArrowPrimitiveType<Native: Into<i64>>>(array: &ArrayRef) -> IdColumn {
    let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
    let values = array.as_primitive::<T>().values().iter();
    IdColumn::Integer(Cells {
        values: values.map(|value| (*value).into()).collect(),
        valid: nulls.map(|nulls| nulls.iter().collect()),
    })
}

fn null_ids(rows: usize) -> IdColumn {
    IdColumn::Integer(Cells { values: vec![0; rows], valid: Some(vec![false; rows]) })
}

fn unsigned_ids(array: arrow_array::PrimitiveArray<UInt64Type>) -> IdColumn {
    let limit = i64::MAX as u64;
    // A sweep without branches first: null slots may hold anything.
    let wide = array.values().iter().fold(0, |all, value| all | value) > limit
        && array.iter().flatten().any(|value| value > limit);
    if wide {
        let (values, valid) = own_values::<_, u64>(array);
        return IdColumn::Unsigned(Cells { values, valid });
    }
    let (values, valid) = own_values::<_, i64>(array);
    IdColumn::Integer(Cells { values, valid })
}

/// Puts whole numbers into the narrowest kind of id column.
fn whole_ids(values: Vec<Option<i128>>) -> Result<IdColumn, (usize, i128)> {
    let fits = |value: i128, least: i128, most: i128| (least..=most).contains(&value);
    let wide = values.iter().flatten().any(|value| *value > i64::MAX as i128);
    // One that needs the sign keeps those past its range out.
    let signed = values.iter().flatten().any(|value| *value < 0);
    let most = if signed { i64::MAX as i128 } else { u64::MAX as i128 };
    let misfit = values.iter().enumerate().find_map(|(row, value)| {
        value.filter(|value| !fits(*value, i64::MIN as i128, most)).map(|value| (row, value))
    });
    if let Some(misfit) = misfit {
        return Err(misfit);
    }
    let valid = values
        .iter()
        .any(Option::is_none)
        .then(|| values.iter().map(Option::is_some).collect::<Vec<_>>());
    let values = values.into_iter().map(Option::unwrap_or_default);
    Ok(if wide {
        IdColumn::Unsigned(Cells { values: values.map(|value| value as u64).collect(), valid })
    } else {
        IdColumn::Integer(Cells { values: values.map(|value| value as i64).collect(), valid })
    })
}

/// Floats that hold whole numbers; NaN stands for null, as pandas writes it.
fn float_ids<T: ArrowPrimitiveType>(
    place: Place<'_>,
    array: &ArrayRef,
    widen: impl Fn(T::Native) -> f64,
) -> Result<IdColumn, Error> {
    let mut whole = Vec::with_capacity(array.len());
    for (row, value) in array.as_primitive::<T>().iter().enumerate() {
        let value = value.map(&widen).filter(|value| !value.is_nan());
        if let Some(value) = value
            && (value.fract() != 0.0 || !(-9.3e18..1.85e19).contains(&value))
        {
            return Err(place.numeric_id(row, value.to_string()));
        }
        whole.push(value.map(|value| value as i128));
    }
    whole_ids(whole).map_err(|(row, value)| place.numeric_id(row, value.to_string()))
}

fn decimal_ids(place: Place<'_>, array: &dyn Array) -> Result<IdColumn, Error> {
    let mut whole = Vec::with_capacity(array.len());
    let mut failure = None;
    each_decimal(array, |row, value| {
        let id = value.as_ref().map(Decimal::whole);
        if id == Some(None) && failure.is_none() {
            failure = value.map(|value| place.numeric_id(row, value.text()));
        }
        whole.push(id.flatten());
    });
    match failure {
        Some(failure) => Err(failure),
        None => whole_ids(whole).map_err(|(row, value)| place.numeric_id(row, value.to_string())),
    }
}

/// A decimal: digits and where the point stands.
struct Decimal {
    /// Sign and digits.
    digits: String,
    /// Digits after the point; below zero, zeros to append.
    scale: i8,
}

impl Decimal {
    /// Returns the number as text, without an exponent.
    fn text(&self) -> String {
        let (sign, digits) =
            self.digits.strip_prefix('-').map_or(("", self.digits.as_str()), |rest| ("-", rest));
        let Ok(scale) = usize::try_from(self.scale) else {
            let zeros = if digits == "0" { 0 } else { self.scale.unsigned_abs() as usize };
            return format!("{sign}{digits}{}", "0".repeat(zeros));
        };
        if scale == 0 {
            return self.digits.clone();
        }
        let digits = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        format!("{sign}{whole}.{fraction}")
    }

    /// Returns the number if it is whole and of a sensible size.
    fn whole(&self) -> Option<i128> {
        let text = self.text();
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        if fraction.bytes().any(|digit| digit != b'0') {
            return None;
        }
        whole.parse().ok()
    }
}

/// Walks the cells of a decimal array; false for other types.
fn each_decimal(array: &dyn Array, mut f: impl FnMut(usize, Option<Decimal>)) -> bool {
    macro_rules! walk {
        ($type:ty, $scale:expr) => {
            for (row, value) in array.as_primitive::<$type>().iter().enumerate() {
                let decimal =
                    |value| Decimal { digits: ToString::to_string(&value), scale: $scale };
                f(row, value.map(decimal));
            }
        };
    }
    match *array.data_type() {
        DataType::Decimal32(_, scale) => walk!(Decimal32Type, scale),
        DataType::Decimal64(_, scale) => walk!(Decimal64Type, scale),
        DataType::Decimal128(_, scale) => walk!(Decimal128Type, scale),
        DataType::Decimal256(_, scale) => walk!(Decimal256Type, scale),
        _ => return false,
    }
    true
}

/// UUIDs in their canonical form: small letters, with hyphens.
fn uuids(array: &dyn Array) -> TextColumn {
    let mut builder = TextBuilder::with_capacity(array.len());
    let mut text = String::with_capacity(36);
    for bytes in array.as_fixed_size_binary() {
        text.clear();
        for (place, byte) in bytes.unwrap_or_default().iter().enumerate() {
            if matches!(place, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        builder.push(bytes.map(|_| text.as_str()));
    }
    builder.finish()
}

/// Numbers of any type as floats, NaN for null; `None` for other types.
pub(crate) fn floats(array: &dyn Array) -> Option<Vec<f64>> {
    fn walk<T: ArrowPrimitiveType>(array: &dyn Array, f: impl Fn(T::Native) -> f64) -> Vec<f64> {
        let cells = array.as_primitive::<T>();
        if cells.null_count() == 0 {
            return cells.values().iter().map(|value| f(*value)).collect();
        }
        cells.iter().map(|value| value.map_or(f64::NAN, &f)).collect()
    }
    Some(match array.data_type() {
        DataType::Float16 => walk::<Float16Type>(array, f64::from),
        DataType::Float32 => walk::<Float32Type>(array, f64::from),
        DataType::Float64 => walk::<Float64Type>(array, |value| value),
        DataType::Boolean => {
            let number = |value| if value { 1.0 } else { 0.0 };
            array.as_boolean().iter().map(|value| value.map_or(f64::NAN, number)).collect()
        }
        DataType::Null => vec![f64::NAN; array.len()],
        _ => {
            let mut values = Vec::with_capacity(array.len());
            let number = |value: Decimal| value.text().parse().unwrap_or(f64::NAN);
            if each_decimal(array, |_, value| values.push(value.map_or(f64::NAN, number))) {
                return Some(values);
            }
            with_integer_type!(array, T => walk::<T>(array, |value| value as f64), else return None)
        }
    })
}

/// A weight column.
pub(crate) fn weights(place: Place<'_>, array: ArrayRef) -> Result<NumberColumn, Error> {
    let array = unpack(array);
    if matches!(array.data_type(), DataType::Float64) && array.null_count() == 0 {
        let values = array.as_primitive::<Float64Type>().clone();
        drop(array);
        return Ok(NumberColumn { values: own_values::<_, f64>(values).0, bad: Vec::new() });
    }
    if let Some(values) = floats(array.as_ref()) {
        return Ok(NumberColumn { values, bad: Vec::new() });
    }
    let misfit = place.misfit(array.data_type(), WEIGHTS);
    let (values, bad) = parsed(texts(array).ok_or(misfit)?, parse_weight, f64::NAN);
    Ok(NumberColumn { values, bad })
}

/// Parses a weight; text such as `nan` is none.
pub(crate) fn parse_weight(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|weight: &f64| !weight.is_nan())
}

/// Parses each distinct string once. Bytes that are no text are bad cells too.
fn parsed<T: Copy>(
    texts: Texts,
    parse: impl Fn(&str) -> Option<T>,
    none: T,
) -> (Vec<T>, Vec<BadCell>) {
    let Texts { column, unreadable } = texts;
    let values: Vec<Option<T>> = column.dictionary.iter().map(parse).collect();
    let mut unreadable = unreadable.into_iter().peekable();
    let mut bad = Vec::new();
    let mut cell = |(row, code): (usize, &u32)| {
        let row = row as u32;
        if unreadable.next_if_eq(&row).is_some() {
            bad.push(BadCell { row, text: "bytes that are no text".into() });
        }
        let Some(value) = values.get(*code as usize) else { return none };
        value.unwrap_or_else(|| {
            bad.push(BadCell { row, text: column.dictionary.get(*code as usize).into() });
            none
        })
    };
    let values = column.codes.iter().enumerate().map(&mut cell).collect();
    (values, bad)
}

/// Points in time of any type, in microseconds; cells out of range are listed.
pub(crate) fn times(place: Place<'_>, array: ArrayRef) -> Result<TimeColumn, Error> {
    const DAY: i64 = 86_400_000_000;
    let array = unpack(array);
    let column = match array.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, _) if array.null_count() == 0 => {
            let values = array.as_primitive::<TimestampMicrosecondType>().clone();
            drop(array);
            let (values, _) = own_values::<_, i64>(values);
            TimeColumn { values, bad: Vec::new() }
        }
        DataType::Timestamp(unit, _) => match unit {
            TimeUnit::Second => {
                instants::<TimestampSecondType>(&array, |t| t.checked_mul(1_000_000))
            }
            TimeUnit::Millisecond => {
                instants::<TimestampMillisecondType>(&array, |t| t.checked_mul(1_000))
            }
            TimeUnit::Microsecond => instants::<TimestampMicrosecondType>(&array, Some),
            TimeUnit::Nanosecond => {
                instants::<TimestampNanosecondType>(&array, |t| Some(t.div_euclid(1_000)))
            }
        },
        DataType::Date32 => instants::<Date32Type>(&array, |day| (day as i64).checked_mul(DAY)),
        DataType::Date64 => instants::<Date64Type>(&array, |t| t.checked_mul(1_000)),
        other if is_text(other) => {
            let misfit = place.misfit(other, TIMES);
            let texts = texts(array).ok_or(misfit)?;
            let (values, bad) = parsed(texts, parse_time, TimeColumn::NONE);
            TimeColumn { values, bad }
        }
        other => with_integer_type!(array, T => instants::<T>(&array, |seconds| {
            i64::try_from(i128::from(seconds) * 1_000_000).ok()
        }), else {
            if *other == DataType::Boolean {
                return Err(place.misfit(other, TIMES));
            }
            let seconds = floats(array.as_ref()).ok_or_else(|| place.misfit(other, TIMES))?;
            seconds_column(&seconds)
        }),
    };
    Ok(column)
}

fn instants<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    micros: impl Fn(T::Native) -> Option<i64>,
) -> TimeColumn {
    let mut bad = Vec::new();
    let mut cell = |(row, value): (usize, Option<T::Native>)| {
        let Some(value) = value else { return TimeColumn::NONE };
        micros(value).unwrap_or_else(|| {
            bad.push(BadCell { row: row as u32, text: format!("{value:?}") });
            TimeColumn::NONE
        })
    };
    let values = array.as_primitive::<T>().iter().enumerate().map(&mut cell).collect();
    TimeColumn { values, bad }
}

fn seconds_column(seconds: &[f64]) -> TimeColumn {
    let mut bad = Vec::new();
    let mut cell = |(row, seconds): (usize, &f64)| {
        from_seconds(*seconds).unwrap_or_else(|| {
            if !seconds.is_nan() {
                bad.push(BadCell { row: row as u32, text: seconds.to_string() });
            }
            TimeColumn::NONE
        })
    };
    let values = seconds.iter().enumerate().map(&mut cell).collect();
    TimeColumn { values, bad }
}

/// The cells of a column of any type as text.
pub(crate) fn labels(place: Place<'_>, array: ArrayRef) -> Result<TextColumn, Error> {
    let array = unpack(array);
    let cells = array.as_ref();
    let mut builder = TextBuilder::with_capacity(cells.len());
    match cells.data_type() {
        other if is_text(other) => {
            let misfit = place.misfit(other, "text");
            return Ok(texts(array).ok_or(misfit)?.column);
        }
        DataType::FixedSizeBinary(16) => return Ok(uuids(cells)),
        DataType::Null => (0..cells.len()).for_each(|_| builder.push(None)),
        DataType::Boolean => {
            let name = |value| if value { "true" } else { "false" };
            cells.as_boolean().iter().for_each(|value| builder.push(value.map(name)));
        }
        DataType::Float16 => spell::<Float16Type>(cells, &mut builder, |v| v.to_string()),
        DataType::Float32 => spell::<Float32Type>(cells, &mut builder, |v| v.to_string()),
        DataType::Float64 => spell::<Float64Type>(cells, &mut builder, |v| v.to_string()),
        DataType::Date32 => spell::<Date32Type>(cells, &mut builder, |day| {
            date32_to_datetime(day).map_or_else(|| day.to_string(), |d| d.date().to_string())
        }),
        DataType::Date64 => spell::<Date64Type>(cells, &mut builder, |time| {
            date64_to_datetime(time).map_or_else(|| time.to_string(), |d| d.to_string())
        }),
        DataType::Timestamp(unit, _) => match unit {
            TimeUnit::Second => spell_times::<TimestampSecondType>(cells, &mut builder),
            TimeUnit::Millisecond => spell_times::<TimestampMillisecondType>(cells, &mut builder),
            TimeUnit::Microsecond => spell_times::<TimestampMicrosecondType>(cells, &mut builder),
            TimeUnit::Nanosecond => spell_times::<TimestampNanosecondType>(cells, &mut builder),
        },
        other => {
            let is_decimal = each_decimal(cells, |_, value| {
                builder.push(value.map(|value| value.text()).as_deref());
            });
            if !is_decimal {
                with_integer_type!(cells, T => spell::<T>(cells, &mut builder, |v| v.to_string()),
                    else return Err(place.misfit(other, "text, numbers or dates")));
            }
        }
    }
    Ok(builder.finish())
}

fn spell<T: ArrowPrimitiveType>(
    cells: &dyn Array,
    builder: &mut TextBuilder,
    text: impl Fn(T::Native) -> String,
) {
    for value in cells.as_primitive::<T>() {
        builder.push(value.map(&text).as_deref());
    }
}

fn spell_times<T: ArrowPrimitiveType<Native = i64>>(cells: &dyn Array, builder: &mut TextBuilder) {
    spell::<T>(cells, builder, |time| {
        as_datetime::<T>(time).map_or_else(|| time.to_string(), |time| time.to_string())
    });
}
