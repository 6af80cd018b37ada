//! Layers stacked: what each setting is, and where it comes from.

use std::{collections::BTreeMap, num::NonZeroUsize, path::PathBuf};

use figment::{
    Figment,
    error::{Actual, Kind},
    value::{Dict, Value},
};
use ilk_core::job::{Given, Job, JobError, Preset, SimilarityJob};
use ilk_engine::{Lists, PartialSource, Record};
use serde::de::DeserializeOwned;

use super::{
    budget::Budget,
    call::{Call, Word},
    file::JobFile,
    keys::Keys,
    layer::{COMMAND_LINE, Layer},
    record::{Publishing, Reading, Settings},
};
use crate::{error::Error, inputs, memory::Bytes, text::did_you_mean};

/// Describes what is missing, by name; a mistyped path comes first, as it has no columns to name.
fn missing_error(missing: &[(&str, bool)], inputs: &[String], help: impl Into<String>) -> Error {
    inputs::resolve(inputs, inputs::TableFormats::Ignore).err().map_or_else(
        || {
            let names = missing.iter().filter(|(_, is)| *is).map(|(name, _)| *name);
            let names = names.collect::<Vec<_>>().join(", ");
            Error::input(format!("missing: {names}")).with_help(help)
        },
        Error::from,
    )
}

/// All layers together; answers what a setting is and where it comes from.
#[derive(Debug)]
pub(crate) struct Layers {
    figment: Figment,
    file: Option<JobFile>,
    pub(super) datasource: Option<Choice>,
    call: Call,
}

/// The data source of the job file that counts.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// Its name in the job file.
    pub(crate) name: String,
    /// Where it was chosen.
    pub(crate) origin: String,
}

impl Layers {
    /// Returns where the job file is, if there is one.
    pub(crate) fn file_path(&self) -> Option<PathBuf> {
        self.file.as_ref().map(|file| file.name.clone().into())
    }

    /// Stacks layers, the weakest first, over those of the job file; `asked` chooses its data source.
    ///
    /// # Errors
    /// If the data source is not clear, and for a preset that is not known.
    pub(crate) fn stack(
        file: Option<JobFile>,
        asked: Option<Choice>,
        above: Vec<Layer>,
    ) -> Result<Self, Error> {
        let has_input = above.iter().any(|layer| layer.holds(Keys::SOURCE, "input"));
        let datasource = choose(file.as_ref(), asked, has_input)?;
        let mut figment = Figment::new();
        for layer in file.iter().flat_map(|file| file_layers(file, datasource.as_ref())) {
            figment = figment.merge(layer);
        }
        for layer in above {
            figment = figment.merge(layer);
        }
        let mut layers = Self { figment, file, datasource, call: Call::default() };
        if let Some(like) = layers.get::<Option<Preset>>("job.like")? {
            let values = Value::serialize(SimilarityJob::preset(like));
            let values = values.map_err(|error| Error::internal(error.to_string()))?;
            let layer = Layer {
                origin: format!("preset {like}"),
                values: Dict::from([("preset".into(), values)]),
            };
            layers.figment = layers.figment.merge(layer);
        }
        Ok(layers)
    }

    /// Takes the words of the call, to propose others from.
    pub(crate) fn of_call(self, call: Call) -> Self {
        Self { call, ..self }
    }

    /// Returns the words of the call.
    pub(crate) const fn call(&self) -> &Call {
        &self.call
    }

    /// Puts a layer below all.
    pub(crate) fn above(self, layer: Layer) -> Self {
        Self { figment: Figment::new().merge(layer).merge(self.figment), ..self }
    }

    /// Returns the value at `path`, such as `job.top`; the default of `T` where nothing is said.
    pub(super) fn get<T: DeserializeOwned + Default>(&self, path: &str) -> Result<T, Error> {
        if !self.figment.contains(path) {
            return Ok(T::default());
        }
        self.figment.extract_inner(path).map_err(|error| self.type_error(path, error))
    }

    /// Returns where the setting at `path` comes from; `None` where nothing is said.
    pub(crate) fn origin(&self, path: &str) -> Option<String> {
        Some(self.figment.find_metadata(path)?.name.to_string())
    }

