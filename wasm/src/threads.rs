//! The threads that core borrows: none, or workers that share the module's memory.

#[cfg(not(all(feature = "threads", target_family = "wasm")))]
mod chosen {
    pub(crate) use ilk_core::executor::Sequential as Crew;

    /// Returns the executor.
    pub(crate) const fn crew() -> Crew {
        Crew
    }
}

#[cfg(all(feature = "threads", target_family = "wasm"))]
mod chosen {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use ilk_core::executor::Executor;
    pub use wasm_bindgen_rayon::init_thread_pool;

    /// The workers that `initThreadPool` started.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Crew;

    /// Returns the executor.
    pub(crate) const fn crew() -> Crew {
        Crew
    }

    impl Executor for Crew {
        fn workers(&self) -> usize {
            rayon::current_num_threads()
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
                let mut results = Vec::new();
                loop {
                    let task = next.fetch_add(1, Ordering::Relaxed);
                    if task >= tasks {
                        return results;
                    }
                    results.push((task, run(state.get_or_insert_with(&init), task)));
                }
            };
            let mut results =
                rayon::broadcast(|_| work()).into_iter().flatten().collect::<Vec<_>>();
            results.sort_unstable_by_key(|(task, _)| *task);
            results.into_iter().map(|(_, result)| result).collect()
        }
    }
}

pub(crate) use chosen::crew;
#[cfg(all(feature = "threads", target_family = "wasm"))]
pub use chosen::init_thread_pool;

/// Counts the workers that compute at the same time.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn threads() -> usize {
    ilk_core::executor::Executor::workers(&crew())
}
