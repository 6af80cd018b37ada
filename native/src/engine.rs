//! What computes the tiles: this program, or a plugin in a sandbox.

use std::{path::PathBuf, str::FromStr};

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
    /// Returns the plugin, if it is one.
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
    fn engines_are_named() {
        assert_eq!("native".parse(), Ok(Engine::Native));
        assert_eq!("plugin:a:b.wasm".parse(), Ok(Engine::Plugin("a:b.wasm".into())));
        for wrong in ["", "plugin", "plugin:", "wasm:a"] {
            assert!(wrong.parse::<Engine>().is_err(), "{wrong}");
        }
    }
}
