//! Prints how long the workloads of the calibration take on this machine, for every kernel: the
//! times that `core/src/calibrate.rs` holds other machines against, where these are the machine
//! that the cost model was fitted on.

#![expect(clippy::print_stdout, reason = "its output is its result")]

use ilk_core::{
    calibrate::{Step, Workload},
    kernel::Kernel,
};
use std::time::{Duration, Instant};

fn main() {
    for kernel in Kernel::available() {
        println!("{}", kernel.name());
        for step in Step::ALL {
            let workload = Workload::new(step, kernel);
            let run = || {
                let begun = Instant::now();
                workload.run();
                begun.elapsed()
            };
            let best = (0..20).map(|_| run()).min().unwrap_or(Duration::ZERO);
            println!("  {:?}: {} µs", step, best.as_micros());
        }
    }
}
