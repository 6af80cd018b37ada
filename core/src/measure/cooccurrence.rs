//! Co-occurrence: c, the number of users of both.

use super::pair::Pair;

pub(super) fn score(pair: &Pair) -> f64 {
    pair.overlap as f64
}
