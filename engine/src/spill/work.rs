//! What all steps through working files share.

use ilk_core::{cost::Layout, job::Job, prepare::Needs};

use super::store::Shelf;
use crate::{
    error::Error,
    memory::{Allowance, Bytes},
    pool::Pool,
    text::counted,
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
    /// Counts the bytes of what a thread's tiles have found after which it is written.
    pub(crate) fn most_recorded(&self) -> usize {
        match self.recording {
            Recording::No => 0,
            Recording::Yes => self.budget.most_recorded(),
        }
    }
}

/// Limits are named in steps of so many bytes.
const STEP: u64 = 16 << 20;

/// The error of something that does not fit, with the memory that would be enough: what `needed` bytes
/// leave room for.
pub(super) fn does_not_fit(what: &str, needed: usize, budget: &Allowance) -> Error {
    let enough = enough_for(needed, budget);
    refused(what, budget).with_help(format!("--memory {} is enough", String::from(enough)))
}

/// The error of something of which only the first `rows` rows are known, which need so many bytes.
pub(super) fn does_not_fit_so_far(
    what: &str,
    rows: u64,
    needed: usize,
    budget: &Allowance,
) -> Error {
    let enough = String::from(enough_for(needed, budget));
    refused(what, budget).with_help(format!(
        "--memory {enough} is enough for the first {}; the rest may need more",
        counted(rows, "row")
    ))
}

fn enough_for(needed: usize, budget: &Allowance) -> Bytes {
    let least = budget.least().0 + needed as u64;
    Bytes((least + least / 8).next_multiple_of(STEP))
}

/// The error of something that does not fit, with the least memory, in steps of 16 MiB, under which it
/// `fits`.
pub(super) fn does_not_fit_until(
    what: &str,
    budget: &Allowance,
    fits: impl Fn(&Allowance) -> bool,
) -> Error {
    let first = budget.limit.0.max(budget.least().0).div_ceil(STEP);
    let under = |steps: u64| fits(&budget.under(Bytes(steps * STEP)));
    // More memory never fits less: doubling finds some that is enough, halving the least.
    let (mut little, mut step) = (first - 1, 1);
    while !under(little + step) && step < u64::MAX / STEP / 4 {
        little += step;
        step *= 2;
    }
    let mut enough = little + step;
    while enough - little > 1 {
        let middle = little.midpoint(enough);
        if under(middle) {
            enough = middle;
        } else {
            little = middle;
        }
    }
    let enough = String::from(Bytes(enough * STEP));
    refused(what, budget).with_help(format!("--memory {enough} is enough"))
}

fn refused(what: &str, budget: &Allowance) -> Error {
    Error::refused(format!("{what} do not fit in memory of {}", budget.limit))
}
