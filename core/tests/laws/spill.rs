//! What is folded from runs, wherever they are cut, is what is folded in memory.

use ilk_core::{
    cost::Additions,
    data::{DoubtfulIds, Id, Ids},
    executor::Sequential,
    job::{Job, Of},
    prepare::{
        Cleaned, Dictionary, EncodeError, Folded, Folding, Gatherer, Kinds, LabelCounts, Needs,
        SupportedItems, Typed, UserRows, clean, encode, fold, fold_blocks, fold_in_parts,
    },
    result::Catalogue,
};
use proptest::{collection::vec, prelude::ProptestConfig, prop_assert_eq, proptest};
use rand_pcg::Pcg32;

use crate::{
    crew::below,
    jobs::tasks,
    world::{self, deals, events},
};

/// The blocks of all runs, with what the items' codes stand for.
struct Spilled {
    blocks: Vec<UserRows>,
    items: Ids,
    codes: Vec<u32>,
    labels: Option<ilk_core::data::TextColumn>,
}

/// Brings chunks into runs of a few rows each and blocks of fewer.
fn spill(chunks: Vec<Cleaned>, needs: Needs, dice: &mut Pcg32) -> Result<Spilled, EncodeError> {
    let (mut users, mut items) = (Kinds::default(), Kinds::default());
    for chunk in &chunks {
        let mut of_chunk = (Kinds::default(), Kinds::default());
        chunk.see(&mut of_chunk.0, &mut of_chunk.1);
        users.merge(&of_chunk.0);
        items.merge(&of_chunk.1);
    }
    let (users, items) = (users.decide("user")?, items.decide("item")?);
    let mut dictionary = Dictionary::new(items);
    let mut gatherer = Gatherer::new(users, needs, below(dice, 3_000));
    let (mut blocks, mut labels) = (Vec::new(), None::<LabelCounts>);
    let block = 1 + below(dice, 20);
    let mut take = |gatherer: &mut Gatherer| {
        gatherer.take(block, |rows| {
            assert!(rows.items.len() <= block, "a block is no longer than asked for");
            blocks.push(rows);
            Ok::<(), std::convert::Infallible>(())
        })
    };
    for chunk in chunks {
        let chunk = chunk.into_typed(users, items);
        let (mut codes, all_known) = dictionary.look_up(&chunk.items);
        assert_eq!(all_known, !codes.contains(&u32::MAX));
        dictionary.extend(&chunk.items, &mut codes);
        if let Some(column) = &chunk.labels {
            labels.get_or_insert_default().add(&codes, column);
        }
        if gatherer.is_full(codes.len()) {
            take(&mut gatherer).expect("infallible");
        }
        let Typed { users, weights, times, .. } = chunk;
        gatherer.add(users, &codes, weights.as_deref(), times.as_deref());
    }
    take(&mut gatherer).expect("infallible");
    let (items, codes) = dictionary.finish();
    let labels = labels.map(|labels| labels.finish(&codes));
    Ok(Spilled { blocks, items, codes, labels })
}

/// Folds blocks in buckets that begin at some of their users.
fn fold_in_buckets(
    spilled: &Spilled,
    job: &Job,
    needs: Needs,
    dice: &mut Pcg32,
) -> (Vec<UserRows>, Folding) {
    let users = spilled
        .blocks
        .iter()
        .flat_map(|rows| (0..rows.users.len() as u32).map(|user| rows.users.id(user)));
    let mut bounds = users.filter(|_| below(dice, 8) == 0).collect::<Vec<Id>>();
    bounds.sort();
    bounds.dedup();
    let (mut buckets, mut folding) = (Vec::new(), Folding::default());
    for index in 0..=bounds.len() {
        let from = index.checked_sub(1).map(|before| &bounds[before]);
        let load = |codes: &[u32]| {
            let blocks = spilled.blocks.iter().cloned().map(|mut rows| {
                rows.cut(from, bounds.get(index));
                rows.rename(codes);
                rows
            });
            blocks.filter(|rows| !rows.items.is_empty()).collect::<Vec<_>>()
        };
        let blocks = load(&spilled.codes);
        let mut of_bucket = blocks
            .iter()
            .flat_map(|rows| (0..rows.users.len() as u32).map(|user| rows.users.id(user)));
        let first = of_bucket.next();
        let (rows, of_bucket) = if of_bucket.all(|user| Some(user) == first) && below(dice, 2) == 0
        {
            // A bucket of one user may be folded some items after the other.
            let middle = below(dice, spilled.items.len() + 1) as u32;
            let part = |is_in: &dyn Fn(u32) -> bool| {
                let code = |code: &u32| if is_in(*code) { *code } else { u32::MAX };
                Ok(load(&spilled.codes.iter().map(code).collect::<Vec<_>>()))
            };
            let parts = [part(&|code| code < middle), part(&|code| code >= middle)];
            let folded = fold_in_parts(parts.into_iter(), (&spilled.items, None), job, needs);
            folded.unwrap_or_else(|error: EncodeError| panic!("{error}"))
        } else {
            fold_blocks(blocks, (&spilled.items, None), job, needs)
        };
        folding.add(&of_bucket);
        buckets.push(rows);
    }
    (buckets, folding)
}

