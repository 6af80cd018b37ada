//! Ids into codes: which kind a column is, and that codes are the ranks of ids.

use std::collections::BTreeSet;

use ilk_core::{
    data::{Cells, IdColumn, Ids, Rows, TextColumn, TextList},
    job::{Given, SimilarityJob},
    prepare::{EncodeError, Needs, clean, encode},
};
use proptest::{
    collection::vec,
    prelude::{ProptestConfig, any},
    prop_assert_eq, proptest,
    sample::select,
};

use crate::{crew::Crew, world::untyped_text};

/// The ids of a column and, chunk by chunk, each row's code.
type Encoding = Result<(Ids, Vec<Vec<u32>>), EncodeError>;

/// A chunk of a file that holds `ids` in both columns.
fn chunk(file: u32, ids: &IdColumn) -> Rows {
    Rows {
        file,
        first_row: 1,
        places: None,
        user: ids.clone(),
        item: ids.clone(),
        weight: None,
        time: None,
        label: None,
        kept: None,
        unreadable: Vec::new(),
    }
}

fn encode_chunks(chunks: Vec<Rows>) -> Encoding {
    let job = SimilarityJob::default().resolve(Given::default()).expect("defaults");
    let needs = Needs::of(&job, Given::default());
    let cleaned = chunks.into_iter().map(|rows| clean(rows, &job, needs).0).collect();
    let encoded = encode(cleaned, &Crew { workers: 3, seed: 8 })?;
    assert_eq!(encoded.users, encoded.items, "both columns hold the same");
    let codes = encoded.events.into_iter().map(|events| {
        assert_eq!(events.user, events.item);
        events.user
    });
    Ok((encoded.users, codes.collect()))
}

/// Encodes columns, each of a file of its own: 0, 1 and so on.
fn encode_files(columns: &[IdColumn]) -> Encoding {
    encode_chunks((0..).zip(columns).map(|(file, column)| chunk(file, column)).collect())
}

fn integers(values: &[i64]) -> IdColumn {
    IdColumn::Integer(values.to_vec().into())
}

fn unsigned(values: &[u64]) -> IdColumn {
    IdColumn::Unsigned(values.to_vec().into())
}

fn text(values: &[&str]) -> IdColumn {
    let codes = (0..values.len() as u32).collect();
    IdColumn::Text(TextColumn { codes, dictionary: values.iter().collect(), untyped: false })
}

fn untyped(values: &[&str]) -> IdColumn {
    IdColumn::Text(untyped_text(values.iter().map(|text| Some((*text).into()))))
}

fn text_ids(values: &[&str]) -> Ids {
    Ids::Text(values.iter().collect::<TextList>())
}

/// Returns the kind of ids of the columns, or where they do not go together.
fn kind(columns: &[IdColumn]) -> Result<&'static str, EncodeError> {
    encode_files(columns).map(|(ids, _)| match ids {
        Ids::Integer(_) => "integers",
        Ids::Unsigned(_) => "unsigned",
        Ids::Text(_) => "text",
    })
}

#[test]
fn mixed_kinds_name_both_files() {
    let columns = [integers(&[1]), integers(&[2]), text(&["x"]), text(&["y"])];
    let mixed = EncodeError::MixedKinds { column: "user", integers: 0, text: 2 };
    assert_eq!(encode_files(&columns).unwrap_err(), mixed);
    let turned = [text(&["7"]), unsigned(&[u64::MAX])];
    let mixed = EncodeError::MixedKinds { column: "user", integers: 1, text: 0 };
    assert_eq!(encode_files(&turned).unwrap_err(), mixed);
}

#[test]
fn mixed_kinds_name_the_column() {
    let rows = |file, item: IdColumn| Rows { item, ..chunk(file, &integers(&[1])) };
    let chunks = vec![rows(5, text(&["x"])), rows(9, integers(&[1]))];
    assert_eq!(
        encode_chunks(chunks).unwrap_err(),
        EncodeError::MixedKinds { column: "item", integers: 9, text: 5 }
    );
}

