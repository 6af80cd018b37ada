//! Text for people: tables, numbers, histograms and suggestions.

use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Width};
use ilk_formats::printable;

/// Returns the width to fill: the terminal's, `COLUMNS` where it is set, else 80.
pub(crate) fn width() -> usize {
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let terminal = || console::Term::stdout().size_checked().map(|(_, columns)| columns.into());
    asked.or_else(terminal).filter(|width| *width >= 20).unwrap_or(80)
}

/// Writes a whole number with commas between thousands: `541,909`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes a count with its noun: `1 row`, `541,909 rows`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// Writes a large count with three digits that matter: `266,802`, `48.0 million`, `3.60e18`.
pub(crate) fn rounded(number: u128) -> String {
    const SCALES: [(f64, &str); 4] =
        [(1e15, "quadrillion"), (1e12, "trillion"), (1e9, "billion"), (1e6, "million")];
    if number < 1_000_000 {
        return grouped(number as u64);
    }
    // Rounded first: 999.9 million is 1 billion.
    let rounded: f64 = format!("{:.2e}", number as f64).parse().unwrap_or(number as f64);
    let scale = SCALES.iter().find(|(scale, _)| rounded >= *scale && rounded < scale * 1e3);
    let Some((scale, name)) = scale else { return format!("{rounded:.2e}") };
    let value = rounded / scale;
    let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.digits$} {name}")
}

/// Writes a number of bytes with three digits that matter: `512 B`, `1.50 KiB`, `40.2 GiB`.
pub(crate) fn bytes_text(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = (bytes.max(1).ilog2() as usize / 10).min(UNITS.len() - 1);
    let value = bytes as f64 / (1_u64 << (10 * unit)) as f64;
    if unit == 0 {
        return format!("{bytes} B");
    }
    let digits = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.digits$} {}", UNITS[unit])
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

    /// Returns how wide each column must be so that no word breaks: none of all if that fits into
    /// `width`, else none of the header, else any may.
    fn least_widths(&self, width: usize) -> Vec<u16> {
        let widest = |text: &str| text.split(' ').map(console::measure_text_width).max();
        let header = self.columns.iter().map(|(name, _)| widest(name).unwrap_or(0));
        let header = header.collect::<Vec<_>>();
        let all = header.iter().enumerate().map(|(place, name)| {
            let cells = self.rows.iter().filter_map(|row| widest(&row[place]));
            cells.max().unwrap_or(0).max(*name)
        });
        let all = all.collect::<Vec<_>>();
        let fits = |widths: &[usize]| {
            widths.iter().map(|width| width + usize::from(GAP)).sum::<usize>() <= width
        };
        let widths = [all, header].into_iter().find(|widths| fits(widths));
        let widths = widths.unwrap_or_else(|| vec![0; self.columns.len()]);
        widths.into_iter().map(|width| u16::try_from(width).unwrap_or(0)).collect()
    }

    /// Writes the table, wrapping cells so that no line is longer than `width`.
    pub(crate) fn render(&self, width: usize) -> String {
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
        let least = self.least_widths(width);
        for (column, least) in table.column_iter_mut().zip(least) {
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

/// Quotes a word for a shell where it needs that.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./,:=@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.into();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Cuts `text` to at most `width` columns of the terminal, ending in `…` where something is gone.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    console::truncate_str(&printable(text), width, "…").into_owned()
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

/// Finds the known names most like `text`: at most three, best first, none that is unlike it.
pub(crate) fn closest<'a>(
    text: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Vec<&'a str> {
    let lower = text.to_lowercase();
    let mut scored: Vec<(f64, &str)> = Vec::new();
    for candidate in candidates {
        let name = candidate.to_lowercase();
        let starts = !lower.is_empty() && (name.starts_with(&lower) || lower.starts_with(&name));
        let alike = strsim::jaro_winkler(&lower, &name);
        // Half of its letters wrong is another word, however it begins; one slip is the same.
        let slips = strsim::osa_distance(&lower, &name);
        let near = slips * 2 <= lower.chars().count().max(2) && (alike > 0.8 || slips == 1);
        if starts || near {
            scored.push((if starts { alike + 1.0 } else { alike }, candidate));
            // Only three are wanted: of a million ids the others need not be kept.
            if scored.len() > 64 {
                keep_best(&mut scored);
            }
        }
    }
    keep_best(&mut scored);
    scored.into_iter().map(|(_, name)| name).collect()
}

fn keep_best(scored: &mut Vec<(f64, &str)>) {
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.truncate(3);
}

/// Asks `did you mean …?` where a known name is near.
pub(crate) fn did_you_mean<'a>(
    text: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let names = closest(text, candidates);
    let names: Vec<_> = names.iter().map(|name| format!("`{}`", shortened(name, 60))).collect();
    (!names.is_empty()).then(|| format!("did you mean {}?", names.join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (48_300_000, "48,300,000")]
        {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(2_000, "row"), "2,000 rows");
        for (number, text) in [
            (999_999, "999,999"),
            (1_000_000, "1.00 million"),
            (48_021_734, "48.0 million"),
            (999_900_000, "1.00 billion"),
            (360_000_000_000, "360 billion"),
            (10_u128.pow(17), "100 quadrillion"),
            (10_u128.pow(20), "1.00e20"),
        ] {
            assert_eq!(rounded(number), text);
        }
    }

    #[test]
    fn bytes_are_told_in_binary_units() {
        for (bytes, text) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_536, "1.50 KiB"),
            (43_200_000_000, "40.2 GiB"),
            (1 << 50, "1024 TiB"),
        ] {
            assert_eq!(bytes_text(bytes), text);
        }
    }

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
    fn ids_cannot_drive_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\n"), "a\\u{1b}[2Jb\\n");
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

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        let names = ["measure", "weighting", "min_support", "min_overlap", "top"];
        assert_eq!(closest("mesure", names), ["measure"]);
        assert_eq!(closest("min-support", names)[0], "min_support");
        assert_eq!(closest("zzz", names), Vec::<&str>::new());
        assert_eq!(closest("8512", ["85123A", "71053"]), ["85123A"]);
        assert_eq!(did_you_mean("tpo", names), Some("did you mean `top`?".into()));
    }
}
