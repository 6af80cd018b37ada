//! Time decay: w·0.5^((now − t) / half-life). A time after `now` counts more than 1, at most
//! [`LARGEST_WEIGHT`].

use super::choice::LARGEST_WEIGHT;

/// Weighs one interaction. `age`: now − t and `half_life` in microseconds.
pub fn weigh(weight: f64, age: i64, half_life: i64) -> f64 {
    (weight * libm::exp2(-(age as f64) / half_life as f64)).min(LARGEST_WEIGHT)
}
