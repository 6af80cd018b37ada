//! Runs Ilk's jobs: from files to the k most similar items of every item, exactly.

mod checksum;
mod context;
mod data;
#[doc(hidden)]
pub mod drawing;
mod error;
#[doc(hidden)]
pub mod files;
mod findings;
mod guard;
mod handed;
#[doc(hidden)]
pub mod inputs;
#[doc(hidden)]
pub mod journal;
mod keep;
mod line;
#[doc(hidden)]
pub mod lists;
#[doc(hidden)]
pub mod machine;
#[doc(hidden)]
pub mod memory;
mod nothing;
mod observe;
#[doc(hidden)]
pub mod output;
#[doc(hidden)]
pub mod pool;
pub mod progress;
#[doc(hidden)]
pub mod publish;
mod record;
mod request;
mod run;
#[doc(hidden)]
pub mod rundir;
#[doc(hidden)]
pub mod sandbox;
mod source;
mod spill;
mod stages;
#[doc(hidden)]
pub mod text;

pub use self::{
    error::{Error, Kind, reason},
    observe::{Degrees, Kept, Lazily, Observer, Place, Tiles, Timed, Unobserved, Walk},
    record::{FileRecord, StageName, StageRecord},
    request::{Budget, Earlier, Request, Resources, RunPlace},
    run::run,
    source::{DataSource, Delimiter, Lists, PartialSource, Record, Setting, needs},
};
/// Parts of a run, for the commands of the program `ilk` that are no runs.
#[doc(hidden)]
pub mod parts {
    pub use crate::{
        guard::{heavy_user, held, remedies_text},
        stages::{Cleaning, check_rows, report_set_aside, report_unused, row_text},
    };
}
