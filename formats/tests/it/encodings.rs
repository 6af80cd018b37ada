//! Every way in which writers pack columns gives the same rows, wherever chunks are cut; and what is
//! beside the columns read is passed over.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, StringArray,
    StringViewArray, StructArray, TimestampMicrosecondArray, types::Int32Type,
};
use arrow_ipc::CompressionType;
use ilk_formats::ReadOptions;
use parquet::{
    arrow::ArrowWriter,
    basic::{Encoding, Repetition},
    file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion},
};

use crate::tools::{all, arrow_file, arrow_stream, batch, read, show};

const COUNT: i64 = 5_000;
const ROWS: usize = COUNT as usize;

/// Rows with and without nulls, text that repeats and text that does not.
fn rows() -> RecordBatch {
    let is_null = |row: usize, every: usize| row % every == every - 1;
    let user = (0..COUNT).map(|row| (row * 7919) % 613);
    let item = (0..ROWS).map(|row| format!("item {}", (row * row) % 997));
    let weight = (0..ROWS).map(|row| (!is_null(row, 11)).then_some(row as f64 / 4.0));
    let time = (0..COUNT).map(|row| (!is_null(row as usize, 5)).then_some(row * 1_000_003));
    let label = (0..ROWS)
        .map(|row| (!is_null(row, 3)).then(|| format!("läbel {row} {}", "x".repeat(row % 40))));
    batch(&[
        ("user", Arc::new(user.collect::<Int64Array>())),
        ("item", Arc::new(StringArray::from_iter_values(item))),
        ("weight", Arc::new(weight.collect::<Float64Array>())),
        ("time", Arc::new(time.collect::<TimestampMicrosecondArray>())),
        ("label", Arc::new(label.collect::<StringArray>())),
    ])
}

/// The rows as they should be shown, made without reading anything.
fn expected() -> Vec<String> {
    let rows = rows();
    let user = rows.column(0).as_any().downcast_ref::<Int64Array>().unwrap();
    let item = rows.column(1).as_any().downcast_ref::<StringArray>().unwrap();
    let weight = rows.column(2).as_any().downcast_ref::<Float64Array>().unwrap();
    let time = rows.column(3).as_any().downcast_ref::<TimestampMicrosecondArray>().unwrap();
    let label = rows.column(4).as_any().downcast_ref::<StringArray>().unwrap();
    let row = |row: usize| {
        let weight = if weight.is_null(row) { f64::NAN } else { weight.value(row) };
        let time = if time.is_null(row) { "-".into() } else { time.value(row).to_string() };
        let label = if label.is_null(row) { "-" } else { label.value(row) };
        format!("{} {} {weight} @{time} {label}", user.value(row), item.value(row))
    };
    (0..ROWS).map(row).collect()
}

fn parquet(properties: WriterPropertiesBuilder) -> Vec<u8> {
    let rows = rows();
    let mut bytes = Vec::new();
    let properties = properties.set_data_page_row_count_limit(700).set_write_batch_size(64).build();
    let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), Some(properties)).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
    bytes
}

fn check(name: &str, bytes: &[u8]) {
    let expected = expected();
    for chunk_rows in [None, Some(1), Some(333), Some(700), Some(4096)] {
        let options = ReadOptions { chunk_rows, ..all() };
        let found = show(&read("rows", bytes.to_vec(), &options));
        let differing = found.iter().zip(&expected).position(|(one, other)| one != other);
        assert_eq!(differing, None, "{name}, chunks of {chunk_rows:?}");
        assert_eq!(found.len(), expected.len(), "{name}, chunks of {chunk_rows:?}");
    }
}

#[test]
fn parquet_is_read_with_every_encoding() {
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        let of = || WriterProperties::builder().set_writer_version(version);
        let plain = |encoding: Encoding, column: &str| {
            of().set_dictionary_enabled(false).set_column_encoding(column.into(), encoding)
        };
        let ways = [
            ("dictionaries", of()),
            // Past so many bytes the writer goes on without one.
            ("dictionaries that end", of().set_dictionary_page_size_limit(2_000)),
            ("plain", of().set_dictionary_enabled(false)),
            ("lengths apart", plain(Encoding::DELTA_LENGTH_BYTE_ARRAY, "label")),
            ("common beginnings", plain(Encoding::DELTA_BYTE_ARRAY, "item")),
            ("differences", plain(Encoding::DELTA_BINARY_PACKED, "user")),
            ("bytes apart", plain(Encoding::BYTE_STREAM_SPLIT, "weight")),
        ];
        for (name, properties) in ways {
            check(&format!("{name}, {version:?}"), &parquet(properties));
        }
    }
}

