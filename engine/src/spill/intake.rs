//! Where rows go while they are read: they are held in memory as long as the whole job is
//! predicted to fit, then they all go to disk.

use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use ilk_core::prepare::{Cleaned, Needs};

use super::{
    desk::Desk,
    reading::{Coming, Spiller},
};
use crate::{
    data::Data,
    error::Error,
    memory::{self, Allowance},
};

/// Rows that were kept: all in memory, in the order of the files, or on their way to working files.
pub(crate) type Rows = Data<Vec<Cleaned>, Box<Spiller>>;

/// Takes in chunks from any number of threads.
pub(crate) struct Intake<'a> {
    budget: Allowance,
    coming: Coming,
    desk: &'a Desk,
    place: Mutex<Place>,
}

enum Place {
    Memory(Held),
    Disk(Arc<Spiller>),
}

/// Chunks in memory.
#[derive(Default)]
struct Held {
    chunks: Vec<(usize, Cleaned)>,
    rows: u64,
    bytes: usize,
}

impl Held {
    /// Returns true if reading and folding so many rows, if files say how many there are, is
    /// predicted to fit.
    fn may_begin(rows: Option<u64>, budget: &Allowance, needs: Needs) -> bool {
        let rows = rows.unwrap_or_default();
        let held = usize::try_from(rows).unwrap_or(usize::MAX);
        let held = held.saturating_mul(memory::of_row(needs));
        memory::of_folding(rows, held, needs) <= budget.left_for_reading(0)
    }

    /// Takes in a chunk of a part; tells whether folding what is here is predicted to fit.
    fn add(&mut self, part: usize, chunk: Cleaned, budget: &Allowance, needs: Needs) -> bool {
        self.rows += chunk.len() as u64;
        self.bytes += chunk.bytes() + chunk.bytes_to_encode();
        self.chunks.push((part, chunk));
        memory::of_folding(self.rows, self.bytes, needs) <= budget.left_for_reading(0)
    }

    /// Returns the chunks in the order of the parts.
    fn finish(mut self) -> Vec<Cleaned> {
        self.chunks.sort_by_key(|(part, _)| *part);
        self.chunks.into_iter().map(|(_, chunk)| chunk).collect()
    }
}

/// Holds chunks that also are on disk, as long as the job is predicted to fit; after that none.
pub(crate) struct Holding {
    budget: Allowance,
    needs: Needs,
    held: Mutex<Option<Held>>,
}

impl Holding {
    /// Begins to hold; `rows`: as many as files say there are, if they do.
    pub(crate) fn new(budget: Allowance, needs: Needs, rows: Option<u64>) -> Self {
        let held = Held::may_begin(rows, &budget, needs).then(Held::default);
        Self { budget, needs, held: Mutex::new(held) }
    }

    /// Takes in a chunk of a part; those of one part come in order.
    pub(crate) fn add(&self, part: usize, chunk: Cleaned) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |held: &mut Held| held.add(part, chunk, &self.budget, self.needs);
        if held.as_mut().is_some_and(|held| !fits(held)) {
            *held = None;
        }
    }

    /// Counts the rows that a chunk may have.
    pub(crate) fn chunk_rows(&self) -> usize {
        self.budget.chunk_rows()
    }

    /// Returns true as long as all chunks are held.
    pub(crate) fn holds(&self) -> bool {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Lets all chunks go.
    pub(crate) fn give_up(&self) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Returns all chunks in the order of the parts; `None` where they do not fit.
    pub(crate) fn finish(self) -> Option<Vec<Cleaned>> {
        self.held.into_inner().unwrap_or_else(PoisonError::into_inner).map(Held::finish)
    }
}

impl<'a> Intake<'a> {
    /// Begins to take in.
    ///
    /// # Errors
    /// If the system gives no folder to work in.
    pub(crate) fn new(budget: Allowance, coming: Coming, desk: &'a Desk) -> Result<Self, Error> {
        let memory = Mutex::new(Place::Memory(Held::default()));
        let intake = Self { budget, coming, desk, place: memory };
        if !Held::may_begin(coming.rows, &budget, coming.needs) {
            let disk = intake.disk()?;
            *intake.place.lock().unwrap_or_else(PoisonError::into_inner) = disk;
        }
        Ok(intake)
    }

    fn disk(&self) -> Result<Place, Error> {
        let bytes = memory::least_on_disk(self.coming.rows.unwrap_or_default(), self.coming.needs);
        self.desk.disk().foresee(bytes)?;
        let folder = self.desk.folder(&self.budget)?.clone();
        Ok(Place::Disk(Arc::new(Spiller::new(self.budget, self.coming, folder))))
    }

    /// Takes in a chunk of a part; those of one part come in order.
    ///
    /// # Errors
    /// If the disk refuses, or the items alone do not fit.
    pub(crate) fn add(&self, part: usize, chunk: Cleaned) -> Result<(), Error> {
        let spiller = {
            let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
            if let Place::Memory(held) = &mut *place {
                if held.add(part, chunk, &self.budget, self.coming.needs) {
                    return Ok(());
                }
                let held = mem::take(held).chunks;
                *place = self.disk()?;
                let Place::Disk(spiller) = &*place else { return Ok(()) };
                // Others wait meanwhile: nothing more is held than was predicted.
                return held.into_iter().try_for_each(|(_, chunk)| spiller.add(chunk));
            }
            let Place::Disk(spiller) = &*place else { return Ok(()) };
            Arc::clone(spiller)
        };
        spiller.add(chunk)
    }

    /// Returns the place of the rows.
    pub(crate) fn finish(self) -> Rows {
        match self.place.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Place::Memory(held) => Data::Memory(held.finish()),
            Place::Disk(spiller) => {
                let spiller = Arc::into_inner(spiller).expect("no thread adds any more");
                Data::Disk(Box::new(spiller))
            }
        }
    }
}
