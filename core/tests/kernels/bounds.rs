//! Bounds are computed in f32 and must not rule out a pair that belongs to the result: scores
//! next to the bar, ties at the last place, scores too small or too large for f32 to tell apart.

use ilk_core::{
    executor::Sequential, job::Job, matrix::Matrix, measure::Measure, weighting::Weighting,
};
use proptest::{
    collection::vec,
    option,
    prelude::{Just, ProptestConfig, Strategy, any},
    prop_assert_eq, prop_oneof, proptest,
    sample::{Index, select},
};
use rand_pcg::Pcg32;

use crate::{
    crew::{Crew, below},
    reference::{Ranking, Reference},
    world::{MEASURES, Narrowing, World, job, layouts, run, unit},
};

const WEIGHTED: &[Measure] = &[
    Measure::Cosine,
    Measure::AsymmetricCosine { alpha: 0.0 },
    Measure::AsymmetricCosine { alpha: 0.3 },
    Measure::AsymmetricCosine { alpha: 0.5 },
    Measure::AsymmetricCosine { alpha: 1.0 },
    Measure::Dot,
];

/// Describes where the kernel's result differs, in the layout given and with any workers.
fn difference(
    world: &World,
    job: &Job,
    ranking: &Ranking,
    narrowing: &Narrowing,
    layout: usize,
) -> Option<String> {
    let layouts = layouts(world.items());
    let layout = layouts[layout % layouts.len()];
    let matrix = Matrix::with_layout(&world.interactions, job, layout, &Sequential);
    let one = run(&matrix, job, narrowing, &Sequential).neighbours;
    let crew = Crew { workers: 3, seed: 1 };
    let other = run(&matrix, job, narrowing, &crew).neighbours;
    let difference = ranking.difference(job, narrowing, &one);
    difference.or_else(|| ranking.difference(job, narrowing, &other))
}

/// Compares under the job alone, of all items and of each single one.
fn check(world: &World, job: &Job) {
    let ranking = Reference::new(world, job.weighting).rank(job);
    let single = |item| Narrowing { wanted: Some(vec![item]), ..Narrowing::default() };
    let singles = (0..world.items().min(3) as u32).map(single);
    for narrowing in std::iter::once(Narrowing::default()).chain(singles) {
        let difference = difference(world, job, &ranking, &narrowing, 0);
        assert_eq!(difference, None, "{job:?} {narrowing:?}");
    }
}

/// Item 0 shares a user with each other item, who has the weights given; every item has another
/// user alone.
fn star(shared: &[(f64, f64)], alone: f64) -> World {
    let spokes = (1..).zip(shared);
    let rim = spokes.flat_map(|(item, (of_hub, of_item))| {
        [(item, 0, *of_hub), (item, item, *of_item), (1_000 + item, item, alone)]
    });
    World::new(rim.chain([(1_000, 0, alone)]))
}

/// The score is 0.8e-45, which f32 rounds up to its smallest number, 1.4e-45.
#[test]
fn a_score_that_rounds_up_to_the_threshold_meets_it() {
    let shared = f64::sqrt(0.8e-29);
    let world = star(&[(shared, shared)], 1e8);
    let mut job = job(Measure::Cosine, Weighting::Raw, 1);
    job.threshold = Some(f32::from_bits(1));
    let ranking = Reference::new(&world, job.weighting).rank(&job);
    assert_eq!(ranking.scores(), [f32::from_bits(1); 2]);
    check(&world, &job);
}

/// Scores between 2.2e-45 and 3.3e-45 are the same f32; the first item is the least alike and
/// still wins by its code.
#[test]
fn scores_too_small_to_tell_apart_tie() {
    let spoke = |item: u32| (1e-15, if item == 0 { 2.2e-14 } else { 3.3e-14 });
    let world = star(&(0..40).map(spoke).collect::<Vec<_>>(), 1e8);
    for threshold in [None, Some(f32::from_bits(2))] {
        for top in [1, 2, 20] {
            let mut job = job(Measure::Cosine, Weighting::Raw, top);
            job.threshold = threshold;
            check(&world, &job);
        }
    }
}

/// Scores of 9e38 all stay at the largest f32, though their products with factors differ.
#[test]
fn scores_too_large_to_tell_apart_tie() {
    let weight = |item| if item == 1 { 3.05e4 } else { 3.15e4 };
    let user = (1..40).map(|item| (0, item, weight(item)));
    let world = World::new(user.chain([(0, 0, 3.3e-35)]));
    for threshold in [None, Some(1.0), Some(f32::MAX)] {
        for top in [1, 2, 20] {
            let mut job = job(Measure::AsymmetricCosine { alpha: 1.0 }, Weighting::Raw, top);
            job.threshold = threshold;
            let ranking = Reference::new(&world, job.weighting).rank(&job);
            assert_eq!(ranking.scores().last(), Some(&f32::MAX));
            check(&world, &job);
        }
    }
}

