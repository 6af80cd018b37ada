//! Tiles: blocks in, offers out.

use wasmtime::component::ResourceAny;

use crate::{
    bindings::tiles::{self, TileEngine, TileEnginePre},
    error::Error,
    guest::{Bounds, Guest},
    host::Host,
};

/// The items, by position: descending support.
pub type Items = tiles::Items;

/// Consecutive items with their users.
pub type Block = tiles::Block;

/// Neighbours of items, column by column.
pub type Offers = tiles::Offers;

/// Which pairs a row computes.
pub type Sides = tiles::Sides;

/// Tiles of one job, in an instance of its own.
pub struct Comparison {
    guest: Guest,
    engine: TileEngine,
    resource: ResourceAny,
}

impl Comparison {
    pub(crate) fn open(
        host: &Host,
        pre: &TileEnginePre<Bounds>,
        job: &str,
        items: &Items,
        sides: Sides,
    ) -> Result<Self, Error> {
        let (mut guest, engine) = Guest::new(host, |store| pre.instantiate(store))?;
        let open = |store: &mut _| {
            engine.ilk_similarity_tiles().comparison().call_open(store, job, items, sides)
        };
        let resource = guest.call("comparison.open", open)?.map_err(refused)?;
        Ok(Self { guest, engine, resource })
    }

    /// Takes the rows of the tiles to come, in place of earlier ones.
    ///
    /// # Errors
    /// For a block that does not go together, and whatever the plugin does wrong.
    pub fn rows(&mut self, block: &Block) -> Result<(), Error> {
        let Self { guest, engine, resource } = self;
        let tiles = engine.ilk_similarity_tiles();
        let done = guest.call("comparison.rows", |store| {
            tiles.comparison().call_rows(store, *resource, block)
        })?;
        self.settle(done)
    }

    /// Takes the columns of the tiles to come, in place of earlier ones.
    ///
    /// # Errors
    /// For a block that does not go together, and whatever the plugin does wrong.
    pub fn columns(&mut self, block: &Block) -> Result<(), Error> {
        let Self { guest, engine, resource } = self;
        let tiles = engine.ilk_similarity_tiles();
        let done = guest.call("comparison.columns", |store| {
            tiles.comparison().call_columns(store, *resource, block)
        })?;
        self.settle(done)
    }

    /// Takes as columns `width` of the rows' own items, from position `first` on.
    ///
    /// # Errors
    /// If they lie outside the rows, and for whatever the plugin does wrong.
    pub fn columns_of_rows(&mut self, first: u32, width: u32) -> Result<(), Error> {
        let Self { guest, engine, resource } = self;
        let tiles = engine.ilk_similarity_tiles();
        let done = guest.call("comparison.columns-of-rows", |store| {
            tiles.comparison().call_columns_of_rows(store, *resource, first, width)
        })?;
        self.settle(done)
    }

    /// Computes the rows at `positions` against the columns. Returns the offers that are still
    /// among their item's k best of all that this comparison has seen.
    ///
    /// # Errors
    /// If a position is not among the rows, and for whatever the plugin does wrong.
    pub fn compute(&mut self, positions: &[u32]) -> Result<Offers, Error> {
        const FUNCTION: &str = "comparison.compute";
        let Self { guest, engine, resource } = self;
        let tiles = engine.ilk_similarity_tiles();
        let offers = guest
            .call(FUNCTION, |store| tiles.comparison().call_compute(store, *resource, positions))?;
        let offers = self.settle(offers)?;
        check(FUNCTION, &offers).inspect_err(|_| self.guest.end())?;
        Ok(offers)
    }

    /// Brings offers together: by item, best first, at most `top` each.
    ///
    /// # Errors
    /// For lists of different length, and whatever the plugin does wrong.
    pub fn merge(&mut self, top: u32, offers: &Offers) -> Result<Offers, Error> {
        let Self { guest, engine, .. } = self;
        let tiles = engine.ilk_similarity_tiles();
        let merged = guest.call("merge", |store| tiles.call_merge(store, top, offers))?;
        let merged = self.settle(merged)?;
        check("merge", &merged).inspect_err(|_| self.guest.end())?;
        Ok(merged)
    }

    /// Passes a failure of the plugin's own on; after one the comparison is of no more use.
    fn settle<T>(&mut self, result: Result<T, tiles::Failure>) -> Result<T, Error> {
        result.map_err(|failure| {
            self.guest.end();
            refused(failure)
        })
    }
}

fn refused(tiles::Failure { code, message }: tiles::Failure) -> Error {
    Error::Refused { code, message }
}

/// Checks that offers are what they say.
fn check(function: &'static str, offers: &Offers) -> Result<(), Error> {
    let lengths = [offers.neighbours.len(), offers.scores.len(), offers.overlaps.len()];
    let nonsense = |why: &str| Err(Error::BadOutput { function, why: why.into() });
    if lengths.iter().any(|length| *length != offers.items.len()) {
        return nonsense("lists of offers that differ in length");
    }
    if offers.scores.iter().any(|score| !score.is_finite()) {
        return nonsense("a score that is not a finite number");
    }
    Ok(())
}
