//! Runs: events sorted by user, on disk. Any number of threads add to them; what comes of them
//! does not depend on who added what.

use std::sync::{Mutex, PoisonError};

use ilk_core::{
    executor::Executor as _,
    prepare::{Gatherer, IdKind, Needs, TypedIds},
};

use super::{
    rows::{BlockAt, write_block},
    store::Store,
};
use crate::{error::Error, pool::Pool};

/// Events of a block of a run. Buckets are cut between blocks, so that few are read twice.
const BLOCK: usize = 4096;

/// Runs being written.
pub(super) struct RunWriter {
    store: Store,
    kind: IdKind,
    needs: Needs,
    /// Bytes of events that each thread gathers before they become a run.
    room: usize,
    idle: Mutex<Vec<Gatherer>>,
    blocks: Mutex<Vec<BlockAt>>,
}

/// Runs on disk.
pub(super) struct Runs {
    pub(super) store: Store,
    /// All blocks of all runs, by their first user.
    pub(super) blocks: Vec<BlockAt>,
}

impl Runs {
    /// Counts the events.
    pub(super) fn events(&self) -> u64 {
        self.blocks.iter().map(|block| u64::from(block.rows.entries)).sum()
    }
}

impl RunWriter {
    /// Begins runs in `store` of users of `kind`; threads gather `room` bytes each.
    pub(super) fn new(store: Store, kind: IdKind, needs: Needs, room: usize) -> Self {
        Self { store, kind, needs, room, idle: Mutex::default(), blocks: Mutex::default() }
    }

    /// Adds events.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn add(
        &self,
        users: TypedIds,
        items: &[u32],
        weights: Option<&[f64]>,
        times: Option<&[i64]>,
    ) -> Result<(), Error> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut gatherer = idle.unwrap_or_else(|| Gatherer::new(self.kind, self.needs, self.room));
        if gatherer.is_full(items.len()) {
            self.write(&mut gatherer)?;
        }
        gatherer.add(users, items, weights, times);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(gatherer);
        Ok(())
    }

    fn write(&self, gatherer: &mut Gatherer) -> Result<(), Error> {
        let (mut blocks, mut buffer) = (Vec::new(), Vec::new());
        gatherer.take(BLOCK, |rows| {
            blocks.push(write_block(&self.store, &rows, &mut buffer)?);
            Ok::<(), Error>(())
        })?;
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner).append(&mut blocks);
        Ok(())
    }

    /// Writes what is still gathered.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn finish(self, pool: &Pool) -> Result<Runs, Error> {
        let left = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        let left = left.into_iter().map(|gatherer| Mutex::new(Some(gatherer))).collect::<Vec<_>>();
        let written = pool.map(left.len(), |index| {
            let gatherer = left[index].lock().unwrap_or_else(PoisonError::into_inner).take();
            gatherer.map_or(Ok(()), |mut gatherer| self.write(&mut gatherer))
        });
        written.into_iter().collect::<Result<(), Error>>()?;
        let mut blocks = self.blocks.into_inner().unwrap_or_else(PoisonError::into_inner);
        blocks.sort_by(|a, b| a.first.cmp(&b.first));
        Ok(Runs { store: self.store, blocks })
    }
}
