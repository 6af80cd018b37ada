//! Brotli's decoder in a module of its own: few files need it, and it holds a dictionary of 120 KB.

use std::io::Read as _;

use brotli_decompressor::Decompressor;
use wasm_bindgen::{JsError, prelude::wasm_bindgen};

/// Unpacks `packed`.
///
/// # Errors
/// Where the bytes are not brotli's.
#[wasm_bindgen]
pub fn decode(packed: &[u8]) -> Result<Vec<u8>, JsError> {
    let mut unpacked = Vec::new();
    Decompressor::new(packed, 4096).read_to_end(&mut unpacked)?;
    Ok(unpacked)
}
