//! Text for people: tables, numbers, histograms and suggestions.

use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Width};
pub(crate) use ilk_engine::text::{
    bytes_text, closest, counted, did_you_mean, grouped, quoted, rounded, shortened,
};
use ilk_formats::printable;

/// Returns the width to fill on standard output: the terminal's, `COLUMNS` where it is set, else 80.
pub(crate) fn width() -> usize {
    width_of(&console::Term::stdout()).unwrap_or(80)
}

/// Returns the width of lines on standard error. Where nobody looks, such as in a log that is searched,
/// a message is one line.
pub(crate) fn width_of_notes() -> usize {
    width_of(&console::Term::stderr()).unwrap_or(usize::MAX)
}

fn width_of(terminal: &console::Term) -> Option<usize> {
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let terminal = || terminal.size_checked().map(|(_, columns)| columns.into());
    asked.or_else(terminal).filter(|width| *width >= 20)
}

/// Writes text after a label, no line wider than `width` where that is possible; further lines are
/// indented to where the text begins. Lines break between words only, never inside a command, a flag
/// with its value or anything else that is quoted: what is too long has a line of its own.
pub(crate) fn hung(label: &str, text: &str, width: usize) -> String {
    let begin = format!("{label} ");
    let indent = console::measure_text_width(&begin);
    flowed(begin, text, indent, width)
}

/// Breaks lines that are longer than `width` in the same places; what follows stands `indent` columns
/// further right than the line did.
pub(crate) fn wrapped(text: &str, width: usize, indent: usize) -> String {
    let wrapped = |line: &str| {
        let words = line.trim_start();
        let margin = line.len() - words.len();
        flowed(" ".repeat(margin), words, margin + indent, width)
    };
    let lines = text.split('\n').map(|line| {
        let fits = console::measure_text_width(line) <= width;
        if fits { line.to_owned() } else { wrapped(line) }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Writes text behind `begin`, and indents further lines.
fn flowed(begin: String, text: &str, indent: usize, width: usize) -> String {
    let (mut column, mut lines) = (console::measure_text_width(&begin), begin);
    for (number, unit) in units(text).into_iter().enumerate() {
        let length = console::measure_text_width(unit);
        if number > 0 && column > indent && column + 1 + length > width {
            lines.truncate(lines.trim_end().len());
            lines.push('\n');
            lines.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else if number > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(unit);
        column += length;
    }
    lines
}

/// Cuts text into what stays on one line.
fn units(text: &str) -> Vec<&str> {
    let mut units = Vec::new();
    let (mut begin, mut before, mut quote) = (0, ' ', None);
    for (place, c) in text.char_indices() {
        let rest = &text[place + c.len_utf8()..];
        match quote {
            Some(open) if open == c => quote = None,
            // What follows a letter is an apostrophe.
            None if matches!(c, '`' | '\'') && !before.is_alphanumeric() && rest.contains(c) => {
                quote = Some(c);
            }
            None if c == ' ' && !takes_next(&text[begin..place]) && !rest.starts_with('%') => {
                units.push(&text[begin..place]);
                begin = place + 1;
            }
            _ => {}
        }
        before = c;
    }
    units.push(&text[begin..]);
    units
}

/// Returns true if text ends in a flag, whose value may follow.
fn takes_next(text: &str) -> bool {
    let word = text.rsplit(' ').next().unwrap_or_default().trim_start_matches('(');
    word.starts_with("--") && word.ends_with(|c: char| c.is_ascii_alphanumeric())
}

/// Writes the same for narrow columns: `1.23 M`, `4.50 B`, `6.70 T`.
pub(crate) fn brief(number: u128) -> String {
    [("million", "M"), ("billion", "B"), ("trillion", "T"), ("quadrillion", "Q")]
        .iter()
        .fold(rounded(number), |text, (name, letter)| {
            text.replace(&format!(" {name}"), &format!(" {letter}"))
        })
}

/// Blanks after a column.
const GAP: u16 = 2;

/// Where the cells of a column stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A table without lines: a header, rows, columns two spaces apart, no wider than asked.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    columns: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Makes an empty table with named columns; a table whose names are all empty has no header.
    pub(crate) fn new<'a>(columns: impl IntoIterator<Item = (&'a str, Align)>) -> Self {
        let columns = columns.into_iter().map(|(name, align)| (name.to_owned(), align));
        Self { columns: columns.collect(), rows: Vec::new() }
    }

    /// Appends a row.
    ///
    /// # Panics
    /// If it has another number of cells than the table has columns.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells: Vec<_> = cells.into_iter().map(|cell| printable(&cell).into_owned()).collect();
        assert_eq!(cells.len(), self.columns.len(), "a row has one cell per column");
        self.rows.push(cells);
    }

    /// Returns how wide each column must be so that no word of its name breaks, and, `whole`, none of its
    /// cells either; numbers do not break before their units.
    fn least_widths(&self, whole: bool) -> Vec<usize> {
        let widest = |text: &str| text.split(' ').map(console::measure_text_width).max();
        let columns = self.columns.iter().enumerate();
        let least = columns.map(|(place, (name, align))| {
            let cells = self.rows.iter().filter(|_| whole).filter_map(|row| match align {
                Align::Left => widest(&row[place]),
                Align::Right => Some(console::measure_text_width(&row[place])),
            });
            cells.chain(widest(name)).max().unwrap_or(0)
        });
        least.collect()
    }

    /// Writes every row below the other, a line for each cell after its column's name; `None` where
    /// columns have no names, and where a word would break even so.
    fn stacked(&self, width: usize) -> Option<String> {
        let names = self.columns.iter().map(|(name, _)| console::measure_text_width(name));
        let names = names.collect::<Vec<_>>();
        let margin = names.iter().max()? + usize::from(GAP);
        let least = self.least_widths(true).into_iter().max()?;
        if names.contains(&0) || margin + least > width {
            return None;
        }
        let mut text = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            if number > 0 {
                text.push('\n');
            }
            for ((name, _), cell) in self.columns.iter().zip(row) {
                let line = format!("{name:<margin$}{cell}");
                text.push_str(wrapped(&line, width, margin).trim_end());
                text.push('\n');
            }
        }
        Some(text)
    }

    /// Writes the table, wrapping cells so that no line is longer than `width`. Where words or numbers
    /// would break, rows stand below one another instead.
    pub(crate) fn render(&self, width: usize) -> String {
        let fits = |widths: &[usize]| {
            widths.iter().map(|width| width + usize::from(GAP)).sum::<usize>() <= width
        };
        let mut least = self.least_widths(true);
        if !fits(&least) {
            if let Some(text) = self.stacked(width) {
                return text;
            }
            let header = self.least_widths(false);
            least = if fits(&header) { header } else { vec![0; self.columns.len()] };
        }
        let mut table = comfy_table::Table::new();
        table
            .load_style(comfy_table::presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(u16::try_from(width).unwrap_or(u16::MAX));
        let cells = |cells: Vec<&str>| -> Vec<Cell> {
            let aligned = cells.into_iter().zip(&self.columns);
            aligned
                .map(|(text, (_, align))| {
                    Cell::new(text).set_alignment(match align {
                        Align::Left => CellAlignment::Left,
                        Align::Right => CellAlignment::Right,
                    })
                })
                .collect()
        };
        if self.columns.iter().any(|(name, _)| !name.is_empty()) {
            table.set_header(cells(self.columns.iter().map(|(name, _)| name.as_str()).collect()));
        }
        for row in &self.rows {
            table.add_row(cells(row.iter().map(String::as_str).collect()));
        }
        for (column, least) in table.column_iter_mut().zip(least) {
            let least = u16::try_from(least).unwrap_or(0);
            column.set_padding((0, GAP));
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least + GAP)));
        }
        let mut text = String::new();
        for line in table.lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// Counts values by powers of two: 1, 2–3, 4–7, …
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Histogram {
    /// How many values have `index + 1` binary digits.
    buckets: Vec<u64>,
}

