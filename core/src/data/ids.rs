//! Ids as they come in, and the sorted dictionaries that give each a dense code.
//!
//! Integers compare as integers whatever their width, text compares as bytes; codes are
//! assigned in ascending id order, so comparing codes is comparing ids.

use std::{borrow::Cow, fmt};

use super::hash::hash_id;

/// A list of strings in one buffer. Cost: the bytes plus 8 B per string.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextList {
    text: String,
    ends: Vec<usize>,
}

impl TextList {
    /// Makes an empty list.
    pub const fn new() -> Self {
        Self { text: String::new(), ends: Vec::new() }
    }

    /// Appends `value`.
    pub fn push(&mut self, value: &str) {
        self.text.push_str(value);
        self.ends.push(self.text.len());
    }

    /// Returns the string at `index`.
    ///
    /// # Panics
    /// If `index` is not below [`len`](Self::len).
    pub fn get(&self, index: usize) -> &str {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.text[start..self.ends[index]]
    }

    /// Counts the strings.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns whether the list holds no string.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Counts the bytes of all strings together.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Walks the strings in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|index| self.get(index))
    }
}

impl<S: AsRef<str>> FromIterator<S> for TextList {
    fn from_iter<I: IntoIterator<Item = S>>(iter: I) -> Self {
        let mut list = Self::new();
        for value in iter {
            list.push(value.as_ref());
        }
        list
    }
}

/// Values of one fixed width, some of which may be null.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cells<T> {
    /// One value per row; anything where the row is null.
    pub values: Vec<T>,
    /// Which rows hold a value; `None` where all do. As long as `values`.
    pub valid: Option<Vec<bool>>,
}

impl<T> Cells<T> {
    /// Returns whether `row` holds a value.
    pub fn is_valid(&self, row: usize) -> bool {
        self.valid.as_ref().is_none_or(|valid| valid[row])
    }
}

impl<T: Copy> Cells<T> {
    /// Keeps the rows that `keep` names, in its order.
    fn pick(&self, keep: &[u32]) -> Self {
        let values = keep.iter().map(|row| self.values[*row as usize]).collect();
        let valid = self.valid.as_ref();
        let valid = valid.map(|valid| keep.iter().map(|row| valid[*row as usize]).collect());
        Self { values, valid }
    }
}

impl<T> From<Vec<T>> for Cells<T> {
    fn from(values: Vec<T>) -> Self {
        Self { values, valid: None }
    }
}

/// Text, dictionary-encoded: each distinct string once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextColumn {
    /// Per row the position in `dictionary`, or [`TextColumn::NULL`].
    pub codes: Vec<u32>,
    /// The distinct strings, in any order; entries may go unused.
    pub dictionary: TextList,
    /// True where the format has no types (CSV): such a column is read as integers if every
    /// value of every such file is a canonical decimal integer, with or without a fraction of zeros.
    pub untyped: bool,
}

impl TextColumn {
    /// The code of a null.
    pub const NULL: u32 = u32::MAX;

    /// Returns the text of `row`, `None` where it is null.
    pub fn get(&self, row: usize) -> Option<&str> {
        let code = self.codes[row];
        (code != Self::NULL).then(|| self.dictionary.get(code as usize))
    }

    /// Keeps the rows that `keep` names, in its order; the dictionary stays whole.
    pub fn pick(self, keep: &[u32]) -> Self {
        let codes = keep.iter().map(|row| self.codes[*row as usize]).collect();
        Self { codes, ..self }
    }
}

/// One column of raw ids of one chunk of one file.
#[derive(Clone, Debug, PartialEq)]
pub enum IdColumn {
    /// Integers of any width that fit 64 bits with a sign.
    Integer(Cells<i64>),
    /// Unsigned integers of which at least one is past `i64::MAX`.
    Unsigned(Cells<u64>),
    /// Text (also UUIDs, in their canonical hyphenated form).
    Text(TextColumn),
}

