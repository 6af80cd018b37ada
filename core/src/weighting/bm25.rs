//! BM25 as implicit's `BM25Recommender` has it: w(K1 + 1) / (K1(1 − B + B·len/avg) + w)·idf, with
//! the idf of [`tfidf`](super::tfidf).
//! Source: Robertson & Zaragoza, The probabilistic relevance framework: BM25 and beyond, 2009.

use super::user_row::UserRow;

/// Adds a user's weights to the lengths of its items. Users come in ascending order.
pub fn add_lengths(row: UserRow<'_>, lengths: &mut [f64]) {
    for (at, item) in row.items.iter().enumerate() {
        lengths[*item as usize] += row.weights.map_or(1.0, |weights| weights[at]);
    }
}

/// K1(1 − B + B·len/avg) of an item. `length`: the sum of its weights in ascending user order;
/// `average`: the sum of all lengths in ascending item order, divided by the number of items.
pub fn saturation(k1: f64, b: f64, length: f64, average: f64) -> f64 {
    k1 * ((1.0 - b) + b * length / average)
}

/// Saturates the weight of one interaction of an item with that `saturation`; the user's idf times
/// this is what it weighs.
pub fn saturate(weight: f64, k1: f64, saturation: f64) -> f64 {
    weight * (k1 + 1.0) / (saturation + weight)
}
