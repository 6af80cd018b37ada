//! By-user samples: nested, the same whatever the data came in as, and at any stage.

use ilk_core::{
    data::{Ids, Rows, hash_id},
    executor::Sequential,
    job::{Given, Job, Of},
    prepare::{Folded, Needs, Sample, Smallest, clean, encode, fold},
    testing::oracle::{Event, Lists},
};
use proptest::{
    collection::vec,
    prelude::{ProptestConfig, any},
    prop_assert, prop_assert_eq, proptest,
    sample::select,
};

use crate::{
    jobs::{Task, tasks},
    world::{self, Deal, crowd, deals, events},
};

const RATES: &[f64] = &[0.0, 0.01, 0.1, 0.2, 0.4, 0.5, 0.9, 1.0];

fn sample(rate: f64) -> Sample {
    Sample::of_rate(rate).expect("a rate")
}

fn folded(chunks: Vec<Rows>, given: Given, job: &Job) -> Folded {
    let needs = Needs::of(job, given);
    let cleaned = chunks.into_iter().map(|rows| clean(rows, job, needs).0).collect();
    fold(encode(cleaned, &Sequential).expect("one kind"), job, needs, &Sequential)
}

/// What interactions stand for: (user, item) by id.
fn table(folded: &Folded) -> Vec<(String, String)> {
    let (users, items) = (&folded.others, &folded.catalogue.ids);
    let interactions = &folded.interactions;
    let of_user = |user| interactions.of(user).iter().map(move |item| (user, *item));
    let pairs = (0..interactions.users() as u32).flat_map(of_user);
    let pairs = pairs.map(|(user, item)| (users.display(user).into(), items.display(item).into()));
    let mut pairs = pairs.collect::<Vec<_>>();
    pairs.sort();
    pairs
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ilk_core::testing::cases(300)))]

    #[test]
    fn samples_are_nested(hashes in vec(any::<u64>(), 1..50), a in 0.0..1.0_f64, b in 0.0..1.0_f64) {
        let (small, large) = (sample(a.min(b)), sample(a.max(b)));
        prop_assert!(small <= large && large <= Sample::ALL);
        for hash in hashes {
            prop_assert!(!small.admits(hash) || large.admits(hash));
            prop_assert!(Sample::ALL.admits(hash));
            // As the contract has it, where f64 is exact.
            prop_assert_eq!(sample(0.5).admits(hash), hash < 1 << 63);
        }
    }

    #[test]
    fn what_the_data_came_in_as_does_not_show_in_a_sample(
        events in events(),
        task in tasks(),
        one in deals(),
        other in deals(),
        rate in select(RATES),
    ) {
        // Files of one kind: only types of columns may make others of the same events.
        let other = Deal { untyped: one.untyped, troubled: 0, ..other };
        let one = Deal { troubled: 0, ..one };
        let job = task.job();
        let run = |deal| {
            let dealt = world::deal(&events, task.given, deal);
            let chunks = dealt.chunks.into_iter().map(|rows| sample(rate).of_rows(rows, job.of));
            let sampled = chunks.collect::<Vec<_>>();
            let given = (task.given, &job);
            world::run_laid_out(sampled, given, &Lists::default(), &dealt.layout, &dealt.crew)
        };
        let (one, other) = (run(one).expect("one kind"), run(other).expect("one kind"));
        prop_assert_eq!(one.table(), other.table());
        prop_assert_eq!(one.catalogue, other.catalogue);
        prop_assert_eq!(one.others, other.others);
    }

    #[test]
    fn sampling_at_any_stage_is_the_same(
        events in events(),
        task in tasks(),
        deal in deals(),
        rate in select(RATES),
    ) {
        // What is left out for its support depends on who else is there.
        let job = Job { min_support: 1, ..task.job() };
        let whole = world::deal(&events, task.given, deal).chunks;
        let sample = sample(rate);
        let of_rows = whole.iter().cloned().map(|rows| sample.of_rows(rows, job.of)).collect();
        let of_rows = folded(of_rows, task.given, &job);
        let needs = Needs::of(&job, task.given);
        let cleaned = whole.iter().cloned().map(|rows| clean(rows, &job, needs).0);
        let cleaned = cleaned.map(|chunk| sample.of_cleaned(chunk, job.of)).collect();
        let of_cleaned =
            fold(encode(cleaned, &Sequential).expect("one kind"), &job, needs, &Sequential);
        prop_assert_eq!(&of_rows.interactions, &of_cleaned.interactions);
        prop_assert_eq!(&of_rows.catalogue, &of_cleaned.catalogue);
        // A cap on one side is not a cap on the other.
        if job.of == Of::Users && job.max_items_per_user.is_some() {
            return Ok(());
        }
        let all = folded(whole, task.given, &job);
        let hashes = (0..all.others.len() as u32).map(|user| all.others.hash(user));
        let part = sample.of_interactions(&all.interactions, &hashes.collect::<Vec<_>>());
        prop_assert_eq!(&part.interactions, &of_rows.interactions);
        if part.interactions.is_empty() {
            // Ids that nobody has are of no kind.
            return Ok(());
        }
        prop_assert_eq!(read(&all.others.select(&part.users)), read(&of_rows.others));
        prop_assert_eq!(read(&all.catalogue.ids.select(&part.items)), read(&of_rows.catalogue.ids));
    }
}

