//! Arguments of calls, which come in whatever type a caller without type checks has.

use js_sys::{BigInt, Number};
use wasm_bindgen::{JsCast as _, JsValue};

use crate::error::Fault;

/// Returns an ID as text: text as it is, whole numbers in digits.
pub(crate) fn id(name: &'static str, value: &JsValue) -> Result<String, Fault> {
    if let Some(text) = value.as_string() {
        return Ok(text);
    }
    if let Some(whole) = value.dyn_ref::<BigInt>() {
        let text = whole.to_string(10).map(String::from);
        return text.map_err(|_| unfit(name, value, "an ID"));
    }
    if Number::is_safe_integer(value) {
        return Ok(format!("{}", value.as_f64().unwrap_or_default()));
    }
    Err(unfit(name, value, "an ID: text, a whole number up to 2^53, or a bigint"))
}

/// Returns text.
pub(crate) fn text(name: &'static str, value: &JsValue) -> Result<String, Fault> {
    value.as_string().ok_or_else(|| unfit(name, value, "text"))
}

fn unfit(name: &'static str, value: &JsValue, expected: &str) -> Fault {
    let found = match value.as_f64() {
        Some(number) => number.to_string(),
        None => value.js_typeof().as_string().unwrap_or_default(),
    };
    let message = format!("{name} is {found}, expected {expected}");
    Fault::new("setting", message).with("setting", name)
}
