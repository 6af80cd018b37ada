//! Settings and where each comes from: command line over `ILK_*` variables over job file over
//! preset over defaults.
//!
//! Nothing here knows the flags or the run directory: they hand in what they say as a [`Layer`], and
//! the names of all settings as [`Keys`].

mod budget;
mod call;
mod file;
mod keys;
mod layer;
mod layers;
mod record;
mod show;
mod stages;
mod values;

pub(crate) use self::{
    budget::Budget,
    call::{Call, Word},
    file::JobFile,
    keys::{Key, Keys},
    layer::{COMMAND_LINE, Layer},
    layers::{AT_LEAST_ONE, Choice, Layers},
    record::{Publishing, Reading, Settings},
    stages::Form,
    values::{Engine, Share, TimeSpan},
};
pub(crate) use ilk_engine::{
    DataSource, Lists, PartialSource, Record, Setting, StageName, TimeFormat, memory::Bytes,
};
