//! What is said of a record that is set aside.

use super::scan::{Fault, Grammar};
use crate::dialect::CsvOptions;

/// Bytes of a record that are shown at most.
pub(crate) const SHOWN: usize = 1 << 10;

impl Fault {
    /// Describes what is wrong.
    pub(crate) fn text(self, grammar: &Grammar) -> String {
        let quote = char::from(grammar.quote.unwrap_or(b'"'));
        match self {
            Self::Fields(1) => format!("1 field, expected {}", grammar.fields),
            Self::Fields(found) => format!("{found} fields, expected {}", grammar.fields),
            Self::BareQuote => format!("a {quote} inside an unquoted field"),
            Self::AfterQuote => format!("text after a closing {quote}"),
            Self::OpenQuote => format!("a {quote} that is not closed"),
            Self::LoneCr => "a carriage return that ends no line".into(),
            Self::TooLong => format!("longer than {}", size(grammar.most)),
            Self::Ambiguous => format!("a {quote} that may be closed by another field's"),
            Self::Header => "the header again".into(),
            Self::EndMark => "an end-of-file mark".into(),
        }
    }

    /// Names the settings by which such records may become readable.
    pub(crate) const fn flags(self) -> &'static str {
        match self {
            Self::Fields(_) | Self::Header | Self::EndMark => {
                "give --delimiter, or --skip-lines N where lines come before the header"
            }
            Self::BareQuote | Self::AfterQuote | Self::OpenQuote | Self::Ambiguous => {
                "give --quote none where quotes are text, or --escape '\\' where a backslash stands before them"
            }
            Self::LoneCr => "convert its line ends",
            Self::TooLong => "give --max-record-size",
        }
    }
}

/// Describes a record that is set aside: its line, what is wrong, and its raw text.
pub(crate) fn describe(grammar: &Grammar, line: u64, fault: Fault, raw: &[u8]) -> String {
    let shown = &raw[..raw.len().min(SHOWN)];
    let text = String::from_utf8_lossy(shown);
    let more = if shown.len() < raw.len() { "…" } else { "" };
    format!("line {line}: {}: {text}{more}", fault.text(grammar))
}

/// Spells a size of memory that people gave.
fn size(bytes: usize) -> String {
    match bytes {
        CsvOptions::MAX_RECORD_SIZE => "1 MiB".into(),
        _ => format!("{bytes} bytes"),
    }
}
