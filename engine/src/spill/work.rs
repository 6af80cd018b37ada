//! What all steps through working files share.

use ilk_core::{cost::Layout, job::Job, prepare::Needs};

use super::store::Shelf;
use crate::{
    error::Error,
    memory::{Allowance, Bytes},
    pool::Pool,
};

/// Is told, from any thread, how many units more are done.
pub(crate) type Progress<'a> = &'a (dyn Fn(u64) + Sync);

/// What all stages of a job share.
#[derive(Clone, Copy)]
pub(crate) struct Work<'a> {
    pub(crate) job: &'a Job,
    pub(crate) needs: Needs,
    pub(crate) layout: Layout,
    pub(crate) budget: &'a Allowance,
    /// Where working files lie.
    pub(crate) folder: &'a Shelf,
    pub(crate) pool: &'a Pool,
    pub(crate) recording: Recording,
}

/// Whether what tiles find is written as they are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recording {
    /// It only goes into the neighbours.
    No,
    /// Each thread gathers some of it, and writes it.
    Yes,
}

impl Work<'_> {
    /// Counts the bytes of what a thread's tiles have found after which it is written. Memory is
    /// reserved for four times as much: buffers grow by doubling, and a piece of a tile comes to
    /// its end.
    pub(crate) fn most_recorded(&self) -> usize {
        match self.recording {
            Recording::No => 0,
            Recording::Yes => (self.budget.left(0) / self.budget.workers / 32).max(1 << 16),
        }
    }
}

/// The error of something that does not fit, with the memory that would be enough.
pub(super) fn does_not_fit(what: &str, needed: usize, budget: &Allowance) -> Error {
    let (least, mebi) = (budget.least().0 + needed as u64, 1 << 20);
    let enough = Bytes((least + least / 8).next_multiple_of(16 * mebi));
    Error::refused(format!("{what} do not fit in memory of {}", budget.limit))
        .with_help(format!("--memory {} is enough", String::from(enough)))
}
