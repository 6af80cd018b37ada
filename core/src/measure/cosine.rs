//! Cosine: x·y / (‖x‖‖y‖), the norms over all of each item's users. In (0, 1], below 0 only with weights below 0;
//! a pair whose dot product is 0 is no pair.
//! Source: Salton & McGill, Introduction to Modern Information Retrieval, 1983.

use super::pair::Pair;

pub(super) fn score(pair: &Pair) -> Option<f64> {
    let norm = norm(pair.item_square, pair.neighbour_square);
    (norm > 0.0 && pair.dot != 0.0).then(|| pair.dot / norm)
}

/// ‖x‖‖y‖ from Σx² and Σy².
pub(super) fn norm(x: f64, y: f64) -> f64 {
    // One root of the product, not a product of roots: exact where the squares are equal. Tiny
    // weights, whose product would lose its digits, are rooted one by one.
    let product = x * y;
    if product.is_normal() { product.sqrt() } else { x.sqrt() * y.sqrt() }
}
