//! In the place of `out.rs` where the feature `write-parquet` is off: no file is begun, and
//! nothing of the library's writer is linked.

use std::{convert::Infallible, io, io::Write, marker::PhantomData};

use parquet::file::properties::WriterProperties;

use crate::{
    error::{Error, write_error},
    out::{Cells, Field},
};

/// A file that is never begun.
pub(crate) struct ParquetOut<W> {
    never: Infallible,
    out: PhantomData<W>,
}

impl<W: Write + Send> ParquetOut<W> {
    /// Returns the error that this build has no Parquet writer.
    pub(crate) fn new(
        _out: W,
        _fields: &[Field],
        _properties: WriterProperties,
    ) -> Result<Self, Error> {
        let kind = io::ErrorKind::Unsupported;
        Err(write_error(io::Error::new(kind, "Parquet is read here, and not written")))
    }

    pub(crate) fn write(&mut self, _columns: &[Cells]) -> Result<(), Error> {
        match self.never {}
    }

    pub(crate) fn note(&mut self, _name: &str, _text: &str) {
        match self.never {}
    }

    pub(crate) fn close(self) -> Result<(), Error> {
        match self.never {}
    }

    pub(crate) fn finish(self) -> Result<W, Error> {
        match self.never {}
    }
}