    /// Returns the job as people wrote it, over all layers but the preset's.
    ///
    /// # Errors
    /// For a value of the wrong type.
    pub(crate) fn job(&self) -> Result<SimilarityJob, Error> {
        self.get("job")
    }

    /// Returns the data source as far as it is known.
    ///
    /// # Errors
    /// For a value of the wrong type.
    pub(crate) fn source(&self) -> Result<PartialSource, Error> {
        self.get("source")
    }

    /// Returns the same, checked for settings that do not go together.
    ///
    /// # Errors
    /// For a value of the wrong type, and labels that are named by halves.
    pub(crate) fn checked_source(&self) -> Result<PartialSource, Error> {
        let source = self.source()?;
        check_labels(&source)?;
        Ok(source)
    }

    /// Returns the number of threads.
    ///
    /// # Errors
    /// For a value of the wrong type.
    pub(crate) fn threads(&self) -> Result<Option<NonZeroUsize>, Error> {
        self.get("work.threads")
    }

    /// Returns the memory that the process may take.
    ///
    /// # Errors
    /// For a value of the wrong type.
    pub(crate) fn memory(&self) -> Result<Option<Bytes>, Error> {
        self.get("work.memory")
    }

    /// Returns the size of working files.
    ///
    /// # Errors
    /// For a value of the wrong type.
    pub(crate) fn shard_size(&self) -> Result<Option<Bytes>, Error> {
        self.get("work.shard_size")
    }

    /// Returns what the job may take.
    ///
    /// # Errors
    /// For a value of the wrong type, and amounts that do not go together.
    pub(crate) fn budget(&self) -> Result<Budget, Error> {
        let budget: Budget = self.get("budget")?;
        budget.check()?;
        Ok(budget)
    }

    /// Returns what becomes of what is there already.
    ///
    /// # Errors
    /// For a value of the wrong type, and what has no effect.
    pub(crate) fn publishing(&self) -> Result<Publishing, Error> {
        self.get("output")
    }

    /// Returns the item lists.
    ///
    /// # Errors
    /// For a value of the wrong type.
    pub(crate) fn lists(&self) -> Result<Lists, Error> {
        self.get("lists")
    }

    /// Returns where to write.
    ///
    /// # Errors
    /// For a value of the wrong type.
    pub(crate) fn out(&self) -> Result<Option<PathBuf>, Error> {
        self.get("output.out")
    }

    /// Returns the run directory.
    ///
    /// # Errors
    /// For a value of the wrong type.
    pub(crate) fn run_dir(&self) -> Result<Option<PathBuf>, Error> {
        self.get("output.run_dir")
    }

    /// Decides every setting of the job.
    ///
    /// # Errors
    /// For a setting that cannot be, with its origin.
    pub(crate) fn resolve(&self) -> Result<Job, Error> {
        self.resolve_for(self.source()?.given())
    }

