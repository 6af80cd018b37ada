#![no_main]
//! The manifest of a run directory.

use std::{cell::RefCell, fs};

use ilk_engine::rundir::Manifest;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static FOLDER: RefCell<tempfile::TempDir> =
        RefCell::new(tempfile::tempdir().expect("a temporary folder"));
}

fuzz_target!(|bytes: &[u8]| {
    FOLDER.with_borrow(|folder| {
        fs::write(folder.path().join("run.json"), bytes).expect("written");
        let _ = Manifest::load(folder.path());
    });
});
