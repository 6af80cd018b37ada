//! Weighted Jaccard: Σ min(x, y) / Σ max(x, y) over all users. In (0, 1]; Jaccard if unweighted. Weights
//! must not be below 0.
//! Source: Ružička, Anwendung mathematisch-statistischer Methoden in der Geobotanik, 1958.

use super::pair::Pair;

pub(super) fn score(pair: &Pair) -> Option<f64> {
    // Σ max = Σ x + Σ y − Σ min.
    let larger = pair.item_sum + pair.neighbour_sum - pair.least;
    (pair.least > 0.0).then(|| pair.least / larger)
}
