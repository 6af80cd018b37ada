//! Conditional probability: c / (a·b^α). α = 0 is P(neighbour given item); α > 0 damps
//! popular neighbours.
//! Source: Deshpande & Karypis, Item-based top-N recommendation algorithms, 2004.

use super::pair::Pair;

pub(super) fn score(pair: &Pair, alpha: f64) -> f64 {
    let damping = if alpha == 0.0 { 1.0 } else { libm::pow(pair.neighbour_support as f64, alpha) };
    pair.overlap as f64 / (pair.item_support as f64 * damping)
}
