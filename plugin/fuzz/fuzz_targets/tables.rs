//! Whatever comes in by `session.open` and `session.add`: a result or a failure of one line, never
//! a panic, and the same however it is cut.

#![no_main]

use std::sync::{Arc, Once};

use arbitrary::Arbitrary;
use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int8Array, Int64Array, RecordBatch,
    StringArray, StringViewArray, TimestampMillisecondArray, UInt64Array, types::Int32Type,
};
use arrow_ipc::writer::StreamWriter;
use ilk_plugin::{Failure, Request, Session, Source};
use libfuzzer_sys::fuzz_target;

/// A column of some type.
#[derive(Arbitrary, Debug)]
enum Column {
    Small(Vec<Option<i8>>),
    Integer(Vec<Option<i64>>),
    Unsigned(Vec<Option<u64>>),
    Float(Vec<Option<f64>>),
    Text(Vec<Option<String>>),
    View(Vec<Option<String>>),
    Dictionary(Vec<Option<String>>),
    Time(Vec<Option<i64>>),
    Truth(Vec<Option<bool>>),
}

impl Column {
    /// Makes it of so many rows, repeating what there is.
    fn array(&self, rows: usize) -> ArrayRef {
        fn fill<T: Clone, A: FromIterator<Option<T>>>(cells: &[Option<T>], rows: usize) -> A {
            (0..rows).map(|row| cells.get(row % cells.len().max(1)).cloned().flatten()).collect()
        }
        match self {
            Self::Small(cells) => Arc::new(fill::<_, Int8Array>(cells, rows)),
            Self::Integer(cells) => Arc::new(fill::<_, Int64Array>(cells, rows)),
            Self::Unsigned(cells) => Arc::new(fill::<_, UInt64Array>(cells, rows)),
            Self::Float(cells) => Arc::new(fill::<_, Float64Array>(cells, rows)),
            Self::Text(cells) => Arc::new(fill::<_, StringArray>(cells, rows)),
            Self::View(cells) => Arc::new(fill::<_, StringViewArray>(cells, rows)),
            Self::Dictionary(cells) => {
                let texts = fill::<_, Vec<_>>(cells, rows);
                let texts = texts.iter().map(Option::as_deref);
                Arc::new(texts.collect::<DictionaryArray<Int32Type>>())
            }
            Self::Time(cells) => Arc::new(fill::<_, TimestampMillisecondArray>(cells, rows)),
            Self::Truth(cells) => Arc::new(fill::<_, BooleanArray>(cells, rows)),
        }
    }
}

#[derive(Arbitrary, Debug)]
struct Input {
    /// User, item, and whatever else there is of weight, time and label.
    columns: Vec<Column>,
    rows: u8,
    streams: u8,
    /// Settings that go together, or any text.
    job: Result<u8, String>,
    condition: Option<String>,
    wanted: Option<Vec<String>>,
    only: Option<Vec<String>>,
    /// What is overwritten of the stream.
    damage: Vec<(u16, u8)>,
    /// Comes after all streams.
    tail: Vec<u8>,
    cuts: Vec<u8>,
}

const NAMES: [&str; 5] = ["user", "item", "weight", "time", "label"];

const JOBS: [&str; 8] = [
    "",
    r#"{"measure": "llr", "top": 2}"#,
    r#"{"measure": "cosine", "weighting": "raw", "duplicates": "sum"}"#,
    r#"{"measure": "jaccard", "min_support": 2, "max_items_per_user": 3}"#,
    r#"{"weighting": "decay", "half_life": "30d"}"#,
    r#"{"weighting": "tfidf", "of": "users"}"#,
    r#"{"measure": "tversky", "alpha": 0.25, "beta": 4, "max_bad_rows": "90%"}"#,
    r#"{"like": "sar-lift", "min_overlap": 2, "threshold": 0.1, "shrinkage": 3}"#,
];

impl Input {
    fn request(&self) -> Request {
        let named = |place: usize| self.columns.get(place).map(|_| NAMES[place].to_owned());
        let job = match &self.job {
            Ok(number) => JOBS[*number as usize % JOBS.len()].to_owned(),
            Err(text) => text.clone(),
        };
        let source = Source {
            user: NAMES[0].into(),
            item: NAMES[1].into(),
            weight: named(2),
            time: named(3),
            item_label: named(4),
            conditions: self.condition.iter().cloned().collect(),
            ..Source::default()
        };
        let (only, wanted) = (self.only.clone(), self.wanted.clone());
        Request { source, job, only, exclude: None, wanted }
    }

    fn stream(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let rows = usize::from(self.rows);
        let columns = NAMES.iter().zip(&self.columns);
        let columns = columns.map(|(name, column)| (*name, column.array(rows)));
        if let Ok(batch) = RecordBatch::try_from_iter(columns) {
            for _ in 0..self.streams % 4 {
                let mut writer =
                    StreamWriter::try_new(&mut bytes, &batch.schema()).expect("memory");
                writer.write(&batch).expect("memory");
                writer.write(&batch.slice(rows / 2, rows - rows / 2)).expect("memory");
                writer.finish().expect("memory");
            }
        }
        for (place, value) in &self.damage {
            let length = bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(usize::from(*place) % length) {
                *byte = *value;
            }
        }
        bytes.extend(&self.tail);
        bytes
    }
}

/// Runs a session to its end.
fn run(request: Request, pieces: impl Iterator<Item = Vec<u8>>) -> Result<Vec<u8>, Failure> {
    let mut session = Session::open(request)?;
    for piece in pieces {
        session.add(piece)?;
    }
    while !session.step()?.finished {}
    let mut found = Vec::new();
    while let Some(piece) = session.next_bytes()? {
        found.extend(piece);
    }
    for note in session.notes() {
        assert!(!note.text.contains('\n'), "{note:?}");
    }
    Ok(found)
}

/// Decoders that give up by a panic are caught natively; any other ends the fuzzer.
fn silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !ilk_formats::is_decoding() {
                usual(panic);
            }
        }));
    });
}

fuzz_target!(|input: Input| {
    silence();
    let stream = input.stream();
    let whole = run(input.request(), std::iter::once(stream.clone()));
    if let Err(failure) = &whole {
        assert!(!failure.message.is_empty() && !failure.message.contains('\n'), "{failure:?}");
    }
    let mut rest = stream.as_slice();
    let mut pieces = Vec::new();
    for cut in &input.cuts {
        let (piece, after) = rest.split_at(usize::from(*cut).min(rest.len()));
        pieces.push(piece.to_vec());
        rest = after;
    }
    pieces.push(rest.to_vec());
    assert_eq!(run(input.request(), pieces.into_iter()), whole, "cuts do not show");
});
