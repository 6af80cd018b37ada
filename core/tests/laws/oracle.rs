//! The real pipeline equals the naive oracle, to the bit.

use ilk_core::{
    clean::Reason,
    job::{Given, Job, MeasureName, SimilarityJob, WeightingName},
    testing::oracle::{self, Event, Id, Lists},
};
use proptest::{
    collection::vec,
    prelude::{ProptestConfig, Strategy},
    prop_assert, proptest,
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
    let outcome = match world::run(chunks, (task.given, &job), &lists, &dealt.crew) {
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

/// Weights as far apart as they may be, down to those whose products vanish.
fn extreme_events() -> impl Strategy<Value = Vec<Event>> {
    let weight = (1..8_u8, -45..39_i32).prop_map(|(digit, exponent)| {
        let text = format!("{digit}e{exponent}");
        text.parse::<f64>().expect("a number")
    });
    let pool = vec(weight, 1..4);
    let rows = vec((0..6_i128, 0..7_i128, 0..3_usize), 1..40);
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
    #![proptest_config(ProptestConfig::with_cases(3_000))]

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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

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
