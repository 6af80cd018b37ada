//! Real data: published counts, and the kernel against a dense computation. Skipped, with a line
//! that says so, where the folder with the data is absent.

use std::{fs, path::Path, sync::Arc};

use ilk_core::{
    forecast::Profile,
    job::{Given, Job, NegativeWeights, Of, SimilarityJob},
    measure::MeasureName,
    plan::ItemFilter,
    prepare::{Folded, Reason, Tally},
    result::Neighbours,
    weighting::WeightingName,
};
use ilk_formats::{Memory, ReadOptions};

use crate::{crew::Crew, dense::Columns, library};

/// Reads a file of the data, which lies beside the checkout.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn bytes(name: &str) -> Option<Vec<u8>> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let found = fs::read(home.join(name)).ok();
    if found.is_none() {
        println!("skipped: no {name} in ../shared/data");
    }
    found
}

fn columns(user: &str, item: &str) -> ReadOptions {
    ReadOptions { user: user.into(), item: item.into(), ..ReadOptions::default() }
}

fn retail() -> ReadOptions {
    ReadOptions { weight: Some("quantity".into()), ..columns("customer_id", "stock_code") }
}

fn resolve(wish: &SimilarityJob, options: &ReadOptions) -> Job {
    let given = Given { weight: options.weight.is_some(), time: options.time.is_some() };
    wish.resolve(given).expect("a job that can be")
}

/// Reads and folds a file; `None` where there is none.
fn fold(name: &str, options: &ReadOptions, job: &Job) -> Option<(Tally, Folded)> {
    let source = Memory::new(name, bytes(name)?);
    Some(library::fold_sources(vec![Arc::new(source)], options, job, &Crew(2)))
}

fn counts(tally: &Tally) -> Vec<(&'static str, u64)> {
    let counts = Reason::ALL.into_iter().map(|reason| (reason.name(), tally.count(reason)));
    counts.filter(|(_, count)| *count > 0).collect()
}

#[test]
fn online_retail_counts_are_those_published() {
    let options = columns("customer_id", "stock_code");
    let job = resolve(&SimilarityJob::default(), &options);
    let Some((tally, folded)) = fold("online_retail.parquet", &options, &job) else { return };
    assert_eq!((tally.rows, tally.kept()), (541_909, 406_829));
    assert_eq!(counts(&tally), [("null_user", 135_080)]);
    let profile = Profile::of(&folded.interactions, 3);
    assert_eq!((profile.users, profile.items), (4_372, 3_684));
    // Published is the sum of squares: each pair twice, and each item with itself.
    let squares = 2 * profile.pair_operations + u128::from(profile.interactions);
    assert!((48_250_000..48_350_000).contains(&squares), "{squares}");
}

#[test]
fn online_retail_returns_are_set_aside_or_netted() {
    let options = retail();
    let job = resolve(&SimilarityJob::default(), &options);
    let Some((tally, folded)) = fold("online_retail.parquet", &options, &job) else { return };
    assert_eq!(counts(&tally), [("null_user", 135_080), ("nonpositive_weight", 8_905)]);
    assert_eq!((folded.others.len(), folded.catalogue.ids.len()), (4_339, 3_665));
    let net =
        SimilarityJob { negative_weights: Some(NegativeWeights::Net), ..SimilarityJob::default() };
    let job = resolve(&net, &options);
    let Some((tally, folded)) = fold("online_retail.parquet", &options, &job) else { return };
    assert_eq!(counts(&tally), [("null_user", 135_080)]);
    let folding = folded.folding;
    assert!(folding.netted_away > 0);
    assert_eq!(folding.pairs - folding.netted_away, folded.interactions.len() as u64);
}

#[test]
fn completejourney_counts_are_those_published() {
    let options = columns("household_id", "product_id");
    let job = resolve(&SimilarityJob::default(), &options);
    let file = "completejourney_transactions.parquet";
    let Some((tally, folded)) = fold(file, &options, &job) else { return };
    assert_eq!((tally.rows, tally.kept()), (1_469_307, 1_469_307));
    let profile = Profile::of(&folded.interactions, 3);
    assert_eq!((profile.users, profile.items), (2_469, 68_509));
    assert_eq!(folded.folding.events - folded.folding.pairs, 1_469_307 - profile.interactions);
}

#[test]
fn msweb_counts_are_those_published() {
    let options = columns("user", "item");
    let job = resolve(&SimilarityJob::default(), &options);
    let Some((tally, folded)) = fold("msweb_views.parquet", &options, &job) else { return };
    assert_eq!((tally.rows, tally.kept()), (113_845, 113_845));
    let profile = Profile::of(&folded.interactions, 3);
    assert_eq!(profile.interactions, 113_845, "no pair is there twice");
    assert_eq!((profile.users, profile.items), (37_711, 286));
}

