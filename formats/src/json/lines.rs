//! The lines of a file, one at a time, and the pieces of a plain one.
//!
//! A line break is never inside a JSON object of JSON Lines, so that a piece's lines are those that
//! begin in it, whatever comes before.

use std::{
    io::{self, BufRead, BufReader, Read},
    sync::Arc,
};

use bytes::Bytes;
use memchr::memchr_iter;

use crate::{
    part::Part,
    source::{Source, SourceReader, read_exact},
    sums::{Counts, Sums},
};

/// Bytes of a line at most; longer ones are set aside.
pub(super) const LONGEST: usize = 16 << 20;
/// Bytes of a piece.
const PIECE: u64 = 4 << 20;
/// What some programs write before the first line.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// The pieces of a plain file.
pub(super) struct Pieces {
    source: Arc<dyn Source>,
    /// Where the first line begins.
    first: u64,
    size: u64,
    sums: Sums,
}

impl Pieces {
    /// Cuts a file, into pieces of `size` bytes if that is said.
    pub(super) fn new(source: Arc<dyn Source>, size: Option<u64>) -> io::Result<Self> {
        let size = size.unwrap_or(PIECE);
        let length = source.len().min(MARK.len() as u64);
        let is_marked = read_exact(source.as_ref(), 0, length as usize)? == MARK;
        let first = if is_marked { length } else { 0 };
        let count = (source.len() - first).div_ceil(size).max(1);
        Ok(Self { source, first, size, sums: Sums::new(count as usize) })
    }

    /// Lists the pieces.
    pub(super) fn parts(&self) -> Vec<Part> {
        let part = |piece: usize| Part {
            first_row: (piece == 0).then_some(1),
            rows: None,
            bytes: self.bound(piece + 1) - self.bound(piece),
        };
        (0..self.sums.pieces()).map(part).collect()
    }

    fn bound(&self, piece: usize) -> u64 {
        let past = (piece as u64).saturating_mul(self.size);
        self.first.saturating_add(past).min(self.source.len())
    }

    /// Loads the lines of a piece, and counts the rows before it.
    pub(super) fn begin(&self, piece: usize) -> io::Result<(Lines, u64)> {
        let loaded = self.load(piece)?;
        let before = self.sums.before(piece, &|counted| {
            if counted == piece { self.count(&loaded) } else { self.count(&self.load(counted)?) }
        })?;
        Ok((self.lines(&loaded, 0), before.rows))
    }

    /// Reads the bytes of a piece from its first line on.
    fn load(&self, piece: usize) -> io::Result<Loaded> {
        let (start, end) = (self.bound(piece), self.bound(piece + 1));
        // The byte before tells whether a line begins here.
        let base = if piece == 0 { start } else { start - 1 };
        let bytes = read_exact(self.source.as_ref(), base, (end - base) as usize)?;
        let skipped = match piece {
            0 => 0,
            _ => memchr::memchr(b'\n', &bytes).map_or(bytes.len(), |at| at + 1),
        };
        Ok(Loaded { base: base + skipped as u64, bytes: bytes.slice(skipped..) })
    }

    /// The lines that begin in a piece, from a byte of it on.
    fn lines(&self, loaded: &Loaded, from: usize) -> Lines {
        let bytes = loaded.bytes.slice(from..);
        let left = bytes.len() as u64;
        let base = loaded.base + from as u64;
        let reader = SourceReader::from_bytes(Arc::clone(&self.source), base, bytes);
        Lines { bytes: Box::new(reader), line: Vec::new(), left }
    }

    /// Counts the lines that begin in a piece and are not empty.
    fn count(&self, loaded: &Loaded) -> io::Result<Counts> {
        let (mut rows, mut start) = (0, 0);
        for end in memchr_iter(b'\n', &loaded.bytes) {
            rows += u64::from(!is_blank(&loaded.bytes[start..end]));
            start = end + 1;
        }
        // The last one may go on past the piece.
        let mut rest = self.lines(loaded, start);
        while rest.next()?.is_some() {
            rows += 1;
        }
        Ok(Counts { rows, lines: 0 })
    }
}

/// Bytes of a piece from `base` on, where a line begins.
struct Loaded {
    base: u64,
    bytes: Bytes,
}

/// Lines, one at a time.
pub(super) struct Lines {
    bytes: Box<dyn BufRead>,
    line: Vec<u8>,
    /// Bytes in which lines may still begin.
    left: u64,
}

/// A line of a file.
pub(super) enum Line<'a> {
    Whole(&'a [u8]),
    /// One that is too long: its beginning.
    TooLong(&'a [u8]),
}

impl Lines {
    /// All lines of a stream.
    pub(super) fn of_stream(bytes: Box<dyn Read>) -> Self {
        let bytes = Box::new(BufReader::with_capacity(256 << 10, bytes));
        Self { bytes, line: Vec::new(), left: u64::MAX }
    }

    /// Reads the next line that is not empty.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        while self.left > 0 {
            self.line.clear();
            let most = LONGEST as u64 + 1;
            let read = self.bytes.by_ref().take(most).read_until(b'\n', &mut self.line)?;
            self.left = self.left.saturating_sub(read as u64);
            if read == 0 {
                return Ok(None);
            }
            if self.line.len() > LONGEST && self.line.last() != Some(&b'\n') {
                self.skip()?;
                return Ok(Some(Line::TooLong(&self.line[..256])));
            }
            if !is_blank(&self.line) {
                return Ok(Some(Line::Whole(&self.line)));
            }
        }
        Ok(None)
    }

    /// Passes over the rest of a line, as far as lines may begin after it.
    fn skip(&mut self) -> io::Result<()> {
        while self.left > 0 {
            let bytes = self.bytes.fill_buf()?;
            let end = memchr::memchr(b'\n', bytes);
            let length = end.map_or(bytes.len(), |end| end + 1);
            let is_done = end.is_some() || bytes.is_empty();
            self.bytes.consume(length);
            self.left = self.left.saturating_sub(length as u64);
            if is_done {
                return Ok(());
            }
        }
        Ok(())
    }
}

fn is_blank(line: &[u8]) -> bool {
    line.trim_ascii_start().is_empty()
}
