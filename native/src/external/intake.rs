//! Where rows go while they are read: they are held in memory as long as the whole job is
//! predicted to fit, then they all go to disk.

use std::{
    mem,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use ilk_core::clean::{Cleaned, Needs};

use super::Spiller;
use crate::{
    error::Error,
    memory::{self, Budget},
    publish::NewFolder,
};

/// Takes in chunks from any number of threads.
pub(crate) struct Intake<'a> {
    budget: Budget,
    needs: Needs,
    /// The output, beside which working files go.
    target: &'a Path,
    place: Mutex<Place>,
}

enum Place {
    Memory { held: Vec<(usize, Cleaned)>, rows: u64, bytes: usize },
    Disk(Arc<Spiller>, NewFolder),
}

/// Where the rows are.
pub(crate) enum Taken {
    /// All in memory, in the order of the files.
    Memory(Vec<Cleaned>),
    /// On their way to a folder of working files.
    Disk(Box<Spiller>, NewFolder),
}

impl<'a> Intake<'a> {
    /// Begins to take in; `rows`: as many as files say there are, if they do.
    ///
    /// # Errors
    /// If the system gives no folder to work in.
    pub(crate) fn new(
        budget: Budget,
        needs: Needs,
        rows: Option<u64>,
        target: &'a Path,
    ) -> Result<Self, Error> {
        let memory = Place::Memory { held: Vec::new(), rows: 0, bytes: 0 };
        let intake = Self { budget, needs, target, place: Mutex::new(memory) };
        let rows = rows.unwrap_or_default();
        let held =
            usize::try_from(rows).unwrap_or(usize::MAX).saturating_mul(memory::of_row(needs));
        if !intake.fits(rows, held) {
            let disk = intake.disk()?;
            *intake.place.lock().unwrap_or_else(PoisonError::into_inner) = disk;
        }
        Ok(intake)
    }

    fn fits(&self, rows: u64, held: usize) -> bool {
        memory::of_folding(rows, held, self.needs) <= self.budget.left(0)
    }

    fn disk(&self) -> Result<Place, Error> {
        let folder = NewFolder::beside(self.target)?;
        let spiller = Spiller::new(self.budget, self.needs, folder.path().to_owned());
        Ok(Place::Disk(Arc::new(spiller), folder))
    }

    /// Takes in a chunk of a part; those of one part come in order.
    ///
    /// # Errors
    /// If the disk refuses, or the items alone do not fit.
    pub(crate) fn add(&self, part: usize, chunk: Cleaned) -> Result<(), Error> {
        let spiller = {
            let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
            if let Place::Memory { held, rows, bytes } = &mut *place {
                *rows += chunk.len() as u64;
                *bytes += chunk.bytes();
                held.push((part, chunk));
                if self.fits(*rows, *bytes) {
                    return Ok(());
                }
                let held = mem::take(held);
                *place = self.disk()?;
                let Place::Disk(spiller, _) = &*place else { return Ok(()) };
                // Others wait meanwhile: nothing more is held than was predicted.
                return held.into_iter().try_for_each(|(_, chunk)| spiller.add(chunk));
            }
            let Place::Disk(spiller, _) = &*place else { return Ok(()) };
            Arc::clone(spiller)
        };
        spiller.add(chunk)
    }

    /// Says where the rows are.
    pub(crate) fn finish(self) -> Taken {
        match self.place.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Place::Memory { mut held, .. } => {
                held.sort_by_key(|(part, _)| *part);
                Taken::Memory(held.into_iter().map(|(_, chunk)| chunk).collect())
            }
            Place::Disk(spiller, folder) => {
                let spiller = Arc::into_inner(spiller).expect("no thread adds any more");
                Taken::Disk(Box::new(spiller), folder)
            }
        }
    }
}
