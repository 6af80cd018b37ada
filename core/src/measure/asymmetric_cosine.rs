//! Asymmetric cosine: x·y / ((Σx²)^α (Σy²)^(1 − α)). α = ½ is cosine, α = 1 unweighted is
//! P(neighbour given item).
//! Source: Aiolli, Efficient top-n recommendation for very large scale binary rated datasets, 2013.

use super::Pair;

pub(super) fn score(pair: &Pair, alpha: f64) -> Option<f64> {
    let norm = libm::pow(pair.item_square, alpha) * libm::pow(pair.neighbour_square, 1.0 - alpha);
    let has_norms = pair.item_square > 0.0 && pair.neighbour_square > 0.0 && norm > 0.0;
    has_norms.then(|| pair.dot / norm)
}
