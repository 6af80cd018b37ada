//! Compares a by-user sample of a file once, on one thread: `sampled FILE USER ITEM RATE [KERNEL]`
//! prints sizes and CPU seconds of comparing as JSON. `cargo xtask bench --wasm` runs the package on
//! the same sample.

#![expect(clippy::print_stdout, reason = "its output is its result")]

use std::{fs, sync::Arc};

use ilk_bench::job;
use ilk_core::{
    cost::Layout,
    executor::Sequential,
    job::{Given, Of},
    kernel::neighbours,
    matrix::Matrix,
    plan::{ItemFilter, Plan},
    prepare::{Needs, Sample, clean, encode, fold},
    simd::Kernel,
    weighting::WeightingName,
};
use ilk_formats::{Error, Memory, ReadOptions, Table};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;

fn main() {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    let [file, user, item, rate, kernel @ ..] = &arguments[..] else { return usage() };
    let sample = rate.parse().ok().and_then(Sample::of_rate);
    let mut kernels = Kernel::available().into_iter();
    let kernel = match kernel {
        [] => kernels.next(),
        [name, ..] => kernels.find(|one| one.name() == name),
    };
    let (Some(sample), Some(kernel)) = (sample, kernel) else { return usage() };
    let bytes = fs::read(file).expect("a readable file");
    let options = ReadOptions { user: user.clone(), item: item.clone(), ..ReadOptions::default() };
    let table = Table::open(Arc::new(Memory::new(file.clone(), bytes)), 0, &options);
    let table = table.expect("a table");
    let job = job(WeightingName::Binary);
    let needs = Needs::of(&job, Given::default());
    let mut chunks = Vec::new();
    for part in 0..table.parts().len() {
        let read = table.read(part, &mut |rows| {
            chunks.push(sample.of_cleaned(clean(rows, &job, needs).0, Of::Items));
            Ok::<_, Error>(())
        });
        read.expect("readable rows");
    }
    let encoded = encode(chunks, &Sequential).expect("ids of one kind");
    let folded = fold(encoded, &job, needs, &Sequential);

    // What the package does in its task.
    let begin = cpu_seconds();
    let layout = Layout { kernel, ..Layout::default() };
    let matrix = Matrix::with_layout(&folded.interactions, &job, layout, &Sequential);
    let filter = ItemFilter::default();
    let plan = Plan::new(&matrix, &filter);
    let found = neighbours(&matrix, &plan, &job, &filter, &Sequential, |_| {});
    let seconds = cpu_seconds() - begin;
    let result = json!({
        "kernel": kernel.name(),
        "interactions": folded.interactions.len(),
        "neighbours": found.len(),
        "seconds": seconds,
    });
    println!("{result}");
}

fn usage() {
    println!("usage: sampled FILE USER ITEM RATE [KERNEL]");
    std::process::exit(2);
}

/// CPU seconds of this process so far.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
