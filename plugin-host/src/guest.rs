//! One instance's store: its limits, and what its failures mean.

use std::time::{Duration, Instant};

use wasmtime::{PoolConcurrencyLimitError, ResourceLimiter, Store, Trap};

use crate::{
    error::Error,
    host::{Host, TICK},
    limits::Limits,
};

/// An instance and what it may take.
pub(crate) struct Guest {
    pub(crate) store: Store<Bounds>,
    limits: Limits,
    /// When the time is over.
    end: Option<Instant>,
    /// A call failed: nothing may be called any more.
    has_ended: bool,
}

/// Counts memory and table entries over all that the instance has.
pub(crate) struct Bounds {
    memory_left: usize,
    table_left: usize,
    /// It asked for more than that.
    was_refused: bool,
}

impl ResourceLimiter for Bounds {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(take(&mut self.memory_left, desired.saturating_sub(current), &mut self.was_refused))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(take(&mut self.table_left, desired.saturating_sub(current), &mut self.was_refused))
    }
}

fn take(left: &mut usize, more: usize, was_refused: &mut bool) -> bool {
    match left.checked_sub(more) {
        Some(rest) => *left = rest,
        None => *was_refused = true,
    }
    !*was_refused
}

impl Guest {
    /// Makes an instance with `instantiate`.
    pub(crate) fn new<T>(
        host: &Host,
        instantiate: impl FnOnce(&mut Store<Bounds>) -> wasmtime::Result<T>,
    ) -> Result<(Self, T), Error> {
        let limits = *host.limits();
        let bounds = Bounds {
            memory_left: limits.memory_bytes,
            table_left: limits.table_elements,
            was_refused: false,
        };
        let mut store = Store::new(&host.inner.engine, bounds);
        store.limiter(|bounds| bounds);
        // What one call may bring out: no more than the instance can hold.
        store.set_hostcall_fuel(limits.memory_bytes);
        if let Some(fuel) = limits.fuel {
            store.set_fuel(fuel).map_err(|error| Error::Sandbox { why: Error::line(&error) })?;
        }
        let end = limits.deadline.map(|time| Instant::now() + time);
        let mut guest = Self { store, limits, end, has_ended: false };
        let instance = guest.call("instantiate", instantiate)?;
        Ok((guest, instance))
    }

    /// Makes a call within what is left of the time.
    pub(crate) fn call<T>(
        &mut self,
        function: &'static str,
        run: impl FnOnce(&mut Store<Bounds>) -> wasmtime::Result<T>,
    ) -> Result<T, Error> {
        if self.has_ended {
            return Err(Error::Ended { function });
        }
        if let Some(end) = self.end {
            let left = end.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                self.has_ended = true;
                return Err(self.late(function));
            }
            self.store.set_epoch_deadline((left.as_nanos() / TICK.as_nanos()) as u64 + 1);
        }
        run(&mut self.store).map_err(|error| {
            self.has_ended = true;
            self.explain(function, &error)
        })
    }

    /// Returns the bytes that the instance may have.
    pub(crate) fn memory_limit(&self) -> usize {
        self.limits.memory_bytes
    }

    /// Ends it: the plugin said so itself, or returned nonsense.
    pub(crate) fn end(&mut self) {
        self.has_ended = true;
    }

    fn late(&self, function: &'static str) -> Error {
        Error::Deadline { function, deadline: self.limits.deadline.unwrap_or_default() }
    }

    /// Describes what an error of the sandbox means.
    fn explain(&self, function: &'static str, error: &wasmtime::Error) -> Error {
        let Limits { memory_bytes: limit, instances, fuel, .. } = self.limits;
        let was_refused = self.store.data().was_refused;
        match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => self.late(function),
            Some(Trap::OutOfFuel) => Error::OutOfFuel { function, fuel: fuel.unwrap_or_default() },
            _ if error.is::<PoolConcurrencyLimitError>() => Error::Busy { limit: instances },
            // It may have been told so and gone on; what it then did counts all the same.
            _ if was_refused => Error::OutOfMemory { function, limit },
            Some(trap) => Error::Trapped { function, message: trap.to_string() },
            None => Error::BadOutput { function, why: Error::line(error) },
        }
    }
}
