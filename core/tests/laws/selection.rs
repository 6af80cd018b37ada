//! Which neighbours come back, and in which order.

use std::collections::BTreeSet;

use ilk_core::{
    job::{Given, Of, SimilarityJob},
    kernel::rank,
    measure::MeasureName,
    result::Neighbour,
    testing::oracle::{Id, Lists},
    weighting::WeightingName,
};
use proptest::{prelude::ProptestConfig, prop_assert, prop_assert_eq, prop_assume, proptest};

use crate::{
    jobs::{Task, tasks},
    world::{
        Line, Narrowing, baskets, clean_events, crowd, events, narrowings, similar, similar_among,
        weighted_events,
    },
};

/// A job on nothing but users and items.
fn counting(wish: SimilarityJob) -> Task {
    Task { given: Given::default(), wish }
}

fn text(ids: &[&str]) -> BTreeSet<Id> {
    ids.iter().map(|id| Id::Text((*id).into())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ilk_core::testing::cases(300)))]

    #[test]
    fn the_top_k_are_a_prefix_of_the_top_k_plus_1(
        events in events(),
        task in tasks(),
        narrowing in narrowings(),
        k in 1..12_u32,
    ) {
        let lists = narrowing.lists(&events, task.wish.of.unwrap_or(Of::Items));
        let top = |k| similar_among(&events, &task.with(|wish| wish.top = Some(k)), &lists);
        let (fewer, more) = (top(k).neighbours, top(k + 1).neighbours);
        for item in 0..fewer.items() as u32 {
            let (fewer, more) = (fewer.of(item), more.of(item));
            prop_assert_eq!(fewer, &more[..more.len().min(k as usize)]);
        }
    }

    #[test]
    fn neighbours_come_in_the_total_order_and_never_the_item_itself(
        events in events(),
        task in tasks(),
    ) {
        let outcome = similar(&events, &task);
        for item in 0..outcome.neighbours.items() as u32 {
            let list = outcome.neighbours.of(item);
            // Past the range of scores the order is that of the products themselves.
            let is_lost = |score: f32| !(1e-36..1e38).contains(&score.abs());
            let precedes = |a: &Neighbour, b: &Neighbour| {
                rank(a, b).is_lt() || (a.score == b.score && is_lost(a.score))
            };
            prop_assert!(list.is_sorted_by(precedes), "{list:?}");
            prop_assert!(list.iter().all(|one| one.code != item && one.score.is_finite()));
        }
    }

    #[test]
    fn a_threshold_keeps_exactly_what_scores_no_less(
        events in clean_events(),
        task in tasks(),
        pick in 0..1_000_usize,
    ) {
        let all = task.with(|wish| (wish.top, wish.threshold) = (Some(1_000), None));
        let all = similar(&events, &all).table();
        let score = |line: &Line| f32::from_bits(line.2);
        // A threshold that some pair meets exactly, where there is a pair.
        let threshold = all.get(pick % all.len().max(1)).map_or(0.5, score);
        // Settings end at 1e30, dot products later.
        prop_assume!(threshold.abs() <= 1e30);
        let kept = task.with(|wish| {
            (wish.top, wish.threshold) = (Some(1_000), Some(threshold.into()));
        });
        let expected = all.into_iter().filter(|line| score(line) >= threshold).collect::<Vec<_>>();
        prop_assert_eq!(similar(&events, &kept).table(), expected);
    }

    #[test]
    fn min_overlap_keeps_exactly_pairs_of_so_many_users(
        events in clean_events(),
        task in tasks(),
        least in 1..8_u32,
    ) {
        let with = |least| task.with(|wish| {
            (wish.top, wish.min_overlap) = (Some(1_000), Some(least));
        });
        let mut expected = similar(&events, &with(1)).table();
        expected.retain(|(.., overlap)| *overlap >= least);
        prop_assert_eq!(similar(&events, &with(least)).table(), expected);
    }

    #[test]
    fn items_asked_for_get_what_the_full_run_gives_them(
        events in events(),
        task in tasks(),
        narrowing in narrowings(),
        seed in 0..1_000_u64,
    ) {
        let of = task.wish.of.unwrap_or(Of::Items);
        let full = Narrowing { wanted: None, ..narrowing }.lists(&events, of);
        let asked = Narrowing { wanted: Some(seed), ..narrowing }.lists(&events, of);
        let wanted = asked.wanted.iter().flatten().map(ToString::to_string).collect::<BTreeSet<_>>();
        let mut expected = similar_among(&events, &task, &full).table();
        expected.retain(|(item, ..)| wanted.contains(item));
        prop_assert_eq!(similar_among(&events, &task, &asked).table(), expected);
    }

    #[test]
    fn lists_of_neighbours_filter_exactly_and_change_no_score(
        events in events(),
        task in tasks(),
        seed in 0..1_000_u64,
    ) {
        let task = task.with(|wish| wish.top = Some(1_000));
        let of = task.wish.of.unwrap_or(Of::Items);
        let drawn = Narrowing { only: Some(seed), ..Narrowing::default() }.lists(&events, of);
        let drawn = drawn.only.unwrap_or_default();
        let names = drawn.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        let all = similar(&events, &task).table();
        let (inside, outside): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|(_, other, ..)| names.contains(other));
        let only = Lists { only: Some(drawn.clone()), ..Lists::default() };
        let without = Lists { exclude: drawn, ..Lists::default() };
        prop_assert_eq!(similar_among(&events, &task, &only).table(), inside);
        prop_assert_eq!(similar_among(&events, &task, &without).table(), outside);
    }
}

