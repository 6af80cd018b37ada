//! Text that is packed: gzip, zstd, bzip2, xz, and archives of one member.

use std::{
    error, fmt,
    io::{self, BufRead, Chain, Cursor, Read},
    sync::Arc,
};

use flate2::bufread::GzDecoder;

use crate::source::{Source, SourceReader};

/// Bytes asked of the source at a time.
const PIECE: usize = 1 << 20;

/// How the bytes of a text are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Zstd,
    Bzip2,
    Xz,
    Zip,
}

/// Endings of packed files, and how these are packed.
const ENDINGS: [(&str, Packing); 7] = [
    (".gz", Packing::Gzip),
    (".gzip", Packing::Gzip),
    (".zst", Packing::Zstd),
    (".zstd", Packing::Zstd),
    (".bz2", Packing::Bzip2),
    (".xz", Packing::Xz),
    (".zip", Packing::Zip),
];

impl Packing {
    /// Recognises what packed bytes begin with; all that is not known is plain.
    pub(crate) const fn of_bytes(head: &[u8]) -> Self {
        match *head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            // A frame, or one that is passed over, as pzstd writes first.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31 | 0x17, ..] => Self::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Self::Zip,
            _ => Self::Plain,
        }
    }

    /// Splits the ending of a packed file off a name in small letters.
    pub(crate) fn of_name(name: &str) -> Option<(&str, Self)> {
        let found = |(ending, packing)| name.strip_suffix(ending).map(|rest| (rest, packing));
        ENDINGS.into_iter().find_map(found)
    }

    /// Returns the name people know it by.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "text",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Zip => "ZIP",
        }
    }
}

/// Packed bytes that are not read, inside an [`io::Error`]: they are named, and are no damage.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) found: String,
    pub(crate) instead: &'static str,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.found)
    }
}

impl error::Error for Refused {}

fn refuse<T>(found: impl Into<String>, instead: &'static str) -> io::Result<T> {
    Err(io::Error::other(Refused { found: found.into(), instead }))
}

/// The bytes of a file, unpacked. Memory: what the packing asks for, such as a window.
pub(crate) fn unpack(source: &Arc<dyn Source>, packing: Packing) -> io::Result<Box<dyn Read>> {
    let bytes = SourceReader::new(Arc::clone(source), 0, PIECE);
    Ok(match packing {
        Packing::Plain => Box::new(bytes),
        Packing::Gzip => Box::new(Gzip { member: Some(GzDecoder::new(bytes)) }),
        Packing::Zstd => zstd(bytes)?,
        Packing::Bzip2 => bzip2(bytes)?,
        Packing::Xz => xz(bytes)?,
        Packing::Zip => zip::member(source)?.1,
    })
}

/// The members of a gzip file, one after the other. Zeros after the last one, as tapes and some
/// programs pad with, are passed over, as `gzip` does.
struct Gzip<R> {
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let read = member.read(into)?;
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            let Some(mut bytes) = self.member.take().map(GzDecoder::into_inner) else { break };
            pass_zeros(&mut bytes)?;
            if !bytes.fill_buf()?.is_empty() {
                self.member = Some(GzDecoder::new(bytes));
            }
        }
        Ok(0)
    }
}

fn pass_zeros(bytes: &mut impl BufRead) -> io::Result<()> {
    loop {
        let filled = bytes.fill_buf()?;
        let zeros = filled.iter().take_while(|byte| **byte == 0).count();
        let is_all = zeros == filled.len() && zeros > 0;
        bytes.consume(zeros);
        if !is_all {
            return Ok(());
        }
    }
}

/// The same without a byte order mark.
pub(crate) fn unpacked(source: &Arc<dyn Source>, packing: Packing) -> io::Result<Box<dyn Read>> {
    let mut bytes = unpack(source, packing)?;
    let mut head = Vec::with_capacity(3);
    bytes.by_ref().take(3).read_to_end(&mut head)?;
    if head == b"\xef\xbb\xbf" {
        head.clear();
    }
    let rest: Chain<Cursor<Vec<u8>>, Box<dyn Read>> = Cursor::new(head).chain(bytes);
    Ok(Box::new(rest))
}

/// Names what the text of a file is called: the member of an archive, or the file itself without
/// the ending of its packing; in small letters.
pub(crate) fn inner_name(source: &Arc<dyn Source>, packing: Packing) -> io::Result<String> {
    if packing == Packing::Zip {
        return Ok(zip::member(source)?.0.to_lowercase());
    }
    let name = source.name().to_lowercase();
    Ok(match Packing::of_name(&name) {
        Some((rest, _)) => rest.to_owned(),
        None => name,
    })
}

fn zstd(bytes: SourceReader) -> io::Result<Box<dyn Read>> {
    let mut decoder = zstd::Decoder::with_buffer(bytes)?;
    // As far as the format goes, where there are addresses for it; memory is taken as it is filled.
    if size_of::<usize>() >= 8 {
        decoder.window_log_max(31)?;
    }
    Ok(Box::new(decoder))
}

#[cfg(feature = "bzip2")]
#[expect(clippy::unnecessary_wraps, reason = "without the feature it is refused")]
fn bzip2(bytes: SourceReader) -> io::Result<Box<dyn Read>> {
    Ok(Box::new(bzip2::bufread::MultiBzDecoder::new(bytes)))
}

#[cfg(not(feature = "bzip2"))]
fn bzip2(_: SourceReader) -> io::Result<Box<dyn Read>> {
    refuse("packed with bzip2", "unpack it first, or pack it with gzip or zstd")
}

