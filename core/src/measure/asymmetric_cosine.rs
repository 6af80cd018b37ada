//! Asymmetric cosine: x·y / ((Σx²)^α (Σy²)^(1 − α)). α = ½ is cosine, α = 1 unweighted is
//! P(neighbour given item).
//! Source: Aiolli, Efficient top-n recommendation for very large scale binary rated datasets, 2013.

use super::pair::Pair;

pub(super) fn score(pair: &Pair, alpha: f64) -> Option<f64> {
    let norm = libm::pow(pair.item_square, alpha) * libm::pow(pair.neighbour_square, 1.0 - alpha);
    (norm > 0.0 && pair.dot != 0.0).then(|| pair.dot / norm)
}
