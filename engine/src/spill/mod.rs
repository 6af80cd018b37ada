//! Jobs larger than memory: the same stages through working files, with the same output bytes.
//!
//! Rows become *runs* sorted by user while they are read (`reading`, `runs`); buckets of
//! consecutive users are cut out of all runs and folded (`buckets`); interactions are weighed and
//! sorted by position (`matrix`); tiles are computed from segments of rows, streamed through
//! blocks of columns (`columns`, `tiles`). What has a size per item stays in memory: ids, labels,
//! supports. The neighbours found so far do, too, as long as they fit; else those of the columns in
//! memory (`found`).

mod arrange;
mod buckets;
mod columns;
mod cover;
mod desk;
mod folded;
mod found;
mod intake;
mod matrix;
mod reading;
mod rounds;
mod rows;
mod runs;
mod store;
mod tiles;
mod work;

#[cfg(test)]
mod tests;

pub(crate) use self::{
    buckets::Gathering,
    cover::{Area, Covered},
    desk::{Desk, Workplace},
    folded::{Folded, catalogue_bytes, fold, spill},
    found::{Found, Lists, Offers, OffersAt, rounds_of_merging},
    intake::{Holding, Intake, Rows},
    reading::{Coming, Ending, Spiller},
    tiles::{Arranged, Between, Tile},
    work::{Recording, Work},
};
