//! The kernel of Ilk: exact top-k similar items from interaction data, as pure computation.
//!
//! No files, no clock, no environment, no printing, no threads of its own: where bytes come
//! from and which thread runs a tile is the caller's business.

pub mod clean;
mod cost;
pub mod encode;
pub mod evaluate;
pub mod executor;
pub mod explain;
pub mod ids;
pub mod interactions;
pub mod job;
pub mod kernel;
pub mod matrix;
pub mod measure;
pub mod neighbours;
pub mod outline;
pub mod plan;
pub mod profile;
pub mod rows;
pub mod sample;
pub mod shop;
pub mod spill;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time;
pub mod topk;
pub mod weighting;
