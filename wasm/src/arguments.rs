//! Arguments of calls, which come in whatever type a caller without type checks has.

use std::ops::RangeInclusive;

use js_sys::{Array, ArrayBuffer, BigInt, Function, Number, Object, Reflect, Symbol, Uint8Array};
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

/// Returns a number in a range; NaN is in none.
pub(crate) fn number(
    name: &'static str,
    value: &JsValue,
    range: RangeInclusive<f64>,
    expected: &str,
) -> Result<f64, Fault> {
    let number = value.as_f64().filter(|number| range.contains(number));
    number.ok_or_else(|| unfit(name, value, expected))
}

/// Returns a whole number that JavaScript holds exactly, of 0 or more.
pub(crate) fn whole(name: &'static str, value: &JsValue) -> Result<u64, Fault> {
    let number = value.as_f64().filter(|number| Number::is_safe_integer(value) && *number >= 0.0);
    number.map(|number| number as u64).ok_or_else(|| unfit(name, value, WHOLE))
}

/// Returns a count of 0 or more; what is beyond 32 bits is as good as all.
pub(crate) fn count(name: &'static str, value: &JsValue) -> Result<u32, Fault> {
    Ok(u32::try_from(whole(name, value)?).unwrap_or(u32::MAX))
}

/// Returns the same, or `usual` where nothing is given.
pub(crate) fn count_or(name: &'static str, value: &JsValue, usual: u32) -> Result<u32, Fault> {
    if is_absent(value) { Ok(usual) } else { count(name, value) }
}

/// Returns counts, in an array of whichever type; `None` where nothing is given.
pub(crate) fn counts(name: &'static str, value: &JsValue) -> Result<Option<Vec<u32>>, Fault> {
    if is_absent(value) {
        return Ok(None);
    }
    if !Array::is_array(value) && !ArrayBuffer::is_view(value) {
        return Err(unfit(name, value, "an array of whole numbers"));
    }
    Array::from(value).iter().map(|value| count(name, &value)).collect::<Result<_, _>>().map(Some)
}

/// Returns the milliseconds that a step may take.
pub(crate) fn milliseconds(value: &JsValue) -> Result<f64, Fault> {
    number("milliseconds", value, 0.0..=f64::INFINITY, "a number of 0 or more")
}

/// Returns bytes.
pub(crate) fn bytes(name: &'static str, value: &JsValue) -> Result<Uint8Array, Fault> {
    // By its name: one of another frame is no instance of this one's class.
    let tag = || Reflect::get(value, &Symbol::to_string_tag()).ok()?.as_string();
    if ArrayBuffer::is_view(value) && tag().as_deref() == Some("Uint8Array") {
        return Ok(value.unchecked_ref::<Uint8Array>().clone());
    }
    Err(unfit(name, value, "a Uint8Array"))
}

/// Returns a function.
pub(crate) fn function(name: &'static str, value: &JsValue) -> Result<Function, Fault> {
    if value.is_function() {
        return Ok(value.unchecked_ref::<Function>().clone());
    }
    Err(unfit(name, value, "a function"))
}

/// Refuses settings that a job file could not hold: numbers that are none, which would be left out, and
/// objects that hold themselves.
pub(crate) fn check_settings(name: &str, value: &JsValue) -> Result<(), Fault> {
    /// Objects in one another that settings have at most, and some.
    const DEPTH: usize = 8;
    check_tree(name, value, DEPTH)
}

fn check_tree(name: &str, value: &JsValue, depth: usize) -> Result<(), Fault> {
    if let Some(number) = value.as_f64().filter(|number| !number.is_finite()) {
        let setting = name.rsplit('.').next().unwrap_or_default();
        let message = format!("{name} is {number}, expected a finite number");
        return Err(Fault::new("setting", message).with("setting", setting));
    }
    if !value.is_object() {
        return Ok(());
    }
    if depth == 0 {
        return Err(Fault::new("setting", format!("{name} holds too many objects in one another")));
    }
    if let Some(list) = value.dyn_ref::<Array>() {
        return list.iter().try_for_each(|value| check_tree(name, &value, depth - 1));
    }
    Object::entries(value.unchecked_ref()).iter().try_for_each(|entry| {
        let entry: Array = entry.unchecked_into();
        let key = entry.get(0).as_string().unwrap_or_default();
        let path = if name.is_empty() { key } else { format!("{name}.{key}") };
        check_tree(&path, &entry.get(1), depth - 1)
    })
}

const WHOLE: &str = "a whole number from 0 to 2^53 - 1";

fn is_absent(value: &JsValue) -> bool {
    value.is_undefined() || value.is_null()
}

fn unfit(name: &'static str, value: &JsValue, expected: &str) -> Fault {
    let found = match value.as_f64() {
        Some(number) => number.to_string(),
        None => value.js_typeof().as_string().unwrap_or_default(),
    };
    let message = format!("{name} is {found}, expected {expected}");
    Fault::new("setting", message).with("setting", name)
}
