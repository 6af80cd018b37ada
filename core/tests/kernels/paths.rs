//! Every path through the kernel: layouts, instructions, workers, sides, narrowings.

use ilk_core::{
    cost::Layout,
    executor::Sequential,
    job::Job,
    matrix::{Matrix, Weights},
    measure::{Measure, Norm},
    plan::Sides,
    result::Neighbour,
    testing::generate::Crowd,
    weighting::Weighting,
};
use proptest::{
    prelude::{Just, ProptestConfig, Strategy, any},
    prop_assert_eq, prop_oneof, proptest,
    sample::{Index, select},
};

use crate::{
    crew::Crew,
    reference::{Ranking, Reference},
    world::{MEASURES, Narrowing, Outcome, WEIGHTINGS, World, job, layouts, run},
};

/// Three chunks, the last of them in part, and users enough that not all of them fit the carry
/// of one block of the counter.
fn market() -> World {
    let crowd = Crowd { users: 500, items: 1_300, drawn: 22_000, zipf: 0.8, sigma: 1.0 };
    let world = World::crowd(crowd, 1);
    assert!((1_025..1_300).contains(&world.items()), "{} items", world.items());
    world
}

/// Computes with one worker or with several.
fn run_with(workers: usize, matrix: &Matrix, job: &Job, narrowing: &Narrowing) -> Outcome {
    if workers == 1 {
        run(matrix, job, narrowing, &Sequential)
    } else {
        run(matrix, job, narrowing, &Crew { workers, seed: workers as u64 })
    }
}

fn matrices(world: &World, weighting: Weighting) -> Vec<(Layout, Matrix)> {
    let matrix = |layout| {
        let matrix = Matrix::with_layout(&world.interactions, weighting, layout, &Sequential);
        (layout, matrix)
    };
    layouts(world.items()).into_iter().map(matrix).collect()
}

#[test]
fn every_layout_gives_every_measure() {
    let world = market();
    let matrices = matrices(&world, Weighting::Binary);
    let narrowings = Narrowing::some(world.items(), 2);
    let reference = Reference::new(&world, Weighting::Binary);
    let mut sides = Vec::new();
    for (first, measure) in MEASURES.iter().enumerate() {
        let mut job = job(*measure, Weighting::Binary, 50);
        let ranking = reference.rank(&job);
        let scores = ranking.scores();
        for (step, (layout, matrix)) in matrices.iter().enumerate() {
            let case = first * 7 + step;
            job.top = [50, 1, 3][case % 3];
            job.min_overlap = [1, 1, 2][case / 2 % 3];
            job.threshold = [None, scores.get(scores.len() / 2).copied()][case / 4 % 2];
            let narrowing = &narrowings[case % narrowings.len()];
            let outcome = run_with(1 + case % 2 * 2, matrix, &job, narrowing);
            sides.push(outcome.sides);
            let difference = ranking.difference(&job, narrowing, &outcome.neighbours);
            assert_eq!(difference, None, "{layout:?} {job:?} {:?}", outcome.sides);
        }
    }
    let halves = sides.iter().filter(|sides| **sides == Sides::Both).count();
    assert!((sides.len() / 4..sides.len() * 9 / 10).contains(&halves), "{halves}");
}

#[test]
fn weights_of_many_items_are_added_up_block_by_block() {
    let crowd = Crowd { users: 60, items: 2_600, drawn: 60_000, zipf: 0.3, sigma: 0.5 };
    let world = World::crowd(crowd, 5);
    let job = job(Measure::Cosine, Weighting::Raw, 50);
    let matrix = Matrix::new(&world.interactions, job.weighting, &Sequential);
    let widths = matrix.columns().iter().map(|block| block.positions().len()).collect::<Vec<_>>();
    assert_eq!((widths.len(), widths[0]), (2, 2_048), "{} items", world.items());
    let ranking = Reference::new(&world, job.weighting).rank(&job);
    for (case, narrowing) in Narrowing::some(world.items(), 6).iter().enumerate() {
        let outcome = run_with(1 + case % 2 * 2, &matrix, &job, narrowing);
        assert_eq!(ranking.difference(&job, narrowing, &outcome.neighbours), None);
    }
}

