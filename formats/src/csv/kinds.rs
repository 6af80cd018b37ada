//! What the cells of a column look like.

/// What a column holds, as far as its cells tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Integer,
    Number,
    Date,
    Text,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Integer, Self::Number, Self::Date, Self::Text];

    /// Sorts a cell; `None` where it is empty or spells a null.
    pub(crate) fn of(cell: &[u8]) -> Option<Self> {
        if is_null(cell) {
            return None;
        }
        Some(if is_integer(cell) {
            Self::Integer
        } else if is_number(cell) {
            Self::Number
        } else if is_date(cell) {
            Self::Date
        } else {
            Self::Text
        })
    }

    /// Returns true if a cell may stand in such a column.
    pub(crate) fn admits(self, cell: &[u8]) -> bool {
        match (self, Self::of(cell)) {
            (Self::Text, _) | (_, None) | (Self::Number, Some(Self::Integer)) => true,
            (kind, Some(found)) => kind == found,
        }
    }
}

/// The kinds of a column's cells, counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Census {
    counts: [usize; 4],
}

impl Census {
    /// Takes in a cell.
    pub(crate) fn see(&mut self, cell: &[u8]) {
        if let Some(kind) = Kind::of(cell) {
            self.counts[kind as usize] += 1;
        }
    }

    fn cells(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Decides the column's kind: nearly all cells must be of it.
    pub(crate) fn kind(&self) -> Kind {
        let cells = self.cells();
        // Of two cells nothing is known.
        if cells < 3 {
            return Kind::Text;
        }
        let numbers = self.counts[Kind::Integer as usize] + self.counts[Kind::Number as usize];
        let most = |count: usize| count * 100 >= cells * 98;
        if most(self.counts[Kind::Integer as usize]) {
            Kind::Integer
        } else if most(numbers) {
            Kind::Number
        } else if most(self.counts[Kind::Date as usize]) {
            Kind::Date
        } else {
            Kind::Text
        }
    }

    /// The share of these cells among them and `others`.
    pub(crate) fn share_beside(&self, others: usize) -> f64 {
        self.cells() as f64 / (self.cells() + others).max(1) as f64
    }

    /// The share of the commonest kind.
    pub(crate) fn regularity(&self) -> f64 {
        let most = Kind::ALL.iter().map(|kind| self.counts[*kind as usize]).max().unwrap_or(0);
        if most == 0 { 0.0 } else { most as f64 / self.cells() as f64 }
    }
}

/// How nulls are spelled by those who do not leave them empty.
const NULLS: [&[u8]; 10] =
    [b"", b"\\N", b"NULL", b"null", b"Null", b"NA", b"N/A", b"NaN", b"nan", b"None"];

fn is_null(cell: &[u8]) -> bool {
    cell.len() <= 4 && NULLS.contains(&cell)
}

fn is_integer(cell: &[u8]) -> bool {
    let digits = cell.strip_prefix(b"-").unwrap_or(cell);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

fn is_number(cell: &[u8]) -> bool {
    let begins = matches!(cell.first(), Some(b'0'..=b'9' | b'-' | b'+' | b'.' | b'$'));
    if !begins || cell.len() > 40 {
        return false;
    }
    let Ok(text) = std::str::from_utf8(cell) else { return false };
    let text = text.strip_prefix('$').unwrap_or(text);
    let text = text.strip_suffix('%').unwrap_or(text);
    // `1,5` and `1.234,56` as well.
    text.parse::<f64>().is_ok()
        || (text.contains(',') && text.replace('.', "").replace(',', ".").parse::<f64>().is_ok())
}

/// Returns true if a cell is a date or a time of some form: digits, and what stands between them.
fn is_date(cell: &[u8]) -> bool {
    if !(5..=35).contains(&cell.len()) || !cell.first().is_some_and(u8::is_ascii_digit) {
        return false;
    }
    let mut digits = 0;
    let mut marks = 0;
    for byte in cell {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'-' | b'/' | b':' => marks += 1,
            b'.' | b' ' | b'+' | b'T' | b'Z' | b'U' | b'C' | b'A' | b'P' | b'M' => {}
            _ => return false,
        }
    }
    digits >= 4 && marks >= 2 || (digits >= 4 && marks >= 1 && memchr::memchr(b':', cell).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_sorted_by_their_looks() {
        use Kind::{Date, Integer, Number, Text};
        for (cell, kind) in [
            ("", None),
            ("NULL", None),
            ("17", Some(Integer)),
            ("-17", Some(Integer)),
            ("1.5", Some(Number)),
            ("1,5", Some(Number)),
            ("1e9", Some(Number)),
            ("2010-12-01", Some(Date)),
            ("2010-12-01T08:26:00Z", Some(Date)),
            ("12/1/2010 8:26", Some(Date)),
            ("tea", Some(Text)),
            ("12-B", Some(Text)),
            ("-", Some(Text)),
        ] {
            assert_eq!(Kind::of(cell.as_bytes()), kind, "{cell}");
        }
    }
}
