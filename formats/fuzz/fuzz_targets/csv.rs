#![no_main]
//! Bytes as a file of one format.

#[path = "reading.rs"]
mod reading;

use ilk_formats::FileFormat;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| reading::read("a.csv", Some(FileFormat::Csv), bytes));
