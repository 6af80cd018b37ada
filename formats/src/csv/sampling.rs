//! The first bytes of a file as records are looked for in them.

use super::{
    detect::{Detected, Sample, detect},
    scan::{Grammar, Reach},
};
use crate::dialect::{CsvOptions, LineEnd};

/// A sample of a file, behind the lines that are passed over.
pub(super) struct Sampled<'a> {
    pub(super) sample: Sample<'a>,
    pub(super) options: CsvOptions,
    /// Bytes and lines before the sample.
    pub(super) skipped: (usize, u64),
}

impl<'a> Sampled<'a> {
    /// Takes the first bytes of a file, all of them or not.
    pub(super) fn new(given: &'a CsvOptions, bytes: &'a [u8], reach: Reach) -> Self {
        let mut options = given.clone();
        let line_end = line_end(bytes);
        let lines = Lines { bytes, line_end };
        let (mut start, mut line) = (0, 0);
        while line < options.skip_lines && start < bytes.len() {
            (start, line) = (lines.next(start), line + 1);
        }
        // The line by which Excel tells itself the delimiter.
        if let Some(delimiter) = lines.at(start).strip_prefix(b"sep=")
            && let Ok(delimiter) = std::str::from_utf8(delimiter)
            && let Ok(delimiter) = delimiter.parse()
        {
            options.delimiter.get_or_insert(delimiter);
            (start, line) = (lines.next(start), line + 1);
        }
        let mut end = bytes.len();
        if reach == Reach::Within {
            // The last record of a sample may be cut.
            let last = bytes[start..].iter().rposition(|byte| matches!(byte, b'\n' | b'\r'));
            end = last.map_or(bytes.len(), |at| start + at + 1);
        }
        let sample = Sample {
            bytes: &bytes[start..end],
            line_end,
            most: options.max_record(),
            comment: given.comment.as_deref(),
        };
        Self { sample, options, skipped: (start, line) }
    }

    /// Finds the dialect of the file of that name; `wanted`: columns asked for.
    pub(super) fn detect(&self, file: &str, wanted: &[&str]) -> Detected {
        detect(self.sample, &self.options, is_tsv(file), wanted)
    }

    /// Counts the lines of the file before a place of the sample.
    pub(super) fn lines_before(&self, grammar: &Grammar, place: usize) -> u64 {
        self.skipped.1 + grammar.count_lines(&self.sample.bytes[..place]) as u64
    }

    /// Returns the physical line at a place of the sample, without its end.
    pub(super) fn line_at(&self, place: usize) -> &'a [u8] {
        Lines { bytes: self.sample.bytes, line_end: self.sample.line_end }.at(place)
    }
}

/// Finds what ends lines: CR alone only where nothing else does outside of quotes.
fn line_end(sample: &[u8]) -> LineEnd {
    let (mut is_quoted, mut ends, mut breaks) = (false, 0_usize, 0_usize);
    for byte in sample {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' if !is_quoted => return LineEnd::Lf,
            b'\n' => breaks += 1,
            b'\r' if !is_quoted => ends += 1,
            _ => {}
        }
    }
    if ends > breaks { LineEnd::Cr } else { LineEnd::Lf }
}

fn is_tsv(name: &str) -> bool {
    let name = name.to_lowercase();
    let stem = [".gz", ".zst", ".bz2", ".xz"].iter().find_map(|end| name.strip_suffix(end));
    let name = stem.unwrap_or(&name);
    name.rsplit_once('.').is_some_and(|(_, ending)| matches!(ending, "tsv" | "tab"))
}

/// Physical lines, before any dialect.
#[derive(Clone, Copy)]
struct Lines<'a> {
    bytes: &'a [u8],
    line_end: LineEnd,
}

impl<'a> Lines<'a> {
    fn end(self, start: usize) -> usize {
        let is_end = |byte: &u8| *byte == b'\n' || *byte == b'\r' && self.line_end == LineEnd::Cr;
        let rest = &self.bytes[start..];
        start + rest.iter().position(is_end).unwrap_or(rest.len())
    }

    /// The line at `start`, without its end.
    fn at(self, start: usize) -> &'a [u8] {
        let line = &self.bytes[start..self.end(start)];
        line.strip_suffix(b"\r").unwrap_or(line)
    }

    /// Where the next line begins.
    fn next(self, start: usize) -> usize {
        (self.end(start) + 1).min(self.bytes.len())
    }
}
