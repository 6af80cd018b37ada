//! Explanations agree with the result, and their parts with the whole.

use ilk_core::{
    cost::Layout,
    executor::Sequential,
    insight::{Explainer, Explanation, Need, Standing},
    job::{Given, SimilarityJob},
    matrix::Matrix,
    measure::MeasureName,
    testing::{
        generate,
        oracle::{Event, Lists},
    },
    weighting::WeightingName,
};
use proptest::{prelude::ProptestConfig, prop_assert, prop_assert_eq, proptest};

use crate::{
    jobs::{Task, tasks},
    world::{self, Outcome, baskets, events, narrowings, weighted_events},
};

/// Everything to explain pairs of an outcome with.
struct World {
    task: Task,
    lists: Lists,
    outcome: Outcome,
}

impl World {
    fn new(events: &[Event], task: &Task, lists: Lists) -> Self {
        let outcome = world::similar_among(events, task, &lists);
        Self { task: task.clone(), lists, outcome }
    }

    /// Explains every pair of `pairs`.
    fn explain(&self, pairs: impl IntoIterator<Item = (u32, u32)>) -> Vec<Explanation> {
        let (job, interactions) = (self.task.job(), &self.outcome.interactions);
        let matrix = Matrix::with_layout(interactions, &job, Layout::default(), &Sequential);
        let filter = world::filter(&self.outcome.catalogue.ids, &self.lists);
        let explainer = Explainer { interactions, matrix: &matrix, job: &job, filter: &filter };
        let pairs = pairs.into_iter();
        pairs.map(|(item, other)| explainer.explain(item, other, 1_000, &Sequential)).collect()
    }

    fn explain_named(&self, item: &str, neighbour: &str) -> Explanation {
        let code = |id: &str| self.outcome.catalogue.ids.find(id).expect("an item");
        self.explain([(code(item), code(neighbour))]).remove(0)
    }
}

fn items(job: SimilarityJob) -> Task {
    Task { given: Given::default(), wish: job }
}

/// Tea has four users, mug and milk three, saw one; mug shares three with tea, milk two.
fn shop() -> Vec<Event> {
    baskets(&[
        &["tea", "mug"],
        &["tea", "mug", "milk"],
        &["tea", "mug", "milk"],
        &["tea"],
        &["milk"],
        &["saw"],
    ])
}

#[test]
fn a_pair_is_explained_by_hand() {
    let shop = World::new(&shop(), &items(SimilarityJob::default()), Lists::default());
    let told = shop.explain_named("tea", "milk");
    let pair = &told.pair;
    assert_eq!((pair.overlap, pair.item_support, pair.neighbour_support, pair.users), (2, 4, 3, 6));
    assert_eq!((told.standing, told.qualified), (Standing::Rank(2), 2));
    assert_eq!(told.score, Some((2.0 / 12.0_f64.sqrt()) as f32));
    // With three users in common it scores what mug does, and comes before it in the alphabet.
    let above = told.above.expect("mug is above");
    assert_eq!(above.neighbour.map(|mug| mug.overlap), Some(3));
    assert_eq!(above.needs, Need::Overlap(3));
    assert_eq!((told.below, told.entry), (None, None));
    let value = |name| {
        let value = told.measures.iter().find(|value| value.measure.name() == name);
        value.map(|value| (value.score, value.reverse)).expect("every measure is there")
    };
    assert_eq!(told.measures.len(), MeasureName::ALL.len());
    assert_eq!(value(MeasureName::Jaccard), (Some(0.4), None));
    assert_eq!(value(MeasureName::Conditional), (Some(0.5), Some(2.0 / 3.0)));
    assert_eq!(value(MeasureName::Lift), (Some(1.0), None));
    // As often as by chance: no pair.
    assert_eq!(value(MeasureName::Llr), (None, None));
    assert_eq!(told.contributions.len(), 2);
    assert!(told.contributions.iter().all(|user| user.share == 0.5 && user.items == 3));
}

#[test]
fn what_is_no_neighbour_is_told_why() {
    let job = SimilarityJob { min_overlap: Some(3), threshold: Some(0.5), ..Default::default() };
    let shop_events = shop();
    let plain = World::new(&shop_events, &items(SimilarityJob::default()), Lists::default());
    let strict = World::new(&shop_events, &items(job), Lists::default());
    let llr = SimilarityJob { measure: Some(MeasureName::Llr), ..Default::default() };
    let llr = World::new(&shop_events, &items(llr), Lists::default());
    let high = SimilarityJob { threshold: Some(0.9), ..Default::default() };
    let high = World::new(&shop_events, &items(high), Lists::default());
    let needs = |told: &Explanation| told.entry.map(|entry| entry.needs);
    let saw = plain.explain_named("milk", "saw");
    assert_eq!((saw.standing, saw.score), (Standing::NothingShared, None));
    assert_eq!(needs(&saw), Some(Need::Overlap(1)));
    assert_eq!(plain.explain_named("tea", "tea").standing, Standing::Itself);
    let rare = strict.explain_named("tea", "milk");
    assert_eq!(rare.standing, Standing::OverlapTooSmall);
    assert_eq!(needs(&rare), Some(Need::Overlap(3)));
    assert_eq!(llr.explain_named("tea", "milk").standing, Standing::NoPair);
    let low = high.explain_named("tea", "mug");
    assert_eq!((low.standing, needs(&low)), (Standing::BelowThreshold, Some(Need::Impossible)));
}

