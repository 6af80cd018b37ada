//! Checksums: XXH3-64 of bytes, written as `xxh3:` and 16 hexadecimal digits.

use std::{
    fmt,
    fs::File,
    io::{self, Read, Write},
    path::Path,
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// The checksum of a file or a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Checksum(u64);

impl Checksum {
    /// Returns the checksum of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(xxh3_64(bytes))
    }

    /// Reads a file and returns its length and checksum. Cost: one pass over the file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn of_file(path: &Path) -> io::Result<(u64, Self)> {
        let mut file = File::open(path)?;
        let mut sum = Summing::new(io::sink());
        let mut buffer = vec![0; 1 << 20];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(sum.total()),
                read => sum.write_all(&buffer[..read])?,
            }
        }
    }

    /// Returns the 16 hexadecimal digits, for names of files.
    pub fn digits(self) -> String {
        format!("{:016x}", self.0)
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "xxh3:{:016x}", self.0)
    }
}

impl From<Checksum> for String {
    fn from(checksum: Checksum) -> Self {
        checksum.to_string()
    }
}

impl FromStr for Checksum {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix("xxh3:").unwrap_or(text);
        let value = u64::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 16);
        value.map(Self).ok_or_else(|| format!("`{text}` is not a checksum"))
    }
}

impl TryFrom<String> for Checksum {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// Passes bytes on and sums them up.
pub(crate) struct Summing<W> {
    out: W,
    hasher: Xxh3,
    bytes: u64,
}

impl<W> Summing<W> {
    /// Passes bytes on to `out`.
    pub(crate) fn new(out: W) -> Self {
        Self { out, hasher: Xxh3::new(), bytes: 0 }
    }

    /// Returns how many bytes went through, and their checksum.
    pub(crate) fn total(&self) -> (u64, Checksum) {
        (self.bytes, Checksum(self.hasher.digest()))
    }

    /// Returns where the bytes went.
    pub(crate) fn into_inner(self) -> W {
        self.out
    }
}

impl<W: Write> Write for Summing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_reads_back_as_it_is_written() {
        let checksum = Checksum::of(b"tea");
        assert_eq!(checksum.to_string().parse(), Ok(checksum));
        assert_eq!(checksum.digits().parse(), Ok(checksum));
        assert!("xxh3:12".parse::<Checksum>().is_err());
        assert!("xxh3:zzzzzzzzzzzzzzzz".parse::<Checksum>().is_err());
    }

    #[test]
    fn files_and_streams_have_the_checksum_of_their_bytes() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("x");
        let bytes = (0..3_000_000_u32).map(|byte| byte as u8).collect::<Vec<_>>();
        let mut sum = Summing::new(File::create(&path).unwrap());
        sum.write_all(&bytes).unwrap();
        let expected = (bytes.len() as u64, Checksum::of(&bytes));
        assert_eq!(sum.total(), expected);
        assert_eq!(Checksum::of_file(&path).unwrap(), expected);
    }
}
