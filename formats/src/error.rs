//! Errors of reading and writing; each message names the file, the place and the remedy.

use std::{
    borrow::Cow,
    cell::Cell,
    error, io,
    panic::{AssertUnwindSafe, catch_unwind},
};

use parquet::errors::ParquetError;

use crate::{source::SourceFailure, unpack::Refused};

/// Why a file cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The source of the bytes failed.
    #[error("cannot read {file}: {source}; check that it still exists and is readable")]
    Read {
        /// Name of the file.
        file: String,
        /// What the source reported.
        source: io::Error,
    },
    /// The bytes are not what their format asks for.
    #[error("{file} is damaged or cut short ({place}: {why}); copy or export it again")]
    Damaged {
        /// Name of the file.
        file: String,
        /// Where in the file.
        place: String,
        /// What is wrong there.
        why: String,
    },
    /// The name promises a format that the bytes are not in.
    #[error(
        "{file} has a {named} name but is not {named}; rename it to match its format, or export it again"
    )]
    NotAsNamed {
        /// Name of the file.
        file: String,
        /// The format its name promises.
        named: &'static str,
    },
    /// A format or variant that is not read.
    #[error("{file} is {found}, which is not supported; {instead}")]
    Unsupported {
        /// Name of the file.
        file: String,
        /// What it is.
        found: String,
        /// What to do instead.
        instead: &'static str,
    },
    /// Not even a header.
    #[error("{file} is empty, without even a header line; check what writes it")]
    NoHeader {
        /// Name of the file.
        file: String,
    },
    /// A column that the file does not have.
    #[error(
        "{file} has no column `{column}`{}; its columns: {known}{hint}",
        did_you_mean(nearest.as_ref())
    )]
    MissingColumn {
        /// Name of the file.
        file: String,
        /// The column asked for.
        column: String,
        /// The column with the most similar name, if one is similar.
        nearest: Option<String>,
        /// The columns of the file.
        known: String,
        /// What else may be meant.
        hint: &'static str,
    },
    /// Items of several columns, of which one would hold several items.
    #[error(
        "items of the columns {columns} cannot be taken apart by item_separator; name one column, or leave \
         item_separator out"
    )]
    JoinedLists {
        /// Their names, with commas between.
        columns: String,
    },
    /// A required column that occurs more than once.
    #[error("{file} has {count} columns named `{column}`; rename all but one")]
    DuplicateColumn {
        /// Name of the file.
        file: String,
        /// The column.
        column: String,
        /// How often it occurs.
        count: usize,
    },
    /// A column of a type that cannot serve.
    #[error("column `{column}` of {file} is {found}, expected {expected}; choose another column")]
    ColumnType {
        /// Name of the file.
        file: String,
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// The types that serve.
        expected: &'static str,
    },
    /// A float in an id column that is so large that other whole numbers are written as the same float.
    #[error(
        "column `{column}` of {file}, row {row}: ID {value} is a float to which other IDs round as well; write the column as integers or text"
    )]
    RoundedId {
        /// Name of the file.
        file: String,
        /// The column.
        column: String,
        /// Number of the row, from 1.
        row: u64,
        /// The number.
        value: String,
    },
    /// A number in an id column that is not a whole number of 64 bits.
    #[error(
        "column `{column}` of {file}, row {row}: ID {value} is not whole or does not fit 64 bits; choose another column or convert it to text"
    )]
    NumericId {
        /// Name of the file.
        file: String,
        /// The column.
        column: String,
        /// Number of the row, from 1.
        row: u64,
        /// The number.
        value: String,
    },
    /// A CSV that is not read in the dialect that it is in, or may be in another one.
    #[error("{file}: {found}; {help}")]
    Dialect {
        /// Name of the file.
        file: String,
        /// What does not go together.
        found: String,
        /// Which settings to give.
        help: String,
    },
    /// Lists of one row that do not go together.
    #[error(
        "{file}, row {row}: the lists in `{}` and `{}` are not equally long; choose columns of one list, or one list column",
        columns[0], columns[1]
    )]
    UnevenLists {
        /// Name of the file.
        file: String,
        /// Number of the row, from 1.
        row: u64,
        /// The columns.
        columns: [String; 2],
    },
    /// A condition whose value cannot be compared with its column.
    #[error("`{condition}` compares {column_type} with `{value}`; write {expected}")]
    Literal {
        /// The condition.
        condition: String,
        /// The type of the column.
        column_type: String,
        /// The value.
        value: String,
        /// What it takes.
        expected: &'static str,
    },
    /// A result that cannot be written.
    #[error("cannot write the table: {source}")]
    Write {
        /// What the writer reported.
        source: io::Error,
    },
    /// A file name whose ending names no output format.
    #[error(
        "`{name}` has no known output format; end it in .parquet, .csv, .jsonl or .arrow (.csv and \
         .jsonl also with .gz or .zst)"
    )]
    OutputFormat {
        /// The name.
        name: String,
    },
}

