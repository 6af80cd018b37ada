//! What the documentation and other languages say of settings: written from the flags, whose help
//! and types are those of the job's schema, and held to be what is in the repository.
//!
//! `cargo xtask settings` sets `WRITE_SETTINGS`, and the files are written anew.

use std::{
    any::TypeId,
    fmt::Write as _,
    fs,
    num::{NonZeroU32, NonZeroUsize},
    path::{Path, PathBuf},
};

use clap::{Arg, ArgAction};
use ilk_core::job::SimilarityJob;
use schemars::{Schema, schema_for};

use super::{command, layers::keys};
use crate::settings::{JobFile, Keys, Layers};

/// A setting as every surface has it.
struct Setting {
    /// Its name in job files, in JavaScript and in Python.
    name: String,
    /// The group it belongs to; `None` for what is no part of job files.
    group: Option<&'static str>,
    /// The heading it stands under.
    heading: String,
    given: Given,
    /// What it means.
    meaning: String,
    /// Its value where nothing is said.
    default: Option<String>,
    /// More, where there is more to say.
    details: Vec<String>,
    kind: Kind,
    is_list: bool,
}

/// How it is given on the command line.
struct Given {
    /// Its flags, as people write them.
    flags: String,
    /// Its variable.
    variable: Option<String>,
    /// What its value is called in the help.
    value: String,
}

/// The type of a value.
#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Truth,
    Whole,
    Number,
    Text,
    /// One of these names, with what each means.
    Names(Vec<(String, String)>),
}

impl Kind {
    fn of(flag: &Arg) -> Self {
        let parser = flag.get_value_parser().type_id();
        let is = |types: &[TypeId]| types.iter().any(|one| parser == *one);
        if !flag.get_action().takes_values() || is(&[TypeId::of::<bool>()]) {
            return Self::Truth;
        }
        let whole = [TypeId::of::<u8>(), TypeId::of::<u32>(), TypeId::of::<u64>()];
        if is(&whole) || is(&[TypeId::of::<NonZeroU32>(), TypeId::of::<NonZeroUsize>()]) {
            return Self::Whole;
        }
        if is(&[TypeId::of::<f32>(), TypeId::of::<f64>()]) {
            return Self::Number;
        }
        let names = flag.get_possible_values().into_iter().filter(|name| !name.is_hide_set());
        let names = names.map(|name| {
            let help = name.get_help().map(ToString::to_string);
            (name.get_name().to_owned(), help.unwrap_or_default())
        });
        let names = names.collect::<Vec<_>>();
        if names.is_empty() { Self::Text } else { Self::Names(names) }
    }
}

impl Setting {
    fn of(flag: &Arg, keys: &Keys) -> Self {
        let name = flag.get_id().to_string();
        let help = flag.get_help().map(ToString::to_string).unwrap_or_default();
        let (meaning, default) = match help.split_once(" [default: ") {
            Some((meaning, default)) => (meaning, default.strip_suffix(']')),
            None => (help.as_str(), None),
        };
        let long = flag.get_long_help().map(ToString::to_string).unwrap_or_default();
        let short = flag.get_short().map(|short| format!("`-{short}`, "));
        let long_flag = flag.get_long().map(|long| format!("`--{long}`"));
        let value = flag.get_value_names().and_then(|names| names.first());
        let value = value.map(ToString::to_string).unwrap_or_default();
        let is_job = keys.of_job().contains(&name.as_str());
        Self {
            group: keys.get(&name).map(|key| key.group).or(is_job.then_some("job")),
            heading: flag.get_help_heading().unwrap_or("Input").to_owned(),
            given: Given {
                flags: short.unwrap_or_default()
                    + &long_flag.unwrap_or_else(|| format!("`{value}`")),
                variable: flag.get_env().map(|name| name.to_string_lossy().into_owned()),
                value,
            },
            meaning: meaning.to_owned(),
            default: default.map(str::to_owned),
            details: long.split("\n\n").skip(1).map(str::to_owned).collect(),
            kind: Kind::of(flag),
            is_list: matches!(flag.get_action(), ArgAction::Append),
            name,
        }
    }

