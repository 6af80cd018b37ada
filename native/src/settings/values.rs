//! Settings that are more than a number or a name, as people write them.

use std::{fmt, path::PathBuf, str::FromStr};

use ilk_core::data::parse_duration;
use serde::{Deserialize, Serialize};

/// Makes a type of a value that is kept as people wrote it: `parse` reads trimmed text.
macro_rules! written {
    ($(#[$about:meta])* $name:ident, $(#[$about_value:meta])* $value:ident: $type:ty, $parse:expr) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub(crate) struct $name {
            text: String,
            $value: $type,
        }

        impl $name {
            $(#[$about_value])*
            pub(crate) const fn $value(&self) -> $type {
                self.$value
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let text = text.trim();
                let parse: fn(&str) -> Result<$type, &'static str> = $parse;
                Ok(Self { text: text.into(), $value: parse(text)? })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse().map_err(|expected| format!("`{text}`: {expected}"))
            }
        }

        impl From<$name> for String {
            fn from(written: $name) -> Self {
                written.text
            }
        }
    };
}

written! {
    /// A span of time, kept as people wrote it.
    TimeSpan,
    /// Returns its microseconds.
    micros: i64,
    |text| {
        let micros = parse_duration(text).filter(|micros| *micros > 0);
        micros.ok_or("expected a span of time such as 30m or 2h")
    }
}

written! {
    /// A share of 0 or more, kept as people wrote it: `30%`, `0.3`.
    Share,
    /// Returns it as a number.
    share: f64,
    |text| {
        let (number, unit) = match text.strip_suffix('%') {
            Some(number) => (number.trim_end(), 100.0),
            None => (text, 1.0),
        };
        let share = number.parse::<f64>().ok().map(|number| number / unit);
        let share = share.filter(|share| share.is_finite() && *share >= 0.0);
        share.ok_or("expected a share such as 30% or 0.3")
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
    fn shares_are_read_as_percent_or_number() {
        for (text, share) in [("30%", 0.3), ("0.3", 0.3), (" 5 % ", 0.05), ("250%", 2.5)] {
            let read = text.parse::<Share>().unwrap();
            assert!((read.share() - share).abs() < 1e-12);
            assert_eq!(String::from(read), text.trim());
        }
        for text in ["", "%", "-1%", "inf", "NaN", "much"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
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
