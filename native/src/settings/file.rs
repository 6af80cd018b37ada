//! Job files: data sources and a job in TOML, with the line of every key for messages.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use figment::value::{Dict, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::keys::Keys;
use crate::{error::Error, text::did_you_mean};

/// A job file, read and checked for unknown keys; values are checked when they are used.
#[derive(Clone, Debug)]
pub(crate) struct JobFile {
    /// As people named it.
    pub(crate) name: String,
    /// The `[job]` table, without the choice of the data source.
    pub(crate) job: Section,
    /// The `[datasource.NAME]` tables.
    pub(crate) sources: BTreeMap<String, Section>,
    /// The data source the file itself chooses.
    pub(crate) datasource: Option<String>,
    /// The settings there are.
    pub(crate) keys: Keys,
}

/// The settings of one table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Section {
    /// By key.
    pub(crate) values: Dict,
    /// The line of each key, from 1.
    pub(crate) lines: BTreeMap<String, usize>,
}

type Key<'t, 'i> = &'t Spanned<std::borrow::Cow<'i, str>>;
type Item<'t, 'i> = &'t Spanned<DeValue<'i>>;

impl JobFile {
    /// Reads a job file; `keys` are the settings there are.
    ///
    /// # Errors
    /// If it cannot be read, is not TOML, or holds a key that has no meaning.
    pub(crate) fn read(path: &Path, keys: &Keys) -> Result<Self, Error> {
        let text = fs::read(path).map_err(|error| Error::file("read", path, &error))?;
        let text = String::from_utf8(text)
            .map_err(|_| Error::input(format!("{}: a job file is UTF-8 text", path.display())))?;
        Self::parse(path, &text, keys)
    }

    /// Reads the text of the job file at `path`.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) fn parse(path: &Path, text: &str, keys: &Keys) -> Result<Self, Error> {
        let name = path.display().to_string();
        let (text, chosen) = take_choice(text);
        let tree = DeTable::parse(&text).map_err(|error| {
            let place = error.span().map(|span| format!(" line {}", line_at(&text, span.start)));
            let why = error.message().trim().replace('\n', "; ");
            Error::input(format!("{name}{}: not valid TOML: {why}", place.unwrap_or_default()))
        })?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let mut file = Self {
            name,
            job: Section::default(),
            sources: BTreeMap::new(),
            datasource: chosen,
            keys: keys.clone(),
        };
        let reader = Reader { text: &text, name: file.name.clone(), folder: &folder, keys };
        for (key, value) in by_line(tree.get_ref()) {
            reader.top_level(&mut file, key, value)?;
        }
        if let Some(value) = file.job.values.remove("datasource") {
            file.datasource = value.into_string();
        }
        Ok(file)
    }
}

/// Takes a `datasource = "NAME"` above all tables out of the text, leaving spaces so that places
/// stay what they are.
///
/// Beside `[datasource.NAME]` tables TOML itself would not allow it: the key would have two
/// values. It is the natural place to choose, so job files allow it all the same.
fn take_choice(text: &str) -> (String, Option<String>) {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with('[') {
            break;
        }
        let is_choice = line.trim_start().strip_prefix("datasource");
        if is_choice.is_some_and(|rest| rest.trim_start().starts_with('='))
            && let Ok(choice) = DeTable::parse(line)
            && let Some(name) =
                choice.get_ref().get("datasource").and_then(|v| v.get_ref().as_str())
        {
            let blank = line.trim_end_matches(['\r', '\n']).len();
            let mut rest = text.to_owned();
            rest.replace_range(start..start + blank, &" ".repeat(blank));
            return (rest, Some(name.into()));
        }
        start += line.len();
    }
    (text.into(), None)
}

/// Returns the line, from 1, of the byte at `place`.
fn line_at(text: &str, place: usize) -> usize {
    let before = text.as_bytes().iter().take(place);
    1 + before.filter(|byte| **byte == b'\n').count()
}

/// Walks a table in the order of the file.
fn by_line<'t, 'i>(table: &'t DeTable<'i>) -> Vec<(Key<'t, 'i>, Item<'t, 'i>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

struct Reader<'a> {
    text: &'a str,
    name: String,
    folder: &'a Path,
    keys: &'a Keys,
}

