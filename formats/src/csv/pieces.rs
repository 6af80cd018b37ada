//! One file read by several threads: where each piece's first record begins, and how many rows and
//! lines come before it.
//!
//! A record at a byte depends on the bytes from there on alone, and is no longer than a bound. So one
//! of the lines that begin within that bound before a piece begins a record; where the records from
//! all of them lead to the same place, that is where the piece's records begin. Where they do not,
//! the records before are read from where the last piece is known to begin.

use std::{
    io,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use memchr::{memchr, memchr2, memrchr};

use super::{
    masks::{BLOCK, Needles},
    scan::{Grammar, Reach, Scanner, Step},
};
use crate::{
    dialect::LineEnd,
    source::{Source, read_exact},
    sums::{Counts, Sums},
};

/// Bytes of a piece.
pub(crate) const PIECE: u64 = 4 << 20;
/// Bytes read past what is needed, so that records that reach past an end are whole.
pub(crate) const MORE: u64 = 64 << 10;

/// The pieces of a file.
pub(crate) struct Pieces {
    source: Arc<dyn Source>,
    grammar: Arc<Grammar>,
    /// Where the first record begins.
    first: u64,
    size: u64,
    starts: Vec<OnceLock<u64>>,
    sums: Sums,
}

/// Bytes of a file from `base` on.
pub(crate) struct Loaded {
    pub(crate) base: u64,
    pub(crate) bytes: Bytes,
    pub(crate) reach: Reach,
}

impl Pieces {
    /// Cuts what comes after `first`.
    pub(crate) fn new(
        source: Arc<dyn Source>,
        grammar: Arc<Grammar>,
        first: u64,
        size: u64,
    ) -> Self {
        let length = source.len().saturating_sub(first);
        let count = length.div_ceil(size).max(1) as usize;
        let starts: Vec<OnceLock<u64>> = (0..count).map(|_| OnceLock::new()).collect();
        // Records of the first piece begin at its beginning.
        let _ = starts[0].set(first);
        Self { source, grammar, first, size, starts, sums: Sums::new(count) }
    }

    /// Counts the pieces.
    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }

    /// Returns where a piece begins, wherever its records do.
    pub(crate) fn bound(&self, piece: usize) -> u64 {
        (self.first + piece as u64 * self.size).min(self.source.len())
    }

    /// Reads the bytes from `base` to `end` and some more.
    pub(crate) fn load(&self, base: u64, end: u64) -> io::Result<Loaded> {
        let end = end.saturating_add(MORE).min(self.source.len());
        let bytes = read_exact(self.source.as_ref(), base, (end - base) as usize)?;
        let reach = if end == self.source.len() { Reach::End } else { Reach::Within };
        Ok(Loaded { base, bytes, reach })
    }

    /// Reads on: the same bytes and more.
    pub(crate) fn extend(&self, loaded: &Loaded) -> io::Result<Loaded> {
        let length = loaded.bytes.len() as u64;
        self.load(loaded.base, loaded.base + length + length / 2)
    }

    /// Finds where the records of a piece begin; past its bound where none begins in it.
    pub(crate) fn start(&self, piece: usize) -> io::Result<u64> {
        if let Some(start) = self.starts[piece].get() {
            return Ok(*start);
        }
        let start = match self.converged(piece)? {
            Some(start) => start,
            None => self.after_known(piece)?,
        };
        Ok(*self.starts[piece].get_or_init(|| start))
    }

    /// Reads the records before a piece from where the last known piece begins.
    fn after_known(&self, piece: usize) -> io::Result<u64> {
        let mut known = piece - 1;
        let mut start = loop {
            if let Some(start) = self.starts[known].get() {
                break *start;
            }
            if let Some(start) = self.converged(known)? {
                break *self.starts[known].get_or_init(|| start);
            }
            known -= 1;
        };
        for between in known..piece {
            let loaded = self.load(start, self.bound(between + 1).max(start))?;
            start = self.walk(loaded, self.bound(between + 1), &mut |_| ())?;
            let _ = self.starts[between + 1].set(start);
        }
        Ok(start)
    }

    /// Walks the records up to `end`; returns where the first one from there on begins.
    fn walk(&self, loaded: Loaded, end: u64, see: &mut dyn FnMut(Counts)) -> io::Result<u64> {
        let mut loaded = loaded;
        let mut place = 0;
        let stop = |loaded: &Loaded| end.saturating_sub(loaded.base) as usize;
        loop {
            let bytes = loaded.bytes.clone();
            let mut scanner = Scanner::new(&self.grammar, &bytes, loaded.reach, place);
            let paused = loop {
                if place >= stop(&loaded) {
                    break None;
                }
                let step = scanner.step(place);
                match step {
                    Step::Sound { next, lines } | Step::Aside { next, lines, .. } => {
                        see(Counts { rows: 1, lines: lines as u64 });
                        place = next;
                    }
                    Step::Blank { next } => {
                        see(Counts { rows: 0, lines: 1 });
                        place = next;
                    }
                    Step::More | Step::Long { .. } => break Some(step),
                }
            };
            match paused {
                None => return Ok(loaded.base + place as u64),
                Some(Step::Long { fault }) => {
                    see(Counts { rows: u64::from(fault.is_some()), lines: 1 });
                    return self.line_after(loaded.base + bytes.len() as u64);
                }
                Some(_) => loaded = self.extend(&loaded)?,
            }
        }
    }

    /// Finds the first beginning of a line after a byte of a line that is longer than any record.
    fn line_after(&self, from: u64) -> io::Result<u64> {
        let mut from = from;
        while from < self.source.len() {
            let loaded = self.load(from, from)?;
            if let Some(next) = self.grammar.next_line(&loaded.bytes, loaded.reach) {
                return Ok(from + next as u64);
            }
            // A CR at the end may be followed by LF: the last byte is looked at again.
            from += (loaded.bytes.len() as u64 - 1).max(1);
        }
        Ok(self.source.len())
    }

    /// Finds where a piece's records begin from the lines before it alone, if they agree.
    fn converged(&self, piece: usize) -> io::Result<Option<u64>> {
        let bound = self.bound(piece);
        let window = bound.saturating_sub(self.grammar.most as u64 + 3).max(self.first);
        // A byte more tells whether a line begins at the window's first.
        let base = window.saturating_sub(1).max(self.first);
        let mut loaded = self.load(base, bound)?;
        let beginning = if base == self.first { Some(0) } else { None };
        loop {
            let inner = (bound - base) as usize;
            let Some(after) = self.grammar.line_from(&loaded.bytes, inner, loaded.reach) else {
                let is_far = loaded.base + loaded.bytes.len() as u64 > self.bound(piece + 1);
                if is_far && !self.has_marks(&loaded.bytes) {
                    return Ok(Some(self.bound(piece + 1)));
                }
                if is_far || loaded.reach == Reach::End {
                    return Ok(None);
                }
                loaded = self.extend(&loaded)?;
                continue;
            };
            if !self.has_marks(&loaded.bytes[..after]) {
                return Ok(Some(base + after as u64));
            }
            match self.agree(&loaded, beginning, inner, after) {
                Agreed::On(place) => return Ok(Some(base + place as u64)),
                Agreed::Not => return Ok(None),
                Agreed::More if loaded.reach == Reach::End => return Ok(None),
                Agreed::More => loaded = self.extend(&loaded)?,
            }
        }
    }

    /// Returns true if a record may be anything but its line.
    fn has_marks(&self, bytes: &[u8]) -> bool {
        match (self.grammar.quote, self.grammar.escape) {
            (Some(quote), Some(escape)) => memchr2(quote, escape, bytes).is_some(),
            (Some(mark), None) | (None, Some(mark)) => memchr(mark, bytes).is_some(),
            (None, None) => false,
        }
    }

    /// Follows the records from every line that begins before `inner`, the last one first.
    fn agree(&self, loaded: &Loaded, first: Option<usize>, inner: usize, after: usize) -> Agreed {
        let bytes = &loaded.bytes[..];
        let grammar = &self.grammar;
        let mut lines: Vec<usize> = first.into_iter().collect();
        let mut place = 0;
        while let Some(next) = grammar.next_line(&bytes[place..], loaded.reach) {
            place += next;
            if place >= inner {
                break;
            }
            lines.push(place);
        }
        let mut leads = vec![after; lines.len()];
        let mut scanner = Scanner::new(grammar, bytes, loaded.reach, 0);
        for index in (0..lines.len()).rev() {
            let line_end = lines.get(index + 1).copied().unwrap_or(after);
            let next = if self.has_marks(&bytes[lines[index]..line_end]) {
                scanner.seek(lines[index]);
                match scanner.step(lines[index]) {
                    Step::Sound { next, .. } | Step::Aside { next, .. } | Step::Blank { next } => {
                        next
                    }
                    Step::Long { .. } => after,
                    Step::More => return Agreed::More,
                }
            } else {
                line_end
            };
            leads[index] = if next >= inner {
                next
            } else {
                match lines.binary_search(&next) {
                    Ok(known) => leads[known],
                    Err(_) => return Agreed::Not,
                }
            };
        }
        let lead = leads.first().copied().unwrap_or(after);
        if leads.iter().all(|other| *other == lead) { Agreed::On(lead) } else { Agreed::Not }
    }

    /// Counts what comes before a piece of which `loaded` are the bytes from its first record on.
    pub(crate) fn before(&self, piece: usize, loaded: &Loaded) -> io::Result<Counts> {
        self.sums.before(piece, &|counted| {
            let end = self.bound(counted + 1);
            if counted == piece {
                return self.count_loaded(loaded, end);
            }
            let start = self.start(counted)?;
            self.count_loaded(&self.load(start, end.max(start))?, end)
        })
    }

    fn count_loaded(&self, loaded: &Loaded, end: u64) -> io::Result<Counts> {
        let mut counts = Counts::default();
        let stop = (end.saturating_sub(loaded.base) as usize).min(loaded.bytes.len());
        let is_simple = self.grammar.line_end == LineEnd::Lf && self.grammar.comment.is_none();
        let mut place = 0;
        // Lines without a mark are rows by themselves; the last one may reach past the end.
        let last = memrchr(b'\n', &loaded.bytes[..stop.saturating_sub(1)]).map_or(0, |at| at + 1);
        while is_simple && place < last {
            let bytes = &loaded.bytes[place..last];
            let marked = match (self.grammar.quote, self.grammar.escape) {
                (Some(quote), Some(escape)) => memchr2(quote, escape, bytes),
                (Some(mark), None) | (None, Some(mark)) => memchr(mark, bytes),
                (None, None) => None,
            };
            let plain = marked
                .map_or(bytes.len(), |at| memrchr(b'\n', &bytes[..at]).map_or(0, |at| at + 1));
            counts.add(count_lines(&bytes[..plain]));
            place += plain;
            if place >= last {
                break;
            }
            let mut scanner = Scanner::new(&self.grammar, &loaded.bytes, loaded.reach, place);
            match scanner.step(place) {
                Step::Sound { next, lines } | Step::Aside { next, lines, .. } => {
                    counts.add(Counts { rows: 1, lines: lines as u64 });
                    place = next;
                }
                Step::Blank { next } => {
                    counts.lines += 1;
                    place = next;
                }
                Step::More | Step::Long { .. } => break,
            }
        }
        if place < stop {
            let base = loaded.base + place as u64;
            let rest = Loaded { base, bytes: loaded.bytes.slice(place..), reach: loaded.reach };
            self.walk(rest, end, &mut |more| counts.add(more))?;
        }
        Ok(counts)
    }
}