    /// Decides the same for rows that have so much.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub(crate) fn resolve_for(&self, given: Given) -> Result<Job, Error> {
        self.job()?.resolve(given).map_err(|error| self.job_error(&error))
    }

    /// Checks that everything a run needs is there.
    ///
    /// # Errors
    /// If something is missing or cannot be.
    pub(crate) fn settings(&self) -> Result<Settings, Error> {
        self.settings_for(self.get("output.out")?)
    }

    /// Does the same for a command that only reckons with an output; `usual` stands for it.
    ///
    /// # Errors
    /// As [`settings`](Self::settings).
    pub(crate) fn settings_or(&self, usual: &str) -> Result<Settings, Error> {
        let out: Option<PathBuf> = self.get("output.out")?;
        self.settings_for(Some(out.unwrap_or_else(|| usual.into())))
    }

    /// Does the same for a command that writes to `out`.
    ///
    /// # Errors
    /// As [`settings`](Self::settings).
    pub(crate) fn settings_for(&self, out: Option<PathBuf>) -> Result<Settings, Error> {
        let run_dir = self.run_dir()?;
        let source = self.source()?;
        let missing = [
            ("INPUT", source.input.is_empty()),
            ("--user", source.user.is_none()),
            ("--item", source.item.is_none()),
            ("--out", out.is_none() && run_dir.is_none()),
        ];
        if missing.iter().any(|(_, is)| *is) {
            return Err(missing_error(&missing, &source.input, self.missing_help(&source)));
        }
        check_labels(&source)?;
        if source.user == source.item {
            let user = source.user.unwrap_or_default();
            return Err(Error::input(format!("--user and --item name the same column, `{user}`"))
                .with_help("name two different columns"));
        }
        let name = self.datasource.as_ref().map(|choice| choice.name.clone());
        let source = source.into_whole(name);
        Ok(Settings {
            source: source.ok_or_else(|| Error::internal("a source without its columns"))?,
            resolved: self.resolve()?,
            lists: self.get("lists")?,
            threads: self.threads()?,
            memory: self.memory()?,
            shard_size: self.shard_size()?,
            budget: self.budget()?,
            publishing: self.publishing()?,
            out,
            run_dir,
        })
    }

    /// Names the job: its file, with the data source where there are several, else where it writes.
    pub(crate) fn job_name(&self, settings: &Settings) -> String {
        let place = || {
            let place = settings.out.as_ref().or(settings.run_dir.as_ref());
            place.map_or_else(String::new, |place| place.display().to_string())
        };
        self.file.as_ref().map_or_else(place, |file| {
            let source = self.datasource.as_ref().filter(|_| file.sources.len() > 1);
            let source = source.map(|source| format!(" {}", source.name));
            format!("{}{}", file.name, source.unwrap_or_default())
        })
    }

    /// Says how to give what a run lacks, with what was given.
    fn missing_help(&self, source: &PartialSource) -> String {
        let has_columns = source.user.is_some() && source.item.is_some();
        if source.input.is_empty() {
            let example = "ilk run orders.csv --user member --item product --out similar.parquet";
            format!("as in `{example}`, or in a job file")
        } else if has_columns {
            let words = self.call.with("run", [Word::flag("out", "similar.parquet")]);
            format!("as in `{}`, or in a job file", words.join(" "))
        } else {
            format!("`{}` lists the columns", self.call.inspect())
        }
    }

    /// Returns the settings as a run keeps them.
    ///
    /// # Errors
    /// For a setting that cannot be.
    pub(crate) fn record(&self) -> Result<Record, Error> {
        Ok(Record {
            settings: self.list()?,
            source: self.source()?,
            job: self.job()?,
            lists: self.get("lists")?,
        })
    }

    /// Checks that everything is there to read the data and decide the job.
    ///
    /// # Errors
    /// If something is missing or cannot be.
    pub(crate) fn reading(&self) -> Result<Reading, Error> {
        let source = self.source()?;
        let missing = [
            ("INPUT", source.input.is_empty()),
            ("--user", source.user.is_none()),
            ("--item", source.item.is_none()),
        ];
        check_labels(&source)?;
        let name = self.datasource.as_ref().map(|choice| choice.name.clone());
        let input = source.input.clone();
        let Some(source) = source.into_whole(name) else {
            let help = "name the user ID and item ID columns, or use a job file";
            return Err(missing_error(&missing, &input, help));
        };
        Ok(Reading {
            source,
            wish: self.job()?,
            resolved: self.resolve()?,
            lists: self.get("lists")?,
            threads: self.threads()?,
        })
    }

    /// Returns where the setting `group.name` is said, to the line.
    fn place(&self, group: &str, name: &str) -> Option<String> {
        let origin = self.origin(&format!("{group}.{name}"))?;
        let line = self.file.as_ref().filter(|file| origin.starts_with(&file.name));
        let line = line.and_then(|file| {
            let chosen = self.datasource.as_ref();
            let source = chosen.and_then(|choice| file.sources.get(&choice.name));
            let section = if group == "source" { source? } else { &file.job };
            Some(format!("{} line {}", file.name, section.lines.get(name)?))
        });
        Some(line.unwrap_or(origin))
    }

    /// Describes a value of the wrong type: where it stands, what it is, what it should be.
    fn type_error(&self, path: &str, error: figment::Error) -> Error {
        // Below a group the error knows its key; elements of lists are of no interest.
        let key = error.path.first().map_or("", String::as_str);
        let (group, name) = path.split_once('.').unwrap_or((path, key));
        let place = self.place(group, name).unwrap_or_else(|| COMMAND_LINE.into());
        match error.kind {
            Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
                Error::input(format!(
                    "{place}: {name} is {}, expected {}",
                    found_text(&found),
                    expected_text(name, &expected)
                ))
            }
            Kind::UnknownVariant(found, known) => {
                let error = Error::input(format!("{place}: {name} `{found}` is not known"));
                let near = did_you_mean(&found, known.iter().copied());
                error.with_help(near.unwrap_or_else(|| format!("one of: {}", known.join(", "))))
            }
            other => Error::input(format!("{place}: {name}: {other}")),
        }
    }

    /// Adds to an error of a column that a file lacks which setting asked for it, and where that
    /// stands.
    pub(crate) fn told(&self, error: Error) -> Error {
        let asking = error.missing_column().and_then(|column| self.asking_for(column));
        match asking {
            Some((name, place)) => error.with_origin(&format!("{name} is from {place}")),
            None => error,
        }
    }

    /// Finds the setting that names a column, with its place; what was typed just now needs no
    /// looking for.
    fn asking_for(&self, column: &str) -> Option<(&'static str, String)> {
        const NAMING: [&str; 14] = [
            "user",
            "item",
            "weight",
            "time",
            "item_label",
            "label_id",
            "label",
            "group",
            "where",
            "target_user",
            "target_item",
            "target_weight",
            "target_time",
            "target_where",
        ];
        let mut asking = NAMING.into_iter().filter(|name| {
            let value = self.figment.find_value(&format!("source.{name}"));
            value.is_ok_and(|value| names_column(&value, column))
        });
        asking.find_map(|name| {
            let place = self.place(Keys::SOURCE, name).filter(|place| place != COMMAND_LINE)?;
            Some((name, place))
        })
    }

    /// Describes a setting that core rejects, and where it was given.
    fn job_error(&self, error: &JobError) -> Error {
        let setting = match error {
            JobError::Name { what, .. } => *what,
            JobError::Value { setting, .. } | JobError::Misplaced { setting, .. } => *setting,
            _ => "",
        };
        let place = self.place("job", setting).or_else(|| self.place("preset", setting));
        // What was typed just now needs no looking for.
        let place = place.filter(|place| place != COMMAND_LINE);
        let place = place.map(|place| format!(" ({setting} is from {place})"));
        Error::input(format!("{error}{}", place.unwrap_or_default()))
    }
}

