//! Mean squared difference over the users of both: 1 / (Σ(x − y)² / c + 1). In (0, 1]; 1 where all
//! of them weigh both alike.
//! Source: Shardanand & Maes, Social information filtering, 1995; scaled as Surprise's `msd`.

use super::pair::Pair;

pub(super) fn score(pair: &Pair) -> f64 {
    1.0 / (pair.common.apart / pair.overlap as f64 + 1.0)
}
