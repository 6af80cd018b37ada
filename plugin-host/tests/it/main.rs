//! Guests that behave, and guests that do not.

mod guests;
mod hostile;
mod interface;
mod service;
