//! Lift: N·c / ((a + κ)(b + κ)). In (0, N]; 1 is chance; κ damps rare items.
//! Source: Brin, Motwani & Silverstein, Beyond market baskets, 1997 (as interest).

use super::pair::Pair;

pub(super) fn score(pair: &Pair, kappa: f64) -> f64 {
    let observed = pair.overlap as f64 * pair.users as f64;
    observed / ((pair.item_support as f64 + kappa) * (pair.neighbour_support as f64 + kappa))
}

/// c / (a·b): lift without the number of users, as Microsoft's SAR defines it.
pub(super) fn sar_score(pair: &Pair) -> f64 {
    let (expected, _) = pair.expected_and_observed();
    pair.overlap as f64 / expected as f64
}
