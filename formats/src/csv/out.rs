//! CSV, written a cell at a time.

use std::io::Write;

use crate::error::{Error, write_error};

/// A CSV file being written: its header first, then rows.
pub(crate) struct CsvOut<W: Write> {
    writer: csv::Writer<W>,
}

impl<W: Write> CsvOut<W> {
    /// Writes the header.
    pub(crate) fn new<'a>(out: W, names: impl Iterator<Item = &'a str>) -> Result<Self, Error> {
        let mut writer = csv::WriterBuilder::new().buffer_capacity(1 << 20).from_writer(out);
        writer.write_record(names).map_err(write_error)?;
        Ok(Self { writer })
    }

    /// Writes the next cell of a row; null is an empty one.
    pub(crate) fn cell(&mut self, text: Option<&str>) -> Result<(), Error> {
        self.writer.write_field(text.unwrap_or_default()).map_err(write_error)
    }

    /// Ends the row.
    pub(crate) fn end_row(&mut self) -> Result<(), Error> {
        self.writer.write_record(None::<&[u8]>).map_err(write_error)
    }

    /// Writes what is left.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        self.writer.flush().map_err(write_error)
    }
}