/// Puts buckets together without rare items: interactions and catalogue.
fn assemble(buckets: Vec<UserRows>, spilled: &Spilled, job: &Job) -> (UserRows, Catalogue, u64) {
    let mut supports = vec![0; spilled.items.len()];
    for item in buckets.iter().flat_map(|rows| &rows.items) {
        supports[*item as usize] += 1;
    }
    let items = SupportedItems::new(&supports, job);
    let catalogue = items.catalogue(&spilled.items, spilled.labels.as_ref(), &supports);
    let (mut whole, mut dropped) = (None::<UserRows>, 0);
    for mut rows in buckets {
        dropped += rows.rename(&items.new_codes).0;
        match &mut whole {
            _ if rows.items.is_empty() => {}
            None => whole = Some(rows),
            Some(whole) => {
                whole.users.append(&rows.users);
                whole.degrees.extend(rows.degrees);
                whole.items.extend(rows.items);
                whole.weights.iter_mut().for_each(|all| all.extend(rows.weights.iter().flatten()));
                whole.times.iter_mut().for_each(|all| all.extend(rows.times.iter().flatten()));
            }
        }
    }
    let nobody = || UserRows {
        users: Ids::Integer(Vec::new()),
        degrees: Vec::new(),
        items: Vec::new(),
        weights: None,
        times: None,
    };
    (whole.unwrap_or_else(nobody), catalogue, dropped)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ilk_core::testing::cases(400)))]

    #[test]
    fn runs_and_buckets_do_not_show(
        events in events(),
        task in tasks(),
        deal in deals(),
        seed in 0..1_000_u64,
    ) {
        let job = Job { of: Of::Items, ..task.job() };
        let needs = Needs::of(&job, task.given);
        let chunks = || {
            let chunks = world::deal(&events, task.given, deal).chunks;
            let mut chunks =
                chunks.into_iter().map(|rows| clean(rows, &job, needs).0).collect::<Vec<_>>();
            chunks.sort_by_key(Cleaned::file);
            chunks
        };
        let mut dice = Pcg32::new(seed, 9);
        let spilled = match (encode(chunks(), &Sequential), spill(chunks(), needs, &mut dice)) {
            (Ok(encoded), Ok(spilled)) => (fold(encoded, &job, needs, &Sequential), spilled),
            (encoded, spilled) => {
                prop_assert_eq!(encoded.err(), spilled.err());
                return Ok(());
            }
        };
        let (Folded { interactions, catalogue, others, folding }, spilled) = spilled;
        let (buckets, found) = fold_in_buckets(&spilled, &job, needs, &mut dice);
        let (rows, of_runs, dropped) = assemble(buckets, &spilled, &job);
        if interactions.is_empty() {
            prop_assert_eq!(rows.items.len(), 0);
            return Ok(());
        }
        prop_assert_eq!(&rows, &interactions.rows(0..interactions.users() as u32, &others));
        prop_assert_eq!(of_runs, catalogue);
        let counts = |folding: &Folding| {
            let Folding { pairs, netted_away, capped_users, capped_pairs, capped_operations, .. } =
                *folding;
            (pairs, netted_away, capped_users, capped_pairs, capped_operations)
        };
        prop_assert_eq!(counts(&found), counts(&folding));
        prop_assert_eq!(dropped, folding.rare_pairs);
    }
}

#[test]
fn additions_are_counted_user_by_user() {
    let mut additions = Additions::new(4);
    additions.count([0, 2, 3].into_iter());
    let mut other = Additions::new(4);
    other.count([2].into_iter());
    other.count([1, 2].into_iter());
    additions.add(&other);
    assert_eq!(additions.all, [3, 2, 6, 3]);
    assert_eq!(additions.smaller, [0, 0, 2, 2]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ilk_core::testing::cases(256)))]

    #[test]
    fn doubtful_ids_are_the_same_found_part_by_part(
        mut ids in vec("-?[017]{1,2}(\\.0{0,2}|E\\+1|-x)?", 1..40),
        cuts in vec(0_usize..40, 0..6),
    ) {
        ids.sort_unstable();
        ids.dedup();
        let mut cuts = cuts.into_iter().map(|cut| cut.min(ids.len())).collect::<Vec<_>>();
        cuts.extend([0, ids.len()]);
        cuts.sort_unstable();
        let of = |ids: &[String]| Ids::Text(ids.iter().map(String::as_str).collect()).doubtful();
        let mut parts = DoubtfulIds::default();
        for cut in cuts.windows(2) {
            parts.add(of(&ids[cut[0]..cut[1]]));
        }
        prop_assert_eq!(parts, of(&ids));
    }
}
