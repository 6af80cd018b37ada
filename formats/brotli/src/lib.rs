//! The decoder of brotli, under the names by which parquet calls the crate `brotli`.
//!
//! Ilk reads Parquet files packed with brotli and never writes one. parquet asks for both ways,
//! and the encoder with its tables is a fifth of the wasm package. So the workspace puts this
//! in the place of the crate (`[patch]` in its manifest): the same decoder, and no encoder.
//!
//! In WebAssembly the decoder itself is elsewhere, in a module that is fetched when a file needs it:
//! its dictionary alone would be a twentieth of the package, and few files are packed so.

#[cfg(any(target_family = "wasm", test))]
pub mod elsewhere;

use std::io::{self, Write};

#[cfg(not(target_family = "wasm"))]
pub use brotli_decompressor::Decompressor;
#[cfg(target_family = "wasm")]
pub use elsewhere::{Decode, Decompressor, set_decoder};

/// What would be the encoder: every write fails.
#[derive(Debug)]
pub struct CompressorWriter<W>(std::marker::PhantomData<W>);

impl<W: Write> CompressorWriter<W> {
    /// Takes what the encoder takes; nothing is written.
    pub fn new(_out: W, _buffer_size: usize, _quality: u32, _window: u32) -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<W: Write> Write for CompressorWriter<W> {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "brotli is read here, and not written"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    /// "ilk" as one uncompressed block.
    const ILK: [u8; 7] = [0x0b, 0x01, 0x80, b'i', b'l', b'k', 0x03];

    #[test]
    fn what_brotli_packed_is_read() {
        let mut text = String::new();
        Decompressor::new(&ILK[..], 4096).read_to_string(&mut text).unwrap();
        assert_eq!(text, "ilk");
    }

    #[test]
    fn writing_fails_instead_of_losing_bytes() {
        let mut out = Vec::new();
        let mut writer = CompressorWriter::new(&mut out, 4096, 1, 22);
        let error = writer.write_all(b"ilk").unwrap_err();
        assert_eq!(error.to_string(), "brotli is read here, and not written");
    }
}
