//! Every format and codec gives the same rows.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, Date32Array, DictionaryArray, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray, TimestampMillisecondArray, types::Int8Type,
};
use arrow_ipc::CompressionType;
use ilk_core::{data::IdColumn, prepare::IdKind};
use ilk_formats::{
    ColumnKind, CsvOptions, Input, InputFormat, OutputFormat, ReadOptions, write_rows,
};
use parquet::basic::{Compression, GzipLevel, ZstdLevel};

use crate::tools::{
    all, arrow_file, arrow_stream, batch, gzip, only, pair, parquet_with, read, show, source,
};

fn shop() -> RecordBatch {
    let labels = DictionaryArray::<Int8Type>::from_iter([Some("Green tea"), None, Some("Mug")]);
    batch(&[
        ("other", Arc::new(Date32Array::from(vec![1, 2, 3]))),
        ("user", Arc::new(Int32Array::from(vec![Some(7), Some(8), None]))),
        ("item", Arc::new(StringArray::from(vec![Some("tea"), None, Some("mug")]))),
        ("weight", Arc::new(Float64Array::from(vec![Some(2.0), Some(-1.5), None]))),
        ("time", Arc::new(TimestampMillisecondArray::from(vec![Some(1), None, Some(-1)]))),
        ("label", Arc::new(labels)),
    ])
}

const SHOP: [&str; 3] = ["7 tea 2 @1000 Green tea", "8 - -1.5 @- -", "- mug NaN @-1000 Mug"];

#[test]
fn parquet_is_read_with_every_codec() {
    let written = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
    ];
    let written = written.map(|codec| (codec.to_string(), parquet_with(&shop(), codec, 2)));
    // Brotli is only read.
    let brotli = ("brotli".into(), include_bytes!("data/shop-brotli.parquet").to_vec());
    for (codec, bytes) in written.into_iter().chain([brotli]) {
        let chunks = read("shop.parquet", bytes, &all());
        assert_eq!(show(&chunks), SHOP, "{codec}");
        assert_eq!(chunks.iter().map(|rows| rows.first_row).collect::<Vec<_>>(), [1, 3]);
        assert!(chunks.iter().all(|rows| rows.file == 3));
    }
}

#[test]
fn arrow_files_and_streams_are_read_with_every_codec() {
    let batches = [shop().slice(0, 1), shop().slice(1, 2)];
    for codec in [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)] {
        let file = arrow_file(&batches, codec);
        assert_eq!(show(&read("shop.arrow", file, &all())), SHOP, "{codec:?}");
        let stream = arrow_stream(&batches, codec);
        let chunks = read("shop.arrows", stream.clone(), &all());
        assert_eq!(show(&chunks), SHOP, "{codec:?}");
        assert_eq!(chunks[1].first_row, 2);
        // A stream need not end with its mark.
        assert_eq!(show(&read("x", stream[..stream.len() - 8].to_vec(), &all())), SHOP);
    }
}

#[test]
fn csv_is_read_plain_and_packed() {
    let text = "user,item,weight,time,label\n7,tea,2,1970-01-01T00:00:00.001Z,Green tea\n\
                8,,-1.5,,\n,mug,,-0.001,Mug\n";
    for (name, bytes) in [
        ("shop.csv", text.into()),
        ("shop.csv.gz", gzip(text.as_bytes())),
        ("shop", [gzip(&text.as_bytes()[..40]), gzip(&text.as_bytes()[40..])].concat()),
        ("shop.csv.zst", zstd::encode_all(text.as_bytes(), 1).unwrap()),
        ("shop.tsv", text.replace(',', "\t").into_bytes()),
        ("shop.txt", text.replace(',', ";").into_bytes()),
        ("shop.psv", text.replace(',', "|").into_bytes()),
        ("shop.csv", text.replace('\n', "\r\n").into_bytes()),
        ("shop.csv", format!("\u{feff}{text}").into_bytes()),
    ] {
        let chunks = read(name, bytes, &all());
        assert_eq!(show(&chunks), SHOP, "{name}");
        let IdColumn::Text(user) = &chunks[0].user else { panic!("csv ids are text") };
        assert!(user.untyped);
    }
}

