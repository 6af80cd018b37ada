//! Rows set aside: every reason, which one counts, what is kept to look at, and the guards.

use ilk_core::{
    data::{BadCell, Cells, Guess, IdColumn, NumberColumn, Rows, TextColumn, TimeColumn, TimeUnit},
    job::{Duplicates, Given, Job, NegativeWeights, SimilarityJob},
    prepare::{Needs, Reason, Refusal, SetAside, Tally, TimeOfRow, Times, clean, clean_each},
    weighting::{LARGEST_WEIGHT, WeightingName},
};

const GIVEN: Given = Given { weight: true, time: true };

fn job(wish: &SimilarityJob) -> Job {
    wish.resolve(GIVEN).expect("a job that can be")
}

fn default_job() -> Job {
    job(&SimilarityJob::default())
}

/// A chunk of good rows: users 1, 2, …, items `a`, weight 1, time 0.
fn good(rows: usize) -> Rows {
    let users = (1_i64..).take(rows).collect::<Vec<_>>();
    Rows {
        file: 0,
        first_row: 1,
        places: None,
        user: IdColumn::Integer(users.into()),
        item: IdColumn::Text(TextColumn {
            codes: vec![0; rows],
            dictionary: ["a"].into_iter().collect(),
            untyped: false,
        }),
        weight: Some(NumberColumn { values: vec![1.0; rows], bad: Vec::new() }),
        time: Some(TimeColumn { values: vec![0; rows], ..TimeColumn::default() }),
        label: None,
        kept: None,
        unreadable: Vec::new(),
    }
}

/// Spoils a row so that it has `reason`.
fn spoil(rows: &mut Rows, row: usize, reason: Reason) {
    let count = rows.len();
    match reason {
        Reason::Unreadable => {
            rows.unreadable.push(BadCell::new(row as u32, "torn"));
        }
        Reason::Filtered => rows.kept.get_or_insert_with(|| vec![true; count])[row] = false,
        Reason::NullUser => {
            let IdColumn::Integer(Cells { valid, .. }) = &mut rows.user else { return };
            valid.get_or_insert_with(|| vec![true; count])[row] = false;
        }
        Reason::NullItem => {
            let IdColumn::Text(column) = &mut rows.item else { return };
            column.codes[row] = TextColumn::NULL;
        }
        Reason::BadWeight | Reason::NonpositiveWeight => {
            let Some(weight) = &mut rows.weight else { return };
            weight.values[row] = if reason == Reason::BadWeight { f64::NAN } else { -1.5 };
        }
        Reason::BadTime => {
            let Some(time) = &mut rows.time else { return };
            time.values[row] = TimeColumn::NONE;
        }
    }
}

fn tally_of(rows: Rows, job: &Job) -> Tally {
    clean(rows, job, Needs::of(job, GIVEN)).1
}

fn merged(chunks: impl IntoIterator<Item = Rows>, job: &Job) -> Tally {
    let mut tally = Tally::default();
    for chunk in chunks {
        tally.merge(tally_of(chunk, job));
    }
    tally
}

#[test]
fn every_reason_is_counted_and_shown() {
    let mut rows = good(9);
    (rows.file, rows.first_row) = (4, 1_001);
    for (row, reason) in Reason::ALL.into_iter().enumerate() {
        spoil(&mut rows, row, reason);
    }
    if let Some(weight) = &mut rows.weight {
        weight.bad = vec![BadCell::new(4, "many")];
    }
    if let Some(time) = &mut rows.time {
        time.bad = vec![BadCell::new(5, "soon")];
    }
    let tally = tally_of(rows, &default_job());
    assert_eq!((tally.rows, tally.kept(), tally.set_aside), (9, 2, [1; 7]));
    let sample =
        |row: u64, reason, user: Option<&str>, item: Option<&str>, detail: &str| SetAside {
            reason,
            file: 4,
            row: 1_001 + row,
            user: user.map(Into::into),
            item: item.map(Into::into),
            detail: Some(detail.into()),
            cell: matches!(reason, Reason::BadWeight | Reason::BadTime).then(|| detail.into()),
        };
    let expected = [
        sample(0, Reason::Unreadable, Some("1"), Some("a"), "torn"),
        sample(1, Reason::Filtered, Some("2"), Some("a"), "1"),
        sample(2, Reason::NullUser, None, Some("a"), "1"),
        sample(3, Reason::NullItem, Some("4"), None, "1"),
        sample(4, Reason::BadWeight, Some("5"), Some("a"), "many"),
        sample(5, Reason::BadTime, Some("6"), Some("a"), "soon"),
        sample(6, Reason::NonpositiveWeight, Some("7"), Some("a"), "-1.5"),
    ];
    assert_eq!(tally.samples, expected);
}

