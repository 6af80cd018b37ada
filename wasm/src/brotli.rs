//! Brotli's decoder, which is a module of its own beside this one.

use std::io;

use ilk_formats::SourceFailure;
use js_sys::Error;
use wasm_bindgen::prelude::{JsCast as _, JsValue, wasm_bindgen};

#[wasm_bindgen(raw_module = "../brotli.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn load() -> Result<(), JsValue>;

    #[wasm_bindgen(catch, js_name = decode)]
    fn unpack(packed: &[u8]) -> Result<Vec<u8>, JsValue>;
}

/// Unpacks `packed`; at the first call the decoder is fetched.
pub(crate) fn decode(packed: &[u8]) -> io::Result<Vec<u8>> {
    // That it cannot be fetched is no damage of the file.
    load().map_err(|thrown| io::Error::other(SourceFailure(told(&thrown))))?;
    unpack(packed).map_err(|thrown| told(&thrown))
}

/// What JavaScript threw.
fn told(thrown: &JsValue) -> io::Error {
    let message = thrown.dyn_ref::<Error>().map(|error| String::from(error.message()));
    io::Error::other(message.unwrap_or_else(|| "brotli's decoder failed".into()))
}
