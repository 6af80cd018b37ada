//! What is settled before a CSV file is read: encoding, dialect, header, kinds of columns.

use std::{io::Read as _, sync::Arc};

use memchr::memchr_iter;

use super::{
    detect::{Candidate, Cut, Detected, Record, commonest, guard},
    doubts::{Doubt, Doubts, note_encoding},
    encoding::{Coding, Told},
    kinds::{Census, Kind},
    sampling::Sampled,
    scan::{Fault, Grammar, HeaderCells, Reach},
    stream::text,
};
use crate::dialect::{CsvOptions, Dialect, Encoding, Escape, Header, Quote};
use crate::{
    error::{At, Error, printable},
    foreign::foreign_inside,
    source::Source,
    unpack::{Packing, unpack},
};

/// Bytes looked at to find the dialect.
pub(crate) const SAMPLE: usize = 256 << 10;

/// What was settled.
pub(crate) struct Opened {
    pub(crate) coding: Coding,
    pub(crate) dialect: Dialect,
    pub(crate) grammar: Grammar,
    /// Names of the columns.
    pub(crate) names: Vec<String>,
    /// Where the first record begins, in the text without a byte order mark.
    pub(crate) start: u64,
    /// The number of its line, from 1.
    pub(crate) line: u64,
    /// What people should know.
    pub(crate) notes: Vec<String>,
}

/// What a file is opened for.
#[derive(Clone, Copy)]
pub(crate) struct Purpose<'a> {
    pub(crate) source: &'a Arc<dyn Source>,
    pub(crate) packing: Packing,
    pub(crate) options: &'a CsvOptions,
    /// The columns that will be asked for, as far as they are known.
    pub(crate) wanted: &'a [&'a str],
}

impl Purpose<'_> {
    fn file(&self) -> &str {
        self.source.name()
    }

    fn refuse(&self, found: impl Into<String>, help: impl Into<String>) -> Error {
        Error::Dialect { file: self.file().into(), found: found.into(), help: help.into() }
    }

    /// Settles everything.
    pub(crate) fn open(self) -> Result<Opened, Error> {
        let at = At { file: self.file(), place: "header" };
        let mut head = Vec::new();
        unpack(self.source, self.packing)
            .and_then(|bytes| bytes.take(1 << 10).read_to_end(&mut head))
            .map_err(|error| at.io(error))?;
        if let Some((found, instead)) = foreign_inside(&head, self.packing) {
            let (file, found) = (self.file().into(), found.into());
            return Err(Error::Unsupported { file, found, instead });
        }
        let coding = self.coding(&head)?;
        let mut bytes = Vec::new();
        text(self.source, self.packing, coding, 0)
            .and_then(|text| text.take(SAMPLE as u64).read_to_end(&mut bytes))
            .map_err(|error| at.io(error))?;
        self.check_text(&bytes)?;
        let reach = if bytes.len() < SAMPLE { Reach::End } else { Reach::Within };
        let sampled = Sampled::new(self.options, &bytes, reach);
        let detected = sampled.detect(self.file(), self.wanted);
        let Self { options, wanted, .. } = self;
        let doubts = Doubts { file: self.file(), options, wanted, coding, bytes: &bytes, reach };
        if let Some(Doubt { found, help }) = doubts.find(&sampled, &detected.best) {
            return Err(self.refuse(found, help));
        }
        let note = doubts.note(&detected.best);
        let mut opened = Settling::new(self, coding, sampled).settle(detected)?;
        opened.notes.extend(note);
        Ok(opened)
    }

    fn coding(&self, head: &[u8]) -> Result<Coding, Error> {
        let unsupported = |found: &str, instead| Error::Unsupported {
            file: self.file().into(),
            found: found.into(),
            instead,
        };
        match Coding::tell(head, self.options.encoding) {
            Told::Utf32 => Err(unsupported("UTF-32 text", "save it as UTF-8")),
            Told::Coding(coding) => {
                self.check_mark(head)?;
                if head.len() < 4 {
                    return Ok(coding);
                }
                if coding.encoding == Encoding::Utf16 {
                    // Even text without a Latin letter has delimiters and ends of lines.
                    if coding.mark > 0 || head.contains(&0) {
                        return Ok(coding);
                    }
                    return Err(self.refuse(
                        "is not UTF-16 text: it holds no zero byte",
                        "leave --encoding out, or give another one",
                    ));
                }
                // Latin text in UTF-16 has every other byte zero, in UTF-32 three of four.
                if is_utf32(head) {
                    return Err(unsupported("UTF-32 text", "save it as UTF-8"));
                }
                let zeros = memchr_iter(0, head).count();
                let even = memchr_iter(0, head).filter(|place| place % 2 == 0).count();
                if zeros * 4 > head.len() && even.min(zeros - even) * 8 < zeros {
                    return Err(self.refuse(
                        "looks like UTF-16 text without a byte order mark",
                        "give --encoding utf-16",
                    ));
                }
                Ok(coding)
            }
        }
    }

    /// Refuses an encoding other than the one whose byte order mark the file begins with.
    fn check_mark(&self, head: &[u8]) -> Result<(), Error> {
        let marks: [(&[u8], Encoding); 3] = [
            (b"\xef\xbb\xbf", Encoding::Utf8),
            (b"\xff\xfe", Encoding::Utf16),
            (b"\xfe\xff", Encoding::Utf16),
        ];
        let mark = marks.into_iter().find(|(mark, _)| head.starts_with(mark));
        match (mark, self.options.encoding) {
            (Some((_, mark)), Some(given)) if mark != given => Err(self.refuse(
                format!("begins with the byte order mark of {mark}, so it is not {given}"),
                "leave --encoding out",
            )),
            _ => Ok(()),
        }
    }

    /// Refuses what is plainly no text.
    fn check_text(&self, sample: &[u8]) -> Result<(), Error> {
        let refuse = |found: &str, instead| {
            Err(Error::Unsupported { file: self.file().into(), found: found.into(), instead })
        };
        let begin = sample.trim_ascii_start();
        let begins = |text: &[u8]| {
            begin.get(..text.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(text))
        };
        if [&b"<!doctype html"[..], b"<html", b"<?xml"].into_iter().any(begins) {
            return refuse("a web page or XML", "download or export the table itself");
        }
        if sample.contains(&0) {
            return refuse("no text (it holds zero bytes)", "export it as CSV, Parquet or Arrow");
        }
        Ok(())
    }
}

