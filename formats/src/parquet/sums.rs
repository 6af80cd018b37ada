//! Checksums of the Parquet files that are written here, all of them CRC-32.
//!
//! Every page carries its own, as the format has it, which other readers check too. That leaves the heads
//! of pages and the footer, so a note of the footer holds more: the checksum of the footer (its own
//! digits taken for zeros), of all bytes before it, and of each column of each row group. A reader checks
//! the footer and what it reads of the rest.

use std::io;
#[cfg(feature = "write-parquet")]
use std::io::Write;

use crc32fast::Hasher;
use memchr::memmem;

use crate::source::{Source, read_exact};

/// Name of the note.
pub(super) const NOTE: &str = "ilk.crc32";

/// Who writes such notes. Others may take a note over from a file that they have read.
const WRITER: &str = "ilk";

/// What the text of the note begins with.
const START: &[u8] = b"v1:";

/// Digits of a checksum.
const DIGITS: usize = 8;

/// Bytes that are read and summed up at a time.
const PIECE: u64 = 256 << 10;

/// The checksums that a footer holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sums {
    /// Of everything before the footer.
    pub(super) body: u32,
    /// Of the columns of the row groups, one row group after the other.
    pub(super) chunks: Vec<u32>,
}

impl Sums {
    /// Finds the checksums in a footer that `writer` wrote; `None` where there are none.
    ///
    /// # Errors
    /// With what is wrong, if the footer is not what was written.
    pub(super) fn find(footer: &[u8], writer: Option<&str>) -> Result<Option<Self>, &'static str> {
        if writer.is_some_and(|writer| writer != WRITER) {
            return Ok(None);
        }
        let Some(at) = start_of(footer) else { return Ok(None) };
        let text = &footer[at..];
        let length = text.iter().position(|byte| !byte.is_ascii_hexdigit() && *byte != b':');
        let text = &text[..length.unwrap_or(text.len())];
        let sums = text.split(|byte| *byte == b':').map(number).collect::<Option<Vec<_>>>();
        match sums.as_deref() {
            Some([own, body, chunks @ ..]) if *own == of_footer(footer, at) => {
                Ok(Some(Self { body: *body, chunks: chunks.to_vec() }))
            }
            _ => Err("its checksum does not match"),
        }
    }
}

/// Reads the digits of a checksum, as they are written: a flipped bit may make another case of one.
fn number(digits: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.len() == DIGITS)?;
    if digits.bytes().any(|digit| digit.is_ascii_uppercase()) {
        return None;
    }
    u32::from_str_radix(digits, 16).ok()
}

/// Finds where the first digit of the note stands in a footer.
fn start_of(footer: &[u8]) -> Option<usize> {
    // Names and values of columns stand before it.
    let after = memmem::rfind(footer, NOTE.as_bytes())? + NOTE.len();
    // In between: what comes, and how long it is.
    let near = &footer[after..footer.len().min(after + 16)];
    Some(after + memmem::find(near, START)? + START.len())
}

/// Sums up a footer whose own checksum stands at `at`.
fn of_footer(footer: &[u8], at: usize) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&footer[..at]);
    hasher.update(&[b'0'; DIGITS]);
    hasher.update(footer.get(at + DIGITS..).unwrap_or_default());
    hasher.finalize()
}

/// Sums up a range of bytes. Memory: 256 KiB.
///
/// # Errors
/// If they cannot be read.
pub(super) fn of_range(source: &dyn Source, start: u64, length: u64) -> io::Result<u32> {
    let mut hasher = Hasher::new();
    let mut done = 0;
    while done < length {
        let piece = (length - done).min(PIECE);
        hasher.update(&read_exact(source, start.saturating_add(done), piece as usize)?);
        done += piece;
    }
    Ok(hasher.finalize())
}

