//! What a job reads, as plain values; they are also what a run directory keeps of it.

use std::{fmt, num::NonZeroU32, path::PathBuf, str::FromStr};

use ilk_core::{
    data::{TimeRule, TimeUnit},
    job::{Given, Job, Of, Pairs, SimilarityJob},
    plan::GroupRule,
    prepare::Needs,
};
use ilk_formats::{Condition, FileFormat};
use serde::{Deserialize, Serialize};

use crate::{csv::CsvSettings, error::Error, inputs::TableFormats};

/// How times are written, in the terms of strftime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeFormat(String);

impl FromStr for TimeFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let checked = TimeRule::check_pattern(text);
        checked.map_err(|why| format!("{why}; write it as in %d/%m/%Y %H:%M"))?;
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for TimeFormat {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map_err(|why| format!("`{text}`: {why}"))
    }
}

impl From<TimeFormat> for String {
    fn from(format: TimeFormat) -> Self {
        format.0
    }
}

impl fmt::Display for TimeFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A data source as far as it is known: what `inspect` needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PartialSource {
    /// Files, patterns and folders.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub input: Vec<String>,
    /// Column that says who.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Column that says what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// Column that says how much.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<String>,
    /// Column that says when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Column with the item's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_label: Option<String>,
    /// Files, patterns and folders with the names of what is compared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Column of `labels` with the IDs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_id: Option<String>,
    /// Column of `labels` with the names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Column with the group of what is compared: of `labels`, or of the input where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What stands between the items of one cell, where cells hold several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_separator: Option<String>,
    /// What numbers in the time column count; found out where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_unit: Option<TimeUnit>,
    /// How times are written, in the terms of strftime; ISO 8601 where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_format: Option<TimeFormat>,
    /// What the files are; found out where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_format: Option<FileFormat>,
    /// Read folders of Delta Lake, Iceberg and Hudi as if all their files counted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ignore_table_format: bool,
    /// Conditions on rows; all must hold.
    #[serde(rename = "where", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// A second behaviour.
    #[serde(flatten)]
    pub target: TargetSource,
    /// How CSV files are written.
    #[serde(flatten)]
    pub csv: CsvSettings,
}

/// A second behaviour of the same users, such as purchases beside views: its items are the neighbours
/// of the items of the input.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TargetSource {
    /// Files, patterns and folders; none where there is one behaviour.
    #[serde(rename = "target", skip_serializing_if = "Vec::is_empty")]
    pub input: Vec<String>,
    /// User ID column, if it has another name than that of the input.
    #[serde(rename = "target_user", skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Item ID column, if it has another name.
    #[serde(rename = "target_item", skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// Weight column, if it has another name.
    #[serde(rename = "target_weight", skip_serializing_if = "Option::is_none")]
    pub weight: Option<String>,
    /// Timestamp column, if it has another name.
    #[serde(rename = "target_time", skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Conditions on rows; those of the input do not hold here.
    #[serde(rename = "target_where", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

impl TargetSource {
    /// Returns true if there is a second behaviour.
    pub fn is_given(&self) -> bool {
        !self.input.is_empty()
    }

    /// Refuses a second behaviour where a command or a job knows only one.
    ///
    /// # Errors
    /// If there is one; `what` begins the sentence.
    pub fn refuse(&self, what: &str, help: &str) -> Result<(), Error> {
        if !self.is_given() {
            return Ok(());
        }
        Err(Error::input(format!("{what} not available with --target")).with_help(help))
    }

