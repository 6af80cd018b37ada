//! Evaluations by hand, and what holds for any data.

use ilk_core::{
    executor::Sequential,
    insight::{LeftOut, Quality, Trial, cut_for, evaluate, evaluate_each, judge, most_popular},
    job::{Given, SimilarityJob},
    measure::MeasureName,
    prepare::{Encoded, Needs, Tally, clean, encode, fold},
    testing::{generate, oracle::Event},
    weighting::WeightingName,
};
use proptest::{
    prelude::{ProptestConfig, any},
    prop_assert, prop_assert_eq, proptest,
    sample::select,
};

use crate::{
    jobs::Task,
    world::{self, Deal, clean_events, deals, weighted_events},
};

/// Times are looked at whatever the job says.
fn needs(task: &Task) -> Needs {
    Needs { time: true, ..Needs::of(&task.job(), task.given) }
}

fn encoded(events: &[Event], task: &Task, deal: Deal) -> Encoded {
    let (job, needs) = (task.job(), needs(task));
    let dealt = world::deal(events, task.given, deal);
    let mut tally = Tally::default();
    let cleaned = dealt.chunks.into_iter().map(|chunk| {
        let (kept, of_chunk) = clean(chunk, &job, needs);
        tally.merge(of_chunk);
        kept
    });
    encode(cleaned.collect(), &dealt.crew).expect("ids of one kind")
}

/// The ways to hold out.
#[derive(Clone, Copy, Debug)]
enum How {
    Any,
    Newest,
    Since(f64),
}

const WAYS: [How; 3] = [How::Any, How::Newest, How::Since(0.3)];

fn trial(events: &[Event], task: &Task, how: How, deal: Deal, users: usize) -> Trial {
    let (job, needs) = (task.job(), needs(task));
    let encoded = encoded(events, task, deal);
    let which = match how {
        How::Any => LeftOut::Any,
        How::Newest => LeftOut::Newest,
        How::Since(share) => {
            let cut = cut_for(&encoded, share).unwrap_or_default();
            return Trial::since(cut, encoded, (&job, needs), users, &Sequential);
        }
    };
    Trial::leave_one_out(&fold(encoded, &job, needs, &Sequential), which, users)
}

fn task(measure: MeasureName) -> Task {
    Task::on_everything(SimilarityJob { measure: Some(measure), ..SimilarityJob::default() })
}

/// Rows of (user, item, day).
fn dated(rows: &[(i64, &str, i64)]) -> Vec<Event> {
    let weighted = rows.iter().map(|(user, item, _)| (*user, *item, 1.0)).collect::<Vec<_>>();
    let days = rows.iter().map(|(_, _, day)| Some(day * 86_400_000_000));
    weighted_events(&weighted)
        .into_iter()
        .zip(days)
        .map(|(event, time)| Event { time, ..event })
        .collect()
}

/// Before day 10 user 0 has a; 1 has a and b; 2 has a, b and c; 3 has c; 4 has d and b. Then 0
/// takes b and c, 1 takes c, 3 takes a thing new to all, 2 takes a again, and 5 comes new.
fn shop() -> Vec<Event> {
    dated(&[
        (0, "a", 1),
        (1, "a", 1),
        (1, "b", 2),
        (2, "a", 3),
        (2, "b", 4),
        (2, "c", 5),
        (3, "c", 6),
        (4, "d", 7),
        (4, "b", 7),
        (0, "b", 10),
        (0, "c", 11),
        (1, "c", 12),
        (2, "a", 12),
        (3, "new", 13),
        (5, "a", 14),
    ])
}

fn near(value: f64, expected: f64) {
    assert!((value - expected).abs() < 1e-12, "{value}, expected {expected}");
}

