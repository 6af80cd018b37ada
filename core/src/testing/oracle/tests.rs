//! Each step of the pipeline on a few rows, worked by hand.

use crate::{job::SimilarityJob, measure::MeasureName, weighting::WeightingName};

const ALL: Given = Given { weight: true, time: true };

const IDS: Given = Given { weight: false, time: false };

fn event(user: i128, item: &str, weight: f64, time: i64) -> Event {
    Event {
        user: Some(Id::Integer(user)),
        item: Some(Id::Text(item.into())),
        weight: Some(weight),
        time: Some(time),
        label: None,
    }
}

/// One row per user and letter, of weight 1 at time 0.
fn baskets(baskets: &[(i128, &str)]) -> Vec<Event> {
    let letters = baskets.iter().flat_map(|(user, items)| {
        items.chars().map(|item| event(*user, &item.to_string(), 1.0, 0))
    });
    letters.collect()
}

fn run(events: &[Event], given: Given, job: &SimilarityJob, lists: &Lists) -> Answer {
    similar(events, given, &job.resolve(given).unwrap(), lists)
}

/// x·y of raw weights, so that a pair's weight shows as its score beside an item of weight 1.
fn raw() -> SimilarityJob {
    SimilarityJob {
        measure: Some(MeasureName::Dot),
        weighting: Some(WeightingName::Raw),
        ..SimilarityJob::default()
    }
}

fn counts() -> SimilarityJob {
    SimilarityJob { measure: Some(MeasureName::Cooccurrence), ..SimilarityJob::default() }
}

/// Writes an answer as `item: neighbour score, …` per item.
fn shown(answer: &Answer) -> Vec<String> {
    let items = answer.items.iter().map(|item| {
        let neighbours =
            item.neighbours.iter().map(|found| format!(" {} {}", found.id, found.score));
        format!("{}:{}", item.id, neighbours.collect::<Vec<_>>().join(","))
    });
    items.collect()
}

fn check(events: &[Event], given: Given, job: &SimilarityJob, expected: &[&str]) -> Answer {
    let answer = run(events, given, job, &Lists::default());
    assert_eq!(shown(&answer), expected, "{job:?}");
    answer
}

#[test]
fn a_row_is_set_aside_for_its_first_reason() {
    let rows = [
        Event { user: None, item: None, weight: None, ..event(1, "a", 1.0, 0) },
        Event { item: None, weight: None, ..event(1, "a", 1.0, 0) },
        Event { weight: None, time: None, ..event(1, "a", 1.0, 0) },
        event(1, "a", f64::NAN, 0),
        event(1, "a", f64::NEG_INFINITY, 0),
        event(1, "a", 3.41e38, 0),
        Event { time: None, ..event(1, "a", -1.0, 0) },
        event(1, "a", 1.0, i64::MIN),
        event(1, "a", -1.0, 0),
        event(1, "a", -0.0, 0),
    ];
    let answer = check(&rows, ALL, &counts(), &[]);
    let expected =
        [("null_user", 1), ("null_item", 1), ("bad_weight", 4), ("bad_time", 2)].into_iter();
    assert_eq!(answer.reasons, expected.chain([("nonpositive_weight", 2)]).collect());
    assert_eq!(answer.users, 0);
}

#[test]
fn columns_that_are_not_given_are_ignored() {
    let rows = [
        Event { weight: None, time: None, ..event(1, "a", 1.0, 0) },
        event(1, "b", f64::NAN, 0),
        event(1, "b", -7.0, i64::MIN),
    ];
    check(&rows, IDS, &raw(), &["a: b 1", "b: a 1"]);
    let sum = SimilarityJob { duplicates: Some(Duplicates::Sum), ..raw() };
    check(&rows, IDS, &sum, &["a: b 2", "b: a 2"]);
}

#[test]
fn returns_are_dropped_or_netted() {
    let rows = [
        event(1, "a", 1.0, 0),
        event(1, "b", 5.0, 0),
        event(1, "b", -2.0, 0),
        event(1, "c", 2.0, 0),
        event(1, "c", -2.0, 0),
    ];
    check(&rows, ALL, &raw(), &["a: b 5, c 2", "b: c 10, a 5", "c: b 10, a 2"]);
    let net = SimilarityJob { negative_weights: Some(NegativeWeights::Net), ..raw() };
    let answer = check(&rows, ALL, &net, &["a: b 3", "b: a 3"]);
    assert!(answer.reasons.is_empty());
}

