//! The plan: what is computed, in which pieces, and what each costs.

mod filter;
mod groups;
mod on_disk;
mod sketch;
mod tiles;

pub(crate) use self::sketch::{Counts, Sketch};
pub use self::{
    filter::{ItemFilter, codes_of},
    groups::{GroupRule, Groups},
    on_disk::Outline,
    tiles::{Plan, RowOrder, Sides, Tile},
};
