//! The threads of the program, as core borrows them.

use std::{
    num::NonZeroUsize,
    sync::{Condvar, Mutex, PoisonError},
};

use ilk_core::executor::{Executor, share};
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

use crate::error::{Error, reason};

/// A pool of threads.
#[derive(Debug)]
pub struct Pool(ThreadPool);

impl Pool {
    /// More threads than this are a slip, not a machine.
    const MOST: usize = 1024;

    /// Starts `threads` threads, one per core where absent.
    ///
    /// # Errors
    /// If there are more than 1,024, or the system gives no threads.
    pub fn new(threads: Option<NonZeroUsize>) -> Result<Self, Error> {
        if let Some(threads) = threads.filter(|threads| threads.get() > Self::MOST) {
            return Err(Error::input(format!(
                "threads is {threads}, at most {} are started",
                Self::MOST
            ))
            .with_help("more threads than cores are no faster; omit --threads to use every core"));
        }
        let builder = ThreadPoolBuilder::new().thread_name(|index| format!("ilk-{index}"));
        let pool = builder.num_threads(threads.map_or(0, NonZeroUsize::get)).build();
        pool.map(Self).map_err(|error| {
            Error::input(format!("cannot start the threads: {}", reason_of(&error)))
                .with_help(NO_THREADS)
        })
    }

    /// Lends `most` of the threads, and at least one, for work that takes memory on each.
    pub fn at_most(&self, most: usize) -> Threads<'_> {
        Threads { pool: self, most: most.clamp(1, self.workers()) }
    }
}

/// Some of the threads of a pool.
#[derive(Clone, Copy, Debug)]
pub struct Threads<'p> {
    pool: &'p Pool,
    most: usize,
}

/// What to do where the system gives no threads.
pub const NO_THREADS: &str =
    "use fewer --threads, or raise the limits on processes and memory (ulimit -u, ulimit -v)";

/// Says why the system gives no threads.
fn reason_of(error: &ThreadPoolBuildError) -> String {
    let io = std::error::Error::source(error).and_then(|source| source.downcast_ref());
    io.map_or_else(|| error.to_string(), reason)
}

/// Returns the number of the thread of a pool that this is, 0 on others.
pub(crate) fn worker() -> usize {
    rayon::current_thread_index().unwrap_or(0)
}

/// Lets so many threads at a time do what takes memory; others wait.
#[derive(Debug)]
pub(crate) struct Turns {
    free: Mutex<usize>,
    freed: Condvar,
}

/// A turn that is taken, until it is dropped.
struct Turn<'t>(&'t Turns);

impl Turns {
    /// Lets `most` threads, and at least one.
    pub(crate) fn new(most: usize) -> Self {
        Self { free: Mutex::new(most.max(1)), freed: Condvar::new() }
    }

    /// Does the work when there is a turn.
    pub(crate) fn take<T>(&self, work: impl FnOnce() -> T) -> T {
        let _turn = self.wait();
        work()
    }

    fn wait(&self) -> Turn<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let free = self.freed.wait_while(free, |free| *free == 0);
        *free.unwrap_or_else(PoisonError::into_inner) -= 1;
        Turn(self)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}

impl Executor for Pool {
    fn workers(&self) -> usize {
        self.0.current_num_threads()
    }

    fn map_with<S, R: Send>(
        &self,
        tasks: usize,
        init: impl Fn() -> S + Sync,
        run: impl Fn(&mut S, usize) -> R + Sync,
    ) -> Vec<R> {
        self.at_most(self.workers()).map_with(tasks, init, run)
    }
}

impl Executor for Threads<'_> {
    fn workers(&self) -> usize {
        self.most
    }

    fn map_with<S, R: Send>(
        &self,
        tasks: usize,
        init: impl Fn() -> S + Sync,
        run: impl Fn(&mut S, usize) -> R + Sync,
    ) -> Vec<R> {
        share(tasks, init, run, |work| {
            let one = |thread: rayon::BroadcastContext<'_>| {
                if thread.index() < self.most { work() } else { Vec::new() }
            };
            self.pool.0.broadcast(one)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::*;

    #[test]
    fn results_come_in_the_order_of_tasks() {
        let pool = Pool::new(NonZeroUsize::new(4)).unwrap();
        assert_eq!(pool.workers(), 4);
        let squares = pool.map_with(1000, || 0, |_, task| task * task);
        assert_eq!(squares, (0..1000).map(|task| task * task).collect::<Vec<_>>());
        assert!(pool.map(0, |task| task).is_empty());
    }

    #[test]
    fn some_of_the_threads_do_all_tasks() {
        let pool = Pool::new(NonZeroUsize::new(4)).unwrap();
        for (asked, lent) in [(0, 1), (1, 1), (2, 2), (9, 4)] {
            let threads = pool.at_most(asked);
            assert_eq!(threads.workers(), lent);
            let done = threads.map(1000, |task| (task, worker()));
            assert!(done.iter().map(|(task, _)| *task).eq(0..1000), "{asked}");
            assert!(done.iter().all(|(_, worker)| *worker < lent), "{asked}");
        }
    }

    #[test]
    fn no_more_threads_work_than_there_are_turns() {
        let pool = Pool::new(NonZeroUsize::new(4)).unwrap();
        for (most, allowed) in [(0, 1), (1, 1), (2, 2)] {
            let (turns, working) = (Turns::new(most), AtomicUsize::new(0));
            let seen = pool.map(1000, |_| {
                turns.take(|| {
                    let others = working.fetch_add(1, Relaxed);
                    std::thread::yield_now();
                    working.fetch_sub(1, Relaxed);
                    others + 1
                })
            });
            assert!(seen.iter().all(|working| *working <= allowed), "{most}");
        }
    }

    #[test]
    fn work_that_fails_gives_its_turn_back() {
        let turns = Turns::new(1);
        let failed = std::panic::catch_unwind(|| turns.take(|| -> u32 { panic!("on purpose") }));
        assert!(failed.is_err());
        assert_eq!(turns.take(|| 7), 7);
    }
}
