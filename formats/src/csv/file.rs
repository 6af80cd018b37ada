//! CSV and its relatives, plain or compressed. Plain files in UTF-8 are read in pieces, by as many
//! threads as like to; others as a stream.

use std::{
    io::{self, BufRead as _, Read},
    sync::{Arc, Mutex, PoisonError},
};

use ilk_core::{
    data::{IdColumn, Rows},
    text::counted,
};

use super::{
    encoding::Coding,
    guard::Guard,
    open::Purpose,
    pieces::{Loaded, PIECE, Pieces},
    rows::{Buffer, Chunk, NULL_WORDS, Outcome, Paused, Position},
    scan::{Grammar, Reach, Scanner, Step},
    stream::{Window, lines, text},
    text::describe,
};
use crate::{
    decimal::Points,
    dialect::{CsvOptions, Dialect, Encoding},
    error::{At, Error},
    part::Part,
    plan::Plan,
    schema::Schema,
    source::Source,
    unpack::Packing,
};

/// An opened CSV file.
pub(crate) struct CsvFile {
    bytes: Coded,
    pub(crate) dialect: Dialect,
    grammar: Arc<Grammar>,
    pub(crate) schema: Schema,
    pub(crate) parts: Vec<Part>,
    pub(crate) notes: Vec<String>,
    /// Where the first record begins, in the text without a byte order mark.
    start: u64,
    /// Its line.
    line: u64,
    /// Of plain files.
    pieces: Option<Pieces>,
    /// What each part came to, once it is read.
    outcomes: Mutex<Vec<Option<Outcome>>>,
}

/// The bytes of a file, and how they become text.
struct Coded {
    source: Arc<dyn Source>,
    packing: Packing,
    coding: Coding,
}

impl Coded {
    /// Begins to read the text at a byte of it.
    fn text(&self, start: u64) -> io::Result<Box<dyn Read>> {
        text(&self.source, self.packing, self.coding, start)
    }
}

/// Where reading a part's rows has got to.
pub(crate) struct CsvCursor {
    part: usize,
    feed: Feed,
    position: Position,
    next_row: u64,
    outcome: Outcome,
}

/// Where the bytes come from.
enum Feed {
    Stream(Window),
    /// Not loaded before the first chunk is asked for.
    Unloaded,
    Piece(Loaded),
    Done,
}

/// An id that may be meant as none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NullWord {
    /// `user` or `item`.
    pub(crate) role: &'static str,
    /// The id.
    pub(crate) text: &'static str,
    /// Rows that have it.
    pub(crate) rows: u64,
}

/// What a walk over records is handed on to: the line's number, and the fields.
pub(crate) type RecordSink<'a, E> = dyn FnMut(&[&[u8]]) -> Result<(), E> + 'a;

impl CsvFile {
    /// Settles the dialect and reads the header. `wanted`: the columns that will be asked for.
    pub(crate) fn open(
        source: Arc<dyn Source>,
        packing: Packing,
        options: &CsvOptions,
        wanted: &[&str],
    ) -> Result<Self, Error> {
        let opened = Purpose { source: &source, packing, options, wanted }.open()?;
        let grammar = Arc::new(opened.grammar);
        let is_plain = packing == Packing::Plain && opened.coding.encoding == Encoding::Utf8;
        let first = opened.start + opened.coding.mark as u64;
        let pieces = is_plain.then(|| {
            let size = options.piece_size.unwrap_or(PIECE);
            Pieces::new(Arc::clone(&source), Arc::clone(&grammar), first, size)
        });
        let parts = match &pieces {
            None => vec![Part { first_row: Some(1), rows: None, bytes: source.len() }],
            Some(pieces) => {
                let part = |piece: usize| Part {
                    first_row: (piece == 0).then_some(1),
                    rows: None,
                    bytes: pieces.bound(piece + 1) - pieces.bound(piece),
                };
                (0..pieces.len()).map(part).collect()
            }
        };
        Ok(Self {
            outcomes: Mutex::new(vec![None; parts.len()]),
            bytes: Coded { source, packing, coding: opened.coding },
            dialect: opened.dialect,
            grammar,
            schema: Schema::of_untyped(opened.names),
            parts,
            notes: opened.notes,
            start: opened.start,
            line: opened.line,
            pieces,
        })
    }

