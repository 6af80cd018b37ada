//! Settings decided and checked, and as a run keeps them.

use std::{num::NonZeroUsize, path::PathBuf};

use ilk_core::job::{Given, Job, SimilarityJob};
use ilk_formats::Condition;
use serde::{Deserialize, Serialize};

use super::{budget::Budget, csv::CsvSettings, values::Bytes};
use crate::error::Error;

/// One setting in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Setting {
    /// Its name in job files.
    pub(crate) name: String,
    /// Its value as people read it.
    pub(crate) value: String,
    /// Where it comes from.
    pub(crate) origin: String,
}

/// A data source as far as it is known: what `inspect` needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PartialSource {
    /// Files, patterns and folders.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) input: Vec<String>,
    /// Column that says who.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    /// Column that says what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) item: Option<String>,
    /// Column that says how much.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) weight: Option<String>,
    /// Column that says when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<String>,
    /// Column with the item's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) item_label: Option<String>,
    /// Conditions on rows; all must hold.
    #[serde(rename = "where", skip_serializing_if = "Vec::is_empty")]
    pub(crate) conditions: Vec<Condition>,
    /// How CSV files are written.
    #[serde(flatten)]
    pub(crate) csv: CsvSettings,
}

impl PartialSource {
    /// Returns which optional columns are named.
    pub(crate) const fn given(&self) -> Given {
        Given { weight: self.weight.is_some(), time: self.time.is_some() }
    }

    /// Takes the source as it is if a run can read it; `name` is its name in the job file.
    pub(super) fn into_whole(self, name: Option<String>) -> Option<DataSource> {
        let (user, item) = (self.user?, self.item?);
        (!self.input.is_empty()).then_some(DataSource {
            name,
            input: self.input,
            user,
            item,
            weight: self.weight,
            time: self.time,
            item_label: self.item_label,
            conditions: self.conditions,
            csv: self.csv,
        })
    }
}

/// Where the interactions are and what their columns mean.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DataSource {
    /// Its name in the job file.
    pub(crate) name: Option<String>,
    /// Files, patterns and folders; at least one.
    pub(crate) input: Vec<String>,
    /// Column that says who.
    pub(crate) user: String,
    /// Column that says what.
    pub(crate) item: String,
    /// Column that says how much.
    pub(crate) weight: Option<String>,
    /// Column that says when.
    pub(crate) time: Option<String>,
    /// Column with the item's name.
    pub(crate) item_label: Option<String>,
    /// Conditions on rows; all must hold.
    pub(crate) conditions: Vec<Condition>,
    /// How CSV files are written.
    pub(crate) csv: CsvSettings,
}

/// Files with one id per line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Lists {
    /// Only these may appear as neighbours; all where empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) only: Vec<PathBuf>,
    /// These may not appear as neighbours.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) exclude: Vec<PathBuf>,
    /// Neighbours are computed for these; for all where empty.
    #[serde(rename = "for", skip_serializing_if = "Vec::is_empty")]
    pub(crate) targets: Vec<PathBuf>,
}

/// Everything a run needs, checked.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// What to read.
    pub(crate) source: DataSource,
    /// What to compute, every setting decided.
    pub(crate) resolved: Job,
    /// Item lists.
    pub(crate) lists: Lists,
    /// Where to write; absent only where there is a run directory.
    pub(crate) out: Option<PathBuf>,
    /// Where to keep every stage's result.
    pub(crate) run_dir: Option<PathBuf>,
    /// Threads to use; one per core where absent.
    pub(crate) threads: Option<NonZeroUsize>,
    /// Memory that the process may take; 70 % of what there is where absent.
    pub(crate) memory: Option<Bytes>,
    /// Bytes of working files; a default of its own where absent.
    pub(crate) shard_size: Option<Bytes>,
    /// What it may take.
    pub(crate) budget: Budget,
}

/// What a command needs that reads a job's data and writes none, checked.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    /// What to read.
    pub(crate) source: DataSource,
    /// What to compute, as people wrote it.
    pub(crate) wish: SimilarityJob,
    /// The same, every setting decided.
    pub(crate) resolved: Job,
    /// Item lists.
    pub(crate) lists: Lists,
    /// Threads to use; one per core where absent.
    pub(crate) threads: Option<NonZeroUsize>,
}

/// The settings of a run as they are kept with it: each for people with its origin, and all that
/// it takes to run the job again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Every setting in force.
    pub(crate) settings: Vec<Setting>,
    /// What to read.
    pub(crate) source: PartialSource,
    /// What to compute, as people wrote it.
    pub(crate) job: SimilarityJob,
    /// Item lists.
    pub(crate) lists: Lists,
}

impl Record {
    /// Decides every setting again, as it was decided when the run began.
    ///
    /// # Errors
    /// If the record is not one that a run could have begun with.
    pub(crate) fn resolve(&self) -> Result<(DataSource, Job), Error> {
        let unfit = |why: String| Error::input(format!("the recorded job cannot be: {why}"));
        let source = self.source.clone().into_whole(None);
        let source = source.ok_or_else(|| unfit("no input, user or item".into()))?;
        let job = self.job.resolve(self.source.given());
        Ok((source, job.map_err(|error| unfit(error.to_string()))?))
    }
}
