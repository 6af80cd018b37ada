//! Two behaviours of the same users: the neighbours of the items of one among those of the other.

use ilk_core::{
    data::Rows,
    executor::Executor,
    job::{Job, Of, Pairs},
    kernel::{Task as Work, neighbours, similar_items},
    matrix::Matrix,
    plan::{ItemFilter, Plan, codes_of},
    prepare::{EncodeError, Folded, Needs, clean, encode, fold, pairs_among},
    result::{Catalogue, Neighbour, Neighbours},
    testing::{
        cases,
        oracle::{self, Event, Id, Lists},
    },
};
use proptest::{
    prelude::{ProptestConfig, Strategy, any},
    prop_assert, prop_assert_eq, proptest,
};
use rand_pcg::Pcg32;

use crate::{
    crew::below,
    jobs::{Task, tasks},
    world::{Deal, baskets, clean_events, deal, deals, events, narrowings},
};

/// Any job on the items of two behaviours.
fn wishes() -> impl Strategy<Value = Task> {
    tasks().prop_map(|task| task.with(|wish| wish.of = Some(Of::Items)))
}

/// Deals events to two behaviours; some go to both.
fn apart(events: &[Event], seed: u64) -> [Vec<Event>; 2] {
    let mut dice = Pcg32::new(seed, 6);
    let mut both = [Vec::new(), Vec::new()];
    for event in events {
        match below(&mut dice, 5) {
            0 => both.iter_mut().for_each(|events| events.push(event.clone())),
            1 | 2 => both[0].push(event.clone()),
            _ => both[1].push(event.clone()),
        }
    }
    both
}

fn folded(
    chunks: [Vec<Rows>; 2],
    (task, job): (&Task, &Job),
    executor: &impl Executor,
) -> Result<Folded, EncodeError> {
    let needs = Needs::of(job, task.given);
    let (mut cleaned, mut is_target) = (Vec::new(), Vec::new());
    for (behaviour, chunks) in chunks.into_iter().enumerate() {
        for chunk in chunks {
            cleaned.push(clean(chunk, job, needs).0);
            is_target.push(behaviour == 1);
        }
    }
    let encoded = encode(cleaned, executor)?.apart(&is_target)?;
    Ok(fold(encoded, job, needs, executor))
}

fn filter(catalogue: &Catalogue, lists: &Lists) -> ItemFilter {
    let first = catalogue.candidates().start;
    let texts = |ids: &std::collections::BTreeSet<Id>| {
        ids.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let candidates = |ids| {
        let texts = texts(ids);
        let (codes, _) = codes_of(&catalogue.candidate_ids(), texts.iter().map(String::as_str));
        codes.into_iter().map(|code| first + code).collect::<Vec<_>>()
    };
    let wanted = |ids| codes_of(&catalogue.compared_ids(), texts(ids).iter().map(String::as_str)).0;
    let items = catalogue.ids.len();
    ItemFilter::new(
        items,
        lists.only.as_ref().map(candidates).as_deref(),
        Some(&candidates(&lists.exclude)),
        lists.wanted.as_ref().map(wanted).as_deref(),
    )
    .across(items, catalogue.target)
}

/// Compares two behaviours in one go.
fn across(input: &[Event], target: &[Event], task: &Task) -> (Folded, Neighbours) {
    let job = task.job();
    let chunks = [input, target].map(|events| deal(events, task.given, Deal::PLAIN).chunks);
    let folded = folded(chunks, (task, &job), &ilk_core::executor::Sequential).expect("one kind");
    let found = similar_items(&folded.interactions, &job);
    (folded, found)
}

/// Names, score bits and overlaps of a list.
fn named(catalogue: &Catalogue, list: &[Neighbour]) -> Vec<(String, u32, u32)> {
    let name = |one: &Neighbour| {
        (catalogue.ids.display(one.code).into_owned(), one.score.to_bits(), one.overlap)
    };
    list.iter().map(name).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(600)))]

    #[test]
    fn two_behaviours_give_what_the_oracle_gives(
        events in events(),
        task in wishes(),
        deals in [deals(), deals()],
        narrowing in narrowings(),
        seed in any::<u64>(),
    ) {
        let job = task.job();
        let typed = Deal { untyped: [false, false], ..deals[1] };
        let both = apart(&events, seed);
        let mut dealt = [
            deal(&both[0], task.given, Deal { untyped: [false, false], ..deals[0] }),
            deal(&both[1], task.given, typed),
        ];
        let lists = narrowing.lists(&events, Of::Items);
        let counted = (&dealt[0].counted[..], &dealt[1].counted[..]);
        let answer = oracle::across(counted, task.given, &job, &lists);
        let chunks = dealt.each_mut().map(|dealt| std::mem::take(&mut dealt.chunks));
        let (crew, layout) = (&dealt[0].crew, dealt[0].layout);
        let folded = folded(chunks, (&task, &job), crew).expect("ids of one kind");
        prop_assert_eq!(folded.interactions.population() as u32, answer.users);
        let filter = filter(&folded.catalogue, &lists);
        let matrix = Matrix::with_layout(&folded.interactions, &job, layout, crew);
        let plan = Plan::of_job(&matrix, &job, &filter);
        let found = neighbours(&matrix, &plan, &job, &filter, crew, |_| {});
        let catalogue = Catalogue { labels: None, ..folded.catalogue.clone() };
        let difference = answer.difference(&catalogue, &found);
        prop_assert!(difference.is_none(), "{}", difference.unwrap_or_default());
        // Tiles of halves give the same.
        let plan = Plan::new(&matrix, &filter);
        let halves = Work::of_plan(matrix, plan, &job, &filter).run(crew, |_| {});
        prop_assert_eq!(halves, found);
    }

    #[test]
    fn the_input_as_its_own_target_adds_each_item_to_its_own_list(
        events in clean_events(),
        task in wishes(),
    ) {
        let task = task.with(|wish| (wish.top, wish.pairs) = (Some(1_000), Some(Pairs::Both)));
        let (folded, found) = across(&events, &events, &task);
        let alone = crate::world::similar(&events, &task);
        prop_assert_eq!(folded.catalogue.compared_ids().into_owned(), alone.catalogue.ids.clone());
        prop_assert_eq!(folded.catalogue.candidate_ids().into_owned(), alone.catalogue.ids.clone());
        for item in folded.catalogue.compared() {
            let id = folded.catalogue.ids.display(item).into_owned();
            let mut list = named(&folded.catalogue, found.of(item));
            list.retain(|(name, _, _)| *name != id);
            prop_assert_eq!(list, named(&alone.catalogue, alone.neighbours.of(item)));
        }
    }

    #[test]
    fn a_symmetric_measure_scores_a_pair_alike_from_both_sides(
        events in clean_events(),
        task in wishes(),
        seed in any::<u64>(),
    ) {
        let task = task.with(|wish| wish.top = Some(1_000));
        if !task.job().measure.is_symmetric() {
            return Ok(());
        }
        let [input, target] = apart(&events, seed);
        let pairs = |(folded, found): (Folded, Neighbours), is_turned: bool| {
            let catalogue = &folded.catalogue;
            let mut pairs = Vec::new();
            for item in 0..found.items() as u32 {
                let id = catalogue.ids.display(item).into_owned();
                for (other, score, overlap) in named(catalogue, found.of(item)) {
                    let (a, b) = if is_turned { (other, id.clone()) } else { (id.clone(), other) };
                    pairs.push((a, b, score, overlap));
                }
            }
            pairs.sort();
            pairs
        };
        let there = pairs(across(&input, &target, &task), false);
        let back = pairs(across(&target, &input, &task), true);
        prop_assert_eq!(there, back);
    }
}

