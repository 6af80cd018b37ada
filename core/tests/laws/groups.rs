//! Neighbours narrowed by the groups of their items: what comes back is what all neighbours leave.

use std::{collections::BTreeMap, num::NonZeroU32};

use ilk_core::{
    cost::Layout,
    data::{Ids, TextColumn},
    executor::Sequential,
    job::{Given, Job, Of, SimilarityJob},
    kernel::{Task, pairs_once},
    plan::{GroupRule, Groups, ItemFilter},
    result::{Neighbour, Neighbours},
    simd::Kernel,
};
use proptest::{
    option,
    prelude::{ProptestConfig, any},
    prop_assert_eq, prop_assume, proptest,
    sample::select,
};
use rand_pcg::Pcg32;

use crate::{
    crew::{Crew, below},
    jobs::{self, tasks},
    world::{Outcome, crowd, events, filter, narrowings, similar, similar_among},
};

/// Draws a group for every item; some have none.
fn draw(ids: &Ids, seed: u64, groups: usize) -> (TextColumn, Vec<Option<usize>>) {
    let mut dice = Pcg32::new(seed, 5);
    let mut column = TextColumn::default();
    let of_items =
        (0..ids.len()).map(|_| Some(below(&mut dice, groups + 1)).filter(|one| *one > 0));
    let of_items = of_items.collect::<Vec<_>>();
    for group in &of_items {
        column.codes.push(group.map_or(TextColumn::NULL, |_| column.dictionary.len() as u32));
        if let Some(group) = group {
            column.dictionary.push(&format!("g{group}"));
        }
    }
    (column, of_items)
}

/// Goes through all neighbours of an item from the best down and takes those that the rule leaves.
fn expected(
    item: u32,
    all: &[Neighbour],
    groups: &[Option<usize>],
    rule: GroupRule,
    top: usize,
) -> Vec<Neighbour> {
    let group = |code: u32| groups[code as usize];
    let mut counts = BTreeMap::<usize, u32>::new();
    let mut list = Vec::new();
    for one in all {
        let is_same = group(item).is_some() && group(item) == group(one.code);
        if rule.within && !is_same {
            continue;
        }
        if let (Some(most), Some(group)) = (rule.most, group(one.code)) {
            let count = counts.entry(group).or_default();
            if *count == most.get() {
                continue;
            }
            *count += 1;
        }
        list.push(*one);
    }
    list.truncate(top);
    list
}

fn narrowed(
    outcome: &Outcome,
    job: &Job,
    filter: &ItemFilter,
    layout: &Layout,
    crew: Crew,
) -> Neighbours {
    let task = Task::new(&outcome.interactions, job, filter, *layout, &crew);
    task.run(&crew, |_| {})
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ilk_core::testing::cases(400)))]

    #[test]
    fn groups_leave_exactly_what_the_rule_leaves_of_all_neighbours(
        events in events(),
        task in tasks(),
        narrowing in narrowings(),
        (seed, groups) in (any::<u64>(), 1..6_usize),
        (within, most) in (any::<bool>(), option::of(1..4_u32)),
        (kernel, head) in (select(Kernel::available()), select(vec![None, Some(0), Some(1)])),
        workers in 1..4_usize,
    ) {
        let rule = GroupRule { within, most: most.and_then(NonZeroU32::new) };
        let lists = narrowing.lists(&events, task.wish.of.unwrap_or(Of::Items));
        let all = similar_among(&events, &task.with(|wish| wish.top = Some(1_000)), &lists);
        let job = task.job();
        let (column, of_items) = draw(&all.catalogue.ids, seed, groups);
        let filter = filter(&all.catalogue.ids, &lists).with_groups(Groups::new(&column, rule));
        let layout = Layout { kernel, head, ..Layout::default() };
        let found = narrowed(&all, &job, &filter, &layout, Crew { workers, seed });
        for item in 0..found.items() as u32 {
            let list = all.neighbours.of(item);
            let expected = expected(item, list, &of_items, rule, job.top as usize);
            prop_assert_eq!(found.of(item), &expected[..]);
        }
    }

    #[test]
    fn pairs_once_are_all_pairs_of_either_list(events in events(), task in tasks()) {
        prop_assume!(task.job().measure.is_symmetric());
        let outcome = similar(&events, &task);
        let mut expected = BTreeMap::new();
        for item in 0..outcome.neighbours.items() as u32 {
            for other in outcome.neighbours.of(item) {
                let pair = (item.min(other.code), item.max(other.code));
                let facts = (other.score.to_bits(), other.overlap);
                // The same bits from both sides.
                prop_assert_eq!(*expected.entry(pair).or_insert(facts), facts);
            }
        }
        let once = pairs_once(&outcome.neighbours, &Sequential);
        let mut found = BTreeMap::new();
        for item in 0..once.items() as u32 {
            for other in once.of(item) {
                found.insert((item, other.code), (other.score.to_bits(), other.overlap));
            }
        }
        prop_assert_eq!(once.len(), found.len());
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn groups_hold_on_lists_that_are_cut_down_while_they_grow() {
    let events = crowd(3_000, 700, 60_000, 3);
    for measure in ["cosine", "llr"] {
        let wish = SimilarityJob {
            measure: Some(measure.parse().unwrap()),
            top: Some(1_000),
            ..SimilarityJob::default()
        };
        let task = jobs::Task { given: Given::default(), wish };
        let all = similar(&events, &task);
        let (column, of_items) = draw(&all.catalogue.ids, 9, 5);
        for (within, most, top) in [
            (true, None, 20),
            (false, Some(2), 20),
            (false, Some(7), 20),
            (true, Some(5), 4),
            (false, Some(1), 1),
        ] {
            let rule = GroupRule { within, most: most.and_then(NonZeroU32::new) };
            let job = task.with(|wish| wish.top = Some(top)).job();
            let filter = ItemFilter::default().with_groups(Groups::new(&column, rule));
            let found =
                narrowed(&all, &job, &filter, &Layout::default(), Crew { workers: 2, seed: 1 });
            for item in 0..found.items() as u32 {
                let list = all.neighbours.of(item);
                assert_eq!(found.of(item), expected(item, list, &of_items, rule, top as usize));
            }
        }
    }
}