    /// Returns true if the bytes of a part are those of its text.
    pub(crate) const fn is_plain(&self) -> bool {
        self.pieces.is_some()
    }

    fn at<'a>(&'a self, place: &'a str) -> At<'a> {
        At { file: self.bytes.source.name(), place }
    }

    /// Begins at the first row of a part.
    pub(crate) fn begin(&self, part: usize) -> Result<CsvCursor, Error> {
        let feed =
            if self.pieces.is_some() { Feed::Unloaded } else { Feed::Stream(self.window()?) };
        let position = Position { place: 0, line: self.line };
        Ok(CsvCursor { part, feed, position, next_row: 1, outcome: Outcome::default() })
    }

    fn window(&self) -> Result<Window, Error> {
        let text = self.bytes.text(self.start);
        let text = text.map_err(|error| self.at("header").io(error))?;
        Ok(Window::new(text, self.grammar.most))
    }

    /// Reads the next rows, up to a chunk of them; `None` at the end.
    pub(crate) fn next(&self, plan: &Plan, cursor: &mut CsvCursor) -> Result<Option<Rows>, Error> {
        if matches!(cursor.feed, Feed::Unloaded) {
            self.load(cursor)?;
        }
        let mut chunk = Chunk::new(plan, &self.grammar, cursor.next_row);
        loop {
            let paused = chunk.fill(cursor.feed.buffer(self, cursor.part), &mut cursor.position);
            if paused == Paused::Full || !self.resume(paused, cursor, &mut chunk)? {
                break;
            }
        }
        cursor.outcome.add(chunk.outcome());
        let rows = chunk.finish();
        match &rows {
            Some(rows) => {
                self.check_order(rows)?;
                cursor.outcome.count_nulls(rows);
                if matches!(self.bytes.coding.encoding, Encoding::Latin1 | Encoding::Windows1252) {
                    cursor.outcome.count_garbled(rows);
                }
                cursor.next_row += rows.len() as u64;
            }
            None => self.conclude(cursor)?,
        }
        Ok(rows)
    }

    /// Refuses a row that names other columns in the place of the user and the item: from there on it
    /// is another file, whose columns stand in another order.
    fn check_order(&self, rows: &Rows) -> Result<(), Error> {
        let (IdColumn::Text(users), IdColumn::Text(items)) = (&rows.user, &rows.item) else {
            return Ok(());
        };
        if self.grammar.header.is_none() {
            return Ok(());
        }
        let is_name = |text: &str| self.schema.columns.iter().any(|column| column.name == text);
        let named = (0..).zip(items.dictionary.iter()).filter(|(_, text)| is_name(text));
        let named = named.map(|(code, _)| code).collect::<Vec<u32>>();
        if named.is_empty() {
            return Ok(());
        }
        let is_header = |row: &usize| {
            named.contains(&items.codes[*row]) && users.get(*row).is_some_and(is_name)
        };
        let Some(row) = (0..rows.len()).find(is_header) else { return Ok(()) };
        Err(Error::Dialect {
            file: self.bytes.source.name().into(),
            found: format!("row {} names the columns again, in another order", rows.number(row)),
            help: "the file is several files joined: split it there, and read them one by one"
                .into(),
        })
    }

    /// Loads a piece and finds out what comes before it.
    fn load(&self, cursor: &mut CsvCursor) -> Result<(), Error> {
        let Some(pieces) = &self.pieces else { return Ok(()) };
        let failed = |error| self.at("rows").io(error);
        let start = pieces.start(cursor.part).map_err(failed)?;
        let end = pieces.bound(cursor.part + 1).max(start);
        let loaded = pieces.load(start, end).map_err(failed)?;
        let before = pieces.before(cursor.part, &loaded).map_err(failed)?;
        cursor.position = Position { place: 0, line: self.line + before.lines };
        cursor.next_row = 1 + before.rows;
        cursor.feed = Feed::Piece(loaded);
        Ok(())
    }

