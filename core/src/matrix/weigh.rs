//! Weights after weighting: of every interaction, or what they are made of.

use super::blocks::Factors;
use crate::{
    prepare::Interactions,
    weighting::{Totals, UserRow, Weigher, Weighting},
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
    let totals = Totals::new(weighting, interactions.items());
    let mut totals = totals.with_target(interactions.target());
    if totals.are_needed() {
        rows(interactions).for_each(|row| totals.add(row));
    }
    Weigher::new(weighting, totals)
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
