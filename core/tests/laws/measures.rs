//! What measures and weightings promise.

use std::collections::{BTreeMap, BTreeSet};

use ilk_core::{
    job::{Duplicates, Given, NegativeWeights, Of, Preset, SimilarityJob},
    measure::MeasureName,
    testing::oracle::{Event, Id},
    weighting::{Center, WeightingName},
};
use proptest::{
    prelude::ProptestConfig, prop_assert, prop_assert_eq, prop_assume, proptest, sample::select,
};

use crate::{
    jobs::{Task, tasks},
    world::{baskets, clean_events, crowd, events, similar, weighted_events},
};

/// All pairs that qualify.
fn all(task: &Task) -> Task {
    task.with(|wish| wish.top = Some(1_000_000))
}

fn counting(measure: MeasureName) -> Task {
    let wish = SimilarityJob { measure: Some(measure), ..SimilarityJob::default() };
    all(&Task { given: Given::default(), wish })
}

fn weighted(measure: MeasureName, weighting: WeightingName) -> Task {
    all(&Task::on_everything(SimilarityJob {
        measure: Some(measure),
        weighting: Some(weighting),
        ..SimilarityJob::default()
    }))
}

/// Counts users of both, users of each and users in all, from sets.
struct Counts {
    users: BTreeSet<Id>,
    of: BTreeMap<String, BTreeSet<Id>>,
}

impl Counts {
    fn of(events: &[Event]) -> Self {
        let mut counts = Self { users: BTreeSet::new(), of: BTreeMap::new() };
        for event in events {
            let (Some(user), Some(item)) = (&event.user, &event.item) else { continue };
            counts.users.insert(user.clone());
            counts.of.entry(item.to_string()).or_default().insert(user.clone());
        }
        counts
    }