    /// Returns the unit of its value, or its kind.
    fn unit(&self) -> &str {
        match (self.given.value.as_str(), &self.kind) {
            (_, Kind::Truth) => "`true` or `false`",
            (_, Kind::Names(_)) => "name",
            ("COL", _) => "column name",
            ("COND", _) => "condition",
            ("CHAR", _) => "character",
            ("SHARE", _) => "share, `1%` or `0.01`",
            ("SPAN", _) => "duration: `s`, `m`, `h`, `d`",
            ("SIZE", _) => "bytes: `KiB`, `MiB`, `GiB`",
            ("TIME", _) => "date or time, UTC",
            ("AMOUNT", _) => "money",
            ("FILE" | "FILE.html" | "PATH" | "DIR" | "INPUT", _) => "path",
            (_, Kind::Whole) => "count",
            (_, Kind::Number) => "number",
            _ => "text",
        }
    }

    /// Writes a value as job files have it.
    fn example(&self) -> String {
        let quoted = |text: &str| format!("\"{text}\"");
        let said = self.meaning.split_once("as in ").map(|(_, said)| {
            let end = said.find([' ', ',', ';']).unwrap_or(said.len());
            said[..end].trim_matches('\'').to_owned()
        });
        let number = |usual: &str| {
            let default = self.default.as_deref().and_then(|text| text.split([',', ' ']).next());
            default.filter(|text| text.parse::<f64>().is_ok()).unwrap_or(usual).to_owned()
        };
        let one = match &self.kind {
            Kind::Truth => "true".into(),
            Kind::Whole => number("10"),
            Kind::Number => number("0.5"),
            Kind::Names(names) => quoted(&names.last().unwrap().0),
            Kind::Text => quoted(&said.unwrap_or_else(|| self.usual_text().into())),
        };
        if self.is_list { format!("[{one}]") } else { one }
    }

    /// A text that stands for others, where the help names none.
    fn usual_text(&self) -> &str {
        match (self.name.as_str(), self.given.value.as_str()) {
            ("user" | "target_user", _) => "member",
            ("item" | "label_id" | "target_item", _) => "product",
            ("target_where", _) => "kind=purchase",
            ("target", _) => "bought.parquet",
            ("weight" | "target_weight", _) => "quantity",
            ("time" | "target_time", _) => "ordered_at",
            ("item_label" | "label", _) => "title",
            ("labels", _) => "products.parquet",
            ("group", _) => "category",
            ("out", _) => "similar.parquet",
            ("report", _) => "report.html",
            ("run_dir", _) => "run/",
            ("input", _) => "orders/*.parquet",
            ("datasource", _) => "orders",
            ("quote", _) => "'",
            ("escape", _) => "none",
            ("encoding", _) => "latin-1",
            ("null", _) => "NULL",
            ("decimal", _) => ",",
            ("comment", _) => "#",
            ("max_record_size", _) => "4MiB",
            (_, "CHAR" | "TEXT") => ";",
            (_, "SHARE") => "1%",
            (_, "SIZE") => "256MiB",
            (_, "FILE") => "items.txt",
            (name, _) => name,
        }
    }
}

/// Returns the settings of `ilk run`, in the order of its help.
fn settings() -> Vec<Setting> {
    let keys = keys();
    let mut command = command();
    command.build();
    let run = command.find_subcommand("run").expect("there is a command run");
    let flags = run
        .get_arguments()
        .filter(|flag| !["help", "quiet", "log"].contains(&flag.get_id().as_str()));
    flags.map(|flag| Setting::of(flag, &keys)).collect()
}

/// Which of `settings` a struct of another crate takes, by its source text: those with a field.
fn taken<'a>(settings: &'a [Setting], source: &str, name: &str) -> Vec<&'a Setting> {
    let start = source.find(&format!("struct {name} {{")).expect("the struct is there");
    let body = source[start..].split("\n}").next().unwrap_or_default();
    let has = |setting: &&Setting| {
        setting.group == Some(Keys::SOURCE)
            && (body.contains(&format!(" {}: ", setting.name))
                || body.contains(&format!("rename = \"{}\"", setting.name)))
    };
    settings.iter().filter(has).collect()
}

/// Returns whether `setting` is an argument of `similar_items`, by the source text of a package.
fn is_argument(setting: &Setting, source: &str) -> bool {
    let start = source.rfind("\ndef similar_items(").expect("the function is there");
    let arguments = source[start..].split("\n) ->").next().unwrap_or_default();
    arguments.contains(&format!("\n    {}: ", setting.name))
}

