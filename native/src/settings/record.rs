//! Settings decided and checked.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
};

use ilk_core::job::{Job, SimilarityJob};
use ilk_engine::{DataSource, Lists};
use ilk_formats::OutputFormat;
use serde::{Deserialize, Serialize};

use super::{budget::Budget, values::Share};
use crate::{memory::Bytes, publish::Existing};

/// Everything a run needs, checked.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// What to read.
    pub(crate) source: DataSource,
    /// What to compute, every setting decided.
    pub(crate) resolved: Job,
    /// Item lists.
    pub(crate) lists: Lists,
    /// Where to write, `-` for standard output; absent only where there is a run directory.
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
    /// What becomes of what is there already.
    pub(crate) publishing: Publishing,
}

/// What becomes of an output and a run that are there already, and what is written beside the output.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Publishing {
    /// The output is replaced.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) overwrite: bool,
    /// So many dated results stay in the output folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) keep: Option<NonZeroU32>,
    /// Where a report goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) report: Option<PathBuf>,
    /// A run of another job, or on other inputs, is begun anew.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) restart_if_changed: bool,
    /// Text in CSV that is like a formula gets a prefix.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) csv_safe: bool,
    /// Rows that a result has at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) min_rows: Option<u64>,
    /// How much it may differ from the one that it replaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_change: Option<Share>,
    /// The format of the table on standard output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) out_format: Option<OutputFormat>,
}

impl Publishing {
    /// Returns what becomes of an output that is there already.
    pub(crate) fn existing(&self) -> Existing {
        self.keep.map_or(self.existing_report(), Existing::Keep)
    }

    /// Returns what becomes of a report that is there already.
    pub(crate) const fn existing_report(&self) -> Existing {
        if self.overwrite { Existing::Replace } else { Existing::Refuse }
    }
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