/// Compares the kernel with the dense computation, for all items, bit by bit.
fn check(folded: &Folded, columns: &Columns, job: &Job, what: &str) {
    let filter = ItemFilter::default();
    let found = library::compare(&folded.interactions, job, &filter, &Crew(2));
    let expected = columns.neighbours(job.measure, job.top as usize);
    assert_eq!(found.items(), expected.len());
    assert!(found.len() > 1_000, "{what}: {} neighbours", found.len());
    for (item, expected) in (0..).zip(&expected) {
        assert_same(&found, item, expected, what);
    }
}

fn assert_same(
    found: &Neighbours,
    item: u32,
    expected: &[ilk_core::result::Neighbour],
    what: &str,
) {
    let found = found.of(item);
    assert_eq!(found, expected, "{what}, item {item}");
    let bits = |list: &[ilk_core::result::Neighbour]| {
        list.iter().map(|one| one.score.to_bits()).collect::<Vec<_>>()
    };
    assert_eq!(bits(found), bits(expected), "{what}, item {item}");
}

fn check_counting_measures(name: &str, options: &ReadOptions) {
    let wish = |measure| SimilarityJob { measure: Some(measure), ..SimilarityJob::default() };
    let job = resolve(&SimilarityJob::default(), options);
    let Some((_, folded)) = fold(name, options, &job) else { return };
    let columns = Columns::new(&folded.interactions, |_, _| 1.0);
    for measure in [MeasureName::Cosine, MeasureName::Jaccard, MeasureName::Llr] {
        check(&folded, &columns, &resolve(&wish(measure), options), measure.name());
    }
}

#[test]
fn online_retail_neighbours_equal_a_dense_computation() {
    check_counting_measures("online_retail.parquet", &columns("customer_id", "stock_code"));
}

#[test]
fn msweb_neighbours_equal_a_dense_computation() {
    check_counting_measures("msweb_views.parquet", &columns("user", "item"));
}

/// The weights of all pairs, read without the code that folds them: rows one by one, added in
/// ascending order.
fn weights(name: &str, options: &ReadOptions, folded: &Folded) -> Option<WeightTable> {
    use std::collections::BTreeMap;
    let table = ilk_formats::Table::open(Arc::new(Memory::new(name, bytes(name)?)), 0, options);
    let table = table.expect("a readable file");
    let mut all: BTreeMap<(u32, u32), Vec<f64>> = BTreeMap::new();
    for part in 0..table.parts().len() {
        let read = table.read(part, &mut |rows| {
            let weights = rows.weight.as_ref().expect("a weight column");
            for (row, weight) in weights.values.iter().enumerate() {
                let ids = (rows.user.display(row), rows.item.display(row));
                let (Some(user), Some(item)) = ids else { continue };
                if *weight > 0.0 {
                    let user = folded.others.find(&user).expect("a known user");
                    let item = folded.catalogue.ids.find(&item).expect("a known item");
                    all.entry((user, item)).or_default().push(*weight);
                }
            }
            Ok::<_, ilk_formats::Error>(())
        });
        read.expect("a readable file");
    }
    let sum = |mut weights: Vec<f64>| {
        weights.sort_by(f64::total_cmp);
        weights.into_iter().sum::<f64>()
    };
    Some(all.into_iter().map(|(pair, weights)| (pair, sum(weights))).collect())
}

type WeightTable = std::collections::BTreeMap<(u32, u32), f64>;

#[test]
fn online_retail_weighted_neighbours_equal_a_dense_computation() {
    let options = retail();
    let wish = SimilarityJob { weighting: Some(WeightingName::Raw), ..SimilarityJob::default() };
    let job = resolve(&wish, &options);
    let name = "online_retail.parquet";
    let Some((_, folded)) = fold(name, &options, &job) else { return };
    let Some(weights) = weights(name, &options, &folded) else { return };
    assert_eq!(weights.len(), folded.interactions.len());
    let columns = Columns::new(&folded.interactions, |user, item| weights[&(user, item)]);
    check(&folded, &columns, &job, "weighted cosine");
}

#[test]
fn online_retail_users_are_compared_the_same_way() {
    let options = columns("customer_id", "stock_code");
    let wish = SimilarityJob {
        of: Some(Of::Users),
        measure: Some(MeasureName::Jaccard),
        top: Some(10),
        ..SimilarityJob::default()
    };
    let job = resolve(&wish, &options);
    let Some((_, folded)) = fold("online_retail.parquet", &options, &job) else { return };
    assert_eq!((folded.catalogue.ids.len(), folded.others.len()), (4_372, 3_684));
    check(&folded, &Columns::new(&folded.interactions, |_, _| 1.0), &job, "users");
}
