//! Settings that do not fit the file: what it looks like without them.

use super::{
    detect::{Cut, HEADER_WITHIN, Sample},
    encoding::{Coding, as_windows_1252, mended},
    sampling::Sampled,
    scan::{Field, Reach},
};
use crate::{
    dialect::{CsvOptions, Encoding, Header},
    error::printable,
};

/// Characters of a line that a message shows.
const SHOWN: usize = 80;

/// What is wrong, and which settings to give.
pub(super) struct Doubt {
    pub(super) found: String,
    pub(super) help: String,
}

impl Doubt {
    fn new(found: impl Into<String>, help: impl Into<String>) -> Self {
        Self { found: found.into(), help: help.into() }
    }
}

/// A file of whose settings there may be doubts.
#[derive(Clone, Copy)]
pub(super) struct Doubts<'a> {
    pub(super) file: &'a str,
    pub(super) options: &'a CsvOptions,
    /// The columns asked for.
    pub(super) wanted: &'a [&'a str],
    pub(super) coding: Coding,
    /// The sample with what `--skip-lines` passes over.
    pub(super) bytes: &'a [u8],
    pub(super) reach: Reach,
}

/// The line that names the columns, as it is found without a setting.
struct Heading {
    line: u64,
    text: String,
    delimiter: String,
    fields: usize,
    /// It names all columns that are asked for.
    is_wanted: bool,
    score: f64,
}