    /// Refuses columns of a second behaviour that is not there, or columns that the input lacks, and
    /// jobs that compare one behaviour with itself.
    ///
    /// # Errors
    /// If so.
    pub fn check(&self, given: Given, job: &Job) -> Result<(), Error> {
        let columns = [
            ("target-user", self.user.is_some(), true),
            ("target-item", self.item.is_some(), true),
            ("target-weight", self.weight.is_some(), given.weight),
            ("target-time", self.time.is_some(), given.time),
            ("target-where", !self.conditions.is_empty(), true),
        ];
        for (flag, is_given, of_input) in columns {
            if is_given && !self.is_given() {
                return Err(Error::input(format!("--{flag} has no effect without --target"))
                    .with_help("--target FILE names the interactions of the second behaviour"));
            }
            if is_given && !of_input {
                let input = flag.replace("target-", "");
                return Err(Error::input(format!("--{flag} needs --{input}"))
                    .with_help("both behaviours have the same columns, whatever their names"));
            }
        }
        if job.of == Of::Users {
            self.refuse("--of users is", "leave it out: with --target, items are compared")?;
        }
        if job.pairs == Pairs::Once {
            self.refuse(
                "--pairs once is",
                "leave it out: each row is a pair of an item of the input and one of the target",
            )?;
        }
        Ok(())
    }
}

/// Returns how folders of table formats are treated.
const fn table_formats(ignore: bool) -> TableFormats {
    if ignore { TableFormats::Ignore } else { TableFormats::Refuse }
}

impl PartialSource {
    /// Returns what becomes of folders of table formats.
    pub const fn table_formats(&self) -> TableFormats {
        table_formats(self.ignore_table_format)
    }

    /// Lists the flags of how files are read that are not the default ones, with their values.
    pub fn reading_flags(&self) -> Vec<(&'static str, String)> {
        let flags = [
            ("item-separator", self.item_separator.clone()),
            ("time-unit", self.time_unit.map(|unit| unit.to_string())),
            ("time-format", self.time_format.as_ref().map(ToString::to_string)),
            ("input-format", self.input_format.map(|format| format.name().into())),
            ("ignore-table-format", self.ignore_table_format.then(|| "true".into())),
        ];
        flags.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// Returns which optional columns are named.
    pub const fn given(&self) -> Given {
        Given { weight: self.weight.is_some(), time: self.time.is_some() }
    }

    /// Takes the source as it is if a run can read it; `name` is its name in the job file.
    pub fn into_whole(self, name: Option<String>) -> Option<DataSource> {
        let (user, item) = (self.user?, self.item?);
        (!self.input.is_empty()).then_some(DataSource {
            name,
            input: self.input,
            user,
            item,
            weight: self.weight,
            time: self.time,
            item_label: self.item_label,
            labels: self.labels,
            label_id: self.label_id,
            label: self.label,
            group: self.group,
            item_separator: self.item_separator,
            time_unit: self.time_unit,
            time_format: self.time_format,
            input_format: self.input_format,
            ignore_table_format: self.ignore_table_format,
            conditions: self.conditions,
            target: self.target,
            csv: self.csv,
        })
    }
}

/// Where the interactions are and what their columns mean.
#[derive(Clone, Debug, PartialEq)]
pub struct DataSource {
    /// Its name in the job file.
    pub name: Option<String>,
    /// Files, patterns and folders; at least one.
    pub input: Vec<String>,
    /// Column that says who.
    pub user: String,
    /// Column that says what.
    pub item: String,
    /// Column that says how much.
    pub weight: Option<String>,
    /// Column that says when.
    pub time: Option<String>,
    /// Column with the item's name.
    pub item_label: Option<String>,
    /// Files, patterns and folders with the names of what is compared.
    pub labels: Vec<String>,
    /// Column of `labels` with the IDs; that of the interactions where absent.
    pub label_id: Option<String>,
    /// Column of `labels` with the names.
    pub label: Option<String>,
    /// Column with the group of what is compared: of `labels`, or of the input where there are none.
    pub group: Option<String>,
    /// What stands between the items of one cell, where cells hold several.
    pub item_separator: Option<String>,
    /// What numbers in the time column count; found out where absent.
    pub time_unit: Option<TimeUnit>,
    /// How times are written, in the terms of strftime; ISO 8601 where absent.
    pub time_format: Option<TimeFormat>,
    /// What the files are; found out where absent.
    pub input_format: Option<FileFormat>,
    /// Read folders of Delta Lake, Iceberg and Hudi as if all their files counted.
    pub ignore_table_format: bool,
    /// Conditions on rows; all must hold.
    pub conditions: Vec<Condition>,
    /// A second behaviour.
    pub target: TargetSource,
    /// How CSV files are written.
    pub csv: CsvSettings,
}

impl DataSource {
    /// Describes files, patterns or folders whose columns `user` and `item` say who and what.
    pub fn new(
        input: impl IntoIterator<Item = impl Into<String>>,
        user: impl Into<String>,
        item: impl Into<String>,
    ) -> Self {
        Self {
            name: None,
            input: input.into_iter().map(Into::into).collect(),
            user: user.into(),
            item: item.into(),
            weight: None,
            time: None,
            item_label: None,
            labels: Vec::new(),
            label_id: None,
            label: None,
            group: None,
            item_separator: None,
            time_unit: None,
            time_format: None,
            input_format: None,
            ignore_table_format: false,
            conditions: Vec::new(),
            target: TargetSource::default(),
            csv: CsvSettings::default(),
        }
    }

