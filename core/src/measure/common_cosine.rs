//! Cosine over the users of both: Σxy / √(Σx²·Σy²), all sums over these users only, as Surprise's
//! `cosine`. From −1 to 1; with the users' means subtracted it is the adjusted cosine.
//! Source: Sarwar et al., Item-based collaborative filtering recommendation algorithms, 2001.

use super::{cosine, pair::Pair};

pub(super) fn score(pair: &Pair) -> Option<f64> {
    let norm = cosine::norm(pair.common.xx, pair.common.yy);
    (norm > 0.0).then(|| pair.dot / norm)
}
