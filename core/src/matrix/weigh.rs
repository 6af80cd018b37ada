//! Every interaction's weight after weighting.

use crate::{
    interactions::Interactions,
    weighting::{UserRow, Weigher, Weighting, bm25},
};

/// Weighs every interaction, in their order.
pub(super) fn weigh(interactions: &Interactions, weighting: Weighting) -> Vec<f64> {
    let rows = (0..interactions.users() as u32).map(|user| {
        let range = interactions.range(user);
        UserRow {
            items: interactions.of(user),
            weights: interactions.weights().map(|all| &all[range.clone()]),
            times: interactions.times().map(|all| &all[range]),
        }
    });
    let mut lengths = Vec::new();
    if matches!(weighting, Weighting::Bm25 { .. }) {
        lengths.resize(interactions.items(), 0.0);
        rows.clone().for_each(|row| bm25::add_lengths(row, &mut lengths));
    }
    let newest = interactions.times().and_then(|times| times.iter().max().copied());
    let weigher = Weigher::new(weighting, interactions.items(), lengths, newest);
    let mut weights = Vec::with_capacity(interactions.len());
    rows.for_each(|row| weigher.weigh(row, &mut weights));
    weights
}