impl IdColumn {
    /// Counts the rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Integer(cells) => cells.values.len(),
            Self::Unsigned(cells) => cells.values.len(),
            Self::Text(column) => column.codes.len(),
        }
    }

    /// Returns whether the column has no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keeps the rows that `keep` names, in its order.
    pub fn pick(self, keep: &[u32]) -> Self {
        match self {
            Self::Integer(cells) => Self::Integer(cells.pick(keep)),
            Self::Unsigned(cells) => Self::Unsigned(cells.pick(keep)),
            Self::Text(column) => Self::Text(column.pick(keep)),
        }
    }

    /// Returns the column if it is text.
    pub(crate) fn text(&self) -> Option<&TextColumn> {
        match self {
            Self::Text(column) => Some(column),
            Self::Integer(_) | Self::Unsigned(_) => None,
        }
    }

    /// Returns whether `row` holds no id.
    pub fn is_null(&self, row: usize) -> bool {
        match self {
            Self::Integer(cells) => !cells.is_valid(row),
            Self::Unsigned(cells) => !cells.is_valid(row),
            Self::Text(column) => column.codes[row] == TextColumn::NULL,
        }
    }

    /// Returns the id of `row` as people read it, `None` where it is null.
    pub fn display(&self, row: usize) -> Option<Cow<'_, str>> {
        if self.is_null(row) {
            return None;
        }
        Some(match self {
            Self::Integer(cells) => cells.values[row].to_string().into(),
            Self::Unsigned(cells) => cells.values[row].to_string().into(),
            Self::Text(column) => column.dictionary.get(column.codes[row] as usize).into(),
        })
    }
}

/// A dictionary of distinct ids in ascending order; the position of an id is its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ids {
    /// 64-bit integers with a sign.
    Integer(Vec<i64>),
    /// 64-bit integers without a sign; at least one of all that were read, kept here or not, is
    /// past `i64::MAX`.
    Unsigned(Vec<u64>),
    /// Strings, in byte order.
    Text(TextList),
}

impl Ids {
    /// Counts the ids.
    pub fn len(&self) -> usize {
        match self {
            Self::Integer(values) => values.len(),
            Self::Unsigned(values) => values.len(),
            Self::Text(list) => list.len(),
        }
    }

    /// Returns whether there is no id.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Counts the bytes they take.
    pub fn bytes(&self) -> u64 {
        let bytes = match self {
            Self::Integer(values) => size_of_val(values.as_slice()),
            Self::Unsigned(values) => size_of_val(values.as_slice()),
            Self::Text(list) => list.text.len() + size_of_val(list.ends.as_slice()),
        };
        bytes as u64
    }

    /// Returns the id with `code` as people read it: decimal digits, or the text itself.
    ///
    /// # Panics
    /// If `code` is not below [`len`](Self::len).
    pub fn display(&self, code: u32) -> Cow<'_, str> {
        match self {
            Self::Integer(values) => values[code as usize].to_string().into(),
            Self::Unsigned(values) => values[code as usize].to_string().into(),
            Self::Text(list) => list.get(code as usize).into(),
        }
    }

    /// Returns whether an id is an integer past 2^53, which numbers of JavaScript do not tell from
    /// others.
    pub fn are_wide(&self) -> bool {
        const MOST: u64 = 1 << 53;
        match self {
            Self::Integer(values) => values.iter().any(|value| value.unsigned_abs() > MOST),
            Self::Unsigned(values) => values.iter().any(|value| *value > MOST),
            Self::Text(_) => false,
        }
    }

    /// Finds the code of the id that reads `text`, in O(log n).
    pub fn find(&self, text: &str) -> Option<u32> {
        let found = match self {
            Self::Integer(values) => {
                let id = i64::try_from(canonical_integer(text)?).ok()?;
                values.binary_search(&id).ok()?
            }
            Self::Unsigned(values) => {
                let id = u64::try_from(canonical_integer(text)?).ok()?;
                values.binary_search(&id).ok()?
            }
            Self::Text(list) => search(list, text).ok()?,
        };
        Some(found as u32)
    }

    /// Keeps the ids whose codes `keep` names, in their order.
    pub fn select(&self, keep: &[u32]) -> Self {
        let pick = |code: &u32| *code as usize;
        match self {
            Self::Integer(values) => {
                Self::Integer(keep.iter().map(|code| values[pick(code)]).collect())
            }
            Self::Unsigned(values) => {
                Self::Unsigned(keep.iter().map(|code| values[pick(code)]).collect())
            }
            Self::Text(list) => Self::Text(keep.iter().map(|code| list.get(pick(code))).collect()),
        }
    }

    /// Finds the code that each id has in `others`, a dictionary of the same kind, in O(n).
    pub(crate) fn codes_in(&self, others: &Self) -> Vec<Option<u32>> {
        match (self, others) {
            (Self::Integer(these), Self::Integer(those)) => join(these.iter(), those.iter()),
            (Self::Unsigned(these), Self::Unsigned(those)) => join(these.iter(), those.iter()),
            (Self::Text(these), Self::Text(those)) => join(these.iter(), those.iter()),
            _ => vec![None; self.len()],
        }
    }

    /// Hashes the id with `code`; see [`hash_id`].
    pub fn hash(&self, code: u32) -> u64 {
        hash_id(&self.display(code))
    }
}