#[test]
fn the_schema_is_known_without_options() {
    let input = Input::open(
        source("shop", parquet_with(&shop(), Compression::SNAPPY, 2)),
        &CsvOptions::default(),
    );
    let input = input.unwrap();
    assert_eq!(
        (input.format(), input.parts().len(), input.row_count()),
        (InputFormat::Parquet, 2, Some(3))
    );
    let shown = input.schema().columns.iter().map(|c| format!("{}: {}", c.name, c.type_name));
    insta::assert_snapshot!(shown.collect::<Vec<_>>().join("\n"), @r"
    other: dates
    user: 32-bit integers
    item: text
    weight: 64-bit floats
    time: times in milliseconds
    label: text
    ");
    let csv = Input::open(source("shop.csv", "a;b\n1;2\n"), &CsvOptions::default()).unwrap();
    assert_eq!(csv.row_count(), None);
    assert!(csv.schema().columns.iter().all(|column| column.kind == ColumnKind::Untyped));
}

#[test]
fn conditions_mark_the_rows_kept() {
    let parquet = parquet_with(&shop(), Compression::SNAPPY, 2);
    let arrow = arrow_file(&[shop()], None);
    let csv = "user,item,weight,time,label,other\n7,tea,2,0.001,Green tea,1970-01-02\n\
               8,,-1.5,,,1970-01-03\n,mug,,-0.001,Mug,1970-01-04\n";
    for (condition, kept) in [
        ("user=7", [true, false, false]),
        ("user!=7", [false, true, false]),
        ("user<7.5", [true, false, false]),
        ("item>=tea", [true, false, false]),
        ("item!=tea", [false, false, true]),
        ("label=Mug", [false, false, true]),
        ("weight<2", [false, true, false]),
        ("weight<=2.0", [true, true, false]),
        ("other>1970-01-03", [false, false, true]),
        ("other=1970-01-03", [false, true, false]),
    ] {
        let options = only(condition);
        for (name, bytes) in
            [("a.parquet", parquet.clone()), ("a.arrow", arrow.clone()), ("a.csv", csv.into())]
        {
            let chunks = read(name, bytes, &options);
            let found: Vec<bool> =
                chunks.iter().flat_map(|rows| rows.kept.clone().unwrap()).collect();
            assert_eq!(found, kept, "{condition} in {name}");
        }
    }
    let chunks = read("a.parquet", parquet.clone(), &only("time<1970-01-01"));
    assert_eq!(show(&chunks), ["!7 tea", "!8 -", "- mug"]);
    let mut both = only("user>6");
    both.conditions.extend(only("weight>0").conditions);
    assert_eq!(show(&read("a.parquet", parquet, &both)), ["7 tea", "!8 -", "!- mug"]);
    assert_eq!(read("a.csv", csv, &pair())[0].kept, None);
}

#[test]
fn text_compares_as_numbers_in_every_format() {
    let prices = ["9", "10", "5.0", "x", "", "4"];
    let column = |cells: &[&str]| Arc::new(StringArray::from(cells.to_vec()));
    let users = ["1", "2", "3", "4", "5", "6"];
    let table =
        batch(&[("user", column(&users)), ("item", column(&["a"; 6])), ("price", column(&prices))]);
    let rows = || users.iter().zip(prices);
    let csv = rows().map(|(user, price)| format!("{user},a,{price}\n"));
    let csv = csv.collect::<Vec<_>>().concat();
    let json = rows()
        .map(|(user, price)| format!("{{\"user\":{user},\"item\":\"a\",\"price\":\"{price}\"}}\n"));
    let files: [(&str, Vec<u8>); 4] = [
        ("a.csv", format!("user,item,price\n{csv}").into()),
        ("a.jsonl", json.collect::<Vec<_>>().concat().into()),
        ("a.parquet", parquet_with(&table, Compression::SNAPPY, 9)),
        ("a.arrow", arrow_file(std::slice::from_ref(&table), None)),
    ];
    for (name, bytes) in files {
        let chunks = read(name, bytes.clone(), &only("price>=5"));
        assert_eq!(show(&chunks), ["1 a", "2 a", "3 a", "?- -", "!5 a", "!6 a"], "{name}");
        let bad = &chunks[0].unreadable;
        assert_eq!(bad.len(), 1, "{name}");
        assert_eq!(bad[0].text, "`x` in column `price` is not a number: price>=5", "{name}");
        assert_eq!(bad[0].cell.as_deref(), Some("x"), "{name}");
        // Equal and not are asked of text too, and another condition may leave the row out.
        let found = show(&read(name, bytes.clone(), &only("price=5")));
        assert_eq!(found, ["!1 a", "!2 a", "3 a", "!4 a", "!5 a", "!6 a"], "{name}");
        let mut both = only("price>=5");
        both.conditions.extend(only("user<3").conditions);
        let found = show(&read(name, bytes, &both));
        assert_eq!(found, ["1 a", "2 a", "!3 a", "!4 a", "!5 a", "!6 a"], "{name}");
    }
    for (price, marks) in [("10", ""), ("4", "!"), ("cheap", "?")] {
        let constants = vec![("price".to_owned(), price.to_owned())];
        let options = ReadOptions { constants, ..only("price>=5") };
        let expected = if marks == "?" { "?- -".into() } else { format!("{marks}1 a") };
        let bare = batch(&[("user", column(&["1"])), ("item", column(&["a"]))]);
        let parquet = parquet_with(&bare, Compression::SNAPPY, 9);
        for (name, bytes) in [
            ("a.csv", b"user,item\n1,a\n".to_vec()),
            ("a.jsonl", b"{\"user\":1,\"item\":\"a\"}\n".to_vec()),
            ("a.parquet", parquet),
        ] {
            let found = show(&read(name, bytes, &options));
            assert_eq!(found.join("\n"), expected, "{name} in price={price}");
        }
    }
}

#[test]
fn folders_give_constant_columns() {
    let options = ReadOptions {
        user: "member".into(),
        time: Some("day".into()),
        conditions: only("country=FR").conditions,
        constants: [("member", "12"), ("day", "1970-01-02"), ("country", "FR"), ("item", "x")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..pair()
    };
    // The file's own column `item` goes before the folder's.
    let rows = ["12 tea @86400000000", "12 - @86400000000", "12 mug @86400000000"];
    let csv = "item,n\ntea,1\n,2\nmug,3\n";
    assert_eq!(show(&read("a.csv", csv, &options)), rows);
    let parquet = parquet_with(&shop(), Compression::SNAPPY, 2);
    let chunks = read("a.parquet", parquet, &options);
    assert_eq!(show(&chunks), rows);
    let IdColumn::Text(user) = &chunks[0].user else { panic!("constants are text") };
    assert!(user.untyped);
}

#[test]
fn columns_may_serve_twice() {
    let options = ReadOptions {
        item: "user".into(),
        weight: Some("user".into()),
        item_label: Some("user".into()),
        conditions: only("user<8").conditions,
        ..pair()
    };
    let parquet = parquet_with(&shop(), Compression::SNAPPY, 9);
    assert_eq!(show(&read("a", parquet, &options)), ["7 7 7 7", "!8 8 8 8", "!- - NaN -"]);
}

#[test]
fn files_without_rows_give_none() {
    let none = shop().slice(0, 0);
    for (name, bytes) in [
        ("a.parquet", parquet_with(&none, Compression::SNAPPY, 9)),
        ("a.arrow", arrow_file(std::slice::from_ref(&none), None)),
        ("a.arrows", arrow_stream(std::slice::from_ref(&none), None)),
        ("a.csv", "user,item\n".into()),
        ("a.csv", "user,item".into()),
    ] {
        assert_eq!(read(name, bytes, &pair()), [], "{name}");
    }
}

#[test]
fn labels_are_the_text_of_any_type() {
    let label = |array: ArrayRef| {
        let table = batch(&[
            ("user", Arc::new(Int32Array::from(vec![1]))),
            ("item", Arc::new(Int32Array::from(vec![1]))),
            ("label", array),
        ]);
        let options = ReadOptions { item_label: Some("label".into()), ..pair() };
        let shown = show(&read("a.arrow", arrow_file(&[table], None), &options));
        shown[0].strip_prefix("1 1 ").unwrap().to_owned()
    };
    assert_eq!(label(Arc::new(Date32Array::from(vec![19_000]))), "2022-01-08");
    assert_eq!(label(Arc::new(Float64Array::from(vec![1.5]))), "1.5");
    assert_eq!(label(Arc::new(TimestampMillisecondArray::from(vec![0]))), "1970-01-01 00:00:00");
    assert_eq!(label(Arc::new(arrow_array::BooleanArray::from(vec![true]))), "true");
}

#[test]
fn rows_are_written_as_they_were_read() {
    let chunks = read("shop.parquet", parquet_with(&shop(), Compression::SNAPPY, 2), &all());
    let kinds = [IdKind::Integer, IdKind::Text];
    for format in [OutputFormat::Parquet, OutputFormat::Arrow, OutputFormat::Csv] {
        let mut bytes = Vec::new();
        write_rows(format, &mut bytes, &all(), kinds, &chunks).unwrap();
        assert_eq!(show(&read(&format!("again.{format}"), bytes, &all())), SHOP, "{format}");
    }
    let mut lines = Vec::new();
    write_rows(OutputFormat::JsonLines, &mut lines, &all(), kinds, &chunks).unwrap();
    insta::assert_snapshot!(String::from_utf8(lines).unwrap(), @r#"
    {"user":7,"item":"tea","weight":2,"time":"1970-01-01T00:00:00.001Z","label":"Green tea"}
    {"user":8,"item":null,"weight":-1.5,"time":null,"label":null}
    {"user":null,"item":"mug","weight":null,"time":"1969-12-31T23:59:59.999Z","label":"Mug"}
    "#);
}

#[test]
fn rows_keep_the_kind_that_their_ids_have_over_all_files() {
    let mixed = "user,item\n18446744073709551615,7\n3,x\n";
    let chunks = read("mixed.csv", mixed, &pair());
    let mut bytes = Vec::new();
    let kinds = [IdKind::Unsigned, IdKind::Text];
    write_rows(OutputFormat::Parquet, &mut bytes, &pair(), kinds, &chunks).unwrap();
    let again = read("again.parquet", bytes, &pair());
    assert!(matches!(&again[0].user, IdColumn::Unsigned(cells) if cells.values == [u64::MAX, 3]));
    assert!(matches!(&again[0].item, IdColumn::Text(column) if !column.untyped));
    // A column that serves twice is written once.
    let same = ReadOptions { item_label: Some("item".into()), ..pair() };
    let chunks = read("mixed.csv", mixed, &same);
    let mut bytes = Vec::new();
    write_rows(OutputFormat::Csv, &mut bytes, &same, kinds, &chunks).unwrap();
    assert_eq!(String::from_utf8(bytes).unwrap(), mixed);
}

#[test]
fn a_stream_without_batches_has_its_columns_and_no_rows() {
    let columns: [(&str, ArrayRef); 2] = [
        ("user", Arc::new(Int64Array::from(Vec::<i64>::new()))),
        ("item", Arc::new(StringArray::from(Vec::<&str>::new()))),
    ];
    let bytes = arrow_stream(&[batch(&columns).slice(0, 0)], None);
    let without = ilk_formats::Input::open(source("a.arrows", bytes), &CsvOptions::default());
    assert_eq!(without.unwrap().schema().columns.len(), 2);
    let schema = batch(&columns).schema();
    let writer = arrow_ipc::writer::StreamWriter::try_new(Vec::new(), &schema).unwrap();
    let bytes = writer.into_inner().unwrap();
    assert!(read("b.arrows", bytes, &pair()).is_empty());
}