#[test]
fn every_weighting_gives_every_weighted_measure() {
    let world = market();
    let narrowings = Narrowing::some(world.items(), 3);
    for (first, weighting) in WEIGHTINGS.iter().enumerate() {
        // A weighted matrix has no head; how it is laid out must not show all the same.
        let reference = Reference::new(&world, *weighting);
        let all = layouts(world.items());
        let some = [all[0], all[all.len() - 1], all[all.len() / 2]];
        let matrices = |norm| {
            let weights = Weights { weighting: *weighting, norm };
            some.map(|layout| {
                (Matrix::with_layout(&world.interactions, weights, layout, &Sequential), layout)
            })
        };
        let (squares, sums) = (matrices(Norm::Squares), matrices(Norm::Sum));
        for (second, measure) in MEASURES.iter().filter(|one| one.is_weighted()).enumerate() {
            let matrices = if measure.norm() == Norm::Sum { &sums } else { &squares };
            let mut job = job(*measure, *weighting, 50);
            job.shrinkage = [0.0, 0.0, 2.5][(first + second) % 3];
            let ranking = reference.rank(&job);
            for (step, (matrix, layout)) in matrices.iter().enumerate() {
                let case = first * 5 + second * 3 + step;
                job.top = [50, 1, 3][case % 3];
                let narrowing = &narrowings[case % narrowings.len()];
                let outcome = run_with(1 + case % 2 * 2, matrix, &job, narrowing);
                let difference = ranking.difference(&job, narrowing, &outcome.neighbours);
                assert_eq!(difference, None, "{layout:?} {job:?} {:?}", outcome.sides);
            }
        }
    }
}

#[test]
fn every_narrowing_holds_in_every_layout_with_any_workers() {
    let crowd = Crowd { users: 300, items: 620, drawn: 9_000, zipf: 0.7, sigma: 1.0 };
    let world = World::crowd(crowd, 4);
    let items = world.items();
    assert!((513..=620).contains(&items), "{items} items");
    let matrices = matrices(&world, Weighting::Binary);
    let reference = Reference::new(&world, Weighting::Binary);
    for measure in [Measure::Cosine, Measure::Conditional { alpha: 0.5 }, Measure::Llr] {
        let job = job(measure, Weighting::Binary, 5);
        let ranking = reference.rank(&job);
        for narrowing in Narrowing::some(items, 6) {
            for (layout, matrix) in &matrices {
                for workers in [1, 4] {
                    let outcome = run_with(workers, matrix, &job, &narrowing);
                    let difference = ranking.difference(&job, &narrowing, &outcome.neighbours);
                    assert_eq!(difference, None, "{layout:?} {job:?} {narrowing:?}");
                }
            }
        }
    }
}

#[test]
fn more_neighbours_than_items_are_all_of_them() {
    let crowd = Crowd { users: 200, items: 620, drawn: 4_000, zipf: 0.7, sigma: 1.0 };
    let world = World::crowd(crowd, 5);
    let reference = Reference::new(&world, Weighting::Binary);
    for top in [619, 620, 5_000, u32::MAX] {
        let job = job(Measure::Dice, Weighting::Binary, top);
        let ranking = reference.rank(&job);
        for (layout, matrix) in matrices(&world, Weighting::Binary) {
            let all = Narrowing::default();
            let found = run_with(2, &matrix, &job, &all).neighbours;
            assert_eq!(ranking.difference(&job, &all, &found), None, "{layout:?} {top}");
        }
    }
}

/// All items are alike, so every place is decided by a tie; with a single user most pairs share
/// one user only, and rows go from the rarest item on.
#[test]
fn where_all_scores_tie_the_smallest_codes_win() {
    for users in [1, 2, 17] {
        let world = World::of_items(&vec![(0..users).collect(); 1_030]);
        let matrices = matrices(&world, Weighting::Binary);
        for (case, measure) in MEASURES.iter().enumerate() {
            let top = [1, 2, 50][case % 3];
            let job = job(*measure, Weighting::Binary, top);
            let pair =
                Reference::new(&World::of_items(&vec![(0..users).collect(); 2]), job.weighting);
            let score = pair.rank(&job).scores().first().copied();
            for (step, (layout, matrix)) in matrices.iter().enumerate() {
                if step % 7 != case % 7 {
                    continue;
                }
                let narrowing = Narrowing::default();
                let found = run_with(1 + case % 2, matrix, &job, &narrowing).neighbours;
                for item in 0..1_030 {
                    let others = (0..1_030).filter(|other| *other != item).take(top as usize);
                    let expected = others
                        .filter_map(|code| Some(Neighbour { code, score: score?, overlap: users }));
                    assert!(
                        found.of(item).iter().copied().eq(expected),
                        "{layout:?} {job:?} {item}"
                    );
                }
            }
        }
    }
}