#[cfg(feature = "xz")]
#[expect(clippy::unnecessary_wraps, reason = "without the feature it is refused")]
fn xz(bytes: SourceReader) -> io::Result<Box<dyn Read>> {
    // KiB of a dictionary at most, which is the most that xz writes.
    const MOST: u32 = 1_600 << 10;
    Ok(Box::new(lzma_rust2::XzReader::new_mem_limit(bytes, true, MOST)))
}

#[cfg(not(feature = "xz"))]
fn xz(_: SourceReader) -> io::Result<Box<dyn Read>> {
    refuse("packed with xz", "unpack it first, or pack it with gzip or zstd")
}

#[cfg(not(feature = "zip"))]
mod zip {
    use std::{
        io::{self, Read},
        sync::Arc,
    };

    use crate::source::Source;

    pub(super) fn member(_: &Arc<dyn Source>) -> io::Result<(String, Box<dyn Read>)> {
        super::refuse("a ZIP archive or spreadsheet", "unpack it or export it as CSV")
    }
}

#[cfg(feature = "zip")]
mod zip {
    use std::{
        io::{self, Read},
        sync::Arc,
    };

    use flate2::{Crc, bufread::DeflateDecoder};
    use rawzip::{CompressionMethod, ErrorKind, RECOMMENDED_BUFFER_SIZE, ReaderAt, ZipArchive};

    use super::{PIECE, refuse};
    use crate::source::{Source, SourceFailure, SourceReader, read_exact};

    /// How far from its end the directory of an archive is looked for: the longest comment, and more.
    const SEARCH: u64 = 128 << 10;

    /// Bytes for the reader of archives.
    struct Bytes(Arc<dyn Source>);

    impl ReaderAt for Bytes {
        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            let left = self.0.len().saturating_sub(offset);
            let length = left.min(buffer.len() as u64) as usize;
            let bytes = read_exact(self.0.as_ref(), offset, length)?;
            buffer[..length].copy_from_slice(&bytes);
            Ok(length)
        }
    }

    /// The one member that matters: its name, and its bytes, checked against their checksum.
    pub(super) fn member(source: &Arc<dyn Source>) -> io::Result<(String, Box<dyn Read>)> {
        let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
        let archive = ZipArchive::with_max_search_space(SEARCH)
            .locate_in_reader(Bytes(Arc::clone(source)), &mut buffer, source.len())
            .map_err(|(_, error)| damaged(&error))?;
        let mut entries = archive.entries(&mut buffer);
        let (mut names, mut found) = (Vec::new(), None);
        while let Some(entry) = entries.next_entry().map_err(|error| damaged(&error))? {
            let path = entry.file_path();
            let name = String::from_utf8_lossy(path.as_bytes()).into_owned();
            if name == "[Content_Types].xml" {
                return refuse("a spreadsheet or document", "export it as CSV");
            }
            if entry.is_dir() || is_litter(&name) {
                continue;
            }
            if entry.flags().is_encrypted() {
                return refuse("an encrypted ZIP archive", "unpack it first");
            }
            if names.len() < 4 {
                names.push(name);
            }
            let (method, crc) = (entry.compression_method(), entry.crc32());
            found = Some((entry.wayfinder(), method, crc));
        }
        let (Some((place, method, crc)), [name]) = (found, &names[..]) else {
            let what = match &names[..] {
                [] => "an empty ZIP archive".into(),
                [a, b] => format!("a ZIP archive of 2 files ({a} and {b})"),
                [a, b, ..] => format!("a ZIP archive of several files ({a}, {b}, …)"),
                [_] => "a ZIP archive".into(),
            };
            return refuse(what, "unpack it into a folder and name that");
        };
        let entry = archive.get_entry(place).map_err(|error| damaged(&error))?;
        let (start, end) = entry.compressed_data_range();
        let packed = SourceReader::new(Arc::clone(source), start, PIECE);
        let packed = packed.take(end.saturating_sub(start));
        let inner: Box<dyn Read> = match method {
            CompressionMethod::STORE => Box::new(packed),
            CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(packed)),
            other => {
                let name = other.name().map_or_else(|| other.as_u16().to_string(), Into::into);
                return refuse(
                    format!("a ZIP archive packed with {name}"),
                    "pack it the usual way (deflate), or unpack it",
                );
            }
        };
        Ok((name.clone(), Box::new(Checked { inner, crc: Crc::new(), expected: crc })))
    }

    /// Describes what is wrong with an archive, or that its source failed.
    fn damaged(error: &rawzip::Error) -> io::Error {
        let ErrorKind::IO(of_source) = error.kind() else {
            let why = format!("a ZIP archive with a fault: {error}");
            return io::Error::new(io::ErrorKind::InvalidData, why);
        };
        let (kind, why) = (of_source.kind(), of_source.to_string());
        match of_source.get_ref().and_then(|inner| inner.downcast_ref::<SourceFailure>()) {
            Some(_) => io::Error::new(kind, SourceFailure(io::Error::new(kind, why))),
            None => io::Error::new(kind, why),
        }
    }

    /// What packers leave in archives beside what they were given.
    fn is_litter(name: &str) -> bool {
        let last = name.rsplit('/').next().unwrap_or(name);
        name.starts_with("__MACOSX/") || matches!(last, ".DS_Store" | "Thumbs.db")
    }

    /// Bytes with their checksum at the end.
    struct Checked {
        inner: Box<dyn Read>,
        crc: Crc,
        expected: u32,
    }

    impl Read for Checked {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.inner.read(buffer)?;
            self.crc.update(&buffer[..count]);
            if count == 0 && !buffer.is_empty() && self.crc.sum() != self.expected {
                let why = "the checksum of its member does not fit";
                return Err(io::Error::new(io::ErrorKind::InvalidData, why));
            }
            Ok(count)
        }
    }
}
