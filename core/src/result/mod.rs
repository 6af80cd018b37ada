//! What a job results in.

mod catalogue;
mod neighbours;

pub use self::{
    catalogue::Catalogue,
    neighbours::{Neighbour, Neighbours},
};
pub(crate) use self::{catalogue::select_labels, neighbours::Piece};
