//! Prints how long the workloads of the calibration take on this machine, for every kernel: the
//! times that `core/src/forecast/calibrate.rs` holds other machines against, where these are the machine
//! that the cost model was fitted on.

use ilk_core::{
    forecast::{Step, Workload},
    simd::Kernel,
};
use std::{
    io::{self, Write as _},
    time::{Duration, Instant},
};

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for kernel in Kernel::available() {
        writeln!(out, "{}", kernel.name())?;
        for step in Step::ALL {
            let workload = Workload::new(step, kernel);
            let run = || {
                let begun = Instant::now();
                workload.run();
                begun.elapsed()
            };
            let best = (0..20).map(|_| run()).min().unwrap_or(Duration::ZERO);
            writeln!(out, "  {step:?}: {} µs", best.as_micros())?;
        }
    }
    Ok(())
}
