//! Decoded columns into the columns core takes: ids, weights, times, labels.

use std::fmt::Write as _;

use arrow_schema::{DataType, TimeUnit};
use chrono::{DateTime, NaiveDateTime};
use ilk_core::data::{
    BadCell, Cells as IdCells, Guess, IdColumn, Moment, NumberColumn, TextColumn, TimeColumn,
    TimeRule,
};

use crate::{
    cells::{Cells, Column},
    decimal,
    dialect::Decimal,
    error::Error,
    schema::{is_decimal, type_name},
    text::{TextBuilder, Texts, is_text},
};

/// Which column is being read, for errors.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// Name of the file.
    pub(crate) file: &'a str,
    /// Name of the column.
    pub(crate) column: &'a str,
    /// Number of the first row, from 1.
    pub(crate) first_row: u64,
    /// Position of the file in the caller's list.
    pub(crate) number: u32,
    /// Where the rows stand in the file, from the first one on, if not one after the other.
    pub(crate) places: Option<&'a [u32]>,
}

impl<'a> Place<'a> {
    /// The beginning of a column.
    pub(crate) const fn new(file: &'a str, column: &'a str) -> Self {
        Self { file, column, first_row: 1, number: 0, places: None }
    }

    /// Returns the number of a row in its file, from 1.
    pub(crate) fn row(&self, row: usize) -> u64 {
        self.first_row + self.places.map_or(row as u64, |places| places[row].into())
    }

    pub(crate) fn misfit(self, found: &DataType, expected: &'static str) -> Error {
        Error::ColumnType {
            file: self.file.into(),
            column: self.column.into(),
            found: type_name(found),
            expected,
        }
    }

    /// The error of decoded cells of the wrong type.
    fn cells_misfit(self, cells: &Cells, expected: &'static str) -> Error {
        let found = match cells {
            Cells::Bool(_) => DataType::Boolean,
            Cells::Day(_) => DataType::Date32,
            Cells::Time(_, unit) => DataType::Timestamp(*unit, None),
            Cells::Uuid(_) => DataType::FixedSizeBinary(16),
            _ => DataType::Null,
        };
        self.misfit(&found, expected)
    }

    fn numeric_id(self, row: usize, value: String) -> Error {
        Error::NumericId {
            file: self.file.into(),
            column: self.column.into(),
            row: self.row(row),
            value,
        }
    }

    fn rounded_id(self, row: usize, value: f64) -> Error {
        Error::RoundedId {
            file: self.file.into(),
            column: self.column.into(),
            row: self.row(row),
            value: value.to_string(),
        }
    }
}

const IDS: &str = "integers, text or UUIDs";
const WEIGHTS: &str = "numbers";
const TIMES: &str = "dates, times or numbers";

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

/// An id column, and the rows whose id is no text (as null).
pub(crate) fn ids(place: Place<'_>, column: Column) -> Result<(IdColumn, Vec<u32>), Error> {
    let Column { cells, valid } = column;
    let signed = |values, valid| IdColumn::Integer(IdCells { values, valid });
    let ids = match cells {
        Cells::I64(values) => signed(values, valid),
        Cells::I32(values) => signed(values.into_iter().map(i64::from).collect(), valid),
        Cells::U32(values) => signed(values.into_iter().map(i64::from).collect(), valid),
        Cells::U64(values) => unsigned_ids(values, valid),
        Cells::F32(values) => {
            let values = values.into_iter().map(f64::from);
            float_ids(place, (values, ROUNDED_F32), valid.as_deref())?
        }
        Cells::F64(values) => {
            float_ids(place, (values.into_iter(), ROUNDED_F64), valid.as_deref())?
        }
        Cells::Decimal(..) | Cells::WideDecimal(..) => {
            decimal_ids(place, &Column { cells, valid })?
        }
        Cells::Uuid(_) => IdColumn::Text(uuids(&Column { cells, valid })),
        Cells::Null(rows) => signed(vec![0; rows], Some(vec![false; rows])),
        Cells::Text(Texts { column, unreadable }) => {
            return Ok((IdColumn::Text(without_empty(column)), unreadable));
        }
        other @ (Cells::Bool(_) | Cells::Day(_) | Cells::Time(..)) => {
            return Err(place.cells_misfit(&other, IDS));
        }
    };
    Ok((ids, Vec::new()))
}

/// Makes empty text null: as an id it names nobody.
fn without_empty(mut column: TextColumn) -> TextColumn {
    if !column.dictionary.iter().any(str::is_empty) {
        return column;
    }
    let is_empty = column.dictionary.iter().map(str::is_empty).collect::<Vec<_>>();
    for code in &mut column.codes {
        if is_empty.get(*code as usize) == Some(&true) {
            *code = TextColumn::NULL;
        }
    }
    column
}