#[test]
fn duplicates_fold_by_policy() {
    let rows = [
        event(1, "a", 1.0, 0),
        event(1, "b", 3.0, 50),
        event(1, "b", 2.0, 60),
        event(1, "b", 1.0, 60),
    ];
    for (duplicates, score) in
        [(Duplicates::Sum, 6), (Duplicates::Max, 3), (Duplicates::Last, 2), (Duplicates::One, 1)]
    {
        let job = SimilarityJob { duplicates: Some(duplicates), ..raw() };
        let expected = [format!("a: b {score}"), format!("b: a {score}")];
        check(&rows, ALL, &job, &[&expected[0], &expected[1]]);
    }
}

#[test]
fn sums_add_in_ascending_order_of_weight() {
    // 2⁵³ + 1 rounds down to even each time; 1 + 1 first makes 2, which 2⁵³ can hold.
    let large = 9_007_199_254_740_992.0;
    let rows = [event(1, "a", large, 0), event(1, "a", 1.0, 0), event(1, "a", 1.0, 0)];
    let (rows, _) = clean(&rows, ALL, &raw().resolve(ALL).unwrap());
    let pairs = fold(&rows, &raw().resolve(ALL).unwrap());
    assert_eq!(pairs.into_values().next().unwrap().weight, large + 2.0);
}

#[test]
fn the_time_of_a_pair_is_its_newest() {
    // b is new by its light row; decayed by the hour it counts in full, a half.
    let hour = 3_600_000_000;
    let rows = [event(1, "a", 1.0, 0), event(1, "b", 4.0, -hour), event(1, "b", 3.0, hour)];
    let job = SimilarityJob {
        measure: Some(MeasureName::Dot),
        weighting: Some(WeightingName::Decay),
        half_life: Some("1h".into()),
        ..SimilarityJob::default()
    };
    for (duplicates, score) in
        [(Duplicates::Sum, "3.5"), (Duplicates::Max, "2"), (Duplicates::Last, "1.5")]
    {
        let job = SimilarityJob { duplicates: Some(duplicates), ..job.clone() };
        check(&rows, ALL, &job, &[&format!("a: b {score}"), &format!("b: a {score}")]);
    }
    let job = SimilarityJob { now: Some("1970-01-01T02:00:00Z".into()), ..job };
    check(&rows, ALL, &job, &["a: b 0.875", "b: a 0.875"]);
}

#[test]
fn a_cap_keeps_the_heaviest_then_the_newest_then_the_smallest_hash() {
    let rows = [
        event(1, "a", 1.0, 9),
        event(1, "b", 3.0, 1),
        event(1, "c", 3.0, 2),
        event(1, "d", 2.0, 9),
        event(2, "a", 1.0, 0),
    ];
    let supports = |answer: &Answer| {
        let items = answer.items.iter().map(|item| format!("{}{}", item.id, item.support));
        items.collect::<Vec<_>>().concat()
    };
    for (cap, expected) in [(1, "a1c1"), (2, "a1b1c1"), (3, "a1b1c1d1"), (4, "a2b1c1d1")] {
        let job = SimilarityJob { max_items_per_user: Some(cap), ..counts() };
        assert_eq!(supports(&run(&rows, ALL, &job, &Lists::default())), expected, "cap {cap}");
    }
    // Ties go by XXH3-64 of the texts with a zero byte between, as any implementation has it.
    let hashes = ["3\0a", "3\0b", "3\0c", "3\0d"].map(|pair| xxh3_64(pair.as_bytes()));
    let expected: [u64; 4] = [
        18_356_646_416_897_451_585,
        12_189_308_641_539_755_345,
        6_318_380_130_892_653_541,
        2_958_262_495_247_202_980,
    ];
    assert_eq!(hashes, expected);
    let job = SimilarityJob { max_items_per_user: Some(2), ..counts() };
    let answer = run(&baskets(&[(3, "abcd")]), IDS, &job, &Lists::default());
    assert_eq!(supports(&answer), "c1d1");
}

