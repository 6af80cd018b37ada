//! Scores that f32 does not hold: while they are compared they are scaled by a power of two.
//!
//! f32 ends at 3.4e38 and loses digits below 1.2e-38. Dot products of weights of one unit may all lie
//! outside; scaled to the largest that there can be they keep their order.

use super::topk::to_score;
use crate::{matrix::ItemTable, measure::Measure};

/// The scale of a job's scores while they are compared: those of one table of items all have the
/// same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScoreScale {
    /// They are multiplied by 2^this.
    exponent: i32,
}

impl ScoreScale {
    /// Scores up to this are held as they are.
    const LARGEST: f64 = 8.507_059_173_023_462e37;

    /// Where not even the largest score reaches this, many are too small.
    const SMALLEST: f64 = 8.673_617_379_884_035e-19;

    /// Finds the scale: of a dot product, which is at most the larger of both squares.
    pub fn of(table: &ItemTable, measure: &Measure) -> Self {
        if *measure != Measure::Dot {
            return Self::default();
        }
        let most = table.squares().iter().copied().fold(0.0, f64::max);
        let fits = (Self::SMALLEST..=Self::LARGEST).contains(&most) || most == 0.0;
        Self { exponent: if fits { 0 } else { 125 - libm::ilogb(most) } }
    }

    /// Returns whether scores are compared as they are.
    pub const fn is_one(self) -> bool {
        self.exponent == 0
    }

    /// Turns a score into what is compared.
    #[inline]
    pub(super) fn ranked(self, score: f64) -> f32 {
        to_score(if self.is_one() { score } else { libm::scalbn(score, self.exponent) })
    }

    /// Returns the score of what is compared.
    #[inline]
    pub(super) fn unscaled(self, ranked: f32) -> f64 {
        let ranked = f64::from(ranked);
        if self.is_one() { ranked } else { libm::scalbn(ranked, -self.exponent) }
    }

    /// Turns what is compared into the score that results hold.
    pub(super) fn score(self, ranked: f32) -> f32 {
        if self.is_one() { ranked } else { to_score(self.unscaled(ranked)) }
    }
}