#[test]
fn one_user_with_everything_joins_all_items() {
    let mut items = (0..1_100).map(|item| vec![0, 1 + item % 90]).collect::<Vec<_>>();
    items[700].extend(91..130);
    let world = World::of_items(&items);
    let reference = Reference::new(&world, Weighting::Binary);
    let matrices = matrices(&world, Weighting::Binary);
    for (case, measure) in MEASURES.iter().enumerate() {
        let job = job(*measure, Weighting::Binary, [2, 50, 1][case % 3]);
        let ranking = reference.rank(&job);
        for (layout, matrix) in matrices.iter().skip(case % 4).step_by(4) {
            let narrowing = Narrowing::default();
            let found = run_with(1 + case % 3, matrix, &job, &narrowing).neighbours;
            assert_eq!(ranking.difference(&job, &narrowing, &found), None, "{layout:?} {job:?}");
        }
    }
}

/// Any selection: how many, from which score on, from which overlap on.
#[derive(Clone, Debug)]
struct Choice {
    top: u32,
    min_overlap: u32,
    shrinkage: f64,
    /// Which of all scores is the threshold, and how far it is moved from there.
    threshold: Option<(Index, i32)>,
}

fn choices() -> impl Strategy<Value = Choice> {
    let top = prop_oneof![Just(1), Just(2), 3..12_u32, Just(50), Just(2_000)];
    let shrinkage = prop_oneof![3 => Just(0.0), 1 => Just(4.0), 1 => Just(1e-3), 1 => Just(1e40)];
    let threshold = prop_oneof![
        2 => Just(None),
        3 => (any::<Index>(), -1..=1).prop_map(Some),
    ];
    (top, 1..4_u32, shrinkage, threshold).prop_map(|(top, min_overlap, shrinkage, threshold)| {
        Choice { top, min_overlap, shrinkage, threshold }
    })
}

impl Choice {
    fn apply(&self, job: &mut Job, ranking: &Ranking) {
        let scores = ranking.scores();
        if let Some((index, moved)) = self.threshold
            && !scores.is_empty()
        {
            let score = *index.get(&scores);
            job.threshold = Some(match moved {
                0 => score,
                1 => score.next_up(),
                _ => score.next_down(),
            });
        }
        job.min_overlap = self.min_overlap;
    }
}

/// Crowds from a handful of items to more than a thousand, sparse and dense.
fn crowds() -> impl Strategy<Value = Crowd> {
    let size = select(vec![(3, 4, 9), (30, 40, 300), (60, 600, 4_000), (300, 90, 9_000)]);
    let size = prop_oneof![8 => size, 1 => Just((90, 1_200, 6_000))];
    (size, select(vec![0.0, 0.6, 1.1])).prop_map(|((users, items, drawn), zipf)| Crowd {
        users,
        items,
        drawn,
        zipf,
        sigma: 1.0,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ilk_core::testing::cases(160)))]

    #[test]
    fn any_path_through_any_data_gives_the_reference(
        (crowd, seed) in (crowds(), 0..1_000_u64),
        (measure, weighting) in (select(MEASURES), select(WEIGHTINGS)),
        choice in choices(),
        (layout, narrowing) in (any::<Index>(), any::<Index>()),
        workers in 1..5_usize,
    ) {
        let world = World::crowd(crowd, seed);
        let weighting = if measure.is_weighted() { weighting } else { Weighting::Binary };
        let mut job = job(measure, weighting, choice.top);
        job.shrinkage = choice.shrinkage;
        let ranking = Reference::new(&world, weighting).rank(&job);
        choice.apply(&mut job, &ranking);
        let layout = *layout.get(&layouts(world.items()));
        let narrowing = narrowing.get(&Narrowing::some(world.items(), seed)).clone();
        let matrix = Matrix::with_layout(&world.interactions, &job, layout, &Sequential);
        let outcome = run_with(workers, &matrix, &job, &narrowing);
        let difference = ranking.difference(&job, &narrowing, &outcome.neighbours);
        prop_assert_eq!(difference, None, "{:?} {:?}", layout, job);
    }
}
