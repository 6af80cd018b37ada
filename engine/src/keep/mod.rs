//! What a run keeps on its way, and resumes from: nothing, or every stage's result in a run
//! directory.
//!
//! The stages are the same either way. They hand what they made to a [`Keep`], and where a result
//! is not in hand they read it through the proof that it is kept, a [`Kept`]. Where nothing is kept
//! there is no such proof ([`Infallible`]), and nothing to go wrong.

mod step;

use std::convert::Infallible;

use ilk_core::{
    cost::Machine,
    data::Ids,
    prepare::{Cleaned as Chunk, Interactions},
    result::Catalogue,
};
use ilk_formats::OutputStyle;

pub(crate) use self::step::{Ending, Step};
use crate::{
    context::Run,
    data::Scale,
    error::Error,
    files::Files,
    findings::Findings,
    handed::{Arrangement, Cleaned, Committed, Encoded, Laid, Merged, Named, Tiled},
    memory::Size,
    record::StageName,
    spill::{self, Recording},
};

/// Takes cleaned chunks of numbered parts, from any thread.
pub(crate) type Sink<'a> = &'a (dyn Fn(usize, Chunk) -> Result<(), Error> + Sync);

/// What stage `clean` leaves, by what a run keeps.
pub(crate) type CleanedFor<'r, K> = Cleaned<<K as Keep<'r>>::Again>;

