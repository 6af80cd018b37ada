//! How CSV files are written, as people say it, and what is said of how they were read.

use ilk_core::{
    data::DoubtfulIds,
    job::{Job, Of},
};
use ilk_formats::{
    CsvOptions, Decimal, Delimiter, Encoding, Escape, Header, Quote, ReadOptions, RecordSize,
    Table, notes_of_rows, notes_of_settings, said_once,
};
use serde::{Deserialize, Serialize};

use crate::{progress::Reporter, text::counted};

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
    /// How numbers are written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<Decimal>,
    /// What lines begin with that are passed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Bytes of a record at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_record_size: Option<RecordSize>,
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
            max_record_size: self.max_record_size.map(|size| size.0),
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
        add("decimal", self.decimal.map(|decimal| decimal.to_string()));
        add("comment", self.comment.clone());
        add("max_record_size", self.max_record_size.map(|size| size.to_string()));
        said
    }
}

/// Reports how CSV files are read that are not plain ones, and what may be read otherwise than it
/// is meant; what holds of several files is said once.
pub(crate) fn report_dialects(tables: &[Table], names: &[String], reporter: &Reporter) {
    let said = tables.iter().zip(names).flat_map(|(table, name)| {
        let dialect = table.dialect().filter(|dialect| !dialect.is_plain());
        let dialect = dialect.map(|dialect| format!("read as CSV with {dialect}"));
        let said = dialect.into_iter().chain(table.notes().iter().cloned());
        said.map(|text| (text, name.as_str())).collect::<Vec<_>>()
    });
    for note in said_once(said) {
        reporter.note(note);
    }
}

/// Reports what may be read otherwise than it is meant, once the files are read: text of another
/// encoding, and ids that may stand for missing values.
pub(crate) fn report_read(tables: &[Table], reporter: &Reporter) {
    for note in notes_of_rows(tables) {
        reporter.note(note);
    }
}

/// Reports settings that have no effect on what is read.
pub(crate) fn report_settings(readings: &[&ReadOptions], tables: &[Table], reporter: &Reporter) {
    let has_csv = tables.iter().any(|table| table.dialect().is_some());
    let flag = |name: &str| format!("--{}", name.replace('_', "-"));
    for note in notes_of_settings(readings, has_csv, &flag) {
        reporter.note(note);
    }
}

/// Notes ids that may be meant otherwise. `doubtful`: of those who are not compared, and of those
/// who are.
pub(crate) fn report_ids(doubtful: [DoubtfulIds; 2], job: &Job, reporter: &Reporter) {
    let names = match job.of {
        Of::Items => ["user", "item"],
        Of::Users => ["item", "user"],
    };
    for (doubtful, name) in doubtful.into_iter().zip(names) {
        if let Some((count, first)) = doubtful.fractions {
            reporter.note(format!(
                "{} in two spellings, with and without a fraction of zeros, such as `{first}`; they stay \
                 apart because other {name} ids are no integers",
                counted(count as u64, &format!("{name} id"))
            ));
        }
        if let Some((count, first)) = doubtful.shortened {
            reporter.note(format!(
                "{} shortened by a spreadsheet, it seems, such as `{first}`; export the file again with \
                 the {name} column as text",
                counted(count as u64, &format!("{name} id"))
            ));
        }
    }
}
