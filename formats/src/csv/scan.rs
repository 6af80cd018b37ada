//! The tokenizer: strict, and without memory. The record at a byte depends on the bytes from there
//! on and on what was settled before reading, so that reading may begin at any record.
//!
//! 1. Records begin at the beginnings of physical lines. Empty lines are passed over.
//! 2. Lines end in LF or CRLF, in CR only where the dialect says so. The end of the file ends a
//!    record.
//! 3. A quote opens a field only as its first byte; elsewhere it makes the record malformed.
//! 4. Inside quotes a quote is doubled, or stands after a backslash; never both.
//! 5. After a closing quote come a delimiter, a line end or the end of the file.
//! 6. Malformed as well: a quote that is still open at the end or at the largest size of a record;
//!    too many fields or too few.
//! 7. Of a malformed record the first physical line is set aside; the next line is tried.

use memchr::{memchr, memchr2};

use super::{
    guard::{Guard, Spans},
    masks::{Needles, Walk},
};
use crate::dialect::LineEnd;

/// What was settled before reading.
#[derive(Clone, Debug)]
pub(crate) struct Grammar {
    pub(crate) delimiter: Vec<u8>,
    pub(crate) quote: Option<u8>,
    pub(crate) escape: Option<u8>,
    pub(crate) line_end: LineEnd,
    /// Fields of a record.
    pub(crate) fields: usize,
    /// Bytes of a record at most.
    pub(crate) most: usize,
    pub(crate) comment: Option<Vec<u8>>,
    /// The header; a record that equals it, however it is quoted, is set aside.
    pub(crate) header: Option<HeaderCells>,
    pub(crate) guard: Guard,
}

/// What the header's cells hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeaderCells {
    cells: Vec<Vec<u8>>,
    /// How a record begins that has the first cells, as many as tell it from others.
    begin: Vec<u8>,
}

impl HeaderCells {
    /// Takes the cells of a header; `None` of one that nothing tells from other records.
    pub(crate) fn new(cells: Vec<Vec<u8>>, delimiter: &[u8]) -> Option<Self> {
        let named = cells.iter().position(|cell| !cell.is_empty())?;
        let mut begin = cells[..=named].join(delimiter);
        if named + 1 < cells.len() {
            begin.extend_from_slice(delimiter);
        }
        Some(Self { cells, begin })
    }
}

/// The byte order mark of UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Why a record is set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Fields(usize),
    BareQuote,
    AfterQuote,
    OpenQuote,
    LoneCr,
    TooLong,
    /// Its line breaks may come from a quote that is not meant as one.
    Ambiguous,
    /// It equals the header.
    Header,
    /// The end of file of CP/M and DOS.
    EndMark,
}

/// A field: where it stands in the bytes, without its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) form: Form,
}

/// How a field is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Bare,
    /// Unquoted, with backslashes.
    BareEscaped,
    Quoted,
    /// Quoted, with quotes or backslashes to be taken out.
    Escaped,
}

/// What stands at a beginning of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A sound record. `lines`: how many it is long.
    Sound { next: usize, lines: usize },
    /// Something to set aside, up to `end`.
    Aside { end: usize, next: usize, lines: usize, fault: Fault },
    /// An empty line or a comment.
    Blank { next: usize },
    /// A line that is longer than any record, and whose end is not within the bytes; without a fault
    /// it is a comment.
    Long { fault: Option<Fault> },
    /// More bytes are needed to tell.
    More,
}

/// Whether bytes reach to the end of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    End,
    Within,
}

/// What the strict reading of a record came to, before its lines are judged.
enum Strict {
    Record { next: usize, is_broken: bool },
    Fault(Fault),
    More,
}

/// Reads records out of a buffer, one after the other, forward.
pub(crate) struct Scanner<'a> {
    grammar: &'a Grammar,
    bytes: &'a [u8],
    reach: Reach,
    walk: Walk<'a>,
    /// The fields of the last sound record.
    pub(crate) fields: Vec<Field>,
}

