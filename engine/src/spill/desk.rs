//! Where working files lie: a folder that comes into being when something does not fit in memory,
//! and is gone with the run.

use std::{
    path::PathBuf,
    sync::{Mutex, OnceLock, PoisonError},
};

use super::store::Shelf;
use crate::{disk::Disk, error::Error, memory::Allowance, publish::NewFolder, text::counted};

/// Where a folder for working files goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Workplace {
    /// Beside an output, under a name of its own.
    Beside(PathBuf),
    /// Here, in a run directory, where nothing is yet.
    At(PathBuf),
    /// Where the system keeps temporary files.
    Temporary,
}

/// The folder for working files of a run.
#[derive(Debug)]
pub(crate) struct Desk {
    place: Workplace,
    disk: Disk,
    folder: OnceLock<(Shelf, NewFolder)>,
    making: Mutex<()>,
}

impl Desk {
    /// Makes no folder yet; what goes into it is taken from `disk`.
    pub(crate) fn new(place: Workplace, disk: Disk) -> Self {
        Self { place, disk, folder: OnceLock::new(), making: Mutex::default() }
    }

    /// Returns what may be taken of the disk.
    pub(crate) const fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Returns the folder, which is made if it is not there.
    ///
    /// # Errors
    /// If memory is too little even with working files, and if the system gives no folder.
    pub(crate) fn folder(&self, budget: &Allowance) -> Result<&Shelf, Error> {
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((shelf, _)) = self.folder.get() {
            return Ok(shelf);
        }
        let made = self.make(budget)?;
        let shelf = Shelf::new(made.path(), self.disk.clone());
        Ok(&self.folder.get_or_init(|| (shelf, made)).0)
    }

    fn make(&self, budget: &Allowance) -> Result<NewFolder, Error> {
        let least = budget.least();
        if budget.limit < least {
            let threads = counted(budget.workers as u64, "thread");
            let need = if budget.workers == 1 { "needs" } else { "need" };
            return Err(Error::refused(format!(
                "{} of memory is not enough: {threads} {need} at least {least}",
                budget.limit
            ))
            .with_help("allow more with --memory, or use fewer --threads"));
        }
        match &self.place {
            Workplace::Beside(target) => NewFolder::beside(target),
            Workplace::At(path) => NewFolder::create(path),
            Workplace::Temporary => NewFolder::temporary(),
        }
    }

    /// Describes the folder's place.
    pub(crate) const fn text(&self) -> &'static str {
        match self.place {
            Workplace::Beside(_) => "beside the output",
            Workplace::At(_) => "in the run directory",
            Workplace::Temporary => "in a temporary folder",
        }
    }
}
