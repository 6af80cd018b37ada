//! What steps of a plan took.

use std::time::Instant;

use ilk_core::executor::Executor as _;
use serde::Serialize;

use crate::{pool::Pool, progress::cpu_seconds};

/// What a stage took.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Taken {
    pub(super) seconds: f64,
    pub(super) cpu_seconds: f64,
}

impl Taken {
    /// Returns what passed since `clock`, when the threads had taken `cpu` seconds.
    pub(super) fn since(cpu: Option<f64>, clock: Instant, pool: &Pool) -> Self {
        let seconds = clock.elapsed().as_secs_f64();
        // Where the system does not tell, all threads count as busy.
        let cpu = cpu.zip(cpu_seconds()).map(|(before, after)| after - before);
        Self { seconds, cpu_seconds: cpu.unwrap_or(seconds * pool.workers() as f64) }
    }

    /// Returns what so many times as much takes.
    pub(super) fn times(self, factor: f64) -> Self {
        Self { seconds: self.seconds * factor, cpu_seconds: self.cpu_seconds * factor }
    }
}
