//! The run directory: what a run keeps, so that it can be inspected, resumed and trusted.
//!
//! A directory belongs to one job on one set of inputs. Its manifest [`Manifest`] says
//! which, and which stages are done; every file a stage leaves is written whole or not at all and
//! has its checksum there. Files of which a stage leaves many (`stage::Folder`) carry their checksum in
//! their name, so that those of an interrupted stage can be told whole without a manifest.
//!
//! `RunDir` is what the stages hand their results to (`keep::Keep`), `kept::Results`
//! where they find those of the stages before them.

mod checking;
mod cleaning;
mod compare;
mod dir;
pub mod files;
mod fingerprint;
mod keep;
mod kept;
mod lock;
mod machine;
mod manifest;
mod outs;
mod stage;
mod start;
mod status;
mod tables;
mod take;
mod tiles;
mod verify;

pub(crate) use self::start::run;
pub use self::{
    compare::{check_inputs, identity},
    manifest::{Life, MANIFEST, Manifest},
    start::run_stage,
    status::{State, Status, status},
    take::{Cells, Preview, take},
    verify::{Finding, Verified, check_files, verify},
};
