//! What a run is asked for, as plain values.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use ilk_core::{
    cost::Machine,
    forecast::Limits,
    job::{Job, Of},
};
use ilk_formats::{OutputFormat, Spelling};

use crate::{
    error::Error,
    expected::Expected,
    memory::Bytes,
    publish::Existing,
    source::{DataSource, Lists, Record},
};

/// Where a result goes, and how.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Publication {
    /// Where it goes, `-` for standard output; absent only where there is a run directory.
    pub out: Option<PathBuf>,
    /// What people call the place; its path where absent.
    pub place: Option<String>,
    /// What becomes of an output that is there already.
    pub existing: Existing,
    /// How the output spells what it holds.
    pub spelling: Spelling,
    /// The format on standard output; CSV where absent. Files have that of their ending.
    pub piped: Option<OutputFormat>,
    /// What the result must be like to be put in its place, unless the run is forced.
    pub expected: Expected,
}

/// The output that stands for standard output.
const STDOUT: &str = "-";

/// Returns true if an output is standard output.
pub fn is_stdout(out: &Path) -> bool {
    out.as_os_str() == STDOUT
}

/// Names an output for people.
pub fn place_text(out: &Path) -> String {
    if is_stdout(out) { "standard output".into() } else { out.display().to_string() }
}

/// What to do: what is read, what is computed, where the result goes, and what it may take.
#[derive(Clone, Debug)]
pub struct Request {
    /// What to read.
    pub source: DataSource,
    /// What to compute, every setting decided.
    pub job: Job,
    /// Item lists.
    pub lists: Lists,
    /// Where the result goes, and how.
    pub publication: Publication,
    /// Threads and memory.
    pub resources: Resources,
    /// What the job may take; a job that would take more is refused.
    pub budget: Budget,
    /// Run although a guard thinks it is too much work.
    pub force: bool,
    /// The plugin that computes the tiles, if it is not this crate.
    pub plugin: Option<PathBuf>,
    /// What the caller reads and writes for the same job.
    pub besides: Besides,
}

/// Files of the caller: an output that is one of them is refused before anything is computed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Besides {
    /// What it reads, such as a job file.
    pub reads: Vec<PathBuf>,
    /// What it writes, such as a report: no input may be replaced by it either.
    pub writes: Vec<PathBuf>,
}

impl Request {
    /// Asks for `job` on `source` without a budget and with all of the machine, to be written to
    /// `out`, where nothing is yet.
    pub fn new(source: DataSource, job: Job, out: Option<PathBuf>) -> Self {
        Self {
            source,
            job,
            lists: Lists::default(),
            publication: Publication { out, ..Publication::default() },
            resources: Resources::default(),
            budget: Budget::default(),
            force: false,
            plugin: None,
            besides: Besides::default(),
        }
    }

    /// Refuses what a job of two behaviours cannot have.
    ///
    /// # Errors
    /// If it is asked for.
    pub(crate) fn check_target(&self) -> Result<(), Error> {
        let Self { source, job, plugin, .. } = self;
        source.target.check(source.given(), job)?;
        let help = "leave --engine out: Ilk's own compares two behaviours";
        plugin.as_ref().map_or(Ok(()), |_| source.target.refuse("--engine plugin is", help))
    }

    /// Returns what is compared.
    pub const fn of(&self) -> Of {
        self.job.of
    }
}

/// Where a run is kept.
#[derive(Clone, Debug)]
pub struct RunPlace {
    /// The run directory.
    pub folder: PathBuf,
    /// The request as the run directory keeps it.
    pub record: Record,
    /// What becomes of an earlier run there.
    pub earlier: Earlier,
}

/// What becomes of what a run directory holds already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// The run goes on.
    Continue,
    /// It begins anew (`--restart`).
    Discard,
    /// The run goes on if it is of the same job on the same inputs, else it begins anew
    /// (`--restart-if-changed`).
    IfSame,
}

/// What the work may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// Threads; one per core where absent.
    pub threads: Option<NonZeroUsize>,
    /// Memory that the process may take; 70 % of what there is where absent.
    pub memory: Option<Bytes>,
    /// Bytes of working files; a default of its own where absent.
    pub shard_size: Option<Bytes>,
    /// What a core of this machine was measured to pay; measured where time is limited, if absent.
    pub machine: Option<Machine>,
}

/// What a job may take, and how people call it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Budget {
    /// The limits; what is absent is not limited.
    pub limits: Limits,
    /// The budget that limits time, in words, such as `budget_time 30m`.
    pub time_text: String,
    /// The budget of memory in words.
    pub memory_text: String,
    /// The caller ends a process that takes longer: what earlier processes took does not count, so
    /// that the run can go on.
    pub hard: bool,
    /// What working files and a run directory may take of their disk.
    pub disk: Option<Bytes>,
}

#[cfg(test)]
mod tests {
    use ilk_formats::{Formulas, IdStyle};

    use super::*;

    #[test]
    fn manifests_keep_a_spelling_that_is_not_usual() {
        let spelling = Spelling { ids: IdStyle::Text, formulas: Formulas::Prefixed };
        let text = serde_json::to_string(&spelling).unwrap();
        assert_eq!(text, r#"{"text_ids":true,"csv_safe":true}"#);
        assert_eq!(serde_json::from_str::<Spelling>(&text).unwrap(), spelling);
        assert_eq!(serde_json::to_string(&Spelling::default()).unwrap(), "{}");
        assert_eq!(serde_json::from_str::<Spelling>("{}").unwrap(), Spelling::default());
    }

    #[test]
    fn a_dash_is_standard_output_and_a_file_of_that_name_has_a_folder() {
        assert!(is_stdout(Path::new("-")) && !is_stdout(Path::new("./-")));
        assert_eq!(place_text(Path::new("-")), "standard output");
        assert_eq!(place_text(Path::new("a.csv")), "a.csv");
    }
}