impl<'a> Scanner<'a> {
    /// Begins with `bytes`.
    pub(crate) fn new(grammar: &'a Grammar, bytes: &'a [u8], reach: Reach, start: usize) -> Self {
        let walk = Walk::new(grammar.needles(), bytes, start);
        Self { grammar, bytes, reach, walk, fields: Vec::with_capacity(grammar.fields + 1) }
    }

    /// Goes to `place`, also backward.
    pub(crate) fn seek(&mut self, place: usize) {
        self.walk.go_to(place);
    }

    /// Reads what stands at `start`, the beginning of a line, not before the last one.
    #[inline]
    pub(crate) fn step(&mut self, start: usize) -> Step {
        let grammar = self.grammar;
        if let Some(next) = self.simple(start)
            && self.fields.len() == grammar.fields
            && next - start <= grammar.most
            && !grammar.is_special(self.bytes, start)
        {
            return Step::Sound { next, lines: 1 };
        }
        let step = self.careful(start);
        if let Step::Sound { next, .. } | Step::Aside { next, .. } | Step::Blank { next } = step {
            self.walk.go_to(next);
        }
        step
    }

    /// Reads a record without quotes and backslashes; `None` where there are some, or no line end.
    #[inline]
    fn simple(&mut self, start: usize) -> Option<usize> {
        let (bytes, grammar) = (self.bytes, self.grammar);
        let delimiter = grammar.delimiter[0];
        let width = grammar.delimiter.len();
        self.fields.clear();
        let mut field = start;
        loop {
            let place = self.walk.next()?;
            let byte = bytes[place];
            if byte == delimiter {
                if width > 1 && (place < field || !bytes[place..].starts_with(&grammar.delimiter)) {
                    continue;
                }
                self.fields.push(Field {
                    start: field as u32,
                    end: place as u32,
                    form: Form::Bare,
                });
                field = place + width;
            } else if byte == b'\n' {
                self.fields.push(Field {
                    start: field as u32,
                    end: place as u32,
                    form: Form::Bare,
                });
                return Some(place + 1);
            } else if byte == b'\r' && bytes.get(place + 1) == Some(&b'\n') {
                self.fields.push(Field {
                    start: field as u32,
                    end: place as u32,
                    form: Form::Bare,
                });
                self.walk.next();
                return Some(place + 2);
            } else {
                return None;
            }
        }
    }

    /// Reads whatever stands at `start`.
    fn careful(&mut self, start: usize) -> Step {
        let (bytes, grammar) = (self.bytes, self.grammar);
        let Some((end, next)) = grammar.line(bytes, start, self.reach) else {
            return self.unended(start);
        };
        if start == end {
            return Step::Blank { next };
        }
        let line = &bytes[start..end];
        if grammar.is_comment(bytes, start) {
            return Step::Blank { next };
        }
        let aside = |fault| Step::Aside { end, next, lines: 1, fault };
        if line == b"\x1a" {
            return aside(Fault::EndMark);
        }
        match grammar.strict(bytes, start, self.reach, &mut self.fields) {
            Strict::More => Step::More,
            Strict::Fault(fault) => aside(fault),
            Strict::Record { .. } if self.fields.len() != grammar.fields => {
                aside(Fault::Fields(self.fields.len()))
            }
            Strict::Record { next: after, .. } if grammar.is_header(bytes, &self.fields) => {
                let record = grammar.without_end(&bytes[start..after]);
                let lines = grammar.count_lines(&bytes[start..after]);
                Step::Aside { end: start + record.len(), next: after, lines, fault: Fault::Header }
            }
            Strict::Record { next: after, is_broken } if is_broken => {
                self.broken(start, end, next, after)
            }
            Strict::Record { next, .. } => Step::Sound { next, lines: 1 },
        }
    }

