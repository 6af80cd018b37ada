//! What holds of every CSV file, however it is cut into pieces: held against a reader that goes
//! byte by byte and knows nothing of pieces, buffers and masks.

use std::fmt::Write as _;

use ilk_core::data::Rows;
use ilk_formats::{CsvOptions, Escape, Quote, ReadOptions};
use proptest::prelude::*;

use crate::tools::{gzip, read_parts};

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Became {
    Row(Vec<String>),
    /// Set aside: its line and its raw text.
    Aside(u64, String),
}

/// A record as it is written, and where its parts are.
struct Written {
    cells: Vec<String>,
    /// By column where its quotes stand, if it has some.
    quotes: Vec<Option<(usize, usize)>>,
    next: usize,
    end: usize,
}

/// The reader to compare with: two columns of text, LF or CRLF, `,` and doubled `"`.
struct Plain<'a> {
    text: &'a [u8],
    most: usize,
    trusted: [bool; 2],
}

impl<'a> Plain<'a> {
    fn new(text: &'a [u8], start: usize, most: usize) -> Self {
        let mut plain = Self { text, most, trusted: [false; 2] };
        let mut meant = [0; 2];
        let mut place = start;
        while place < text.len() {
            let (end, next) = plain.line(place);
            place = match plain.record(place) {
                Some(record) if end > place => {
                    let broken = Self::broken(&record);
                    if record.cells.len() == 2 && !broken.is_empty() {
                        let found = plain.lookalikes(place, &record);
                        if found.iter().all(|is_record| !is_record) {
                            for column in &broken {
                                meant[*column] += 1;
                            }
                        }
                    }
                    record.next
                }
                _ => next,
            };
        }
        plain.trusted = meant.map(|count| count >= 3);
        plain
    }

    /// Where the physical line ends, and where the next one begins.
    fn line(&self, start: usize) -> (usize, usize) {
        let rest = &self.text[start..];
        let Some(at) = rest.iter().position(|byte| *byte == b'\n') else {
            return (self.text.len(), self.text.len());
        };
        let is_crlf = at > 0 && rest[at - 1] == b'\r';
        (start + at - usize::from(is_crlf), start + at + 1)
    }

    /// Reads what is written strictly at `start`.
    fn record(&self, start: usize) -> Option<Written> {
        let byte = |place: usize| self.text.get(place).copied();
        let mut record = Written { cells: Vec::new(), quotes: Vec::new(), next: 0, end: 0 };
        let mut place = start;
        loop {
            let mut cell = Vec::new();
            let mut quotes = None;
            if byte(place) == Some(b'"') {
                let open = place;
                place += 1;
                loop {
                    match (byte(place), byte(place + 1)) {
                        (None, _) => return None,
                        (Some(b'"'), Some(b'"')) => {
                            cell.push(b'"');
                            place += 2;
                        }
                        (Some(b'"'), _) => break,
                        (Some(other), _) => {
                            cell.push(other);
                            place += 1;
                        }
                    }
                }
                quotes = Some((open, place));
                place += 1;
            } else {
                while let Some(other) = byte(place) {
                    let is_crlf = other == b'\r' && byte(place + 1) == Some(b'\n');
                    if matches!(other, b',' | b'\n') || is_crlf {
                        break;
                    }
                    if matches!(other, b'"' | b'\r') {
                        return None;
                    }
                    cell.push(other);
                    place += 1;
                }
            }
            record.cells.push(String::from_utf8(cell).unwrap());
            record.quotes.push(quotes);
            record.end = place;
            match (byte(place), byte(place + 1)) {
                (Some(b','), _) => place += 1,
                (Some(b'\n'), _) => record.next = place + 1,
                (Some(b'\r'), Some(b'\n')) => record.next = place + 2,
                (None, _) => record.next = place,
                _ => return None,
            }
            if record.next > 0 {
                return (record.end - start <= self.most).then_some(record);
            }
        }
    }

    fn broken(record: &Written) -> Vec<usize> {
        (0..record.cells.len()).filter(|column| record.cells[*column].contains('\n')).collect()
    }

    /// Whether a line without one of its bytes is a record by itself.
    fn is_record(&self, start: usize, end: usize, without: Option<usize>) -> bool {
        let kept = (start..end).filter(|place| Some(*place) != without);
        let line: Vec<u8> = kept.map(|place| self.text[place]).collect();
        if line.is_empty() {
            return false;
        }
        let alone = Plain { text: &line, most: self.most, trusted: [false; 2] };
        let record = alone.record(0);
        record.is_some_and(|record| {
            record.cells.len() == 2 && record.next == line.len() && Self::broken(&record).is_empty()
        })
    }

    /// Which lines after the first are records.
    fn lookalikes(&self, start: usize, record: &Written) -> Vec<bool> {
        let closing = Self::broken(record).last().and_then(|column| record.quotes[*column]);
        let closing = closing.map(|(_, closing)| closing);
        let mut found = Vec::new();
        let (_, mut place) = self.line(start);
        while place < record.next {
            let (end, next) = self.line(place);
            found.push(self.is_record(place, end, closing.filter(|at| (place..end).contains(at))));
            place = next;
        }
        found
    }

    fn is_meant(&self, start: usize, record: &Written) -> bool {
        let broken = Self::broken(record);
        if broken.iter().all(|column| self.trusted[*column]) {
            return true;
        }
        if self.lookalikes(start, record).iter().all(|is_record| !is_record) {
            return true;
        }
        let (end, _) = self.line(start);
        let opening = record.quotes[broken[0]].map(|(opening, _)| opening);
        !self.is_record(start, end, opening)
    }