/// A sample on its way to a settled dialect.
struct Settling<'a> {
    purpose: Purpose<'a>,
    coding: Coding,
    sampled: Sampled<'a>,
    notes: Vec<String>,
}

/// Which record names the columns, by its position among those of the sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Heading {
    place: usize,
}

impl<'a> Settling<'a> {
    fn new(purpose: Purpose<'a>, coding: Coding, sampled: Sampled<'a>) -> Self {
        Self { purpose, coding, sampled, notes: Vec::new() }
    }

    fn settle(mut self, detected: Detected) -> Result<Opened, Error> {
        let best = detected.best;
        if best.records.is_empty() {
            return Err(Error::NoHeader { file: self.purpose.file().into() });
        }
        self.check_rivals(&best, &detected.rivals)?;
        self.check_single_quotes(&best)?;
        let heading = self.heading(&best);
        self.check_heading(&best, heading)?;
        let (names, fields) = self.names(&best, heading)?;
        let mut grammar = best.candidate.grammar(self.sampled.sample, fields);
        let data = heading.map_or(0, |heading| heading.place + 1);
        let records = best.records.get(data..).unwrap_or_default();
        grammar.guard = guard(&grammar, self.sampled.sample.bytes, records);
        if let Some(heading) = heading {
            let header = &best.records[heading.place];
            let mut scratch = Vec::new();
            let cells = header.cells.iter().flatten();
            let cells = cells.map(|field| {
                grammar.plain(self.sampled.sample.bytes, *field, &mut scratch).to_vec()
            });
            grammar.header = HeaderCells::new(cells.collect(), &grammar.delimiter);
        }
        let first =
            heading.map_or(best.records[0].start, |heading| best.records[heading.place].next);
        let named =
            heading.map_or(best.records[0].start, |heading| best.records[heading.place].start);
        let line_of = |place: usize| {
            self.sampled.skipped.1
                + 1
                + grammar.count_lines(&self.sampled.sample.bytes[..place]) as u64
        };
        let (line, header_line) = (line_of(first), line_of(named));
        let malformed = self.check_records(&grammar, first)?;
        let dialect = Dialect {
            delimiter: best.candidate.delimiter.clone(),
            quote: best.candidate.quote,
            escape: best.candidate.escape,
            encoding: self.coding.encoding,
            header: self.sampled.options.header,
            header_line,
            fields,
            line_end: self.sampled.sample.line_end,
            malformed,
            runner_up: detected.rivals.first().map(|cut| words(&cut.candidate)),
        };
        self.note_text(&best);
        Ok(Opened {
            coding: self.coding,
            dialect,
            grammar,
            names,
            start: (self.sampled.skipped.0 + first) as u64,
            line,
            notes: self.notes,
        })
    }

