//! Every type that serves as ids, weights and times.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Decimal128Array, Decimal256Array, DictionaryArray,
    FixedSizeBinaryArray, Float16Array, Float32Array, Float64Array, Int8Array, Int16Array,
    Int32Array, Int64Array, LargeStringArray, NullArray, StringArray, StringViewArray,
    TimestampMicrosecondArray, TimestampNanosecondArray, TimestampSecondArray, UInt8Array,
    UInt32Array, UInt64Array,
    types::{Int16Type, Int32Type, Int64Type},
};
use arrow_buffer::i256;
use ilk_core::data::{Cells, IdColumn};
use ilk_formats::{ReadOptions, Table};

use crate::tools::{arrow_file, batch, error, pair, parquet, read, show, source};

/// Reads `array` as users from Parquet and Arrow, which must agree.
fn ids(array: &ArrayRef) -> IdColumn {
    let table = batch(&[("user", Arc::clone(array)), ("item", Arc::clone(array))]);
    let mut chunks = read("a.parquet", parquet(&table), &pair());
    let from_arrow = read("a.arrow", arrow_file(&[table], None), &pair());
    assert_eq!(show(&chunks), show(&from_arrow));
    assert_eq!(chunks[0].user, chunks[0].item);
    chunks.remove(0).user
}

fn shown(ids: &IdColumn) -> Vec<String> {
    (0..ids.len()).map(|row| ids.display(row).map_or("-".into(), Into::into)).collect()
}

fn check(array: impl arrow_array::Array + 'static, expected: &[&str]) -> IdColumn {
    let found = ids(&(Arc::new(array) as ArrayRef));
    assert_eq!(shown(&found), expected);
    found
}

#[test]
fn integers_of_any_width_are_integers() {
    let expected = IdColumn::Integer(Cells::from(vec![1, 2, 127]));
    assert_eq!(check(Int8Array::from(vec![1, 2, 127]), &["1", "2", "127"]), expected);
    assert_eq!(check(Int16Array::from(vec![1, 2, 127]), &["1", "2", "127"]), expected);
    assert_eq!(check(UInt8Array::from(vec![1, 2, 127]), &["1", "2", "127"]), expected);
    assert_eq!(check(UInt64Array::from(vec![1, 2, 127]), &["1", "2", "127"]), expected);
    check(UInt32Array::from(vec![Some(u32::MAX), None]), &["4294967295", "-"]);
    // Past 2^53 floats would merge neighbours.
    let past = (1 << 53) + 1;
    check(Int64Array::from(vec![past, i64::MIN]), &["9007199254740993", "-9223372036854775808"]);
}

#[test]
fn unsigned_integers_past_the_signed_range_stay_unsigned() {
    let found = check(
        UInt64Array::from(vec![Some(u64::MAX), None, Some(3)]),
        &["18446744073709551615", "-", "3"],
    );
    assert!(matches!(found, IdColumn::Unsigned(_)));
}

#[test]
fn floats_and_decimals_that_are_whole_are_integers() {
    let found = check(
        Float64Array::from(vec![Some(3.0), Some(f64::NAN), None, Some(-0.0)]),
        &["3", "-", "-", "0"],
    );
    assert!(matches!(found, IdColumn::Integer(_)));
    check(Float32Array::from(vec![16_777_215.0]), &["16777215"]);
    check(Float64Array::from(vec![9_007_199_254_740_991.0, -1.0]), &["9007199254740991", "-1"]);
    let decimals = Decimal128Array::from(vec![Some(12_00), None, Some(-5_00)]);
    check(decimals.with_precision_and_scale(10, 2).unwrap(), &["12", "-", "-5"]);
    let wide = Decimal256Array::from(vec![i256::from_i128(7)]);
    check(wide.with_precision_and_scale(60, 0).unwrap(), &["7"]);
    // Arrow only: Parquet's own half floats are as rare.
    let half = Float16Array::from_iter_values([half(2.0)]);
    check(half, &["2"]);
}

/// A half float without naming its crate.
fn half(
    value: f32,
) -> <arrow_array::types::Float16Type as arrow_array::ArrowPrimitiveType>::Native {
    <arrow_array::types::Float16Type as arrow_array::ArrowPrimitiveType>::Native::from_f32(value)
}

