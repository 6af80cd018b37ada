//! Every interaction's weight after weighting.

use crate::{
    interactions::Interactions,
    weighting::{self, Weighting},
};

/// Weighs every interaction, in their order.
pub(super) fn weigh(
    interactions: &Interactions,
    supports: &[u32],
    weighting: Weighting,
) -> Vec<f64> {
    let raw = |at: usize| interactions.weights().map_or(1.0, |weights| weights[at]);
    let all = 0..interactions.len();
    match weighting {
        Weighting::Binary => vec![1.0; interactions.len()],
        Weighting::Raw => all.map(raw).collect(),
        Weighting::Log => all.map(|at| weighting::log::weigh(raw(at))).collect(),
        Weighting::Tfidf => {
            with_idf(interactions, supports, |at, _, idf| weighting::tfidf::weigh(raw(at), idf))
        }
        Weighting::Bm25 { k1, b } => {
            let mut lengths = vec![0.0; supports.len()];
            for (at, item) in interactions.all_items().iter().enumerate() {
                lengths[*item as usize] += raw(at);
            }
            let average = lengths.iter().sum::<f64>() / lengths.len() as f64;
            let saturate = |length| weighting::bm25::saturation(k1, b, length, average);
            let saturations = lengths.into_iter().map(saturate).collect::<Vec<_>>();
            with_idf(interactions, supports, |at, item, idf| {
                weighting::bm25::weigh(raw(at), k1, saturations[item as usize], idf)
            })
        }
        Weighting::Decay { half_life, now } => {
            let times = interactions.times().unwrap_or_default();
            let now = now.or_else(|| times.iter().max().copied()).unwrap_or_default();
            let age = |at: usize| times.get(at).map_or(0, |time| now.saturating_sub(*time));
            all.map(|at| weighting::decay::weigh(raw(at), age(at), half_life)).collect()
        }
    }
}

/// Weighs by position, item and the idf of the user.
fn with_idf(
    interactions: &Interactions,
    supports: &[u32],
    weigh: impl Fn(usize, u32, f64) -> f64,
) -> Vec<f64> {
    let mut weights = Vec::with_capacity(interactions.len());
    for user in 0..interactions.users() as u32 {
        let range = interactions.range(user);
        let idf = weighting::tfidf::idf(supports.len() as u32, range.len() as u32);
        weights.extend(range.map(|at| weigh(at, interactions.all_items()[at], idf)));
    }
    weights
}
