//! What must not show in a result: threads, the order of rows, the cut into chunks and files.

use ilk_core::{
    cost::Layout,
    job::{Duplicates, Given, SimilarityJob},
    measure::MeasureName,
    prepare::{Interactions, Needs, Tally, clean},
    simd::Kernel,
    testing::{
        generate::{self, Shape},
        oracle::{Event, Lists},
    },
    weighting::WeightingName,
};
use proptest::{
    prelude::{Just, ProptestConfig, Strategy},
    prop_assert_eq, prop_oneof, proptest,
};

use crate::{
    crew::{Crew, shuffle},
    jobs::{Task, tasks},
    world::{self, Deal, Outcome, crowd, deals, events},
};

fn outcome(events: &[Event], task: &Task, deal: Deal) -> Outcome {
    let dealt = world::deal(events, task.given, deal);
    let job = task.job();
    let (lists, layout) = (Lists::default(), dealt.layout);
    world::run_laid_out(dealt.chunks, (task.given, &job), &lists, &layout, &dealt.crew)
        .expect("ids of one kind")
}

/// A job whose weights do not add up exactly, so that any other order of addition would show.
fn delicate() -> Task {
    Task::on_everything(SimilarityJob {
        measure: Some(MeasureName::Cosine),
        weighting: Some(WeightingName::Bm25),
        duplicates: Some(Duplicates::Sum),
        top: Some(10),
        max_items_per_user: Some(25),
        min_support: Some(2),
        ..SimilarityJob::default()
    })
}

fn assert_same(one: &Outcome, other: &Outcome) {
    assert_eq!(one.table(), other.table());
    assert_eq!(one.catalogue, other.catalogue);
    assert_eq!(one.folding, other.folding);
    assert_eq!(one.others, other.others);
}

#[test]
fn interactions_come_apart_and_together() {
    let events = crowd(200, 50, 4_000, 5);
    let whole = outcome(&events, &delicate(), Deal::PLAIN).interactions;
    let ends = |whole: &Interactions| {
        (0..whole.users() as u32).map(|user| whole.range(user).end).collect::<Vec<_>>()
    };
    let items = || whole.all_items().to_vec();
    let (weights, times) =
        (|| whole.weights().map(<[f64]>::to_vec), || whole.times().map(<[i64]>::to_vec));
    let count = whole.items();
    let again = Interactions::new(ends(&whole), items(), count, weights(), times());
    assert_eq!(again.as_ref(), Ok(&whole));
    // Nothing else is taken for interactions.
    let mut short = ends(&whole);
    short.pop();
    let mut empty_user = ends(&whole);
    empty_user.insert(1, empty_user[0]);
    let mut swapped = items();
    swapped.swap(0, 1);
    for broken in [
        Interactions::new(short, items(), count, None, None),
        Interactions::new(empty_user, items(), count, None, None),
        Interactions::new(ends(&whole), swapped, count, None, None),
        Interactions::new(ends(&whole), items(), count + 1, None, None),
        Interactions::new(ends(&whole), items(), count - 1, None, None),
        Interactions::new(ends(&whole), items(), count, Some(vec![1.0]), None),
        Interactions::new(ends(&whole), items(), count, None, Some(vec![1])),
    ] {
        assert!(broken.is_err());
    }
    assert!(Interactions::new(Vec::new(), Vec::new(), 0, None, None).is_ok());
}

#[test]
fn threads_do_not_show() {
    let events = crowd(2_000, 300, 40_000, 5);
    let alone = outcome(&events, &delicate(), Deal::PLAIN);
    for workers in 2..=8 {
        let deal = Deal { workers, ..Deal::PLAIN };
        assert_same(&alone, &outcome(&events, &delicate(), deal));
    }
}

#[test]
fn the_order_of_tasks_does_not_show() {
    let events = crowd(2_000, 300, 40_000, 6);
    let (task, lists) = (delicate(), Lists::default());
    let run = |seed| {
        let chunks = vec![generate::rows(&events, task.given, 0)];
        let crew = Crew { workers: 3, seed };
        world::run(chunks, (task.given, &task.job()), &lists, &crew).expect("integers")
    };
    let first = run(0);
    for seed in 1..6 {
        assert_same(&first, &run(seed));
    }
}

