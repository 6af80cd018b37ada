//! What CSV does that the other formats do not.

use std::fmt::Write as _;

use ilk_formats::{CsvOptions, Input, ReadOptions};

use crate::tools::{all, error, gzip, pair, read, show, source};

#[test]
fn quoted_newlines_count_as_one_row() {
    let chunks = read("a.csv", "user,item\n\"a\nb\",\"x,\"\"y\"\"\"\nc,z\n", &pair());
    assert_eq!(show(&chunks), ["a\nb x,\"y\"", "c z"]);
}

#[test]
fn cells_are_not_trimmed_and_not_turned_into_numbers() {
    let chunks = read("a.csv", "user,item\n 7,007\n7 ,7.0\n", &pair());
    assert_eq!(show(&chunks), [" 7 007", "7  7.0"]);
}

#[test]
fn bad_cells_keep_their_text() {
    let text = "user,item,weight,time,label\n1,2,1e3,x,\n1,2,\"1,5\",2026-01-31,L\n";
    assert_eq!(
        show(&read("a.csv", text, &all())),
        ["1 2 1000 bad:x -", "1 2 bad:1,5 @1769817600000000 L"]
    );
}

#[test]
fn bad_utf8_in_a_needed_column_makes_the_row_unreadable() {
    let text = b"user,item,note\n1,a,\xff\n\xffx,b,c\n3,c,d\n";
    let chunks = read("a.csv", text.to_vec(), &pair());
    assert_eq!(show(&chunks), ["1 a", "?- -", "3 c"]);
    assert_eq!(chunks[0].unreadable[0].text, "not UTF-8: \u{fffd}x");
}

#[test]
fn the_delimiter_is_that_which_cuts_evenly() {
    for (text, columns) in [
        ("user;item;price\n1;2;1,5\n1;2;2,5\n", 3),
        ("user\titem\n1,2\t3\n", 2),
        ("user|item, with comma\n1|a, b\n", 2),
        ("user\n1\n2\n", 1),
        ("a,b;c\n1,2;3\n4,5\n", 2),
    ] {
        let input = Input::open(source("a.csv", text), &CsvOptions::default()).unwrap();
        assert_eq!(input.schema().columns.len(), columns, "{text}");
    }
    let options = ReadOptions {
        csv: CsvOptions { delimiter: Some(":".parse().unwrap()), ..CsvOptions::default() },
        ..pair()
    };
    assert_eq!(show(&read("a.csv", "user:item\n1:2\n", &options)), ["1 2"]);
}

#[test]
fn chunks_are_of_bounded_size_and_rows_are_counted_on() {
    let mut text = String::from("user,item\n");
    for row in 0..300_000 {
        let _ = writeln!(text, "{},{}", row % 1000, row % 77);
    }
    let chunks = read("a.csv.gz", gzip(text.as_bytes()), &pair());
    assert_eq!(
        chunks.iter().map(|rows| (rows.first_row, rows.len())).collect::<Vec<_>>(),
        [(1, 262_144), (262_145, 37_856)]
    );
}

#[test]
fn lines_with_other_numbers_of_fields_are_set_aside_with_their_line() {
    let text = "user,item\n1,2\n3,\"a\nb\"\n1,2,3\n4,x\n";
    let chunks = read("a.csv", text, &pair());
    assert_eq!(show(&chunks), ["1 2", "3 a\nb", "?- -", "4 x"]);
    assert_eq!(chunks[0].unreadable[0].text, "line 5: 3 fields, expected 2: 1,2,3");
    insta::assert_snapshot!(error("a.csv", "user,item\n1\n", &pair()), @"a.csv: header has 2 names, rows have 1 field; give --delimiter, or --skip-lines N where lines come before the header, or --no-header");
    insta::assert_snapshot!(error("a.csv", "user,item\n1,2\n3\n4,5,6\n7\n", &pair()), @r#"a.csv: 3 of the first 4 records cannot be read with delimiter "," (line 3: 1 field, expected 2); give --delimiter, or --skip-lines N where lines come before the header"#);
}

#[test]
fn what_is_no_csv_is_refused() {
    let utf16: Vec<u8> = "\u{feff}user,item\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(show(&read("a.csv", [utf16, b"7\0,\08\0".to_vec()].concat(), &pair())), ["7 8"]);
    insta::assert_snapshot!(error("a.csv", b"\xff\xfe\0\0u\0\0\0".to_vec(), &pair()), @"a.csv is UTF-32 text, which is not supported; save it as UTF-8");
    insta::assert_snapshot!(error("a.csv", b"PK\x03\x04rest".to_vec(), &pair()), @"a.csv is damaged or cut short (start: a ZIP archive with a fault: Missing end of central directory); copy or export it again");
    insta::assert_snapshot!(error("a.csv", b"user\0item".to_vec(), &pair()), @"a.csv is no text (it holds zero bytes), which is not supported; export it as CSV, Parquet or Arrow");
    insta::assert_snapshot!(error("a.csv", "", &pair()), @"a.csv is empty, without even a header line; check what writes it");
    insta::assert_snapshot!(error("a.parquet", "", &pair()), @"a.parquet is empty, without even a header line; check what writes it");
    insta::assert_snapshot!(error("a.csv.gz", gzip(b""), &pair()), @"a.csv.gz is empty, without even a header line; check what writes it");
}
