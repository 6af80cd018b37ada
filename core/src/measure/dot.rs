//! Dot product: x·y over the users of both. Below 0 only with weights below 0; a pair whose dot product is 0
//! is no pair.

use super::pair::Pair;

pub(super) fn score(pair: &Pair) -> Option<f64> {
    (pair.dot != 0.0).then_some(pair.dot)
}