impl Doubts<'_> {
    /// Finds settings by which no line names the columns asked for, if one does without them, and those
    /// by which there is no line at all or one column.
    pub(super) fn find(self, sampled: &Sampled<'_>, best: &Cut) -> Option<Doubt> {
        if !self.wanted.is_empty() && self.names_wanted(self.options, sampled.sample, best) {
            return None;
        }
        let without = without_each(self.options);
        let found =
            |(flags, options): &(String, CsvOptions)| Some((flags.clone(), self.heading(options)?));
        let found = without.iter().filter_map(found).collect::<Vec<_>>();
        if let Some((flags, heading)) = found.iter().find(|(_, heading)| heading.is_wanted) {
            let is_numbered = self.options.header == Header::Absent && flags == "--delimiter";
            return Some(if is_numbered {
                self.misread(best, heading)
            } else {
                self.hidden(flags, heading)
            });
        }
        let is_better = |heading: &Heading| {
            heading.fields > 1 && best.fields == 1 || heading.score > 2.0 * best.score
        };
        let delimited = found.iter().find(|(flags, _)| flags == "--delimiter");
        if let Some((_, heading)) = delimited.filter(|(_, heading)| is_better(heading))
            && !self.wanted.is_empty()
        {
            return Some(self.misread(best, heading));
        }
        self.other_encoding(sampled.sample, best).or_else(|| self.nothing_left(best))
    }

    /// Describes a delimiter that leaves one column, where no columns are asked for.
    pub(super) fn note(self, best: &Cut) -> Option<String> {
        let is_doubtful = self.wanted.is_empty() && best.fields == 1;
        self.options.delimiter.as_ref().filter(|_| is_doubtful)?;
        let options = CsvOptions { delimiter: None, ..self.options.clone() };
        let found = self.heading(&options).filter(|found| found.fields > 1)?;
        let Doubt { found, help } = self.misread(best, &found);
        Some(format!("{found}; {help}"))
    }

    /// Returns true if the columns asked for are there.
    fn names_wanted(self, options: &CsvOptions, sample: Sample<'_>, cut: &Cut) -> bool {
        if options.header == Header::Absent {
            let is_there = |name: &&str| {
                name.parse().is_ok_and(|column: usize| (1..=cut.fields).contains(&column))
            };
            return self.wanted.iter().all(is_there);
        }
        cut.names_all(sample, self.wanted).is_some()
    }

    /// Finds the line that names the columns by other options.
    fn heading(self, options: &CsvOptions) -> Option<Heading> {
        let sampled = Sampled::new(options, self.bytes, self.reach);
        let cut = sampled.detect(self.file, self.wanted).best;
        let is_wanted = !self.wanted.is_empty() && self.names_wanted(options, sampled.sample, &cut);
        let place = cut.names_all(sampled.sample, self.wanted).filter(|_| is_wanted);
        let record = cut.records.get(place.unwrap_or(0))?;
        let grammar = cut.candidate.grammar(sampled.sample, cut.fields);
        Some(Heading {
            line: sampled.lines_before(&grammar, record.start) + 1,
            text: shortened(sampled.line_at(record.start)),
            delimiter: cut.candidate.delimiter.to_string(),
            fields: cut.fields,
            is_wanted,
            score: cut.score,
        })
    }

    /// Describes settings that hide the line that names the columns.
    fn hidden(self, flags: &str, found: &Heading) -> Doubt {
        let Heading { line, text, delimiter, .. } = found;
        let columns = self.wanted_text();
        let (what, help) = match flags {
            "--delimiter" => (
                format!("; its delimiter seems to be `{delimiter}`"),
                format!("give --delimiter {}, or leave it out", quoted(delimiter)),
            ),
            _ => (String::new(), format!("leave {flags} out")),
        };
        Doubt::new(
            format!(
                "no line names {columns} with {flags}, but line {line} does without: `{text}`{what}"
            ),
            help,
        )
    }

    /// Describes a delimiter that is another one.
    fn misread(self, best: &Cut, found: &Heading) -> Doubt {
        let Heading { line, text, delimiter, fields, .. } = found;
        let (given, columns) = (&best.candidate.delimiter, self.wanted_text());
        let plural = if best.fields == 1 { "" } else { "s" };
        let is_named = !columns.is_empty() && self.options.header == Header::Named;
        let none = if is_named { format!(", none of them {columns}") } else { String::new() };
        Doubt::new(
            format!(
                "with delimiter `{given}` it has {} column{plural}{none}; with `{delimiter}` it has \
                 {fields}, and line {line} is `{text}`",
                best.fields
            ),
            format!("give --delimiter {}, or leave it out", quoted(delimiter)),
        )
    }

    /// Finds an encoding by which a column is named that is asked for.
    fn other_encoding(self, sample: Sample<'_>, best: &Cut) -> Option<Doubt> {
        let grammar = best.candidate.grammar(sample, best.fields);
        let mut scratch = Vec::new();
        let mut named = |field: &Field| {
            let cell = grammar.plain(sample.bytes, *field, &mut scratch);
            let (name, help) = match (self.coding.encoding, std::str::from_utf8(cell)) {
                (Encoding::Utf8, Err(_)) => (as_windows_1252(cell), "give --encoding windows-1252"),
                (Encoding::Latin1 | Encoding::Windows1252, Ok(text)) => {
                    (mended(text)?, "leave --encoding out")
                }
                _ => return None,
            };
            let is_wanted = self.wanted.contains(&name.as_str());
            is_wanted.then(|| {
                let (name, encoding) = (printable(&name).into_owned(), self.coding.encoding);
                Doubt::new(format!("column `{name}` is not readable as {encoding}"), help)
            })
        };
        let records = best.records.iter().take(HEADER_WITHIN);
        records.flat_map(|record| record.cells.iter().flatten()).find_map(&mut named)
    }

    /// Finds the setting that leaves no line of a file that has some.
    fn nothing_left(self, best: &Cut) -> Option<Doubt> {
        let CsvOptions { skip_lines, comment, .. } = self.options;
        let is_blank = self.bytes.trim_ascii().is_empty();
        let flag = if *skip_lines > 0 { "--skip-lines" } else { "--comment" };
        let is_given = *skip_lines > 0 || comment.is_some();
        (best.records.is_empty() && !is_blank && is_given).then(|| {
            Doubt::new(
                format!("no line is left after {flag}"),
                format!("leave {flag} out, or change it"),
            )
        })
    }

    /// Names the columns asked for.
    fn wanted_text(self) -> String {
        let mut names: Vec<String> = Vec::new();
        for name in self.wanted {
            let name = format!("`{}`", printable(name));
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.join(" and ")
    }
}