/// Keeps what stages leave.
pub(crate) trait Keep<'r>: Sized {
    /// Whether what tiles find is written as they are computed.
    const RECORDING: Recording;

    /// Proves that a stage's result is kept, and reads it.
    type Done: Kept;
    /// Where the kept rows can be read once more.
    type Again;

    /// Returns the proof that a stage is done, if it is.
    fn done(&self, stage: StageName) -> Option<Self::Done>;

    /// Begins a stage; `total` is what its progress adds up to, where that is known.
    fn begin(&mut self, run: Run<'r>, stage: (StageName, Scale), total: Option<u64>) -> Step<'r>;

    /// Ends a stage, and makes sure that it is known to be done.
    ///
    /// # Errors
    /// If the disk refuses.
    fn finish(&mut self, step: Step<'r>, ending: Ending) -> Result<(), Error>;

    /// Keeps what the inputs are like.
    ///
    /// # Errors
    /// If the disk refuses.
    fn read(&mut self, run: Run<'r>, files: &Files) -> Result<(), Error>;

    /// Reads all rows, and keeps each or sets it aside.
    ///
    /// # Errors
    /// For inputs that turn out damaged, and where the disk refuses.
    fn clean(
        &mut self,
        run: Run<'r>,
        step: &Step<'_>,
        files: &'r Files,
    ) -> Result<CleanedFor<'r, Self>, Error>;

    /// Returns what a stage `clean` left that is done.
    ///
    /// # Errors
    /// If it is damaged.
    fn cleaned(&self, done: Self::Done) -> Result<CleanedFor<'r, Self>, Error>;

    /// Reads the rows that were kept once more.
    ///
    /// # Errors
    /// For rows that turn out damaged, and what `sink` returns.
    fn again(&self, run: Run<'r>, again: &Self::Again, sink: Sink<'_>) -> Result<(), Error>;

    /// Keeps the interactions and what their codes stand for.
    ///
    /// # Errors
    /// If the disk refuses.
    fn encoded(&mut self, run: Run<'r>, step: &Step<'_>, encoded: &Encoded) -> Result<(), Error>;

    /// Returns what a core was measured to pay, if it was.
    fn costs(&self) -> Option<Machine>;

    /// Keeps what a core was measured to pay.
    ///
    /// # Errors
    /// If the disk refuses.
    fn measured(&mut self, costs: Machine) -> Result<(), Error>;

    /// Finds the tiles that were computed before.
    ///
    /// # Errors
    /// If the system refuses.
    fn committed(&mut self) -> Result<Committed, Error>;

    /// Returns the seconds that earlier processes took for the stages that are done.
    fn seconds_before(&self) -> f64;

    /// Returns the most memory that reading and sorting took, where the system tells.
    fn peak_of_reading(&self) -> Option<u64>;

    /// Returns how the result is written.
    fn style(&self) -> OutputStyle;

    /// Keeps the order of the items.
    ///
    /// # Errors
    /// If the disk refuses.
    fn laid(&mut self, step: &Step<'_>, arrangement: &Arrangement) -> Result<(), Error>;

    /// Keeps the tiles as they are planned.
    ///
    /// # Errors
    /// If the disk refuses.
    fn planned(&mut self, step: &Step<'_>, arrangement: &Arrangement) -> Result<(), Error>;

    /// Computes the tiles that are left.
    ///
    /// # Errors
    /// If the disk refuses, and whatever a plugin does wrong.
    fn tiles(
        &mut self,
        run: Run<'r>,
        step: Step<'r>,
        laid: Laid,
    ) -> Result<Tiled<Self::Done>, Error>;

    /// Keeps the neighbours, and counts them; `tiles` proves that what tiles found is kept.
    ///
    /// # Errors
    /// If the disk refuses.
    fn merged(
        &mut self,
        tiles: &Self::Done,
        step: &Step<'_>,
        found: &Findings,
    ) -> Result<Counted, Error>;

    /// Writes the result to its places; returns how many rows it has, and where it is in words.
    ///
    /// # Errors
    /// If the disk refuses.
    fn write(
        &mut self,
        run: Run<'r>,
        step: &Step<'_>,
        merged: &Merged,
    ) -> Result<(u64, String), Error>;
}

/// How many neighbours there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Neighbours of all items.
    pub(crate) neighbours: u64,
    /// Items that have some.
    pub(crate) items: u64,
}

/// Results that are kept, of a stage and all before it.
pub(crate) trait Kept: Clone {
    /// Counts what is compared.
    ///
    /// # Errors
    /// If it is damaged, as for all that follow.
    fn size(&self, top: u32) -> Result<Size, Error>;

    /// Reads what is compared.
    ///
    /// # Errors
    /// As there.
    fn catalogue(&self) -> Result<Catalogue, Error>;

    /// Reads the ids of those who are not compared.
    ///
    /// # Errors
    /// As there.
    fn users(&self) -> Result<Ids, Error>;

    /// Reads the name of the first user with most items.
    ///
    /// # Errors
    /// As there.
    fn heaviest_user(&self) -> Result<String, Error>;

    /// Reads the interactions into memory.
    ///
    /// # Errors
    /// As there.
    fn interactions(&self, run: Run<'_>) -> Result<Interactions, Error>;

    /// Reads the interactions into working files.
    ///
    /// # Errors
    /// As there, and if the disk refuses.
    fn gathered(&self, work: spill::Work<'_>) -> Result<spill::Folded, Error>;

    /// Checks that the plan is what it was.
    ///
    /// # Errors
    /// If it is not.
    fn check_plan(&self) -> Result<(), Error>;

    /// Takes the best of what tiles found; also returns how many candidates there were.
    ///
    /// # Errors
    /// As there, and if the disk refuses.
    fn merge(&self, run: Run<'_>, step: &Step<'_>, named: &Named)
    -> Result<(Findings, u64), Error>;

    /// Reads the neighbours.
    ///
    /// # Errors
    /// As there, and if the disk refuses.
    fn found(&self, run: Run<'_>, items: usize) -> Result<Findings, Error>;
}

/// Nothing is kept, so nobody reads it.
impl Kept for Infallible {
    fn size(&self, _: u32) -> Result<Size, Error> {
        match *self {}
    }

    fn catalogue(&self) -> Result<Catalogue, Error> {
        match *self {}
    }

    fn users(&self) -> Result<Ids, Error> {
        match *self {}
    }

    fn heaviest_user(&self) -> Result<String, Error> {
        match *self {}
    }

    fn interactions(&self, _: Run<'_>) -> Result<Interactions, Error> {
        match *self {}
    }

    fn gathered(&self, _: spill::Work<'_>) -> Result<spill::Folded, Error> {
        match *self {}
    }

    fn check_plan(&self) -> Result<(), Error> {
        match *self {}
    }

    fn merge(&self, _: Run<'_>, _: &Step<'_>, _: &Named) -> Result<(Findings, u64), Error> {
        match *self {}
    }

    fn found(&self, _: Run<'_>, _: usize) -> Result<Findings, Error> {
        match *self {}
    }
}
