//! What the codes of a result are called in a file: as they were read, or spelled in another way.

use std::borrow::Cow;

use ilk_core::{data::Ids, result::Catalogue};
use serde::{Deserialize, Serialize};

/// How IDs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "bool", into = "bool")]
pub enum IdStyle {
    /// With the type of the input.
    #[default]
    AsRead,
    /// As text.
    Text,
}

impl From<bool> for IdStyle {
    fn from(are_text: bool) -> Self {
        if are_text { Self::Text } else { Self::AsRead }
    }
}

impl From<IdStyle> for bool {
    fn from(ids: IdStyle) -> Self {
        ids == IdStyle::Text
    }
}

/// What becomes of text in CSV that spreadsheets take for a formula.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "bool", into = "bool")]
pub enum Formulas {
    /// It is written as it is.
    #[default]
    AsRead,
    /// It gets a `'` before it.
    Prefixed,
}

impl From<bool> for Formulas {
    fn from(are_prefixed: bool) -> Self {
        if are_prefixed { Self::Prefixed } else { Self::AsRead }
    }
}

impl From<Formulas> for bool {
    fn from(formulas: Formulas) -> Self {
        formulas == Formulas::Prefixed
    }
}

/// How an output spells what it holds. A manifest keeps what is not usual, as `text_ids` and
/// `csv_safe`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Spelling {
    /// IDs.
    #[serde(rename = "text_ids", skip_serializing_if = "is_usual")]
    pub ids: IdStyle,
    /// Text in CSV.
    #[serde(rename = "csv_safe", skip_serializing_if = "is_usual")]
    pub formulas: Formulas,
}

fn is_usual<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A catalogue as a file spells it. Names are spelled as they are written: there is no copy of them.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    pub(super) catalogue: &'a Catalogue,
    spelling: Spelling,
}

impl<'a> Names<'a> {
    /// Spells a catalogue.
    pub const fn new(catalogue: &'a Catalogue, spelling: Spelling) -> Self {
        Self { catalogue, spelling }
    }

    /// Returns true if IDs are written as text.
    pub(super) fn are_text(&self) -> bool {
        self.spelling.ids == IdStyle::Text || matches!(self.catalogue.ids, Ids::Text(_))
    }

    /// Returns the label of an item.
    pub(super) fn label(&self, code: u32) -> Option<&'a str> {
        self.catalogue.labels.as_ref()?.get(code as usize)
    }

    /// Counts the bytes of an ID's text; 0 if it is written as a number.
    pub(super) fn id_bytes(&self, code: u32) -> usize {
        match &self.catalogue.ids {
            Ids::Text(ids) => ids.get(code as usize).len(),
            _ if self.spelling.ids == IdStyle::AsRead => 0,
            Ids::Integer(ids) => {
                let id = ids[code as usize];
                usize::from(id < 0) + digits(id.unsigned_abs())
            }
            Ids::Unsigned(ids) => digits(ids[code as usize]),
        }
    }

    /// Spells text for CSV.
    pub(super) fn in_csv<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.spelling.formulas {
            Formulas::AsRead => Cow::Borrowed(text),
            Formulas::Prefixed => harmless(text),
        }
    }
}

impl<'a> From<&'a Catalogue> for Names<'a> {
    fn from(catalogue: &'a Catalogue) -> Self {
        Self::new(catalogue, Spelling::default())
    }
}

/// Counts the digits of a number.
fn digits(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |digits| digits as usize + 1)
}

/// Puts a `'` before text that spreadsheets take for a formula.
fn harmless(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_begins_like_a_formula_gets_a_prefix() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("+49", "'+49"),
            ("-", "'-"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("a=b", "a=b"),
            ("", ""),
        ] {
            assert_eq!(harmless(text), expected);
        }
    }

    #[test]
    fn the_bytes_of_ids_are_those_of_their_text() {
        let text = Spelling { ids: IdStyle::Text, ..Spelling::default() };
        for ids in [
            Ids::Integer(vec![i64::MIN, -10, -1, 0, 9, 10, i64::MAX]),
            Ids::Unsigned(vec![0, 99, 100, u64::MAX]),
            Ids::Text(["", "ü", "tea"].into_iter().collect()),
        ] {
            let supports = vec![1; ids.len()];
            let catalogue = Catalogue { ids, labels: None, supports, target: None };
            let (spelled, as_read) = (Names::new(&catalogue, text), Names::from(&catalogue));
            assert!(spelled.are_text());
            for code in 0..catalogue.ids.len() as u32 {
                let bytes = catalogue.ids.display(code).len();
                assert_eq!(spelled.id_bytes(code), bytes);
                assert_eq!(as_read.id_bytes(code), if as_read.are_text() { bytes } else { 0 });
            }
        }
    }
}
