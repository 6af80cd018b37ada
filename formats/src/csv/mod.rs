//! CSV and its relatives: strict, with recovery, in parallel.

mod detect;
mod doubts;
mod encoding;
mod file;
mod guard;
mod kinds;
mod masks;
mod open;
mod out;
mod pieces;
mod rows;
mod sampling;
mod scan;
mod stream;
mod text;

pub(crate) use file::{CsvCursor, CsvFile, NullWord};
pub(crate) use out::CsvOut;
pub(crate) use pieces::{MORE, PIECE};
