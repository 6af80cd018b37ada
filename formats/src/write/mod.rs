//! Tables into bytes: results, and samples of rows.

mod format;
mod names;
mod packing;
mod sample;
mod tables;

pub use format::{OutputFormat, OutputStyle};
pub use names::{Formulas, IdStyle, Names, Spelling};
pub use packing::{OutputPacking, Packer};
pub use sample::write_rows;
pub use tables::{ListQuality, NeighbourStream, write_items, write_lists, write_neighbours};
