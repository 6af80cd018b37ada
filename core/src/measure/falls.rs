//! Which measures fall as the neighbour gets more users.

use super::Measure;

impl Measure {
    /// Returns whether, of two neighbours with as many users in common, the one with fewer users
    /// scores better, and how much so follows from both numbers as `kernel/needs.rs` says.
    pub(crate) fn falls_with_support(&self) -> bool {
        match *self {
            Self::Cosine
            | Self::Jaccard
            | Self::Dice
            | Self::Overlap
            | Self::SarLift
            | Self::Pmi
            | Self::Npmi
            | Self::LexicographersMi
            | Self::Lift { .. } => true,
            Self::Tversky { beta, .. } => beta > 0.0,
            Self::AsymmetricCosine { alpha } => alpha < 1.0,
            Self::Conditional { alpha } => alpha > 0.0,
            _ => false,
        }
    }

    /// Returns whether, of two neighbours with as many users in common, the one with more users never
    /// scores better where every weight is 1, and is no pair if the other is none.
    ///
    /// Measures of the shared users alone do not look at either support, and with weights of 1 they score
    /// all pairs alike.
    /// (The derivative of `llr` by b is 2·ln of the odds that users of the neighbour lack the item
    /// against the odds that others lack it, which is below 0 for what occurs more often than by chance.)
    pub(crate) fn never_rises_with_support(&self) -> bool {
        self.falls_with_support()
            || matches!(
                self,
                Self::Llr
                    | Self::Cooccurrence
                    | Self::Dot
                    | Self::Tanimoto
                    | Self::WeightedJaccard
                    | Self::Pearson
                    | Self::CommonCosine
                    | Self::Msd
                    | Self::Tversky { .. }
                    | Self::AsymmetricCosine { .. }
                    | Self::Conditional { .. }
            )
    }
}