#[test]
fn rare_items_go_once_and_users_left_without_items_with_them() {
    // c is rare; user 3 has nothing else. Lift N·c/(a·b) shows N = 2.
    let rows = baskets(&[(1, "ab"), (2, "ab"), (3, "c")]);
    let lift = SimilarityJob { measure: Some(MeasureName::Lift), ..SimilarityJob::default() };
    let answer = check(&rows, IDS, &lift, &["a: b 1.5", "b: a 1.5", "c:"]);
    assert_eq!(answer.users, 3);
    let job = SimilarityJob { min_support: Some(2), ..lift };
    let answer = check(&rows, IDS, &job, &["a: b 1", "b: a 1"]);
    assert_eq!(answer.users, 2);
}

#[test]
fn users_are_compared_after_items_were_dropped() {
    let rows = baskets(&[(2, "abx"), (10, "ab"), (-1, "b")]);
    let job = SimilarityJob { of: Some(Of::Users), min_support: Some(2), ..counts() };
    let answer = check(&rows, IDS, &job, &["-1: 2 1, 10 1", "2: 10 2, -1 1", "10: 2 2, -1 1"]);
    assert_eq!(answer.users, 2);
}

#[test]
fn overlap_shrinkage_and_threshold_thin_out_pairs() {
    let rows = baskets(&[(1, "abc"), (2, "ab"), (3, "ab"), (4, "c")]);
    check(&rows, IDS, &counts(), &["a: b 3, c 1", "b: a 3, c 1", "c: a 1, b 1"]);
    let job = SimilarityJob { min_overlap: Some(2), ..counts() };
    check(&rows, IDS, &job, &["a: b 3", "b: a 3", "c:"]);
    // c·c/(c + 1): 3·3/4 and 1·1/2.
    let job = SimilarityJob { shrinkage: Some(1.0), ..counts() };
    check(&rows, IDS, &job, &["a: b 2.25, c 0.5", "b: a 2.25, c 0.5", "c: a 0.5, b 0.5"]);
    let job = SimilarityJob { threshold: Some(2.25), ..job };
    check(&rows, IDS, &job, &["a: b 2.25", "b: a 2.25", "c:"]);
}

#[test]
fn thresholds_compare_as_f32() {
    // 1/3 as f32 is above 1/3 as f64; the threshold is rounded likewise.
    let rows = baskets(&[(1, "ab"), (2, "a"), (3, "b")]);
    let job = SimilarityJob {
        measure: Some(MeasureName::Jaccard),
        threshold: Some(1.0 / 3.0 + 1e-10),
        ..SimilarityJob::default()
    };
    check(&rows, IDS, &job, &["a: b 0.33333334", "b: a 0.33333334"]);
}

#[test]
fn lists_narrow_neighbours_but_not_counts() {
    let rows = baskets(&[(1, "abcd"), (2, "ab")]);
    let ids =
        |letters: &str| letters.chars().map(|id| Id::Text(id.into())).collect::<BTreeSet<_>>();
    let job = SimilarityJob { top: Some(1), ..counts() };
    let cases = [
        (Lists::default(), ["a: b 2", "b: a 2", "c: a 1", "d: a 1"]),
        (
            Lists { only: Some(ids("cd")), ..Lists::default() },
            ["a: c 1", "b: c 1", "c: d 1", "d: c 1"],
        ),
        (
            Lists { exclude: ids("ab"), wanted: Some(ids("ad")), ..Lists::default() },
            ["a: c 1", "b:", "c:", "d: c 1"],
        ),
        (
            Lists { only: Some(ids("az")), exclude: ids("a"), ..Lists::default() },
            ["a:", "b:", "c:", "d:"],
        ),
    ];
    for (lists, expected) in cases {
        let answer = run(&rows, IDS, &job, &lists);
        assert_eq!(shown(&answer), expected, "{lists:?}");
        assert_eq!(answer.items[0].support, 2);
    }
}

#[test]
fn ties_break_by_ascending_id() {
    let mut rows = baskets(&[(1, "aZé"), (2, "aZé")]);
    check(&rows, IDS, &counts(), &["Z: a 2, é 2", "a: Z 2, é 2", "é: Z 2, a 2"]);
    for (number, row) in [100, 9, -5, 100, 9, -5].into_iter().zip(&mut rows) {
        row.item = Some(Id::Integer(number));
    }
    check(&rows, IDS, &counts(), &["-5: 9 2, 100 2", "9: -5 2, 100 2", "100: -5 2, 9 2"]);
    let job = SimilarityJob { top: Some(1), ..counts() };
    check(&rows, IDS, &job, &["-5: 9 2", "9: -5 2", "100: -5 2"]);
}