    /// The record that names the columns.
    fn heading(&self, cut: &Cut) -> Option<Heading> {
        if self.sampled.options.header == Header::Absent {
            return None;
        }
        let place = if self.purpose.wanted.is_empty() {
            None
        } else {
            cut.names_all(self.sampled.sample, self.purpose.wanted)
        };
        // Without names to go by: the first record with as many fields as most, but for one.
        let near = |record: &Record| {
            record.cells.as_ref().is_ok_and(|cells| {
                cells.len().abs_diff(cut.fields) <= 1 && (cells.len() > 1 || cut.fields == 1)
            })
        };
        let first = || cut.records.iter().position(near).unwrap_or(0);
        Some(Heading { place: place.unwrap_or_else(first) })
    }

    /// The cells of a record, as text.
    fn cells(&self, grammar: &Grammar, record: &Record) -> Vec<String> {
        let mut scratch = Vec::new();
        let cell = |field: &_| {
            let cell = grammar.plain(self.sampled.sample.bytes, *field, &mut scratch);
            String::from_utf8_lossy(cell).into_owned()
        };
        record.cells.iter().flatten().map(cell).collect()
    }

    /// Names the columns, and says how many fields records have.
    fn names(
        &mut self,
        cut: &Cut,
        heading: Option<Heading>,
    ) -> Result<(Vec<String>, usize), Error> {
        let Some(heading) = heading else {
            return Ok(((1..=cut.fields).map(|column| column.to_string()).collect(), cut.fields));
        };
        let grammar = cut.candidate.grammar(self.sampled.sample, cut.fields);
        let header = &cut.records[heading.place];
        let mut names = self.cells(&grammar, header);
        let below = &cut.records[heading.place + 1..];
        let mut fields = fields_of(below).unwrap_or(names.len());
        let as_named = below.iter().filter(|record| record.fields(names.len()).is_some()).count();
        if as_named * 4 >= below.len() {
            fields = names.len();
        }
        self.check_twice(&grammar, header, below)?;
        if names.len() == fields {
            return Ok((names, fields));
        }
        let plural = if fields == 1 { "" } else { "s" };
        let found = format!("header has {} names, rows have {fields} field{plural}", names.len());
        if names.len().abs_diff(fields) > 1 || fields == 1 {
            let help = "give --delimiter, or --skip-lines N where lines come before the header, or --no-header";
            return Err(self.purpose.refuse(found, help));
        }
        if names.len() + 1 == fields && self.counts_rows(&grammar, below) {
            self.notes.push(format!("{found}: the first column numbers the rows and has no name"));
            names.insert(0, String::new());
        } else if names.len() > fields && names.last().is_some_and(String::is_empty) {
            names.truncate(fields);
        } else {
            // Which of the names is missing, or too many, nobody can tell; not even where the last
            // cells are all empty.
            let lines = self.lines_before(&grammar, header.next);
            let help = if self.has_escapes(&grammar, below) {
                "give --escape '\\' where a backslash stands before delimiters".into()
            } else {
                format!(
                    "fix it, or give --no-header --skip-lines {lines} and name columns by their number"
                )
            };
            return Err(self.purpose.refuse(format!("{found} (line {lines})"), help));
        }
        Ok((names, fields))
    }

    /// Tells whether a backslash before a delimiter is read as text.
    fn has_escapes(&self, grammar: &Grammar, records: &[Record]) -> bool {
        let ends = |record: &Record| {
            let cells = self.cells(grammar, record);
            cells.iter().rev().skip(1).any(|cell| cell.ends_with('\\'))
        };
        grammar.escape.is_none() && records.iter().any(ends)
    }

    /// Counts the lines of the file before a place of the sample.
    fn lines_before(&self, grammar: &Grammar, place: usize) -> u64 {
        self.sampled.lines_before(grammar, place)
    }