/// Ids of text that may be meant otherwise; see [`Ids::doubtful`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DoubtfulIds {
    /// How many differ from another id only by a fraction of zeros, and the first of them.
    pub fractions: Option<(usize, String)>,
    /// How many look like numbers that a spreadsheet shortened, as `1.23E+12`, and the first.
    pub shortened: Option<(usize, String)>,
    /// What ids before these and after them have to do with these; `None` where there are none.
    edges: Option<Edges>,
}

/// Ids between a number and the same number with a fraction all begin with that number: so only the
/// first and the last id of some consecutive ones tell which numbers reach beyond them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Edges {
    first: String,
    last: String,
    /// Ids with a fraction of zeros whose whole number may be an earlier id.
    open: Vec<String>,
    /// Whole numbers that may be later ids with a fraction of zeros.
    whole: Vec<String>,
}

impl DoubtfulIds {
    /// Adds what was found of the ids that follow these.
    pub fn add(&mut self, after: Self) {
        let Some(edges) = &after.edges else { return };
        let (mut found, mut open) = (None, Vec::new());
        for id in &edges.open {
            let digits = canonical_digits(id).unwrap_or(id);
            match &self.edges {
                Some(before) if before.whole.iter().any(|whole| whole == digits) => {
                    count(&mut found, id);
                }
                Some(before) if !before.first.starts_with(digits) => {}
                _ => open.push(id.clone()),
            }
        }
        merge(&mut self.fractions, found);
        merge(&mut self.fractions, after.fractions);
        merge(&mut self.shortened, after.shortened);
        let after = Edges { open, ..edges.clone() };
        self.edges = Some(match self.edges.take() {
            None => after,
            Some(mut before) => {
                before.open.extend(after.open);
                before.whole.retain(|whole| after.last.starts_with(whole));
                before.whole.extend(after.whole);
                before.last = after.last;
                before
            }
        });
    }
}

/// Counts one more; the first is kept.
fn count(found: &mut Option<(usize, String)>, id: &str) {
    match found {
        Some((count, _)) => *count += 1,
        None => *found = Some((1, id.into())),
    }
}

/// Adds what was counted of later ids.
fn merge(found: &mut Option<(usize, String)>, after: Option<(usize, String)>) {
    match (&mut *found, after) {
        (Some((count, _)), Some((more, _))) => *count += more,
        (None, after) => *found = after,
        (Some(_), None) => {}
    }
}

impl Ids {
    /// Looks for ids of text that differ from another only by a fraction of zeros (`7` and `7.0`), or
    /// look like shortened numbers. Cost: O(n), and a search per id with such a fraction.
    pub fn doubtful(&self) -> DoubtfulIds {
        let mut doubtful = DoubtfulIds::default();
        let Self::Text(list) = self else { return doubtful };
        let Some(first) = list.iter().next() else { return doubtful };
        let last = list.get(list.len() - 1);
        let mut open = Vec::new();
        for id in list.iter() {
            match canonical_digits(id).filter(|digits| digits.len() < id.len()) {
                Some(digits) if search(list, digits).is_ok() => count(&mut doubtful.fractions, id),
                Some(digits) if first.starts_with(digits) => open.push(id.to_owned()),
                _ if is_shortened(id) => count(&mut doubtful.shortened, id),
                _ => {}
            }
        }
        let begins = (1..=last.len()).filter_map(|end| last.get(..end));
        let whole = begins.take_while(|text| is_begin_of_integer(text));
        let whole = whole.filter(|text| search(list, text).is_ok()).map(String::from).collect();
        doubtful.edges = Some(Edges { first: first.into(), last: last.into(), open, whole });
        doubtful
    }
}

