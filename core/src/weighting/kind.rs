//! What weights a job has, as blocks keep them.

use super::{choice::Weighting, weigher::Weigher};

/// What weights there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightKind {
    /// Every weight is 1.
    One,
    /// A factor of the user times one of the item.
    Separable,
    /// One for each interaction.
    Own,
}

impl WeightKind {
    /// Returns what weights a job has. `has_weights`: interactions have weights before weighting.
    pub const fn of(weighting: Weighting, has_weights: bool) -> Self {
        match weighting {
            _ if Weigher::is_unit(weighting, has_weights) => Self::One,
            Weighting::Tfidf { .. } | Weighting::Log | Weighting::Bm25 { .. } if !has_weights => {
                Self::Separable
            }
            _ => Self::Own,
        }
    }

    /// Returns what weights there are where `target` is the first item of a second behaviour.
    #[must_use]
    pub const fn with_target(self, target: Option<u32>) -> Self {
        match (self, target) {
            // What a user brings is not the same in both behaviours.
            (Self::Separable, Some(_)) => Self::Own,
            _ => self,
        }
    }

    /// Returns the bytes of an interaction's weight.
    pub const fn bytes(self) -> usize {
        match self {
            Self::One | Self::Separable => 0,
            Self::Own => size_of::<f64>(),
        }
    }

    /// Returns the bytes of what is summed per pair: a count, or a dot product and a count.
    pub(crate) const fn sum_bytes(self) -> usize {
        match self {
            Self::One => size_of::<u32>(),
            Self::Separable | Self::Own => 2 * size_of::<f64>(),
        }
    }
}
