//! Damaged bytes give rows or an error, never a panic, and never ask for absurd memory.

use std::{fmt::Write as _, sync::Arc};

use arrow_array::{Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_ipc::CompressionType;
use ilk_formats::{Error, read_id_list, read_items, read_neighbours};
use parquet::basic::{Compression, ZstdLevel};

use crate::tools::{
    all, arrow_file, arrow_stream, batch, chunks, gzip, only, parquet_with, source,
};

fn small() -> RecordBatch {
    let text = |n: i64| (n % 3 != 0).then(|| format!("item {}", n % 5));
    batch(&[
        ("user", Arc::new((0..40).map(|n| (n % 7 != 0).then_some(n * 31)).collect::<Int64Array>())),
        ("item", Arc::new((0..40).map(text).collect::<StringArray>())),
        ("weight", Arc::new((0..40).map(|n| Some(n % 4)).collect::<Int64Array>())),
        ("time", Arc::new(TimestampMicrosecondArray::from_iter_values(0..40))),
        ("label", Arc::new((0..40).map(text).collect::<StringArray>())),
    ])
}

/// Reads in every way there is, for the sake of not panicking.
fn try_reading(name: &str, bytes: &[u8]) {
    let source = source(name, bytes);
    let mut options = all();
    options.conditions = only("item>a").conditions;
    let _ = chunks_without_count(&source, &options);
    let _ = read_id_list(Arc::clone(&source), "item");
    let _ = read_items(Arc::clone(&source), &mut |_, _| Ok::<_, Error>(()));
    let _ = read_neighbours(source, Some("item 1"), &mut |_| Ok::<_, Error>(()));
}

fn chunks_without_count(
    source: &Arc<dyn ilk_formats::Source>,
    options: &ilk_formats::ReadOptions,
) -> Result<usize, Error> {
    Ok(chunks(source, options)?.len())
}

/// A fixed sequence of numbers that look random.
fn random(state: &mut u64) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize
}

fn check(name: &str, bytes: &[u8]) {
    assert!(chunks(&source(name, bytes), &all()).is_ok(), "{name} is readable as it is");
    for end in (0..bytes.len()).step_by(bytes.len() / 150 + 1) {
        try_reading(name, &bytes[..end]);
    }
    let mut state = bytes.len() as u64;
    for round in 0..600 {
        let mut damaged = bytes.to_vec();
        for _ in 0..=round % 4 {
            let place = random(&mut state) % bytes.len();
            damaged[place] = match round % 3 {
                0 => random(&mut state) as u8,
                1 => damaged[place] ^ (1 << (random(&mut state) % 8)),
                _ => [0, 0x7f, 0x80, 0xff][random(&mut state) % 4],
            };
        }
        try_reading(name, &damaged);
    }
}

#[test]
fn damaged_parquet_never_panics() {
    check("a.parquet", &parquet_with(&small(), Compression::UNCOMPRESSED, 25));
    check("a.parquet", &parquet_with(&small(), Compression::SNAPPY, 100));
    check("a.parquet", &parquet_with(&small(), Compression::ZSTD(ZstdLevel::default()), 100));
}

#[test]
fn damaged_arrow_never_panics() {
    let batches = [small().slice(0, 20), small().slice(20, 20)];
    for codec in [None, Some(CompressionType::ZSTD), Some(CompressionType::LZ4_FRAME)] {
        check("a.arrow", &arrow_file(&batches, codec));
        check("a.arrows", &arrow_stream(&batches, codec));
    }
}

#[test]
fn damaged_csv_never_panics() {
    let mut text = String::from("user,item,weight,time,label\n");
    for row in 0..40 {
        let _ = writeln!(
            text,
            "{row},\"item {}\",{},2026-01-{:02},\"a \"\"b\"\"\"",
            row % 5,
            row % 4,
            row % 28 + 1
        );
    }
    check("a.csv", text.as_bytes());
    check("a.csv.gz", &gzip(text.as_bytes()));
    check("a.csv.zst", &zstd::encode_all(text.as_bytes(), 1).unwrap());
}