#[test]
fn every_row_set_aside_is_shown_to_the_caller() {
    // More of each reason than a tally keeps whole.
    let mut rows = good(100);
    let reasons = Reason::ALL.into_iter().cycle();
    for (row, reason) in (0..100).step_by(2).zip(reasons.clone()) {
        spoil(&mut rows, row, reason);
    }
    let (expected, job) = (rows.clone(), default_job());
    let needs = Needs::of(&job, GIVEN);
    let mut shown = Vec::new();
    let (kept, tally) = clean_each(rows, &job, needs, |rows, row, reason| {
        assert_eq!(rows.first_row, expected.first_row, "rows are shown as they came");
        shown.push((row, reason));
    });
    assert_eq!(shown, (0..100).step_by(2).zip(reasons).collect::<Vec<_>>());
    assert_eq!((kept.len() as u64, tally.kept()), (50, 50));
    assert_eq!(tally, clean(expected, &job, needs).1);
}

#[test]
fn a_row_has_the_first_reason_that_holds() {
    for (first, reason) in Reason::ALL.into_iter().enumerate() {
        // A weight is bad or negative, not both.
        let later = Reason::ALL.into_iter().skip(first);
        let later = later.filter(|other| *other == reason || *other != Reason::NonpositiveWeight);
        let mut rows = good(3);
        later.for_each(|reason| spoil(&mut rows, 1, reason));
        let tally = tally_of(rows, &default_job());
        assert_eq!((tally.kept(), tally.count(reason)), (2, 1), "{reason}");
    }
    let mut rows = good(1);
    spoil(&mut rows, 0, Reason::NonpositiveWeight);
    spoil(&mut rows, 0, Reason::BadTime);
    assert_eq!(tally_of(rows, &default_job()).count(Reason::BadTime), 1);
}

#[test]
fn good_rows_are_left_alone() {
    let first = Some(TimeOfRow { time: 0, file: 0, row: 1 });
    let times = Times { earliest: first, latest: first, ..Times::default() };
    assert_eq!(tally_of(good(5), &default_job()), Tally { rows: 5, times, ..Tally::default() });
    assert_eq!(tally_of(good(0), &default_job()), Tally::default());
}

#[test]
fn times_are_those_of_rows_kept_whatever_the_order_of_chunks() {
    let chunk = |first_row: u64, values: [i64; 3], bad: usize| {
        let mut rows = good(3);
        rows.first_row = first_row;
        rows.time = Some(TimeColumn { values: values.to_vec(), ..TimeColumn::default() });
        spoil(&mut rows, bad, Reason::NullUser);
        rows
    };
    let chunks = [chunk(1, [9, 5, 7], 0), chunk(4, [5, 7, 1], 2), chunk(7, [8, 6, 8], 1)];
    let found = |chunks: &[Rows]| {
        let times = merged(chunks.iter().cloned(), &default_job()).times;
        [times.earliest, times.latest].map(|of_row| of_row.map(|of_row| (of_row.time, of_row.row)))
    };
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let chunks = order.map(|place| chunks[place].clone());
        assert_eq!(found(&chunks), [Some((5, 2)), Some((8, 7))], "{order:?}");
    }
}

#[test]
fn numbers_of_times_must_count_the_same() {
    let chunk = |first_row: u64, guess: Guess| {
        let mut rows = good(1);
        rows.first_row = first_row;
        let mut column = TimeColumn { values: vec![0], ..TimeColumn::default() };
        column.guesses.note(guess, 7.0, 0, first_row);
        rows.time = Some(column);
        rows
    };
    let check = |guesses: &[Guess]| {
        let chunks = (1..).zip(guesses).map(|(row, guess)| chunk(row, *guess));
        merged(chunks, &default_job()).check(&default_job())
    };
    let (seconds, days) = (Guess::Unit(TimeUnit::S), Guess::Unit(TimeUnit::Days));
    assert_eq!(check(&[Guess::None, seconds, seconds]), Ok(()));
    for unclear in [
        &[seconds, days][..],
        &[days, seconds],
        &[Guess::Unlikely],
        &[Guess::None, Guess::Unlikely, days],
    ] {
        let refusal = check(unclear).unwrap_err();
        assert!(matches!(refusal, Refusal::TimeUnit { .. }), "{refusal}");
    }
}

