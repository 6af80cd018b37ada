//! CSV and its relatives.

mod file;
mod out;

pub(crate) use file::{CsvCursor, CsvFile, Packing};
pub(crate) use out::CsvOut;
