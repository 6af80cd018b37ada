//! Tversky index: c / (c + α(a − c) + β(b − c)). In (0, 1]; α = β = 1 is Jaccard, ½ is Dice.
//! Source: Tversky, Features of similarity, 1977.

use super::pair::Pair;

pub(super) fn score(pair: &Pair, alpha: f64, beta: f64) -> f64 {
    let overlap = pair.overlap as f64;
    let only_item = (pair.item_support - pair.overlap) as f64;
    let only_neighbour = (pair.neighbour_support - pair.overlap) as f64;
    // The two sides are added first, so that α = β scores both directions alike to the bit.
    overlap / (overlap + (alpha * only_item + beta * only_neighbour))
}
