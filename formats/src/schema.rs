//! Names and types of a file's columns, known before any row is read.

use arrow_schema::{DataType, TimeUnit};

use crate::error::Error;

/// What a column holds, as far as its choice as id, weight or time goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnKind {
    /// Integers of any width.
    Integer,
    /// Floats and decimals.
    Number,
    /// Text, also bytes without a type.
    Text,
    /// Cells of a format without types (CSV), and values of `key=value` folders.
    Untyped,
    /// Dates and points in time.
    Time,
    /// True and false.
    Boolean,
    /// UUIDs: 16 bytes each.
    Uuid,
    /// Lists, structures and everything else that serves as nothing here.
    Other,
}

/// One column of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, exactly as in the file.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// Its type in words, such as `32-bit integers`.
    pub type_name: String,
}

/// The columns of a file, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// The columns; names may repeat.
    pub columns: Vec<Column>,
}

impl Schema {
    /// Walks the names in the file's order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// Finds the one column of that name.
    ///
    /// # Errors
    /// [`Error::MissingColumn`] with the names there are and the nearest one,
    /// [`Error::DuplicateColumn`] where the name stands more than once.
    pub fn find(&self, file: &str, name: &str) -> Result<usize, Error> {
        let mut places = self.names().enumerate().filter(|(_, other)| *other == name);
        let Some((place, _)) = places.next() else {
            let names = self.names().collect::<Vec<_>>();
            // A whole header line as one column is a file read with the wrong delimiter.
            let (nearest, known) = match names[..] {
                [line] if line.contains([',', ';', '\t', '|', ' ']) => {
                    (None, format!("just one, `{line}`; is the delimiter right?"))
                }
                _ => (nearest(name, self.names()).map(String::from), names.join(", ")),
            };
            let (file, column) = (file.into(), name.into());
            let is_untyped = self.columns.iter().all(|one| one.kind == ColumnKind::Untyped);
            let is_data = |name: &str| name.is_empty() || name.parse::<f64>().is_ok();
            let looks_like_data = is_untyped && self.columns.len() > 1 && self.names().any(is_data);
            let hint = if nearest.is_none() && looks_like_data {
                "; if these are not names, use --no-header and name columns by number"
            } else {
                ""
            };
            return Err(Error::MissingColumn { file, column, nearest, known, hint });
        };
        match places.count() {
            0 => Ok(place),
            more => Err(Error::DuplicateColumn {
                file: file.into(),
                column: name.into(),
                count: more + 1,
            }),
        }
    }

    /// Describes columns of such names and types.
    pub(crate) fn of_types<'a>(columns: impl IntoIterator<Item = (&'a str, &'a DataType)>) -> Self {
        let column = |(name, data_type): (&str, &DataType)| Column {
            name: name.into(),
            kind: kind(data_type),
            type_name: type_name(data_type),
        };
        Self { columns: columns.into_iter().map(column).collect() }
    }

    /// Describes columns of text without types.
    pub(crate) fn of_untyped<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        let column = |name: S| Column {
            name: name.into(),
            kind: ColumnKind::Untyped,
            type_name: UNTYPED.into(),
        };
        Self { columns: names.into_iter().map(column).collect() }
    }
}

/// The type of cells in formats that have no types.
pub(crate) const UNTYPED: &str = "CSV text";

/// Finds the name most similar to `wanted`, if one is similar enough to be meant: letters of
/// either case count as the same, and so do `_`, `-` and spaces.
pub fn nearest<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = fold(wanted);
    let similarity = |name| strsim::jaro_winkler(&wanted, &fold(name));
    let scored = known.map(|name| (similarity(name), name)).filter(|(score, _)| *score >= 0.75);
    scored.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, name)| name)
}

/// Reduces a name to what is compared: small letters and digits only.
pub(crate) fn fold(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Sorts a type into its kind. A dictionary is what its values are.
pub(crate) fn kind(data_type: &DataType) -> ColumnKind {
    match data_type {
        DataType::Dictionary(_, values) => kind(values),
        _ if data_type.is_integer() => ColumnKind::Integer,
        _ if data_type.is_floating() || is_decimal(data_type) => ColumnKind::Number,
        DataType::FixedSizeBinary(16) => ColumnKind::Uuid,
        DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::Null
        | DataType::FixedSizeBinary(_) => ColumnKind::Text,
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => ColumnKind::Time,
        DataType::Boolean => ColumnKind::Boolean,
        _ => ColumnKind::Other,
    }
}

/// Returns true if the type is a decimal of any width.
pub(crate) fn is_decimal(data_type: &DataType) -> bool {
    use DataType::{Decimal32, Decimal64, Decimal128, Decimal256};
    matches!(data_type, Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..))
}

/// Describes a type in words, in the plural, as in "the column is …".
pub(crate) fn type_name(data_type: &DataType) -> String {
    let bits = |width: usize| 8 * width;
    match data_type {
        DataType::Dictionary(_, values) => type_name(values),
        DataType::Null => "only nulls".into(),
        DataType::Boolean => "booleans".into(),
        _ if data_type.is_integer() => {
            let width = data_type.primitive_width().map_or(0, bits);
            let unsigned = if data_type.is_unsigned_integer() { "unsigned " } else { "" };
            format!("{unsigned}{width}-bit integers")
        }
        _ if data_type.is_floating() => {
            format!("{}-bit floats", data_type.primitive_width().map_or(0, bits))
        }
        DataType::Decimal32(digits, scale)
        | DataType::Decimal64(digits, scale)
        | DataType::Decimal128(digits, scale)
        | DataType::Decimal256(digits, scale) => {
            format!("decimals of {digits} digits, {scale} of them after the point")
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".into(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "bytes".into(),
        DataType::FixedSizeBinary(16) => "UUIDs".into(),
        DataType::FixedSizeBinary(width) => format!("bytes, {width} each"),
        DataType::Date32 | DataType::Date64 => "dates".into(),
        DataType::Timestamp(unit, zone) => timestamp_name(*unit, zone.as_deref()),
        DataType::Time32(_) | DataType::Time64(_) => "times of day".into(),
        DataType::Duration(_) | DataType::Interval(_) => "durations".into(),
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::FixedSizeList(..) => "lists".into(),
        DataType::Struct(_) => "structures".into(),
        DataType::Map(..) => "maps".into(),
        other => other.to_string(),
    }
}

fn timestamp_name(unit: TimeUnit, zone: Option<&str>) -> String {
    let unit = match unit {
        TimeUnit::Second => "seconds",
        TimeUnit::Millisecond => "milliseconds",
        TimeUnit::Microsecond => "microseconds",
        TimeUnit::Nanosecond => "nanoseconds",
    };
    zone.map_or_else(|| format!("times in {unit}"), |zone| format!("times in {unit}, {zone}"))
}