fn unsigned_ids(values: Vec<u64>, valid: Option<Vec<bool>>) -> IdColumn {
    let limit = i64::MAX as u64;
    let is_there = |row: usize| valid.as_ref().is_none_or(|valid| valid[row]);
    // A sweep without branches first: null slots may hold anything.
    let wide = values.iter().fold(0, |all, value| all | value) > limit
        && values.iter().enumerate().any(|(row, value)| *value > limit && is_there(row));
    if wide {
        return IdColumn::Unsigned(IdCells { values, valid });
    }
    let values = values.into_iter().map(u64::cast_signed).collect();
    IdColumn::Integer(IdCells { values, valid })
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
        IdColumn::Unsigned(IdCells { values: values.map(|value| value as u64).collect(), valid })
    } else {
        IdColumn::Integer(IdCells { values: values.map(|value| value as i64).collect(), valid })
    })
}

/// From where on several whole numbers are one float.
const ROUNDED_F32: f64 = (1_u64 << f32::MANTISSA_DIGITS) as f64;
const ROUNDED_F64: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;

/// Floats that hold whole numbers; NaN stands for null, as pandas writes it. `rounded`: from where on
/// several numbers are one: pandas makes floats of integers beside nulls.
fn float_ids(
    place: Place<'_>,
    (values, rounded): (impl ExactSizeIterator<Item = f64>, f64),
    valid: Option<&[bool]>,
) -> Result<IdColumn, Error> {
    let mut whole = Vec::with_capacity(values.len());
    for (row, value) in values.enumerate() {
        let is_there = valid.is_none_or(|valid| valid[row]) && !value.is_nan();
        if is_there && (value.fract() != 0.0 || !(-9.3e18..1.85e19).contains(&value)) {
            return Err(place.numeric_id(row, value.to_string()));
        }
        if is_there && value.abs() >= rounded {
            return Err(place.rounded_id(row, value));
        }
        whole.push(is_there.then_some(value as i128));
    }
    whole_ids(whole).map_err(|(row, value)| place.numeric_id(row, value.to_string()))
}

fn decimal_ids(place: Place<'_>, column: &Column) -> Result<IdColumn, Error> {
    let mut whole = Vec::with_capacity(column.len());
    for (row, text) in decimals(column).enumerate() {
        let id = text.as_deref().map(decimal::whole);
        if id == Some(None) {
            return Err(place.numeric_id(row, text.unwrap_or_default()));
        }
        whole.push(id.flatten());
    }
    whole_ids(whole).map_err(|(row, value)| place.numeric_id(row, value.to_string()))
}

/// The cells of a decimal column as text with a point; of other columns there are none.
fn decimals(column: &Column) -> impl Iterator<Item = Option<String>> {
    let count = match &column.cells {
        Cells::Decimal(..) | Cells::WideDecimal(..) => column.len(),
        _ => 0,
    };
    (0..count).map(|row| {
        let text = match &column.cells {
            Cells::Decimal(values, scale) => decimal::text(&values[row].to_string(), *scale),
            Cells::WideDecimal(values, scale) => decimal::text(&values[row], *scale),
            _ => return None,
        };
        column.is_valid(row).then_some(text)
    })
}

/// UUIDs in their canonical form: small letters, with hyphens.
fn uuids(column: &Column) -> TextColumn {
    let mut builder = TextBuilder::with_capacity(column.len());
    let Cells::Uuid(uuids) = &column.cells else { return builder.finish() };
    let mut text = String::with_capacity(36);
    for (row, bytes) in uuids.iter().enumerate() {
        text.clear();
        for (place, byte) in bytes.iter().enumerate() {
            if matches!(place, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        builder.push(column.is_valid(row).then_some(text.as_str()));
    }
    builder.finish()
}

/// Numbers of any type as floats, NaN for null; `None` for other types.
pub(crate) fn floats(column: &Column) -> Option<Vec<f64>> {
    let mut values: Vec<f64> = match &column.cells {
        Cells::Bool(values) => values.iter().map(|value| f64::from(u8::from(*value))).collect(),
        Cells::I32(values) => values.iter().map(|value| *value as f64).collect(),
        Cells::U32(values) => values.iter().map(|value| *value as f64).collect(),
        Cells::I64(values) => values.iter().map(|value| *value as f64).collect(),
        Cells::U64(values) => values.iter().map(|value| *value as f64).collect(),
        Cells::F32(values) => values.iter().map(|value| *value as f64).collect(),
        Cells::F64(values) => values.clone(),
        Cells::Null(rows) => vec![f64::NAN; *rows],
        Cells::Decimal(..) | Cells::WideDecimal(..) => {
            let number = |text: Option<String>| text.and_then(|text| text.parse().ok());
            decimals(column).map(|text| number(text).unwrap_or(f64::NAN)).collect()
        }
        Cells::Day(_) | Cells::Time(..) | Cells::Uuid(_) | Cells::Text(_) => return None,
    };
    if let Some(valid) = &column.valid {
        let nulls = values.iter_mut().zip(valid).filter(|(_, valid)| !**valid);
        nulls.for_each(|(value, _)| *value = f64::NAN);
    }
    Some(values)
}

/// A weight column.
pub(crate) fn weights(
    place: Place<'_>,
    column: Column,
    decimal: Decimal,
) -> Result<NumberColumn, Error> {
    let (values, bad) = match column {
        Column { cells: Cells::F64(values), valid: None } => (values, Vec::new()),
        Column { cells: Cells::Text(texts), .. } => {
            parsed(texts, |text| decimal.parse(text), f64::NAN)
        }
        other => match floats(&other) {
            Some(values) => (values, Vec::new()),
            None => return Err(place.cells_misfit(&other.cells, WEIGHTS)),
        },
    };
    Ok(NumberColumn { values, bad })
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
            bad.push(BadCell::new(row, "bytes that are not text"));
        }
        let Some(value) = values.get(*code as usize) else { return none };
        value.unwrap_or_else(|| {
            bad.push(BadCell::new(row, column.dictionary.get(*code as usize)));
            none
        })
    };
    let values = column.codes.iter().enumerate().map(&mut cell).collect();
    (values, bad)
}

