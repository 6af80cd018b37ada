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
    use ilk_core::executor::{Executor, share};
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
            share(tasks, init, run, |work| rayon::broadcast(|_| work()))
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
