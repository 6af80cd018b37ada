//! How a CSV file is written: what people may say of it, and what was settled on.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A setting of a dialect that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid {setting} `{}`: expected {expected}", crate::error::printable(found))]
pub struct DialectError {
    /// The setting.
    pub setting: &'static str,
    /// What was given.
    pub found: String,
    /// What it takes.
    pub expected: &'static str,
}

/// Implements serde and parsing by [`FromStr`] and [`fmt::Display`].
macro_rules! by_text {
    ($($name:ty),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

by_text!(Delimiter, Quote, Escape, Encoding, Decimal);

/// What stands between fields: one character or several.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Delimiter(String);

impl Delimiter {
    /// Returns the text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Delimiter {
    fn default() -> Self {
        Self(",".into())
    }
}

impl FromStr for Delimiter {
    type Err = DialectError;

    /// Takes the text itself, `tab`, `space`, and escapes such as `\t` and `\x01`.
    fn from_str(text: &str) -> Result<Self, DialectError> {
        let failure = || DialectError {
            setting: "delimiter",
            found: text.into(),
            expected: "one to eight characters such as `;`, `::`, `\\t` or `\\x01`, without \
                       quotes and line breaks",
        };
        let plain = match text {
            "tab" => "\t".into(),
            "space" => " ".into(),
            _ => unescaped(text).ok_or_else(failure)?,
        };
        let is_long = plain.chars().count() > 8;
        if plain.is_empty() || is_long || plain.contains(['"', '\n', '\r', '\0']) {
            return Err(failure());
        }
        Ok(Self(plain))
    }
}

/// Replaces `\t`, `\\` and `\x01`; a single backslash stands for itself.
fn unescaped(text: &str) -> Option<String> {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('\\') {
        plain.push_str(&rest[..start]);
        rest = &rest[start + 1..];
        if let Some(after) = rest.strip_prefix('t') {
            plain.push('\t');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('x') {
            let code = u8::from_str_radix(after.get(..2)?, 16).ok().filter(u8::is_ascii)?;
            plain.push(char::from(code));
            rest = &after[2..];
        } else {
            plain.push('\\');
            rest = rest.strip_prefix('\\').unwrap_or(rest);
        }
    }
    plain.push_str(rest);
    Some(plain)
}

impl fmt::Display for Delimiter {
    /// Writes what [`FromStr`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '\t' => f.write_str("\\t")?,
                '\\' => f.write_str("\\\\")?,
                control if control.is_ascii_control() => write!(f, "\\x{:02x}", control as u32)?,
                other => write!(f, "{other}")?,
            }
        }
        Ok(())
    }
}

/// What encloses fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Quote {
    /// `"`
    #[default]
    Double,
    /// `'`
    Single,
    /// Nothing: quotes are text.
    None,
}

impl Quote {
    /// How each is written.
    pub const NAMES: &[&str] = &["\"", "'", "none"];

    /// Returns the byte.
    pub(crate) const fn byte(self) -> Option<u8> {
        match self {
            Self::Double => Some(b'"'),
            Self::Single => Some(b'\''),
            Self::None => None,
        }
    }
}

impl FromStr for Quote {
    type Err = DialectError;

    fn from_str(text: &str) -> Result<Self, DialectError> {
        match text {
            "\"" => Ok(Self::Double),
            "'" => Ok(Self::Single),
            "none" => Ok(Self::None),
            _ => Err(DialectError {
                setting: "quote",
                found: text.into(),
                expected: "`\"`, `'` or `none`",
            }),
        }
    }
}

impl fmt::Display for Quote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Double => "\"",
            Self::Single => "'",
            Self::None => "none",
        })
    }
}

/// How a quote stands inside an enclosed field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Escape {
    /// It is written twice.
    #[default]
    Doubled,
    /// A backslash stands before it; the byte after a backslash is taken as it is, anywhere.
    Backslash,
}

impl Escape {
    /// How each is written.
    pub const NAMES: &[&str] = &["\\", "none"];
}

impl FromStr for Escape {
    type Err = DialectError;