#[test]
fn untyped_text_is_integers_if_every_value_is_written_as_one() {
    let (ids, codes) = encode_files(&[untyped(&["10", "9", "-3"]), untyped(&["0", "9"])]).unwrap();
    assert_eq!(ids, Ids::Integer(vec![-3, 0, 9, 10]));
    assert_eq!(codes, [vec![3, 2, 0], vec![1, 2]]);
    // A fraction of zeros does not count, as in typed columns.
    let (ids, codes) = encode_files(&[untyped(&["10", "9.0"]), untyped(&["10.00", "9"])]).unwrap();
    assert_eq!(ids, Ids::Integer(vec![9, 10]));
    assert_eq!(codes, [vec![1, 0], vec![1, 0]]);
}

#[test]
fn one_value_in_one_file_makes_untyped_text_of_all() {
    for odd in
        ["00123", "+7", "7.5", "7.", "07.0", "7.0e0", " 7", "-0", "1e3", "", "18446744073709551616"]
    {
        let (ids, codes) = encode_files(&[untyped(&["10", "9"]), untyped(&[odd, "9"])]).unwrap();
        let mut sorted = vec!["10", "9", odd];
        sorted.sort_unstable();
        assert_eq!(ids, text_ids(&sorted), "{odd:?}");
        let place = |text: &str| sorted.iter().position(|other| *other == text).unwrap() as u32;
        let expected = [vec![place("10"), place("9")], vec![place(odd), place("9")]];
        assert_eq!(codes, expected, "{odd:?}");
    }
}

#[test]
fn untyped_text_joins_typed_integers() {
    let (ids, codes) = encode_files(&[integers(&[7, -2]), untyped(&["100", "7"])]).unwrap();
    assert_eq!(ids, Ids::Integer(vec![-2, 7, 100]));
    assert_eq!(codes, [vec![1, 0], vec![2, 1]]);
    assert_eq!(
        kind(&[untyped(&["100", "007"]), integers(&[7])]),
        Err(EncodeError::MixedKinds { column: "user", integers: 1, text: 0 })
    );
}

#[test]
fn untyped_text_beside_typed_text_is_text() {
    let (ids, codes) = encode_files(&[text(&["9", "x"]), untyped(&["10", "9"])]).unwrap();
    assert_eq!(ids, text_ids(&["10", "9", "x"]));
    assert_eq!(codes, [vec![1, 2], vec![0, 1]]);
}

#[test]
fn integers_past_the_signed_range_are_unsigned_all_of_them() {
    let large = u64::MAX - 1;
    let (ids, codes) = encode_files(&[integers(&[5, 3]), unsigned(&[large, 5])]).unwrap();
    assert_eq!(ids, Ids::Unsigned(vec![3, 5, large]));
    assert_eq!(codes, [vec![1, 0], vec![2, 1]]);
    let (ids, _) =
        encode_files(&[untyped(&["18446744073709551615", "9223372036854775807"])]).unwrap();
    assert_eq!(ids, Ids::Unsigned(vec![i64::MAX as u64, u64::MAX]));
    assert_eq!(kind(&[unsigned(&[4, 5])]), Ok("integers"), "none is past it");
}

#[test]
fn negative_integers_and_those_past_the_signed_range_do_not_fit_one_type() {
    let too_wide = Err(EncodeError::TooWide { column: "user", file: 1 });
    let large = unsigned(&[u64::MAX]);
    assert_eq!(kind(&[integers(&[-1]), large.clone()]), too_wide);
    assert_eq!(kind(&[untyped(&["-1"]), large]), too_wide);
    assert_eq!(kind(&[integers(&[-1]), untyped(&["18446744073709551615"])]), too_wide);
    let without_types = [untyped(&["-1"]), untyped(&["18446744073709551615"])];
    assert_eq!(kind(&without_types), Ok("text"));
    let beside_text = [untyped(&["-1", "18446744073709551615"]), text(&["x"])];
    assert_eq!(kind(&beside_text), Ok("text"));
}