/// Writes which settings of the input other surfaces take.
fn surfaces(page: &mut String, settings: &[Setting]) {
    page.push_str(SURFACES);
    let browser = taken(settings, &read("wasm/src/records.rs"), "DataSource");
    let python = read("plugin-host/python/ilk_plugin/tables.py");
    let spark = read("plugin-host/python/ilk_plugin/spark/__init__.py");
    for setting in settings.iter().filter(|setting| setting.group == Some(Keys::SOURCE)) {
        let is_taken = |is_taken| if is_taken { "yes" } else { "refused" };
        let in_browser = browser.iter().any(|taken| taken.name == setting.name);
        // Files and tables are handed over.
        if setting.name == "input" {
            continue;
        }
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} |",
            setting.name,
            is_taken(in_browser),
            is_taken(is_argument(setting, &python)),
            is_taken(is_argument(setting, &spark))
        );
    }
    page.push('\n');
}

/// Returns the settings of core's job.
fn of_job(settings: &[Setting]) -> Vec<&Setting> {
    let schema = schema_for!(SimilarityJob);
    let is_of_job =
        |setting: &&Setting| schema.pointer(&format!("/properties/{}", setting.name)).is_some();
    settings.iter().filter(is_of_job).collect()
}

/// Returns the name of the type of a setting of the job that takes names, such as `MeasureName`.
fn type_name(schema: &Schema, setting: &Setting) -> Option<String> {
    let types = schema.pointer(&format!("/properties/{}/anyOf", setting.name))?.as_array()?;
    let reference = types.iter().find_map(|one| one.get("$ref")?.as_str())?;
    Some(reference.rsplit('/').next()?.to_owned())
}

/// Writes the page of the documentation.
fn page(settings: &[Setting]) -> String {
    let mut page = PAGE.to_owned();
    let mut headings: Vec<&str> = Vec::new();
    for setting in settings {
        if !headings.contains(&setting.heading.as_str()) {
            headings.push(&setting.heading);
        }
    }
    for heading in headings {
        let of_heading = settings.iter().filter(|setting| setting.heading == heading);
        let of_heading = of_heading.collect::<Vec<_>>();
        section(&mut page, heading, &of_heading);
    }
    surfaces(&mut page, settings);
    page.push_str("## Names\n");
    for setting in settings {
        let Kind::Names(names) = &setting.kind else { continue };
        if names.iter().all(|(_, meaning)| meaning.is_empty()) {
            let names = names.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>();
            let _ = write!(page, "\n### `{}`\n\n{}\n", setting.name, names.join(", "));
            continue;
        }
        let _ = write!(page, "\n### `{}`\n\n| Name | Meaning |\n|---|---|\n", setting.name);
        for (name, meaning) in names {
            let _ = writeln!(page, "| `{name}` | {} |", cell(meaning));
        }
    }
    page
}

/// Where a setting stands in job files.
fn table_of(setting: &Setting) -> &'static str {
    match setting.group {
        Some(Keys::SOURCE) => "Under `[datasource.NAME]` in a job file.",
        Some(_) => "Under `[job]` in a job file.",
        None => "On the command line only.",
    }
}

fn section(page: &mut String, heading: &str, settings: &[&Setting]) {
    let place = settings.iter().find(|setting| setting.group.is_some());
    let place = place.or(settings.first()).map_or("", |setting| table_of(setting));
    let _ = write!(
        page,
        "## {heading}\n\n{place}\n\n\
         | Job file | Flag | Variable | Meaning | Unit | Default | Example |\n\
         |---|---|---|---|---|---|---|\n"
    );
    for setting in settings {
        let code = |text: &str| format!("`{text}`");
        let name = setting.group.map(|_| code(&setting.name));
        let example =
            setting.group.map(|_| code(&format!("{} = {}", setting.name, setting.example())));
        let none = || "–".to_owned();
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {} | {} | {} |",
            name.unwrap_or_else(none),
            setting.given.flags,
            setting.given.variable.as_deref().map_or_else(none, code),
            cell(&setting.meaning),
            setting.unit(),
            setting.default.as_deref().map_or_else(none, cell),
            example.unwrap_or_else(none)
        );
    }
    page.push('\n');
    for setting in settings {
        for details in &setting.details {
            let name = if setting.group.is_some() {
                &setting.name
            } else {
                setting.given.flags.trim_matches('`')
            };
            let _ = writeln!(page, "`{name}`: {}\n", cell(details));
        }
    }
}

/// Keeps text from being taken for marks.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}

