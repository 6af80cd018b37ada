//! Which dialect a sample is written in: the one that the strict tokenizer cuts most evenly, into
//! columns whose cells look alike.

use memchr::memmem;

use super::{
    guard::Guard,
    kinds::{Census, Kind},
    rows::Outcome,
    scan::{Fault, Field, Form, Grammar, Reach, Scanner, Step},
};
use crate::dialect::{CsvOptions, Delimiter, Escape, Header, LineEnd, Quote};

/// What may stand between fields, the likelier first.
const DELIMITERS: [&str; 17] = [
    ",", ";", "\t", "|", ", ", "; ", "::", "||", ":", "^", "~", "\x01", "\x1f", "\u{a7}", "#", "&",
    "|~|",
];

/// Records among which the header is looked for.
pub(super) const HEADER_WITHIN: usize = 1_000;

/// A dialect as far as records are cut by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) delimiter: Delimiter,
    pub(crate) quote: Quote,
    pub(crate) escape: Escape,
}

/// The first bytes of a file, up to the end of a line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) line_end: LineEnd,
    pub(crate) most: usize,
    pub(crate) comment: Option<&'a str>,
}

/// A sample, cut.
#[derive(Clone, Debug)]
pub(crate) struct Cut {
    pub(crate) candidate: Candidate,
    /// The commonest number of fields.
    pub(crate) fields: usize,
    pub(crate) records: Vec<Record>,
    pub(crate) score: f64,
    /// Share of the records with that number of fields.
    pub(crate) sound: f64,
    malformed: usize,
    /// Records with an enclosed field.
    enclosed: usize,
}

/// What stands at the beginning of a line of the sample.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) start: usize,
    pub(crate) next: usize,
    pub(crate) cells: Result<Vec<Field>, Fault>,
}

impl Candidate {
    /// Makes the grammar of records of so many fields.
    pub(crate) fn grammar(&self, sample: Sample<'_>, fields: usize) -> Grammar {
        let quote =
            self.quote.byte().filter(|quote| !self.delimiter.as_str().as_bytes().contains(quote));
        Grammar {
            delimiter: self.delimiter.as_str().into(),
            quote,
            escape: (self.escape == Escape::Backslash).then_some(b'\\'),
            line_end: sample.line_end,
            fields,
            most: sample.most,
            comment: sample.comment.map(Into::into),
            header: None,
            guard: Guard::default(),
        }
    }
}

impl Cut {
    /// Cuts the sample and scores how well that went.
    pub(crate) fn new(candidate: Candidate, sample: Sample<'_>) -> Self {
        let grammar = candidate.grammar(sample, 0);
        let records = grammar.records(sample.bytes);
        let fields = commonest(&records);
        let mut cut = Self {
            candidate,
            fields,
            malformed: records.iter().filter(|record| record.cells.is_err()).count(),
            enclosed: records.iter().filter(|record| record.is_enclosed()).count(),
            records,
            score: 0.0,
            sound: 0.0,
        };
        let sound = cut.sound_records().count();
        cut.sound = sound as f64 / cut.records.len().max(1) as f64;
        let width = (fields as f64 - 1.0).max(0.0) / fields.max(1) as f64;
        if width > 0.0 {
            cut.score = cut.sound.powi(2) * (0.1 + cut.regularity(&grammar, sample.bytes)) * width;
        }
        cut
    }

    /// The records with the commonest number of fields.
    pub(crate) fn sound_records(&self) -> impl Iterator<Item = (&Record, &[Field])> {
        let sound = |record| Some((record, Record::fields(record, self.fields)?));
        self.records.iter().filter_map(sound)
    }

    /// Finds the record, by its position, that holds all of these cells.
    pub(crate) fn names_all(&self, sample: Sample<'_>, wanted: &[&str]) -> Option<usize> {
        let grammar = self.candidate.grammar(sample, self.fields);
        let (mut scratch, mut cells) = (Vec::new(), Vec::new());
        self.records.iter().take(HEADER_WITHIN).position(|record| {
            let Ok(fields) = &record.cells else { return false };
            cells.clear();
            for field in fields {
                cells.push(grammar.plain(sample.bytes, *field, &mut scratch).to_vec());
            }
            wanted.iter().all(|wanted| cells.iter().any(|cell| cell == wanted.as_bytes()))
        })
    }

    /// Mean share of each column's commonest kind; cells that look cut wrongly are of none.
    fn regularity(&self, grammar: &Grammar, bytes: &[u8]) -> f64 {
        let mut columns = vec![(Census::default(), 0_usize); self.fields];
        let mut scratch = Vec::new();
        // The header's cells are of other kinds than those below it.
        for (_, fields) in self.sound_records().skip(1).take(4_000) {
            for ((census, odd), field) in columns.iter_mut().zip(fields) {
                let cell = grammar.plain(bytes, *field, &mut scratch);
                if is_odd(cell) { *odd += 1 } else { census.see(cell) }
            }
        }
        let share =
            |(census, odd): &(Census, usize)| census.regularity() * census.share_beside(*odd);
        columns.iter().map(share).sum::<f64>() / columns.len().max(1) as f64
    }