    fn both(&self, item: &str, other: &str) -> u32 {
        self.of[item].intersection(&self.of[other]).count() as u32
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ilk_core::testing::cases(300)))]

    #[test]
    fn symmetric_measures_score_both_ways_alike(events in events(), task in tasks()) {
        prop_assume!(task.job().measure.is_symmetric());
        let pairs = similar(&events, &all(&task)).pairs();
        for ((item, other), found) in &pairs {
            prop_assert_eq!(pairs.get(&(other.clone(), item.clone())), Some(found));
        }
    }

    #[test]
    fn overlaps_are_the_users_of_both(events in clean_events()) {
        let counts = Counts::of(&events);
        let outcome = similar(&events, &counting(MeasureName::Cooccurrence));
        prop_assert_eq!(outcome.interactions.users(), counts.users.len());
        let found = outcome.pairs();
        for item in counts.of.keys() {
            for other in counts.of.keys().filter(|other| *other != item) {
                let both = counts.both(item, other);
                let expected = (both > 0).then_some(((both as f32).to_bits(), both));
                let pair = found.get(&(item.clone(), other.clone())).copied();
                prop_assert_eq!(pair, expected, "{} and {}", item, other);
            }
        }
    }

    #[test]
    fn scores_lie_where_their_measure_says(events in clean_events(), task in tasks()) {
        let (job, name) = (task.job(), task.job().measure.name());
        let counts = Counts::of(&events);
        for (.., score, overlap) in similar(&events, &task).table() {
            let score = f32::from_bits(score);
            let most = match name {
                MeasureName::Cosine
                | MeasureName::Tanimoto
                | MeasureName::WeightedJaccard
                | MeasureName::CommonCosine
                | MeasureName::Jaccard
                | MeasureName::Dice
                | MeasureName::Overlap
                | MeasureName::Npmi
                | MeasureName::SarLift => 1.000_001,
                MeasureName::MahoutLlr | MeasureName::Pearson | MeasureName::Msd => 1.0,
                MeasureName::Cooccurrence => overlap as f32,
                MeasureName::Lift => counts.users.len().max(counts.of.len()) as f32,
                _ => f32::MAX,
            };
            let least = match name {
                MeasureName::Pearson => -1.0,
                // With weights below 0.
                MeasureName::Cosine | MeasureName::CommonCosine => -1.000_001,
                MeasureName::AsymmetricCosine
                | MeasureName::Dot
                | MeasureName::Tanimoto
                // The one measure of counts that keeps pairs rarer than by chance, below zero.
                | MeasureName::LexicographersMi => f32::MIN,
                _ => 0.0,
            };
            prop_assert!((least..=most).contains(&score), "{name}: {score}");
            prop_assert!(overlap >= job.min_overlap);
        }
    }

    #[test]
    fn scaling_a_column_by_a_power_of_two_leaves_cosine_unchanged(
        events in clean_events(),
        exponent in -30..31_i32,
        column in 0..12_usize,
        shrinkage in select(vec![0.0, 3.5]),
    ) {
        let items = events.iter().filter_map(|event| event.item.clone()).collect::<BTreeSet<_>>();
        prop_assume!(!items.is_empty());
        let chosen = items.iter().nth(column % items.len()).cloned();
        let factor = if exponent < 0 { 0.5_f64 } else { 2.0 };
        let factor = (0..exponent.abs()).fold(1.0, |product, _| product * factor);
        let mut scaled = events.clone();
        for event in scaled.iter_mut().filter(|event| event.item == chosen) {
            event.weight = event.weight.map(|weight| weight * factor);
        }
        let task = weighted(MeasureName::Cosine, WeightingName::Raw);
        let task = task.with(|wish| wish.shrinkage = Some(shrinkage));
        prop_assert_eq!(similar(&scaled, &task).table(), similar(&events, &task).table());
    }

    #[test]
    fn cosine_by_decay_does_not_depend_on_the_present_or_on_what_others_do_later(
        events in clean_events(),
        measure in select(vec![MeasureName::Cosine, MeasureName::CommonCosine, MeasureName::Pearson]),
        now in select(vec!["1970-01-01", "2026-01-01", "2052-02-29", "9999-01-01"]),
        half_life in select(vec!["1h", "1d", "30d"]),
        duplicates in select(Duplicates::ALL),
        of in select(Of::ALL),
    ) {
        let task = weighted(measure, WeightingName::Decay).with(|wish| {
            (wish.half_life, wish.of) = (Some(half_life.into()), Some(of));
            wish.duplicates = Some(duplicates);
        });
        let plain = similar(&events, &task);
        let then = similar(&events, &task.with(|wish| wish.now = Some(now.into())));
        prop_assert_eq!(plain.table(), then.table());
        if of == Of::Items {
            // Somebody has a new item, in the far future.
            let mut more = events.clone();
            let last = events.iter().max_by_key(|event| event.item.clone()).cloned();
            let Some(last) = last else { return Ok(()) };
            let item = match &last.item {
                Some(Id::Integer(number)) if *number < 1_000_000_000 => Id::Integer(number + 1),
                Some(Id::Text(text)) => Id::Text(format!("{text}~")),
                Some(Id::Integer(_)) | None => return Ok(()),
            };
            let later = Some(2_600_000_000_000_000);
            more.push(Event { item: Some(item.clone()), time: later, ..last });
            let name = item.to_string();
            let old = |pairs: BTreeMap<(String, String), (u32, u32)>| {
                let of_old = |pair: &(String, String)| pair.0 != name && pair.1 != name;
                pairs.into_iter().filter(|(pair, _)| of_old(pair)).collect::<Vec<_>>()
            };
            prop_assert_eq!(old(similar(&more, &task).pairs()), old(plain.pairs()));
        }
    }

    #[test]
    fn hiding_rare_items_changes_no_score_of_others(
        events in clean_events(),
        task in tasks(),
        least in 2..6_u32,
    ) {
        prop_assume!(task.job().of == Of::Items && !task.job().measure.is_weighted());
        let task = all(&task);
        let whole = similar(&events, &task.with(|wish| wish.min_support = None));
        let hidden = similar(&events, &task.with(|wish| wish.min_support = Some(least)));
        let hidden_pairs = hidden.pairs();
        let stays = |id: &String| hidden.catalogue.ids.find(id).is_some();
        let both = |pair: &(String, String)| stays(&pair.0) && stays(&pair.1);
        let expected = whole.pairs().into_iter().filter(|(pair, _)| both(pair));
        prop_assert_eq!(expected.collect::<BTreeMap<_, _>>(), hidden_pairs);
        prop_assert_eq!(whole.interactions.population(), hidden.interactions.population());
    }

    #[test]
    fn scaling_everything_by_a_power_of_two_scales_dots_by_its_square(events in clean_events()) {
        let mut scaled = events.clone();
        for event in &mut scaled {
            event.weight = event.weight.map(|weight| weight * 8.0);
        }
        let task = weighted(MeasureName::Dot, WeightingName::Raw);
        let (small, large) = (similar(&events, &task).table(), similar(&scaled, &task).table());
        prop_assert_eq!(small.len(), large.len());
        for (small, large) in small.iter().zip(&large) {
            prop_assert_eq!((f32::from_bits(small.2) * 64.0).to_bits(), large.2);
        }
    }

    #[test]
    fn a_user_with_one_item_changes_no_overlap(events in clean_events(), pick in 0..100_usize) {
        prop_assume!(!events.is_empty());
        let picked = &events[pick % events.len()];
        let user = match &picked.user {
            Some(Id::Text(_)) => Id::Text("a newcomer".into()),
            _ => Id::Integer(1_000_003),
        };
        let mut more = events.clone();
        more.push(Event { user: Some(user), ..picked.clone() });
        // Measures of the overlap alone do not change at all.
        let task = counting(MeasureName::Cooccurrence);
        let (before, after) = (similar(&events, &task), similar(&more, &task));
        prop_assert_eq!(before.table(), after.table());
        prop_assert_eq!(before.interactions.users() + 1, after.interactions.users());
        // Others change for pairs with that item only.
        let item = picked.item.as_ref().map(ToString::to_string);
        let task = counting(MeasureName::Jaccard);
        let (before, after) = (similar(&events, &task).pairs(), similar(&more, &task).pairs());
        for (pair, (score, overlap)) in before {
            let (score_now, overlap_now) = after[&pair];
            prop_assert_eq!(overlap, overlap_now);
            let is_touched = Some(&pair.0) == item.as_ref() || Some(&pair.1) == item.as_ref();
            prop_assert_eq!(score != score_now, is_touched, "{:?}", pair);
        }
    }

    #[test]
    fn shrinkage_lowers_scores_and_never_adds_pairs(events in clean_events(), task in tasks()) {
        let with = |h| all(&task.with(|wish| (wish.shrinkage, wish.threshold) = (h, None)));
        let full = similar(&events, &with(None)).pairs();
        let shrunk = similar(&events, &with(Some(7.0))).pairs();
        prop_assert_eq!(similar(&events, &with(Some(0.0))).pairs(), full.clone());
        prop_assert_eq!(full.len(), shrunk.len());
        for (pair, (score, overlap)) in full {
            let (lower, same) = shrunk[&pair];
            let (score, lower) = (f32::from_bits(score), f32::from_bits(lower));
            prop_assert_eq!(overlap, same);
            prop_assert!(lower.abs() <= score.abs(), "{lower} {score}");
        }
    }

    #[test]
    fn comparing_users_is_comparing_items_of_swapped_columns(
        events in clean_events(),
        task in tasks(),
    ) {
        let task = task.with(|wish| {
            (wish.min_support, wish.max_items_per_user) = (None, None);
            // Whose mean it is changes places, too.
            wish.center = wish.center.filter(|center| *center == Center::None);
        });
        prop_assume!(task.wish.like != Some(Preset::LenskitItemknn));
        let swap = |event: &Event| Event {
            user: event.item.clone(),
            item: event.user.clone(),
            label: None,
            ..event.clone()
        };
        let swapped = events.iter().map(swap).collect::<Vec<_>>();
        let of = |of| task.with(|wish| wish.of = Some(of));
        prop_assert_eq!(
            similar(&events, &of(Of::Users)).table(),
            similar(&swapped, &of(Of::Items)).table()
        );
    }

    #[test]
    fn binary_weights_are_weights_of_one(events in clean_events(), task in tasks()) {
        let mut ones = events.clone();
        for event in &mut ones {
            event.weight = Some(1.0);
        }
        let of = |weighting| {
            weighted(MeasureName::Cosine, weighting).with(|wish| {
                (wish.duplicates, wish.top) = (Some(Duplicates::Max), task.wish.top);
                (wish.min_overlap, wish.threshold) = (task.wish.min_overlap, task.wish.threshold);
            })
        };
        prop_assert_eq!(
            similar(&events, &of(WeightingName::Binary)).table(),
            similar(&ones, &of(WeightingName::Raw)).table()
        );
    }
}

