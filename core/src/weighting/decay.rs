//! Time decay: w·0.5^((now − t) / half-life). A time after `now` counts more than 1, at most
//! [`LARGEST_WEIGHT`].
//!
//! Every factor is a mantissa times a power of two, so that what a measure does not see of a scale
//! can be left out without changing a bit.

use super::choice::LARGEST_WEIGHT;

/// 2^(span / half-life), as a mantissa from 1 to 2 and the exponent of a power of two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    mantissa: f64,
    exponent: i64,
}

impl Growth {
    /// Computes it for a span of time; `span` and `half_life`, above 0, in microseconds.
    pub fn of(span: i64, half_life: i64) -> Self {
        let rest = span.rem_euclid(half_life) as f64 / half_life as f64;
        Self { mantissa: libm::exp2(rest), exponent: span.div_euclid(half_life) }
    }

    /// Returns `weight` times this, divided by 2^`halvings`: one rounding, unless the result is too
    /// small for its digits.
    fn times(self, weight: f64, halvings: i64) -> f64 {
        /// Past this everything is 0 or infinite.
        const MOST: i64 = 5_000;
        let exponent = self.exponent.saturating_sub(halvings).clamp(-MOST, MOST);
        libm::scalbn(weight * self.mantissa, exponent as i32)
    }
}

/// Weighs one interaction as of another time. `age`: that time less the interaction's, and
/// `half_life`, in microseconds.
pub fn weigh(weight: f64, age: i64, half_life: i64) -> f64 {
    let growth = Growth::of(0_i64.saturating_sub(age), half_life);
    growth.times(weight, 0).clamp(-LARGEST_WEIGHT, LARGEST_WEIGHT)
}

/// Counts the whole half-lives up to `time`: what [`weigh_since`] leaves out.
pub fn half_lives(time: i64, half_life: i64) -> i64 {
    time.div_euclid(half_life)
}

/// Weighs one interaction of `time` up to the scale 2^`halvings`, which is that of the newest time
/// that counts: [`half_lives`] of it. Times since 1970, in microseconds.
pub fn weigh_since(weight: f64, time: i64, half_life: i64, halvings: i64) -> f64 {
    Growth::of(time, half_life).times(weight, halvings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_halves_each_half_life() {
        for (age, expected) in [(0, 8.0), (7, 4.0), (14, 2.0), (-7, 16.0), (7 * 1_070, 0.0)] {
            let found = weigh(8.0, age, 7);
            assert!(found == expected || expected == 0.0 && found < 1e-300, "{age}: {found}");
        }
        assert_eq!(weigh(1.0, -7_000_000, 7), LARGEST_WEIGHT);
        assert_eq!(weigh(1.0, i64::MAX, 1), 0.0);
        let third = weigh(1.0, 1, 3);
        assert!((third - libm::pow(0.5, 1.0 / 3.0)).abs() < 1e-15, "{third}");
    }

    #[test]
    fn the_scale_is_a_power_of_two() {
        for time in [-1_000_003, 0, 5, 123_456_789] {
            let one = weigh_since(0.3, time, 1_000, half_lives(time, 1_000));
            assert!((0.3..=0.6).contains(&one));
            assert_eq!(
                weigh_since(0.3, time, 1_000, half_lives(time, 1_000) + 40),
                one / 1_099_511_627_776.0
            );
        }
    }
}
