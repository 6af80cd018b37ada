//! Who watches a run: what an [`Observer`] sees of data, tiles and result.

use std::{collections::BTreeMap, path::Path};

use ilk_core::{
    matrix::Matrix,
    plan::{Plan, Tile},
    prepare::{Folding, Interactions, Reason},
    result::{Catalogue, Neighbour},
};

use crate::{
    error::Error,
    record::{StageName, StageRecord},
};

/// When a tile was computed, and by whom; in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Timed {
    /// Its number.
    pub tile: usize,
    /// The worker's.
    pub worker: u32,
    /// When it began.
    pub began: f64,
    /// When it ended.
    pub ended: f64,
}

/// Where a tile lies.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Its block of columns.
    pub block: u32,
    /// How many rows it has.
    pub rows: u32,
}

/// All tiles of a job, once they are computed.
#[derive(Clone, Debug, Default)]
pub struct Tiles {
    /// Names of the blocks of columns.
    pub blocks: Vec<String>,
    /// Where the tiles lie, by number.
    pub places: Vec<Place>,
    /// Pair operations of all of them.
    pub operations: u64,
}

impl Tiles {
    /// Describes the tiles of a plan in memory.
    pub(crate) fn of_plan(plan: &Plan, matrix: &Matrix) -> Self {
        let head = matrix.columns().iter().filter(|block| block.bits().is_some()).count();
        let blocks = 0..matrix.columns().len();
        let place =
            |tile: &Tile| Place { block: tile.columns as u32, rows: plan.rows(tile).len() as u32 };
        Self {
            blocks: blocks.map(|block| block_name(block, block < head)).collect(),
            places: plan.tiles.iter().map(place).collect(),
            operations: plan.operations,
        }
    }
}

/// Names a block of columns.
pub(crate) fn block_name(number: usize, is_head: bool) -> String {
    if is_head { format!("head {}", number + 1) } else { "tail".into() }
}

/// How many users have how many items, or items users: (degree, how many), by degree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Degrees(BTreeMap<u64, u64>);

impl FromIterator<(u64, u64)> for Degrees {
    fn from_iter<T: IntoIterator<Item = (u64, u64)>>(degrees: T) -> Self {
        let mut all = BTreeMap::<u64, u64>::new();
        for (degree, count) in degrees {
            *all.entry(degree).or_default() += count;
        }
        Self(all)
    }
}

impl FromIterator<u64> for Degrees {
    fn from_iter<T: IntoIterator<Item = u64>>(degrees: T) -> Self {
        degrees.into_iter().map(|degree| (degree, 1)).collect()
    }
}

impl Degrees {
    /// Walks the degrees, ascending, with how many have each.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, u64)> {
        self.0.iter().map(|(degree, count)| (*degree, *count))
    }
}

/// What is made only for an observer that looks at it.
pub type Lazily<'a, T> = &'a dyn Fn() -> Result<T, Error>;

/// Hands every item's neighbours, best first, to a visitor; may be called any number of times.
pub type Walk<'a> = &'a dyn Fn(&mut dyn FnMut(u32, &[Neighbour])) -> Result<(), Error>;

/// A run directory that is about to be finished.
#[derive(Clone, Debug)]
pub struct Kept {
    /// How many items users have.
    pub users: Degrees,
    /// How many users items have.
    pub items: Degrees,
    /// Its stages so far, by whichever process.
    pub stages: BTreeMap<StageName, StageRecord>,
    /// How many processes worked on it.
    pub attempts: u64,
    /// When the first of them began, by the machine's clock.
    pub begun: Option<String>,
    /// The first rows that were set aside, each after its reason.
    pub aside: Vec<(Reason, String)>,
    /// The range of times in the rows.
    pub times: Option<String>,
    /// When its tiles were computed, in seconds since the stage began.
    pub timed: Vec<Timed>,
    /// The tiles.
    pub tiles: Tiles,
}

/// Sees what happens in a run, for a report or a display. Every method does nothing unless it is
/// written.
#[expect(unused_variables, reason = "whoever does not write a method looks at none of it")]
pub trait Observer: Sync {
    /// From now on what is done is kept in `folder`, and the run can be resumed.
    fn resumable(&self, folder: &Path) {}

    /// Sees how many items users have, and users items.
    ///
    /// # Errors
    /// What `degrees` returns.
    fn saw_degrees(&self, degrees: Lazily<'_, (Degrees, Degrees)>) -> Result<(), Error> {
        Ok(())
    }

    /// Sees what became of the rows.
    fn saw_folding(&self, folding: Folding) {}

    /// The tiles begin now.
    fn tiles_begin(&self) {}

    /// Sees the end of a tile, from the thread that computed it; `worker` is its number.
    fn saw_tile(&self, tile: usize, worker: usize) {}

    /// Sees a run directory that is about to be finished.
    ///
    /// # Errors
    /// What `kept` returns.
    fn saw_kept(&self, kept: Lazily<'_, Kept>) -> Result<(), Error> {
        Ok(())
    }

    /// Sees where the tiles lie, once all are computed.
    fn saw_tiles(&self, tiles: &Tiles) {}

    /// Sees the result; `top`: neighbours kept per item.
    ///
    /// # Errors
    /// What `walk` returns.
    fn saw_result(&self, catalogue: &Catalogue, top: u32, walk: Walk<'_>) -> Result<(), Error> {
        Ok(())
    }
}

/// Sees nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unobserved;

impl Observer for Unobserved {}

/// Counts the degrees of interactions in memory. Cost: O(users + items).
pub(crate) fn degrees_of(interactions: &Interactions) -> (Degrees, Degrees) {
    let users = interactions.degrees().map(|degree| degree as u64).collect();
    let items = interactions.supports().into_iter().map(u64::from).collect();
    (users, items)
}
