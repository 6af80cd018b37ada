//! Normalised pointwise mutual information: pmi / −ln(c / N). In (0, 1], only where positive.
//! Source: Bouma, Normalized (pointwise) mutual information in collocation extraction, 2009.

use super::{pair::Pair, pmi};

pub(super) fn score(pair: &Pair) -> Option<f64> {
    // More often than by chance implies c < N, so the divisor is above 0.
    let share = pair.users as f64 / pair.overlap as f64;
    Some(pmi::score(pair)? / libm::log(share))
}
