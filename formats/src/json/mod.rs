//! JSON Lines.

mod cells;
mod file;
mod lines;
mod out;
mod shape;

pub(crate) use file::{JsonCursor, JsonFile};
pub(crate) use out::{JsonOut, JsonValue};