#[test]
fn text_of_any_layout_is_text() {
    let cells = vec![Some("00123"), None, Some(" b "), Some(""), Some("00123")];
    // Empty text names nobody.
    let expected = ["00123", "-", " b ", "-", "00123"];
    check(StringArray::from(cells.clone()), &expected);
    check(LargeStringArray::from(cells.clone()), &expected);
    check(StringViewArray::from(cells.clone()), &expected);
    check(cells.iter().copied().collect::<DictionaryArray<Int16Type>>(), &expected);
    check(cells.iter().copied().collect::<DictionaryArray<Int32Type>>(), &expected);
    check(cells.iter().copied().collect::<DictionaryArray<Int64Type>>(), &expected);
    let found = check(BinaryArray::from_opt_vec(vec![Some(b"a"), None]), &["a", "-"]);
    let IdColumn::Text(column) = found else { panic!("bytes are text") };
    assert!(!column.untyped);
}

#[test]
fn dictionaries_of_integers_are_integers() {
    let keys = Int8Array::from(vec![Some(1), None, Some(0)]);
    let array = DictionaryArray::new(keys, Arc::new(Int64Array::from(vec![10, 20])));
    assert!(matches!(check(array, &["20", "-", "10"]), IdColumn::Integer(_)));
}

#[test]
fn uuids_take_their_canonical_form() {
    let bytes = 0x1234_5678_9abc_def0_0123_4567_89ab_cdef_u128.to_be_bytes();
    let array =
        FixedSizeBinaryArray::try_from_sparse_iter_with_size([Some(bytes), None].into_iter(), 16)
            .unwrap();
    check(array, &["12345678-9abc-def0-0123-456789abcdef", "-"]);
}

#[test]
fn columns_of_nulls_are_null() {
    check(NullArray::new(2), &["-", "-"]);
    check(Int32Array::from(vec![None, None]), &["-", "-"]);
    check(StringArray::from(vec![None::<&str>, None]), &["-", "-"]);
}

#[test]
fn ids_longer_than_64_kib_are_read() {
    let long: Vec<String> = (0..20).map(|n| format!("{n}{}", "x".repeat(70 << 10))).collect();
    let expected: Vec<&str> = long.iter().map(String::as_str).collect();
    check(StringArray::from(long.clone()), &expected);
    let csv = format!(
        "user,item\n{}\n",
        long.iter().map(|id| format!("{id},{id}")).collect::<Vec<_>>().join("\n")
    );
    assert_eq!(shown(&read("a.csv", csv, &pair())[0].user), expected);
}

#[test]
fn bytes_that_are_no_text_make_the_row_unreadable() {
    let table = batch(&[
        ("user", Arc::new(BinaryArray::from_vec(vec![b"a", b"\xff", b"c"]))),
        ("item", Arc::new(Int32Array::from(vec![1, 2, 3]))),
        ("weight", Arc::new(StringArray::from(vec!["1", "x", "y"]))),
    ]);
    let options = ReadOptions { weight: Some("weight".into()), ..pair() };
    for bytes in [parquet(&table), arrow_file(&[table], None)] {
        let chunks = read("a", bytes, &options);
        assert_eq!(show(&chunks), ["a 1 1", "?- - NaN", "c 3 bad:y"]);
        assert_eq!(chunks[0].unreadable[0].text, "column `user` holds bytes that are not text");
    }
}

#[test]
fn types_that_cannot_serve_are_refused_at_once() {
    let table = batch(&[
        ("user", Arc::new(BooleanArray::from(vec![true]))),
        ("item", Arc::new(Int32Array::from(vec![1]))),
    ]);
    assert!(Table::open(source("a", parquet(&table)), 0, &pair()).is_err());
}

