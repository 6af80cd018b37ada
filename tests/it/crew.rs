//! Threads for core to borrow.

use std::thread;

use ilk_core::executor::{Executor, share};

/// So many threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crew(pub(crate) usize);

impl Executor for Crew {
    fn workers(&self) -> usize {
        self.0
    }

    fn map_with<S, R: Send>(
        &self,
        tasks: usize,
        init: impl Fn() -> S + Sync,
        run: impl Fn(&mut S, usize) -> R + Sync,
    ) -> Vec<R> {
        share(tasks, init, run, |work| {
            thread::scope(|scope| {
                let threads = (0..self.0).map(|_| scope.spawn(work)).collect::<Vec<_>>();
                let done = threads.into_iter().map(|one| one.join().expect("no task panics"));
                done.collect()
            })
        })
    }
}
