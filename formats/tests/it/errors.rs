//! Errors that people read.

use std::{io, sync::Arc};

use arrow_array::{BooleanArray, Int32Array, StringArray};
use bytes::Bytes;
use ilk_formats::{OutputFormat, OutputPacking, OutputStyle, ReadOptions, Source, Table};
use parquet::basic::Compression;

use crate::tools::{
    arrow_file, arrow_stream, batch, error, gzip, only, pair, parquet, parquet_with,
};

fn table() -> arrow_array::RecordBatch {
    batch(&[
        ("customer_id", Arc::new(Int32Array::from(vec![1; 1000]))),
        ("stock_code", Arc::new(StringArray::from(vec!["a"; 1000]))),
        ("gift", Arc::new(BooleanArray::from(vec![true; 1000]))),
    ])
}

fn options(user: &str, item: &str) -> ReadOptions {
    ReadOptions { user: user.into(), item: item.into(), ..ReadOptions::default() }
}

#[test]
fn missing_columns_name_those_there_are_and_the_nearest() {
    let bytes = parquet(&table());
    insta::assert_snapshot!(error("orders.parquet", bytes.clone(), &options("CustomerID", "stock_code")), @"orders.parquet has no column `CustomerID` (did you mean `customer_id`?); its columns: customer_id, stock_code, gift");
    insta::assert_snapshot!(error("orders.parquet", bytes.clone(), &options("customer_id", "zzz")), @"orders.parquet has no column `zzz`; its columns: customer_id, stock_code, gift");
    let with_folder = ReadOptions {
        constants: vec![("country".into(), "FR".into())],
        ..options("customer_id", "countri")
    };
    insta::assert_snapshot!(error("country=FR/a.parquet", bytes, &with_folder), @"country=FR/a.parquet has no column `countri` (did you mean `country`?); its columns: customer_id, stock_code, gift, country");
    insta::assert_snapshot!(error("a.csv", "user,item,user\n1,2,3\n", &pair()), @"a.csv has 2 columns named `user`; rename all but one");
}

#[test]
fn types_that_do_not_serve_are_named() {
    let bytes = parquet(&table());
    insta::assert_snapshot!(error("a.parquet", bytes.clone(), &options("gift", "stock_code")), @"column `gift` of a.parquet is booleans, expected integers, text or UUIDs; choose another column");
    let time = ReadOptions { time: Some("gift".into()), ..options("customer_id", "stock_code") };
    insta::assert_snapshot!(error("a.parquet", bytes, &time), @"column `gift` of a.parquet is booleans, expected dates, times or numbers; choose another column");
}

#[test]
fn conditions_that_cannot_be_compared_are_named() {
    let bytes = parquet(&table());
    let check = |condition: &str| {
        let options = ReadOptions {
            conditions: only(condition).conditions,
            ..options("customer_id", "stock_code")
        };
        error("a.parquet", bytes.clone(), &options)
    };
    insta::assert_snapshot!(check("customer_id=x"), @"`customer_id=x` compares 32-bit integers with `x`; write a number");
    insta::assert_snapshot!(check("gift=yes"), @"`gift=yes` compares booleans with `yes`; write true or false");
    let error = "a==b".parse::<ilk_formats::Condition>().unwrap_err();
    insta::assert_snapshot!(error, @"`a==b` is not a condition; write COL=VALUE with one of = != < <= > >=, as in country=FR");
}

