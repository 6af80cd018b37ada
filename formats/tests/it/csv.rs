//! What CSV does that the other formats do not.

use std::fmt::Write as _;

use ilk_formats::{CsvOptions, Header, Input, ReadOptions, Table, notes_of_files, notes_of_rows};

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

fn with(csv: CsvOptions) -> ReadOptions {
    ReadOptions { csv, ..pair() }
}

#[test]
fn settings_that_hide_the_header_are_named() {
    let text = "user,item\nu 1,i 1\nu 2,i 2\nu 3,i 3\n";
    let delimiter =
        |text: &str| CsvOptions { delimiter: text.parse().ok(), ..CsvOptions::default() };
    for delimited in [";", "space"] {
        let told = error("a.csv", text, &with(delimiter(delimited)));
        assert_eq!(
            told,
            "a.csv: no line names `user` and `item` with --delimiter, but line 1 does without: \
             `user,item`; its delimiter seems to be `,`; give --delimiter ,, or leave it out",
            "{delimited}"
        );
    }
    let names = ReadOptions { user: "who".into(), ..with(delimiter(";")) };
    assert_eq!(
        error("a.csv", text, &names),
        "a.csv: with delimiter `;` it has 1 column, none of them `who` and `item`; with `,` it has \
         2, and line 1 is `user,item`; give --delimiter ,, or leave it out"
    );
    let absent = CsvOptions { header: Header::Absent, ..delimiter(";") };
    let numbers = ReadOptions { user: "1".into(), item: "2".into(), ..with(absent) };
    let told = error("a.csv", text, &numbers);
    assert!(
        told.starts_with("a.csv: with delimiter `;` it has 1 column; with `,` it has 2"),
        "{told}"
    );
    let skip = with(CsvOptions { skip_lines: 2, ..CsvOptions::default() });
    assert_eq!(
        error("a.csv", text, &skip),
        "a.csv: no line names `user` and `item` with --skip-lines, but line 1 does without: \
         `user,item`; leave --skip-lines out"
    );
    let all = with(CsvOptions { skip_lines: 9, ..CsvOptions::default() });
    assert!(error("a.csv", text, &all).contains("leave --skip-lines out"));
    let header = with(CsvOptions { header: Header::Absent, ..CsvOptions::default() });
    assert!(error("a.csv", text, &header).contains("leave --no-header out"));
    let quote = CsvOptions { quote: "none".parse().ok(), ..CsvOptions::default() };
    assert!(error("a.csv", "\"user\",\"item\"\n\"1\",\"2\"\n", &with(quote)).contains("--quote"));
    let two = with(CsvOptions { skip_lines: 1, ..delimiter(";") });
    let told = error("a.csv", text, &two);
    assert!(told.ends_with("leave --delimiter and --skip-lines out"), "{told}");
    // Nothing is asked for: what is seen is told.
    let input = Input::open(source("a.csv", text), &delimiter(";")).unwrap();
    assert_eq!(
        input.notes(),
        ["with delimiter `;` it has 1 column; with `,` it has 2, and line 1 is `user,item`; give \
          --delimiter ,, or leave it out"]
    );
}

#[test]
fn text_of_another_encoding_is_told() {
    let encoded = |encoding: &str| {
        with(CsvOptions { encoding: encoding.parse().ok(), ..CsvOptions::default() })
    };
    let notes = |bytes: &[u8], options: &ReadOptions| {
        let table = Table::open(source("a.csv", bytes), 0, options).unwrap();
        table.notes().join("\n")
    };
    let text = "user,item\nJos\u{e9},M\u{fc}ller\n1,2\n";
    let western = b"user,item\nJos\xe9,M\xfcller\n1,\x802\n";
    for encoding in ["latin-1", "windows-1252"] {
        assert_eq!(
            notes(text.as_bytes(), &encoded(encoding)),
            "2 cells at the start of the file are UTF-8, such as `Jos\u{c3}\u{a9}`; leave \
             --encoding out"
        );
    }
    assert_eq!(notes(western, &encoded("windows-1252")), "");
    assert_eq!(
        notes(western, &encoded("latin-1")),
        "1 cell at the start of the file contains control characters; give --encoding windows-1252"
    );
    assert_eq!(
        notes(western, &pair()),
        "3 cells at the start of the file are not UTF-8; if they are Western, give --encoding windows-1252"
    );
    assert_eq!(notes(text.as_bytes(), &pair()), "");
    let twice = "user,item\nJos\u{c3}\u{a9},1\n";
    assert_eq!(
        notes(twice.as_bytes(), &pair()),
        "1 cell at the start of the file is garbled, such as `Jos\u{c3}\u{a9}`; export it again"
    );
    let mixed = b"user,item\nJos\xc3\xa9,M\xfcller\n";
    assert!(notes(mixed, &encoded("windows-1252")).ends_with("1 are not; export it again"));
    // Behind the bytes that are looked at first.
    let plain = "1,2\n".repeat(100_000);
    let table = Table::open(
        source("a.csv", format!("user,item\n{plain}Jos\u{e9},1\n")),
        0,
        &encoded("latin-1"),
    );
    let tables = [table.unwrap()];
    assert_eq!((notes_of_files(&tables).len(), notes_of_rows(&tables).len()), (0, 0));
    tables[0].read(0, &mut |_| Ok::<_, ilk_formats::Error>(())).unwrap();
    assert_eq!(
        notes_of_rows(&tables),
        ["a.csv: 1 text is UTF-8, read as latin-1; leave --encoding out"]
    );
    // Points between thousands, read as decimal ones.
    let weighed = ReadOptions { weight: Some("n".into()), ..pair() };
    for (weights, count) in [(["7", "1.234", "12.000"], 1), (["7", "1.234", "0.500"], 0)] {
        let rows = weights.map(|weight| format!("a,b,{weight}\n")).concat();
        let tables =
            [Table::open(source("a.csv", format!("user,item,n\n{rows}")), 0, &weighed).unwrap()];
        tables[0].read(0, &mut |_| Ok::<_, ilk_formats::Error>(())).unwrap();
        assert_eq!(notes_of_rows(&tables).len(), count, "{weights:?}");
    }
    // Names of columns.
    let named = ReadOptions { user: "K\u{e4}ufer".into(), item: "Ware".into(), ..pair() };
    let told = error("a.csv", b"K\xe4ufer,Ware\n1,2\n".to_vec(), &named);
    assert!(told.ends_with("give --encoding windows-1252"), "{told}");
    let options = ReadOptions { csv: encoded("latin-1").csv, ..named };
    let told = error("a.csv", "K\u{e4}ufer,Ware\n1,2\n", &options);
    assert!(told.ends_with("leave --encoding out"), "{told}");
    // A byte order mark is believed.
    let marked = "\u{feff}user,item\n1,2\n";
    assert_eq!(
        error("a.csv", marked, &encoded("windows-1252")),
        "a.csv: begins with the byte order mark of utf-8, so it is not windows-1252; leave --encoding \
         out"
    );
    assert_eq!(
        error("a.csv", text, &encoded("utf-16")),
        "a.csv: is not UTF-16 text: it holds no zero byte; leave --encoding out, or give another one"
    );
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