#[test]
fn columns_without_rows_have_no_say() {
    let empty = [integers(&[]), unsigned(&[]), text(&[]), untyped(&[])];
    assert_eq!(kind(&empty), Ok("integers"));
    let (integer, unsigned, string) = (integers(&[1]), unsigned(&[u64::MAX]), text(&["x"]));
    for (column, expected) in [(integer, "integers"), (unsigned, "unsigned"), (string, "text")] {
        for place in 0..=empty.len() {
            let mut columns = empty.to_vec();
            columns.insert(place, column.clone());
            let (ids, codes) = encode_files(&columns).unwrap();
            assert_eq!((ids.len(), codes[place].clone()), (1, vec![0]));
            assert_eq!(kind(&columns), Ok(expected));
        }
    }
}

#[test]
fn typed_columns_of_rows_all_set_aside_have_no_say() {
    let mut gone = chunk(0, &text(&["x", "y"]));
    gone.kept = Some(vec![false, false]);
    let (ids, codes) = encode_chunks(vec![gone, chunk(1, &integers(&[4]))]).unwrap();
    assert_eq!((ids, codes), (Ids::Integer(vec![4]), vec![vec![], vec![0]]));
    let nulls = IdColumn::Integer(Cells { values: vec![0, 0], valid: Some(vec![false, false]) });
    assert_eq!(kind(&[nulls, text(&["x"])]), Ok("text"));
}

#[test]
fn ids_of_rows_set_aside_get_no_code() {
    let mut rows = chunk(0, &text(&["kept", "gone", "a"]));
    rows.kept = Some(vec![true, false, true]);
    let (ids, codes) = encode_chunks(vec![rows]).unwrap();
    assert_eq!((ids, codes), (text_ids(&["a", "kept"]), vec![vec![1, 0]]));
    let mut rows = chunk(0, &integers(&[5, 1, 3]));
    rows.kept = Some(vec![true, false, true]);
    let (ids, codes) = encode_chunks(vec![rows]).unwrap();
    assert_eq!((ids, codes), (Ids::Integer(vec![3, 5]), vec![vec![1, 0]]));
}

#[test]
fn the_smallest_and_largest_integers_are_ids() {
    let (ids, codes) = encode_files(&[integers(&[i64::MAX, 0, i64::MIN, -1])]).unwrap();
    assert_eq!(ids, Ids::Integer(vec![i64::MIN, -1, 0, i64::MAX]));
    assert_eq!(codes, [[3, 2, 0, 1]]);
    let (ids, codes) = encode_files(&[unsigned(&[u64::MAX, 0, 1 << 63])]).unwrap();
    assert_eq!(ids, Ids::Unsigned(vec![0, 1 << 63, u64::MAX]));
    assert_eq!(codes, [[2, 0, 1]]);
    // Neighbours at either end: a narrow range where it could wrap around.
    let (ids, codes) = encode_files(&[integers(&[i64::MIN + 2, i64::MIN])]).unwrap();
    assert_eq!((ids, codes), (Ids::Integer(vec![i64::MIN, i64::MIN + 2]), vec![vec![1, 0]]));
    let (ids, codes) = encode_files(&[unsigned(&[u64::MAX, u64::MAX - 1])]).unwrap();
    assert_eq!((ids, codes), (Ids::Unsigned(vec![u64::MAX - 1, u64::MAX]), vec![vec![1, 0]]));
}

#[test]
fn text_sorts_as_bytes() {
    let (ids, codes) = encode_files(&[text(&["é", "z", "Z", "", "e\u{301}", "一", " "])]).unwrap();
    assert_eq!(ids, text_ids(&["", " ", "Z", "e\u{301}", "z", "é", "一"]));
    assert_eq!(codes, [[5, 4, 2, 0, 3, 6, 1]]);
}

