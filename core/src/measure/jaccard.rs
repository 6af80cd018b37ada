//! Jaccard: c / (a + b − c). In (0, 1].
//! Source: Jaccard, Étude comparative de la distribution florale, 1901.

use super::pair::Pair;

pub(super) fn score(pair: &Pair) -> f64 {
    let either =
        u64::from(pair.item_support) + u64::from(pair.neighbour_support) - u64::from(pair.overlap);
    pair.overlap as f64 / either as f64
}