#[test]
fn tversky_meets_the_measures_between_which_it_lies() {
    let events = crowd(300, 80, 5_000, 4);
    let tversky = |alpha, beta| {
        let task = counting(MeasureName::Tversky);
        similar(&events, &task.with(|wish| (wish.alpha, wish.beta) = (Some(alpha), Some(beta))))
    };
    assert_eq!(
        tversky(1.0, 1.0).table(),
        similar(&events, &counting(MeasureName::Jaccard)).table()
    );
    assert_eq!(
        tversky(1.0, 0.0).table(),
        similar(&events, &counting(MeasureName::Conditional)).table()
    );
}

#[test]
fn items_of_no_or_one_user_are_there_and_have_what_they_have() {
    let events = weighted_events(&[
        (1, "alone", 1.0),
        (2, "pair", 1.0),
        (2, "other", 1.0),
        (3, "returned", -1.0),
    ]);
    for measure in MeasureName::ALL {
        // Two equal weights do not vary together.
        if *measure == MeasureName::Pearson {
            continue;
        }
        let wish = SimilarityJob { measure: Some(*measure), ..SimilarityJob::default() };
        let outcome = similar(&events, &Task::on_everything(wish));
        assert_eq!(
            outcome.catalogue.supports,
            [1, 1, 1],
            "{measure}: who was only returned is not"
        );
        assert_eq!(outcome.names_of("alone"), [""; 0], "{measure}");
        assert_eq!(outcome.names_of("pair"), ["other"], "{measure}");
        assert_eq!(outcome.catalogue.ids.find("returned"), None);
    }
}