#[test]
fn repeated_rows_keep_their_numbers_and_what_is_bad_about_them() {
    let mut rows = good(3);
    rows.unreadable = vec![BadCell::new(1, "x")];
    let rows = rows.repeat(&[0, 1, 1, 2]);
    let numbers = (0..rows.len()).map(|row| rows.number(row)).collect::<Vec<_>>();
    assert_eq!(numbers, [1, 2, 2, 3]);
    assert_eq!(rows.unreadable.iter().map(|bad| bad.row).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn samples_are_the_first_rows_of_each_reason_whatever_the_order_of_chunks() {
    let chunk = |file: u32, first_row: u64| {
        let mut rows = good(4);
        (rows.file, rows.first_row) = (file, first_row);
        (0..3).for_each(|row| spoil(&mut rows, row, Reason::BadTime));
        spoil(&mut rows, 3, Reason::NullUser);
        rows
    };
    let chunks = [chunk(0, 1), chunk(0, 5), chunk(1, 1), chunk(1, 5)];
    let tally = merged(chunks.clone(), &default_job());
    let rows = |reason| {
        let of_reason = tally.samples.iter().filter(|sample| sample.reason == reason);
        of_reason.map(|sample| (sample.file, sample.row)).collect::<Vec<_>>()
    };
    assert_eq!(rows(Reason::BadTime), [(0, 1), (0, 2), (0, 3), (0, 5), (0, 6)]);
    assert_eq!(rows(Reason::NullUser), [(0, 4), (0, 8), (1, 4), (1, 8)]);
    assert!(tally.samples.is_sorted_by_key(|sample| sample.reason));
    assert_eq!(tally.count(Reason::BadTime), 12);
    for turn in 1..4 {
        let mut turned = chunks.clone();
        turned.rotate_left(turn);
        assert_eq!(merged(turned, &default_job()), tally);
    }
}

#[test]
fn weights_up_to_the_largest_count() {
    let cases = [
        (LARGEST_WEIGHT, None),
        (LARGEST_WEIGHT.next_up(), Some(Reason::BadWeight)),
        (f64::INFINITY, Some(Reason::BadWeight)),
        (f64::NEG_INFINITY, Some(Reason::BadWeight)),
        (-LARGEST_WEIGHT.next_up(), Some(Reason::BadWeight)),
        (f64::NAN, Some(Reason::BadWeight)),
        (-LARGEST_WEIGHT, Some(Reason::NonpositiveWeight)),
        (0.0, Some(Reason::NonpositiveWeight)),
        (-0.0, Some(Reason::NonpositiveWeight)),
        (f64::MIN_POSITIVE, None),
        (5e-324, None),
    ];
    let net = SimilarityJob {
        negative_weights: Some(NegativeWeights::Net),
        weighting: Some(WeightingName::Raw),
        ..SimilarityJob::default()
    };
    for (weight, expected) in cases {
        for (job, expected) in [
            (default_job(), expected),
            (job(&net), expected.filter(|reason| *reason == Reason::BadWeight)),
        ] {
            let mut rows = good(1);
            rows.weight = Some(NumberColumn { values: vec![weight], bad: Vec::new() });
            let tally = tally_of(rows, &job);
            let found = Reason::ALL.into_iter().find(|reason| tally.count(*reason) > 0);
            assert_eq!(found, expected, "{weight}, {:?}", job.negative_weights);
        }
    }
}

#[test]
fn columns_that_are_named_are_judged_even_if_the_job_looks_at_none() {
    let binary = default_job();
    assert_eq!(Needs::of(&binary, GIVEN), Needs { weight: false, time: false });
    let mut rows = good(4);
    spoil(&mut rows, 0, Reason::BadWeight);
    spoil(&mut rows, 1, Reason::BadTime);
    spoil(&mut rows, 2, Reason::NonpositiveWeight);
    assert_eq!(tally_of(rows, &binary).kept(), 1);
}

#[test]
fn a_job_needs_what_its_result_depends_on() {
    let needs = |wish: &SimilarityJob, given| {
        let Needs { weight, time } = Needs::of(&wish.resolve(given).expect("a job"), given);
        (weight, time)
    };
    let none = Given::default();
    let plain = SimilarityJob::default();
    assert_eq!(needs(&plain, none), (false, false));
    let raw = SimilarityJob { weighting: Some(WeightingName::Raw), ..plain.clone() };
    assert_eq!(needs(&raw, GIVEN), (true, true), "the last of several ratings counts");
    assert_eq!(needs(&raw, none), (false, false), "rows of one weight, counted once");
    let counted = SimilarityJob { duplicates: Some(Duplicates::Sum), ..raw.clone() };
    assert_eq!(needs(&counted, none), (true, false), "a sum without weights counts rows");
    let last = SimilarityJob { duplicates: Some(Duplicates::Last), ..raw };
    assert_eq!(needs(&last, GIVEN), (true, true));
    let cap = SimilarityJob { max_items_per_user: Some(3), ..plain.clone() };
    assert_eq!(needs(&cap, GIVEN), (true, true));
    let net = SimilarityJob { negative_weights: Some(NegativeWeights::Net), ..plain };
    assert_eq!(needs(&net, GIVEN), (true, false));
}

/// A tally of `rows` rows, `bad` of them for `reason`.
fn tally(rows: usize, bad: usize, reason: Reason) -> Tally {
    let mut chunk = good(rows);
    (0..bad).for_each(|row| spoil(&mut chunk, row, reason));
    tally_of(chunk, &default_job())
}

#[test]
fn bad_rows_are_refused_past_the_share_allowed() {
    let allowing = |share: &str| {
        job(&SimilarityJob { max_bad_rows: Some(share.into()), ..SimilarityJob::default() })
    };
    for reason in [Reason::Unreadable, Reason::BadWeight, Reason::BadTime] {
        assert_eq!(tally(2_000, 20, reason).check(&default_job()), Ok(()), "exactly 1 %");
        assert_eq!(
            tally(2_000, 21, reason).check(&default_job()),
            Err(Refusal::TooManyBadRows { bad: 21, rows: 2_000, allowed: 0.01 })
        );
        assert_eq!(tally(12, 10, reason).check(&default_job()), Ok(()), "never fewer than 10");
        assert!(tally(12, 11, reason).check(&default_job()).is_err());
        assert_eq!(tally(200, 2, reason).check(&allowing("1%")), Ok(()), "exactly 1 %");
        assert_eq!(
            tally(200, 3, reason).check(&allowing("1%")),
            Err(Refusal::TooManyBadRows { bad: 3, rows: 200, allowed: 0.01 })
        );
        assert_eq!(tally(200, 3, reason).check(&allowing("0.015")), Ok(()));
        assert!(tally(200, 1, reason).check(&allowing("0%")).is_err());
        assert_eq!(tally(200, 200, reason).check(&allowing("100%")), Ok(()));
    }
    for reason in [Reason::Filtered, Reason::NullUser, Reason::NullItem, Reason::NonpositiveWeight]
    {
        assert_eq!(tally(10, 9, reason).check(&default_job()), Ok(()), "{reason}");
    }
    assert_eq!(Tally::default().check(&allowing("0%")), Ok(()));
}

#[test]
fn reasons_that_guard_bad_rows_add_up() {
    let mut rows = good(300);
    spoil(&mut rows, 0, Reason::Unreadable);
    spoil(&mut rows, 1, Reason::BadWeight);
    spoil(&mut rows, 2, Reason::BadTime);
    let one = job(&SimilarityJob { max_bad_rows: Some("1%".into()), ..SimilarityJob::default() });
    assert_eq!(tally_of(rows.clone(), &one).check(&one), Ok(()));
    spoil(&mut rows, 3, Reason::BadTime);
    let refusal = tally_of(rows, &one).check(&one).expect_err("too many");
    assert_eq!(
        refusal.to_string(),
        "4 of 300 rows are unreadable or hold a bad weight or time (1.33 %), more than \
         max_bad_rows allows (1.00 %)"
    );
}

#[test]
fn returns_are_an_error_where_asked() {
    let wish = SimilarityJob {
        negative_weights: Some(NegativeWeights::Error),
        ..SimilarityJob::default()
    };
    let one = tally(5, 1, Reason::NonpositiveWeight);
    assert_eq!(one.check(&job(&wish)), Err(Refusal::NonpositiveWeights { rows: 1 }));
    assert_eq!(tally(5, 1, Reason::NullUser).check(&job(&wish)), Ok(()));
}

#[test]
fn a_strict_job_takes_no_row_set_aside_but_filtered_ones() {
    let strict = job(&SimilarityJob {
        strict: Some(true),
        max_bad_rows: Some("100%".into()),
        ..SimilarityJob::default()
    });
    for reason in Reason::ALL {
        let refusal = tally(5, 2, reason).check(&strict);
        if reason == Reason::Filtered {
            assert_eq!(refusal, Ok(()));
        } else {
            assert_eq!(refusal, Err(Refusal::Strict { rows: 2, reasons: reason.to_string() }));
        }
    }
    let mut rows = good(5);
    spoil(&mut rows, 0, Reason::NullItem);
    spoil(&mut rows, 1, Reason::BadTime);
    spoil(&mut rows, 2, Reason::Filtered);
    assert_eq!(
        tally_of(rows, &strict).check(&strict),
        Err(Refusal::Strict { rows: 2, reasons: "null_item, bad_time".into() })
    );
}
