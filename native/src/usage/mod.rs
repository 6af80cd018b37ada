//! The ledger of past runs on this machine, and the run that this process is.

mod ledger;
mod running;
mod sums;

pub(crate) use self::{
    ledger::{Entry, Ledger, Outcome, Task, place, read},
    running::{begin, end, interrupt},
    sums::{Job, Sum, by_day, by_job, by_month},
};
