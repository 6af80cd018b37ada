//! Ilk in JavaScript: open a file or a sample of it, look at its shape, compare, explain, export.
//!
//! Thin: formats reads, core computes; what is here turns JavaScript's values into theirs and
//! back, and cuts long work into steps, so that a worker can answer in between. The types that
//! JavaScript sees are in `types.d.ts`; those of settings are in `settings.d.ts`.

mod arguments;
#[cfg(target_family = "wasm")]
mod aside;
mod climb;
mod comparison;
mod data;
mod error;
mod explanation;
mod files;
mod memory;
mod neighbours;
mod reading;
mod records;
mod source;
mod task;
mod threads;

use wasm_bindgen::prelude::wasm_bindgen;

pub use crate::{
    climb::Climb,
    comparison::Comparison,
    data::Data,
    error::Fault,
    files::Files,
    memory::{bytes_in_use, limit, set_limit},
    neighbours::Neighbours,
    reading::Reading,
    threads::threads,
};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = concat!(include_str!("settings.d.ts"), "\n", include_str!("types.d.ts"));

/// Prepares the module; runs when it is loaded.
#[wasm_bindgen(start)]
pub fn start() {
    std::panic::set_hook(Box::new(error::throw));
    #[cfg(target_family = "wasm")]
    brotli::set_decoder(aside::decode);
}

/// Returns the version of the package.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").into()
}

/// Names the instructions of the inner loops: `simd128` or `portable`.
#[wasm_bindgen]
pub fn kernel() -> String {
    ilk_core::simd::Kernel::detect().name().into()
}
