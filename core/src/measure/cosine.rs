//! Cosine: x·y / (‖x‖‖y‖), the norms over all of each item's users. In (0, 1].
//! Source: Salton & McGill, Introduction to Modern Information Retrieval, 1983.

use super::Pair;

pub(super) fn score(pair: &Pair) -> Option<f64> {
    // One root of the product, not a product of roots: exact where the squares are equal.
    let product = pair.item_square * pair.neighbour_square;
    (product > 0.0).then(|| pair.dot / product.sqrt())
}
