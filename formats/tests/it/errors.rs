//! Errors that people read.

use std::{io, sync::Arc};

use arrow_array::{BooleanArray, Int32Array, StringArray};
use bytes::Bytes;
use ilk_formats::{OutputFormat, ReadOptions, Source, Table};
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
    insta::assert_snapshot!(error("orders.parquet", bytes.clone(), &options("CustomerID", "stock_code")), @"");
    insta::assert_snapshot!(error("orders.parquet", bytes.clone(), &options("customer_id", "zzz")), @"");
    let with_folder = ReadOptions {
        constants: vec![("country".into(), "FR".into())],
        ..options("customer_id", "countri")
    };
    insta::assert_snapshot!(error("country=FR/a.parquet", bytes, &with_folder), @"");
    insta::assert_snapshot!(error("a.csv", "user,item,user\n1,2,3\n", &pair()), @"");
}

#[test]
fn types_that_do_not_serve_are_named() {
    let bytes = parquet(&table());
    insta::assert_snapshot!(error("a.parquet", bytes.clone(), &options("gift", "stock_code")), @"");
    let time = ReadOptions { time: Some("gift".into()), ..options("customer_id", "stock_code") };
    insta::assert_snapshot!(error("a.parquet", bytes, &time), @"");
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
    insta::assert_snapshot!(check("customer_id=x"), @"");
    insta::assert_snapshot!(check("gift=yes"), @"");
    let error = "a==b".parse::<ilk_formats::Condition>().unwrap_err();
    insta::assert_snapshot!(error, @"");
}

#[test]
fn damage_is_named_with_its_place() {
    let numbers = Int32Array::from_iter_values((0..1000).map(|n| n * 7919 % 1009));
    let table = batch(&[("user", Arc::new(numbers.clone())), ("item", Arc::new(numbers))]);
    let bytes = parquet_with(&table, Compression::SNAPPY, 500);
    insta::assert_snapshot!(error("a.parquet", &bytes[..bytes.len() / 2], &pair()), @"");
    let mut flipped = bytes.clone();
    flipped[60..100].fill(0xa5);
    let text = error("a.parquet", flipped, &pair());
    assert!(text.starts_with("a.parquet is damaged or cut short (row group 1 of 2: "), "{text}");
    let ipc = arrow_file(std::slice::from_ref(&table), None);
    insta::assert_snapshot!(error("a.arrow", &ipc[..ipc.len() / 2], &pair()), @"");
    let stream = arrow_stream(&[table], None);
    insta::assert_snapshot!(error("a.arrows", &stream[..stream.len() / 2], &pair()), @"");
    let csv = gzip("user,item\n1,2\n3,4\n".as_bytes());
    insta::assert_snapshot!(error("a.csv.gz", &csv[..csv.len() - 9], &pair()), @"");
}

#[test]
fn names_that_promise_another_format_are_named() {
    insta::assert_snapshot!(error("a.parquet", "user,item\n", &pair()), @"");
    insta::assert_snapshot!(error("a.feather", "FEA1....", &pair()), @"");
    insta::assert_snapshot!(error("a.jsonl", "{}", &pair()), @"");
    insta::assert_snapshot!(OutputFormat::of_name("out.xlsx").unwrap_err(), @"");
    assert_eq!(OutputFormat::of_name("a.b/OUT.CSV").unwrap(), OutputFormat::Csv);
}

struct Broken;

impl Source for Broken {
    fn name(&self) -> &str {
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
    insta::assert_snapshot!(error, @"");
}