    fn from_str(text: &str) -> Result<Self, DialectError> {
        match text {
            "\\" => Ok(Self::Backslash),
            "none" => Ok(Self::Doubled),
            _ => Err(DialectError {
                setting: "escape",
                found: text.into(),
                expected: "`\\`, or `none` where quotes are doubled",
            }),
        }
    }
}

impl fmt::Display for Escape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Doubled => "none",
            Self::Backslash => "\\",
        })
    }
}

/// What stands before the fraction of a number that is text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Decimal {
    /// `1234.56`
    #[default]
    Point,
    /// `1234,56`, or `1.234,56`
    Comma,
}

impl Decimal {
    /// Parses a number; `nan` is none.
    ///
    /// With a comma, points and spaces are what they are in such text: between groups of three digits.
    pub fn parse(self, text: &str) -> Option<f64> {
        let text = text.trim();
        let number = match self {
            Self::Point => text.parse().ok(),
            Self::Comma => with_point(text)?.parse().ok(),
        };
        number.filter(|number: &f64| !number.is_nan())
    }

    /// Rewrites a number with a point, if it has none already.
    pub(crate) fn plain(self, text: &str) -> Option<std::borrow::Cow<'_, str>> {
        match self {
            Self::Point => Some(text.into()),
            Self::Comma => with_point(text.trim()).map(Into::into),
        }
    }
}

/// Rewrites `-1.234,56` as `-1234.56`; `None` for what is no such number.
fn with_point(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once(',').map_or((text, None), |(a, b)| (a, Some(b)));
    let (sign, whole) = match whole.strip_prefix(['-', '+']) {
        Some(rest) => (if whole.starts_with('-') { "-" } else { "" }, rest),
        None => ("", whole),
    };
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mut groups = whole.split(['.', ' ', '\u{a0}', '\u{202f}']);
    let first = groups.next().unwrap_or_default();
    let rest = groups.collect::<Vec<_>>();
    let is_grouped = rest.is_empty() || (1..=3).contains(&first.len());
    let is_sound = is_digits(first)
        && !(first.is_empty() && fraction.is_none())
        && is_grouped
        && rest.iter().all(|group| group.len() == 3 && is_digits(group))
        && fraction.is_none_or(|fraction| !fraction.is_empty() && is_digits(fraction));
    let fraction = fraction.map_or_else(String::new, |fraction| format!(".{fraction}"));
    is_sound.then(|| format!("{sign}{first}{}{fraction}", rest.concat()))
}

impl FromStr for Decimal {
    type Err = DialectError;

    fn from_str(text: &str) -> Result<Self, DialectError> {
        match text {
            "." => Ok(Self::Point),
            "," => Ok(Self::Comma),
            _ => {
                Err(DialectError { setting: "decimal", found: text.into(), expected: "`.` or `,`" })
            }
        }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Point => ".",
            Self::Comma => ",",
        })
    }
}

/// How characters are written as bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[default]
    Utf8,
    /// UTF-16 of either byte order, by its mark; without one the least significant byte is first.
    Utf16,
    /// ISO 8859-1.
    Latin1,
    /// The code page of Western Windows.
    Windows1252,
}

impl Encoding {
    /// How each is written; some have other names too.
    pub const NAMES: &[&str] = &["utf-8", "utf-16", "latin-1", "windows-1252"];
}

impl FromStr for Encoding {
    type Err = DialectError;

    fn from_str(text: &str) -> Result<Self, DialectError> {
        match text.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Ok(Self::Utf8),
            "utf-16" | "utf16" | "utf-16le" | "utf-16be" => Ok(Self::Utf16),
            "latin-1" | "latin1" | "iso-8859-1" => Ok(Self::Latin1),
            "windows-1252" | "cp1252" => Ok(Self::Windows1252),
            _ => Err(DialectError {
                setting: "encoding",
                found: text.into(),
                expected: "utf-8, utf-16, latin-1 or windows-1252",
            }),
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Utf8 => "utf-8",
            Self::Utf16 => "utf-16",
            Self::Latin1 => "latin-1",
            Self::Windows1252 => "windows-1252",
        })
    }
}

/// How many bytes a record has at most: a number, or text with a unit, as in `1MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecordSize(pub usize);