#[test]
fn damage_is_named_with_its_place() {
    let numbers = Int32Array::from_iter_values((0..1000).map(|n| n * 7919 % 1009));
    let table = batch(&[("user", Arc::new(numbers.clone())), ("item", Arc::new(numbers))]);
    let bytes = parquet_with(&table, Compression::SNAPPY, 500);
    insta::assert_snapshot!(error("a.parquet", &bytes[..bytes.len() / 2], &pair()), @"a.parquet is damaged or cut short (footer: Invalid Parquet file. Corrupt footer); copy or export it again");
    let mut flipped = bytes.clone();
    flipped[4..24].fill(0xff);
    let text = error("a.parquet", flipped, &pair());
    assert!(text.starts_with("a.parquet is damaged or cut short (row group 1 of 2: "), "{text}");
    let ipc = arrow_file(std::slice::from_ref(&table), None);
    insta::assert_snapshot!(error("a.arrow", &ipc[..ipc.len() / 2], &pair()), @"a.arrow is damaged or cut short (footer: Parser error: Arrow file does not contain correct footer); copy or export it again");
    let stream = arrow_stream(&[table], None);
    insta::assert_snapshot!(error("a.arrows", &stream[..stream.len() / 2], &pair()), @"a.arrows is damaged or cut short (batch 1: 8256 bytes from byte 192 reach past the end at 4228); copy or export it again");
    let csv = gzip("user,item\n1,2\n3,4\n".as_bytes());
    insta::assert_snapshot!(error("a.csv.gz", &csv[..csv.len() - 9], &pair()), @"a.csv.gz is damaged or cut short (header: incomplete deflate stream); copy or export it again");
}

#[test]
fn characters_that_show_nothing_are_spelled() {
    assert_eq!(ilk_formats::printable("user\u{200b}"), "user\\u{200b}");
    assert_eq!(ilk_formats::printable("\u{feff}user"), "\\u{feff}user");
    // Joiners belong to words and pictures.
    assert_eq!(ilk_formats::printable("a\u{200d}b\u{a0}c"), "a\u{200d}b\u{a0}c");
}

#[test]
fn names_that_promise_another_format_are_named() {
    insta::assert_snapshot!(error("a.parquet", "user,item\n", &pair()), @"a.parquet has a Parquet name but is not Parquet; rename it to match its format, or export it again");
    insta::assert_snapshot!(error("a.feather", "FEA1....", &pair()), @"a.feather is Feather version 1, which is not supported; write it as version 2 or Parquet");
    insta::assert_snapshot!(error("a.jsonl", "{}", &pair()), @"a.jsonl is JSON whose first lines hold no whole object with a value, which is not supported; write one object per line, as `jq -c .` does");
    insta::assert_snapshot!(OutputStyle::of_name("out.xlsx").unwrap_err(), @"`out.xlsx` has no known output format; end it in .parquet, .csv, .jsonl or .arrow (.csv and .jsonl also with .gz or .zst)");
    for name in ["out.parquet.gz", "out.arrow.zst", "out.gz", "out", "out.csv.bz2", "csv"] {
        assert!(OutputStyle::of_name(name).is_err(), "{name}");
    }
    let style = |name| OutputStyle::of_name(name).unwrap();
    assert_eq!(style("a.b/OUT.CSV"), OutputFormat::Csv.into());
    assert_eq!(style("out.arrows"), OutputFormat::ArrowStream.into());
    let packed = |format, packing| OutputStyle { format, packing };
    assert_eq!(style("A.CSV.GZ"), packed(OutputFormat::Csv, OutputPacking::Gzip));
    assert_eq!(style("a.jsonl.zst"), packed(OutputFormat::JsonLines, OutputPacking::Zstd));
    assert_eq!(style("a.jsonl.zst").to_string(), "jsonl.zst");
}

struct Broken;

impl Source for Broken {
    fn name(&self) -> &'static str {
        "orders.parquet"
    }

    fn len(&self) -> u64 {
        100
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        if offset == 0 && length <= 8 {
            return Ok(Bytes::from_static(b"PAR1....").slice(..length));
        }
        Err(io::Error::other("the disk is gone"))
    }
}

#[test]
fn failures_of_the_source_are_no_damage() {
    let Err(error) = Table::open(Arc::new(Broken), 0, &pair()) else { panic!("it reads") };
    insta::assert_snapshot!(error, @"cannot read orders.parquet: the disk is gone; check that it still exists and is readable");
}
