//! Real data with known counts; passed over where it is not at hand.

use std::{fs, path::Path};

use ilk_core::data::Rows;
use ilk_formats::{CsvOptions, Input, ReadOptions, guess_columns};

use crate::tools::{chunks, source};

/// Reads a file of the shared data, or says why not.
fn shared(name: &str) -> Option<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(name);
    fs::read(&path).map_err(|error| skip(name, &error)).ok()
}

#[expect(clippy::print_stderr, reason = "a skipped test says why")]
fn skip(name: &str, error: &std::io::Error) {
    eprintln!("skipped: ../shared/data/{name}: {error}");
}

fn count(chunks: &[Rows], holds: impl Fn(&Rows, usize) -> bool) -> usize {
    chunks.iter().map(|rows| (0..rows.len()).filter(|row| holds(rows, *row)).count()).sum()
}

#[test]
fn online_retail_has_its_known_counts() {
    let Some(bytes) = shared("online_retail.parquet") else { return };
    let source = source("online_retail.parquet", bytes);
    let input = Input::open(std::sync::Arc::clone(&source), &CsvOptions::default()).unwrap();
    let guess = guess_columns(input.schema());
    assert_eq!(input.row_count(), Some(541_909));
    let options = ReadOptions {
        user: guess.user.unwrap(),
        item: guess.item.unwrap(),
        weight: guess.weight,
        time: guess.time,
        item_label: guess.item_label,
        ..ReadOptions::default()
    };
    assert_eq!(options.user, "customer_id");
    let chunks = chunks(&source, &options).unwrap();
    assert_eq!(count(&chunks, |_, _| true), 541_909);
    assert_eq!(count(&chunks, |rows, row| rows.user.is_null(row)), 135_080);
    let negative = |rows: &Rows, row: usize| rows.weight.as_ref().unwrap().values[row] < 0.0;
    assert_eq!(count(&chunks, negative), 10_624);
    assert_eq!(count(&chunks, |rows, row| rows.item.is_null(row)), 0);
    assert!(chunks.iter().all(|rows| rows.time.as_ref().unwrap().bad.is_empty()));
}

#[test]
fn completejourney_has_its_known_counts() {
    let Some(bytes) = shared("completejourney_transactions.parquet") else { return };
    let source = source("completejourney_transactions.parquet", bytes);
    let input = Input::open(std::sync::Arc::clone(&source), &CsvOptions::default()).unwrap();
    let guess = guess_columns(input.schema());
    let options = ReadOptions {
        user: guess.user.unwrap(),
        item: guess.item.unwrap(),
        ..ReadOptions::default()
    };
    assert_eq!((&*options.user, &*options.item), ("household_id", "product_id"));
    assert_eq!(count(&chunks(&source, &options).unwrap(), |_, _| true), 1_469_307);
}

#[test]
fn msweb_has_its_known_counts() {
    let Some(bytes) = shared("msweb_views.parquet") else { return };
    let input = Input::open(source("msweb_views.parquet", bytes), &CsvOptions::default()).unwrap();
    assert_eq!(input.row_count(), Some(113_845));
}