#[test]
fn one_item_with_every_user_and_one_user_with_every_item() {
    let names = (0..40).map(|item| format!("{item:02}")).collect::<Vec<_>>();
    let everything = names.iter().map(String::as_str).collect::<Vec<_>>();
    let mut rows = vec![everything.as_slice()];
    rows.extend(names.iter().map(|_| &everything[..1]));
    let outcome = similar(&baskets(&rows), &counting(MeasureName::Cosine));
    assert_eq!(outcome.of("00").len(), 39);
    assert_eq!(outcome.of("00")[0].overlap, 1);
    assert_eq!(outcome.of("17").len(), 39);
    assert_eq!(outcome.names_of("17").last().map(String::as_str), Some("00"));
    // By chance they meet exactly as often: no pair.
    let outcome = similar(&baskets(&rows), &counting(MeasureName::Llr));
    assert_eq!(outcome.names_of("00"), [""; 0]);
    assert_eq!(outcome.of("17").len(), 38);
}

#[test]
fn pairs_without_weight_in_common_are_no_pairs() {
    // Whoever has everything has no idf, so nothing counts.
    let events = weighted_events(&[(1, "a", 3.0), (1, "b", 2.0), (1, "c", 1.0)]);
    for measure in [MeasureName::Cosine, MeasureName::AsymmetricCosine, MeasureName::Dot] {
        for weighting in [WeightingName::Tfidf, WeightingName::Bm25] {
            let task = weighted(measure, weighting);
            assert_eq!(similar(&events, &task).table(), [], "{measure} {weighting}");
            // A threshold of zero or below does not bring them back.
            let low = task.with(|wish| wish.threshold = Some(-1.0));
            assert_eq!(similar(&events, &low).table(), [], "{measure} {weighting}");
        }
    }
}

#[test]
fn norms_count_users_of_one_item_alone_too() {
    let events = weighted_events(&[(1, "a", 3.0), (2, "a", 4.0), (1, "b", 2.0)]);
    let outcome = similar(&events, &weighted(MeasureName::Cosine, WeightingName::Raw));
    assert_eq!(outcome.of("a")[0].score, 0.6);
}

#[test]
fn netted_pairs_left_at_zero_or_less_are_gone() {
    let events = weighted_events(&[
        (1, "a", 2.0),
        (1, "a", -2.0),
        (1, "b", 3.0),
        (2, "a", 1.0),
        (2, "b", 5.0),
        (2, "b", -1.0),
        (3, "c", -4.0),
    ]);
    let task = weighted(MeasureName::Dot, WeightingName::Raw)
        .with(|wish| wish.negative_weights = Some(NegativeWeights::Net));
    let outcome = similar(&events, &task);
    assert_eq!(outcome.folding.netted_away, 2);
    assert_eq!(outcome.interactions.users(), 2);
    assert_eq!((outcome.of("a")[0].score, outcome.of("a")[0].overlap), (4.0, 1));
    let dropped = task.with(|wish| wish.negative_weights = None);
    let outcome = similar(&events, &dropped);
    assert_eq!((outcome.of("a")[0].score, outcome.of("a")[0].overlap), (11.0, 2));
}

