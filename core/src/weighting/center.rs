//! Centring: w − mean, the mean being that of the user's or the item's weights.
//! Source: Sarwar et al., Item-based collaborative filtering recommendation algorithms, 2001 (by
//! user); Ekstrand et al., LensKit, 2011 (by item).

/// The mean of `count` weights; `sum`: their sum in ascending order of items (of a user) or of users
/// (of an item).
pub fn mean(sum: f64, count: u32) -> f64 {
    sum / f64::from(count)
}

/// Weighs one interaction.
pub fn weigh(weight: f64, mean: f64) -> f64 {
    weight - mean
}