/// Returns true if the value of a setting names a column: alone, among others, or in a condition.
fn names_column(value: &Value, column: &str) -> bool {
    let compares = |rest: &str| rest.trim_start().starts_with(['=', '!', '<', '>']);
    match value {
        Value::String(_, text) => {
            text == column || text.split(',').any(|part| part.trim() == column)
        }
        Value::Array(_, conditions) => conditions
            .iter()
            .filter_map(Value::as_str)
            .any(|text| text.trim_start().strip_prefix(column).is_some_and(compares)),
        _ => false,
    }
}

/// Refuses labels that are named by halves or twice.
fn check_labels(source: &PartialSource) -> Result<(), Error> {
    if source.labels.is_empty() {
        let stray = [("label-id", &source.label_id), ("label", &source.label)];
        let stray = stray.into_iter().find(|(_, value)| value.is_some());
        return stray.map_or(Ok(()), |(name, _)| {
            Err(Error::input(format!("--{name} has no effect without --labels"))
                .with_help("--labels FILE names the table; --item-label a column of the input"))
        });
    }
    if source.label.is_none() && source.group.is_none() {
        return Err(Error::input("--labels needs the column with the names")
            .with_help("name it: --label COL"));
    }
    if source.label.is_some() && source.item_label.is_some() {
        return Err(Error::input("--item-label and --labels both name the items")
            .with_help("keep one of them"));
    }
    Ok(())
}

