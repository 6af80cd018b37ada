#![no_main]
//! Bytes as whatever they look like: archives and packed text among them.

#[path = "reading.rs"]
mod reading;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| reading::read("part-00000", None, bytes));
