//! Damaged bytes give rows or an error, never a panic, and never ask for absurd memory.

use std::{fmt::Write as _, sync::Arc};

use arrow_array::{Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_ipc::CompressionType;
use ilk_core::{
    data::{Ids, TextColumn},
    result::{Catalogue, Neighbour, Neighbours},
};
use ilk_formats::{
    Error, NeighbourRow, OutputFormat, Soundness, check_result, read_id_list, read_items,
    read_neighbours, write_neighbours,
};
use parquet::{
    arrow::arrow_reader::ParquetRecordBatchReaderBuilder,
    basic::{Compression, ZstdLevel},
    file::metadata::ParquetMetaDataReader,
};

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

/// The rows of a result, unless reading says that it is damaged.
fn rows(bytes: &[u8], item: Option<&str>) -> Result<Vec<NeighbourRow>, Error> {
    let mut rows = Vec::new();
    read_neighbours(source("out.parquet", bytes), item, &mut |row| {
        rows.push(row);
        Ok::<_, Error>(())
    })?;
    Ok(rows)
}

/// A result of items and neighbours named by text, with labels of which some are missing.
fn result() -> Vec<u8> {
    let labels = TextColumn {
        codes: (0..12).map(|n| if n % 5 == 0 { TextColumn::NULL } else { n % 4 }).collect(),
        dictionary: ["Mug", "Tea", "Milk", "Saw"].into_iter().collect(),
        untyped: false,
    };
    let names = (0..12).map(|n| format!("item {n:02}")).collect::<Vec<_>>();
    let catalogue = Catalogue {
        ids: Ids::Text(names.iter().map(String::as_str).collect()),
        labels: Some(labels),
        supports: vec![4; 12],
        target: None,
    };
    let mut neighbours = Neighbours::new();
    for item in 0..12_u32 {
        let of = |rank: u32| Neighbour {
            code: (item + rank) % 12,
            score: 1.0 / (item + rank) as f32,
            overlap: 9 - rank,
        };
        neighbours.push((1..4).map(of));
    }
    let mut bytes = Vec::new();
    write_neighbours(OutputFormat::Parquet, &mut bytes, &catalogue, &neighbours).expect("written");
    bytes
}

#[test]
fn no_flipped_bit_of_a_result_gives_wrong_rows() {
    let bytes = result();
    let right = rows(&bytes, None).unwrap();
    let of_item = rows(&bytes, Some("item 03")).unwrap();
    assert_eq!((right.len(), of_item.len()), (36, 3));
    assert_eq!(check_result(source("out.parquet", &bytes[..])).unwrap(), Soundness::Checksums);
    let (mut noticed, mut unnoticed) = (0, 0);
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        for (item, right) in [(None, &right), (Some("item 03"), &of_item)] {
            if let Ok(rows) = rows(&damaged, item) {
                assert!(rows == *right, "bit {bit} of {}", bytes.len() * 8);
            }
        }
        match check_result(source("out.parquet", &damaged[..])) {
            // The mark of the checksums itself is gone, and nothing else.
            Ok(Soundness::Readable) => unnoticed += 1,
            Ok(Soundness::Checksums) => panic!("bit {bit} goes unnoticed"),
            Err(_) => noticed += 1,
        }
    }
    assert!(unnoticed < 200 && noticed > 20 * unnoticed, "{noticed} and {unnoticed}");
}

#[test]
fn other_readers_check_the_pages_too() {
    let bytes = result();
    let of_library = |bytes: Vec<u8>| {
        let reader =
            ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes))?.build()?;
        reader.collect::<Result<Vec<_>, _>>().map_err(parquet::errors::ParquetError::from)
    };
    assert_eq!(of_library(bytes.clone()).unwrap()[0].num_rows(), 36);
    let metadata =
        ParquetMetaDataReader::new().parse_and_finish(&bytes::Bytes::from(bytes.clone())).unwrap();
    for column in metadata.row_group(0).columns() {
        let (start, length) = column.byte_range();
        let mut damaged = bytes.clone();
        damaged[(start + length - 1) as usize] ^= 1;
        let error = of_library(damaged).unwrap_err().to_string();
        assert!(error.contains("CRC"), "{error}");
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