/// Decides which data source of the job file counts.
fn choose(
    file: Option<&JobFile>,
    asked: Option<Choice>,
    has_input: bool,
) -> Result<Option<Choice>, Error> {
    let Some(file) = file else {
        return match asked {
            Some(Choice { name, .. }) => {
                Err(Error::input(format!("no job file to take data source {name} from"))
                    .with_help("name one: `ilk run job.toml` or --job job.toml"))
            }
            None => Ok(None),
        };
    };
    let known: Vec<&str> = file.sources.keys().map(String::as_str).collect();
    let list = known.join(", ");
    let of_file = |name: &str, origin| Choice { name: name.into(), origin };
    let chosen = file.datasource.as_deref().map(|name| of_file(name, file.name.clone()));
    match (asked.or(chosen), known.as_slice()) {
        (Some(Choice { name, .. }), []) => {
            Err(Error::input(format!("{} has no data sources, so no `{name}`", file.name))
                .with_help(format!("add [datasource.{name}] with input, user and item")))
        }
        (Some(Choice { name, .. }), _) if !known.contains(&name.as_str()) => {
            let near = did_you_mean(&name, known.iter().copied());
            let error =
                Error::input(format!("{} has no data source `{name}`, only: {list}", file.name));
            Err(error.with_help_if(near))
        }
        (Some(choice), _) => Ok(Some(choice)),
        (None, [only]) => Ok(Some(of_file(only, format!("{} (its only one)", file.name)))),
        (None, []) => Ok(None),
        (None, _) if has_input => Ok(None),
        (None, _) => Err(Error::input(format!("{} has several data sources: {list}", file.name))
            .with_help("choose one with --datasource NAME, or `datasource` under [job]")),
    }
}

/// Makes layers of a job file: the chosen data source, then the job.
fn file_layers(file: &JobFile, datasource: Option<&Choice>) -> Vec<Layer> {
    let mut layers = Vec::new();
    if let Some((name, source)) =
        datasource.and_then(|choice| file.sources.get_key_value(&choice.name))
    {
        layers.push(Layer {
            origin: format!("{} [datasource.{name}]", file.name),
            values: Dict::from([("source".into(), Value::from(source.values.clone()))]),
        });
    }
    let mut groups: BTreeMap<&str, Dict> = BTreeMap::new();
    for (name, value) in &file.job.values {
        let group = file.keys.get(name).map_or("job", |key| key.group);
        groups.entry(group).or_default().insert(name.clone(), value.clone());
    }
    let values = groups.into_iter().map(|(group, dict)| (group.into(), Value::from(dict)));
    layers.push(Layer { origin: format!("{} [job]", file.name), values: values.collect() });
    layers
}

/// Names a value found in a file.
fn found_text(found: &Actual) -> String {
    match found {
        Actual::Bool(truth) => format!("{truth}"),
        Actual::Unsigned(number) => format!("the number {number}"),
        Actual::Signed(number) => format!("the number {number}"),
        Actual::Float(number) => format!("the number {number:?}"),
        Actual::Str(text) => format!("the text \"{text}\""),
        Actual::Seq => "a list".into(),
        Actual::Map => "a table".into(),
        other => other.to_string(),
    }
}

/// Settings of whole numbers that cannot be 0.
pub(crate) const AT_LEAST_ONE: [&str; 3] = ["top", "min_overlap", "max_items_per_user"];

/// Names the values that the type of a setting accepts.
fn expected_text<'a>(name: &str, expected: &'a str) -> &'a str {
    match expected {
        "u32" if AT_LEAST_ONE.contains(&name) => "a whole number of 1 or more",
        "u32" => "a whole number of 0 or more",
        "f64" => "a number",
        "a string" => "a text in quotes",
        "path string" => "a path in quotes",
        "a boolean" => "true or false",
        "a sequence" => "a list of texts",
        "a nonzero usize" | "a nonzero u32" => "a whole number of 1 or more",
        other if other.contains("enum") => "a name in quotes",
        other => other,
    }
}