/// Writes the types of TypeScript.
fn typescript(settings: &[Setting]) -> String {
    let schema = schema_for!(SimilarityJob);
    let mut text = String::from(
        "// Written by `cargo xtask settings`: change the flags and the job instead.\n\n",
    );
    let job = of_job(settings);
    for setting in &job {
        if let (Kind::Names(names), Some(name)) = (&setting.kind, type_name(&schema, setting)) {
            let names = names.iter().map(|(name, _)| format!("\n  | \"{name}\""));
            let _ = writeln!(text, "export type {name} ={};\n", names.collect::<String>());
        }
    }
    text.push_str(
        "/** Which column is what, spelled as under `[datasource.NAME]` in a job file. */\n",
    );
    text.push_str("export interface DataSource {\n");
    for setting in taken(settings, &read("wasm/src/records.rs"), "DataSource") {
        let mark = if ["user", "item"].contains(&setting.name.as_str()) { "" } else { "?" };
        typescript_field(&mut text, setting, mark, None);
    }
    text.push_str(
        "}\n\n/** A job, spelled as under `[job]` in a job file; every setting is optional. */\n",
    );
    text.push_str("export interface SimilarityJob {\n");
    for setting in &job {
        typescript_field(&mut text, setting, "?", type_name(&schema, setting));
    }
    text.push_str("}\n");
    text
}

fn typescript_field(text: &mut String, setting: &Setting, mark: &str, name: Option<String>) {
    let kind = name.unwrap_or_else(|| match &setting.kind {
        Kind::Truth => "boolean".into(),
        Kind::Whole | Kind::Number => "number".into(),
        Kind::Text if setting.given.value == "SIZE" => "string | number".into(),
        Kind::Text => "string".into(),
        Kind::Names(names) => {
            names.iter().map(|(name, _)| format!("{name:?}")).collect::<Vec<_>>().join(" | ")
        }
    });
    let kind = if setting.is_list { format!("{kind}[]") } else { kind };
    let _ = writeln!(text, "  /** {} */\n  {}{mark}: {kind};", sentence(setting), setting.name);
}

/// Describes a setting in a sentence or two.
fn sentence(setting: &Setting) -> String {
    let default = setting.default.as_ref().map(|default| format!(" Default: {default}."));
    format!("{}.{}", setting.meaning.trim_end_matches("; repeatable"), default.unwrap_or_default())
}

/// Writes the types of Python.
fn python(settings: &[Setting]) -> String {
    let schema = schema_for!(SimilarityJob);
    let job = of_job(settings);
    let mut text = PYTHON.to_owned();
    for setting in &job {
        if let (Kind::Names(names), Some(name)) = (&setting.kind, type_name(&schema, setting)) {
            let names = names.iter().map(|(name, _)| format!("    \"{name}\",\n"));
            let _ = write!(text, "{name} = Literal[\n{}]\n", names.collect::<String>());
        }
    }
    text.push_str("\n\nclass Source(TypedDict, total=False):\n");
    text.push_str("    \"\"\"Which column is what, spelled as in a job file.\"\"\"\n\n");
    for setting in taken(settings, &read("plugin/src/session.rs"), "Source") {
        let kind = python_type(setting, None);
        let kind = match setting.name.as_str() {
            "user" | "item" => format!("Required[{kind}]"),
            _ if setting.is_list => format!("Sequence[{kind}]"),
            _ => format!("{kind} | None"),
        };
        python_field(&mut text, setting, &kind, "");
    }
    text.push_str("\n\nclass Job(TypedDict, total=False):\n");
    text.push_str(
        "    \"\"\"A similarity job as a dictionary; every setting is optional.\"\"\"\n\n",
    );
    for setting in &job {
        python_field(&mut text, setting, &python_type(setting, type_name(&schema, setting)), "");
    }
    text.push_str("\n\n@dataclasses.dataclass(frozen=True, kw_only=True)\nclass SimilarityJob:\n");
    text.push_str("    \"\"\"A similarity job as a record; every setting is optional.\"\"\"\n\n");
    for setting in &job {
        let kind = python_type(setting, type_name(&schema, setting));
        python_field(&mut text, setting, &format!("{kind} | None"), " = None");
    }
    text.push_str(PYTHON_SETTINGS);
    text
}

fn python_type(setting: &Setting, name: Option<String>) -> String {
    name.unwrap_or_else(|| match (&setting.kind, setting.given.value.as_str()) {
        (Kind::Truth, _) => "bool".into(),
        (Kind::Whole, _) => "int".into(),
        (Kind::Number, _) => "float".into(),
        (Kind::Text, "SPAN") => "str | datetime.timedelta".into(),
        (Kind::Text, "TIME") => "str | datetime.date".into(),
        (Kind::Text, _) => "str".into(),
        (Kind::Names(names), _) => {
            let names = names.iter().map(|(name, _)| format!("\"{name}\""));
            format!("Literal[{}]", names.collect::<Vec<_>>().join(", "))
        }
    })
}

