//! Threads for core to borrow, as unhelpful as they may be.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use ilk_core::executor::Executor;
use rand_pcg::{Pcg32, rand_core::Rng};

/// Puts `values` into an order that depends on the seed alone.
pub(crate) fn shuffle<T>(values: &mut [T], seed: u64) {
    let mut dice = Pcg32::new(seed, 1);
    for last in (1..values.len()).rev() {
        values.swap(last, below(&mut dice, last + 1));
    }
}

/// Draws a number below `bound`.
pub(crate) fn below(dice: &mut Pcg32, bound: usize) -> usize {
    ((u64::from(dice.next_u32()) * bound as u64) >> 32) as usize
}

/// Runs tasks on several threads, in an order that has nothing to do with theirs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crew {
    pub(crate) workers: usize,
    pub(crate) seed: u64,
}

impl Executor for Crew {
    fn workers(&self) -> usize {
        self.workers
    }

    #[expect(clippy::disallowed_methods, reason = "here the caller is the test")]
    fn map_with<S, R: Send>(
        &self,
        tasks: usize,
        init: impl Fn() -> S + Sync,
        run: impl Fn(&mut S, usize) -> R + Sync,
    ) -> Vec<R> {
        let mut order = (0..tasks).collect::<Vec<_>>();
        shuffle(&mut order, self.seed);
        let next = AtomicUsize::new(0);
        let work = || {
            let mut state = None;
            let mut done = Vec::new();
            while let Some(task) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                done.push((*task, run(state.get_or_insert_with(&init), *task)));
            }
            done
        };
        let mut done = if self.workers == 1 || tasks < 2 {
            work()
        } else {
            thread::scope(|scope| {
                let threads = (0..self.workers.min(tasks)).map(|_| scope.spawn(work));
                let threads = threads.collect::<Vec<_>>();
                threads.into_iter().flat_map(|one| one.join().expect("no task panics")).collect()
            })
        };
        done.sort_unstable_by_key(|(task, _)| *task);
        done.into_iter().map(|(_, result)| result).collect()
    }
}

#[test]
fn a_crew_returns_results_in_the_order_of_tasks() {
    for workers in 1..=8 {
        let crew = Crew { workers, seed: workers as u64 };
        let squares = crew.map_with(100, || 0, |_, task| task * task);
        assert_eq!(squares, (0..100).map(|task| task * task).collect::<Vec<_>>());
    }
}