    /// Does what is needed to go on; false at the end.
    fn resume(
        &self,
        paused: Paused,
        cursor: &mut CsvCursor,
        chunk: &mut Chunk<'_>,
    ) -> Result<bool, Error> {
        let failed = |error| self.at("rows").io(error);
        let position = &mut cursor.position;
        let is_long = match &mut cursor.feed {
            Feed::Unloaded | Feed::Done => return Ok(false),
            Feed::Stream(window) => match paused {
                Paused::End if window.reach == Reach::End => return Ok(false),
                Paused::Long(fault) => {
                    let head = window.pass_line(position.place, self.grammar.line_end);
                    let head = head.map_err(failed)?;
                    position.place = 0;
                    fault.map(|fault| (fault, head))
                }
                _ => {
                    window.refill(position.place).map_err(failed)?;
                    position.place = 0;
                    return Ok(true);
                }
            },
            Feed::Piece(loaded) => match (paused, &self.pieces) {
                (Paused::Long(fault), _) => {
                    // It goes on past the piece, of which no more is to be read.
                    let head = loaded.bytes[position.place..].iter().take(super::text::SHOWN + 1);
                    let head = head.copied().collect::<Vec<u8>>();
                    cursor.feed = Feed::Done;
                    fault.map(|fault| (fault, head))
                }
                (Paused::More, Some(pieces)) => {
                    *loaded = pieces.extend(loaded).map_err(failed)?;
                    return Ok(true);
                }
                _ => return Ok(false),
            },
        };
        if let Some((fault, head)) = is_long {
            chunk.set_aside(position.line, fault, &head);
        }
        position.line += 1;
        Ok(true)
    }

    /// Notes what a part came to; once all are read, refuses what is mostly unreadable.
    fn conclude(&self, cursor: &mut CsvCursor) -> Result<(), Error> {
        let mut outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        outcomes[cursor.part] = Some(cursor.outcome);
        let Some(all) = outcomes.iter().copied().collect::<Option<Vec<Outcome>>>() else {
            return Ok(());
        };
        let mut sum = Outcome::default();
        for outcome in all {
            sum.add(outcome);
        }
        match sum.fault {
            Some((line, fault)) if sum.aside > sum.sound => Err(Error::Dialect {
                file: self.bytes.source.name().into(),
                found: format!(
                    "{} of {} records cannot be read with {} (line {line}: {})",
                    sum.aside,
                    sum.aside + sum.sound,
                    self.dialect,
                    fault.text(&self.grammar)
                ),
                help: fault.flags().into(),
            }),
            _ => Ok(()),
        }
    }

