//! The stages before comparing: encoding ids, folding rows into interactions, arranging and
//! planning the matrix.

use std::time::Duration;

use criterion::{
    BatchSize, BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
    measurement::WallTime,
};
use ilk_bench::{SHAPES, Shape, cleaned, factor, job, needs};
use ilk_core::{
    executor::Sequential,
    job::Job,
    matrix::Matrix,
    plan::{ItemFilter, Plan},
    prepare::{encode, fold},
    weighting::WeightingName,
};

fn stages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stages");
    group.sample_size(20).measurement_time(Duration::from_secs(3));
    for shape in SHAPES {
        preparing(&mut group, shape, &job(WeightingName::Binary));
        for weighting in [WeightingName::Binary, WeightingName::Tfidf] {
            arranging(&mut group, shape, &job(weighting), weighting.name());
        }
    }
}

/// Rows to interactions.
fn preparing(group: &mut BenchmarkGroup<'_, WallTime>, shape: Shape, job: &Job) {
    let chunks = cleaned(shape.times(factor()).rows(), job);
    let encoded = encode(chunks.clone(), &Sequential).expect("one kind of ids");
    let rows = encoded.events.iter().map(|events| events.user.len() as u64).sum();
    group.throughput(Throughput::Elements(rows));
    group.bench_function(BenchmarkId::new("encode", shape.name), |bencher| {
        let run = |chunks| encode(chunks, &Sequential);
        bencher.iter_batched(|| chunks.clone(), run, BatchSize::LargeInput);
    });
    group.bench_function(BenchmarkId::new("fold", shape.name), |bencher| {
        let run = |encoded| fold(encoded, job, needs(job), &Sequential);
        bencher.iter_batched(|| encoded.clone(), run, BatchSize::LargeInput);
    });
}

/// Interactions to planned tiles.
fn arranging(group: &mut BenchmarkGroup<'_, WallTime>, shape: Shape, job: &Job, weighting: &str) {
    let interactions = shape.times(factor()).interactions(job, &Sequential);
    group.throughput(Throughput::Elements(interactions.len() as u64));
    let id = BenchmarkId::new(format!("matrix/{weighting}"), shape.name);
    group.bench_function(id, |bencher| {
        bencher.iter(|| Matrix::new(&interactions, job, &Sequential));
    });
    let matrix = Matrix::new(&interactions, job, &Sequential);
    let id = BenchmarkId::new(format!("plan/{weighting}"), shape.name);
    group.bench_function(id, |bencher| {
        bencher.iter(|| Plan::new(&matrix, &ItemFilter::default()));
    });
}

criterion_group!(benches, stages);
criterion_main!(benches);
