//! Settings that are more than a number or a name, as people write them.

use std::{fmt, path::PathBuf, str::FromStr};

use bytesize::ByteSize;
use ilk_core::time::parse_duration;
use serde::{Deserialize, Serialize};

/// A number of bytes as people write it: `256MiB`, `1.5GiB`, `2GB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Bytes(pub(crate) u64);

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let size = text.parse::<ByteSize>().ok().filter(|size| size.as_u64() > 0);
        // A bare number is more often a slip than a number of bytes.
        let has_unit = text.ends_with(|last: char| last.is_ascii_alphabetic());
        let size = size.filter(|_| has_unit);
        size.map(|size| Self(size.as_u64()))
            .ok_or_else(|| "expected a size such as 512MiB or 2GiB".into())
    }
}

impl TryFrom<String> for Bytes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map_err(|expected| format!("`{text}`: {expected}"))
    }
}

impl From<Bytes> for String {
    fn from(bytes: Bytes) -> Self {
        // What is read back must be the same, to the byte.
        let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        let exact = units.into_iter().find(|(unit, _)| bytes.0.is_multiple_of(*unit));
        exact.map_or_else(
            || format!("{}B", bytes.0),
            |(unit, name)| format!("{}{name}", bytes.0 / unit),
        )
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ByteSize::b(self.0).display().iec().fmt(f)
    }
}

/// A span of time, kept as people wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct TimeSpan {
    text: String,
    micros: i64,
}

impl TimeSpan {
    /// Returns its microseconds.
    pub(crate) const fn micros(&self) -> i64 {
        self.micros
    }
}

impl FromStr for TimeSpan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let micros = parse_duration(text).filter(|micros| *micros > 0);
        let micros = micros.ok_or("expected a span of time such as 30m or 2h")?;
        Ok(Self { text: text.trim().into(), micros })
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl TryFrom<String> for TimeSpan {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map_err(|expected| format!("`{text}`: {expected}"))
    }
}

impl From<TimeSpan> for String {
    fn from(span: TimeSpan) -> Self {
        span.text
    }
}

/// What computes the tiles of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Engine {
    /// This program.
    #[default]
    Native,
    /// The plugin in a file, one instance for each thread.
    Plugin(PathBuf),
}

impl FromStr for Engine {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "native" => Ok(Self::Native),
            Some(("plugin", path)) if !path.is_empty() => Ok(Self::Plugin(path.into())),
            _ => Err("expected `native` or `plugin:PATH`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_with_their_unit_and_written_back() {
        let span = "1h 30m".parse::<TimeSpan>().unwrap();
        assert_eq!((span.micros, span.to_string().as_str()), (5_400_000_000, "1h 30m"));
        for text in ["", "30", "-1h", "0s", "soon"] {
            assert!(text.parse::<TimeSpan>().is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_read_with_their_unit_and_written_back_exactly() {
        for (text, bytes) in [("256MiB", 256 << 20), ("1.5 GiB", 3 << 29), ("2GB", 2_000_000_000)] {
            let size = text.parse::<Bytes>().unwrap();
            assert_eq!(size, Bytes(bytes), "{text}");
            assert_eq!(String::from(size).parse(), Ok(size));
        }
        for text in ["", "12", "0MiB", "much", "-1GiB"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
    }

    #[test]
    fn engines_are_named() {
        assert_eq!("native".parse(), Ok(Engine::Native));
        assert_eq!("plugin:a:b.wasm".parse(), Ok(Engine::Plugin("a:b.wasm".into())));
        for wrong in ["", "plugin", "plugin:", "wasm:a"] {
            assert!(wrong.parse::<Engine>().is_err(), "{wrong}");
        }
    }
}
