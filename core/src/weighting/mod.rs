//! Weightings: what an interaction counts before the measure sees it. One file per formula.

pub mod bm25;
pub mod center;
mod choice;
pub mod decay;
mod kind;
pub mod log;
pub mod tfidf;
mod user_row;
mod weigher;

pub use self::{
    choice::{Anchor, Center, Centred, Idf, LARGEST_WEIGHT, Weighting, WeightingName},
    kind::WeightKind,
    user_row::UserRow,
    weigher::{Totals, Weigher},
};
