//! How core borrows its caller's threads.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs independent tasks. Core starts no thread of its own: a program hands in a pool, a
/// browser or a sandbox takes [`Sequential`]. Results never depend on which is used.
pub trait Executor: Sync {
    /// Counts the workers that may run at the same time, at least 1.
    fn workers(&self) -> usize;

    /// Runs tasks `0..tasks`, begun in ascending order, and returns their results in that order.
    /// Each worker makes one state with `init` and keeps it from task to task.
    fn map_with<S, R: Send>(
        &self,
        tasks: usize,
        init: impl Fn() -> S + Sync,
        run: impl Fn(&mut S, usize) -> R + Sync,
    ) -> Vec<R>;

    /// Runs tasks that need no state.
    fn map<R: Send>(&self, tasks: usize, run: impl Fn(usize) -> R + Sync) -> Vec<R> {
        self.map_with(tasks, || (), |(), task| run(task))
    }
}

/// Does what [`Executor::map_with`] asks for on threads that all run the same: `broadcast` runs
/// what it is given once on each of them and returns what they return. Every thread takes the next
/// task when it is done with one: tasks begin in ascending order, and one state serves a thread
/// for all of its tasks.
pub fn share<S, R: Send>(
    tasks: usize,
    init: impl Fn() -> S + Sync,
    run: impl Fn(&mut S, usize) -> R + Sync,
    broadcast: impl FnOnce(&(dyn Fn() -> Vec<(usize, R)> + Sync)) -> Vec<Vec<(usize, R)>>,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut state = None;
        let mut results = Vec::new();
        loop {
            let task = next.fetch_add(1, Ordering::Relaxed);
            if task >= tasks {
                return results;
            }
            results.push((task, run(state.get_or_insert_with(&init), task)));
        }
    };
    let mut results = broadcast(&work).into_iter().flatten().collect::<Vec<_>>();
    results.sort_unstable_by_key(|(task, _)| *task);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Runs one task after the other on the caller's thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sequential;

impl Executor for Sequential {
    fn workers(&self) -> usize {
        1
    }

    fn map_with<S, R: Send>(
        &self,
        tasks: usize,
        init: impl Fn() -> S + Sync,
        run: impl Fn(&mut S, usize) -> R + Sync,
    ) -> Vec<R> {
        let mut state = init();
        (0..tasks).map(|task| run(&mut state, task)).collect()
    }
}