#[test]
fn weights_are_numbers_of_any_type() {
    let weights = |array: ArrayRef| {
        let table =
            batch(&[("user", Arc::new(Int32Array::from(vec![1; array.len()]))), ("w", array)]);
        let options = ReadOptions { item: "user".into(), weight: Some("w".into()), ..pair() };
        let lines = show(&read("a", parquet(&table), &options));
        assert_eq!(lines, show(&read("a", arrow_file(&[table], None), &options)));
        lines.iter().map(|line| line.strip_prefix("1 1 ").unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(weights(Arc::new(Int8Array::from(vec![Some(-1), None]))), ["-1", "NaN"]);
    assert_eq!(weights(Arc::new(Float32Array::from(vec![0.5, f32::INFINITY]))), ["0.5", "inf"]);
    assert_eq!(weights(Arc::new(BooleanArray::from(vec![true, false]))), ["1", "0"]);
    let decimals = Decimal128Array::from(vec![125, -5]).with_precision_and_scale(5, 2).unwrap();
    assert_eq!(weights(Arc::new(decimals)), ["1.25", "-0.05"]);
    let text = StringArray::from(vec![Some(" 3 "), Some("x"), None, Some("nan"), Some("x")]);
    assert_eq!(weights(Arc::new(text)), ["3", "bad:x", "NaN", "bad:nan", "bad:x"]);
}

#[test]
fn times_are_points_in_time_of_any_type() {
    let times = |array: ArrayRef| {
        let table =
            batch(&[("user", Arc::new(Int32Array::from(vec![1; array.len()]))), ("t", array)]);
        let options = ReadOptions { item: "user".into(), time: Some("t".into()), ..pair() };
        let lines = show(&read("a", parquet(&table), &options));
        assert_eq!(lines, show(&read("a", arrow_file(&[table], None), &options)));
        lines.iter().map(|line| line.strip_prefix("1 1 ").unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(times(Arc::new(TimestampSecondArray::from(vec![2]))), ["@2000000"]);
    assert_eq!(times(Arc::new(TimestampMicrosecondArray::from(vec![2]))), ["@2"]);
    let zoned = TimestampNanosecondArray::from(vec![2_000, -1]).with_timezone("+02:00");
    assert_eq!(times(Arc::new(zoned)), ["@2", "@-1"]);
    assert_eq!(
        times(Arc::new(Int64Array::from(vec![Some(1), None, Some(i64::MAX)]))),
        ["@1000000", "@-", "bad:9223372036854775807"]
    );
    assert_eq!(
        times(Arc::new(Float64Array::from(vec![1.5, f64::NAN, 1e300]))),
        ["@1500000", "@-", &format!("bad:{}", 1e300)]
    );
    let text = StringArray::from(vec![Some("1970-01-01 00:00:01"), Some("soon"), None]);
    assert_eq!(times(Arc::new(text)), ["@1000000", "bad:soon", "@-"]);
}

#[test]
fn fractions_among_ids_are_named() {
    let table = batch(&[
        ("user", Arc::new(Float64Array::from(vec![1.0, 2.5]))),
        ("item", Arc::new(Int32Array::from(vec![1, 2]))),
    ]);
    insta::assert_snapshot!(error("a.parquet", parquet(&table), &pair()), @"column `user` of a.parquet, row 2: ID 2.5 is not whole or does not fit 64 bits; choose another column or convert it to text");
    let decimals = Decimal128Array::from(vec![150]).with_precision_and_scale(5, 2).unwrap();
    let table = batch(&[("user", Arc::new(decimals.clone())), ("item", Arc::new(decimals))]);
    insta::assert_snapshot!(error("a.parquet", parquet(&table), &pair()), @"column `user` of a.parquet, row 1: ID 1.50 is not whole or does not fit 64 bits; choose another column or convert it to text");
    let table = batch(&[
        ("user", Arc::new(Float64Array::from(vec![-1.0, 1e20]))),
        ("item", Arc::new(Int32Array::from(vec![1, 2]))),
    ]);
    insta::assert_snapshot!(error("a.parquet", parquet(&table), &pair()), @"column `user` of a.parquet, row 2: ID 100000000000000000000 is not whole or does not fit 64 bits; choose another column or convert it to text");
}

#[test]
fn floats_that_several_ids_round_to_are_named() {
    // As pandas makes them of integers beside nulls.
    let table = batch(&[
        (
            "user",
            Arc::new(Float64Array::from(vec![Some(1.0), None, Some(1.234_567_890_123_456_8e18)])),
        ),
        ("item", Arc::new(Int32Array::from(vec![1, 2, 3]))),
    ]);
    insta::assert_snapshot!(error("a.parquet", parquet(&table), &pair()), @"column `user` of a.parquet, row 3: ID 1234567890123456800 is a float to which other IDs round as well; write the column as integers or text");
    let table = batch(&[
        ("user", Arc::new(Int32Array::from(vec![1]))),
        ("item", Arc::new(Float32Array::from(vec![16_777_216.0]))),
    ]);
    assert!(error("a.parquet", parquet(&table), &pair()).contains("row 1: ID 16777216 is a float"));
}