impl Reader<'_> {
    fn line(&self, key: Key) -> usize {
        line_at(self.text, key.span().start)
    }

    fn error(&self, key: Key, message: &str) -> Error {
        Error::input(format!("{} line {}: {message}", self.name, self.line(key)))
    }

    fn top_level(&self, file: &mut JobFile, key: Key, value: Item) -> Result<(), Error> {
        let table = value.get_ref().as_table();
        match (key.get_ref().as_ref(), table) {
            ("job", Some(table)) => {
                file.job = self.section("[job]", table, &self.keys.of_job())?;
            }
            ("datasource", Some(table)) => {
                for (name, source) in by_line(table) {
                    self.source(file, name, source)?;
                }
            }
            ("job", None) => return Err(self.error(key, "`job` is a table: write [job]")),
            ("datasource", None) => {
                return Err(self.error(key, "`datasource` chooses one by its name, a string"));
            }
            (other, _) => return Err(self.unknown_at_top(key, other)),
        }
        Ok(())
    }

    fn source(&self, file: &mut JobFile, name: Key, source: Item) -> Result<(), Error> {
        let Some(table) = source.get_ref().as_table() else {
            let known = self.keys.of_source().contains(&name.get_ref().as_ref());
            let error = self
                .error(name, &format!("`{}` in [datasource] is not a data source", name.get_ref()));
            return Err(error.with_help(if known {
                "name the data source, as in [datasource.orders]"
            } else {
                "a data source is a table, as in [datasource.orders]"
            }));
        };
        let section = format!("[datasource.{}]", name.get_ref());
        let section = self.section(&section, table, &self.keys.of_source())?;
        file.sources.insert(name.get_ref().to_string(), section);
        Ok(())
    }

    fn unknown_at_top(&self, key: Key, name: &str) -> Error {
        let error = self.error(key, &format!("unknown key `{name}`"));
        if self.keys.of_job().contains(&name) {
            error.with_help(format!("`{name}` belongs under [job]"))
        } else if self.keys.of_source().contains(&name) {
            error.with_help(format!("`{name}` belongs under a data source: [datasource.NAME]"))
        } else {
            let near = did_you_mean(name, ["job", "datasource"]);
            error.with_help(
                near.unwrap_or_else(|| "a job file has [datasource.NAME] and [job]".into()),
            )
        }
    }

    fn section(&self, title: &str, table: &DeTable, known: &[&str]) -> Result<Section, Error> {
        let mut section = Section::default();
        for (key, value) in by_line(table) {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                return Err(self.unknown_key(key, title, known));
            }
            let value = self.setting(name, value.get_ref());
            section.values.insert(name.into(), value);
            section.lines.insert(name.into(), self.line(key));
        }
        Ok(section)
    }

    fn unknown_key(&self, key: Key, title: &str, known: &[&str]) -> Error {
        let name = key.get_ref().as_ref();
        let error = self.error(key, &format!("unknown key `{name}` in {title}"));
        let elsewhere = if title == "[job]" { self.keys.of_source() } else { self.keys.of_job() };
        if elsewhere.contains(&name) {
            let place = if title == "[job]" { "[datasource.NAME]" } else { "[job]" };
            return error.with_help(format!("`{name}` belongs under {place}"));
        }
        let near = did_you_mean(name, known.iter().copied());
        error.with_help(near.unwrap_or_else(|| format!("{title} takes: {}", known.join(", "))))
    }

    /// Makes a value of what is written, with the few liberties people expect.
    fn setting(&self, name: &str, value: &DeValue) -> Value {
        let key = self.keys.get(name);
        let value = match (name, plain(value)) {
            (_, Value::String(tag, text)) if key.is_some_and(|key| key.is_list) => {
                Value::Array(tag, vec![Value::String(tag, text)])
            }
            // A share may be written as the number it is.
            ("max_bad_rows" | "max_change", Value::Num(tag, number)) => {
                let text = number.to_f64().map(|share| share.to_string());
                text.map_or(Value::Num(tag, number), |text| Value::String(tag, text))
            }
            (_, value) => value,
        };
        if key.is_some_and(|key| key.is_path) { self.rooted(value) } else { value }
    }

    /// Makes paths start from the job file's folder.
    fn rooted(&self, value: Value) -> Value {
        match value {
            Value::String(tag, text) => {
                Value::String(tag, rooted(self.folder, &text).to_string_lossy().into_owned())
            }
            Value::Array(tag, values) => {
                let values = values.into_iter().map(|value| self.rooted(value));
                Value::Array(tag, values.collect())
            }
            other => other,
        }
    }
}