/// Returns true if a text is how an integer may begin.
fn is_begin_of_integer(text: &str) -> bool {
    text.strip_prefix('-').unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns true if a text looks like a number with a positive exponent.
fn is_shortened(text: &str) -> bool {
    let Some((digits, exponent)) = text.split_once("E+") else { return false };
    let are_digits =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = digits.split_once(['.', ',']).unwrap_or((digits, "0"));
    are_digits(whole.strip_prefix('-').unwrap_or(whole))
        && are_digits(fraction)
        && are_digits(exponent)
}

/// Finds where each of `these` stands among `those`, both ascending.
fn join<T: Ord>(
    these: impl Iterator<Item = T>,
    those: impl Iterator<Item = T>,
) -> Vec<Option<u32>> {
    let mut those = (0..).zip(those).peekable();
    these
        .map(|id| {
            while those.next_if(|(_, other)| *other < id).is_some() {}
            those.peek().filter(|(_, other)| *other == id).map(|(code, _)| *code)
        })
        .collect()
}

/// One id, to be compared with others of its kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id {
    /// See [`Ids::Integer`].
    Integer(i64),
    /// See [`Ids::Unsigned`].
    Unsigned(u64),
    /// See [`Ids::Text`].
    Text(String),
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => value.fmt(f),
            Self::Unsigned(value) => value.fmt(f),
            Self::Text(text) => f.pad(text),
        }
    }
}

