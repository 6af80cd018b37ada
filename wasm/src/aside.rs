//! What few need and lies in modules of its own beside this one: the decoder of brotli and the
//! writer of Parquet. Each is fetched when it is first used.

use std::io;

use ilk_core::{
    data::{Ids, TextList},
    result::{Catalogue, Neighbours},
};
use ilk_formats::SourceFailure;
use js_sys::{Error, Uint8Array};
use wasm_bindgen::prelude::{JsCast as _, JsValue, wasm_bindgen};

use crate::error::Fault;

/// Items whose neighbours are handed over at a time.
const LOT: u32 = 1 << 12;

#[wasm_bindgen(raw_module = "../aside.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = loadBrotli)]
    fn load_brotli() -> Result<(), JsValue>;

    #[wasm_bindgen(catch, js_name = decodeBrotli)]
    fn decode_brotli(packed: &[u8]) -> Result<Vec<u8>, JsValue>;

    #[wasm_bindgen(catch, js_name = loadParquet)]
    fn load_parquet() -> Result<(), JsValue>;

    /// See `wasm/parquet`.
    type Tables;

    #[wasm_bindgen(static_method_of = Tables, js_name = ofIntegers)]
    fn of_integers(ids: &[i64], supports: &[u32]) -> Tables;

    #[wasm_bindgen(static_method_of = Tables, js_name = ofUnsigned)]
    fn of_unsigned(ids: &[u64], supports: &[u32]) -> Tables;

    #[wasm_bindgen(catch, static_method_of = Tables, js_name = ofText)]
    fn of_text(text: &[u8], ends: &[u32], supports: &[u32]) -> Result<Tables, JsValue>;

    #[wasm_bindgen(catch, method)]
    fn label(this: &Tables, text: &[u8], ends: &[u32], codes: &[u32]) -> Result<(), JsValue>;

    #[wasm_bindgen(method)]
    fn push(this: &Tables, counts: &[u32], codes: &[u32], scores: &[f32], overlaps: &[u32]);

    #[wasm_bindgen(catch, method)]
    fn neighbours(this: &Tables) -> Result<Uint8Array, JsValue>;

    #[wasm_bindgen(catch, method)]
    fn items(this: &Tables) -> Result<Uint8Array, JsValue>;

    #[wasm_bindgen(method)]
    fn free(this: &Tables);
}

/// Unpacks what brotli packed.
pub(crate) fn decode(packed: &[u8]) -> io::Result<Vec<u8>> {
    // That it cannot be fetched is no damage of the file.
    load_brotli().map_err(|thrown| io::Error::other(SourceFailure(told(&thrown))))?;
    decode_brotli(packed).map_err(|thrown| told(&thrown))
}

/// Writes the table of neighbours as Parquet.
pub(crate) fn parquet_of_neighbours(
    catalogue: &Catalogue,
    found: &Neighbours,
) -> Result<Uint8Array, Fault> {
    as_parquet(catalogue, found, Tables::neighbours)
}

/// Writes the table of items as Parquet.
pub(crate) fn parquet_of_items(
    catalogue: &Catalogue,
    found: &Neighbours,
) -> Result<Uint8Array, Fault> {
    as_parquet(catalogue, found, Tables::items)
}

/// Hands over the items with their lists, and lets `write` do the rest.
fn as_parquet(
    catalogue: &Catalogue,
    found: &Neighbours,
    write: impl FnOnce(&Tables) -> Result<Uint8Array, JsValue>,
) -> Result<Uint8Array, Fault> {
    let fault = |thrown: JsValue| Fault::new("read", told(&thrown).to_string());
    load_parquet().map_err(fault)?;
    let tables = tables(catalogue).map_err(fault)?;
    let items = found.items() as u32;
    for first in (0..items).step_by(LOT as usize) {
        push_lot(&tables, found, first..items.min(first + LOT));
    }
    let bytes = write(&tables).map_err(fault);
    tables.free();
    bytes
}

fn tables(catalogue: &Catalogue) -> Result<Tables, JsValue> {
    let supports = &catalogue.supports;
    let tables = match &catalogue.ids {
        Ids::Integer(ids) => Tables::of_integers(ids, supports),
        Ids::Unsigned(ids) => Tables::of_unsigned(ids, supports),
        Ids::Text(list) => {
            let (text, ends) = laid_out(list);
            Tables::of_text(&text, &ends, supports)?
        }
    };
    if let Some(labels) = &catalogue.labels {
        let (text, ends) = laid_out(&labels.dictionary);
        tables.label(&text, &ends, &labels.codes)?;
    }
    Ok(tables)
}

/// The bytes of all strings, and where each ends.
fn laid_out(list: &TextList) -> (Vec<u8>, Vec<u32>) {
    let (mut text, mut ends) = (Vec::with_capacity(list.bytes()), Vec::new());
    for string in list.iter() {
        text.extend_from_slice(string.as_bytes());
        ends.push(text.len() as u32);
    }
    (text, ends)
}

fn push_lot(tables: &Tables, found: &Neighbours, items: std::ops::Range<u32>) {
    let lists = items.map(|item| found.of(item));
    let counts = lists.clone().map(|list| list.len() as u32).collect::<Vec<_>>();
    let entries = lists.flatten();
    let codes = entries.clone().map(|neighbour| neighbour.code).collect::<Vec<_>>();
    let scores = entries.clone().map(|neighbour| neighbour.score).collect::<Vec<_>>();
    let overlaps = entries.map(|neighbour| neighbour.overlap).collect::<Vec<_>>();
    tables.push(&counts, &codes, &scores, &overlaps);
}

/// What JavaScript threw.
fn told(thrown: &JsValue) -> io::Error {
    let message = thrown.dyn_ref::<Error>().map(|error| String::from(error.message()));
    io::Error::other(message.unwrap_or_else(|| "a module failed and did not say why".into()))
}
