//! Runs Ilk's jobs: from files to the k most similar items of every item, exactly.

#[doc(hidden)]
pub mod drawing;
mod error;
#[doc(hidden)]
pub mod findings;
#[doc(hidden)]
pub mod guard;
#[doc(hidden)]
pub mod inputs;
#[doc(hidden)]
pub mod journal;
#[doc(hidden)]
pub mod lists;
#[doc(hidden)]
pub mod machine;
#[doc(hidden)]
pub mod memory;
mod observe;
#[doc(hidden)]
pub mod output;
#[doc(hidden)]
pub mod pipeline;
#[doc(hidden)]
pub mod pool;
pub mod progress;
#[doc(hidden)]
pub mod publish;
mod request;
mod run;
#[doc(hidden)]
pub mod rundir;
#[doc(hidden)]
pub mod sandbox;
mod source;
mod spill;
#[doc(hidden)]
pub mod text;

pub use self::{
    error::{Error, Kind, reason},
    observe::{Degrees, Kept, Lazily, Observer, Place, Tiles, Timed, Unobserved, Walk},
    request::{Budget, Request, Resources},
    run::{Place as RunPlace, run},
    source::{DataSource, Delimiter, Lists, PartialSource, Record, Setting},
};
