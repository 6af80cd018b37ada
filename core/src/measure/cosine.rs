//! Cosine: x·y / (‖x‖‖y‖), the norms over all of each item's users. In (0, 1];
//! a pair without weight in common is no pair.
//! Source: Salton & McGill, Introduction to Modern Information Retrieval, 1983.

use super::pair::Pair;

pub(super) fn score(pair: &Pair) -> Option<f64> {
    // One root of the product, not a product of roots: exact where the squares are equal. Tiny
    // weights, whose product would lose its digits, are rooted one by one.
    let product = pair.item_square * pair.neighbour_square;
    let norm = if product.is_normal() {
        product.sqrt()
    } else {
        pair.item_square.sqrt() * pair.neighbour_square.sqrt()
    };
    (norm > 0.0 && pair.dot > 0.0).then(|| pair.dot / norm)
}
