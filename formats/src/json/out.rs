//! JSON Lines, written a value at a time.

use std::io::{BufWriter, Write};

use crate::error::{Error, write_error};

/// A value of an object.
#[derive(Clone, Copy, Debug)]
pub(crate) enum JsonValue<'a> {
    Text(&'a str),
    /// A finite number, spelled.
    Number(&'a str),
    Null,
}

/// JSON Lines being written.
pub(crate) struct JsonOut<W: Write> {
    out: BufWriter<W>,
    /// Values of the object under way.
    values: usize,
}

impl<W: Write> JsonOut<W> {
    /// Begins.
    pub(crate) fn new(out: W) -> Self {
        Self { out: BufWriter::with_capacity(1 << 20, out), values: 0 }
    }

    /// Writes the next value of an object.
    pub(crate) fn value(&mut self, name: &str, value: JsonValue<'_>) -> Result<(), Error> {
        let before: &[u8] = if self.values == 0 { b"{" } else { b"," };
        self.out.write_all(before).map_err(write_error)?;
        self.values += 1;
        serde_json::to_writer(&mut self.out, name).map_err(write_error)?;
        self.out.write_all(b":").map_err(write_error)?;
        match value {
            JsonValue::Text(text) => {
                serde_json::to_writer(&mut self.out, text).map_err(write_error)?;
            }
            JsonValue::Number(number) => {
                self.out.write_all(number.as_bytes()).map_err(write_error)?;
            }
            JsonValue::Null => self.out.write_all(b"null").map_err(write_error)?,
        }
        Ok(())
    }

    /// Ends the object.
    pub(crate) fn end_row(&mut self) -> Result<(), Error> {
        self.values = 0;
        self.out.write_all(b"}\n").map_err(write_error)
    }

    /// Writes what is left.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        self.out.flush().map_err(write_error)
    }
}
