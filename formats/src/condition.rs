//! `--where` conditions: a column, a comparison, a value.

use std::{cmp::Ordering, fmt, str::FromStr};

use arrow_schema::DataType;
use ilk_core::data::parse_time;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    error::Error,
    schema::{is_decimal, type_name},
    text::is_text,
};

/// How a cell must compare with the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// Longer signs first, so that `<=` is not read as `<`.
    const SIGNS: [(&str, Self); 6] = [
        ("!=", Self::NotEqual),
        ("<=", Self::LessOrEqual),
        (">=", Self::GreaterOrEqual),
        ("=", Self::Equal),
        ("<", Self::Less),
        (">", Self::Greater),
    ];

    /// Returns the sign.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    /// Returns true if a cell that compares so with the value satisfies it.
    pub const fn admits(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// A condition on one column, written `COL=VALUE` with one of `= != < <= > >=`.
///
/// Spaces around name and value do not count. Nulls satisfy no condition. Numbers compare as
/// numbers, dates and times as points in time, booleans with `true` and `false`; text of any format
/// compares as a number where both sides are numbers, else as bytes. Text is neither less nor more than a
/// number: such a row is set aside as unreadable.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Condition {
    /// Name of the column.
    pub column: String,
    /// How the cell must compare with the value.
    pub comparison: Comparison,
    /// The value, as written.
    pub value: String,
}

/// A condition that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a condition; write COL=VALUE with one of = != < <= > >=, as in country=FR"
)]
pub struct ConditionError {
    /// What was given.
    pub text: String,
}

impl FromStr for Condition {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        let failure = || ConditionError { text: text.into() };
        let start = text.find(['=', '!', '<', '>']).ok_or_else(failure)?;
        let (column, rest) = (text[..start].trim(), &text[start..]);
        let sign = Comparison::SIGNS.iter().find(|(sign, _)| rest.starts_with(sign));
        let (sign, comparison) = sign.ok_or_else(failure)?;
        let value = rest[sign.len()..].trim();
        // `==`, `<>` and `=>` are slips, not values that begin with a sign.
        if column.is_empty() || value.starts_with(['=', '<', '>']) {
            return Err(failure());
        }
        Ok(Self { column: column.into(), comparison: *comparison, value: value.into() })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.column, self.comparison.sign(), self.value)
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Condition {
    /// The error of a value that cannot be compared with the column's type.
    pub(crate) fn misfit(&self, column_type: &str, expected: &'static str) -> Error {
        Error::Literal {
            condition: self.to_string(),
            column_type: column_type.into(),
            value: self.value.clone(),
            expected,
        }
    }

    /// Returns whether a cell without a type satisfies the condition; `None` where less and more than a
    /// number are asked of text that is none. `number`: the value and the cell, where they are numbers.
    pub(crate) fn admits_untyped(
        &self,
        number: (Option<Number>, Option<Number>),
        cell: &str,
    ) -> Option<bool> {
        let is_alike = matches!(self.comparison, Comparison::Equal | Comparison::NotEqual);
        let order = match number {
            (Some(value), Some(cell)) => cell.compare(value),
            (Some(_), None) if !is_alike => return None,
            _ => Some(cell.cmp(&self.value)),
        };
        Some(order.is_some_and(|order| self.comparison.admits(order)))
    }
}

/// A number to compare with: exact where it is whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    /// A whole number.
    Whole(i128),
    /// Any other.
    Float(f64),
}

impl Number {
    /// Parses a finite number.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Ok(whole) = text.parse() {
            return Some(Self::Whole(whole));
        }
        text.parse().ok().filter(|float: &f64| float.is_finite()).map(Self::Float)
    }

    /// Compares two numbers: exactly where both are whole.
    pub(crate) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => Some(a.cmp(&b)),
            _ => self.float().partial_cmp(&other.float()),
        }
    }

    fn float(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Float(float) => float,
        }
    }
}

const NUMBER: &str = "a number";
const TIME: &str = "a date or time such as 2026-01-31 or 2026-01-31T12:00:00Z";
const BOOLEAN: &str = "true or false";
const NOTHING: &str = "a condition on a column of numbers, text, times or booleans";

/// Checks that the value of a condition can be compared with the column's type.
pub(crate) fn check_condition(
    condition: &Condition,
    number: Option<Number>,
    data_type: &DataType,
) -> Result<(), Error> {
    let data_type = match data_type {
        DataType::Dictionary(_, values) => values.as_ref(),
        other => other,
    };
    let value = condition.value.as_str();
    let (serves, expected) = match data_type {
        DataType::Boolean => (matches!(value, "true" | "false"), BOOLEAN),
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => {
            (parse_time(value).is_some(), TIME)
        }
        DataType::Null | DataType::FixedSizeBinary(_) => (true, NOTHING),
        other if other.is_numeric() || is_decimal(other) => (number.is_some(), NUMBER),
        other => (is_text(other), NOTHING),
    };
    if serves { Ok(()) } else { Err(condition.misfit(&type_name(data_type), expected)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_and_shown() {
        for (text, column, comparison, value) in [
            ("country=FR", "country", Comparison::Equal, "FR"),
            ("qty != 0", "qty", Comparison::NotEqual, "0"),
            (" Unit Price >= 1.5 ", "Unit Price", Comparison::GreaterOrEqual, "1.5"),
            ("a<=b=c", "a", Comparison::LessOrEqual, "b=c"),
            ("a>", "a", Comparison::Greater, ""),
            ("a<!b", "a", Comparison::Less, "!b"),
        ] {
            let condition: Condition = text.parse().unwrap();
            assert_eq!((&*condition.column, condition.comparison), (column, comparison), "{text}");
            assert_eq!(condition.value, value, "{text}");
            assert_eq!(condition.to_string().parse(), Ok(condition), "{text}");
        }
        for text in ["", "country", "=FR", "a==b", "a<>b", "a=>b", "a!b"] {
            assert!(text.parse::<Condition>().is_err(), "{text}");
        }
    }

    #[test]
    fn untyped_cells_compare_as_numbers_where_both_are() {
        for (text, cell, expected) in [
            ("a>9", "10", Some(true)),
            ("a>9", "x", None),
            ("a=9", "x", Some(false)),
            ("a!=9", "x", Some(true)),
            ("a=7", "007", Some(true)),
            ("a=7", "7.0", Some(true)),
            ("a=x", "7", Some(false)),
            ("a>b", "c", Some(true)),
            ("a<9007199254740993", "9007199254740992", Some(true)),
        ] {
            let condition: Condition = text.parse().unwrap();
            let number = Number::parse(&condition.value);
            let numbers = (number, Number::parse(cell));
            assert_eq!(condition.admits_untyped(numbers, cell), expected, "{text} with {cell}");
        }
    }
}
