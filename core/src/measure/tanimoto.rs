//! Tanimoto: x·y / (Σx² + Σy² − x·y). At most 1; Jaccard if unweighted. A pair whose dot product is 0
//! is no pair.
//! Source: Rogers & Tanimoto, A computer program for classifying plants, 1960.

use super::pair::Pair;

pub(super) fn score(pair: &Pair) -> Option<f64> {
    let either = pair.item_square + pair.neighbour_square - pair.dot;
    (pair.dot != 0.0 && either > 0.0).then(|| pair.dot / either)
}
