//! How far the run in a directory has come, for those who wait for it.

use std::path::{Path, PathBuf};

use super::{
    dir::NO_RUN,
    lock::Lock,
    manifest::{Life, Manifest},
    outs::is_as_written,
};
use crate::{error::Error, record::StageName};

/// How far a run has come.
#[derive(Clone, Debug)]
pub struct Status {
    /// Whether it goes on.
    pub state: State,
    /// When it began and ended.
    pub life: Life,
    /// The stages that are done, in their order.
    pub done: Vec<StageName>,
    /// How many there are.
    pub stages: usize,
    /// Rows of the result, if it is there.
    pub rows: Option<u64>,
    /// The output outside of the directory, and whether it is as it was written.
    pub out: Option<(PathBuf, bool)>,
}

/// Whether a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A process works on it.
    Running,
    /// It has come to its end.
    Finished,
    /// It was cut off, or refused; the same command resumes it.
    Unfinished,
}

/// Looks at a run; nothing is changed. Cost: a pass over the output.
///
/// # Errors
/// For a directory without a run, and where something cannot be read.
pub fn status(folder: &Path) -> Result<Status, Error> {
    let name = folder.display();
    let none = || Error::input(format!("{name} contains no run")).with_help(NO_RUN);
    let manifest = Manifest::load(folder)?.ok_or_else(none)?;
    let done = StageName::ALL.iter().copied().filter(|stage| manifest.done(*stage).is_some());
    let state = if Lock::is_held(folder) {
        State::Running
    } else if manifest.life.finished.is_some() {
        State::Finished
    } else {
        State::Unfinished
    };
    let out = match &manifest.out {
        Some(out) => Some((out.path.clone(), is_as_written(out)?)),
        None => None,
    };
    Ok(Status {
        state,
        done: done.collect(),
        stages: StageName::ALL.len(),
        rows: manifest.done(StageName::Write).map(|write| write.rows_out),
        out,
        life: manifest.life,
    })
}