    /// Refuses where the columns asked for are not named and the line that should name them looks
    /// like all others: there is no header, or it is damaged.
    fn check_heading(&self, cut: &Cut, heading: Option<Heading>) -> Result<(), Error> {
        let Some(heading) = heading else { return Ok(()) };
        let grammar = cut.candidate.grammar(self.sampled.sample, cut.fields);
        let header = &cut.records[heading.place];
        let names = self.cells(&grammar, header);
        let is_named = |wanted: &&str| names.iter().any(|name| name == wanted);
        let Some(missing) = self.purpose.wanted.iter().find(|wanted| !is_named(wanted)) else {
            return Ok(());
        };
        if self.sampled.sample.bytes.trim_ascii_start().starts_with(b"{\"") {
            return Err(self.purpose.refuse("looks like JSON Lines", "give --input-format jsonl"));
        }
        if names.len() != cut.fields || !self.looks_like_data(&grammar, cut, heading) {
            return Ok(());
        }
        let lines = self.lines_before(&grammar, header.start);
        let skip = if lines > 0 { format!(" --skip-lines {lines}") } else { String::new() };
        Err(self.purpose.refuse(
            format!("no line names a column `{}`, and line {} looks like data", printable(missing), lines + 1),
            format!(
                "fix the header, or give --delimiter, or --no-header{skip} and name columns by their number"
            ),
        ))
    }

    /// Returns true if the cells of the header are numbers and dates wherever those below are.
    fn looks_like_data(&self, grammar: &Grammar, cut: &Cut, heading: Heading) -> bool {
        let mut census = vec![Census::default(); cut.fields];
        let mut scratch = Vec::new();
        let below = cut.records[heading.place + 1..].iter().take(1_000);
        for fields in below.filter_map(|record| record.fields(cut.fields)) {
            for (census, field) in census.iter_mut().zip(fields) {
                census.see(grammar.plain(self.sampled.sample.bytes, *field, &mut scratch));
            }
        }
        let cells = self.cells(grammar, &cut.records[heading.place]);
        let typed = census.iter().map(Census::kind).zip(&cells);
        let mut typed = typed.filter(|(kind, _)| *kind != Kind::Text).peekable();
        typed.peek().is_some()
            && typed.all(|(kind, cell)| kind.admits(cell.as_bytes()) && !cell.is_empty())
    }

    /// Returns true if the first cells count 1, 2, 3 or 0, 1, 2, as R and pandas number rows.
    fn counts_rows(&self, grammar: &Grammar, records: &[Record]) -> bool {
        let first = |record: &Record| self.cells(grammar, record).first()?.parse::<u64>().ok();
        let begins = records.first().and_then(first);
        let counts = |(record, number)| first(record) == Some(number);
        begins.is_some_and(|begin| begin <= 1 && records.iter().zip(begin..).take(100).all(counts))
    }

    /// Refuses a header that stands there twice.
    fn check_twice(
        &self,
        grammar: &Grammar,
        header: &Record,
        below: &[Record],
    ) -> Result<(), Error> {
        let names = self.cells(grammar, header);
        let again = |record: &&Record| self.cells(grammar, record) == names;
        let times = below.iter().take_while(again).count();
        if names.len() > 1 && times > 0 {
            let lines = self.lines_before(grammar, below[times - 1].start);
            return Err(self
                .purpose
                .refuse("the header stands there twice", format!("give --skip-lines {lines}")));
        }
        Ok(())
    }

    /// Refuses where another dialect is nearly as likely and gives other values.
    fn check_rivals(&self, best: &Cut, rivals: &[Cut]) -> Result<(), Error> {
        if self.purpose.wanted.is_empty() {
            return Ok(());
        }
        let Some(values) = self.values(best) else { return Ok(()) };
        let differs = |rival: &&Cut| self.values(rival).is_some_and(|other| other != values);
        let Some(rival) = rivals.iter().find(differs) else { return Ok(()) };
        let (one, other) = (words(&best.candidate), words(&rival.candidate));
        Err(self.purpose.refuse(
            format!("may be {one} or {other}, which give other values"),
            "give --delimiter, --quote and --escape",
        ))
    }

