//! How CSV files are written, as people say it.

use ilk_formats::{CsvOptions, Delimiter, Encoding, Escape, Header, Quote};
use serde::{Deserialize, Serialize};

use crate::memory::Bytes;

/// What is said of CSV files; what is absent is detected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CsvSettings {
    /// What stands between fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<Delimiter>,
    /// What encloses fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<Quote>,
    /// What stands before a quote inside an enclosed field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escape: Option<Escape>,
    /// No record names the columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_header: Option<bool>,
    /// Lines before the header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip_lines: Option<u64>,
    /// How characters are written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
    /// Texts that stand for nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub null: Vec<String>,
    /// What lines begin with that are passed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Bytes of a record at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_record_size: Option<Bytes>,
}

impl CsvSettings {
    /// Turns the settings into what readers take.
    pub fn options(&self) -> CsvOptions {
        let absent = self.no_header == Some(true);
        CsvOptions {
            delimiter: self.delimiter.clone(),
            quote: self.quote,
            escape: self.escape,
            header: if absent { Header::Absent } else { Header::Named },
            skip_lines: self.skip_lines.unwrap_or(0),
            encoding: self.encoding,
            comment: self.comment.clone().filter(|comment| !comment.is_empty()),
            max_record_size: self.max_record_size.map(|size| size.0 as usize),
            ..CsvOptions::default()
        }
    }

    /// Lists what is said: names of settings and values as people write them.
    pub fn said(&self) -> Vec<(&'static str, String)> {
        let mut said = Vec::new();
        let mut add = |name, value: Option<String>| said.extend(value.map(|value| (name, value)));
        add("delimiter", self.delimiter.as_ref().map(ToString::to_string));
        add("quote", self.quote.map(|quote| quote.to_string()));
        add("escape", self.escape.map(|escape| escape.to_string()));
        add("no_header", self.no_header.map(|absent| absent.to_string()));
        add("skip_lines", self.skip_lines.map(|lines| lines.to_string()));
        add("encoding", self.encoding.map(|encoding| encoding.to_string()));
        self.null.iter().for_each(|null| add("null", Some(null.clone())));
        add("comment", self.comment.clone());
        add("max_record_size", self.max_record_size.map(String::from));
        said
    }
}
