//! Dot product: x·y over the users of both. Above 0; a pair without weight in common is no pair.

use super::pair::Pair;

pub(super) fn score(pair: &Pair) -> Option<f64> {
    (pair.dot > 0.0).then_some(pair.dot)
}