impl Histogram {
    /// Takes counts that were made elsewhere: `buckets[b]` values have b + 1 binary digits.
    pub(crate) fn from_buckets(buckets: Vec<u64>) -> Self {
        Self { buckets }
    }

    /// Counts one value; 0 is left out.
    pub(crate) fn add(&mut self, value: u64) {
        let Some(bucket) = value.checked_ilog2() else { return };
        let bucket = bucket as usize;
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += 1;
    }

    /// Writes one line per bucket up to the last that holds something: the range, a bar of at
    /// most what `width` leaves, the count. `unit` heads the ranges, `what` the counts.
    pub(crate) fn render(&self, unit: &str, what: &str, width: usize) -> String {
        let ranges: Vec<_> = (0..self.buckets.len()).map(range_text).collect();
        let counts: Vec<_> = self.buckets.iter().map(|count| grouped(*count)).collect();
        let longest = |texts: &[String], head: &str| {
            let texts = texts.iter().map(|text| text.chars().count());
            texts.chain([head.chars().count()]).max().unwrap_or(0)
        };
        let (left, right) = (longest(&ranges, unit), longest(&counts, what));
        let room = width.saturating_sub(left + right + 4).clamp(8, 40);
        let most = self.buckets.iter().copied().max().unwrap_or(0);
        let mut text = format!("{unit:>left$}  {what:>right$}\n");
        for ((range, count), number) in ranges.iter().zip(&counts).zip(&self.buckets) {
            let line = format!("{range:>left$}  {count:>right$}  {}", bar(*number, most, room));
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

impl Extend<u64> for Histogram {
    fn extend<I: IntoIterator<Item = u64>>(&mut self, values: I) {
        for value in values {
            self.add(value);
        }
    }
}

impl FromIterator<u64> for Histogram {
    fn from_iter<I: IntoIterator<Item = u64>>(values: I) -> Self {
        let mut histogram = Self::default();
        histogram.extend(values);
        histogram
    }
}

/// Writes the range of a power-of-two bucket: `1`, `2–3`, `1,024–2,047`.
fn range_text(bucket: usize) -> String {
    let low = 1_u64 << bucket;
    let high = low - 1 + low;
    if bucket == 0 { "1".into() } else { format!("{}–{}", grouped(low), grouped(high)) }
}

/// Draws a bar of `part` in `whole` in eighths of a block; anything above 0 is visible.
fn bar(part: u64, whole: u64, room: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if part == 0 || whole == 0 {
        return String::new();
    }
    let eighths = (part as f64 / whole as f64 * (room * 8) as f64).round().max(1.0) as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_align_numbers_right_and_keep_to_the_width() {
        let mut table = Table::new([("item", Align::Left), ("users", Align::Right)]);
        table.row(["Earl Grey".into(), grouped(12)]);
        table.row(["A very long name that has to be wrapped".into(), grouped(1_234)]);
        insta::assert_snapshot!(table.render(80), @r"
        item                                     users
        Earl Grey                                   12
        A very long name that has to be wrapped  1,234
        ");
        insta::assert_snapshot!(table.render(30), @r"
        item                   users
        Earl Grey                 12
        A very long name that  1,234
        has to be wrapped
        ");
        // Words break only where they must.
        let mut table = Table::new([("measure", Align::Left), ("popularity", Align::Right)]);
        table.row(["most popular of all".into(), "3.97".into()]);
        insta::assert_snapshot!(table.render(22), @r"
        measure  popularity
        most           3.97
        popular
        of all
        ");
        let narrow = table.render(10);
        assert!(
            narrow.lines().count() > 6 && narrow.lines().all(|line| line.len() <= 10),
            "{narrow}"
        );
    }

    #[test]
    fn long_lines_hang_and_break_between_words_only() {
        let hint = "use --min-overlap 3, which keeps 30 % of `ilk run 'my orders.csv' --user who`, \
                    or --time-format '%d.%m.%Y %H:%M' for the users' times";
        insta::assert_snapshot!(hung("help:", hint, 40), @r"
        help: use --min-overlap 3, which keeps
              30 % of
              `ilk run 'my orders.csv' --user who`,
              or --time-format '%d.%m.%Y %H:%M'
              for the users' times
        ");
        let word = "x".repeat(50);
        let told = hung("note      ", &format!("{word} {word}"), 40);
        assert_eq!(told, format!("note       {word}\n           {word}"));
        // What is not closed quotes nothing.
        assert_eq!(
            units("read with quote ' and `a b` c"),
            ["read", "with", "quote", "'", "and", "`a b`", "c"]
        );
        assert_eq!(hung("error:", "short", 20), "error: short");
    }

    #[test]
    fn rows_stand_below_one_another_before_a_number_breaks() {
        let mut table = Table::new([
            ("sample", Align::Right),
            ("predicted memory", Align::Right),
            ("measured memory", Align::Right),
        ]);
        table.row(["10 %".into(), "1.50 MiB".into(), "1.25 MiB".into()]);
        table.row(["100 %".into(), "128 MiB".into(), "–".into()]);
        insta::assert_snapshot!(table.render(29), @r"
        sample  predicted  measured
                   memory    memory
          10 %   1.50 MiB  1.25 MiB
         100 %    128 MiB         –
        ");
        insta::assert_snapshot!(table.render(28), @r"
        sample            10 %
        predicted memory  1.50 MiB
        measured memory   1.25 MiB

        sample            100 %
        predicted memory  128 MiB
        measured memory   –
        ");
    }

    #[test]
    fn long_lines_break_between_words() {
        assert_eq!(wrapped("short\n", 20, 0), "short\n");
        assert_eq!(wrapped("  one two three four", 12, 2), "  one two\n    three\n    four");
        assert_eq!(wrapped("try `ilk run a.csv` now", 12, 0), "try\n`ilk run a.csv`\nnow");
        assert_eq!(wrapped("see /a/very/long/path now", 10, 0), "see\n/a/very/long/path\nnow");
    }

    #[test]
    fn ids_cannot_drive_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\n"), "a\\u{1b}[2Jb\\n");
        assert_eq!(printable("tea \u{202e}cod.\u{2069}"), "tea \\u{202e}cod.\\u{2069}");
        assert_eq!(printable("żółw קפה"), "żółw קפה");
        assert_eq!(shortened("a long text", 6), "a lon…");
    }

    #[test]
    fn histograms_count_by_powers_of_two() {
        let histogram: Histogram = [1, 1, 1, 1, 2, 3, 9, 0].into_iter().collect();
        insta::assert_snapshot!(histogram.render("items", "users", 40), @r"
        items  users
            1      4  ██████████████████████████
          2–3      2  █████████████
          4–7      0
         8–15      1  ██████▌
        ");
    }
}