    /// Returns what becomes of folders of table formats.
    pub const fn table_formats(&self) -> TableFormats {
        table_formats(self.ignore_table_format)
    }

    /// Lists the flags of how files are read that are not the default ones, with their values.
    pub fn reading_flags(&self) -> Vec<(&'static str, String)> {
        let partial = PartialSource {
            item_separator: self.item_separator.clone(),
            time_unit: self.time_unit,
            time_format: self.time_format.clone(),
            input_format: self.input_format,
            ignore_table_format: self.ignore_table_format,
            ..PartialSource::default()
        };
        partial.reading_flags()
    }

    /// Returns how times are read, at the present of this machine's clock.
    pub fn time_rule(&self) -> TimeRule {
        TimeRule {
            unit: self.time_unit.unwrap_or_default(),
            pattern: self.time_format.clone().map(String::from),
            now: Some(jiff::Timestamp::now().as_microsecond()),
        }
    }

    /// Returns which optional columns are named.
    pub const fn given(&self) -> Given {
        Given { weight: self.weight.is_some(), time: self.time.is_some() }
    }
}

/// Files with one id per line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lists {
    /// Only these may appear as neighbours; all where empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<PathBuf>,
    /// These may not appear as neighbours.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<PathBuf>,
    /// Neighbours are computed for these; for all where empty.
    #[serde(rename = "for", skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<PathBuf>,
    /// Only items of the same group may be neighbours.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub within: bool,
    /// Neighbours of a group in a list at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_per_group: Option<NonZeroU32>,
}

impl Lists {
    /// Lists the files.
    pub fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.only.iter().chain(&self.exclude).chain(&self.targets)
    }

    /// Returns what the groups of the items mean; `None` where they mean nothing.
    pub fn rule(&self) -> Option<GroupRule> {
        let rule = GroupRule { within: self.within, most: self.max_per_group };
        (rule != GroupRule::default()).then_some(rule)
    }
}

/// One setting in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Its name in job files.
    pub name: String,
    /// Its value as people read it.
    pub value: String,
    /// Where it comes from.
    pub origin: String,
}

/// The settings of a run as they are kept with it: each for people with its origin, and all that
/// it takes to run the job again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Every setting in force.
    pub settings: Vec<Setting>,
    /// What to read.
    pub source: PartialSource,
    /// What to compute, as people wrote it.
    pub job: SimilarityJob,
    /// Item lists.
    pub lists: Lists,
}

impl Record {
    /// Decides every setting again, as it was decided when the run began.
    ///
    /// # Errors
    /// If the record is not one that a run could have begun with.
    pub fn resolve(&self) -> Result<(DataSource, Job), Error> {
        let unfit = |why: String| Error::input(format!("the recorded job cannot be: {why}"));
        let source = self.source.clone().into_whole(None);
        let source = source.ok_or_else(|| unfit("no input, user or item".into()))?;
        let job = self.job.resolve(self.source.given());
        Ok((source, job.map_err(|error| unfit(error.to_string()))?))
    }
}

/// Returns which columns of `source` the job looks at.
pub fn needs(source: &DataSource, job: &Job) -> Needs {
    Needs::of(job, source.given())
}
