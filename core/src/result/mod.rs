//! What a job results in.

mod catalogue;
mod neighbours;
mod overlaps;

pub use self::{
    catalogue::Catalogue,
    neighbours::{Neighbour, Neighbours},
    overlaps::{Overlaps, share_of_one},
};
pub(crate) use self::{catalogue::select_labels, neighbours::Piece};