    /// Judges a sound record of several lines, of which the first ends at `end`.
    fn broken(&mut self, start: usize, end: usize, next: usize, after: usize) -> Step {
        let (bytes, grammar) = (self.bytes, self.grammar);
        let record = &bytes[start..after];
        match grammar.guard.judge(grammar, bytes, start, after, &self.fields) {
            Spans::Meant => Step::Sound { next: after, lines: grammar.count_lines(record) },
            Spans::Stray => Step::Aside { end, next, lines: 1, fault: Fault::OpenQuote },
            Spans::Unclear => {
                let end = start + grammar.without_end(record).len();
                let lines = grammar.count_lines(record);
                Step::Aside { end, next: after, lines, fault: Fault::Ambiguous }
            }
        }
    }

    /// Returns the step for a line whose end is not within the bytes.
    fn unended(&mut self, start: usize) -> Step {
        let (bytes, grammar) = (self.bytes, self.grammar);
        if bytes.len() - start <= grammar.most + 2 {
            return Step::More;
        }
        if grammar.is_comment(bytes, start) {
            return Step::Long { fault: None };
        }
        let fault = match grammar.strict(bytes, start, self.reach, &mut self.fields) {
            Strict::Fault(fault) => fault,
            Strict::Record { .. } | Strict::More => Fault::TooLong,
        };
        Step::Long { fault: Some(fault) }
    }
}

impl Grammar {
    fn needles(&self) -> Needles {
        let mut needles = vec![self.delimiter[0], b'\n', b'\r'];
        needles.extend(self.quote);
        needles.extend(self.escape);
        Needles::new(&needles)
    }

    /// Returns true if the line at `start` may be something else than a record although it can be
    /// cut like one: cheap, and rarely true.
    #[inline]
    fn is_special(&self, bytes: &[u8], start: usize) -> bool {
        let first = bytes[start];
        matches!(first, b'\n' | b'\r' | b'\x1a' | 0xef)
            || self.header.as_ref().is_some_and(|header| bytes[start..].starts_with(&header.begin))
            || self.is_comment(bytes, start)
    }

    /// Returns true if a record's fields are the header's.
    fn is_header(&self, bytes: &[u8], fields: &[Field]) -> bool {
        let Some(header) = &self.header else { return false };
        let mut scratch = Vec::new();
        header.cells.len() == fields.len()
            && header
                .cells
                .iter()
                .zip(fields)
                .all(|(cell, field)| cell == self.plain(bytes, *field, &mut scratch))
    }

    /// Returns true if a comment begins at `start`.
    fn is_comment(&self, bytes: &[u8], start: usize) -> bool {
        self.comment.as_ref().is_some_and(|comment| bytes[start..].starts_with(comment))
    }

    /// Finds where the physical line at `start` ends, and where the next one begins; `None` where
    /// that is not within `bytes`.
    pub(crate) fn line(&self, bytes: &[u8], start: usize, reach: Reach) -> Option<(usize, usize)> {
        let rest = &bytes[start..];
        let at = match self.line_end {
            LineEnd::Lf => memchr(b'\n', rest),
            LineEnd::Cr => memchr2(b'\n', b'\r', rest),
        };
        let Some(at) = at.map(|at| start + at) else {
            return (reach == Reach::End).then_some((bytes.len(), bytes.len()));
        };
        if bytes[at] == b'\r' {
            return match bytes.get(at + 1) {
                Some(b'\n') => Some((at, at + 2)),
                None if reach == Reach::Within => None,
                _ => Some((at, at + 1)),
            };
        }
        let end = if at > start && bytes[at - 1] == b'\r' { at - 1 } else { at };
        Some((end, at + 1))
    }