    /// Names the settings by which the first record that was set aside may become readable, once
    /// parts are read.
    pub(crate) fn unreadable_help(&self) -> Option<&'static str> {
        let outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = outcomes.iter().flatten().find_map(|outcome| outcome.fault);
        fault.map(|(_, fault)| fault.flags())
    }

    /// Says that text looks as if it were decoded by the wrong encoding, once parts are read; nothing
    /// if the notes say so already.
    pub(crate) fn garbled(&self) -> Option<String> {
        let outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        let count = outcomes.iter().flatten().map(|outcome| outcome.garbled).sum::<u64>();
        let is_noted = self.notes.iter().any(|note| note.contains("--encoding"));
        (count > 0 && !is_noted).then(|| {
            let encoding = self.bytes.coding.encoding;
            let texts = if count == 1 { "text is" } else { "texts are" };
            format!("{count} {texts} UTF-8, read as {encoding}; leave --encoding out")
        })
    }

    /// Says that weights may be written with points between thousands, once parts are read.
    pub(crate) fn thousands(&self) -> Option<String> {
        let mut points = Points::default();
        let outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        outcomes.iter().flatten().for_each(|outcome| points.add(outcome.points));
        let count = points.thousands()?;
        let (weights, are) = (counted(count, "weight"), if count == 1 { "is" } else { "are" });
        Some(format!(
            "{weights} {are} written like 1.234, and none has another fraction; if these are \
             thousands, give --decimal ,"
        ))
    }

    /// Lists what was read as an id and may be meant as none, once parts are read.
    pub(crate) fn null_words(&self) -> Vec<NullWord> {
        let mut sum = Outcome::default();
        let outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        outcomes.iter().flatten().for_each(|outcome| sum.add(*outcome));
        let mut words = Vec::new();
        for (role, counts) in ["user", "item"].into_iter().zip(sum.spelled) {
            let counted = NULL_WORDS.into_iter().zip(counts).filter(|(_, rows)| *rows > 0);
            words.extend(counted.map(|(text, rows)| NullWord { role, text, rows }));
        }
        words
    }

    /// Walks the records after the header; one that cannot be read is damage.
    pub(crate) fn each_record<E: From<Error>>(
        &self,
        sink: &mut RecordSink<'_, E>,
    ) -> Result<(), E> {
        let mut window = self.window()?;
        let mut position = Position { place: 0, line: self.line };
        // What programs write is believed.
        let believing =
            Grammar { guard: Guard::default(), header: None, ..(*self.grammar).clone() };
        let failed = |error| self.at("records").io(error);
        loop {
            window.refill(position.place).map_err(failed)?;
            position.place = 0;
            let paused = self.walk(&believing, &window, &mut position, sink)?;
            if let Paused::Long(fault) = paused {
                let head =
                    window.pass_line(position.place, self.grammar.line_end).map_err(failed)?;
                if let Some(fault) = fault {
                    return Err(self
                        .broken(describe(&self.grammar, position.line, fault, &head))
                        .into());
                }
                position = Position { place: 0, line: position.line + 1 };
            } else if paused == Paused::End && window.reach == Reach::End {
                return Ok(());
            }
        }
    }

    fn walk<E: From<Error>>(
        &self,
        grammar: &Grammar,
        window: &Window,
        position: &mut Position,
        sink: &mut RecordSink<'_, E>,
    ) -> Result<Paused, E> {
        let bytes = &window.bytes;
        let mut scanner = Scanner::new(grammar, bytes, window.reach, position.place);
        let mut scratch = vec![Vec::new(); self.grammar.fields];
        while position.place < bytes.len() {
            match scanner.step(position.place) {
                Step::Sound { next, lines } => {
                    let fields = scanner.fields.iter().zip(&mut scratch);
                    let cells: Vec<&[u8]> = fields
                        .map(|(field, plain)| self.grammar.plain(bytes, *field, plain))
                        .collect();
                    sink(&cells)?;
                    *position = Position { place: next, line: position.line + lines as u64 };
                }
                Step::Aside { end, fault, .. } => {
                    let raw = &bytes[position.place..end];
                    return Err(self
                        .broken(describe(&self.grammar, position.line, fault, raw))
                        .into());
                }
                Step::Blank { next } => {
                    *position = Position { place: next, line: position.line + 1 };
                }
                Step::More => return Ok(Paused::More),
                Step::Long { fault } => return Ok(Paused::Long(fault)),
            }
        }
        Ok(Paused::End)
    }

    fn broken(&self, why: String) -> Error {
        self.at("records").damaged(why)
    }

    /// Walks the lines as they are, the first one included, without their ends.
    pub(crate) fn each_line(
        &self,
        sink: &mut dyn FnMut(&str) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let at = self.at("lines");
        let text = self.bytes.text(0).map_err(|error| at.io(error))?;
        let mut lines = lines(text);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).map_err(|error| at.io(error))? > 0 {
            let text = String::from_utf8_lossy(&line);
            sink(text.trim_end_matches(['\r', '\n']))?;
            line.clear();
        }
        Ok(())
    }
}

impl Feed {
    /// The bytes to read records from.
    fn buffer<'a>(&'a self, file: &CsvFile, part: usize) -> Buffer<'a> {
        match self {
            Self::Stream(window) => {
                Buffer { bytes: &window.bytes, reach: window.reach, stop: window.bytes.len() }
            }
            Self::Piece(loaded) => {
                let end = file.pieces.as_ref().map_or(0, |pieces| pieces.bound(part + 1));
                let stop = (end.saturating_sub(loaded.base) as usize).min(loaded.bytes.len());
                Buffer { bytes: &loaded.bytes, reach: loaded.reach, stop }
            }
            Self::Unloaded | Self::Done => Buffer { bytes: &[], reach: Reach::End, stop: 0 },
        }
    }
}
