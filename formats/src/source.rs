//! Where bytes come from: a file, a blob in a browser, a buffer. Never a path.

use std::{
    error, fmt,
    io::{self, BufRead, Read},
    sync::Arc,
};

use bytes::Bytes;
use parquet::{
    errors::ParquetError,
    file::reader::{ChunkReader, Length},
};

use crate::thrift::{Fault, check_page};

/// Bytes that can be read from any position, by several threads at once.
pub trait Source: Send + Sync {
    /// Returns the name people know the bytes by, for messages; its ending may tell the format.
    fn name(&self) -> &str;

    /// Returns the number of bytes. It must not change while a table is read.
    fn len(&self) -> u64;

    /// Returns true if there are no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads exactly `length` bytes from `offset`. Callers in this crate stay within
    /// [`len`](Self::len).
    ///
    /// # Errors
    /// Whatever the place the bytes come from reports; `UnexpectedEof` where they are too few.
    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes>;
}

/// Bytes in memory. Reading copies nothing.
#[derive(Clone, Debug)]
pub struct Memory {
    name: String,
    bytes: Bytes,
}

impl Memory {
    /// Gives `bytes` a name.
    pub fn new(name: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self { name: name.into(), bytes: bytes.into() }
    }
}

impl Source for Memory {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let end = usize::try_from(offset).ok().and_then(|start| start.checked_add(length));
        match end {
            Some(end) if end <= self.bytes.len() => Ok(self.bytes.slice(end - length..end)),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// An error of the source itself, told apart from what decoders make of the bytes: inside an
/// [`io::Error`] it becomes [`Error::Read`](crate::Error::Read), not damage.
#[derive(Debug)]
pub struct SourceFailure(pub io::Error);

impl fmt::Display for SourceFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl error::Error for SourceFailure {}

/// Reads exactly `length` bytes, refusing ranges past the end before anything is allocated.
pub(crate) fn read_exact(source: &dyn Source, offset: u64, length: usize) -> io::Result<Bytes> {
    let end = offset.checked_add(length as u64);
    if end.is_none_or(|end| end > source.len()) {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!("{length} bytes from byte {offset} reach past the end at {}", source.len()),
        ));
    }
    let bytes = source
        .read_at(offset, length)
        .map_err(|failure| io::Error::new(failure.kind(), SourceFailure(failure)))?;
    if bytes.len() != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

/// Reads a source from a position on, a piece at a time.
pub(crate) struct SourceReader {
    source: Arc<dyn Source>,
    next: u64,
    piece: usize,
    buffer: Bytes,
}

impl SourceReader {
    /// Starts at `offset`; asks the source for `piece` bytes at a time.
    pub(crate) fn new(source: Arc<dyn Source>, offset: u64, piece: usize) -> Self {
        Self { source, next: offset, piece, buffer: Bytes::new() }
    }
}

impl SourceReader {
    /// Starts at `offset`, from where on `buffer` has been read.
    pub(crate) fn from_bytes(source: Arc<dyn Source>, offset: u64, buffer: Bytes) -> Self {
        Self { source, next: offset + buffer.len() as u64, piece: 4 << 10, buffer }
    }
}

impl BufRead for SourceReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.buffer.is_empty() {
            let left = self.source.len().saturating_sub(self.next);
            let length = left.min(self.piece as u64) as usize;
            if length > 0 {
                self.buffer = read_exact(self.source.as_ref(), self.next, length)?;
                self.next += length as u64;
            }
        }
        Ok(&self.buffer)
    }

    fn consume(&mut self, amount: usize) {
        self.buffer = self.buffer.slice(amount..);
    }
}

impl Read for SourceReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let length = available.len().min(out.len());
        out[..length].copy_from_slice(&available[..length]);
        self.consume(length);
        Ok(length)
    }
}

/// What the Parquet reader reads from.
#[derive(Clone)]
pub(crate) struct Chunks(pub(crate) Arc<dyn Source>);

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl ChunkReader for Chunks {
    type T = SourceReader;

    fn get_read(&self, start: u64) -> parquet::errors::Result<SourceReader> {
        // The heads of pages are read this way, and the last bytes of the file.
        if start + 8 >= self.0.len() {
            return Ok(SourceReader::new(Arc::clone(&self.0), start, 8));
        }
        let mut length = 4 << 10;
        loop {
            let left = self.0.len().saturating_sub(start);
            let bytes = read_exact(self.0.as_ref(), start, left.min(length) as usize)?;
            match check_page(&bytes) {
                Err(Fault::CutShort) if length < left => length *= 2,
                Err(Fault::Absurd(why)) => return Err(ParquetError::General(why.into())),
                // What is cut short for good is left to the library to name.
                _ => return Ok(SourceReader::from_bytes(Arc::clone(&self.0), start, bytes)),
            }
        }
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        read_exact(self.0.as_ref(), start, length).map_err(ParquetError::from)
    }
}
