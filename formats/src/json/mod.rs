//! JSON Lines.

mod out;

pub(crate) use out::{JsonOut, JsonValue};