/// A popular item of the head that is asked for alone: rows of the head have pairs in the tail.
#[test]
fn an_item_of_the_head_has_neighbours_in_the_tail() {
    // Item 0 has users 0 and 1; the other one of each belongs to a single item.
    let mut items = (1..=520).map(|item| vec![1, item + 1]).collect::<Vec<_>>();
    items.insert(0, vec![0, 1, 2]);
    items.push(vec![0]);
    let world = World::of_items(&items);
    let job = job(Measure::Cosine, Weighting::Binary, 1_000);
    let ranking = Reference::new(&world, job.weighting).rank(&job);
    let narrowing = Narrowing { wanted: Some(vec![0]), ..Narrowing::default() };
    for layout in 0..layouts(world.items()).len() {
        let difference = difference(&world, &job, &ranking, &narrowing, layout);
        assert_eq!(difference, None, "{:?}", layouts(world.items())[layout]);
    }
}

/// Thresholds at the ends of what a job may ask for.
#[test]
fn thresholds_of_any_size_are_met_exactly() {
    let mut dice = Pcg32::new(3, 0);
    let users = |dice: &mut Pcg32| (0..30).filter(|_| below(dice, 4) == 0).collect::<Vec<u32>>();
    let world = World::of_items(&(0..70).map(|_| users(&mut dice)).collect::<Vec<_>>());
    for measure in MEASURES {
        for threshold in [-1e30, -5.0, -1e-30, -0.0, 0.0, f32::from_bits(1), 1e-9, 1.0, 5.0, 1e30] {
            let mut job = job(*measure, Weighting::Binary, 2);
            job.threshold = Some(threshold);
            let ranking = Reference::new(&world, job.weighting).rank(&job);
            for (layout, narrowing) in Narrowing::some(world.items(), 1).iter().enumerate() {
                let difference = difference(&world, &job, &ranking, narrowing, layout * 2);
                assert_eq!(difference, None, "{job:?} {narrowing:?}");
            }
        }
    }
}

/// A selection whose threshold is a score there is, or one next to it.
#[derive(Clone, Debug)]
struct Choice {
    top: u32,
    threshold: Option<(Index, i32)>,
    shrinkage: f64,
    narrowing: Index,
    layout: usize,
}

fn choices() -> impl Strategy<Value = Choice> {
    let threshold = option::of((any::<Index>(), -1..=1_i32));
    let shrinkage = prop_oneof![5 => Just(0.0), 1 => Just(0.5), 1 => Just(1e35)];
    let narrowing = (any::<Index>(), 0..15_usize);
    (1..4_u32, threshold, shrinkage, narrowing).prop_map(
        |(top, threshold, shrinkage, (narrowing, layout))| Choice {
            top,
            threshold,
            shrinkage,
            narrowing,
            layout,
        },
    )
}

impl Choice {
    /// Describes where the kernel's result differs from the reference.
    fn difference(
        &self,
        world: &World,
        measure: Measure,
        weighting: Weighting,
    ) -> Option<(String, Job)> {
        let mut job = job(measure, weighting, self.top);
        job.shrinkage = self.shrinkage;
        let ranking = Reference::new(world, weighting).rank(&job);
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
            job.threshold = job.threshold.filter(|threshold| threshold.is_finite());
        }
        let narrowing = self.narrowing.get(&Narrowing::some(world.items(), 7)).clone();
        Some((difference(world, &job, &ranking, &narrowing, self.layout)?, job))
    }
}

/// Items that have long stretches of the same users: overlaps and supports are large and nearly
/// equal, and so are scores, down to the last digit of f32.
fn stretches() -> impl Strategy<Value = World> {
    let jitter = select(vec![1_u32, 2, 5, 60]);
    (jitter, any::<u64>(), 24..60_usize, 1_000..4_000_u32).prop_map(
        |(jitter, seed, items, length)| {
            let mut dice = Pcg32::new(seed, 0);
            let mut some = || below(&mut dice, jitter as usize) as u32;
            let items = (0..items).map(|_| {
                let start = some();
                (start..start + length + some()).collect()
            });
            World::of_items(&items.collect::<Vec<_>>())
        },
    )
}

/// Few users and small supports: nearly every score ties with many others.
fn ties() -> impl Strategy<Value = World> {
    (any::<u64>(), 20..120_usize, 3..40_u32, 2..9_usize).prop_map(|(seed, items, users, rare)| {
        let mut dice = Pcg32::new(seed, 0);
        let items = (0..items).map(|item| {
            let mut list = (0..users).filter(|_| below(&mut dice, rare) == 0).collect::<Vec<_>>();
            if list.is_empty() {
                list.push(item as u32 % users);
            }
            list
        });
        World::of_items(&items.collect::<Vec<_>>())
    })
}

