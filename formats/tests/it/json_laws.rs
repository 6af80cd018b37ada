//! JSON Lines, cut anywhere.

use ilk_core::data::Rows;
use ilk_formats::{CsvOptions, ReadOptions};
use proptest::prelude::*;

use crate::tools::{gzip, read_parts};

/// A row by its number: the cells as people read them, or why it was set aside.
type Row = (u64, Result<(String, String), String>);

fn options(piece: u64, rows: usize) -> ReadOptions {
    let csv = CsvOptions { piece_size: Some(piece), ..CsvOptions::default() };
    ReadOptions {
        user: "u".into(),
        item: "i".into(),
        chunk_rows: Some(rows),
        csv,
        ..ReadOptions::default()
    }
}

fn read(name: &str, bytes: &[u8], options: &ReadOptions, backward: bool) -> Vec<Row> {
    let chunks = read_parts(name, bytes, options, backward);
    let rows = chunks.iter().flat_map(|rows| (0..rows.len()).map(move |row| row_of(rows, row)));
    rows.collect()
}

fn row_of(rows: &Rows, row: usize) -> Row {
    let cell = |ids: &ilk_core::data::IdColumn| ids.display(row).unwrap_or_default().into_owned();
    let bad = rows.unreadable.iter().find(|bad| bad.row as usize == row);
    let found = match bad {
        Some(bad) => Err(bad.text.clone()),
        None => Ok((cell(&rows.user), cell(&rows.item))),
    };
    (rows.number(row), found)
}

/// Whole objects, blank lines, lines that are none, lists, and ends of lines of all kinds.
fn lines() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        6 => (0..30_u32, 0..9_u32).prop_map(|(u, i)| format!("{{\"u\":\"u{u}\",\"i\":\"i{i}\"}}\n")),
        2 => (0..30_u32).prop_map(|u| format!("{{\"u\":\"u{u}\",\"i\":[\"a\",\"b\",null]}}\r\n")),
        1 => Just("\n".to_owned()),
        1 => Just("  \t \r\n".to_owned()),
        1 => Just("{\"u\":\"cut\n".to_owned()),
        1 => Just("[1,2]\n".to_owned()),
        1 => Just("{\"u\":7,\"i\":\"a\"}\n".to_owned()),
        1 => Just("{\"i\":\"\\n\u{e9}\"}\n".to_owned()),
        1 => (0..200_usize).prop_map(|length| format!("{{\"u\":\"{}\"}}\n", "x".repeat(length))),
    ];
    let rest = prop_oneof![Just(""), Just("{\"u\":\"z\",\"i\":\"z\"}"), Just("   "), Just("{")];
    (prop::collection::vec(line, 0..40), rest).prop_map(|(lines, rest)| lines.concat() + rest)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cutting_gives_what_a_stream_gives(
        text in lines(),
        is_marked in any::<bool>(),
        piece in prop_oneof![1..20_u64, 20..400_u64],
        rows in prop_oneof![Just(1_usize), Just(3), Just(usize::MAX)],
    ) {
        let mark = if is_marked { "\u{feff}" } else { "" };
        let text = format!("{mark}{{\"u\":\"first\",\"i\":\"i0\"}}\n{text}");
        let (whole, cut) = (options(u64::MAX, usize::MAX), options(piece, rows));
        let expected = read("a.jsonl.gz", &gzip(text.as_bytes()), &whole, false);
        prop_assert_eq!(&read("a.jsonl", text.as_bytes(), &whole, false), &expected);
        prop_assert_eq!(&read("a.jsonl", text.as_bytes(), &cut, false), &expected);
        prop_assert_eq!(&read("a.jsonl", text.as_bytes(), &cut, true), &expected);
    }
}

#[test]
fn a_line_over_many_pieces_is_one_row() {
    let long = format!("{{\"u\":\"b\",\"i\":\"{}\"}}", "x".repeat(40 << 10));
    let text = format!("{{\"u\":\"a\",\"i\":\"1\"}}\n{long}\n{{\"u\":\"c\",\"i\":\"3\"}}\n");
    let found = read("a.jsonl", text.as_bytes(), &options(1 << 10, usize::MAX), true);
    let users = found.iter().map(|(number, row)| (*number, row.clone().unwrap().0));
    let expected = [(1, "a"), (2, "b"), (3, "c")].map(|(number, user)| (number, user.to_owned()));
    assert_eq!(users.collect::<Vec<_>>(), expected);
}

#[test]
fn a_line_that_is_too_long_is_set_aside_wherever_it_is_cut() {
    for filler in ["x", " "] {
        let long = filler.repeat(17 << 20);
        let text = format!("{{\"u\":\"a\",\"i\":\"1\"}}\n{long}\n{{\"u\":\"c\",\"i\":\"3\"}}\n");
        let whole =
            read("a.jsonl.gz", &gzip(text.as_bytes()), &options(u64::MAX, usize::MAX), false);
        assert_eq!(whole.len(), 3, "{filler:?}");
        let cut = read("a.jsonl", text.as_bytes(), &options(1 << 20, usize::MAX), true);
        assert_eq!(cut, whole);
    }
}
