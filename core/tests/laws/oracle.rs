//! The real pipeline equals the naive oracle, to the bit.

use ilk_core::{
    job::{Given, Job, SimilarityJob},
    measure::MeasureName,
    prepare::Reason,
    testing::oracle::{self, Event, Id, Lists},
    weighting::{LARGEST_WEIGHT, WeightingName},
};
use proptest::{
    collection::vec,
    prelude::{ProptestConfig, Strategy},
    prop_assert, prop_oneof, proptest,
    sample::select,
    test_runner::TestCaseError,
};

use crate::{
    jobs::{Task, tasks},
    world::{self, Deal, Dealt, Narrowing, Outcome, deals, events, narrowings},
};

/// Deals out events, runs pipeline and oracle, and says where they differ.
fn difference(events: &[Event], task: &Task, deal: Deal, narrowing: Narrowing) -> Option<String> {
    let job = task.job();
    let mut dealt = world::deal(events, task.given, deal);
    let lists = narrowing.lists(&dealt.counted, job.of);
    let answer = oracle::similar(&dealt.counted, task.given, &job, &lists);
    let chunks = std::mem::take(&mut dealt.chunks);
    let outcome =
        match world::run_laid_out(chunks, (task.given, &job), &lists, &dealt.layout, &dealt.crew) {
            Ok(outcome) => outcome,
            Err(error) => return Some(error.to_string()),
        };
    tally_difference(&dealt, &outcome, &answer)
        .or_else(|| folding_difference(&outcome, &job))
        .or_else(|| answer.difference(&outcome.catalogue, &outcome.neighbours))
}

fn tally_difference(dealt: &Dealt, outcome: &Outcome, answer: &oracle::Answer) -> Option<String> {
    let tally = &outcome.tally;
    for reason in Reason::ALL {
        let expected = match reason {
            Reason::Unreadable => dealt.unreadable,
            Reason::Filtered => dealt.filtered,
            _ => answer.reasons.get(reason.name()).copied().unwrap_or(0),
        };
        if tally.count(reason) != expected {
            return Some(format!("{reason}: {}, expected {expected}", tally.count(reason)));
        }
    }
    let rows = dealt.counted.len() as u64 + dealt.unreadable + dealt.filtered;
    (tally.rows != rows).then(|| format!("{} rows, expected {rows}", tally.rows))
}

fn folding_difference(outcome: &Outcome, job: &Job) -> Option<String> {
    let (folding, found) = (&outcome.folding, &outcome.interactions);
    let kept = folding.pairs - folding.netted_away - folding.capped_pairs - folding.rare_pairs;
    let sound = folding.events == outcome.tally.kept()
        && kept == found.len() as u64
        && found.degrees().all(|degree| degree > 0)
        && found.supports().iter().all(|support| *support > 0)
        && outcome.others.len() == found.users()
        && outcome.catalogue.supports == found.supports()
        && (job.max_items_per_user.is_some() || folding.capped_users == 0);
    (!sound).then(|| format!("{folding:?} of {found:?}"))
}

fn check(
    events: &[Event],
    task: &Task,
    deal: Deal,
    narrowing: Narrowing,
) -> Result<(), TestCaseError> {
    let difference = difference(events, task, deal, narrowing);
    prop_assert!(difference.is_none(), "{}", difference.unwrap_or_default());
    Ok(())
}

/// Weights as far apart as they may be, down to those whose products vanish; half of the time
/// such that scores lie where f32 loses its digits.
fn extreme_events() -> impl Strategy<Value = Vec<Event>> {
    let exponent =
        prop_oneof![vec(-45..39_i32, 1..4), vec(prop_oneof![-15..-10_i32, 6..9_i32], 4..8),];
    let pool = exponent.prop_flat_map(|exponents| {
        let digits = vec(1..1_000_u32, exponents.len());
        digits.prop_map(move |digits| {
            let texts = digits.iter().zip(&exponents).map(|(digit, e)| format!("{digit}e{e}"));
            texts.map(|text| text.parse::<f64>().expect("a number")).collect::<Vec<_>>()
        })
    });
    let pool = pool.prop_map(|pool| {
        pool.into_iter().map(|weight| weight.min(LARGEST_WEIGHT)).collect::<Vec<_>>()
    });
    let rows = vec((0..6_i128, 0..7_i128, 0..8_usize), 1..40);
    (pool, rows).prop_map(|(pool, rows)| {
        let event = |(user, item, weight): (i128, i128, usize)| Event {
            user: Some(Id::Integer(user)),
            item: Some(Id::Integer(item)),
            weight: Some(pool[weight % pool.len()]),
            time: Some(0),
            label: None,
        };
        rows.into_iter().map(event).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ilk_core::testing::cases(3_000)))]

    #[test]
    fn the_pipeline_equals_the_oracle(
        events in events(),
        task in tasks(),
        deal in deals(),
        narrowing in narrowings(),
    ) {
        check(&events, &task, deal, narrowing)?;
    }

    #[test]
    fn extreme_weights_are_scored_as_the_oracle_scores_them(
        events in extreme_events(),
        measure in select(vec![MeasureName::Cosine, MeasureName::AsymmetricCosine, MeasureName::Dot]),
        weighting in select(vec![WeightingName::Raw, WeightingName::Log, WeightingName::Bm25]),
        top in 1..4_u32,
        threshold in select(vec![None, Some(1e-44), Some(1e-40), Some(1e-30), Some(0.5), Some(1e30)]),
    ) {
        let wish = SimilarityJob {
            measure: Some(measure),
            weighting: Some(weighting),
            top: Some(top),
            threshold,
            ..SimilarityJob::default()
        };
        check(&events, &Task::on_everything(wish), Deal::PLAIN, Narrowing::default())?;
    }
}