#[test]
fn ids_may_be_longer_than_64_kib() {
    let long = |end: &str| format!("{}{end}", "x".repeat(70 << 10));
    let (a, b) = (long("a"), long("b"));
    let (ids, codes) = encode_files(&[text(&[&b, "x"]), untyped(&[&a, &b])]).unwrap();
    assert_eq!(ids, text_ids(&["x", &a, &b]));
    assert_eq!(codes, [[2, 0], [1, 2]]);
    let digits = "9".repeat(70 << 10);
    assert_eq!(kind(&[untyped(&[&digits, "1"])]), Ok("text"));
}

/// What encoding integers must give, from a sorted set.
fn expected(columns: &[Vec<i64>]) -> (Ids, Vec<Vec<u32>>) {
    let distinct = columns.iter().flatten().copied().collect::<BTreeSet<_>>();
    let distinct = distinct.into_iter().collect::<Vec<_>>();
    let code = |value: &i64| distinct.partition_point(|other| other < value) as u32;
    let codes = columns.iter().map(|column| column.iter().map(code).collect()).collect();
    (Ids::Integer(distinct), codes)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ilk_core::testing::cases(300)))]

    /// Stride 1 is narrow, 2⁴⁸ is wide; those between lie around the limit.
    #[test]
    fn codes_are_ranks_whatever_the_range(
        columns in vec(vec(0..400_i64, 0..60), 1..5),
        stride in select(vec![1, 63, 64, 65, 167, 180, 5_000, 1 << 20, 1 << 48]),
        start in select(vec![0, -137, i64::MIN, i64::MAX - (400 << 48), 1 << 60]),
    ) {
        let spread = |column: &Vec<i64>| {
            column.iter().map(|value| start.saturating_add(value * stride)).collect::<Vec<_>>()
        };
        let spread = columns.iter().map(spread).collect::<Vec<_>>();
        let typed = spread.iter().map(|column| integers(column)).collect::<Vec<_>>();
        prop_assert_eq!(encode_files(&typed).unwrap(), expected(&spread));
    }

    #[test]
    fn any_integers_are_encoded_alike_typed_and_untyped(
        columns in vec(vec(any::<i64>(), 1..20), 1..4),
    ) {
        let typed = columns.iter().map(|column| integers(column)).collect::<Vec<_>>();
        let texts = columns.iter().map(|column| {
            let texts = column.iter().map(|value| Some(value.to_string()));
            IdColumn::Text(untyped_text(texts))
        });
        prop_assert_eq!(encode_files(&typed).unwrap(), expected(&columns));
        prop_assert_eq!(encode_files(&texts.collect::<Vec<_>>()).unwrap(), expected(&columns));
    }

    #[test]
    fn text_codes_are_ranks(columns in vec(vec(".{0,4}", 0..20), 1..5)) {
        let distinct = columns.iter().flatten().map(String::as_str).collect::<BTreeSet<_>>();
        let distinct = distinct.into_iter().collect::<Vec<_>>();
        let code = |value: &String| distinct.binary_search(&value.as_str()).unwrap() as u32;
        let codes = columns.iter().map(|column| column.iter().map(code).collect::<Vec<_>>());
        let files = columns.iter().map(|column| {
            let mut known = untyped_text(column.iter().cloned().map(Some));
            known.untyped = false;
            IdColumn::Text(known)
        });
        let (ids, found) = encode_files(&files.collect::<Vec<_>>()).unwrap();
        if distinct.is_empty() {
            prop_assert_eq!(ids.len(), 0);
        } else {
            prop_assert_eq!(ids, text_ids(&distinct));
        }
        prop_assert_eq!(found, codes.collect::<Vec<_>>());
    }
}
