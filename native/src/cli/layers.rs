//! What flags and variables say, as layers of settings.

use std::{collections::BTreeMap, path::Path};

use clap::{ArgAction, ArgMatches, Args as _, Command, ValueHint, parser::ValueSource};
use figment::value::{Dict, Value};
use serde::Serialize;

#[cfg(feature = "explore")]
use super::ExploreArgs;
use super::{
    InspectArgs, SampleArgs,
    flags::{
        BudgetArgs, InputArgs, JobArgs, JobFileArgs, JobSettingsArgs, LimitArgs, ListArgs,
        PlaceArgs, PublishingArgs, ReadingArgs, RunSettingsArgs, SourceArgs, WorkArgs,
    },
};
use crate::{
    error::Error,
    settings::{COMMAND_LINE, Choice, JobFile, Key, Keys, Layer, Layers},
};

/// What the command line and the environment say, and the job file they name.
struct Said<'a> {
    matches: &'a ArgMatches,
    file: Option<JobFile>,
    datasource: Option<Choice>,
    /// The values of each origin by group, variables before the command line.
    layers: BTreeMap<(bool, String), Dict>,
}

impl<'a> Said<'a> {
    /// Begins with the data source that is asked for.
    fn new(file: &JobFileArgs, matches: &'a ArgMatches) -> Self {
        let name = file.datasource.clone();
        let datasource = name.map(|name| Choice { name, origin: origin_of("datasource", matches) });
        Self { matches, file: None, datasource, layers: BTreeMap::new() }
    }

    /// Begins with the inputs and the job file.
    fn inputs(
        input: &InputArgs,
        file: &JobFileArgs,
        matches: &'a ArgMatches,
    ) -> Result<Self, Error> {
        let said = Self::new(file, matches);
        let (file, input) = job_file(file, input)?;
        Self { file, ..said }.and(Keys::SOURCE, &Inputs { input })
    }

    /// Adds a group of flags; those left out say nothing.
    fn and(mut self, group: &str, values: &impl Serialize) -> Result<Self, Error> {
        let values =
            Value::serialize(values).map_err(|error| Error::internal(error.to_string()))?;
        for (name, value) in values.into_dict().unwrap_or_default() {
            if matches!(value, Value::Empty(..)) {
                continue;
            }
            let origin = origin_of(&name, self.matches);
            let layer = self.layers.entry((origin == COMMAND_LINE, origin)).or_default();
            let dict = layer.entry(group.into()).or_insert_with(|| Value::from(Dict::new()));
            if let Value::Dict(_, dict) = dict {
                dict.insert(name, value);
            }
        }
        Ok(self)
    }

    /// Stacks it over the job file.
    fn stack(self) -> Result<Layers, Error> {
        let layers = self.layers.into_iter();
        let layers = layers.map(|((_, origin), values)| Layer { origin, values }).collect();
        Layers::stack(self.file, self.datasource, layers)
    }
}

/// Returns the variable a setting comes from, or the command line.
fn origin_of(name: &str, matches: &ArgMatches) -> String {
    match matches.value_source(name) {
        Some(ValueSource::EnvVariable) => format!("ILK_{}", name.to_uppercase()),
        _ => COMMAND_LINE.into(),
    }
}

impl JobSettingsArgs {
    /// Gathers all layers of a job.
    ///
    /// # Errors
    /// If the job file cannot be used or the data source is not clear.
    pub(crate) fn layers(&self, matches: &ArgMatches) -> Result<Layers, Error> {
        self.said(matches)?.stack()
    }

    fn said<'a>(&self, matches: &'a ArgMatches) -> Result<Said<'a>, Error> {
        Said::inputs(&self.input, &self.file, matches)?
            .and(Keys::SOURCE, &self.source)?
            .and("job", &self.job)?
            .and("lists", &self.lists)?
            .and("output", &self.place)?
            .and("work", &self.work)?
            .and("work", &self.limits)?
            .and("budget", &self.budget)
    }
}

impl RunSettingsArgs {
    /// Gathers all layers of a job, with what becomes of its result.
    ///
    /// # Errors
    /// As [`JobSettingsArgs::layers`].
    pub(crate) fn layers(&self, matches: &ArgMatches) -> Result<Layers, Error> {
        self.job.said(matches)?.and("output", &self.publishing)?.stack()
    }
}

