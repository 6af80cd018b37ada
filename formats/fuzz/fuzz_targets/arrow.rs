#![no_main]
//! Bytes as an Arrow file or stream.

#[path = "reading.rs"]
mod reading;

use ilk_formats::FileFormat;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| reading::read("a.arrow", Some(FileFormat::Arrow), bytes));
