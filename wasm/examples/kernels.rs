//! The kernels of a build against the naive oracle: a module of its own for the tests, which run
//! it in Node.

use ilk_core::{
    cost::Layout,
    executor::Sequential,
    job::{Given, Job, SimilarityJob},
    kernel::neighbours,
    matrix::Matrix,
    measure::MeasureName,
    plan::{ItemFilter, Plan},
    prepare::{Needs, clean, encode, fold},
    simd::Kernel,
    testing::{
        generate::{self, Crowd, Shape},
        oracle::{self, Event, Id, Lists},
    },
    weighting::WeightingName,
};
use wasm_bindgen::prelude::wasm_bindgen;

const GIVEN: Given = Given { weight: true, time: true };

/// Runs made-up data through every kernel of this build and the oracle, small data of every
/// shape and now and then a crowd; returns where they differ, or nothing.
#[wasm_bindgen(js_name = checkKernels)]
pub fn check_kernels(seeds: u32) -> Option<String> {
    (0..seeds).find_map(|seed| {
        let shape = Shape::ALL[seed as usize % Shape::ALL.len()];
        let small = generate::events(shape, seed.into());
        let of_small = difference(&small, &job(seed, 3));
        let of_crowd = || (seed % 40 == 0).then(|| difference(&crowd(seed), &job(seed / 40, 20)));
        let found = of_small.or_else(|| of_crowd().flatten());
        found.map(|found| format!("seed {seed}: {found}"))
    })
}

/// Takes turns with measures and weightings.
fn job(seed: u32, top: u32) -> Job {
    let measure = MeasureName::ALL[seed as usize % MeasureName::ALL.len()];
    let weightings = [WeightingName::Raw, WeightingName::Tfidf, WeightingName::Bm25];
    let is_weighted =
        matches!(measure, MeasureName::Cosine | MeasureName::AsymmetricCosine | MeasureName::Dot);
    let weighting = (is_weighted && seed % 2 == 1).then(|| weightings[seed as usize / 16 % 3]);
    let job = SimilarityJob {
        measure: Some(measure),
        weighting,
        top: Some(top),
        min_overlap: Some(1 + seed / 7 % 2),
        shrinkage: Some(f64::from(seed / 3 % 2) * 5.0),
        ..SimilarityJob::default()
    };
    job.resolve(GIVEN).expect("a job that can be")
}

/// Enough items for three chunks of the head, and users for many digits.
fn crowd(seed: u32) -> Vec<Event> {
    let crowd = Crowd { users: 500, items: 1_100, drawn: 6_000, zipf: 0.9, sigma: 1.0 };
    let event = |(user, item): (u32, u32)| Event {
        user: Some(Id::Integer(user.into())),
        item: Some(Id::Integer((i128::from(item) * 7) % 1_201)),
        weight: Some(0.25 * f64::from((user * 7 + item * 3) % 11 + 1)),
        time: Some(0),
        label: None,
    };
    crowd.pairs(seed.into()).into_iter().map(event).collect()
}

/// Describes where a kernel, with any head, differs from the oracle.
fn difference(events: &[Event], job: &Job) -> Option<String> {
    let answer = oracle::similar(events, GIVEN, job, &Lists::default());
    let needs = Needs::of(job, GIVEN);
    let (chunk, _) = clean(generate::rows(events, GIVEN, 0), job, needs);
    let encoded = encode(vec![chunk], &Sequential).expect("ids of one kind");
    let folded = fold(encoded, job, needs, &Sequential);
    let filter = ItemFilter::default();
    let heads = [None, Some(0), Some(1), Some(3)];
    let layouts = Kernel::available()
        .into_iter()
        .flat_map(|kernel| heads.map(|head| Layout { kernel, head, ..Layout::default() }));
    layouts.into_iter().find_map(|layout| {
        let matrix = Matrix::with_layout(&folded.interactions, job.weighting, layout, &Sequential);
        let plan = Plan::new(&matrix, &filter);
        let found = neighbours(&matrix, &plan, job, &filter, &Sequential, |_| {});
        let difference = answer.difference(&folded.catalogue, &found)?;
        Some(format!("{} with head {:?}: {difference}", layout.kernel.name(), layout.head))
    })
}
