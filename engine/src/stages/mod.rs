//! The stages of a run, one file each, in the order in which the data goes through them.

pub(crate) mod clean;
pub(crate) mod encode;
mod glimpse;
mod look;
pub(crate) mod matrix;
mod merge;
mod plan;
mod read;
pub(crate) mod tiles;
mod write;

pub use self::{
    clean::{check_rows, report_set_aside, report_unused, row_record, row_text},
    glimpse::{Glimpse, Glimpsed, Haste},
    look::Cleaning,
};
pub(crate) use self::{
    clean::{clean, shown_rows},
    encode::encode,
    matrix::matrix,
    merge::merge,
    plan::plan,
    read::read,
    tiles::tiles,
    write::write,
};
