//! Log-likelihood ratio: 2 Σ k·ln(k·N / (row·column)) over the four cells c, a − c, b − c and
//! N − a − b + c of the table of both items. Only where the pair occurs more often than by chance.
//! Source: Dunning, Accurate methods for the statistics of surprise and coincidence, 1993.

use super::pair::Pair;

pub(super) fn score(pair: &Pair) -> Option<f64> {
    let (expected, observed) = pair.expected_and_observed();
    let ratio = (observed > expected).then(|| ratio(pair))?;
    (ratio > 0.0).then_some(ratio)
}

/// The ratio of any pair, also of one that is rarer than by chance.
fn ratio(pair: &Pair) -> f64 {
    let users = u64::from(pair.users);
    let (a, b) = (u64::from(pair.item_support), u64::from(pair.neighbour_support));
    let both = u64::from(pair.overlap);
    // Each term is a deviation from chance, so nothing large cancels. The two one-sided cells
    // are added first: both directions score alike to the bit.
    let one_sided = cell(a - both, users, a, users - b) + cell(b - both, users, users - a, b);
    // A host may say that there are fewer users than its blocks hold.
    let neither = (users + both).saturating_sub(a + b);
    let two_sided = cell(both, users, a, b) + cell(neither, users, users - a, users - b);
    2.0 * (two_sided + one_sided)
}

/// 1 − 1 / (1 + llr), in [0, 1): as Apache Mahout scales it, who keeps pairs that are rarer than by
/// chance, too.
pub(super) fn mahout_score(pair: &Pair) -> f64 {
    1.0 - 1.0 / (1.0 + ratio(pair).max(0.0))
}

/// k·ln(k·N / (row·column)); an empty cell adds 0.
fn cell(count: u64, users: u64, row: u64, column: u64) -> f64 {
    if count == 0 {
        return 0.0;
    }
    let ratio = (count * users) as f64 / (row * column) as f64;
    count as f64 * libm::log(ratio)
}