    /// Cuts the line end off.
    pub(crate) fn without_end<'b>(&self, record: &'b [u8]) -> &'b [u8] {
        if let Some(record) = record.strip_suffix(b"\n") {
            return record.strip_suffix(b"\r").unwrap_or(record);
        }
        match self.line_end {
            LineEnd::Cr => record.strip_suffix(b"\r").unwrap_or(record),
            LineEnd::Lf => record,
        }
    }

    /// Counts the physical lines, of which the last may lack its end.
    pub(crate) fn count_lines(&self, bytes: &[u8]) -> usize {
        let mut lines = 0;
        let mut next = 0;
        while next < bytes.len() {
            let Some((_, after)) = self.line(bytes, next, Reach::End) else { break };
            (lines, next) = (lines + 1, after);
        }
        lines
    }

    /// Reads the record at `start` byte by byte; `fields` become those of the record.
    fn strict(&self, bytes: &[u8], start: usize, reach: Reach, fields: &mut Vec<Field>) -> Strict {
        let limit = bytes.len().min(start + self.most + 2);
        let mut strict = Reading {
            grammar: self,
            bytes,
            // What stands past the largest size of a record is not looked at.
            limit,
            reach: if limit < bytes.len() { Reach::Within } else { reach },
            // Where files were put one after the other, one begins with a byte order mark.
            place: start + if bytes[start..].starts_with(MARK) { MARK.len() } else { 0 },
            is_broken: false,
        };
        fields.clear();
        let read = strict.record(fields);
        match read {
            Ok(next) if self.without_end(&bytes[start..next]).len() > self.most => {
                Strict::Fault(Fault::TooLong)
            }
            Ok(next) => Strict::Record { next, is_broken: strict.is_broken },
            Err(Stop::Fault(fault)) => Strict::Fault(fault),
            Err(Stop::Short) if limit < bytes.len() => {
                Strict::Fault(if strict.is_broken { Fault::OpenQuote } else { Fault::TooLong })
            }
            Err(Stop::Short) => Strict::More,
        }
    }

    /// Cuts one line into fields and tells whether it is a record by itself.
    pub(crate) fn cuts(&self, line: &[u8], fields: &mut Vec<Field>) -> bool {
        matches!(
            self.strict(line, 0, Reach::End, fields),
            Strict::Record { next, is_broken: false }
                if next == line.len() && fields.len() == self.fields
        )
    }

    /// Cuts what stands at `start` into fields, however many; returns where the next line begins.
    pub(crate) fn cut(
        &self,
        bytes: &[u8],
        start: usize,
        fields: &mut Vec<Field>,
    ) -> Result<usize, Fault> {
        match self.strict(bytes, start, Reach::End, fields) {
            Strict::Record { next, .. } => Ok(next),
            Strict::Fault(fault) => Err(fault),
            Strict::More => Err(Fault::OpenQuote),
        }
    }

    /// Takes what makes a field's quotes out of it.
    pub(crate) fn plain<'b>(
        &self,
        bytes: &'b [u8],
        field: Field,
        scratch: &'b mut Vec<u8>,
    ) -> &'b [u8] {
        if matches!(field.form, Form::Bare | Form::Quoted) {
            return &bytes[field.start as usize..field.end as usize];
        }
        self.plain_into(bytes, field, scratch);
        scratch
    }

    /// Writes a field without its quotes' doubles and backslashes.
    pub(crate) fn plain_into(&self, bytes: &[u8], field: Field, plain: &mut Vec<u8>) {
        plain.clear();
        let mark = self.escape.or(self.quote);
        let mut rest = &bytes[field.start as usize..field.end as usize];
        while let Some(place) = mark.and_then(|mark| memchr(mark, rest)) {
            plain.extend_from_slice(&rest[..place]);
            // The byte after the mark is taken as it is.
            plain.extend(rest.get(place + 1));
            rest = rest.get(place + 2..).unwrap_or_default();
        }
        plain.extend_from_slice(rest);
    }
}

/// Why the strict reading of a record stopped.
enum Stop {
    Fault(Fault),
    /// The bytes end before the record does.
    Short,
}

/// A record being read byte by byte.
struct Reading<'a> {
    grammar: &'a Grammar,
    bytes: &'a [u8],
    limit: usize,
    reach: Reach,
    place: usize,
    /// A line ended inside a field.
    is_broken: bool,
}

/// What ends a field.
enum Ended {
    Delimiter,
    Record,
}

