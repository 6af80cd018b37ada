//! CSV and its relatives.

mod file;
mod out;

pub(crate) use file::{CsvCursor, CsvFile};
pub(crate) use out::CsvOut;