/// The beginning of a line, for people.
fn shortened(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line).into_owned();
    let cut = text.char_indices().nth(SHOWN).map(|(place, _)| format!("{}…", &text[..place]));
    printable(&cut.unwrap_or(text)).into_owned()
}

/// Quotes a delimiter for a shell where that is needed.
fn quoted(delimiter: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b',' | b':' | b'^');
    if delimiter.bytes().all(is_plain) { delimiter.into() } else { format!("'{delimiter}'") }
}

/// The options without each setting that is given, and without all of them.
fn without_each(options: &CsvOptions) -> Vec<(String, CsvOptions)> {
    type Drop = fn(&mut CsvOptions);
    let settings: [(&str, bool, Drop); 6] = [
        ("--delimiter", options.delimiter.is_some(), |options| options.delimiter = None),
        ("--skip-lines", options.skip_lines > 0, |options| options.skip_lines = 0),
        ("--comment", options.comment.is_some(), |options| options.comment = None),
        ("--quote", options.quote.is_some(), |options| options.quote = None),
        ("--escape", options.escape.is_some(), |options| options.escape = None),
        ("--no-header", options.header == Header::Absent, |options| options.header = Header::Named),
    ];
    let given = settings.into_iter().filter(|(_, is_given, _)| *is_given).collect::<Vec<_>>();
    let without = |settings: &[(&str, bool, Drop)]| {
        let mut options = options.clone();
        for (_, _, drop) in settings {
            drop(&mut options);
        }
        let flags = settings.iter().map(|(flag, ..)| *flag).collect::<Vec<_>>();
        (flags.join(" and "), options)
    };
    let mut each: Vec<_> = given.chunks(1).map(without).collect();
    if given.len() > 1 {
        each.push(without(&given));
    }
    each
}

/// Describes text that looks as if it were decoded by another encoding than it was written in.
pub(super) fn note_encoding(encoding: Encoding, sample: Sample<'_>, best: &Cut) -> Option<String> {
    let grammar = best.candidate.grammar(sample, best.fields);
    let mut scratch = Vec::new();
    let (mut count, mut first, mut others, mut controls) = (0_u64, None, 0_u64, 0_u64);
    for field in best.records.iter().flat_map(|record| record.cells.iter().flatten()) {
        let cell = grammar.plain(sample.bytes, *field, &mut scratch);
        let Ok(text) = std::str::from_utf8(cell) else { continue };
        if text.is_ascii() {
            continue;
        }
        controls += u64::from(text.contains(|c: char| ('\u{80}'..='\u{9f}').contains(&c)));
        if mended(text).is_some() {
            count += 1;
            first.get_or_insert_with(|| text.to_owned());
        } else {
            others += 1;
        }
    }
    let Some(text) = first else {
        return (encoding == Encoding::Latin1 && controls > 0).then(|| {
            let (cells, contain) =
                if controls == 1 { ("cell", "contains") } else { ("cells", "contain") };
            format!(
                "{controls} {cells} at the start of the file {contain} control characters; give \
                 --encoding windows-1252"
            )
        });
    };
    let such = printable(&text);
    let (cells, are) = if count == 1 { ("cell", "is") } else { ("cells", "are") };
    let found = format!("{count} {cells} at the start of the file {are}");
    Some(match encoding {
        Encoding::Latin1 | Encoding::Windows1252 if others == 0 => {
            format!("{found} UTF-8, such as `{such}`; leave --encoding out")
        }
        Encoding::Latin1 | Encoding::Windows1252 => {
            format!("{found} UTF-8, {others} are not; export it again")
        }
        _ => format!("{found} garbled, such as `{such}`; export it again"),
    })
}
