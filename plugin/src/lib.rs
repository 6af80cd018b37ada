//! Ilk as a plugin: the same core and the same readers and writers, for a sandbox. It imports
//! nothing: no files, no clock, no randomness. The host steps from piece to piece, so progress,
//! cancelling and deadlines are the host's.
//!
//! Two builds come from this source: a component of `../plugin-host/wit/similarity.wit`, and, with the feature
//! `module`, a core module whose calls go over linear memory (`docs/plugin.md`).

#[cfg(all(target_family = "wasm", not(feature = "module")))]
mod component;
mod failure;
#[cfg(feature = "module")]
mod module;
mod planning;
mod rows;
mod session;
mod tiles;

pub use crate::{
    failure::Failure,
    planning::{Bytes, Costs, Extent, Seconds, costs},
    rows::{Columns, Decided, Times, Weighing, decide, hashes, times, weigh},
    session::{Note, Progress, Request, Session, Source},
    tiles::{Block, Comparison, Items, Offers, merge},
};