fn python_field(text: &mut String, setting: &Setting, kind: &str, default: &str) {
    let _ = write!(
        text,
        "    {}: {kind}{default}\n    \"\"\"{}\"\"\"\n",
        setting.name,
        sentence(setting)
    );
}

/// Where a file of the repository is.
fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Holds a file to be `text`, or writes it.
fn hold(name: &str, text: &str) {
    if std::env::var_os("WRITE_SETTINGS").is_some() {
        fs::write(path(name), text).unwrap();
    }
    assert!(
        read(name) == text,
        "{name} differs from the flags and the job: run `cargo xtask settings`"
    );
}

#[test]
fn settings_are_the_same_on_every_surface() {
    let settings = settings();
    hold("docs/settings.md", &page(&settings));
    hold("wasm/src/settings.d.ts", &typescript(&settings));
    hold("plugin-host/python/ilk_plugin/settings.py", &python(&settings));
}

#[test]
fn every_setting_of_the_job_has_a_flag_and_every_flag_its_help() {
    let schema = schema_for!(SimilarityJob);
    let properties = schema.get("properties").unwrap().as_object().unwrap();
    let settings = settings();
    let names = of_job(&settings).into_iter().map(|setting| setting.name.as_str());
    let mut names = names.collect::<Vec<_>>();
    names.sort_unstable();
    assert_eq!(names, properties.keys().map(String::as_str).collect::<Vec<_>>());
    for setting in &settings {
        assert!(!setting.meaning.is_empty(), "{}", setting.name);
        let variable = format!("ILK_{}", setting.name.to_uppercase());
        let is_own = setting.group.is_none() || setting.name == "input";
        assert!(is_own || setting.given.variable.as_ref() == Some(&variable), "{}", setting.name);
    }
    for setting in of_job(&settings) {
        if let Kind::Names(names) = &setting.kind {
            assert!(names.iter().all(|(_, meaning)| !meaning.is_empty()), "{names:?}");
        }
    }
}

#[test]
fn examples_of_the_page_are_read_by_job_files() {
    let settings = settings();
    let lines = |is_source: bool| {
        let group = |setting: &&Setting| {
            setting.group.is_some_and(|group| (group == Keys::SOURCE) == is_source)
                && setting.name != "datasource"
        };
        let lines = settings.iter().filter(group);
        let lines = lines.map(|setting| format!("{} = {}", setting.name, setting.example()));
        lines.collect::<Vec<_>>().join("\n")
    };
    let text = format!("[datasource.orders]\n{}\n[job]\n{}\n", lines(true), lines(false));
    let file = JobFile::parse(Path::new("job.toml"), &text, &keys()).unwrap();
    let layers = Layers::stack(Some(file), None, Vec::new()).unwrap();
    layers.source().unwrap();
    layers.job().unwrap();
    layers.threads().unwrap();
    layers.memory().unwrap();
    layers.shard_size().unwrap();
    layers.budget().unwrap();
}

const PAGE: &str = "\
<!-- Written by `cargo xtask settings`: change the flags and the job instead. -->
# Settings

A setting has one name everywhere: in job files, as a flag (`--min-support`), as a variable
(`ILK_MIN_SUPPORT`), in JavaScript and in Python. Where it is given more than once, the first of
these counts: the command line, the variable, the job file, the preset of `like`, the default.
`ilk config` takes the flags of `ilk run` and prints every setting with its origin.

A job file is TOML: one or more `[datasource.NAME]` tables and a `[job]` table. Paths in it are
relative to its folder. A list may be written as a single value.

";

const SURFACES: &str = "\
## Input on other surfaces

The browser reads files as the program does. Python and Spark take tables, so they refuse settings
for files; every surface refuses settings that it does not support. On Spark, `where` is an SQL
condition; join names and `explode` lists before the call. All settings of the job are available
everywhere.

| Setting | Browser | Python | Spark |
|---|---|---|---|
";

const PYTHON: &str = "\
\"\"\"Settings as types. Written by `cargo xtask settings`: change the flags and the job instead.\"\"\"

import dataclasses
import datetime
from collections.abc import Sequence
from typing import Any, Literal, Required, TypedDict

";

const PYTHON_SETTINGS: &str = "
    def settings(self) -> dict[str, Any]:
        \"\"\"Returns what was set.\"\"\"
        every = dataclasses.asdict(self)
        return {name: value for name, value in every.items() if value is not None}
";
