//! Records into rows.

use ilk_core::data::{IdColumn, Rows};

use super::{
    encoding::mended,
    scan::{Fault, Form, Grammar, Reach, Scanner, Step},
    text::describe,
};
use crate::{batch::Untyped, decimal::Points, plan::Plan};

/// Bytes of distinct text per chunk, about.
const CHUNK_BYTES: usize = 128 << 20;
/// Rows per chunk at most.
pub(crate) const CHUNK_ROWS: usize = 256 << 10;

/// Bytes to read records from.
#[derive(Clone, Copy)]
pub(crate) struct Buffer<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) reach: Reach,
    /// Records that begin from here on are not read.
    pub(crate) stop: usize,
}

/// Where reading has got to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Position {
    /// In the buffer.
    pub(crate) place: usize,
    /// Number of the line, from 1.
    pub(crate) line: u64,
}

/// Why the filling of a chunk paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paused {
    /// The chunk is full.
    Full,
    /// The stop is reached.
    End,
    /// More bytes are needed.
    More,
    /// A line goes on past the bytes, and is longer than a record may be.
    Long(Option<Fault>),
}

/// A chunk of rows being made of records.
pub(crate) struct Chunk<'a> {
    plan: &'a Plan,
    grammar: &'a Grammar,
    rows: Untyped<'a>,
    most: usize,
    /// What stands in for fields that need their quotes taken out.
    scratch: Vec<Vec<u8>>,
    outcome: Outcome,
}

/// What those write who have no user or item and do not leave it empty.
pub(crate) const NULL_WORDS: [&str; 8] = ["NULL", "\\N", "NA", "null", "None", "NaN", "nan", "N/A"];

/// How many records were sound, and how many were set aside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) sound: u64,
    pub(crate) aside: u64,
    /// The first fault.
    pub(crate) fault: Option<(u64, Fault)>,
    /// Users, and items, that spell a null, by the position of the word.
    pub(crate) spelled: [[u64; NULL_WORDS.len()]; 2],
    /// Texts that look like UTF-8 decoded by another encoding, in each chunk.
    pub(crate) garbled: u64,
    /// How weights are written.
    pub(crate) points: Points,
}

impl Outcome {
    /// Adds what comes after.
    pub(crate) fn add(&mut self, other: Self) {
        self.sound += other.sound;
        self.aside += other.aside;
        self.fault = self.fault.or(other.fault);
        self.garbled += other.garbled;
        self.points.add(other.points);
        for (words, more) in self.spelled.iter_mut().zip(other.spelled) {
            words.iter_mut().zip(more).for_each(|(count, more)| *count += more);
        }
    }

    /// An outcome of one record that was set aside.
    pub(crate) fn aside(line: u64, fault: Fault) -> Self {
        Self { aside: 1, fault: Some((line, fault)), ..Self::default() }
    }

    /// Counts the texts that look like UTF-8 decoded by another encoding.
    pub(crate) fn count_garbled(&mut self, rows: &Rows) {
        let ids = [&rows.user, &rows.item].into_iter().filter_map(|ids| match ids {
            IdColumn::Text(column) => Some(column),
            _ => None,
        });
        let texts = ids.chain(&rows.label).flat_map(|column| column.dictionary.iter());
        let garbled = texts.filter(|text| !text.is_ascii() && mended(text).is_some());
        self.garbled += garbled.count() as u64;
    }

    /// Counts the ids that spell a null.
    pub(crate) fn count_nulls(&mut self, rows: &Rows) {
        for (counts, ids) in self.spelled.iter_mut().zip([&rows.user, &rows.item]) {
            let IdColumn::Text(column) = ids else { continue };
            for (code, text) in
                column.dictionary.iter().enumerate().filter(|(_, text)| text.len() <= 4)
            {
                if let Some(word) = NULL_WORDS.iter().position(|word| *word == text) {
                    let rows = column.codes.iter().filter(|other| **other as usize == code);
                    counts[word] += rows.count() as u64;
                }
            }
        }
    }
}

impl<'a> Chunk<'a> {
    /// Begins a chunk at `first_row`.
    pub(crate) fn new(plan: &'a Plan, grammar: &'a Grammar, first_row: u64) -> Self {
        Self {
            plan,
            grammar,
            rows: Untyped::new(plan, first_row),
            most: plan.chunk_rows.min(CHUNK_ROWS),
            scratch: vec![Vec::new(); plan.columns.len()],
            outcome: Outcome::default(),
        }
    }

    /// Reads records until something is to be done about it.
    pub(crate) fn fill(&mut self, buffer: Buffer<'_>, position: &mut Position) -> Paused {
        let Buffer { bytes, reach, stop } = buffer;
        let mut scanner = Scanner::new(self.grammar, bytes, reach, position.place);
        while position.place < stop {
            if self.rows.len() >= self.most || self.rows.bytes() >= CHUNK_BYTES {
                return Paused::Full;
            }
            match scanner.step(position.place) {
                Step::Sound { next, lines } => {
                    self.push(bytes, &scanner);
                    *position = Position { place: next, line: position.line + lines as u64 };
                }
                Step::Aside { end, next, lines, fault } => {
                    self.set_aside(position.line, fault, &bytes[position.place..end]);
                    *position = Position { place: next, line: position.line + lines as u64 };
                }
                Step::Blank { next } => {
                    *position = Position { place: next, line: position.line + 1 };
                }
                Step::More => return Paused::More,
                Step::Long { fault } => return Paused::Long(fault),
            }
        }
        Paused::End
    }

    /// Sets a record aside.
    pub(crate) fn set_aside(&mut self, line: u64, fault: Fault, raw: &[u8]) {
        self.rows.push_unreadable(describe(self.grammar, line, fault, raw));
        self.outcome.add(Outcome::aside(line, fault));
    }

    #[inline]
    fn push(&mut self, bytes: &[u8], scanner: &Scanner<'_>) {
        self.outcome.sound += 1;
        let fields = &scanner.fields;
        for (scratch, column) in self.scratch.iter_mut().zip(&self.plan.columns) {
            let field = fields[*column];
            if matches!(field.form, Form::BareEscaped | Form::Escaped) {
                let mut plain = std::mem::take(scratch);
                self.grammar.plain_into(bytes, field, &mut plain);
                *scratch = plain;
            }
        }
        let scratch = &self.scratch;
        let columns = &self.plan.columns;
        self.rows.push(|place| {
            let field = fields[columns[place]];
            let raw = &bytes[field.start as usize..field.end as usize];
            match field.form {
                Form::Bare | Form::Quoted => raw,
                // As MySQL and PostgreSQL write null.
                Form::BareEscaped if raw == b"\\N" => b"",
                Form::BareEscaped | Form::Escaped => &scratch[place],
            }
        });
    }

    /// Returns what it came to so far.
    pub(crate) fn outcome(&self) -> Outcome {
        Outcome { points: self.rows.points(), ..self.outcome }
    }

    /// Returns the chunk; `None` where it has no rows.
    pub(crate) fn finish(self) -> Option<Rows> {
        (self.rows.len() > 0).then(|| self.rows.finish())
    }
}
