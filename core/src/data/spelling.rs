//! Ids that are not found because they are spelled otherwise.

use std::collections::BTreeMap;

use super::ids::{IdColumn, Ids};

/// Ids asked for that are compared with those there are.
const ASKED: usize = 1_000;

/// Ids there are that are compared one by one.
const THERE: usize = 100_000;

/// Digits of ids that are filled up with zeros.
const DIGITS: usize = 14;

/// An id that was asked for, the one that may be meant, and in what the two differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherSpelling {
    /// As it was asked for.
    pub asked: String,
    /// As it stands in the data.
    pub there: String,
    /// In what they differ: `leading zeros`, `blanks`, …
    pub differ: Vec<&'static str>,
}

impl OtherSpelling {
    fn new(asked: &str, there: &str) -> Self {
        let matters = |place: &usize| bare(asked, Some(*place)) != bare(there, Some(*place));
        let differ = (0..STEPS.len()).filter(matters).map(|place| STEPS[place].0).collect();
        Self { asked: asked.into(), there: there.into(), differ }
    }
}

/// What may be taken off an id, or written otherwise, without another one being meant.
type Step = (&'static str, fn(String) -> String);

const STEPS: [Step; 5] = [
    ("blanks around them", |text| text.trim_matches(is_blank).into()),
    ("quotes around them", |text| unquoted(&text).into()),
    ("upper and lower case", |text| text.to_lowercase()),
    ("a fraction of zeros", |text| without_fraction(&text).into()),
    ("leading zeros", |text| without_zeros(&text).into()),
];

fn is_blank(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{feff}' | '\u{200b}')
}

fn unquoted(text: &str) -> &str {
    let quoted = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    quoted('"').or_else(|| quoted('\'')).unwrap_or(text)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn without_fraction(text: &str) -> &str {
    let Some((whole, fraction)) = text.split_once('.') else { return text };
    let is_zero = !fraction.is_empty() && fraction.bytes().all(|byte| byte == b'0');
    if is_number(whole) && is_zero { whole } else { text }
}

fn without_zeros(text: &str) -> &str {
    let rest = text.trim_start_matches('0');
    if !is_number(text) {
        text
    } else if rest.is_empty() {
        "0"
    } else {
        rest
    }
}

/// Takes all steps but one.
fn bare(text: &str, without: Option<usize>) -> String {
    let steps = STEPS.iter().enumerate().filter(|(place, _)| Some(*place) != without);
    steps.fold(text.to_owned(), |text, (_, (_, step))| step(text))
}

/// Usual spellings of an id, itself among them.
fn usual(asked: &str) -> Vec<String> {
    const CASE: usize = 2;
    let plain = bare(asked, Some(CASE));
    let mut letters = plain.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    let title = first.chain(letters.as_str().to_lowercase().chars()).collect::<String>();
    let mut usual = vec![plain.to_lowercase(), plain.to_uppercase(), title, format!("{plain}.0")];
    if is_number(&plain) {
        usual.extend((plain.len() + 1..=DIGITS).map(|width| format!("{plain:0>width$}")));
    }
    usual.push(plain);
    usual
}

/// Finds an id of `ids` that one of `asked`, which are not among them, may mean. Cost: that of some
/// 20,000 look-ups and of a pass over the first 100,000 ids.
pub fn other_spelling<'a>(
    asked: impl IntoIterator<Item = &'a str>,
    ids: &Ids,
) -> Option<OtherSpelling> {
    let mut bares = BTreeMap::new();
    for text in asked.into_iter().take(ASKED) {
        let usual = usual(text).into_iter().find_map(|other| ids.find(&other));
        if let Some(code) = usual.filter(|code| ids.display(*code) != text) {
            return Some(OtherSpelling::new(text, &ids.display(code)));
        }
        bares.entry(bare(text, None)).or_insert(text);
    }
    if bares.is_empty() {
        return None;
    }
    (0..ids.len().min(THERE) as u32).find_map(|code| {
        let there = ids.display(code);
        let asked = bares.get(&bare(&there, None)).filter(|asked| **asked != there)?;
        Some(OtherSpelling::new(asked, &there))
    })
}

/// Rows of a column that are looked at for ids that are not there.
const ROWS: usize = 10_000;

/// The distinct ids of the first rows of a column that are not among `ids`, at most so many.
pub fn unknown_of(column: &IdColumn, ids: &Ids, most: usize) -> Vec<String> {
    let mut unknown: Vec<String> = Vec::new();
    let mut last = None;
    for row in 0..column.len().min(ROWS) {
        if unknown.len() == most {
            break;
        }
        let Some(id) = column.display(row) else { continue };
        if last.as_deref() == Some(&*id) || ids.find(&id).is_some() {
            continue;
        }
        if !unknown.iter().any(|known| *known == id) {
            unknown.push(id.clone().into_owned());
        }
        last = Some(id.into_owned());
    }
    unknown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::TextList;

    fn text(ids: &[&str]) -> Ids {
        let mut list = TextList::new();
        for id in ids {
            list.push(id);
        }
        Ids::Text(list)
    }

    fn found(asked: &str, ids: &Ids) -> Option<(String, Vec<&'static str>)> {
        other_spelling([asked], ids).map(|found| (found.there, found.differ))
    }

    #[test]
    fn other_spellings_are_found_and_told() {
        let integers = Ids::Integer(vec![7, 123, 17_850]);
        for (asked, there, differ) in [
            ("00123", "123", &["leading zeros"][..]),
            ("17850.0", "17850", &["a fraction of zeros"]),
            (" 7\u{a0}", "7", &["blanks around them"]),
            ("\"007\"", "7", &["quotes around them", "leading zeros"]),
        ] {
            assert_eq!(found(asked, &integers), Some((there.into(), differ.to_vec())), "{asked}");
        }
        assert_eq!(found("8", &integers), None);
        assert_eq!(found("7.5", &integers), None);
        let names = text(&["00123", "Tea"]);
        assert_eq!(found("123", &names), Some(("00123".into(), vec!["leading zeros"])));
        assert_eq!(found("TEA", &names), Some(("Tea".into(), vec!["upper and lower case"])));
        assert_eq!(found("Tea", &names), None);
        assert_eq!(other_spelling([], &names), None);
        // Far behind the ids that are looked at one by one.
        let many = Ids::Integer((0..300_000).collect());
        assert_eq!(found("0250000", &many), Some(("250000".into(), vec!["leading zeros"])));
    }

    #[test]
    fn ids_that_are_not_there_are_named_once() {
        let column = IdColumn::Integer(vec![9, 9, 7, 8, 9, 6].into());
        let ids = Ids::Integer(vec![7, 8]);
        assert_eq!(unknown_of(&column, &ids, 5), ["9", "6"]);
        assert_eq!(unknown_of(&column, &ids, 1), ["9"]);
    }
}