impl RecordSize {
    const UNITS: [(&str, usize); 7] = [
        ("", 1),
        ("b", 1),
        ("kib", 1 << 10),
        ("mib", 1 << 20),
        ("gib", 1 << 30),
        ("kb", 1_000),
        ("mb", 1_000_000),
    ];
}

impl FromStr for RecordSize {
    type Err = DialectError;

    fn from_str(text: &str) -> Result<Self, DialectError> {
        let failure = || DialectError {
            setting: "max_record_size",
            found: text.into(),
            expected: "a number of bytes, or a size such as 64KiB or 4MiB",
        };
        let trimmed = text.trim();
        let end = trimmed.bytes().take_while(|byte| matches!(byte, b'0'..=b'9' | b'.')).count();
        let (number, unit) = trimmed.split_at(end);
        let unit = unit.trim().to_ascii_lowercase();
        let (_, bytes) = Self::UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(failure)?;
        let number: f64 = number.parse().map_err(|_| failure())?;
        let size = number * *bytes as f64;
        // Records are counted in 32 bits.
        if (1.0..=(1_u64 << 30) as f64).contains(&size) {
            Ok(Self(size as usize))
        } else {
            Err(failure())
        }
    }
}

impl fmt::Display for RecordSize {
    /// Writes what [`FromStr`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B")];
        let exact = units.into_iter().find(|(unit, _)| self.0.is_multiple_of(*unit));
        let (unit, name) = exact.unwrap_or((1, "B"));
        write!(f, "{}{name}", self.0 / unit)
    }
}

impl Serialize for RecordSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RecordSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Bytes(u64),
            Text(String),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Bytes(bytes) => bytes.to_string(),
            Written::Text(text) => text,
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Whether the first record names the columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Header {
    /// It does.
    #[default]
    Named,
    /// It does not: columns are called 1, 2, 3.
    Absent,
}

/// What is said of CSV files; what is `None` is detected from the first 256 KiB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CsvOptions {
    /// What stands between fields.
    pub delimiter: Option<Delimiter>,
    /// What encloses fields.
    pub quote: Option<Quote>,
    /// How a quote stands inside an enclosed field.
    pub escape: Option<Escape>,
    /// Whether the first record names the columns.
    pub header: Header,
    /// Lines before the header, or the first record, that are passed over.
    pub skip_lines: u64,
    /// How characters are written; UTF-8 where no byte order mark says otherwise.
    pub encoding: Option<Encoding>,
    /// What a line begins with that is passed over.
    pub comment: Option<String>,
    /// Bytes of a record at most; longer ones are unreadable. 1 MiB where `None`.
    pub max_record_size: Option<usize>,
    /// Bytes of the pieces that threads share a file out by; for tests.
    #[doc(hidden)]
    pub piece_size: Option<u64>,
}

impl CsvOptions {
    /// Bytes of a record at most where nothing is said.
    pub const MAX_RECORD_SIZE: usize = 1 << 20;

    /// Returns the most bytes of a record.
    pub(crate) fn max_record(&self) -> usize {
        self.max_record_size.unwrap_or(Self::MAX_RECORD_SIZE).clamp(1, 1 << 30)
    }
}

/// What ends lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LineEnd {
    /// `\n` and `\r\n`.
    #[default]
    Lf,
    /// `\r` alone too.
    Cr,
}

/// The dialect that a file is read in.
#[derive(Clone, Debug, PartialEq)]
pub struct Dialect {
    /// What stands between fields.
    pub delimiter: Delimiter,
    /// What encloses fields.
    pub quote: Quote,
    /// How a quote stands inside an enclosed field.
    pub escape: Escape,
    /// How characters are written.
    pub encoding: Encoding,
    /// Whether a record names the columns.
    pub header: Header,
    /// Number of the line that names the columns, from 1; of the first record where none does.
    pub header_line: u64,
    /// Fields of a record.
    pub fields: usize,
    pub(crate) line_end: LineEnd,
    /// Share of the records of the sample that are unreadable.
    pub(crate) malformed: f64,
    /// The dialect that was nearly as likely, in words.
    pub(crate) runner_up: Option<String>,
}