#[test]
fn an_evaluation_worked_by_hand() {
    let task = task(MeasureName::Cooccurrence);
    let trial = trial(&shop(), &task, How::Since(6.0 / 15.0), Deal::PLAIN, 100);
    let counts = trial.counts();
    assert_eq!((counts.users, counts.held_out, counts.repeated), (2, 3, 1));
    assert_eq!((counts.of_new_users, counts.of_new_items), (1, 1));
    assert_eq!(trial.held_out(0), [1, 2]);
    // a goes with b twice and with c once, b with a twice and with c and d once.
    // User 0 has a: b 2, c 1. User 1 has a and b: c 1 + 1, d 1. So every list begins with hits.
    let found = evaluate(&trial, &task.job(), 10, &Sequential);
    near(found.recall.value, 1.0);
    near(found.ndcg.value, 1.0);
    near(found.mrr.value, 1.0);
    // Lists hold b and c; c and d: of a, b, c and d three.
    near(found.coverage, 0.75);
    // Supports are 3, 3, 2, 1. Lists: (3 + 2) / 2 and (2 + 1) / 2; held out: 2.5 and 2.
    near(found.popularity.expect("lists").value, 4.0 / 4.5);
    assert_eq!(found.served, 2);
    let first = evaluate(&trial, &task.job(), 1, &Sequential);
    near(first.recall.value, 0.75);
    near(first.ndcg.value, 1.0);
    // 1/2 and 1: their deviation is √(1/8), so the margin is 1.96 · √(1/8) / √2.
    near(first.recall.margin, 1.96 * 0.25);
    let popular = most_popular(&trial, 2, &Sequential);
    near(popular.recall.value, 1.0);
    near(popular.lead_over(&first).value, 0.0);
}

#[test]
fn misses_and_late_hits_count_as_the_formulas_say() {
    let trial = trial(&shop(), &task(MeasureName::Cosine), How::Since(0.4), Deal::PLAIN, 100);
    // User 0 wants b and c, user 1 wants c.
    let lists: [&[u32]; 2] = [&[3, 1, 2], &[3]];
    let judged = judge(
        &trial,
        3,
        &Sequential,
        || (),
        |(), user, list| {
            list.extend_from_slice(lists[user as usize]);
        },
    );
    let log3 = 1.584_962_500_721_156_2;
    let first = (1.0 / log3 + 0.5) / (1.0 + 1.0 / log3);
    near(judged.ndcg.value, first / 2.0);
    near(judged.mrr.value, 0.25);
    near(judged.recall.value, 0.5);
}

#[test]
fn nothing_to_recommend_counts_as_nothing_found() {
    let trial = trial(&shop(), &task(MeasureName::Cosine), How::Since(0.4), Deal::PLAIN, 100);
    let empty = judge(&trial, 3, &Sequential, || (), |(), _, _| {});
    assert_eq!((empty.recall.value, empty.coverage, empty.served), (0.0, 0.0, 0));
    assert_eq!(empty.popularity, None);
}