    fn read(&self, start: usize, line: u64) -> Vec<Became> {
        let (mut became, mut place, mut line) = (Vec::new(), start, line);
        let raw =
            |from: usize, to: usize| String::from_utf8_lossy(&self.text[from..to]).into_owned();
        let lines = |from: usize, to: usize| {
            let whole = self.text[from..to].split(|byte| *byte == b'\n').count() - 1;
            (whole + usize::from(to > from && self.text[to - 1] != b'\n')) as u64
        };
        while place < self.text.len() {
            let (end, next) = self.line(place);
            if end == place {
                (place, line) = (next, line + 1);
                continue;
            }
            let record = self.record(place).filter(|record| record.cells.len() == 2);
            let Some(record) = record else {
                became.push(Became::Aside(line, raw(place, end)));
                (place, line) = (next, line + 1);
                continue;
            };
            if Self::broken(&record).is_empty() || self.is_meant(place, &record) {
                became.push(Became::Row(record.cells));
            } else {
                became.push(Became::Aside(line, raw(place, record.end)));
            }
            line += lines(place, record.next);
            place = record.next;
        }
        became
    }
}

const HEADER: &str = "u,i\n";

/// Enough rows for the dialect to be clear and most of the file to be sound.
fn head() -> String {
    format!("{HEADER}{}", "x,y\n".repeat(80))
}

fn options(most: usize, piece: u64) -> ReadOptions {
    let csv = CsvOptions {
        delimiter: Some(",".parse().unwrap()),
        quote: Some(Quote::Double),
        escape: Some(Escape::Doubled),
        max_record_size: Some(most),
        piece_size: Some(piece),
        ..CsvOptions::default()
    };
    ReadOptions { user: "u".into(), item: "i".into(), csv, ..ReadOptions::default() }
}

/// Turns rows into what became of records; rows follow one another without a gap.
fn became(chunks: Vec<Rows>) -> Vec<Became> {
    let mut all = Vec::new();
    for rows in chunks {
        assert_eq!(rows.first_row, all.len() as u64 + 1);
        for row in 0..rows.len() {
            let bad = rows.unreadable.iter().find(|bad| bad.row as usize == row);
            all.push(match bad {
                None => {
                    let cell = |ids: &ilk_core::data::IdColumn| {
                        ids.display(row).unwrap_or_default().into_owned()
                    };
                    Became::Row(vec![cell(&rows.user), cell(&rows.item)])
                }
                Some(bad) => {
                    let (line, rest) =
                        bad.text.strip_prefix("line ").unwrap().split_once(": ").unwrap();
                    let raw = rest.split_once(": ").unwrap().1;
                    Became::Aside(line.parse().unwrap(), raw.into())
                }
            });
        }
    }
    all
}

fn text() -> impl Strategy<Value = String> {
    let byte = prop_oneof![
        4 => Just("a"), 2 => Just("b"), 3 => Just(","), 3 => Just("\""), 4 => Just("\n"),
        1 => Just("\r"), 1 => Just("\r\n"), 2 => Just("a,b\n"), 1 => Just("\"a\nb\",c\n"),
        1 => Just("a,\"b\nc\"\n"), 1 => Just("\"\""), 1 => Just("\u{e9}"),
    ];
    prop::collection::vec(byte, 0..60).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cutting_gives_what_a_reader_byte_by_byte_gives(
        rest in text(),
        most in prop_oneof![Just(5_usize), 6..40_usize, Just(1 << 20)],
        piece in prop_oneof![1..20_u64, 20..200_u64],
        rows in prop_oneof![Just(1_usize), Just(3), Just(usize::MAX)],
    ) {
        let text = head() + &rest;
        let plain = Plain::new(text.as_bytes(), HEADER.len(), most);
        let expected = plain.read(HEADER.len(), 2);
        let options = ReadOptions { chunk_rows: Some(rows), ..options(most, piece) };
        prop_assert_eq!(&became(read_parts("a.csv", text.as_bytes(), &options, false)), &expected);
        prop_assert_eq!(&became(read_parts("a.csv", text.as_bytes(), &options, true)), &expected);
        prop_assert_eq!(&became(read_parts("a.csv.gz", &gzip(text.as_bytes()), &options, false)), &expected);
    }

    #[test]
    fn sound_rows_among_damage_are_all_read_and_all_else_is_set_aside(
        lines in prop::collection::vec((any::<bool>(), 0..12_usize), 0..60),
        piece in 30..4_000_u64,
    ) {
        const DAMAGE: [&str; 12] = [
            "d,1", "d", "d,1,2,3", "\"d,1,2", "d,\"1,2", "d,1,\"2", "d\",1", "d,1,2\"", "\"d\"x,1,2",
            "\"d", "d,\"1", "\"d\" ,1,2",
        ];
        let (mut text, mut expected) = (String::from("u,i,w\n"), Vec::new());
        let sound = std::iter::repeat_n((true, 0), 80);
        for (number, (is_sound, kind)) in sound.chain(lines).enumerate() {
            if is_sound {
                let _ = writeln!(text, "user {number},{number},{}", number * 7);
                expected.push(Became::Row(vec![format!("user {number}"), number.to_string()]));
            } else {
                text.extend([DAMAGE[kind], "\n"]);
                expected.push(Became::Aside(number as u64 + 2, DAMAGE[kind].into()));
            }
        }
        let found =
            became(read_parts("a.csv", text.as_bytes(), &options(1 << 20, piece), false));
        prop_assert_eq!(found, expected);
    }
}
