//! Parquet, by the library's column readers and page writers.

mod column;
mod file;
mod full;
#[cfg_attr(not(feature = "write-parquet"), path = "unwritten.rs")]
mod out;
mod sums;
mod text;
mod types;

pub(crate) use file::{ParquetCursor, ParquetFile};
pub(crate) use out::ParquetOut;
