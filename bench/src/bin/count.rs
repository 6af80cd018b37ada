//! Compares the items of one shape once, for counting instructions from outside:
//! `count SHAPE FACTOR [KERNEL]` prints sizes and the predicted instructions as JSON. See `cargo xtask bench
//! --instructions`.

#![expect(clippy::print_stdout, reason = "its output is its result")]

use ilk_bench::{Shape, job};
use ilk_core::{
    cost::{Layout, Machine},
    executor::Sequential,
    forecast::Outlook,
    job::Job,
    kernel::neighbours,
    matrix::Matrix,
    plan::{ItemFilter, Plan},
    prepare::Interactions,
    result::Neighbours,
    simd::Kernel,
    weighting::WeightingName,
};
use serde_json::json;

/// Items in one block of the dense head.
const CHUNK: usize = 512;

/// What a machine pays that counts instructions and not time, in thousandths: the model's steps are
/// the same. Fitted to the four shapes at three sizes with AVX2.
const INSTRUCTIONS: Machine = Machine {
    bit_row: 10_200,
    far_bit_row: 0,
    distant_bit_row: 0,
    weighted_bit_row: 0,
    make_bit_row: 0,
    chunk: 300_000,
    row: 37_500_000,
    visit: 0,
    sparse_visit: 0,
    addition: 62_500,
    sparse_addition: 62_500,
    weighted_addition: 0,
    far_addition: 0,
    whole_row: 37_500_000,
    whole_visit: 500_000,
    whole_addition: 500_000,
    far_whole_addition: 0,
    whole_neighbour: 1_722_000,
    neighbour: 1_722_000,
    weighted_neighbour: 0,
    collect: 0,
    arrange: 0,
    far_arrange: 0,
    weighted_arrange: 0,
};

fn main() {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    let Some((shape, kernel)) = parse(&arguments) else {
        let kernels = Kernel::available();
        let kernels = kernels.iter().map(|kernel| kernel.name()).collect::<Vec<_>>();
        println!("usage: count SHAPE FACTOR [{}]", kernels.join("|"));
        std::process::exit(2);
    };
    let job = job(WeightingName::Binary);
    let interactions = shape.interactions(&job, &Sequential);
    let layout = Layout { kernel, ..Layout::default() };
    let matrix = Matrix::with_layout(&interactions, &job, layout, &Sequential);
    let filter = ItemFilter::default();
    let plan = Plan::new(&matrix, &filter);
    let found = comparing(&matrix, &plan, &job, &filter);
    let counts = json!({
        "users": matrix.users(),
        "items": matrix.items(),
        "interactions": interactions.len(),
        "neighbours": found.len(),
        "operations": plan.operations,
        "predicted": predict(&interactions, &job, &matrix),
        "kernel": kernel.name(),
        "head": matrix.head_items(),
    });
    println!("{counts}");
}

/// The shape, as many times as large as asked for, and the kernel.
fn parse(arguments: &[String]) -> Option<(Shape, Kernel)> {
    let (name, factor, kernel) = match arguments {
        [name, factor] => (name, factor, Kernel::detect()),
        [name, factor, kernel] => {
            let mut kernels = Kernel::available().into_iter();
            (name, factor, kernels.find(|one| one.name() == kernel)?)
        }
        _ => return None,
    };
    Some((Shape::find(name)?.times(factor.parse().ok()?), kernel))
}

/// Predicts the instructions of comparing, with the head that time decided on.
fn predict(interactions: &Interactions, job: &Job, matrix: &Matrix) -> u64 {
    let head = Some(matrix.head_items().div_ceil(CHUNK));
    let layout = Layout { kernel: matrix.kernel(), head, machine: Some(INSTRUCTIONS), model: None };
    let filter = ItemFilter::default();
    let outlook = Outlook::of(interactions, job, &filter, layout, &Sequential);
    let matrix = Matrix::with_layout(interactions, job, layout, &Sequential);
    let seconds = outlook.forecast(&Plan::new(&matrix, &filter)).comparing();
    // The model's picoseconds are thousandths of an instruction here.
    (seconds * 1e9) as u64
}

/// The part whose instructions are counted; found by its name, so no other may begin like it.
#[inline(never)]
fn comparing(matrix: &Matrix, plan: &Plan, job: &Job, filter: &ItemFilter) -> Neighbours {
    neighbours(matrix, plan, job, filter, &Sequential, nothing)
}

const fn nothing(_: usize) {}