/// Neighbours of one item whose scores, all but equal, are too small for f32 to keep its digits:
/// a bound that is computed in f32 must not rule out what ties.
fn vanishing_ties() -> impl Strategy<Value = Vec<Event>> {
    let ratio = select(vec![1.0, 3.0, 5.0, 7.0, 11.0, 13.0, 0.7, 0.3]);
    let neighbours = vec((ratio, 0..4_usize), 2..120);
    (neighbours, 1.0..9.0_f64, 1.0..9.0_f64, -26..-20_i32).prop_map(
        |(neighbours, norm, shared, exponent)| {
            let product = format!("{shared}e{exponent}").parse::<f64>().expect("a number");
            let (tiny, large) = (product.sqrt(), norm * 1e8);
            let event = |user: usize, item: usize, weight: f64| Event {
                user: Some(Id::Integer(user as i128)),
                item: Some(Id::Integer(-(item as i128))),
                weight: Some(weight),
                time: Some(0),
                label: None,
            };
            // Item 0 shares a user with each; each has most of its weight alone, and more users
            // of no weight to come earlier.
            let mut events = vec![event(0, 0, large)];
            for (item, (ratio, more)) in (1..).zip(neighbours) {
                let user = 10 * item;
                events.push(event(user, item, large / 13.0 * ratio));
                events.push(event(user + 1, 0, tiny));
                events.push(event(user + 1, item, tiny * ratio));
                events.extend((2..2 + more).map(|other| event(user + other, item, 1e-30)));
            }
            events
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ilk_core::testing::cases(500)))]

    #[test]
    fn scores_too_small_for_f32_to_keep_their_digits_tie_exactly(
        events in vanishing_ties(),
        top in 1..4_u32,
    ) {
        let wish = SimilarityJob {
            weighting: Some(WeightingName::Raw),
            top: Some(top),
            ..SimilarityJob::default()
        };
        let task = Task::on_everything(wish);
        check(&events, &task, Deal::PLAIN, Narrowing::default())?;
        // The same with a threshold that some scores meet exactly.
        let found = world::similar(&events, &task);
        let met = found.of("0").last().map(|neighbour| f64::from(neighbour.score));
        let task = task.with(|wish| (wish.threshold, wish.top) = (met, Some(1_000)));
        check(&events, &task, Deal::PLAIN, Narrowing::default())?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ilk_core::testing::cases(24)))]

    #[test]
    fn a_crowd_is_ranked_as_the_oracle_ranks_it(
        seed in 0..1_000_u64,
        task in tasks(),
        deal in deals(),
        narrowing in narrowings(),
    ) {
        let events = world::crowd(260, 90, 6_000, seed);
        check(&events, &task, deal, narrowing)?;
    }
}

/// Scores of 3e-40 that round to the same f32. Popular neighbours come first and raise the bar;
/// the last one is the smallest id and must win the tie.
#[test]
fn a_tie_of_scores_too_small_for_f32_goes_to_the_smallest_id() {
    let (alone, norm, shared) =
        (40_894_268.132_655_494, 531_625_485.724_521_4, 2.701_794_873_552_146e-12);
    let event = |user: i128, item: i128, weight: f64| Event {
        user: Some(Id::Integer(user)),
        item: Some(Id::Integer(item)),
        weight: Some(weight),
        ..Event::default()
    };
    let mut events = vec![event(0, 0, norm)];
    for neighbour in 1..=10 {
        let user = 10 * neighbour;
        events.push(event(user, -neighbour, alone));
        events.push(event(user + 1, 0, shared));
        events.push(event(user + 1, -neighbour, shared));
        if neighbour < 10 {
            events.push(event(user + 2, -neighbour, 1e-30));
            events.push(event(user + 3, -neighbour, 1e-30));
        }
    }
    let wish = SimilarityJob {
        weighting: Some(WeightingName::Raw),
        top: Some(1),
        ..SimilarityJob::default()
    };
    let task = Task { given: Given { weight: true, time: false }, wish };
    assert_eq!(difference(&events, &task, Deal::PLAIN, Narrowing::default()), None);
    assert_eq!(world::similar(&events, &task).names_of("0"), ["-10"]);
}

#[test]
fn a_crowd_takes_several_tiles() {
    let events = world::crowd(2_000, 300, 60_000, 1);
    let task = Task { given: Given::default(), wish: SimilarityJob::default() };
    assert!(world::similar(&events, &task).tiles > 3);
}

#[test]
fn nothing_at_all_gives_nothing() {
    let task = Task { given: Given::default(), wish: SimilarityJob::default() };
    let outcome = world::run(Vec::new(), (task.given, &task.job()), &Lists::default(), &one());
    assert_eq!(outcome.expect("no ids are of one kind").table(), []);
}

fn one() -> crate::crew::Crew {
    crate::crew::Crew { workers: 1, seed: 0 }
}