/// Puts `folder` before a relative path or pattern. In a pattern the folder stands for itself
/// even if its name holds `*` or the like.
fn rooted(folder: &Path, text: &str) -> PathBuf {
    // A dash is no path: standard input, standard output.
    if folder.as_os_str().is_empty() || text == "-" {
        return text.into();
    }
    let is_pattern = text.contains(['*', '?', '[']);
    if is_pattern && Path::new(text).is_relative() {
        let folder = glob::Pattern::escape(&folder.to_string_lossy());
        return Path::new(&folder).join(text);
    }
    folder.join(text)
}

/// Makes a figment value of a TOML one; dates become text.
fn plain(value: &DeValue) -> Value {
    match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Boolean(truth) => Value::from(*truth),
        DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix())
            .map_or_else(|_| Value::from(digits.as_str()), Value::from),
        DeValue::Float(digits) => digits
            .as_str()
            .parse::<f64>()
            .map_or_else(|_| Value::from(digits.as_str()), Value::from),
        DeValue::Datetime(time) => Value::from(time.to_string()),
        DeValue::Array(values) => {
            Value::from(values.iter().map(|value| plain(value.get_ref())).collect::<Vec<_>>())
        }
        DeValue::Table(table) => {
            let entries = table.iter();
            let entries =
                entries.map(|(key, value)| (key.get_ref().to_string(), plain(value.get_ref())));
            Value::from(entries.collect::<Dict>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::keys::Key, *};

    fn parse(text: &str) -> Result<JobFile, String> {
        let key = |name: &str, group| Key {
            name: name.into(),
            group,
            is_list: matches!(name, "input" | "only"),
            is_path: matches!(name, "input" | "only" | "out"),
        };
        let source = ["input", "user"].map(|name| key(name, Keys::SOURCE));
        let job = ["max_bad_rows", "now", "only", "out"].map(|name| key(name, "job"));
        JobFile::parse(Path::new("jobs/job.toml"), text, &Keys::new([&source[..], &job].concat()))
            .map_err(|error| console::strip_ansi_codes(&error.to_string()).into_owned())
    }

    #[test]
    fn the_data_source_is_chosen_in_the_job_or_above_all_tables() {
        let tables = "[datasource.a]\nuser = 'u'\n[datasource.b]\n";
        let above = parse(&format!("# mine\ndatasource = \"b\" # for now\r\n{tables}")).unwrap();
        assert_eq!(above.datasource.as_deref(), Some("b"));
        assert_eq!(above.sources["a"].lines["user"], 4);
        let inside = parse(&format!("{tables}[job]\ndatasource = 'b'\n")).unwrap();
        assert_eq!(inside.datasource.as_deref(), Some("b"));
        assert_eq!(parse(tables).unwrap().datasource, None);
    }

    #[test]
    fn paths_start_from_the_folder_of_the_job_file() {
        let file =
            parse("[datasource.a]\ninput = ['x/*.csv', '/abs.csv']\n[job]\nout = 'o'").unwrap();
        let inputs = file.sources["a"].values["input"].clone().into_array().unwrap();
        let inputs: Vec<_> = inputs.iter().map(|input| input.as_str().unwrap()).collect();
        assert_eq!(inputs, ["jobs/x/*.csv", "/abs.csv"]);
        assert_eq!(file.job.values["out"].as_str(), Some("jobs/o"));
        assert_eq!(rooted(Path::new("a[1]"), "*.csv"), Path::new("a[[]1[]]/*.csv"));
        assert_eq!(rooted(Path::new("a[1]"), "x.csv"), Path::new("a[1]/x.csv"));
        assert_eq!(rooted(Path::new("jobs"), "-"), Path::new("-"));
    }

    #[test]
    fn values_may_be_written_the_natural_way() {
        let file = parse("[job]\nmax_bad_rows = 0.05\nnow = 2026-01-31\nonly = 'a.txt'").unwrap();
        assert_eq!(file.job.values["max_bad_rows"].as_str(), Some("0.05"));
        assert_eq!(file.job.values["now"].as_str(), Some("2026-01-31"));
        assert_eq!(file.job.values["only"].as_array().map(<[Value]>::len), Some(1));
    }
}
