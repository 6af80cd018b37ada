//! The text of a file as a stream, unpacked and decoded, a window at a time.

use std::{
    io::{self, BufReader, Read},
    sync::Arc,
};

use memchr::{memchr, memchr2};

use super::{encoding::Coding, scan::Reach, text::SHOWN};
use crate::{
    dialect::LineEnd,
    source::Source,
    unpack::{Packing, unpack},
};

/// Bytes of a window, about.
const WINDOW: usize = 4 << 20;

/// The text of a file from `start` on, as UTF-8, counted without a byte order mark.
pub(crate) fn text(
    source: &Arc<dyn Source>,
    packing: Packing,
    coding: Coding,
    start: u64,
) -> io::Result<Box<dyn Read>> {
    let mut bytes = unpack(source, packing)?;
    pass_over(&mut bytes, coding.mark as u64)?;
    let mut text = coding.decode(bytes);
    pass_over(&mut text, start)?;
    Ok(text)
}

fn pass_over(bytes: &mut Box<dyn Read>, count: u64) -> io::Result<()> {
    io::copy(&mut bytes.by_ref().take(count), &mut io::sink()).map(|_| ())
}

/// The lines of a text, for those who read no records.
pub(crate) fn lines(text: Box<dyn Read>) -> BufReader<Box<dyn Read>> {
    BufReader::new(text)
}

/// A part of a stream, in memory: what is not read yet, and more behind it.
pub(crate) struct Window {
    text: Box<dyn Read>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) reach: Reach,
    /// Bytes that are always there, unless the end is.
    least: usize,
}

impl Window {
    /// Begins with records of at most so many bytes.
    pub(crate) fn new(text: Box<dyn Read>, most: usize) -> Self {
        Self { text, bytes: Vec::new(), reach: Reach::Within, least: WINDOW.max(2 * most + 64) }
    }

    /// Drops what was read and reads on.
    pub(crate) fn refill(&mut self, read: usize) -> io::Result<()> {
        self.bytes.drain(..read);
        while self.bytes.len() < self.least && self.reach == Reach::Within {
            let missing = (self.least - self.bytes.len()) as u64;
            let count = self.text.by_ref().take(missing).read_to_end(&mut self.bytes)?;
            if count == 0 {
                self.reach = Reach::End;
            }
        }
        Ok(())
    }

    /// Passes over the line at `start`, whose end is not in the window; returns its first bytes.
    pub(crate) fn pass_line(&mut self, start: usize, line_end: LineEnd) -> io::Result<Vec<u8>> {
        let head = self.bytes[start..].iter().take(SHOWN + 1).copied().collect();
        let mut from = self.bytes.len();
        loop {
            // A CR at the end of the window may be followed by LF.
            let keep = usize::from(self.bytes.last() == Some(&b'\r')).min(from);
            self.refill(from - keep)?;
            if self.bytes.len() == keep && self.reach == Reach::End {
                self.bytes.clear();
                return Ok(head);
            }
            let end = match line_end {
                LineEnd::Lf => memchr(b'\n', &self.bytes),
                LineEnd::Cr => memchr2(b'\n', b'\r', &self.bytes),
            };
            let is_cr = |end: usize| self.bytes[end] == b'\r';
            match end {
                Some(end) if is_cr(end) && self.bytes.get(end + 1) == Some(&b'\n') => {
                    self.bytes.drain(..end + 2);
                    return Ok(head);
                }
                Some(end) => {
                    self.bytes.drain(..=end);
                    return Ok(head);
                }
                None => from = self.bytes.len(),
            }
        }
    }
}
