//! The kernel of Ilk: exact top-k similar items from interaction data, as pure computation.
//!
//! No files, no clock, no environment, no printing, no threads of its own: where bytes come
//! from and which thread runs a tile is the caller's business.

pub mod cost;
pub mod data;
pub mod executor;
pub mod forecast;
pub mod insight;
pub mod job;
pub mod kernel;
pub mod matrix;
pub mod measure;
mod names;
pub mod plan;
pub mod prepare;
pub mod result;
pub mod simd;
#[cfg(feature = "testing")]
pub mod testing;
pub mod weighting;

pub use names::UnknownName;