/// Points in time of any type, in microseconds; cells out of range are listed.
pub(crate) fn times(
    place: Place<'_>,
    column: Column,
    rule: &TimeRule,
) -> Result<TimeColumn, Error> {
    const DAY: i64 = 86_400_000_000;
    let Column { cells, valid } = column;
    let mut moments = Moments::new(place, valid.as_deref());
    match cells {
        Cells::Time(values, TimeUnit::Microsecond) if valid.is_none() => {
            return Ok(TimeColumn { values, ..TimeColumn::default() });
        }
        Cells::Time(values, unit) => moments.instants(&values, |time| match unit {
            TimeUnit::Second => time.checked_mul(1_000_000),
            TimeUnit::Millisecond => time.checked_mul(1_000),
            TimeUnit::Microsecond => Some(time),
            TimeUnit::Nanosecond => Some(time.div_euclid(1_000)),
        }),
        Cells::Day(values) => moments.instants(&values, |day| i64::from(day).checked_mul(DAY)),
        Cells::I32(values) => moments.numbers(&values, |value| rule.whole(value.into())),
        Cells::U32(values) => moments.numbers(&values, |value| rule.whole(value.into())),
        Cells::I64(values) => moments.numbers(&values, |value| rule.whole(value.into())),
        Cells::U64(values) => moments.numbers(&values, |value| rule.whole(value.into())),
        Cells::Text(texts) => return Ok(text_times(place, &texts, rule)),
        Cells::Bool(_) => return Err(place.cells_misfit(&cells, TIMES)),
        cells => {
            let column = Column { cells, valid: valid.clone() };
            let floats = floats(&column).ok_or_else(|| place.cells_misfit(&column.cells, TIMES))?;
            moments.numbers(&floats, |value| rule.float(value));
        }
    }
    Ok(moments.column)
}

/// Text that is read as times, each distinct string once.
fn text_times(place: Place<'_>, texts: &Texts, rule: &TimeRule) -> TimeColumn {
    let Texts { column, unreadable } = texts;
    let moments: Vec<_> = column.dictionary.iter().map(|text| rule.text(text)).collect();
    let mut unreadable = unreadable.iter().peekable();
    let mut times = TimeColumn::default();
    for (row, code) in column.codes.iter().enumerate() {
        let text = column.get(row);
        let broken = unreadable.next_if(|broken| **broken as usize == row);
        let moment = moments.get(*code as usize).copied().flatten();
        let raw = broken.map(|_| "bytes that are no text").or(text.filter(|text| !text.is_empty()));
        push_time(&mut times, place, row, moment, raw);
    }
    times
}

/// Appends a cell that was read as a time, or was not: then `raw` is what stood there, unless
/// nothing did.
pub(crate) fn push_time(
    times: &mut TimeColumn,
    place: Place<'_>,
    row: usize,
    moment: Option<Moment>,
    raw: Option<&str>,
) {
    times.values.push(moment.map_or(TimeColumn::NONE, |moment| moment.micros));
    match (moment, raw) {
        (Some(Moment { guess, .. }), _) if guess != Guess::None => {
            let value = raw.and_then(|text| text.trim().parse().ok()).unwrap_or_default();
            times.guesses.note(guess, value, place.number, place.row(row));
        }
        (None, Some(raw)) => times.bad.push(BadCell::new(row as u32, raw)),
        _ => {}
    }
}