/// Weights drawn from a few powers of ten or two, times a digit: those of common users from
/// one range of exponents, that of the user whom each item has alone from another.
#[derive(Clone, Copy, Debug)]
struct Scales {
    common: (f64, f64),
    alone: (f64, f64),
    exact: bool,
}

/// Where f32 runs out of digits, out of range, or neither.
const SCALES: &[Scales] = &[
    // Cosines of 1e-46 to 1e-38.
    Scales { common: (-15.0, -12.0), alone: (7.0, 8.9), exact: false },
    Scales { common: (-14.0, -13.0), alone: (8.0, 8.2), exact: false },
    Scales { common: (-12.0, -9.0), alone: (8.0, 9.1), exact: false },
    // Dot products below 1e-30 or past the largest f32.
    Scales { common: (-16.0, -14.5), alone: (-1.0, 1.0), exact: false },
    Scales { common: (17.0, 20.0), alone: (0.0, 19.0), exact: false },
    Scales { common: (-5.0, 38.0), alone: (-6.0, -4.0), exact: false },
    // Squares around 1e-18 and 1e18, where factors leave the range that bounds trust.
    Scales { common: (-9.5, -8.5), alone: (-10.0, -9.0), exact: false },
    Scales { common: (8.5, 9.5), alone: (8.0, 9.0), exact: false },
    // Norms so far apart that some scores keep their digits and others, of the same products,
    // do not.
    Scales { common: (-9.0, -8.0), alone: (0.0, 16.0), exact: false },
    Scales { common: (-3.0, 0.0), alone: (-4.0, 23.0), exact: false },
    // Anything.
    Scales { common: (-30.0, 30.0), alone: (-30.0, 30.0), exact: false },
    Scales { common: (-160.0, -150.0), alone: (-160.0, -150.0), exact: false },
    Scales { common: (-44.0, 38.0), alone: (-320.0, 38.0), exact: false },
    // Powers of two: products are exact, scores tie across scales.
    Scales { common: (-15.0, 15.0), alone: (-15.0, 15.0), exact: true },
    Scales { common: (-15.0, -13.5), alone: (8.0, 8.8), exact: true },
    Scales { common: (-30.0, 30.0), alone: (-40.0, -30.0), exact: true },
];

impl Scales {
    fn draw(self, dice: &mut Pcg32, (least, most): (f64, f64)) -> f64 {
        let exponent = least + (most - least) * unit(dice);
        let weight = if self.exact {
            libm::exp2((exponent * 3.32).round())
        } else {
            libm::pow(10.0, exponent)
        };
        // Where weights repeat, scores do.
        let digit = if below(dice, 3) == 0 { 1.0 } else { 1.0 + unit(dice) };
        let weight = if self.exact { weight } else { weight * digit };
        weight.clamp(f64::from_bits(1), 3.4e38)
    }

    fn world(self, seed: u64, items: u32, users: u32, repeats: bool) -> World {
        let mut dice = Pcg32::new(seed, 0);
        let mut pairs = Vec::new();
        let pool = (0..4).map(|_| self.draw(&mut dice, self.common)).collect::<Vec<_>>();
        let norm = self.draw(&mut dice, self.alone);
        for item in 0..items {
            let alone = if repeats { norm } else { self.draw(&mut dice, self.alone) };
            pairs.push((10_000 + item, item, alone));
            for user in 0..users {
                if below(&mut dice, 3) == 0 {
                    let drawn = self.draw(&mut dice, self.common);
                    let weight = if repeats { pool[below(&mut dice, 4)] } else { drawn };
                    pairs.push((user, item, weight));
                }
            }
            // More users of no weight: they decide the order in which items are computed.
            let more = below(&mut dice, 4) as u32;
            pairs.extend((0..more).map(|user| (20_000 + 4 * item + user, item, 1e-30)));
        }
        World::new(pairs)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ilk_core::testing::cases(1_500)))]

    #[test]
    fn weights_of_any_scale_are_ranked_exactly(
        scales in select(SCALES),
        (seed, items, users) in (any::<u64>(), 2..90_u32, 1..70_u32),
        repeats in any::<bool>(),
        measure in select(WEIGHTED),
        choice in choices(),
    ) {
        let world = scales.world(seed, items, users, repeats);
        prop_assert_eq!(choice.difference(&world, measure, Weighting::Raw), None);
    }

    #[test]
    fn scores_that_tie_are_ranked_by_code(
        world in ties(),
        measure in select(MEASURES),
        choice in choices(),
    ) {
        prop_assert_eq!(choice.difference(&world, measure, Weighting::Binary), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ilk_core::testing::cases(60)))]

    #[test]
    fn scores_next_to_each_other_are_told_apart(
        world in stretches(),
        measures in vec(select(MEASURES), 4),
        choice in choices(),
    ) {
        for measure in measures {
            prop_assert_eq!(choice.difference(&world, measure, Weighting::Binary), None);
        }
    }
}
