//! What all steps through working files share.

use ilk_core::{cost::Layout, job::Job, prepare::Needs};

use super::store::Shelf;
use crate::{memory::Allowance, pool::Pool};

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
    /// Counts the bytes of what tiles have found and not yet written.
    pub(super) fn recording(&self) -> usize {
        match self.recording {
            Recording::No => 0,
            Recording::Yes => self.budget.recording(),
        }
    }

    /// Counts the bytes that taking in again what tiles found takes, beside the lists that come of it.
    pub(super) fn restoring(&self) -> usize {
        match self.recording {
            Recording::No => 0,
            Recording::Yes => self.budget.restoring(),
        }
    }
}
