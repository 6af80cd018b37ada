//! A decoder that lies outside the module.

use std::{
    io::{self, Cursor, Read},
    sync::OnceLock,
};

/// Unpacks all of its bytes.
pub type Decode = fn(&[u8]) -> io::Result<Vec<u8>>;

static DECODE: OnceLock<Decode> = OnceLock::new();

/// Sets the decoder; the first call counts.
pub fn set_decoder(decode: Decode) {
    DECODE.get_or_init(|| decode);
}

/// Hands what it reads to that decoder, all of it at the first call.
#[derive(Debug)]
pub struct Decompressor<R> {
    packed: Option<R>,
    unpacked: Cursor<Vec<u8>>,
}

impl<R: Read> Decompressor<R> {
    /// Takes what the decoder takes; buffers have the sizes that they need.
    pub fn new(packed: R, _buffer_size: usize) -> Self {
        Self { packed: Some(packed), unpacked: Cursor::default() }
    }
}

impl<R: Read> Read for Decompressor<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Some(mut reader) = self.packed.take() {
            let decode = DECODE.get().ok_or_else(|| {
                io::Error::new(io::ErrorKind::Unsupported, "brotli is not read here")
            })?;
            let mut packed = Vec::new();
            reader.read_to_end(&mut packed)?;
            self.unpacked = Cursor::new(decode(&packed)?);
        }
        self.unpacked.read(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_was_named_decodes() {
        let mut text = String::new();
        let error = Decompressor::new(&b"kli"[..], 0).read_to_string(&mut text).unwrap_err();
        assert_eq!(error.to_string(), "brotli is not read here");
        set_decoder(|packed| match packed {
            b"" => Err(io::ErrorKind::UnexpectedEof.into()),
            bytes => Ok(bytes.iter().rev().copied().collect()),
        });
        Decompressor::new(&b"kli"[..], 0).read_to_string(&mut text).unwrap();
        assert_eq!(text, "ilk");
        Decompressor::new(&b""[..], 0).read_to_string(&mut text).unwrap_err();
    }
}
