//! Pearson's correlation over the users of both: (c·Σxy − Σx·Σy) / √((c·Σx² − (Σx)²)(c·Σy² − (Σy)²)),
//! as Surprise computes it. From −1 to 1; where either item has one weight for all of these users,
//! there is no pair.
//! Source: Resnick et al., GroupLens, 1994.

use super::pair::Pair;

pub(super) fn score(pair: &Pair) -> Option<f64> {
    let (common, users) = (&pair.common, pair.overlap as f64);
    let both = users * pair.dot - common.x * common.y;
    let x = spread(users, common.x, common.xx)?;
    let y = spread(users, common.y, common.yy)?;
    Some((both / (x * y).sqrt()).clamp(-1.0, 1.0))
}

/// c·Σx² − (Σx)², unless that is what rounding leaves of equal weights.
fn spread(users: f64, sum: f64, squares: f64) -> Option<f64> {
    let (all, mean) = (users * squares, sum * sum);
    let spread = all - mean;
    (spread > all * (users * f64::EPSILON)).then_some(spread)
}

/// Pearson's shrinkage: (c − 1) / (c − 1 + h), as one pair of numbers always correlates.
/// Source: Koren, Factor in the neighbors, 2010; Surprise's `pearson_baseline`.
pub(super) fn damping(overlap: u32, shrinkage: f64) -> f64 {
    let free = f64::from(overlap.saturating_sub(1));
    free / (free + shrinkage)
}