#[test]
fn ties_break_by_ascending_item() {
    // Everybody has everything: all pairs score alike.
    let basket: &[&str] = &["b", "a", "d", "c", "B"];
    let events = baskets(&[basket; 3]);
    for measure in [MeasureName::Cosine, MeasureName::Jaccard, MeasureName::Cooccurrence] {
        let wish =
            SimilarityJob { measure: Some(measure), top: Some(3), ..SimilarityJob::default() };
        let outcome = similar(&events, &counting(wish));
        assert_eq!(outcome.names_of("B"), ["a", "b", "c"], "{measure}");
        assert_eq!(outcome.names_of("a"), ["B", "b", "c"], "{measure}");
        assert_eq!(outcome.names_of("d"), ["B", "a", "b"], "{measure}");
    }
}

#[test]
fn integer_ids_tie_as_numbers_not_as_text() {
    let events = (0..12).map(|item| (0, format!("{item}"), 1.0)).collect::<Vec<_>>();
    let events = events.iter().map(|(user, item, weight)| (*user, item.as_str(), *weight));
    let mut events = weighted_events(&events.collect::<Vec<_>>());
    for event in &mut events {
        let number = event.item.as_ref().map(ToString::to_string).and_then(|id| id.parse().ok());
        event.item = number.map(Id::Integer);
    }
    let wish = SimilarityJob { top: Some(11), ..SimilarityJob::default() };
    let names = similar(&events, &counting(wish)).names_of("0");
    assert_eq!(names, ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"]);
}

#[test]
fn ties_that_overflow_the_list_keep_the_smallest_ids() {
    // One user with 500 items, all of which tie: lists are cut down many times on the way.
    let names = (0..500).map(|item| format!("{item:03}")).collect::<Vec<_>>();
    let basket = names.iter().map(String::as_str).collect::<Vec<_>>();
    let wish = SimilarityJob { top: Some(4), ..SimilarityJob::default() };
    let outcome = similar(&baskets(&[&basket, &basket]), &counting(wish));
    assert_eq!(outcome.names_of("000"), ["001", "002", "003", "004"]);
    assert_eq!(outcome.names_of("002"), ["000", "001", "003", "004"]);
    assert_eq!(outcome.names_of("499"), ["000", "001", "002", "003"]);
}

#[test]
fn more_neighbours_than_there_are_items_gives_what_there_is() {
    let events = baskets(&[&["a", "b"], &["b", "c"], &["d"]]);
    for top in [3, 4, 1_000_000, u32::MAX] {
        let wish = SimilarityJob { top: Some(top), ..SimilarityJob::default() };
        let outcome = similar(&events, &counting(wish));
        assert_eq!(outcome.names_of("b"), ["a", "c"], "{top}");
        assert_eq!(outcome.names_of("d"), [""; 0], "{top}");
    }
}

#[test]
fn excluded_items_still_count() {
    let events = baskets(&[&["a", "b"], &["a", "b"], &["b"], &["a", "c"], &["c"]]);
    let task =
        counting(SimilarityJob { measure: Some(MeasureName::Lift), ..SimilarityJob::default() });
    let whole = similar(&events, &task);
    let lists = Lists { exclude: text(&["b"]), ..Lists::default() };
    let narrowed = similar_among(&events, &task, &lists);
    assert_eq!(narrowed.catalogue, whole.catalogue);
    assert_eq!(narrowed.catalogue.supports, [3, 3, 2]);
    assert_eq!(narrowed.interactions, whole.interactions);
    assert_eq!(narrowed.names_of("a"), ["c"]);
    assert_eq!(narrowed.names_of("b"), ["a"], "an excluded item still has neighbours");
    assert_eq!(narrowed.of("a")[0], whole.of("a")[1]);
}

#[test]
fn k_come_back_whenever_k_qualify() {
    // The best neighbours of every item are the ones excluded.
    let events = crowd(500, 60, 6_000, 9);
    let task = counting(SimilarityJob { top: Some(3), ..SimilarityJob::default() });
    let best = similar(&events, &task);
    let best = best.table().into_iter().map(|(_, other, ..)| other).collect::<BTreeSet<_>>();
    let exclude = best.iter().filter_map(|id| id.parse().ok()).map(Id::Integer).collect();
    let lists = Lists { exclude, ..Lists::default() };
    let outcome = similar_among(&events, &task, &lists);
    let left = outcome.catalogue.ids.len() - best.len();
    assert!((4..50).contains(&left), "{left} items are left");
    let all = similar_among(&events, &task.with(|wish| wish.top = Some(1_000)), &lists);
    for item in 0..outcome.neighbours.items() as u32 {
        let (three, every) = (outcome.neighbours.of(item), all.neighbours.of(item));
        assert_eq!(three, &every[..every.len().min(3)]);
    }
}

#[test]
fn only_and_exclude_together_leave_what_both_allow() {
    let events = baskets(&[&["a", "b", "c", "d"]]);
    let task = counting(SimilarityJob::default());
    let lists = Lists { only: Some(text(&["a", "b", "zzz"])), exclude: text(&["b"]), wanted: None };
    let outcome = similar_among(&events, &task, &lists);
    assert_eq!(outcome.names_of("d"), ["a"]);
    assert_eq!(outcome.names_of("a"), [""; 0]);
}

#[test]
fn empty_lists_allow_nothing() {
    let events = baskets(&[&["a", "b"]]);
    let task = counting(SimilarityJob::default());
    for lists in [
        Lists { only: Some(BTreeSet::new()), ..Lists::default() },
        Lists { wanted: Some(BTreeSet::new()), ..Lists::default() },
    ] {
        assert_eq!(similar_among(&events, &task, &lists).table(), []);
    }
}

#[test]
fn a_cap_keeps_the_heaviest_then_the_newest_then_the_smallest_hash() {
    let mut events = weighted_events(&[
        (1, "heavy", 9.0),
        (1, "new", 5.0),
        (1, "old", 5.0),
        (1, "light", 1.0),
        (2, "light", 1.0),
    ]);
    events[1].time = Some(1);
    let kept = |cap| {
        let wish = SimilarityJob {
            max_items_per_user: Some(cap),
            weighting: Some(WeightingName::Raw),
            ..SimilarityJob::default()
        };
        let outcome = similar(&events, &Task::on_everything(wish));
        let ids = &outcome.catalogue.ids;
        let names = outcome.interactions.of(0).iter().map(|item| ids.display(*item).into_owned());
        (names.collect::<Vec<_>>(), outcome.folding.capped_users, outcome.folding.capped_pairs)
    };
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(kept(1), (names(&["heavy"]), 1, 3));
    assert_eq!(kept(2), (names(&["heavy", "new"]), 1, 2));
    assert_eq!(kept(3), (names(&["heavy", "new", "old"]), 1, 1));
    assert_eq!(kept(4), (names(&["heavy", "light", "new", "old"]), 0, 0));
}

#[test]
fn a_cap_without_weights_and_times_goes_by_the_hash_of_user_and_item() {
    let names = (0..20).map(|item| format!("item {item}")).collect::<Vec<_>>();
    let events = (0..3).flat_map(|user| names.iter().map(move |name| (user, name.as_str(), 1.0)));
    let events = weighted_events(&events.collect::<Vec<_>>());
    let wish = SimilarityJob { max_items_per_user: Some(5), ..SimilarityJob::default() };
    let outcome = similar(&events, &counting(wish));
    for user in 0..3 {
        let mut hashed = names.iter().map(|name| {
            (xxhash_rust::xxh3::xxh3_64(format!("{user}\0{name}").as_bytes()), name.clone())
        });
        let mut hashed = hashed.by_ref().collect::<Vec<_>>();
        hashed.sort();
        let mut expected = hashed[..5].iter().map(|(_, name)| name.clone()).collect::<Vec<_>>();
        expected.sort();
        let ids = &outcome.catalogue.ids;
        let kept = outcome.interactions.of(user).iter().map(|item| ids.display(*item));
        assert_eq!(kept.collect::<Vec<_>>(), expected);
    }
}

#[test]
fn min_support_is_applied_once() {
    // Without `rare`, user 1 has gone; `a` is left with two users and stays.
    let events = baskets(&[&["a", "b"], &["rare"], &["a", "rare2"], &["b"], &["b"]]);
    let wish = SimilarityJob { min_support: Some(2), ..SimilarityJob::default() };
    let outcome = similar(&events, &counting(wish));
    assert_eq!(outcome.catalogue.supports, [2, 3]);
    assert_eq!(outcome.interactions.users(), 4);
    let folding = outcome.folding;
    assert_eq!((folding.rare_items, folding.rare_pairs, folding.emptied_users), (2, 2, 1));
}

#[test]
fn supports_are_counted_after_the_cap() {
    let mut baskets_of = vec![vec!["x", "y"]; 4];
    baskets_of.push(vec!["x", "y", "z"]);
    let rows = baskets_of.iter().map(Vec::as_slice).collect::<Vec<_>>();
    let wish = SimilarityJob {
        max_items_per_user: Some(1),
        min_support: Some(1),
        ..SimilarityJob::default()
    };
    let outcome = similar(&baskets(&rows), &counting(wish));
    assert_eq!(outcome.catalogue.supports.iter().sum::<u32>(), 5);
    assert_eq!(outcome.table(), []);
}

#[test]
fn thresholds_compare_as_scores_are_written() {
    // 1/3 as f32 lies above 1/3 as f64: the pair meets the threshold it is written with.
    let events = baskets(&[&["a", "b"], &["a"], &["b"]]);
    let wish = SimilarityJob {
        measure: Some(MeasureName::Jaccard),
        threshold: Some(f64::from(1.0_f32 / 3.0)),
        ..SimilarityJob::default()
    };
    let task = counting(wish);
    assert_eq!(similar(&events, &task).names_of("a"), ["b"]);
    let above = task.with(|wish| wish.threshold = Some(f64::from((1.0_f32 / 3.0).next_up())));
    assert_eq!(similar(&events, &above).table(), []);
}