impl From<i32> for Id {
    fn from(value: i32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<u32> for Id {
    fn from(value: u32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<i64> for Id {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<u64> for Id {
    /// Takes a value as [`Id::Unsigned`] only where it does not fit with a sign.
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or(Self::Unsigned(value), Self::Integer)
    }
}

impl From<&str> for Id {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Id {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl Ids {
    /// Appends ids of the same kind, all of which are greater.
    ///
    /// # Panics
    /// If they are of another kind.
    pub fn append(&mut self, other: &Self) {
        match (self, other) {
            (Self::Integer(values), Self::Integer(more)) => values.extend(more),
            (Self::Unsigned(values), Self::Unsigned(more)) => values.extend(more),
            (Self::Text(list), Self::Text(more)) => more.iter().for_each(|text| list.push(text)),
            _ => panic!("ids of two kinds do not make a list"),
        }
    }

    /// Keeps the ids with the codes of `range`.
    ///
    /// # Panics
    /// If the range reaches past [`len`](Self::len).
    pub fn slice(&self, range: std::ops::Range<usize>) -> Self {
        match self {
            Self::Integer(values) => Self::Integer(values[range].to_vec()),
            Self::Unsigned(values) => Self::Unsigned(values[range].to_vec()),
            Self::Text(list) => Self::Text(range.map(|code| list.get(code)).collect()),
        }
    }

    /// Returns the id with `code`.
    ///
    /// # Panics
    /// If `code` is not below [`len`](Self::len).
    pub fn id(&self, code: u32) -> Id {
        match self {
            Self::Integer(values) => Id::Integer(values[code as usize]),
            Self::Unsigned(values) => Id::Unsigned(values[code as usize]),
            Self::Text(list) => Id::Text(list.get(code as usize).into()),
        }
    }

    /// Counts the ids below `id`, which is of the same kind, in O(log n).
    ///
    /// # Panics
    /// If it is of another kind.
    pub fn count_below(&self, id: &Id) -> usize {
        match (self, id) {
            (Self::Integer(values), Id::Integer(id)) => values.partition_point(|value| value < id),
            (Self::Unsigned(values), Id::Unsigned(id)) => {
                values.partition_point(|value| value < id)
            }
            (Self::Text(list), Id::Text(id)) => search(list, id).unwrap_or_else(|place| place),
            _ => panic!("ids of two kinds do not compare"),
        }
    }

    /// Unites lists of one kind; returns all distinct ids, and for every list the codes of its
    /// ids among them. Cost: O(ids · log(ids)).
    ///
    /// # Panics
    /// If the lists are of several kinds.
    pub fn unite(lists: &[Self]) -> (Self, Vec<Vec<u32>>) {
        const ONE_KIND: &str = "lists of one kind";
        match lists.first() {
            None => (Self::Integer(Vec::new()), Vec::new()),
            Some(Self::Integer(_)) => {
                let values = lists.iter().map(|list| {
                    let Self::Integer(values) = list else { panic!("{ONE_KIND}") };
                    values.iter().copied()
                });
                let (all, codes) = unite_sorted(&values.collect::<Vec<_>>());
                (Self::Integer(all), codes)
            }
            Some(Self::Unsigned(_)) => {
                let values = lists.iter().map(|list| {
                    let Self::Unsigned(values) = list else { panic!("{ONE_KIND}") };
                    values.iter().copied()
                });
                let (all, codes) = unite_sorted(&values.collect::<Vec<_>>());
                (Self::Unsigned(all), codes)
            }
            Some(Self::Text(_)) => {
                let texts = lists.iter().map(|list| {
                    let Self::Text(texts) = list else { panic!("{ONE_KIND}") };
                    (0..texts.len()).map(|index| texts.get(index))
                });
                let (all, codes) = unite_sorted(&texts.collect::<Vec<_>>());
                (Self::Text(all.into_iter().collect()), codes)
            }
        }
    }
}

/// Unites ascending lists.
fn unite_sorted<T: Ord + Copy>(
    lists: &[impl Iterator<Item = T> + Clone],
) -> (Vec<T>, Vec<Vec<u32>>) {
    let mut all = lists.iter().flat_map(Clone::clone).collect::<Vec<_>>();
    // Made of ascending runs, which a stable sort merges.
    all.sort();
    all.dedup();
    let codes = lists.iter().map(|list| {
        let mut code = 0;
        let codes = list.clone().map(|id| {
            while all[code] < id {
                code += 1;
            }
            code as u32
        });
        codes.collect()
    });
    let codes = codes.collect();
    (all, codes)
}

/// Searches a sorted list.
fn search(list: &TextList, text: &str) -> Result<usize, usize> {
    let (mut low, mut high) = (0, list.len());
    while low < high {
        let middle = low + (high - low) / 2;
        match list.get(middle).cmp(text) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Equal => return Ok(middle),
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    Err(low)
}

/// Parses a canonical decimal integer: no sign but `-`, no leading zeros, no spaces; a fraction of
/// zeros may follow, as in `17850.0`.
pub fn canonical_integer(text: &str) -> Option<i128> {
    canonical_digits(text)?.parse().ok()
}

/// Returns the sign and the digits of a canonical decimal integer, without a fraction of zeros.
pub fn canonical_digits(text: &str) -> Option<&str> {
    let whole = text.trim_end_matches('0').strip_suffix('.').filter(|_| !text.ends_with('.'));
    let whole = whole.unwrap_or(text);
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let canonical = match digits.as_bytes() {
        [b'0'] => digits.len() == whole.len(),
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    (canonical && digits.len() <= 20).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_integers_are_integers() {
        for (text, value) in [
            ("0", 0),
            ("7", 7),
            ("-7", -7),
            ("7.0", 7),
            ("-70.000", -70),
            ("0.0", 0),
            ("18446744073709551615", u64::MAX as i128),
        ] {
            assert_eq!(canonical_integer(text), Some(value), "{text}");
        }
        for text in [
            "",
            "-",
            "-0",
            "-0.0",
            "007",
            "+7",
            " 7",
            "7 ",
            "7.",
            ".0",
            "7.5",
            "7.00.0",
            "1e3",
            "٣",
            "123456789012345678901",
        ] {
            assert_eq!(canonical_integer(text), None, "{text}");
        }
    }

    #[test]
    fn ids_that_may_be_meant_otherwise_are_found() {
        let mut texts = ["7", "7.0", "8.0", "1.23E+12", "1E+5", "x", "E+5", "7.00"];
        texts.sort_unstable();
        let doubtful = Ids::Text(texts.into_iter().collect()).doubtful();
        assert_eq!(doubtful.fractions, Some((2, "7.0".into())));
        assert_eq!(doubtful.shortened, Some((2, "1.23E+12".into())));
        assert_eq!(Ids::Integer(vec![7]).doubtful(), DoubtfulIds::default());
    }

    #[test]
    fn ids_are_hashed_by_their_text() {
        let ids = Ids::Integer(vec![-1, 7]);
        assert_eq!((ids.hash(0), ids.hash(1)), (hash_id("-1"), hash_id("7")));
    }

    #[test]
    fn ids_are_found_in_other_dictionaries() {
        let these = Ids::Text(["a", "c", "d", "f"].into_iter().collect());
        let those = Ids::Text(["b", "c", "f", "g"].into_iter().collect());
        assert_eq!(these.codes_in(&those), [None, Some(1), None, Some(2)]);
        assert_eq!(Ids::Integer(vec![1, 5]).codes_in(&Ids::Integer(vec![5])), [None, Some(0)]);
        assert_eq!(Ids::Integer(vec![1]).codes_in(&Ids::Unsigned(vec![1])), [None]);
    }

    #[test]
    fn ids_are_found_by_their_text() {
        let ids = Ids::Text(["", "A", "Ab", "b"].into_iter().collect());
        assert_eq!(ids.find("Ab"), Some(2));
        assert_eq!(ids.find(""), Some(0));
        assert_eq!(ids.find("B"), None);
        assert_eq!(Ids::Integer(vec![-3, 9]).find("9"), Some(1));
        assert_eq!(Ids::Integer(vec![-3, 9]).find("009"), None);
        assert_eq!(Ids::Unsigned(vec![3, u64::MAX]).find("18446744073709551615"), Some(1));
    }
}
