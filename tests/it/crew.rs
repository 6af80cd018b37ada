//! Threads for core to borrow.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use ilk_core::executor::Executor;

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
        let next = AtomicUsize::new(0);
        let work = || {
            let mut state = None;
            let mut done = Vec::new();
            loop {
                let task = next.fetch_add(1, Ordering::Relaxed);
                if task >= tasks {
                    return done;
                }
                done.push((task, run(state.get_or_insert_with(&init), task)));
            }
        };
        let mut done = thread::scope(|scope| {
            let threads = (0..self.0).map(|_| scope.spawn(work)).collect::<Vec<_>>();
            let done = threads.into_iter().flat_map(|one| one.join().expect("no task panics"));
            done.collect::<Vec<_>>()
        });
        done.sort_unstable_by_key(|(task, _)| *task);
        done.into_iter().map(|(_, result)| result).collect()
    }
}
