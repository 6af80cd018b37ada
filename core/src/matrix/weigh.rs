//! Weights after weighting: of every interaction, or what they are made of.

use super::blocks::Factors;
use crate::{
    prepare::Interactions,
    weighting::{UserRow, Weigher, Weighting, bm25},
};

/// Weighs every interaction, in their order.
pub(super) fn weigh(interactions: &Interactions, weighting: Weighting) -> Vec<f64> {
    let weigher = weigher(interactions, weighting);
    let mut weights = Vec::with_capacity(interactions.len());
    rows(interactions).for_each(|row| weigher.weigh(row, &mut weights));
    weights
}

/// Returns what the weights of interactions that had none are made of; `codes` are by position.
pub(super) fn factors(interactions: &Interactions, weighting: Weighting, codes: &[u32]) -> Factors {
    let weigher = weigher(interactions, weighting);
    let of_users = interactions.degrees().map(|degree| weigher.of_user(degree as u32));
    Factors::new(of_users.collect(), &weigher, codes)
}

fn weigher(interactions: &Interactions, weighting: Weighting) -> Weigher {
    let mut lengths = Vec::new();
    if matches!(weighting, Weighting::Bm25 { .. }) {
        lengths.resize(interactions.items(), 0.0);
        rows(interactions).for_each(|row| bm25::add_lengths(row, &mut lengths));
    }
    let newest = interactions.times().and_then(|times| times.iter().max().copied());
    Weigher::new(weighting, interactions.items(), lengths, newest)
}

fn rows(interactions: &Interactions) -> impl Iterator<Item = UserRow<'_>> {
    (0..interactions.users() as u32).map(|user| {
        let range = interactions.range(user);
        UserRow {
            items: interactions.of(user),
            weights: interactions.weights().map(|all| &all[range.clone()]),
            times: interactions.times().map(|all| &all[range]),
        }
    })
}