/// Ids as people read them: whether integers have a sign is of all that was read, and a sample
/// of the rows may have left out the one that was too wide.
fn read(ids: &Ids) -> Vec<String> {
    (0..ids.len() as u32).map(|code| ids.display(code).into_owned()).collect()
}

#[test]
fn the_share_of_users_is_the_rate() {
    let ids = (0..100_000).map(|id: i64| hash_id(&id.to_string())).collect::<Vec<_>>();
    for rate in [0.01, 0.1, 0.5] {
        let share = ids.iter().filter(|hash| sample(rate).admits(**hash)).count() as f64 / 1e5;
        // Four standard deviations.
        let slack = 4.0 * (rate * (1.0 - rate) / 1e5).sqrt();
        assert!((share - rate).abs() < slack, "{share} of {rate}");
    }
}

#[test]
fn a_number_of_users_is_found_in_any_order_of_chunks() {
    let events: Vec<Event> = crowd(700, 60, 5_000, 3);
    let task = Task { given: Given::default(), wish: ilk_core::job::SimilarityJob::default() };
    let job = task.job();
    let all = folded(world::deal(&events, task.given, Deal::PLAIN).chunks, task.given, &job);
    let users = |deal, wanted| {
        let chunks = world::deal(&events, task.given, deal).chunks;
        let mut parts = chunks.iter().map(|rows| {
            let mut smallest = Smallest::new(wanted);
            smallest.see(rows, job.of);
            smallest
        });
        let mut first = parts.next().expect("a chunk");
        parts.for_each(|part| first.merge(part));
        let sampled = chunks.into_iter().map(|rows| first.sample().of_rows(rows, job.of));
        table(&folded(sampled.collect(), task.given, &job))
    };
    for wanted in [0, 1, 50, all.others.len(), 10_000] {
        let plain = users(Deal::PLAIN, wanted);
        let distinct =
            plain.iter().map(|(user, _)| user).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(distinct.len(), wanted.min(all.others.len()));
        let dealt = Deal { seed: 9, chunks: 5, ..Deal::PLAIN };
        assert_eq!(users(dealt, wanted), plain);
    }
}

#[test]
fn integers_are_hashed_alike_in_every_width_and_in_text() {
    let signed = Ids::Integer(vec![-5, 0, 7]);
    let wide = Ids::Unsigned(vec![0, 7, u64::MAX]);
    let text = Ids::Text(["-5", "0", "18446744073709551615", "7"].into_iter().collect());
    assert_eq!((signed.hash(0), signed.hash(2)), (text.hash(0), text.hash(3)));
    assert_eq!((wide.hash(1), wide.hash(2)), (text.hash(3), text.hash(2)));
}