    fn malformed_share(&self) -> f64 {
        self.malformed as f64 / self.records.len().max(1) as f64
    }

    fn enclosed_share(&self) -> f64 {
        self.enclosed as f64 / self.records.len().max(1) as f64
    }
}

impl Record {
    /// The fields, if they are so many.
    pub(crate) fn fields(&self, count: usize) -> Option<&[Field]> {
        self.cells.as_deref().ok().filter(|fields| fields.len() == count)
    }

    fn is_enclosed(&self) -> bool {
        let enclosed = |field: &Field| matches!(field.form, Form::Quoted | Form::Escaped);
        self.cells.as_ref().is_ok_and(|fields| fields.iter().any(enclosed))
    }
}

impl Grammar {
    /// Reads a sample from `first` on and counts what can be read; the faulty line is counted from
    /// there.
    pub(crate) fn outcome(&self, bytes: &[u8], first: usize) -> Outcome {
        let mut outcome = Outcome::default();
        let mut scanner = Scanner::new(self, bytes, Reach::End, first);
        let (mut place, mut line) = (first, 1);
        while place < bytes.len() {
            match scanner.step(place) {
                Step::Sound { next, lines } => {
                    outcome.sound += 1;
                    (place, line) = (next, line + lines as u64);
                }
                Step::Aside { next, lines, fault, .. } => {
                    outcome.add(Outcome::aside(line, fault));
                    (place, line) = (next, line + lines as u64);
                }
                Step::Blank { next } => (place, line) = (next, line + 1),
                Step::More | Step::Long { .. } => break,
            }
        }
        outcome
    }

    /// Cuts all records of a sample, of any number of fields.
    pub(crate) fn records(&self, bytes: &[u8]) -> Vec<Record> {
        let mut records = Vec::new();
        let mut start = 0;
        while start < bytes.len() {
            let Some((end, next)) = self.line(bytes, start, Reach::End) else { break };
            let is_comment =
                self.comment.as_ref().is_some_and(|comment| bytes[start..].starts_with(comment));
            if start == end || is_comment {
                start = next;
                continue;
            }
            let mut fields = Vec::new();
            let cells = self.cut(bytes, start, &mut fields);
            let next = *cells.as_ref().unwrap_or(&next);
            records.push(Record { start, next, cells: cells.map(|_| fields) });
            start = next;
        }
        records
    }
}

/// The commonest number of fields, of equally common ones the one that comes first.
pub(crate) fn commonest(records: &[Record]) -> usize {
    let mut counts: Vec<(usize, usize)> = Vec::new();
    for fields in records.iter().filter_map(|record| record.cells.as_ref().ok()) {
        match counts.iter_mut().find(|(known, _)| *known == fields.len()) {
            Some((_, count)) => *count += 1,
            None => counts.push((fields.len(), 1)),
        }
    }
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
    counts.iter().find(|(_, count)| *count == most).map_or(1, |(fields, _)| *fields)
}

/// Returns true if a cell looks as if it were cut or unquoted wrongly.
fn is_odd(cell: &[u8]) -> bool {
    let edge = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'"' | b'\''));
    edge(cell.first()) || edge(cell.last()) || cell.last() == Some(&b'\\')
}

/// What the detector came to.
pub(crate) struct Detected {
    pub(crate) best: Cut,
    /// Others that are nearly as likely, the likelier first.
    pub(crate) rivals: Vec<Cut>,
}

/// Finds the dialect; what `options` say is not asked for. A dialect in which a line names all of
/// `wanted` goes before others.
pub(crate) fn detect(
    sample: Sample<'_>,
    options: &CsvOptions,
    is_tsv: bool,
    wanted: &[&str],
) -> Detected {
    let mut cuts = Vec::new();
    for delimiter in delimiters(sample, options) {
        cuts.extend(quotings(&delimiter, sample, options));
    }
    prefer_longer(&mut cuts);
    let tab = |cut: &Cut| cut.candidate.delimiter.as_str() == "\t" && cut.fields > 1;
    if is_tsv && cuts.iter().any(tab) {
        cuts.retain(tab);
    }
    // Stable: of equals the likelier delimiter and quoting stays first.
    cuts.sort_by(|a, b| b.score.total_cmp(&a.score));
    if !wanted.is_empty() && options.header == Header::Named {
        cuts.sort_by_key(|cut| cut.names_all(sample, wanted).is_none());
    }
    if cuts.first().is_none_or(|cut| cut.score == 0.0) {
        let candidate = Candidate {
            delimiter: options.delimiter.clone().unwrap_or_default(),
            quote: options.quote.unwrap_or_default(),
            escape: options.escape.unwrap_or_default(),
        };
        return Detected { best: Cut::new(candidate, sample), rivals: Vec::new() };
    }
    let best = cuts.remove(0);
    let is_named = best.names_all(sample, wanted).is_some();
    cuts.retain(|cut| {
        cut.score > 0.9 * best.score && is_named == cut.names_all(sample, wanted).is_some()
    });
    Detected { best, rivals: cuts }
}