#[test]
fn what_is_not_kept_is_told_what_keeps_it() {
    let job = SimilarityJob { top: Some(1), ..Default::default() };
    let told = World::new(&shop(), &items(job), Lists::default()).explain_named("tea", "milk");
    assert_eq!(told.standing, Standing::Rank(2));
    let entry = told.entry.expect("it is not among the first");
    assert_eq!((entry.neighbour, entry.needs), (told.above.unwrap().neighbour, Need::Overlap(3)));
}

#[test]
fn who_has_fewer_items_is_more_telling() {
    let crowd = baskets(&[&["a", "b", "c", "d"], &["a", "b"], &["a", "b", "c"], &["a"]]);
    let told = World::new(&crowd, &items(SimilarityJob::default()), Lists::default());
    let told = told.explain_named("a", "b").contributions;
    let users = told.iter().map(|user| (user.user, user.items)).collect::<Vec<_>>();
    assert_eq!(users, [(1, 2), (2, 3), (0, 4)]);
}

#[test]
fn weights_decide_who_contributes_and_what_is_needed() {
    let rows = [(0, "a", 1.0), (0, "b", 2.0), (1, "a", 3.0), (1, "b", 1.0), (2, "b", 2.0)];
    let rows = [&rows[..], &[(0, "c", 1.0), (1, "c", 3.0)]].concat();
    let wish = SimilarityJob { weighting: Some(WeightingName::Raw), ..Default::default() };
    let told = World::new(&weighted_events(&rows), &Task::on_everything(wish), Lists::default())
        .explain_named("a", "b");
    assert!(told.is_weighted);
    assert_eq!(
        (told.pair.dot, told.pair.item_square, told.pair.neighbour_square),
        (5.0, 10.0, 9.0)
    );
    let shares = told.contributions.iter().map(|user| (user.user, user.share)).collect::<Vec<_>>();
    assert_eq!(shares, [(1, 0.6), (0, 0.4)]);
    // c is a, so nothing but being a as well comes as near; then b goes first.
    let Some(Need::Dot(dot)) = told.above.map(|above| above.needs) else { panic!("{told:?}") };
    assert!((dot - 90.0_f64.sqrt()).abs() < 1e-5, "{dot}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ilk_core::testing::cases(300)))]

    #[test]
    fn explanations_agree_with_the_result(
        events in events(),
        task in tasks(),
        narrowing in narrowings(),
    ) {
        let lists = Lists { wanted: None, ..narrowing.lists(&events, task.job().of) };
        let world = World::new(&events, &task, lists);
        let found = &world.outcome.neighbours;
        let items = 0..found.items().min(12) as u32;
        let pairs = items.clone().flat_map(|item| items.clone().map(move |other| (item, other)));
        let pairs = pairs.collect::<Vec<_>>();
        for ((item, other), told) in pairs.iter().zip(world.explain(pairs.iter().copied())) {
            let rank = found.of(*item).iter().position(|found| found.code == *other);
            let kept = match told.standing {
                Standing::Rank(rank) if rank <= task.job().top => Some(rank as usize - 1),
                _ => None,
            };
            prop_assert_eq!(rank, kept);
            if let Some(rank) = rank {
                let found = &found.of(*item)[rank];
                prop_assert_eq!(told.score.map(f32::to_bits), Some(found.score.to_bits()));
                prop_assert_eq!(told.pair.overlap, found.overlap);
            }
            let shares = told.contributions.iter().map(|user| user.share).sum::<f64>();
            let whole = told.pair.overlap > 0 && told.pair.dot > 0.0;
            prop_assert_eq!(told.contributions.len(), told.pair.overlap as usize);
            prop_assert!(!whole || (shares - 1.0).abs() < 1e-9, "{}", shares);
        }
    }

    #[test]
    fn what_a_pair_needs_is_the_least_that_does(seed in 0..100_000_u64) {
        let events = generate::events(generate::Shape::ALL[0], seed);
        let world = World::new(&events, &items(SimilarityJob::default()), Lists::default());
        let count = world.outcome.neighbours.items().min(8) as u32;
        let pairs = (0..count).flat_map(|item| (0..count).map(move |other| (item, other)));
        for told in world.explain(pairs) {
            let Some(above) = told.above else { continue };
            let ahead = above.neighbour.expect("there is one above").score;
            let pair = told.pair;
            let product = f64::from(pair.item_support) * f64::from(pair.neighbour_support);
            let cosine = |overlap: u32| (f64::from(overlap) / product.sqrt()) as f32;
            match above.needs {
                Need::Overlap(overlap) => {
                    prop_assert!(cosine(overlap) >= ahead && cosine(overlap - 1) <= ahead);
                }
                needs => {
                    prop_assert_eq!(needs, Need::Impossible);
                    let most = pair.item_support.min(pair.neighbour_support);
                    prop_assert!(cosine(most) <= ahead);
                }
            }
        }
    }
}