/// Whether the records before a piece lead to one place.
enum Agreed {
    On(usize),
    Not,
    More,
}

impl Grammar {
    /// Finds the first beginning of a line after the first line end of `bytes`.
    pub(crate) fn next_line(&self, bytes: &[u8], reach: Reach) -> Option<usize> {
        let (_, next) = self.line(bytes, 0, reach)?;
        let ended = next > 0 && matches!(bytes[next - 1], b'\n' | b'\r');
        ended.then_some(next)
    }

    /// Finds the first beginning of a line at `from` or after it.
    fn line_from(&self, bytes: &[u8], from: usize, reach: Reach) -> Option<usize> {
        if from == 0 {
            return Some(0);
        }
        // The byte before tells whether a line begins here.
        let start = from - 1;
        let is_cr = bytes[start] == b'\r' && self.line_end == LineEnd::Cr;
        if is_cr && bytes.get(from) == Some(&b'\n') {
            return Some(from + 1);
        }
        let (_, next) = self.line(bytes, start, reach)?;
        Some(next)
    }
}

/// Counts whole lines that end in LF or CRLF, and rows: those that are not empty.
fn count_lines(bytes: &[u8]) -> Counts {
    let (lf, cr) = (Needles::new(b"\n"), Needles::new(b"\r"));
    let (mut lines, mut blank) = (0_u64, 0_u64);
    // Whether a line begins at the next byte, and whether it begins with a CR just before it.
    let (mut begins, mut begun) = (1_u64, 0_u64);
    let mut start = 0;
    while start < bytes.len() {
        let ends = lf.mask_at(bytes, start);
        let returns = cr.mask_at(bytes, start);
        let beginnings = (ends << 1) | begins;
        let openings = returns & beginnings;
        blank += u64::from((ends & beginnings).count_ones());
        blank += u64::from((ends & ((openings << 1) | begun)).count_ones());
        lines += u64::from(ends.count_ones());
        begins = ends >> (BLOCK - 1);
        begun = openings >> (BLOCK - 1);
        start += BLOCK;
    }
    Counts { rows: lines - blank, lines }
}