/// The delimiters that occur often enough to be tried.
fn delimiters(sample: Sample<'_>, options: &CsvOptions) -> Vec<Delimiter> {
    if let Some(given) = &options.delimiter {
        return vec![given.clone()];
    }
    let head = &sample.bytes[..sample.bytes.len().min(64 << 10)];
    let lines = memchr::memchr2_iter(b'\n', b'\r', head).count().max(1);
    let occurs = |text: &&&str| memmem::find_iter(head, text.as_bytes()).count() * 4 >= lines;
    let parse = |text: &&str| text.parse().ok();
    DELIMITERS.iter().filter(occurs).filter_map(parse).collect()
}

/// Cuts by a delimiter with every quoting that may be meant.
fn quotings(delimiter: &Delimiter, sample: Sample<'_>, options: &CsvOptions) -> Vec<Cut> {
    let has = |text: &[u8]| memmem::find(sample.bytes, text).is_some();
    let has_backslash = || has(b"\\\"") || has(b"\\'") || has(b"\\\\");
    let escapes: &[Escape] = match options.escape {
        Some(Escape::Backslash) => &[Escape::Backslash],
        None if has_backslash() => &[Escape::Doubled, Escape::Backslash],
        Some(Escape::Doubled) | None => &[Escape::Doubled],
    };
    let cut =
        |quote, escape| Cut::new(Candidate { delimiter: delimiter.clone(), quote, escape }, sample);
    if let Some(quote) = options.quote {
        return escapes.iter().map(|escape| cut(quote, *escape)).collect();
    }
    let doubles: Vec<Cut> = escapes.iter().map(|escape| cut(Quote::Double, *escape)).collect();
    // That nothing is malformed without quotes says nothing: they must be no quotes.
    let no_quotes =
        doubles.iter().all(|cut| cut.enclosed_share() < 0.02 && cut.malformed_share() > 0.02);
    let mut cuts = doubles;
    if has(b"'") {
        let single = escapes.iter().map(|escape| cut(Quote::Single, *escape));
        cuts.extend(single.filter(|cut| cut.enclosed_share() > 0.05));
    }
    if no_quotes {
        cuts.extend(escapes.iter().map(|escape| cut(Quote::None, *escape)));
    }
    cuts
}

/// Lets a longer delimiter win over its own part where it cuts as evenly, the header included.
fn prefer_longer(cuts: &mut Vec<Cut>) {
    let is_beaten = |part: &Cut| {
        cuts.iter().any(|long| {
            let (short, text) =
                (part.candidate.delimiter.as_str(), long.candidate.delimiter.as_str());
            let count = text.matches(short).count();
            // Every short one is part of a long one.
            let is_whole = part.fields == count * (long.fields.max(1) - 1) + 1;
            text.len() > short.len()
                && count > 0
                && long.fields > 1
                && (long.sound > part.sound || long.sound == part.sound && is_whole)
                && long.records.first().is_some_and(|header| header.fields(long.fields).is_some())
        })
    };
    let beaten: Vec<bool> = cuts.iter().map(is_beaten).collect();
    let mut beaten = beaten.into_iter();
    cuts.retain(|_| !beaten.next().unwrap_or(false));
}

/// What a sample says of the columns, for the guard against stray quotes.
pub(crate) fn guard(grammar: &Grammar, bytes: &[u8], records: &[Record]) -> Guard {
    let mut census = vec![Census::default(); grammar.fields];
    let mut scratch = Vec::new();
    let sound =
        || records.iter().filter_map(|record| Some((record, record.fields(grammar.fields)?)));
    for (record, fields) in sound() {
        if grammar.count_lines(&bytes[record.start..record.next]) > 1 {
            continue;
        }
        for (census, field) in census.iter_mut().zip(fields) {
            census.see(grammar.plain(bytes, *field, &mut scratch));
        }
    }
    let kinds: Vec<Kind> = census.iter().map(Census::kind).collect();
    let mut guard = Guard { kinds, trusted: vec![false; grammar.fields] };
    let mut meant = vec![0; grammar.fields];
    for (record, fields) in sound() {
        let broken = super::guard::broken(grammar, bytes, fields);
        if !broken.is_empty()
            && guard.has_no_lookalikes(grammar, bytes, record.start, record.next, fields)
        {
            for column in broken {
                meant[column] += 1;
            }
        }
    }
    guard.trusted = meant.iter().map(|count| *count >= 3).collect();
    guard
}
