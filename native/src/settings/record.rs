//! Settings decided and checked.

use std::{num::NonZeroUsize, path::PathBuf};

use ilk_core::job::{Job, SimilarityJob};
use ilk_engine::{DataSource, Lists};

use super::budget::Budget;
use crate::memory::Bytes;

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
