//! Weights after weighting: of every interaction, or what they are made of.

use super::blocks::Factors;
use crate::{
    prepare::Interactions,
    weighting::{Totals, UserRow, Weigher, Weighting},
};

/// Weighs every interaction, in their order.
pub(super) fn weigh(interactions: &Interactions, weighting: Weighting) -> Vec<f64> {
    // Of decay the reference time is that of all data; what else is known of a user or of all items
    // is known of one behaviour.
    if let Some(target) = interactions.target()
        && !matches!(weighting, Weighting::Decay { .. })
    {
        return weigh_apart(interactions, target, weighting);
    }
    let weigher = weigher(interactions, weighting);
    let mut weights = Vec::with_capacity(interactions.len());
    rows(interactions).for_each(|row| weigher.weigh(row, &mut weights));
    weights
}

/// Weighs the interactions of two behaviours, each as if it were alone.
fn weigh_apart(interactions: &Interactions, target: u32, weighting: Weighting) -> Vec<f64> {
    let counts = [target as usize, interactions.items() - target as usize];
    let mut totals = counts.map(|items| Totals::new(weighting, items));
    each_apart(interactions, target, |behaviour, row| totals[behaviour].add(row));
    let mut totals = totals.into_iter();
    let weighers = counts.map(|items| {
        let totals = totals.next().expect("there are as many totals");
        Weigher::new(weighting, items, totals)
    });
    let mut weights = Vec::with_capacity(interactions.len());
    each_apart(interactions, target, |behaviour, row| {
        weighers[behaviour].weigh(row, &mut weights);
    });
    weights
}

/// Visits the rows of every user, first that of the input, then that of the target, whose items are
/// counted from its first; a user without items of a behaviour has no row of it.
fn each_apart(interactions: &Interactions, target: u32, mut visit: impl FnMut(usize, UserRow<'_>)) {
    let mut of_target = Vec::new();
    for user in 0..interactions.users() as u32 {
        let (input, bought) = interactions.split(user);
        of_target.clear();
        of_target.extend(bought.iter().map(|item| item - target));
        let start = interactions.range(user).start;
        let ranges =
            [start..start + input.len(), start + input.len()..start + input.len() + bought.len()];
        for (behaviour, (items, range)) in [input, &of_target].into_iter().zip(ranges).enumerate() {
            if items.is_empty() {
                continue;
            }
            let weights = interactions.weights().map(|all| &all[range.clone()]);
            let times = interactions.times().map(|all| &all[range]);
            visit(behaviour, UserRow { items, weights, times });
        }
    }
}

/// Returns what the weights of interactions that had none are made of; `codes` are by position.
pub(super) fn factors(interactions: &Interactions, weighting: Weighting, codes: &[u32]) -> Factors {
    let weigher = weigher(interactions, weighting);
    let of_users = interactions.degrees().map(|degree| weigher.of_user(degree as u32));
    Factors::new(of_users.collect(), &weigher, codes)
}

fn weigher(interactions: &Interactions, weighting: Weighting) -> Weigher {
    let mut totals = Totals::new(weighting, interactions.items());
    if totals.are_needed() {
        rows(interactions).for_each(|row| totals.add(row));
    }
    Weigher::new(weighting, interactions.items(), totals)
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
