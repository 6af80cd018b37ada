//! From raw rows to interactions: cleaning, encoding, sampling, folding.

mod clean;
mod encode;
mod fold;
mod interactions;
mod labels;
mod runs;
mod sample;
mod triples;
mod user_rows;

pub(crate) use self::interactions::Remainder;
pub use self::{
    clean::{
        Cleaned, Needs, Reason, Refusal, SetAside, Tally, TimeOfRow, Times, clean, clean_each,
    },
    encode::{EncodeError, Encoded, Events, IdKind, Kinds, TypedIds, check_count, encode},
    fold::{Folded, Folding, SupportedItems, fold, fold_blocks, fold_in_parts},
    interactions::{Interactions, InteractionsError, Part, pairs_among, pairs_between},
    labels::LabelTally,
    runs::{Dictionary, Gatherer, LabelCounts, Typed},
    sample::{Sample, Smallest, sampled_side},
    triples::{Triples, TriplesError},
    user_rows::UserRows,
};