/// A time column being made of numbers.
struct Moments<'a> {
    place: Place<'a>,
    valid: Option<&'a [bool]>,
    column: TimeColumn,
}

impl<'a> Moments<'a> {
    fn new(place: Place<'a>, valid: Option<&'a [bool]>) -> Self {
        Self { place, valid, column: TimeColumn::default() }
    }

    /// Takes over points in time.
    fn instants<T: Copy + std::fmt::Display>(
        &mut self,
        values: &[T],
        micros: impl Fn(T) -> Option<i64>,
    ) {
        self.column.values.reserve(values.len());
        for (row, value) in values.iter().enumerate() {
            self.push(row, *value, micros(*value));
        }
    }

    /// Takes over numbers; NaN is null.
    fn numbers<T: Copy + std::fmt::Display + Number>(
        &mut self,
        values: &[T],
        moment: impl Fn(T) -> Option<Moment>,
    ) {
        self.column.values.reserve(values.len());
        for (row, value) in values.iter().enumerate() {
            let number = value.float();
            let moment = if number.is_nan() { None } else { moment(*value) };
            let is_there = self.valid.is_none_or(|valid| valid[row]) && !number.is_nan();
            if let Some(Moment { guess, .. }) = moment.filter(|_| is_there)
                && guess != Guess::None
            {
                let at = self.place.row(row);
                self.column.guesses.note(guess, number, self.place.number, at);
            }
            if is_there {
                self.push(row, *value, moment.map(|moment| moment.micros));
            } else {
                self.column.values.push(TimeColumn::NONE);
            }
        }
    }

    fn push<T: std::fmt::Display>(&mut self, row: usize, value: T, micros: Option<i64>) {
        if self.valid.is_some_and(|valid| !valid[row]) {
            self.column.values.push(TimeColumn::NONE);
            return;
        }
        self.column.values.push(micros.unwrap_or(TimeColumn::NONE));
        if micros.is_none() {
            self.column.bad.push(BadCell::new(row as u32, value.to_string()));
        }
    }
}

/// A number as a float, for messages.
trait Number {
    fn float(self) -> f64;
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Number for $number {
            fn float(self) -> f64 {
                self as f64
            }
        }
    )*};
}

numbers!(i32, u32, i64, u64, f64);

/// The cells of a column of any type as text.
pub(crate) fn labels(column: Column) -> TextColumn {
    let spelled = |text: &dyn Fn(usize) -> String| {
        let mut builder = TextBuilder::with_capacity(column.len());
        for row in 0..column.len() {
            builder.push(column.is_valid(row).then(|| text(row)).as_deref());
        }
        builder.finish()
    };
    match &column.cells {
        Cells::Text(_) => {}
        Cells::Uuid(_) => return uuids(&column),
        Cells::Null(rows) => {
            let codes = vec![TextColumn::NULL; *rows];
            return TextColumn { codes, ..TextColumn::default() };
        }
        Cells::Decimal(..) | Cells::WideDecimal(..) => {
            let mut builder = TextBuilder::with_capacity(column.len());
            decimals(&column).for_each(|text| builder.push(text.as_deref()));
            return builder.finish();
        }
        Cells::Bool(values) => return spelled(&|row| values[row].to_string()),
        Cells::I32(values) => return spelled(&|row| values[row].to_string()),
        Cells::U32(values) => return spelled(&|row| values[row].to_string()),
        Cells::I64(values) => return spelled(&|row| values[row].to_string()),
        Cells::U64(values) => return spelled(&|row| values[row].to_string()),
        Cells::F32(values) => return spelled(&|row| values[row].to_string()),
        Cells::F64(values) => return spelled(&|row| values[row].to_string()),
        Cells::Day(values) => {
            return spelled(&|row| {
                let day = values[row];
                let date = date(i64::from(day) * 86_400, TimeUnit::Second);
                date.map_or_else(|| day.to_string(), |date| date.date().to_string())
            });
        }
        Cells::Time(values, unit) => {
            return spelled(&|row| {
                let time = values[row];
                date(time, *unit).map_or_else(|| time.to_string(), |date| date.to_string())
            });
        }
    }
    let Cells::Text(texts) = column.cells else { return TextColumn::default() };
    texts.column
}

/// The date and time of a point in time, if the calendar reaches that far.
pub(crate) fn date(time: i64, unit: TimeUnit) -> Option<NaiveDateTime> {
    let per_second = match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    };
    let (seconds, rest) = (time.div_euclid(per_second), time.rem_euclid(per_second));
    let nanos = rest * (1_000_000_000 / per_second);
    DateTime::from_timestamp(seconds, nanos as u32).map(|date| date.naive_utc())
}
