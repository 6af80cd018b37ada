//! Overlap coefficient: c / min(a, b). In (0, 1]. SAR calls it inclusion index.
//! Source: Szymkiewicz 1934; Simpson 1943.

use super::pair::Pair;

pub(super) fn score(pair: &Pair) -> f64 {
    pair.overlap as f64 / pair.item_support.min(pair.neighbour_support) as f64
}
