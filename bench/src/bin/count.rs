//! Compares the items of one shape once, for counting instructions from outside:
//! `count SHAPE FACTOR [KERNEL]` prints sizes and the planned cost as JSON. See `cargo xtask bench
//! --instructions`.

#![expect(clippy::print_stdout, reason = "its output is its result")]

use ilk_bench::{Shape, job};
use ilk_core::{
    executor::Sequential,
    job::{Job, WeightingName},
    kernel::{ItemFilter, Kernel, neighbours},
    matrix::{Layout, Matrix},
    neighbours::Neighbours,
    plan::{Plan, Tile},
};
use serde_json::json;

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
    let matrix = Matrix::with_layout(&interactions, job.weighting, layout, &Sequential);
    let filter = ItemFilter::default();
    let plan = Plan::new(&matrix, &filter);
    let found = comparing(&matrix, &plan, &job, &filter);
    let counts = json!({
        "users": matrix.users(),
        "items": matrix.items(),
        "interactions": interactions.len(),
        "neighbours": found.len(),
        "operations": plan.operations,
        "cost": plan.cost,
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

/// The part whose instructions are counted; found by its name, so no other may begin like it.
#[inline(never)]
fn comparing(matrix: &Matrix, plan: &Plan, job: &Job, filter: &ItemFilter) -> Neighbours {
    neighbours(matrix, plan, job, filter, &Sequential, nothing)
}

const fn nothing(_: &Tile) {}