impl Dialect {
    /// Returns true if this is CSV as most write it: commas, `"` doubled, UTF-8, a header first.
    pub fn is_plain(&self) -> bool {
        self.delimiter == Delimiter::default()
            && self.quote == Quote::Double
            && self.escape == Escape::Doubled
            && self.encoding == Encoding::Utf8
            && self.header == Header::Named
            && self.header_line == 1
            && self.line_end == LineEnd::Lf
    }
}

impl fmt::Display for Dialect {
    /// Describes it in a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "delimiter `{}`, quote {}", self.delimiter, self.quote)?;
        if self.escape == Escape::Backslash {
            f.write_str(", escape \\")?;
        }
        if self.line_end == LineEnd::Cr {
            f.write_str(", lines end in CR")?;
        }
        if self.encoding != Encoding::Utf8 {
            write!(f, ", {}", self.encoding)?;
        }
        match self.header {
            Header::Named if self.header_line > 1 => {
                write!(f, ", header in line {}", self.header_line)?;
            }
            Header::Named => {}
            Header::Absent => write!(f, ", no header, data from line {}", self.header_line)?,
        }
        write!(f, ", {} fields", self.fields)?;
        if self.malformed > 0.0 {
            write!(f, ", {:.2} % of the first records unreadable", self.malformed * 100.0)?;
        }
        if let Some(other) = &self.runner_up {
            write!(f, "; next best: {other}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_as_their_separator_says() {
        for (text, point, comma) in [
            ("14", Some(14.0), Some(14.0)),
            (" -14,5 ", None, Some(-14.5)),
            ("1.234,56", None, Some(1234.56)),
            ("1 234 567,8", None, Some(1_234_567.8)),
            ("12\u{a0}345", None, Some(12_345.0)),
            ("1.234", Some(1.234), Some(1234.0)),
            ("14.5", Some(14.5), None),
            ("1.2345,6", None, None),
            ("1234.567,8", None, None),
            ("1,2,3", None, None),
            (",5", None, Some(0.5)),
            ("5,", None, None),
            ("+7,25", None, Some(7.25)),
            ("--1", None, None),
            ("", None, None),
            ("nan", None, None),
        ] {
            assert_eq!(Decimal::Point.parse(text), point, "{text}");
            assert_eq!(Decimal::Comma.parse(text), comma, "{text}");
        }
        for text in [".", ","] {
            assert_eq!(text.parse::<Decimal>().map(|read| read.to_string()), Ok(text.into()));
        }
        assert!(";".parse::<Decimal>().is_err());
    }

    #[test]
    fn sizes_are_numbers_or_text_with_a_unit() {
        let sizes = [
            ("1048576", 1 << 20),
            ("1MiB", 1 << 20),
            ("64 kib", 1 << 16),
            ("1.5KiB", 1536),
            ("2kb", 2_000),
        ];
        for (text, bytes) in sizes {
            let size: RecordSize = text.parse().unwrap();
            assert_eq!(size, RecordSize(bytes), "{text}");
            assert_eq!(size.to_string().parse(), Ok(size), "{text}");
        }
        assert_eq!(serde_json::from_str::<RecordSize>("4096").unwrap(), RecordSize(4096));
        assert_eq!(serde_json::from_str::<RecordSize>("\"4KiB\"").unwrap(), RecordSize(4096));
        for text in ["", "0", "MiB", "1TiB", "-1", "2GiB", "1.2.3", "many"] {
            assert!(text.parse::<RecordSize>().is_err(), "{text}");
        }
    }

    #[test]
    fn delimiters_are_read_as_they_are_shown() {
        for (text, plain) in [
            (";", ";"),
            ("::", "::"),
            ("tab", "\t"),
            ("\\t", "\t"),
            ("\t", "\t"),
            ("\\x01", "\x01"),
            ("\\", "\\"),
            ("\\\\", "\\"),
            ("space", " "),
            ("\u{a7}", "\u{a7}"),
        ] {
            let delimiter: Delimiter = text.parse().unwrap();
            assert_eq!(delimiter.as_str(), plain, "{text}");
            assert_eq!(delimiter.to_string().parse(), Ok(delimiter), "{text}");
        }
        for text in ["", "\"", "\n", "\\x", "\\xff", "\\x0a", "123456789"] {
            assert!(text.parse::<Delimiter>().is_err(), "{text}");
        }
    }
}