/// The text of the note with the checksums of the columns; the other two are still to be filled in.
#[cfg(feature = "write-parquet")]
pub(super) fn note_of(chunks: &[u32]) -> String {
    let start = String::from_utf8_lossy(START).into_owned();
    let sums = [0, 0].iter().chain(chunks).map(|sum| format!("{sum:08x}"));
    start + &sums.collect::<Vec<_>>().join(":")
}

/// Passes bytes on and sums them up; from [`hold`](Self::hold) on they wait for their checksums.
#[cfg(feature = "write-parquet")]
pub(super) struct Summing<W> {
    out: W,
    body: Hasher,
    held: Option<Vec<u8>>,
}

#[cfg(feature = "write-parquet")]
impl<W: Write> Summing<W> {
    /// Passes bytes on to `out`.
    pub(super) fn new(out: W) -> Self {
        Self { out, body: Hasher::new(), held: None }
    }

    /// Holds back all that follows: the end of the file.
    pub(super) fn hold(&mut self) {
        self.held.get_or_insert_default();
    }

    /// Fills in the checksums, passes on what was held back, and returns where it went.
    pub(super) fn finish(mut self) -> io::Result<W> {
        let mut tail = self.held.take().unwrap_or_default();
        fill_in(&mut tail, self.body);
        self.out.write_all(&tail)?;
        Ok(self.out)
    }
}

#[cfg(feature = "write-parquet")]
impl<W: Write> Write for Summing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(held) = &mut self.held {
            held.extend_from_slice(bytes);
            return Ok(bytes.len());
        }
        let written = self.out.write(bytes)?;
        self.body.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Fills the checksums into the end of a file; `body`: of what comes before that.
#[cfg(feature = "write-parquet")]
fn fill_in(tail: &mut [u8], mut body: Hasher) {
    let Some((rest, _magic)) = tail.split_last_chunk::<4>() else { return };
    let Some((rest, length)) = rest.split_last_chunk::<4>() else { return };
    let (end, length) = (rest.len(), u32::from_le_bytes(*length) as usize);
    let start = end.saturating_sub(length);
    body.update(&tail[..start]);
    let footer = &mut tail[start..end];
    let Some(at) = start_of(footer) else { return };
    let body_at = at + DIGITS + 1;
    write_number(&mut footer[body_at..body_at + DIGITS], body.finalize());
    let own = of_footer(footer, at);
    write_number(&mut footer[at..at + DIGITS], own);
}

/// Writes the digits of a checksum.
#[cfg(feature = "write-parquet")]
fn write_number(place: &mut [u8], sum: u32) {
    place.copy_from_slice(format!("{sum:08x}").as_bytes());
}

/// Puts the checksum of a page's bytes into its head; `None` if the head is not as it is known.
#[cfg(feature = "write-parquet")]
pub(super) fn with_sum(head: &[u8], sum: u32) -> Option<Vec<u8>> {
    /// A field of 32 bits that follows the field before.
    const NEXT_I32: u8 = 0x15;
    // Three numbers come first: what page it is, and how long it is without and with compression.
    let mut at = 0;
    for _ in 0..3 {
        if *head.get(at)? != NEXT_I32 {
            return None;
        }
        at += 2 + head.get(at + 1..)?.iter().position(|byte| byte & 0x80 == 0)?;
    }
    // The field after them counts from the last one; the checksum comes in between.
    let next = *head.get(at)?;
    let next = next.checked_sub(0x10).filter(|next| next >> 4 > 0)?;
    let mut summed = Vec::with_capacity(head.len() + 6);
    summed.extend_from_slice(&head[..at]);
    summed.push(NEXT_I32);
    let sum = sum.cast_signed();
    let mut zigzag = ((sum << 1) ^ (sum >> 31)).cast_unsigned();
    while zigzag >= 0x80 {
        summed.push(zigzag as u8 | 0x80);
        zigzag >>= 7;
    }
    summed.push(zigzag as u8);
    summed.push(next);
    summed.extend_from_slice(&head[at + 1..]);
    Some(summed)
}