impl Reading<'_> {
    fn record(&mut self, fields: &mut Vec<Field>) -> Result<usize, Stop> {
        loop {
            let ended = if self.byte()?.is_some() && self.byte()? == self.grammar.quote {
                self.quoted(fields)?
            } else {
                self.bare(fields)?
            };
            if matches!(ended, Ended::Record) {
                return Ok(self.place);
            }
        }
    }

    /// The byte at the place; `None` at the end of the file.
    fn byte(&self) -> Result<Option<u8>, Stop> {
        match self.bytes[..self.limit].get(self.place) {
            Some(byte) => Ok(Some(*byte)),
            None if self.reach == Reach::End => Ok(None),
            None => Err(Stop::Short),
        }
    }

    /// Steps over a delimiter, a line end, or the end of the file, if one is here.
    fn end(&mut self) -> Result<Option<Ended>, Stop> {
        let rest = &self.bytes[self.place..self.limit];
        let delimiter = &self.grammar.delimiter;
        if rest.starts_with(delimiter) {
            self.place += delimiter.len();
            return Ok(Some(Ended::Delimiter));
        }
        if self.reach == Reach::Within
            && rest.len() < delimiter.len()
            && delimiter.starts_with(rest)
        {
            return Err(Stop::Short);
        }
        let width = match (rest, self.grammar.line_end) {
            ([] | [b'\r'], _) if self.reach == Reach::Within => return Err(Stop::Short),
            ([], _) => 0,
            ([b'\r', b'\n', ..], _) => 2,
            ([b'\n', ..], _) | ([b'\r', ..], LineEnd::Cr) => 1,
            _ => return Ok(None),
        };
        self.place += width;
        Ok(Some(Ended::Record))
    }

    fn bare(&mut self, fields: &mut Vec<Field>) -> Result<Ended, Stop> {
        let start = self.place;
        let mut form = Form::Bare;
        loop {
            let end = self.place;
            if let Some(ended) = self.end()? {
                fields.push(Field { start: start as u32, end: end as u32, form });
                return Ok(ended);
            }
            let byte = self.byte()?;
            if byte == Some(b'\r') {
                return Err(Stop::Fault(Fault::LoneCr));
            }
            if byte == self.grammar.quote {
                return Err(Stop::Fault(Fault::BareQuote));
            }
            self.place += 1;
            if byte == self.grammar.escape {
                form = Form::BareEscaped;
                self.take_literal()?;
            }
        }
    }

    /// Takes the byte after a backslash.
    fn take_literal(&mut self) -> Result<(), Stop> {
        let Some(byte) = self.byte()? else { return Ok(()) };
        self.is_broken |= self.is_line_end(byte);
        self.place += 1;
        Ok(())
    }

    fn is_line_end(&self, byte: u8) -> bool {
        byte == b'\n' || byte == b'\r' && self.grammar.line_end == LineEnd::Cr
    }

    fn quoted(&mut self, fields: &mut Vec<Field>) -> Result<Ended, Stop> {
        let quote = self.grammar.quote.unwrap_or(b'"');
        self.place += 1;
        let start = self.place;
        let mut form = Form::Quoted;
        loop {
            let rest = &self.bytes[self.place..self.limit];
            let found = match self.grammar.escape {
                Some(escape) => memchr2(quote, escape, rest),
                None => memchr(quote, rest),
            };
            let passed = &rest[..found.unwrap_or(rest.len())];
            self.is_broken |= match self.grammar.line_end {
                LineEnd::Lf => memchr(b'\n', passed).is_some(),
                LineEnd::Cr => memchr2(b'\n', b'\r', passed).is_some(),
            };
            let Some(found) = found else {
                return Err(match self.reach {
                    Reach::End => Stop::Fault(Fault::OpenQuote),
                    Reach::Within => Stop::Short,
                });
            };
            let is_quote = rest[found] == quote;
            self.place += found + 1;
            if !is_quote {
                form = Form::Escaped;
                if self.byte()?.is_none() {
                    return Err(Stop::Fault(Fault::OpenQuote));
                }
                self.take_literal()?;
            } else if self.grammar.escape.is_none() && self.byte()? == Some(quote) {
                form = Form::Escaped;
                self.place += 1;
            } else {
                fields.push(Field { start: start as u32, end: (self.place - 1) as u32, form });
                let ended = self.end()?;
                return ended.ok_or(Stop::Fault(Fault::AfterQuote));
            }
        }
    }
}