/// Escapes control characters, line separators, marks of writing direction and characters of no width:
/// names and values come from files, and must neither break the one line of a message, nor drive a
/// terminal, nor show text in another order than it is written in, nor look like another name.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_unprintable(character) {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

fn is_unprintable(character: char) -> bool {
    let is_break = matches!(character, '\u{2028}' | '\u{2029}');
    let is_direction = matches!(
        character,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    let is_nothing = matches!(character, '\u{ad}' | '\u{200b}' | '\u{2060}' | '\u{feff}');
    character.is_control() || is_break || is_direction || is_nothing
}

fn did_you_mean(nearest: Option<&String>) -> String {
    nearest.map_or_else(String::new, |name| format!(" (did you mean `{name}`?)"))
}

thread_local! {
    static DECODING: Cell<bool> = const { Cell::new(false) };
}

/// Returns true if this thread is decoding foreign bytes right now. A panic then is caught and
/// becomes an [`Error::Damaged`]: a program's panic hook that asks this can stay silent about it.
/// Where panics abort (WebAssembly), they are not caught.
pub fn is_decoding() -> bool {
    DECODING.get()
}

/// A place in a file, to put into errors.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    /// Name of the file.
    pub(crate) file: &'a str,
    /// Where in it.
    pub(crate) place: &'a str,
}

impl At<'_> {
    /// Describes what is wrong here, on one line whatever a decoder says.
    pub(crate) fn damaged(self, why: impl Into<String>) -> Error {
        let why = why.into().split_whitespace().collect::<Vec<_>>().join(" ");
        Error::Damaged { file: self.file.into(), place: self.place.into(), why }
    }

    /// Makes an error of what reading gave: the source's own failure, or damage.
    pub(crate) fn io(self, error: io::Error) -> Error {
        if let Some(Refused { found, instead }) =
            error.get_ref().and_then(|inner| inner.downcast_ref())
        {
            return Error::Unsupported { file: self.file.into(), found: found.clone(), instead };
        }
        match take_failure(error) {
            Ok(source) => Error::Read { file: self.file.into(), source },
            Err(error) => self.damaged(error.to_string()),
        }
    }

    /// Makes an error of what the Parquet reader gave.
    pub(crate) fn parquet(self, error: ParquetError) -> Error {
        match error {
            ParquetError::External(inner) => match inner.downcast::<io::Error>() {
                Ok(error) => self.io(*error),
                Err(other) => self.damaged(other.to_string()),
            },
            ParquetError::General(why) | ParquetError::EOF(why) => self.damaged(why),
            other => self.damaged(other.to_string()),
        }
    }

    /// Runs a decoder of foreign bytes. Decoders promise errors, but bytes can be found that
    /// make them panic; such a panic is damage, not a fault of the program.
    pub(crate) fn guard<T>(self, decode: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let before = DECODING.replace(true);
        let result = catch_unwind(AssertUnwindSafe(decode));
        DECODING.set(before);
        result.unwrap_or_else(|payload| {
            let why = payload.downcast_ref::<String>().map(String::as_str);
            let why = why.or_else(|| payload.downcast_ref::<&str>().copied());
            Err(self.damaged(why.unwrap_or("the decoder gave up")))
        })
    }
}

/// Takes the source's own failure out of an error that carries one.
fn take_failure(error: io::Error) -> Result<io::Error, io::Error> {
    if !error.get_ref().is_some_and(<dyn error::Error + Send + Sync>::is::<SourceFailure>) {
        return Err(error);
    }
    match error.into_inner().map(<dyn error::Error + Send + Sync>::downcast::<SourceFailure>) {
        Some(Ok(failure)) => Ok(failure.0),
        Some(Err(other)) => Err(io::Error::other(other)),
        None => Err(io::ErrorKind::Other.into()),
    }
}

/// Makes an error of what writing gave.
pub(crate) fn write_error(error: impl Into<WriteFailure>) -> Error {
    Error::Write { source: error.into().0 }
}

/// What a writer may report, brought down to the error of the place written to.
pub(crate) struct WriteFailure(io::Error);

impl From<io::Error> for WriteFailure {
    fn from(error: io::Error) -> Self {
        Self(error)
    }
}

impl From<ParquetError> for WriteFailure {
    fn from(error: ParquetError) -> Self {
        match error {
            ParquetError::External(inner) => match inner.downcast::<io::Error>() {
                Ok(error) => Self(*error),
                Err(other) => Self(io::Error::other(other)),
            },
            other => Self(io::Error::other(other)),
        }
    }
}

impl From<csv::Error> for WriteFailure {
    fn from(error: csv::Error) -> Self {
        match error.into_kind() {
            csv::ErrorKind::Io(error) => Self(error),
            other => Self(io::Error::other(format!("{other:?}"))),
        }
    }
}

impl From<serde_json::Error> for WriteFailure {
    fn from(error: serde_json::Error) -> Self {
        Self(error.into())
    }
}