impl SampleArgs {
    /// Gathers the layers that `sample` looks at.
    ///
    /// # Errors
    /// As [`JobSettingsArgs::layers`].
    pub(crate) fn layers(&self, matches: &ArgMatches) -> Result<Layers, Error> {
        Said::inputs(&self.input, &self.file, matches)?
            .and(Keys::SOURCE, &self.source)?
            .and("job", &self.job)?
            .and("work", &self.work)?
            .stack()
    }
}

#[cfg(feature = "explore")]
impl ExploreArgs {
    /// Gathers the layers that `explore` looks at.
    ///
    /// # Errors
    /// As [`JobSettingsArgs::layers`].
    pub(crate) fn layers(&self, matches: &ArgMatches) -> Result<Layers, Error> {
        Said::inputs(&self.input, &self.file, matches)?
            .and(Keys::SOURCE, &self.source)?
            .and("job", &self.job)?
            .and("lists", &self.lists)?
            .and("output", &self.output)?
            .and("work", &self.work)?
            .and("work", &self.limits)?
            .stack()
    }
}

impl ReadingArgs {
    /// Gathers the layers of a command that reads a job's data and writes none: `input` may be
    /// inputs, a job file or a run directory, whose settings are then `recorded` and count below the
    /// flags.
    ///
    /// # Errors
    /// As [`JobSettingsArgs::layers`].
    pub(crate) fn layers(
        &self,
        input: &InputArgs,
        recorded: Option<Layer>,
        matches: &ArgMatches,
    ) -> Result<Layers, Error> {
        let said = match recorded {
            Some(_) => Said::new(&self.file, matches),
            None => Said::inputs(input, &self.file, matches)?,
        };
        let layers = said
            .and(Keys::SOURCE, &self.source)?
            .and("job", &self.job)?
            .and("lists", &self.lists)?
            .and("work", &self.work)?
            .stack()?;
        Ok(match recorded {
            Some(recorded) => layers.above(recorded),
            None => layers,
        })
    }
}

impl InspectArgs {
    /// Gathers the layers that `inspect` looks at.
    ///
    /// # Errors
    /// As [`JobSettingsArgs::layers`].
    pub(crate) fn layers(&self, matches: &ArgMatches) -> Result<Layers, Error> {
        Said::inputs(&self.input, &self.file, matches)?
            .and(Keys::SOURCE, &self.source)?
            .and("work", &self.work)?
            .stack()
    }
}

/// Returns the settings that job files take: the ids of flags are their names.
pub(super) fn keys() -> Keys {
    type Augment = fn(Command) -> Command;
    let groups: [(&str, Augment); 9] = [
        (Keys::SOURCE, InputArgs::augment_args),
        (Keys::SOURCE, SourceArgs::augment_args),
        ("job", JobArgs::augment_args),
        ("lists", ListArgs::augment_args),
        ("output", PlaceArgs::augment_args),
        ("output", PublishingArgs::augment_args),
        ("work", WorkArgs::augment_args),
        ("work", LimitArgs::augment_args),
        ("budget", BudgetArgs::augment_args),
    ];
    let keys = groups.into_iter().flat_map(|(group, augment)| {
        let command = augment(Command::new(""));
        let key = |flag: &clap::Arg| Key {
            name: flag.get_id().to_string(),
            group,
            is_list: matches!(flag.get_action(), ArgAction::Append),
            is_path: flag.get_value_hint() == ValueHint::AnyPath,
        };
        command.get_arguments().map(key).collect::<Vec<_>>()
    });
    Keys::new(keys.collect())
}

/// The INPUT arguments as a group of settings.
#[derive(Serialize)]
struct Inputs {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    input: Vec<String>,
}

/// Finds the job file among the arguments; returns it with the inputs that are left.
fn job_file(
    args: &JobFileArgs,
    input: &InputArgs,
) -> Result<(Option<JobFile>, Vec<String>), Error> {
    let is_job = |input: &String| {
        Path::new(input).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml"))
    };
    match (&args.job, input.input.as_slice()) {
        (Some(path), inputs) => Ok((Some(JobFile::read(path, &keys())?), inputs.to_vec())),
        (None, [only]) if is_job(only) => {
            Ok((Some(JobFile::read(Path::new(only), &keys())?), Vec::new()))
        }
        (None, inputs) => match inputs.iter().find(|input| is_job(input)) {
            Some(job) => Err(Error::input(format!("{job} is a job file, not an input"))
                .with_help(format!("to read other inputs with its settings: --job {job}"))),
            None => Ok((None, inputs.to_vec())),
        },
    }
}
