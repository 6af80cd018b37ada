//! The one way to standard output: buffered, and calm when its reader goes away.

use std::io::{self, BufWriter, Write};

use crate::{
    error::Error,
    text::{width, wrapped},
};

/// Hands `write` a buffered standard output and flushes it.
///
/// # Errors
/// [`Kind::ClosedPipe`](crate::error::Kind::ClosedPipe) when nobody reads any more (ends the program with 0, silently); an
/// input error when the output cannot be written, such as on a full disk.
pub(crate) fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
    let mut out = BufWriter::new(io::stdout().lock());
    let written = write(&mut out).and_then(|()| out.flush());
    let result = written.map_err(|error| ilk_engine::Error::stdout(&error).into());
    if result.is_err() {
        // What is still in the buffer has nowhere to go; dropping it would try once more.
        let _ = out.into_parts();
    }
    result
}

/// Prints `text` as it is.
///
/// # Errors
/// As [`print()`].
pub(crate) fn print_text(text: &str) -> Result<(), Error> {
    print(|out| out.write_all(text.as_bytes()))
}

/// Prints a report, whose long lines break between words.
///
/// # Errors
/// As [`print()`].
pub(crate) fn print_report(text: &str) -> Result<(), Error> {
    print_text(&wrapped(text, width(), 2))
}