#[test]
fn an_item_of_the_input_meets_itself_among_those_of_the_target() {
    let viewed = baskets(&[&["tea", "cup"], &["tea"], &["cup", "pot"], &["pot"]]);
    let bought = baskets(&[&["tea"], &["tea", "cup"], &["pot"], &[], &["tea"]]);
    let task = Task {
        given: ilk_core::job::Given::default(),
        wish: ilk_core::job::SimilarityJob {
            measure: Some(ilk_core::measure::MeasureName::Cooccurrence),
            ..Default::default()
        },
    };
    let (folded, found) = across(&viewed, &bought, &task);
    let (catalogue, of_id) = (&folded.catalogue, |id: &str| {
        let code = folded.catalogue.compared_ids().find(id).expect("it is there");
        named(&folded.catalogue, found.of(code))
    });
    let expected = |rows: &[(&str, f32)]| {
        let row = |(id, score): &(&str, f32)| ((*id).to_owned(), score.to_bits(), *score as u32);
        rows.iter().map(row).collect::<Vec<_>>()
    };
    assert_eq!(catalogue.target, Some(3));
    assert_eq!(of_id("cup"), expected(&[("pot", 1.0), ("tea", 1.0)]));
    assert_eq!(of_id("pot"), expected(&[("pot", 1.0)]));
    assert_eq!(of_id("tea"), expected(&[("tea", 2.0), ("cup", 1.0)]));
    // All five users count, also the one who only bought and the one who only viewed.
    assert_eq!(folded.interactions.population(), 5);
    // Views with purchases: 2 + 2 + 2 of the first three users, none of the others.
    assert_eq!(folded.interactions.pair_operations(), 2 + 2 + 2);
    assert!(folded.interactions.degrees().map(pairs_among).sum::<u128>() > 6);
}

/// The example of the page on measures.
#[test]
fn tea_that_is_viewed_meets_tea_that_is_bought() {
    let viewed = baskets(&[&["tea", "cup"], &["tea"], &["cup"]]);
    let bought = baskets(&[&["tea"], &["tea"], &[], &["tea"]]);
    let task = Task {
        given: ilk_core::job::Given::default(),
        wish: ilk_core::job::SimilarityJob::default(),
    };
    let (folded, found) = across(&viewed, &bought, &task);
    let tea = folded.catalogue.compared_ids().find("tea").expect("it is there");
    let [pair] = found.of(tea) else { panic!("one neighbour") };
    assert_eq!((folded.interactions.population(), pair.overlap), (4, 2));
    assert_eq!(format!("{:.4}", pair.score), "0.8165");
}

#[test]
fn the_cap_holds_for_each_behaviour_by_itself() {
    let many = ["a", "b", "c", "d"];
    let (viewed, bought) = (baskets(&[&many]), baskets(&[&many[..3]]));
    let task = Task {
        given: ilk_core::job::Given::default(),
        wish: ilk_core::job::SimilarityJob { max_items_per_user: Some(2), ..Default::default() },
    };
    let (folded, _) = across(&viewed, &bought, &task);
    let (input, target) = folded.interactions.split(0);
    assert_eq!((input.len(), target.len()), (2, 2));
    let folding = folded.folding;
    assert_eq!((folding.capped_users, folding.capped_pairs), (1, 3));
    assert_eq!(folding.capped_operations, 4 * 3 - 2 * 2);
}
