//! Comparing, end to end: planned tiles to neighbours, for every shape and every
//! kernel that the machine can run.

use std::{hint::black_box, time::Duration};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ilk_bench::{SHAPES, factor, job};
use ilk_core::{
    cost::Layout,
    executor::Sequential,
    kernel::neighbours,
    matrix::Matrix,
    plan::{ItemFilter, Plan},
    simd::Kernel,
    weighting::WeightingName,
};

fn comparing(criterion: &mut Criterion) {
    for weighting in [WeightingName::Binary, WeightingName::Tfidf] {
        let mut group = criterion.benchmark_group(format!("comparing/{weighting}"));
        group.sample_size(10).measurement_time(Duration::from_secs(5));
        for shape in SHAPES {
            let job = job(weighting);
            let interactions = shape.times(factor()).interactions(&job, &Sequential);
            for kernel in Kernel::available() {
                let layout = Layout { kernel, ..Layout::default() };
                let matrix = Matrix::with_layout(&interactions, &job, layout, &Sequential);
                let filter = ItemFilter::default();
                let plan = Plan::new(&matrix, &filter);
                group.throughput(Throughput::Elements(plan.operations));
                group.bench_function(BenchmarkId::new(shape.name, kernel.name()), |bencher| {
                    bencher.iter(|| {
                        let matrix = black_box(&matrix);
                        neighbours(matrix, &plan, &job, &filter, &Sequential, |_| ())
                    });
                });
            }
        }
    }
}

criterion_group!(benches, comparing);
criterion_main!(benches);
