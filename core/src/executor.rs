//! How core borrows its caller's threads.

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