#[test]
fn arrow_is_read_with_every_layout() {
    for codec in [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)] {
        let rows = rows();
        let halves = [rows.slice(0, 1234), rows.slice(1234, ROWS - 1234)];
        check("a file", &arrow_file(&halves, codec));
        check("a stream", &arrow_stream(&halves, codec));
        let views = |name: &str| {
            let text = rows.column_by_name(name).unwrap();
            let text = text.as_any().downcast_ref::<StringArray>().unwrap();
            Arc::new(text.iter().collect::<StringViewArray>()) as ArrayRef
        };
        let columns = [
            ("user", Arc::clone(rows.column(0))),
            ("item", views("item")),
            ("weight", Arc::clone(rows.column(2))),
            ("time", Arc::clone(rows.column(3))),
            ("label", views("label")),
        ];
        check("views", &arrow_file(&[batch(&columns)], codec));
    }
}

/// The rows with columns between them that nothing here reads.
fn between() -> RecordBatch {
    let rows = rows();
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>((0..ROWS).map(|row| {
        (row % 4 != 0).then(|| (0..5).map(Some).take(row % 5).collect::<Vec<Option<i32>>>())
    }));
    let inner = rows.columns()[..2].to_vec();
    let fields = rows.schema().fields()[..2].to_vec();
    let structure = StructArray::new(fields.into(), inner, None);
    let views =
        (0..ROWS).map(|row| Some("a long one ".repeat(row % 3))).collect::<StringViewArray>();
    let mut columns: Vec<(&str, ArrayRef)> =
        vec![("list", Arc::new(list)), ("structure", Arc::new(structure))];
    let schema = rows.schema();
    for (place, (field, column)) in schema.fields().iter().zip(rows.columns()).enumerate() {
        columns.push((field.name(), Arc::clone(column)));
        if place == 1 {
            columns.push(("views", Arc::new(views.clone())));
        }
    }
    batch(&columns)
}

#[test]
fn columns_that_are_not_read_are_passed_over() {
    let between = between();
    check("a file", &arrow_file(std::slice::from_ref(&between), Some(CompressionType::ZSTD)));
    check("a stream", &arrow_stream(std::slice::from_ref(&between), None));
    check("Parquet", &crate::tools::parquet(&between));
    let nested = ReadOptions { item: "list".into(), ..crate::tools::pair() };
    for (name, bytes) in [
        ("x.arrow", arrow_file(std::slice::from_ref(&between), None)),
        ("x.parquet", crate::tools::parquet(&between)),
    ] {
        let chunks = crate::tools::read(name, bytes, &nested);
        let elements = (0..ROWS).map(|row| if row.is_multiple_of(4) { 1 } else { row % 5 });
        let found = chunks.iter().map(ilk_core::data::Rows::len).sum::<usize>();
        assert_eq!(found, elements.sum::<usize>(), "{name}");
        let last = chunks.last().map(|rows| rows.number(rows.len() - 1));
        let holds = |row: &usize| row.is_multiple_of(4) || !row.is_multiple_of(5);
        assert_eq!(last, (0..ROWS).rfind(holds).map(|row| row as u64 + 1), "{name}");
    }
}

#[test]
fn columns_without_nulls_are_required_ones_too() {
    let rows = rows();
    let schema = parquet::schema::parser::parse_message_type(
        "message rows { required int64 user; required binary item (STRING); }",
    );
    let schema = Arc::new(schema.unwrap());
    let leaf = &schema.get_fields()[0];
    assert_eq!(leaf.get_basic_info().repetition(), Repetition::REQUIRED);
    let properties =
        Arc::new(WriterProperties::builder().set_dictionary_page_size_limit(900).build());
    let mut writer =
        parquet::file::writer::SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let users = rows.column(0).as_any().downcast_ref::<Int64Array>().unwrap();
    let items = rows.column(1).as_any().downcast_ref::<StringArray>().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column
        .typed::<parquet::data_type::Int64Type>()
        .write_batch(users.values(), None, None)
        .unwrap();
    column.close().unwrap();
    let items_bytes = items
        .iter()
        .map(|item| item.unwrap().into())
        .collect::<Vec<parquet::data_type::ByteArray>>();
    let mut column = group.next_column().unwrap().unwrap();
    column
        .typed::<parquet::data_type::ByteArrayType>()
        .write_batch(&items_bytes, None, None)
        .unwrap();
    column.close().unwrap();
    group.close().unwrap();
    let bytes = writer.into_inner().unwrap();
    let found = show(&read("rows.parquet", bytes, &crate::tools::pair()));
    let pairs = (0..ROWS).map(|row| format!("{} {}", users.value(row), items.value(row)));
    assert!(found.into_iter().eq(pairs));
}
