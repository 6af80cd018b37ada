//! Files of typed formats as other programs write them: the right rows, or the right refusal. The
//! files are made by `tests/files/typed.py`.

use std::{fs, path::Path, sync::Arc, time::Instant};

use arrow_array::{Int32Array, ListArray, types::Int32Type};
use ilk_core::{
    data::{Rows, TimeRule, TimeUnit},
    job::{Given, SimilarityJob},
    prepare::{Needs, Refusal, Tally, clean},
};
use ilk_formats::{CsvOptions, Error, Feed, FileFormat, Input, MOST_READ, ReadOptions, Table};

use crate::tools::{arrow_stream, batch, chunks, error, pair, read, show, source};

fn bytes(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/files/typed");
    fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Reads a file of the folder.
fn rows(name: &str, options: &ReadOptions) -> Vec<String> {
    show(&read(name, bytes(name), options))
}

fn columns(user: &str, item: &str) -> ReadOptions {
    ReadOptions { user: user.into(), item: item.into(), ..ReadOptions::default() }
}

fn tally(chunks: Vec<Rows>) -> Tally {
    let job = SimilarityJob::default().resolve(Given { weight: false, time: true }).unwrap();
    let mut tally = Tally::default();
    for chunk in chunks {
        tally.merge(clean(chunk, &job, Needs { weight: false, time: false }).1);
    }
    tally
}

#[test]
fn readers_of_small_files_take_little() {
    let taken = |name: &str, bytes: Vec<u8>| {
        Table::open(source(name, bytes), 0, &pair()).unwrap().bytes_of_reading()
    };
    let csv = |rows: usize| format!("user,item\n{}", "ann,tea\n".repeat(rows)).into_bytes();
    assert!(taken("a.csv", csv(1)) < 1 << 20);
    assert!(taken("a.csv", csv(100_000)) > 3 * 800_000);
    // However long a file is, its pieces are not.
    assert!(taken("a.csv", csv(1 << 20)) == MOST_READ);
    for name in ["empty-text.parquet", "empty-text.arrow", "empty-text.jsonl"] {
        assert!(taken(name, bytes(name)) < 1 << 20, "{name}");
    }
    // Nobody knows what is in a packed one.
    let packed = zstd::encode_all(&csv(1)[..], 0).unwrap();
    assert_eq!(taken("a.csv.zst", packed), MOST_READ);
}

#[test]
fn empty_text_is_no_id_in_any_format() {
    for name in ["empty-text.parquet", "empty-text.arrow", "empty-text.jsonl"] {
        let expected = ["ann tea", "- jam", "bob -", "- tea", "ann jam"];
        assert_eq!(rows(name, &pair()), expected, "{name}");
    }
    let constants = vec![("user".into(), String::new())];
    let options = ReadOptions { constants, ..columns("user", "item") };
    assert_eq!(show(&read("user=/a.csv", "item\ntea\n", &options)), ["- tea"]);
}

#[test]
fn int96_reaches_past_the_range_of_nanoseconds() {
    let options = ReadOptions { time: Some("t".into()), ..pair() };
    let expected = ["1 a @253402214400000000", "2 b @-4852224000000000", "3 c @1769860800000000"];
    assert_eq!(rows("int96.parquet", &options), expected);
    let after = ReadOptions { conditions: vec!["t>=2026-01-01".parse().unwrap()], ..options };
    let expected = ["1 a @253402214400000000", "!2 b @-4852224000000000", "3 c @1769860800000000"];
    assert_eq!(rows("int96.parquet", &after), expected);
}

const BASKETS: [&str; 5] =
    ["baskets.parquet", "baskets-v2.parquet", "baskets.arrow", "baskets.arrows", "baskets.jsonl"];

#[test]
fn lists_are_baskets() {
    for name in BASKETS {
        // An empty list holds no interaction; a list that is null holds one of nothing.
        let expected = ["1 tea", "1 jam", "3 -", "- tea", "- -", "- -"];
        assert_eq!(rows(name, &columns("user.id", "items")), expected, "{name}");
        let expected = ["1 1", "1 2", "3 -", "- 3", "- -", "- 4"];
        assert_eq!(rows(name, &columns("user.id", "codes")), expected, "{name}");
        let weighted =
            ReadOptions { weight: Some("lines.n".into()), ..columns("user.id", "lines.sku") };
        let expected = ["1 tea 2", "1 jam 1", "3 - NaN", "- tea 1", "- - NaN", "- - 3"];
        assert_eq!(rows(name, &weighted), expected, "{name}");
    }
    for name in &BASKETS[..4] {
        let expected = ["1 a", "1 b", "2 a", "2 b", "3 a", "3 b", "- a", "- b"];
        assert_eq!(rows(name, &columns("user.id", "pair")), expected, "{name}");
    }
}

#[test]
fn rows_of_lists_keep_their_numbers() {
    for name in BASKETS {
        let options = ReadOptions { chunk_rows: Some(2), ..columns("user.id", "items") };
        let chunks = read(name, bytes(name), &options);
        let numbers = chunks.iter().flat_map(|rows| (0..rows.len()).map(|row| rows.number(row)));
        assert_eq!(numbers.collect::<Vec<_>>(), [1, 1, 3, 4, 4, 4], "{name}");
    }
}

#[test]
fn rows_of_lists_are_counted_over_batches() {
    let lists = |lists: &[&[i32]]| {
        let cells = lists.iter().map(|list| Some(list.iter().copied().map(Some)));
        let items = ListArray::from_iter_primitive::<Int32Type, _, _>(cells);
        let users = Int32Array::from_iter_values((0..).take(lists.len()));
        batch(&[("user", Arc::new(users)), ("item", Arc::new(items))])
    };
    let batches = [lists(&[&[1, 2], &[]]), lists(&[&[], &[]]), lists(&[&[3], &[4, 5]])];
    let stream = arrow_stream(&batches, None);
    let number = |chunks: &[Rows]| {
        let of_rows = |rows: &Rows| (0..rows.len()).map(|row| rows.number(row)).collect::<Vec<_>>();
        chunks.iter().flat_map(of_rows).collect::<Vec<_>>()
    };
    assert_eq!(number(&read("a.arrows", stream.clone(), &pair())), [1, 1, 5, 6, 6]);
    let (mut feed, mut fed) = (Feed::new("a", pair()), Vec::new());
    let taken = feed.push(stream, &mut |rows| {
        fed.push(rows);
        Ok::<_, Error>(())
    });
    taken.and_then(|()| feed.finish()).unwrap();
    assert_eq!(number(&fed), [1, 1, 5, 6, 6]);
}

#[test]
fn booleans_are_weights_of_one_and_zero() {
    for name in BASKETS {
        let options = ReadOptions { weight: Some("gift".into()), ..columns("user.id", "gift") };
        let error_text = error(name, bytes(name), &options);
        assert!(error_text.contains("expected integers, text or UUIDs"), "{error_text}");
        let options = ReadOptions { weight: Some("gift".into()), ..columns("user.id", "items") };
        let expected = ["1 tea 1", "1 jam 1", "3 - NaN", "- tea 1", "- - 1", "- - 1"];
        assert_eq!(rows(name, &options), expected, "{name}");
    }
}

#[test]
fn lists_that_do_not_go_together_are_named() {
    let options = columns("short", "items");
    for name in &BASKETS[..4] {
        let error = error(name, bytes(name), &options);
        assert!(error.contains("row 1: the lists in `items` and `short`"), "{name}: {error}");
    }
    // A line is set aside by itself.
    assert_eq!(rows("baskets.jsonl", &options), ["?- -", "1 -", "?- -"]);
}

#[test]
fn lists_of_lists_are_refused() {
    for name in &BASKETS[..4] {
        let error = error(name, bytes(name), &columns("user.id", "deep"));
        assert!(error.contains("expected integers, text or UUIDs"), "{name}: {error}");
    }
}

#[test]
fn columns_of_nulls_are_read() {
    for label in ["label", "nothing"] {
        let options = ReadOptions { item_label: Some(label.into()), ..pair() };
        let expected = ["1 a -", "2 - -", "3 b -", "4 a -"];
        assert_eq!(rows("all-null.parquet", &options), expected, "{label}");
    }
}

#[test]
fn footers_that_are_wrong_about_nulls_are_not_believed() {
    assert_eq!(rows("null-count.parquet", &pair()), ["1 a", "2 -", "3 b", "4 a"]);
    let one_by_one = ReadOptions { chunk_rows: Some(1), ..pair() };
    assert_eq!(rows("null-count.parquet", &one_by_one), ["1 a", "2 -", "3 b", "4 a"]);
}

#[test]
fn footers_longer_than_their_bytes_are_refused_at_once() {
    let started = Instant::now();
    let error = error("bomb.parquet", bytes("bomb.parquet"), &pair());
    assert!(
        error.contains("damaged") && error.contains("footer: a list longer than its bytes"),
        "{error}"
    );
    // Walking the list would take minutes.
    assert!(started.elapsed().as_secs() < 20);
}

#[test]
fn columns_before_the_file_are_damage() {
    let error = error("negative.parquet", bytes("negative.parquet"), &pair());
    assert!(error.contains("column `user` begins before the file"), "{error}");
}

#[test]
fn encrypted_columns_are_named_and_others_read() {
    let name = "encrypted-column.parquet";
    assert_eq!(rows(name, &pair()), ["1 a", "2 b"]);
    let labelled = ReadOptions { item_label: Some("name".into()), ..pair() };
    let error_text = error(name, bytes(name), &labelled);
    assert!(error_text.contains("column `name` is encrypted"), "{error_text}");
    let error_text = error("encrypted.parquet", bytes("encrypted.parquet"), &pair());
    assert!(error_text.contains("encrypted Parquet"), "{error_text}");
}

#[test]
fn text_is_read_however_it_is_packed() {
    let names = [
        "orders.csv.bz2",
        "orders.csv.xz",
        "orders.jsonl.gz",
        "skippable.csv.zst",
        "window.csv.zst",
        "one.zip",
        "lines.zip",
        "part-00001",
        "part-00002",
        "orders.txt",
    ];
    for name in names {
        assert_eq!(rows(name, &pair()), ["1 tea", "1 jam", "2 tea"], "{name}");
    }
}

#[test]
fn archives_that_are_no_one_text_are_named() {
    let error_of = |name: &str| error(name, bytes(name), &pair());
    insta::assert_snapshot!(error_of("two.zip"), @"two.zip is a ZIP archive of 2 files (a.csv and b.csv), which is not supported; unpack it into a folder and name that");
    insta::assert_snapshot!(error_of("sheet.xlsx.zip"), @"sheet.xlsx.zip is a spreadsheet or document, which is not supported; export it as CSV");
    insta::assert_snapshot!(error_of("array.json"), @"array.json is a JSON array, which is not supported; write one object per line, as `jq -c '.[]'` does");
    insta::assert_snapshot!(error_of("pretty.json"), @"pretty.json is JSON whose first lines hold no whole object with a value, which is not supported; write one object per line, as `jq -c .` does");
}

#[test]
fn packed_text_that_is_cut_short_is_an_error() {
    for name in ["orders.csv.bz2", "orders.csv.xz", "orders.jsonl.gz", "one.zip", "lines.zip"] {
        let bytes = bytes(name);
        for length in (1..bytes.len()).filter(|length| length % 3 == 0 || length + 4 > bytes.len())
        {
            let cut = chunks(&source(name, &bytes[..length]), &pair());
            assert!(cut.is_err(), "{name} cut at {length}");
        }
    }
}

#[test]
fn a_format_that_is_given_counts_before_names() {
    let open = |name: &str, bytes: &[u8], format| {
        Input::open_as(source(name, bytes), Some(format), &CsvOptions::default())
            .map(|input| input.format().name())
    };
    let lines = b"{\"user\":1}\n";
    assert_eq!(open("a.csv", lines, FileFormat::JsonLines).unwrap(), "JSON Lines");
    assert_eq!(open("a.jsonl", b"user,item\n", FileFormat::Csv).unwrap(), "CSV");
    assert_eq!(open("a", &bytes("plain.parquet"), FileFormat::Parquet).unwrap(), "Parquet");
    let error = open("a.csv", b"user,item\n", FileFormat::Parquet).unwrap_err().to_string();
    assert!(error.contains("has a Parquet name but is not Parquet"), "{error}");
}

#[test]
fn lines_that_are_no_objects_are_set_aside() {
    let text = "{\"user\":1,\"item\":\"tea\",\"n\":2}\n\n{\"user\":1,\"item\":\n[1,2]\n\
                {\"user\":\"x\",\"item\":\"tea\"}\r\n{\"item\":\"jam\",\"user\":2.0,\"n\":1.5}\n\
                {\"user\":18446744073709551615,\"item\":\"a\\u0062\",\"n\":null}\n{\"user\":{\"a\":1},\"item\":\"b\"}";
    let options = ReadOptions { weight: Some("n".into()), ..pair() };
    let chunks = read("a.jsonl", text, &options);
    let expected = [
        "1 tea 2",
        "?- - NaN",
        "?- - NaN",
        "?- - NaN",
        "2 jam 1.5",
        "18446744073709551615 ab NaN",
        "?- - NaN",
    ];
    assert_eq!(show(&chunks), expected);
    let reasons: Vec<_> = chunks[0].unreadable.iter().map(|bad| bad.text.as_str()).collect();
    assert!(reasons[0].ends_with(": {\"user\":1,\"item\":"), "{reasons:?}");
    assert!(reasons[1].starts_with("no object: [1,2]"), "{reasons:?}");
    assert!(reasons[2].starts_with("text in a column that holds a number"), "{reasons:?}");
    assert!(reasons[3].starts_with("an object or a list of lists"), "{reasons:?}");
}

#[test]
fn columns_whose_first_values_are_null_are_found_out() {
    let mut text = "{\"user\":1,\"item\":\"a\",\"n\":null}\n".repeat(20_000);
    text.push_str("{\"user\":1,\"item\":\"a\",\"n\":7}\n");
    let options = ReadOptions { weight: Some("n".into()), ..pair() };
    let shown = show(&read("a.jsonl", text, &options));
    assert_eq!((shown.len(), shown[20_000].as_str()), (20_001, "1 a 7"));
}

#[test]
fn cells_of_several_items_are_split() {
    let text = "user,item,weight\n1,tea jam  tea,2\n2,,1\n3, ,x\n4,jam bun,y\n";
    let weight = Some("weight".into());
    let options =
        ReadOptions { weight, item_separator: Some(" ".into()), ..columns("user", "item") };
    let chunks = read("a.csv", text, &options);
    let expected =
        ["1 tea 2", "1 jam 2", "1 tea 2", "2 - 1", "3 - bad:x", "4 jam bad:y", "4 bun bad:y"];
    assert_eq!(show(&chunks), expected);
    let numbers = (0..chunks[0].len()).map(|row| chunks[0].number(row));
    assert_eq!(numbers.collect::<Vec<_>>(), [1, 1, 1, 2, 3, 4, 4]);
    let options = ReadOptions { item_separator: Some("|".into()), ..columns("user", "item") };
    assert_eq!(show(&read("a.csv", "user,item\n1,7|8\n", &options)), ["1 7", "1 8"]);
}

#[test]
fn numbers_of_times_tell_their_unit_or_are_refused() {
    let read_with = |cells: &[&str], times: TimeRule| {
        let rows = cells.iter().flat_map(|cell| ["1,a,", *cell, "\n"]).collect::<String>();
        let options = ReadOptions { time: Some("t".into()), times, ..pair() };
        read("a.csv", format!("user,item,t\n{rows}"), &options)
    };
    let now = Some(1_769_860_800_000_000);
    let auto = || TimeRule { now, ..TimeRule::default() };
    for cells in [
        ["20111201", "20111209"],
        ["1322697600", "1323388800.0"],
        ["1322697600000", "1323388800000"],
        ["15309", "15317"],
        ["2011-12-01", "2011/12/09"],
        ["2011-12-01 00:00:00 UTC", "2011-12-09 00:00 +0000"],
    ] {
        let chunks = read_with(&cells, auto());
        assert_eq!(show(&chunks), ["1 a @1322697600000000", "1 a @1323388800000000"], "{cells:?}");
        let tally = tally(chunks);
        assert_eq!(tally.check_times(), Ok(()));
        assert_eq!(tally.times.earliest.unwrap().row, 1);
        assert_eq!(tally.times.latest.unwrap().row, 2);
    }
    for cells in
        [["20111201", "1322697600"], ["1", "2"], ["1322697600", "0"], ["1000", "3000-01-01"]]
    {
        let refusal = tally(read_with(&cells, auto())).check_times().unwrap_err();
        let Refusal::TimeUnit { readings } = &refusal else { panic!("{refusal}") };
        assert!(readings.contains(" as ") && readings.contains("(row 1)"), "{readings}");
    }
    let unit = |unit| TimeRule { unit, ..TimeRule::default() };
    let chunks = read_with(&["1", "2"], unit(TimeUnit::Days));
    assert_eq!(show(&chunks), ["1 a @86400000000", "1 a @172800000000"]);
    assert_eq!(tally(chunks).check_times(), Ok(()));
    let chunks = read_with(&["20111301", "x"], unit(TimeUnit::Yyyymmdd));
    assert_eq!(show(&chunks), ["1 a bad:20111301", "1 a bad:x"]);
    let pattern = TimeRule { pattern: Some("%d/%m/%Y %H:%M".into()), ..TimeRule::default() };
    let chunks = read_with(&["01/12/2011 08:26", "2011-12-01"], pattern);
    assert_eq!(show(&chunks), ["1 a @1322727960000000", "1 a bad:2011-12-01"]);
}
