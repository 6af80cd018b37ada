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

/// Returns each user's weight, if all interactions of every user weigh the same.
pub(super) fn of_users(interactions: &Interactions, weights: &[f64]) -> Option<Vec<f64>> {
    let of_user = |user: u32| {
        let weights = &weights[interactions.range(user)];
        let (first, rest) = weights.split_first()?;
        rest.iter().all(|weight| weight.to_bits() == first.to_bits()).then_some(*first)
    };
    (0..interactions.users() as u32).map(of_user).collect()
}