    /// The values of the columns asked for; `None` where they are not all there.
    fn values(&self, cut: &Cut) -> Option<Vec<Vec<u8>>> {
        let grammar = cut.candidate.grammar(self.sampled.sample, cut.fields);
        let heading = self.heading(cut);
        let columns: Vec<usize> = match heading {
            None => self
                .purpose
                .wanted
                .iter()
                .filter_map(|name| Some(name.parse::<usize>().ok()? - 1))
                .collect(),
            Some(heading) => {
                let names = self.cells(&grammar, &cut.records[heading.place]);
                let place = |wanted: &&str| names.iter().position(|name| name == wanted);
                self.purpose.wanted.iter().map(place).collect::<Option<_>>()?
            }
        };
        let mut scratch = Vec::new();
        let mut values = Vec::new();
        for (_, fields) in cut.sound_records() {
            for column in &columns {
                let field = fields.get(*column)?;
                values
                    .push(grammar.plain(self.sampled.sample.bytes, *field, &mut scratch).to_vec());
            }
        }
        Some(values)
    }

    /// Refuses `'` as a quote where it also stands inside of words.
    fn check_single_quotes(&self, best: &Cut) -> Result<(), Error> {
        let is_bare =
            |record: &Record| matches!(record.cells, Err(Fault::BareQuote | Fault::AfterQuote));
        let doubtful = best.candidate.quote == Quote::Single
            && self.sampled.options.quote.is_none()
            && best.records.iter().any(is_bare);
        if !doubtful {
            return Ok(());
        }
        Err(self.purpose.refuse(
            "has fields in ' quotes, and ' inside of others",
            "give --quote \"'\" or --quote '\"'",
        ))
    }

    /// Refuses a sample most of which cannot be read; returns the share of what cannot.
    fn check_records(&self, grammar: &Grammar, first: usize) -> Result<f64, Error> {
        let outcome = grammar.outcome(self.sampled.sample.bytes, first);
        let all = outcome.sound + outcome.aside;
        if outcome.aside > outcome.sound
            && let Some((line, fault)) = outcome.fault
        {
            let before = grammar.count_lines(&self.sampled.sample.bytes[..first]) as u64;
            let line = line + self.sampled.skipped.1 + before;
            let delimiter = String::from_utf8_lossy(&grammar.delimiter);
            return Err(self.purpose.refuse(
                format!(
                    "{} of the first {all} records cannot be read with delimiter {delimiter:?} (line {line}: {})",
                    outcome.aside,
                    fault.text(grammar)
                ),
                fault.flags(),
            ));
        }
        Ok(outcome.aside as f64 / all.max(1) as f64)
    }

    /// Notes what may be read otherwise than it is meant.
    fn note_text(&mut self, best: &Cut) {
        let grammar = best.candidate.grammar(self.sampled.sample, best.fields);
        let mut scratch = Vec::new();
        let (mut single, mut invalid) = (0_u64, 0_u64);
        for (_, fields) in best.sound_records() {
            for field in fields {
                let cell = grammar.plain(self.sampled.sample.bytes, *field, &mut scratch);
                let is_single = cell.len() > 2 && cell.starts_with(b"'") && cell.ends_with(b"'");
                single += u64::from(is_single);
                invalid += u64::from(std::str::from_utf8(cell).is_err());
            }
        }
        if single > 0 && grammar.quote != Some(b'\'') {
            self.notes.push(format!(
                "{single} cells at the start of the file stand in ' quotes, which are kept as text; --quote \"'\" takes them off"
            ));
        }
        if invalid > 0 {
            self.notes.push(format!(
                "{invalid} cells at the start of the file are not UTF-8; if they are Western, give --encoding windows-1252"
            ));
        }
        self.notes.extend(note_encoding(self.coding.encoding, self.sampled.sample, best));
    }
}

/// The commonest number of fields.
fn fields_of(records: &[Record]) -> Option<usize> {
    records.iter().any(|record| record.cells.is_ok()).then(|| commonest(records))
}

/// Describes a candidate in a few words.
fn words(candidate: &Candidate) -> String {
    let escape = match candidate.escape {
        Escape::Doubled => "",
        Escape::Backslash => " and escape \\",
    };
    format!("delimiter `{}` with quote {}{escape}", candidate.delimiter, candidate.quote)
}

/// Tells whether each fourth byte is a Latin letter, and all others are zero.
fn is_utf32(head: &[u8]) -> bool {
    [0, 3].into_iter().any(|lane| {
        let characters = head.as_chunks::<4>().0;
        let is_latin = |bytes: &&[u8; 4]| {
            let others = bytes.iter().enumerate().filter(|(place, _)| *place != lane);
            bytes[lane] != 0 && others.map(|(_, byte)| *byte).all(|byte| byte == 0)
        };
        characters.iter().filter(is_latin).count() * 10 > characters.len() * 9
    })
}
