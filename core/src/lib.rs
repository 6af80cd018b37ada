//! The kernel of Ilk: exact top-k similar items from interaction data, as pure computation.
//!
//! No files, no clock, no environment, no printing, no threads of its own: where bytes come
//! from and which thread runs a tile is the caller's business.

pub mod ids;
pub mod job;
pub mod measure;
pub mod neighbours;
pub mod rows;
pub mod time;
pub mod weighting;
