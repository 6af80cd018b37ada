//! What the overlaps of a result say of a larger `min_overlap`.

use ilk_core::result::{Neighbours, Overlaps, share_of_one};
use proptest::{prelude::ProptestConfig, prop_assert, prop_assert_eq, proptest};

use crate::{
    jobs::tasks,
    world::{clean_events, similar},
};

fn overlaps(found: &Neighbours) -> Overlaps {
    let mut overlaps = Overlaps::default();
    (0..found.items() as u32).for_each(|item| overlaps.see(found.of(item)));
    overlaps
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_larger_min_overlap_keeps_at_least_what_is_told(
        events in clean_events(),
        task in tasks(),
        min_overlap in 1..6_u32,
    ) {
        let found = similar(&events, &task).neighbours;
        let seen = overlaps(&found);
        prop_assert_eq!(seen.neighbours(), found.len() as u64);
        let (neighbours, items) = seen.kept(min_overlap);
        let at_least = min_overlap.max(task.job().min_overlap);
        let stricter = task.with(|wish| wish.min_overlap = Some(at_least));
        let stricter = overlaps(&similar(&events, &stricter).neighbours);
        prop_assert!(neighbours <= stricter.neighbours() && items <= stricter.items());
        // Where every neighbour is kept, no place becomes free.
        let all = task.with(|wish| wish.top = Some(500));
        let (neighbours, items) = overlaps(&similar(&events, &all).neighbours).kept(at_least);
        let stricter = all.with(|wish| wish.min_overlap = Some(at_least));
        let stricter = overlaps(&similar(&events, &stricter).neighbours);
        prop_assert_eq!((neighbours, items), (stricter.neighbours(), stricter.items()));
    }

    #[test]
    fn the_share_of_one_user_is_the_mean_over_neighbours(
        events in clean_events(),
        task in tasks(),
    ) {
        let found = similar(&events, &task).neighbours;
        let lists = (0..found.items() as u32).map(|item| found.of(item));
        let alone = lists.map(|list| {
            f64::from(share_of_one(list).unwrap_or(0.0)) * list.len() as f64
        });
        let share = alone.sum::<f64>() / found.len().max(1) as f64;
        prop_assert!((overlaps(&found).share_of_one() - share).abs() < 1e-6);
    }
}
