//! Reading rows of integers and of text, from Parquet and from CSV.

use std::{fmt::Write, sync::Arc, time::Duration};

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ilk_bench::{Shape, factor};
use ilk_formats::{Error, Memory, ReadOptions, Table};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};

/// A file in memory.
struct File {
    label: &'static str,
    name: &'static str,
    bytes: Vec<u8>,
}

fn reading(criterion: &mut Criterion) {
    let shape = Shape::find("orders").expect("a known shape").times(factor());
    let pairs = shape.crowd.pairs(0);
    let files = [
        File { label: "parquet/integers", name: "rows.parquet", bytes: parquet(integers(&pairs)) },
        File { label: "parquet/text", name: "rows.parquet", bytes: parquet(text(&pairs)) },
        File { label: "csv/integers", name: "rows.csv", bytes: csv(&pairs, "") },
        File { label: "csv/text", name: "rows.csv", bytes: csv(&pairs, "sku-") },
    ];
    let mut group = criterion.benchmark_group("reading");
    group.sample_size(20).measurement_time(Duration::from_secs(3));
    group.throughput(Throughput::Elements(pairs.len() as u64));
    for File { label, name, bytes } in files {
        group.bench_function(BenchmarkId::from_parameter(label), |bencher| {
            bencher.iter(|| assert_eq!(read(name, &bytes), pairs.len()));
        });
    }
}

/// Reads all rows and counts them.
fn read(name: &str, bytes: &[u8]) -> usize {
    let options =
        ReadOptions { user: "user".into(), item: "item".into(), ..ReadOptions::default() };
    let source = Arc::new(Memory::new(name, bytes.to_vec()));
    let table = Table::open(source, 0, &options).expect("a readable file");
    let mut count = 0;
    for part in 0..table.parts().len() {
        let mut add = |rows: ilk_core::data::Rows| {
            count += rows.len();
            Ok::<_, Error>(())
        };
        table.read(part, &mut add).expect("readable rows");
    }
    count
}

fn integers(pairs: &[(u32, u32)]) -> [ArrayRef; 2] {
    let column = |side: fn(&(u32, u32)) -> u32| -> ArrayRef {
        Arc::new(pairs.iter().map(|pair| i64::from(side(pair))).collect::<Int64Array>())
    };
    [column(|pair| pair.0), column(|pair| pair.1)]
}

fn text(pairs: &[(u32, u32)]) -> [ArrayRef; 2] {
    let column = |side: fn(&(u32, u32)) -> u32| -> ArrayRef {
        let texts = pairs.iter().map(|pair| Some(format!("sku-{}", side(pair))));
        Arc::new(texts.collect::<StringArray>())
    };
    [column(|pair| pair.0), column(|pair| pair.1)]
}

fn parquet([user, item]: [ArrayRef; 2]) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter([("user", user), ("item", item)]).expect("two columns");
    let properties =
        WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default()));
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties.build()))
        .expect("a writable schema");
    writer.write(&batch).expect("memory takes all");
    writer.close().expect("memory takes all");
    bytes
}

fn csv(pairs: &[(u32, u32)], prefix: &str) -> Vec<u8> {
    let mut text = String::from("user,item\n");
    for (user, item) in pairs {
        writeln!(text, "{prefix}{user},{prefix}{item}").expect("memory takes all");
    }
    text.into_bytes()
}

criterion_group!(benches, reading);
criterion_main!(benches);
