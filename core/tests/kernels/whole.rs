//! Rows that are computed whole: what their counts must reach is known before they are counted,
//! and must not rule out a pair that belongs to the result.

use ilk_core::{
    cost::Layout,
    executor::Sequential,
    matrix::Matrix,
    measure::Measure,
    plan::{Plan, Sides},
    simd::Kernel,
    testing::generate::Crowd,
    weighting::Weighting,
};
use proptest::{
    option,
    prelude::{Just, ProptestConfig},
    prop_assert_eq, prop_oneof, proptest,
    sample::select,
};
use rand_pcg::Pcg32;

use crate::{
    crew::{Crew, below},
    reference::Reference,
    world::{MEASURES, Narrowing, World, job, machine, run},
};

/// The matrix of `world` whose rows are computed whole, where they may be.
fn matrix(world: &World, kernel: Kernel, head: usize) -> Matrix {
    let layout = Layout {
        kernel,
        head: Some(head),
        model: Some(machine(kernel, true)),
        ..Layout::default()
    };
    Matrix::with_layout(&world.interactions, Weighting::Binary, layout, &Sequential)
}

/// Few users each, so that rows take far fewer additions than there are items; `places` of them
/// keep most users to a part of the items.
fn sparse(users: u32, items: u32, each: u32, places: u32, seed: u64) -> World {
    let mut dice = Pcg32::new(seed, 3);
    let mut pairs = Vec::new();
    for user in 0..users {
        let home = below(&mut dice, places as usize) as u32;
        for _ in 0..=below(&mut dice, 2 * each as usize) {
            // Popularity falls from the front.
            let (a, b) = (below(&mut dice, items as usize), below(&mut dice, items as usize));
            let item = (a as u64 * b as u64 / u64::from(items)) as u32;
            let at_home = item / places * places + home;
            let strays = below(&mut dice, 5) == 0;
            pairs.push((user, if strays { item } else { at_home.min(items - 1) }));
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    World::new(pairs.into_iter().map(|(user, item)| (user, item, 1.0)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ilk_core::testing::cases(150)))]

    #[test]
    fn whole_rows_find_what_the_reference_finds(
        (users, items, each) in (50..900_u32, 100..1_500_u32, 1..14_u32),
        places in select(vec![1_u32, 7, 40]),
        seed in 0..1_000_u64,
        measure in select(MEASURES),
        (top, min_overlap) in (1..12_u32, prop_oneof![4 => Just(1_u32), 1 => 2..5_u32]),
        shrinkage in prop_oneof![3 => Just(0.0), 1 => Just(0.7), 1 => Just(20.0)],
        threshold in option::weighted(0.2, 0.0..1.0_f64),
        narrowing in 0..8_usize,
        (head, workers) in (0..2_usize, 1..4_usize),
        kernel in select(Kernel::available()),
    ) {
        let world = sparse(users, items, each, places, seed);
        let mut job = job(measure, Weighting::Binary, top);
        (job.min_overlap, job.shrinkage) = (min_overlap, shrinkage);
        let ranking = Reference::new(&world, Weighting::Binary).rank(&job);
        let scores = ranking.scores();
        let at = |share: f64| scores.get((scores.len() as f64 * share) as usize).copied();
        job.threshold = threshold.and_then(at);
        let narrowing = Narrowing::some(world.items(), seed).swap_remove(narrowing);
        let matrix = matrix(&world, kernel, head);
        let crew = Crew { workers, seed };
        let found = run(&matrix, &job, &narrowing, &crew).neighbours;
        prop_assert_eq!(ranking.difference(&job, &narrowing, &found), None);
    }
}

/// Rows of many additions among rows of few, and one item with more users than counts of few
/// additions hold.
#[test]
fn rows_of_any_number_of_additions_and_users_are_counted() {
    let mut items =
        (0..40_u32).map(|item| (item..70_000).step_by(2_000).collect()).collect::<Vec<_>>();
    items.push((0..70_000).collect());
    items.push((0..65_535).collect());
    items.extend((0..3_000).map(|item| vec![item * 23, item * 23 + 1]));
    let world = World::of_items(&items);
    for measure in [Measure::Cosine, Measure::Jaccard, Measure::Npmi] {
        let job = job(measure, Weighting::Binary, 3);
        let ranking = Reference::new(&world, Weighting::Binary).rank(&job);
        for kernel in Kernel::available() {
            let found = run(&matrix(&world, kernel, 0), &job, &Narrowing::default(), &Sequential);
            let difference = ranking.difference(&job, &Narrowing::default(), &found.neighbours);
            assert_eq!(difference, None, "{measure:?} {kernel:?}");
        }
    }
}

/// As many rows as exhaust the counts of a block, which begin anew then.
#[test]
fn counts_begin_anew_after_many_rows() {
    let items =
        (0..6_000_u32).map(|item| (0..40).map(|at| (item * 7 + at * at * 31) % 9_000).collect());
    let distinct = |mut users: Vec<u32>| {
        users.sort_unstable();
        users.dedup();
        users
    };
    let world = World::of_items(&items.map(distinct).collect::<Vec<_>>());
    let job = job(Measure::Cosine, Weighting::Binary, 4);
    let ranking = Reference::new(&world, Weighting::Binary).rank(&job);
    let found = run(&matrix(&world, Kernel::detect(), 0), &job, &Narrowing::default(), &Sequential);
    assert_eq!(ranking.difference(&job, &Narrowing::default(), &found.neighbours), None);
}

#[test]
fn every_row_that_is_asked_for_meets_the_tail_once() {
    let crowd = Crowd { users: 300, items: 1_400, drawn: 5_000, zipf: 0.7, sigma: 1.0 };
    let world = World::crowd(crowd, 6);
    for head in [0, 1] {
        let matrix = matrix(&world, Kernel::PORTABLE, head);
        let (items, start) = (matrix.items(), matrix.head_items());
        for narrowing in Narrowing::some(items, 2) {
            let filter = narrowing.filter(items);
            let job = job(Measure::Cosine, Weighting::Binary, 3);
            let plan = Plan::of_job(&matrix, &job, &filter);
            assert!(plan.has_whole_rows() || narrowing.wanted.is_some_and(|all| all.is_empty()));
            let mut met = vec![0; items];
            for tile in plan.tiles.iter().filter(|tile| tile.is_whole) {
                assert_eq!(matrix.columns()[tile.columns].positions().start as usize, start);
                plan.rows(tile).for_each(|row| met[row as usize] += 1);
            }
            let least = if plan.sides == Sides::Both { start } else { 0 };
            for (row, code) in matrix.table().codes().iter().enumerate() {
                let may = row >= least && filter.wants(*code);
                assert!(met[row] <= usize::from(may), "row {row} of {start}");
                assert!(met[row] == 1 || !may || row < start, "row {row} of {start}");
            }
            assert_eq!(plan.tiles.iter().map(|tile| tile.cost).sum::<u64>(), plan.cost);
            // A measure without limits, and whoever goes block by block, computes pairs once.
            let of_counts = job_of(Measure::Cooccurrence);
            assert!(!Plan::of_job(&matrix, &of_counts, &filter).has_whole_rows());
            assert!(!Plan::new(&matrix, &filter).has_whole_rows());
        }
    }
}

fn job_of(measure: Measure) -> ilk_core::job::Job {
    job(measure, Weighting::Binary, 3)
}