/// A thousand items make two chunks of the dense head.
#[test]
fn the_layout_of_the_matrix_does_not_show() {
    let events = crowd(1_200, 1_000, 90_000, 11);
    for measure in MeasureName::ALL {
        let wish = SimilarityJob {
            measure: Some(*measure),
            top: Some(7),
            min_overlap: Some(2),
            ..SimilarityJob::default()
        };
        // Those of ratings need some.
        let of_ratings = [MeasureName::Pearson, MeasureName::CommonCosine, MeasureName::Msd];
        let given = Given { weight: of_ratings.contains(measure), time: false };
        let task = Task { given, wish };
        let run = |kernel, head| {
            let chunks = vec![generate::rows(&events, task.given, 0)];
            let crew = Crew { workers: 2, seed: 3 };
            let layout = Layout { kernel, head, ..Layout::default() };
            let job = task.job();
            world::run_laid_out(chunks, (task.given, &job), &Lists::default(), &layout, &crew)
                .expect("integers")
        };
        let sparse = run(Kernel::PORTABLE, Some(0));
        for kernel in Kernel::available() {
            for head in [Some(1), Some(2), None] {
                assert_same(&sparse, &run(kernel, head));
            }
        }
    }
}

#[test]
fn the_order_of_rows_and_their_cut_do_not_show() {
    // Every row three times, at different weights and times: duplicates to fold.
    let once = crowd(500, 120, 8_000, 7);
    let again = |factor: f64, later: i64| {
        once.iter().cloned().map(move |mut event| {
            event.weight = event.weight.map(|weight| weight * factor);
            event.time = event.time.map(|time| time + later);
            event
        })
    };
    let events = again(1.0, 0).chain(again(0.1, -1)).chain(again(1.7, 86_400_000_000));
    let events = events.collect::<Vec<_>>();
    for policy in Duplicates::ALL {
        let task = delicate().with(|wish| wish.duplicates = Some(*policy));
        let plain = outcome(&events, &task, Deal::PLAIN);
        for seed in 1..4 {
            let deal = Deal { seed, chunks: 4 * seed as usize, workers: 2, ..Deal::PLAIN };
            assert_same(&plain, &outcome(&events, &task, deal));
        }
    }
}

/// Data of every shape, without ids that could be taken for another kind.
fn shapes() -> impl Strategy<Value = Vec<Event>> {
    prop_oneof![
        4 => events(),
        1 => (0..1_000_u64).prop_map(|seed| generate::events(Shape::Dirty, seed)),
        1 => Just(Vec::new()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ilk_core::testing::cases(400)))]

    #[test]
    fn two_deals_of_the_same_events_give_the_same(
        events in shapes(),
        task in tasks(),
        one in deals(),
        other in deals(),
    ) {
        let plainly = |deal: Deal| Deal { troubled: 0, untyped: one.untyped, ..deal };
        let (one, other) = (
            outcome(&events, &task, plainly(one)),
            outcome(&events, &task, plainly(other)),
        );
        prop_assert_eq!(one.table(), other.table());
        prop_assert_eq!(one.catalogue, other.catalogue);
        prop_assert_eq!(one.folding, other.folding);
        prop_assert_eq!(one.tally.set_aside, other.tally.set_aside);
    }

    #[test]
    fn a_tally_does_not_depend_on_the_order_of_chunks(
        seed in 0..10_000_u64,
        deal in deals(),
        order in 0..10_000_u64,
    ) {
        let events = generate::events(Shape::Dirty, seed);
        let given = Given { weight: true, time: true };
        let job = SimilarityJob::default().resolve(given).expect("defaults");
        let tally = |order: u64| {
            let mut chunks = world::deal(&events, given, Deal { troubled: 3, ..deal }).chunks;
            shuffle(&mut chunks, order);
            let tallies = chunks.into_iter().map(|chunk| clean(chunk, &job, Needs::of(&job, given)).1);
            tallies.fold(Tally::default(), |mut all, one| {
                all.merge(one);
                all
            })
        };
        prop_assert_eq!(tally(order), tally(order + 1));
    }
}