#[test]
fn the_newest_is_held_out() {
    let trial = trial(&shop(), &task(MeasureName::Cosine), How::Newest, Deal::PLAIN, 100);
    assert_eq!(trial.counts().eligible, 5);
    let items = (0..3).map(|number| trial.held_out(number)).collect::<Vec<_>>();
    assert_eq!(items, [[2], [2], [0]]);
    // What users 3 and 4 had last nobody else has: it is no item any more.
    assert_eq!((trial.counts().users, trial.counts().of_new_items), (3, 2));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ilk_core::testing::cases(150)))]

    #[test]
    fn many_jobs_at_once_are_judged_as_one_by_one(
        events in clean_events(),
        how in select(WAYS.to_vec()),
        (top, shrinkage, min_overlap) in (1..12_u32, select(vec![0.0, 10.0]), 1..4_u32),
        threshold in select(vec![None, Some(0.0), Some(0.3), Some(2.0)]),
        workers in 1..4_usize,
        seed in any::<u64>(),
    ) {
        let base = task(MeasureName::Cosine);
        let trial = trial(&events, &base, how, Deal::PLAIN, 50);
        let jobs = MeasureName::ALL.iter().flat_map(|measure| {
            let weightings = [None, Some(WeightingName::Tfidf), Some(WeightingName::Bm25)];
            weightings.into_iter().zip([1, min_overlap, 1]).map(|(weighting, min_overlap)| {
                SimilarityJob {
                    measure: Some(*measure),
                    weighting,
                    top: Some(top),
                    shrinkage: Some(shrinkage),
                    min_overlap: Some(min_overlap),
                    threshold,
                    ..SimilarityJob::default()
                }
            })
        });
        // Rows were folded without weights.
        let resolve = |wish: SimilarityJob| wish.resolve(Given { weight: false, time: true }).ok();
        let jobs = jobs.filter_map(resolve).collect::<Vec<_>>();
        let crew = crate::crew::Crew { workers, seed };
        let found = evaluate_each(&trial, &jobs, 5, &crew, |_| {});
        prop_assert_eq!(found.len(), jobs.len());
        for (found, job) in found.iter().zip(&jobs) {
            let alone = evaluate(&trial, job, 5, &Sequential);
            // The shortest numbers that read back as the same bits.
            prop_assert_eq!(format!("{found:?}"), format!("{alone:?}"), "{:?}", job);
        }
    }

    #[test]
    fn who_knows_what_is_held_out_scores_one(events in clean_events(), way in 0..3_usize) {
        let trial = trial(&events, &task(MeasureName::Cosine), WAYS[way], Deal::PLAIN, 1_000);
        let users = (0..trial.counts().users as usize).map(|number| trial.user(number));
        let users = users.collect::<Vec<_>>();
        if users.is_empty() {
            return Ok(());
        }
        let perfect = judge(&trial, 10_000, &Sequential, || (), |(), user, list| {
            let number = users.binary_search(&user).expect("a judged user");
            list.extend_from_slice(trial.held_out(number));
        });
        prop_assert_eq!((perfect.recall.value, perfect.recall.margin), (1.0, 0.0));
        prop_assert_eq!((perfect.ndcg.value, perfect.mrr.value), (1.0, 1.0));
        let popularity = perfect.popularity.expect("lists");
        prop_assert!((popularity.value - 1.0).abs() < 1e-12);
        prop_assert!(popularity.margin < 1e-9);
    }

    #[test]
    fn an_evaluation_is_the_same_however_the_rows_come(
        events in clean_events(),
        measure in select(MeasureName::ALL),
        way in 0..3_usize,
        users in 1..30_usize,
        deal in deals(),
    ) {
        let task = task(measure);
        let deal = Deal { troubled: 0, untyped: [false, false], ..deal };
        let judged = |deal: Deal| -> (Trial, Quality) {
            let trial = trial(&events, &task, WAYS[way], deal, users);
            let crew = world::deal(&events, task.given, deal).crew;
            let quality = evaluate(&trial, &task.job(), 3, &crew);
            (trial, quality)
        };
        let ((one, plain), (other, dealt)) = (judged(Deal::PLAIN), judged(deal));
        prop_assert_eq!(one.counts(), other.counts());
        prop_assert_eq!(plain, dealt);
    }

    #[test]
    fn nothing_held_out_is_known(events in clean_events(), way in 0..3_usize, users in any::<u8>()) {
        let users = usize::from(users);
        let trial = trial(&events, &task(MeasureName::Cosine), WAYS[way], Deal::PLAIN, users);
        let counts = trial.counts();
        prop_assert!(counts.users as usize <= users && counts.users <= counts.eligible);
        let mut held_out = 0;
        for number in 0..counts.users as usize {
            let (has, wanted) = (trial.train().of(trial.user(number)), trial.held_out(number));
            prop_assert!(!wanted.is_empty());
            prop_assert!(wanted.iter().all(|item| has.binary_search(item).is_err()));
            prop_assert!(wanted.iter().all(|item| (*item as usize) < trial.train().items()));
            held_out += wanted.len() as u64;
        }
        prop_assert_eq!(counts.held_out, held_out);
    }
}

#[test]
fn a_smaller_sample_is_part_of_a_larger_one() {
    let events = world::crowd(400, 60, 4_000, 3);
    let task = task(MeasureName::Cosine);
    let users = |most: usize| {
        let trial = trial(&events, &task, How::Any, Deal::PLAIN, most);
        let numbers = 0..trial.counts().users as usize;
        numbers.map(|number| trial.user(number)).collect::<Vec<_>>()
    };
    let (few, many) = (users(50), users(200));
    assert_eq!((few.len(), many.len()), (50, 200));
    assert!(few.iter().all(|user| many.binary_search(user).is_ok()));
    // Without times there is nothing to cut at.
    let given = Given { weight: true, time: false };
    let rows = generate::rows(&events, given, 0);
    let job = SimilarityJob::default().resolve(given).expect("a job");
    let (cleaned, _) = clean(rows, &job, Needs::of(&job, given));
    assert_eq!(cut_for(&encode(vec![cleaned], &Sequential).expect("ids"), 0.1), None);
}