#[test]
fn sums_add_in_ascending_order_of_weight() {
    // From −1 upwards the two tiny weights count; from 1 downwards they would be lost.
    let tiny = 1e-16;
    let mut rows = vec![(1, "a", 1.0), (1, "a", tiny), (1, "a", -1.0), (1, "a", tiny)];
    rows.push((1, "b", 1.0));
    let task = weighted(MeasureName::Dot, WeightingName::Raw)
        .with(|wish| wish.negative_weights = Some(NegativeWeights::Net));
    for _ in 0..rows.len() {
        rows.rotate_left(1);
        let outcome = similar(&weighted_events(&rows), &task);
        assert_eq!(outcome.of("a")[0].score, f64::EPSILON as f32, "{rows:?}");
    }
}

#[test]
fn decay_halves_a_weight_each_half_life() {
    let mut events = weighted_events(&[(1, "a", 1.0), (1, "b", 8.0), (2, "a", 1.0), (2, "c", 8.0)]);
    for (event, day) in events.iter_mut().zip([10, 7, 10, 4]) {
        event.time = Some(day * 86_400_000_000);
    }
    let task = weighted(MeasureName::Dot, WeightingName::Decay)
        .with(|wish| wish.half_life = Some("3d".into()));
    let outcome = similar(&events, &task);
    assert_eq!(outcome.of("b")[0].score, 4.0);
    assert_eq!(outcome.of("c")[0].score, 2.0);
    let later = task.with(|wish| wish.now = Some("1970-01-14".into()));
    assert_eq!(similar(&events, &later).of("b")[0].score, 1.0);
}

#[test]
fn dot_keeps_its_order_where_scores_leave_their_range() {
    for scale in [1.0, 1e-60] {
        let rows = [(1, "a", 1e20 * scale), (1, "b", 1e20 * scale), (1, "c", 1e25 * scale)];
        let task = weighted(MeasureName::Dot, WeightingName::Raw);
        let outcome = similar(&weighted_events(&rows), &task);
        assert_eq!(outcome.names_of("a"), ["c", "b"]);
        assert_eq!(outcome.names_of("b"), ["c", "a"]);
        let score = if scale == 1.0 { f32::MAX } else { 0.0 };
        assert!(outcome.of("a").iter().all(|found| found.score == score));
    }
}

#[test]
fn each_event_decays_before_it_is_added() {
    let mut events = weighted_events(&[(1, "a", 1.0), (1, "a", 1.0), (1, "b", 1.0)]);
    for (event, day) in events.iter_mut().zip([40, 10, 40]) {
        event.time = Some(day * 86_400_000_000);
    }
    let task = weighted(MeasureName::Dot, WeightingName::Decay)
        .with(|wish| wish.half_life = Some("30d".into()));
    assert_eq!(similar(&events, &task).of("b")[0].score, 1.5);
    let newest = task.with(|wish| wish.duplicates = Some(Duplicates::Max));
    assert_eq!(similar(&events, &newest).of("b")[0].score, 1.0);
}

#[test]
fn a_typing_error_in_the_far_future_empties_nothing() {
    let mut events = weighted_events(&[
        (1, "a", 1.0),
        (1, "b", 1.0),
        (2, "a", 1.0),
        (2, "c", 1.0),
        (3, "d", 1.0),
    ]);
    for (event, day) in events.iter_mut().zip([18_902, 18_902, 18_900, 18_900, 30_000]) {
        event.time = Some(day * 86_400_000_000);
    }
    let task = weighted(MeasureName::Cosine, WeightingName::Decay)
        .with(|wish| wish.half_life = Some("1d".into()));
    let right = (1.0 / 1.0625_f64.sqrt()) as f32;
    for now in [None, Some("2021-10-03"), Some("2023-07-10"), Some("2052-01-01")] {
        let outcome = similar(&events, &task.with(|wish| wish.now = now.map(Into::into)));
        assert_eq!(outcome.of("a")[0].score, right, "{now:?}");
    }
}

#[test]
fn a_last_row_is_the_newest_and_of_equally_new_ones_the_heaviest() {
    let mut events = weighted_events(&[(1, "a", 9.0), (1, "a", 2.0), (1, "a", 3.0), (1, "b", 1.0)]);
    for (event, time) in events.iter_mut().zip([1, 2, 2, 1]) {
        event.time = Some(time);
    }
    let score = |policy| {
        let task = weighted(MeasureName::Dot, WeightingName::Raw);
        similar(&events, &task.with(|wish| wish.duplicates = Some(policy))).of("a")[0].score
    };
    assert_eq!(score(Duplicates::Last), 3.0);
    assert_eq!(score(Duplicates::Max), 9.0);
    assert_eq!(score(Duplicates::Sum), 14.0);
    assert_eq!(score(Duplicates::One), 1.0);
}
