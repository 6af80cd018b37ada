//! The sandbox: one engine with its limits, its clock and its cache of compiled code.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use wasmtime::{
    Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy, OptLevel,
    PoolingAllocationConfig,
};

use crate::{error::Error, limits::Limits};

/// How often the engine's clock ticks.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Loads plugins and lets them run within limits. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Host {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) limits: Limits,
    _clock: Option<Clock>,
}

impl Host {
    /// Sets the sandbox up. Compiled code is kept no longer than the plugins.
    ///
    /// # Errors
    /// [`Error::Sandbox`] on machines that it does not run on.
    pub fn new(limits: Limits) -> Result<Self, Error> {
        Self::set_up(limits, None)
    }

    /// Sets the sandbox up with a folder that keeps compiled code, by content, engine and
    /// settings; whoever can write there decides what runs.
    ///
    /// # Errors
    /// [`Error::Sandbox`] on machines that it does not run on, or if the folder cannot be made.
    pub fn with_cache(limits: Limits, folder: impl AsRef<Path>) -> Result<Self, Error> {
        let folder = folder.as_ref();
        let sandbox = |why: String| Error::Sandbox { why };
        fs::create_dir_all(folder).map_err(|e| sandbox(format!("{}: {e}", folder.display())))?;
        let folder = folder.canonicalize().map_err(|error| sandbox(error.to_string()))?;
        let mut config = CacheConfig::new();
        config.with_directory(folder);
        let cache = Cache::new(config).map_err(|error| sandbox(Error::line(&error)))?;
        Self::set_up(limits, Some(cache))
    }

    fn set_up(limits: Limits, cache: Option<Cache>) -> Result<Self, Error> {
        let limits = limits.clamped();
        let mut config = Config::new();
        config
            .cranelift_opt_level(OptLevel::Speed)
            // The checks that stop a plugin in time cost a quarter of compiling, and a part of
            // running: where there is no deadline there are none.
            .epoch_interruption(limits.deadline.is_some())
            .consume_fuel(limits.fuel.is_some())
            .max_wasm_stack(limits.stack_bytes)
            // Errors name the call. Where in a plugin it failed is for its author, with other tools.
            .wasm_backtrace_max_frames(None)
            .generate_address_map(false)
            .cache(cache);
        let mut pooled = config.clone();
        pooled.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(&limits)));
        // Where address space is scarce, each instance gets its memory when it begins.
        let engine = Engine::new(&pooled).or_else(|_| Engine::new(&config));
        let engine = engine.map_err(|error| Error::Sandbox { why: Error::line(&error) })?;
        let clock = limits.deadline.map(|_| Clock::start(engine.clone()));
        Ok(Self { inner: Arc::new(Inner { engine, limits, _clock: clock }) })
    }

    /// Returns what plugins may take.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }
}

/// Sets aside what instances take, so that beginning one is a matter of microseconds.
fn pool(limits: &Limits) -> PoolingAllocationConfig {
    let instances = limits.instances;
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(4))
        .max_core_instances_per_component(16)
        .total_memories(instances)
        .max_memories_per_component(4)
        .total_tables(instances.saturating_mul(4))
        .max_tables_per_component(16)
        .table_elements(limits.table_elements)
        .max_memory_size(limits.memory_bytes)
        .max_unused_warm_slots(instances);
    pool
}

/// The thread by which deadlines are kept; it ends with the host.
struct Clock {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Clock {
    fn start(engine: Engine) -> Self {
        let (stop, stopped) = channel::<()>();
        let tick = move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(TICK) {
                engine.increment_epoch();
            }
        };
        let thread = std::thread::Builder::new().name("plugin-clock".into()).spawn(tick).ok();
        Self { stop: Some(stop), thread }
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A clock that panicked has stopped, too.
            let _ = thread.join();
        }
    }
}
