//! Text packed on its way out.

use std::io::{self, Write};

use flate2::{Compression, GzBuilder, write::GzEncoder};

use crate::error::{Error, write_error};

/// How the bytes of an output are packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OutputPacking {
    /// They are not.
    #[default]
    Plain,
    /// gzip (`.gz`).
    Gzip,
    /// zstd (`.zst`).
    Zstd,
}

impl OutputPacking {
    /// Returns the ending of file names, with its dot; nothing where bytes are not packed.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }

    /// Splits the ending off a name in small letters.
    pub(super) fn of_name(name: &str) -> (&str, Self) {
        let split = |packing: Self| Some((name.strip_suffix(packing.ending())?, packing));
        [Self::Gzip, Self::Zstd].into_iter().find_map(split).unwrap_or((name, Self::Plain))
    }
}

/// Bytes packed on their way to `W`. The same bytes are packed alike, on any machine: levels are
/// constant, and nothing tells the time. Memory: 256 KiB for gzip, 8 MiB for zstd.
pub struct Packer<W: Write>(Packed<W>);

enum Packed<W: Write> {
    Plain(W),
    Gzip(Box<GzEncoder<W>>),
    Zstd(Box<zstd::Encoder<'static, W>>),
}

impl<W: Write> Packer<W> {
    /// Begins.
    ///
    /// # Errors
    /// [`Error::Write`] if the compressor cannot begin.
    pub fn new(out: W, packing: OutputPacking) -> Result<Self, Error> {
        /// Levels that the programs `gzip` and `zstd` have where nothing else is said.
        const GZIP: u32 = 6;
        const ZSTD: i32 = 3;
        Ok(Self(match packing {
            OutputPacking::Plain => Packed::Plain(out),
            OutputPacking::Gzip => {
                let builder = GzBuilder::new().mtime(0).operating_system(255);
                Packed::Gzip(Box::new(builder.write(out, Compression::new(GZIP))))
            }
            OutputPacking::Zstd => {
                let mut encoder = zstd::Encoder::new(out, ZSTD).map_err(write_error)?;
                // Damage is found when the file is read.
                encoder.include_checksum(true).map_err(write_error)?;
                Packed::Zstd(Box::new(encoder))
            }
        }))
    }

    /// Writes what is left, and hands the place back.
    ///
    /// # Errors
    /// [`Error::Write`] with what the place reported; the file is then incomplete.
    pub fn finish(self) -> Result<W, Error> {
        match self.0 {
            Packed::Plain(out) => Ok(out),
            Packed::Gzip(encoder) => encoder.finish().map_err(write_error),
            Packed::Zstd(encoder) => encoder.finish().map_err(write_error),
        }
    }
}

impl<W: Write> Write for Packer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Packed::Plain(out) => out.write(bytes),
            Packed::Gzip(encoder) => encoder.write(bytes),
            Packed::Zstd(encoder) => encoder.write(bytes),
        }
    }

    /// Flushes a place that is not packed: writers flush when they are done, and what is packed
    /// would be cut there.
    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Packed::Plain(out) => out.flush(),
            Packed::Gzip(_) | Packed::Zstd(_) => Ok(()),
        }
    }
}
