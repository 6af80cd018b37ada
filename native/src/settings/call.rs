//! The words of the call, to propose others from: what was given is kept.

use std::fmt;

use crate::text::quoted;

/// What was given on the command line or in variables, in the order it was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Call {
    words: Vec<Word>,
}

/// A flag with its value, or an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// The flag, without its dashes; none for an input.
    pub(crate) flag: Option<String>,
    /// The value; none for a flag that stands by itself.
    pub(crate) value: Option<String>,
    /// `ilk inspect` takes it too.
    pub(crate) inspects: bool,
    /// `ilk run` takes it too.
    pub(crate) runs: bool,
}

impl Word {
    /// Makes a flag with its value.
    pub(crate) fn flag(flag: &str, value: impl Into<String>) -> Self {
        Self { flag: Some(flag.into()), value: Some(value.into()), inspects: true, runs: true }
    }

    /// Makes a flag that stands by itself.
    pub(crate) fn bare(flag: &str) -> Self {
        Self { flag: Some(flag.into()), value: None, inspects: true, runs: true }
    }
}

impl fmt::Display for Word {
    /// Writes it for a shell. Values that begin with a dash are no flags.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value.as_deref().unwrap_or_default();
        let is_dashed = value.len() > 1 && value.starts_with('-');
        match (&self.flag, &self.value) {
            (Some(flag), None) => write!(f, "--{flag}"),
            (Some(flag), Some(_)) if is_dashed => write!(f, "--{flag}={}", quoted(value)),
            (Some(flag), Some(_)) => write!(f, "--{flag} {}", quoted(value)),
            (None, _) if is_dashed => write!(f, "{}", quoted(&format!("./{value}"))),
            (None, _) => f.write_str(&quoted(value)),
        }
    }
}

impl Call {
    /// Takes the words.
    pub(crate) const fn new(words: Vec<Word>) -> Self {
        Self { words }
    }

    /// Returns the same without some flags.
    pub(crate) fn without(&self, flags: &[&str]) -> Self {
        let is_kept = |word: &&Word| word.flag.as_deref().is_none_or(|flag| !flags.contains(&flag));
        Self { words: self.words.iter().filter(is_kept).cloned().collect() }
    }

    /// Returns the words of `ilk COMMAND` with all that was given, and more; what the command that was
    /// called has to itself is no part of `ilk run`.
    pub(crate) fn with(&self, command: &str, more: impl IntoIterator<Item = Word>) -> Vec<String> {
        let given = self.words.iter().filter(|word| word.runs || command != "run");
        let words = given.cloned().chain(more);
        ["ilk".into(), command.into()]
            .into_iter()
            .chain(words.map(|word| word.to_string()))
            .collect()
    }

    /// Returns the same call with its job file, if it is given as the input, named by a flag.
    pub(crate) fn naming(&self, job_file: &str) -> Self {
        let named = |word: &Word| match (&word.flag, &word.value) {
            (None, Some(input)) if input == job_file => Word::flag("job", job_file),
            _ => word.clone(),
        };
        Self::new(self.words.iter().map(named).collect())
    }

    /// Writes `ilk inspect` with all that was given and it takes.
    pub(crate) fn inspect(&self) -> String {
        let words = self.words.iter().filter(|word| word.inspects).map(ToString::to_string);
        let words = ["ilk inspect".to_owned()].into_iter().chain(words);
        words.collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_is_kept_and_quoted() {
        let word = |flag: Option<&str>, value: Option<&str>, inspects| Word {
            flag: flag.map(Into::into),
            value: value.map(Into::into),
            inspects,
            runs: flag != Some("format"),
        };
        let call = Call::new(vec![
            word(None, Some("my orders.csv"), true),
            word(None, Some("-"), true),
            word(None, Some("-x.csv"), true),
            word(Some("delimiter"), Some(";"), true),
            word(Some("no-header"), None, true),
            word(Some("top"), Some("5"), false),
            word(Some("format"), Some("json"), false),
        ]);
        assert_eq!(
            call.with("run", [Word::flag("user", "-who"), Word::bare("within")]).join(" "),
            "ilk run 'my orders.csv' - ./-x.csv --delimiter ';' --no-header --top 5 --user=-who --within"
        );
        let call = call.naming("my orders.csv");
        assert_eq!(
            call.with("run", []).join(" "),
            "ilk run --job 'my orders.csv' - ./-x.csv \
            --delimiter ';' --no-header --top 5"
        );
        let call = call.naming("none.toml");
        assert_eq!(
            call.inspect(),
            "ilk inspect --job 'my orders.csv' - ./-x.csv --delimiter ';' --no-header"
        );
        assert_eq!(
            call.without(&["no-header", "delimiter"]).with("run", []).join(" "),
            "ilk run --job 'my orders.csv' - ./-x.csv --top 5"
        );
    }
}
