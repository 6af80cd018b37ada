//! Settings that are more than a number or a name, as people write them.

use std::{fmt, path::PathBuf, str::FromStr};

use ilk_core::data::parse_duration;
use serde::{Deserialize, Serialize};

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

/// A share of 0 or more, kept as people wrote it: `30%`, `0.3`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Share {
    text: String,
    share: f64,
}

impl Share {
    /// Returns it as a number.
    pub(crate) const fn share(&self) -> f64 {
        self.share
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (number, unit) = match text.strip_suffix('%') {
            Some(number) => (number.trim_end(), 100.0),
            None => (text, 1.0),
        };
        let share = number.parse::<f64>().ok().map(|number| number / unit);
        let share = share.filter(|share| share.is_finite() && *share >= 0.0);
        let share = share.ok_or("expected a share such as 30% or 0.3")?;
        Ok(Self { text: text.into(), share })
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl TryFrom<String> for Share {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map_err(|expected| format!("`{text}`: {expected}"))
    }
}

impl From<Share> for String {
    fn from(share: Share) -> Self {
        share.text
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

impl Engine {
    /// Returns the plugin's file, if it is one.
    pub(crate) fn plugin(&self) -> Option<PathBuf> {
        match self {
            Self::Native => None,
            Self::Plugin(path) => Some(path.clone()),
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
    fn engines_are_named() {
        assert_eq!("native".parse(), Ok(Engine::Native));
        assert_eq!("plugin:a:b.wasm".parse(), Ok(Engine::Plugin("a:b.wasm".into())));
        for wrong in ["", "plugin", "plugin:", "wasm:a"] {
            assert!(wrong.parse::<Engine>().is_err(), "{wrong}");
        }
    }
}
