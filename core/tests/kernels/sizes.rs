//! Items with as many users as counters, carries and cache lines have corners.

use ilk_core::{
    executor::Sequential, job::Job, matrix::Matrix, measure::Measure, plan::Sides,
    weighting::Weighting,
};
use rand_pcg::Pcg32;

use crate::{
    crew::below,
    reference::Reference,
    world::{MEASURES, Narrowing, World, job, layouts, run},
};

/// Numbers of users next to powers of two.
const SUPPORTS: &[u32] = &[
    1, 2, 3, 15, 16, 17, 31, 32, 33, 255, 256, 511, 512, 513, 4_095, 4_096, 4_097, 32_767, 32_768,
    65_535, 65_536,
];

fn compare(world: &World, measures: &[Measure], top: u32, narrowings: &[Narrowing]) {
    let reference = Reference::new(world, Weighting::Binary);
    let jobs = measures.iter().map(|measure| job(*measure, Weighting::Binary, top));
    let ranked = jobs.map(|job| (reference.rank(&job), job)).collect::<Vec<_>>();
    for layout in layouts(world.items()) {
        let matrix =
            Matrix::with_layout(&world.interactions, Weighting::Binary, layout, &Sequential);
        for (ranking, job) in &ranked {
            for narrowing in narrowings {
                let found = run(&matrix, job, narrowing, &Sequential).neighbours;
                let difference = ranking.difference(job, narrowing, &found);
                assert_eq!(difference, None, "{layout:?} {job:?}");
            }
        }
    }
}

#[test]
fn items_of_any_number_of_users_are_counted() {
    // The users of an item are the first ones, or every so many of all.
    let nested = SUPPORTS.iter().map(|support| (0..*support).collect::<Vec<_>>());
    let spread = SUPPORTS.iter().map(|support| {
        let step = 65_536 / support;
        (0..*support).map(|user| user * step).collect()
    });
    let world = World::of_items(&nested.chain(spread).collect::<Vec<_>>());
    assert_eq!(world.interactions.users(), 65_536);
    let few = Narrowing { wanted: Some(vec![3, 20, 41]), ..Narrowing::default() };
    compare(&world, MEASURES, 50, &[Narrowing::default(), few]);
}

#[test]
fn columns_that_are_all_equal_tie_at_any_number_of_users() {
    for support in [1, 511, 512, 513] {
        let world = World::of_items(&vec![(0..support).collect(); 30]);
        compare(&world, MEASURES, 7, &[Narrowing::default()]);
    }
    let world = World::of_items(&vec![(0..65_536).collect(); 5]);
    compare(&world, &[Measure::Cosine, Measure::Llr], 7, &[Narrowing::default()]);
}

/// Numbers of items around the size of a chunk, with users who have the last items only.
#[test]
fn chunks_may_end_anywhere() {
    let mut dice = Pcg32::new(8, 0);
    for items in [1, 2, 15, 16, 17, 511, 512, 513, 1_023, 1_024, 1_025] {
        let mut of_items = Vec::new();
        for item in 0..items {
            let mut users = (0..40).filter(|_| below(&mut dice, 8) == 0).collect::<Vec<_>>();
            users.push(40 + item as u32 * 3 / items as u32);
            of_items.push(users);
        }
        let world = World::of_items(&of_items);
        assert_eq!(world.items(), items);
        let some = Narrowing::some(items, items as u64);
        compare(&world, &[Measure::Jaccard], 4, &some[..3]);
    }
}

/// Sums of weights are kept near in blocks where rows add to many of them, and nowhere else.
#[test]
fn tails_of_weights_are_cut_where_data_is_dense() {
    let mut dice = Pcg32::new(9, 0);
    for (users, share, blocks) in [(8, 2, 2), (900, 300, 1)] {
        let mut events = Vec::new();
        for item in 0..2_200 {
            let chosen = (0..users).filter(|_| below(&mut dice, share) == 0);
            events.extend(chosen.map(|user| (user, item, f64::from(user + item % 7 + 1))));
        }
        let world = World::new(events);
        let job = job(Measure::Cosine, Weighting::Raw, 5);
        let matrix = Matrix::new(&world.interactions, job.weighting, &Sequential);
        assert_eq!(matrix.columns().len(), blocks);
        let found = run(&matrix, &job, &Narrowing::default(), &Sequential).neighbours;
        let ranking = Reference::new(&world, job.weighting).rank(&job);
        assert_eq!(ranking.difference(&job, &Narrowing::default(), &found), None);
    }
}

#[test]
fn no_items_at_all_have_no_neighbours() {
    let world = World::of_items(&[]);
    for layout in layouts(0) {
        for weighting in [Weighting::Binary, Weighting::Raw] {
            let matrix = Matrix::with_layout(&world.interactions, weighting, layout, &Sequential);
            let job: Job = job(Measure::Cosine, weighting, 3);
            let outcome = run(&matrix, &job, &Narrowing::default(), &Sequential);
            assert_eq!((outcome.neighbours.items(), outcome.tiles), (0, 0));
            assert_eq!(outcome.sides, Sides::Both);
        }
    }
}

#[test]
fn items_without_users_are_no_items() {
    // Ids 10 and 30 have users; what lies between and beside them has none.
    let world = World::new([(7, 10, 1.0), (7, 30, 1.0), (9, 30, 1.0)]);
    assert_eq!((world.items(), world.interactions.users()), (2, 2));
    compare(&world, MEASURES, 3, &[Narrowing::default()]);
}
