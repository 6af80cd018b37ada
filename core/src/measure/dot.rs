//! Dot product: x·y over the users of both.

use super::Pair;

pub(super) fn score(pair: &Pair) -> Option<f64> {
    (pair.item_square > 0.0 && pair.neighbour_square > 0.0).then_some(pair.dot)
}