#[test]
fn labels_are_the_most_frequent_of_the_rows_kept() {
    let named = |user, label: &str| Event { label: Some(label.into()), ..event(user, "a", 1.0, 0) };
    let mut rows = vec![named(1, "pear"), named(2, "apple"), event(3, "a", 1.0, 0)];
    let label = |rows: &[Event]| {
        run(rows, ALL, &counts(), &Lists::default()).items[0].label.clone().unwrap()
    };
    assert_eq!(label(&rows), "apple");
    rows.push(Event { weight: Some(f64::NAN), ..named(3, "pear") });
    assert_eq!(label(&rows), "apple");
    rows.push(named(1, "pear"));
    assert_eq!(label(&rows), "pear");
    let job = SimilarityJob { of: Some(Of::Users), ..counts() };
    assert_eq!(run(&rows, ALL, &job, &Lists::default()).items[0].label, None);
}

#[test]
fn scores_saturate() {
    let rows = [event(1, "a", 3e38, 0), event(1, "b", 3e38, 0)];
    let answer = run(&rows, ALL, &raw(), &Lists::default());
    assert_eq!(answer.items[0].neighbours[0].score, f32::MAX);
}

#[test]
fn the_order_of_rows_does_not_show() {
    use crate::testing::{Shape, events};
    for seed in 0..20 {
        let rows = events(Shape::Dirty, seed);
        let backwards = rows.iter().rev().cloned().collect::<Vec<_>>();
        let job = SimilarityJob {
            weighting: Some(WeightingName::Bm25),
            max_items_per_user: Some(3),
            ..SimilarityJob::default()
        };
        let [one, other] = [rows, backwards].map(|rows| run(&rows, ALL, &job, &Lists::default()));
        assert_eq!(one, other, "seed {seed}");
    }
}

#[test]
fn every_measure_scores_every_shape_finitely() {
    use crate::testing::{Shape, events};
    let mut neighbours = 0;
    for (shape, seed) in Shape::ALL.iter().flat_map(|shape| (0..4).map(move |seed| (shape, seed))) {
        let rows = events(*shape, seed);
        for measure in MeasureName::ALL {
            let job = SimilarityJob {
                measure: Some(*measure),
                negative_weights: Some(NegativeWeights::Net),
                ..SimilarityJob::default()
            };
            let weighted = job.resolve(ALL).unwrap().measure.is_weighted();
            let weightings = if weighted { WeightingName::ALL } else { &[WeightingName::Binary] };
            for weighting in weightings {
                let decays = *weighting == WeightingName::Decay;
                let half_life = decays.then(|| "10d".into());
                let job = SimilarityJob { weighting: Some(*weighting), half_life, ..job.clone() };
                let answer = run(&rows, ALL, &job, &Lists::default());
                let found = answer.items.iter().flat_map(|item| &item.neighbours);
                for found in found {
                    assert!(found.score.is_finite(), "{shape:?} {seed} {job:?}: {found:?}");
                    neighbours += 1;
                }
            }
        }
    }
    assert!(neighbours > 10_000, "{neighbours}");
}

#[test]
fn differences_are_found() {
    use crate::{data::TextList, result::Neighbour};
    let answer = run(&baskets(&[(1, "ab")]), IDS, &counts(), &Lists::default());
    let ids = |letters: [&str; 2]| Ids::Text(letters.into_iter().collect::<TextList>());
    let catalogue = Catalogue { ids: ids(["a", "b"]), labels: None, supports: vec![1, 1], target: None };
    let result = |score| {
        let mut neighbours = Neighbours::new();
        neighbours.push([Neighbour { code: 1, score, overlap: 1 }]);
        neighbours.push([Neighbour { code: 0, score, overlap: 1 }]);
        neighbours
    };
    assert_eq!(answer.difference(&catalogue, &result(1.0)), None);
    assert!(answer.difference(&catalogue, &result(1.0_f32.next_up())).is_some());
    assert!(answer.difference(&catalogue, &Neighbours::new()).is_some());
    let other = Catalogue { ids: ids(["a", "c"]), ..catalogue };
    assert!(answer.difference(&other, &result(1.0)).is_some());
}
