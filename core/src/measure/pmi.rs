//! Pointwise mutual information: ln(N·c / (a·b)). Only where positive: more often than by chance.
//! Source: Church & Hanks, Word association norms, mutual information, and lexicography, 1990.

use super::pair::Pair;

pub(super) fn score(pair: &Pair) -> Option<f64> {
    let (expected, observed) = pair.expected_and_observed();
    (observed > expected).then(|| libm::log(pair.ratio_to_chance()))
}
