//! Measures: how alike two items are, from what is known of a pair.
//!
//! One file per measure; each is a function of a [`Pair`] whose docs give formula, range and
//! source. To add one: a file here, a variant of [`Measure`] and of
//! [`MeasureName`], a line in `score_each`, and a row of the oracle.

mod asymmetric_cosine;
mod common_cosine;
mod conditional;
mod cooccurrence;
mod cosine;
mod dice;
mod dot;
mod falls;
mod jaccard;
mod lexicographers_mi;
mod lift;
mod llr;
mod msd;
mod npmi;
mod ones;
mod overlap;
mod pair;
mod pearson;
mod pmi;
mod tanimoto;
mod tversky;
mod weighted_jaccard;

pub use self::pair::{Common, Pair};
use crate::names::named;

named! {
    /// How alike two items are; formulas in [`Measure`].
    MeasureName, "measure" {
        /// x·y / (‖x‖‖y‖)
        Cosine = "cosine",
        /// c / (a + b − c)
        Jaccard = "jaccard",
        /// 2c / (a + b)
        Dice = "dice",
        /// c / min(a, b)
        Overlap = "overlap",
        /// c / (c + α(a − c) + β(b − c))
        Tversky = "tversky",
        /// x·y / ((Σx²)^α (Σy²)^(1 − α))
        AsymmetricCosine = "asymmetric-cosine",
        /// c / (a·b^α)
        Conditional = "conditional",
        /// N·c / ((a + κ)(b + κ))
        Lift = "lift",
        /// c / (a·b): lift as SAR defines it, without the number of users
        SarLift = "sar-lift",
        /// ln(N·c / (a·b)); pairs no more frequent than by chance are left out
        Pmi = "pmi",
        /// pmi / −ln(c / N); pairs no more frequent than by chance are left out
        Npmi = "npmi",
        /// c·log2(N·c / (a·b))
        LexicographersMi = "lexicographers-mi",
        /// Dunning's log-likelihood ratio; pairs no more frequent than by chance are left out
        Llr = "llr",
        /// 1 − 1 / (1 + llr) as in Mahout; pairs less frequent than by chance stay
        MahoutLlr = "mahout-llr",
        /// c
        Cooccurrence = "cooccurrence",
        /// x·y
        Dot = "dot",
        /// x·y / (Σx² + Σy² − x·y)
        Tanimoto = "tanimoto",
        /// Σ min(x, y) / Σ max(x, y)
        WeightedJaccard = "weighted-jaccard",
        /// Pearson's correlation over the c shared users
        Pearson = "pearson",
        /// Cosine over the c shared users
        CommonCosine = "common-cosine",
        /// 1 / (Σ(x − y)² / c + 1) over the c shared users
        Msd = "msd",
    }
}

/// A measure with its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measure {
    /// See [`MeasureName::Cosine`].
    Cosine,
    /// See [`MeasureName::Jaccard`].
    Jaccard,
    /// See [`MeasureName::Dice`].
    Dice,
    /// See [`MeasureName::Overlap`].
    Overlap,
    /// See [`MeasureName::Tversky`].
    Tversky {
        /// α, weight of users of the item alone.
        alpha: f64,
        /// β, weight of users of the neighbour alone.
        beta: f64,
    },
    /// See [`MeasureName::AsymmetricCosine`].
    AsymmetricCosine {
        /// α, share of the item's norm.
        alpha: f64,
    },
    /// See [`MeasureName::Conditional`].
    Conditional {
        /// α, damping of popular neighbours.
        alpha: f64,
    },
    /// See [`MeasureName::Lift`].
    Lift {
        /// κ, damping of rare items.
        kappa: f64,
    },
    /// See [`MeasureName::SarLift`].
    SarLift,
    /// See [`MeasureName::Pmi`].
    Pmi,
    /// See [`MeasureName::Npmi`].
    Npmi,
    /// See [`MeasureName::LexicographersMi`].
    LexicographersMi,
    /// See [`MeasureName::Llr`].
    Llr,
    /// See [`MeasureName::MahoutLlr`].
    MahoutLlr,
    /// See [`MeasureName::Cooccurrence`].
    Cooccurrence,
    /// See [`MeasureName::Dot`].
    Dot,
    /// See [`MeasureName::Tanimoto`].
    Tanimoto,
    /// See [`MeasureName::WeightedJaccard`].
    WeightedJaccard,
    /// See [`MeasureName::Pearson`].
    Pearson,
    /// See [`MeasureName::CommonCosine`].
    CommonCosine,
    /// See [`MeasureName::Msd`].
    Msd,
}

/// What is summed up of an item's weights before pairs are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Norm {
    /// Σx².
    #[default]
    Squares,
    /// Σx.
    Sum,
}

impl Norm {
    /// Returns what one weight adds.
    #[inline]
    pub fn of(self, weight: f64) -> f64 {
        match self {
            Self::Squares => weight * weight,
            Self::Sum => weight,
        }
    }
}

/// What scores do not change with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blindness {
    /// The scale of each item's weights.
    OfItems,
    /// The scale of all weights together.
    OfAll,
    /// No scale.
    None,
}

impl Measure {
    /// Returns the measure's name.
    pub const fn name(&self) -> MeasureName {
        match self {
            Self::Cosine => MeasureName::Cosine,
            Self::Jaccard => MeasureName::Jaccard,
            Self::Dice => MeasureName::Dice,
            Self::Overlap => MeasureName::Overlap,
            Self::Tversky { .. } => MeasureName::Tversky,
            Self::AsymmetricCosine { .. } => MeasureName::AsymmetricCosine,
            Self::Conditional { .. } => MeasureName::Conditional,
            Self::Lift { .. } => MeasureName::Lift,
            Self::SarLift => MeasureName::SarLift,
            Self::Pmi => MeasureName::Pmi,
            Self::Npmi => MeasureName::Npmi,
            Self::LexicographersMi => MeasureName::LexicographersMi,
            Self::Llr => MeasureName::Llr,
            Self::MahoutLlr => MeasureName::MahoutLlr,
            Self::Cooccurrence => MeasureName::Cooccurrence,
            Self::Dot => MeasureName::Dot,
            Self::Tanimoto => MeasureName::Tanimoto,
            Self::WeightedJaccard => MeasureName::WeightedJaccard,
            Self::Pearson => MeasureName::Pearson,
            Self::CommonCosine => MeasureName::CommonCosine,
            Self::Msd => MeasureName::Msd,
        }
    }

    /// Returns whether the measure looks at weights; the others only count users.
    pub const fn is_weighted(&self) -> bool {
        matches!(
            self,
            Self::Cosine
                | Self::AsymmetricCosine { .. }
                | Self::Dot
                | Self::Tanimoto
                | Self::WeightedJaccard
        ) || self.is_common()
    }

    /// Returns whether the measure looks at the users of both only.
    pub const fn is_common(&self) -> bool {
        matches!(self, Self::Pearson | Self::CommonCosine | Self::Msd)
    }

    /// Returns what is summed up of an item's weights beforehand.
    pub const fn norm(&self) -> Norm {
        if matches!(self, Self::WeightedJaccard) { Norm::Sum } else { Norm::Squares }
    }

    /// Returns what the measure does not see of the scale of weights.
    pub fn blindness(&self) -> Blindness {
        match self {
            Self::Cosine | Self::CommonCosine | Self::Pearson => Blindness::OfItems,
            Self::AsymmetricCosine { alpha } if *alpha == 0.5 => Blindness::OfItems,
            Self::AsymmetricCosine { .. } | Self::Tanimoto | Self::WeightedJaccard => {
                Blindness::OfAll
            }
            _ => Blindness::None,
        }
    }

    /// Returns what scores of pairs with so many users are multiplied by.
    #[inline]
    pub fn damping(&self, overlap: u32, shrinkage: f64) -> f64 {
        if matches!(self, Self::Pearson) {
            return pearson::damping(overlap, shrinkage);
        }
        let overlap = f64::from(overlap);
        overlap / (overlap + shrinkage)
    }

    /// Returns whether (x, y) always scores what (y, x) scores, to the bit.
    pub fn is_symmetric(&self) -> bool {
        match self {
            Self::Tversky { alpha, beta } => alpha == beta,
            Self::AsymmetricCosine { .. } | Self::Conditional { .. } => false,
            _ => true,
        }
    }

    /// Returns factors (as the item, as the neighbour) of a product x·y · item factor ·
    /// neighbour factor that bounds the score through [`product_for`](Self::product_for).
    /// Infinite where the measure has no such bound.
    pub(crate) fn ceiling(&self, support: u32, square: f64, users: u32) -> (f64, f64) {
        let support = support as f64;
        let cosine = 1.0 / square.sqrt();
        match *self {
            Self::Cosine | Self::Jaccard | Self::Dice | Self::Tanimoto => (cosine, cosine),
            Self::AsymmetricCosine { alpha } => {
                (libm::pow(square, -alpha), libm::pow(square, alpha - 1.0))
            }
            Self::Conditional { alpha } => (1.0 / support, libm::pow(support, -alpha)),
            Self::Lift { kappa } => (users as f64 / (support + kappa), 1.0 / (support + kappa)),
            Self::SarLift => (1.0 / support, 1.0 / support),
            Self::Pmi => (users as f64 / support, 1.0 / support),
            Self::Cooccurrence | Self::Dot => (1.0, 1.0),
            _ => (f64::INFINITY, f64::INFINITY),
        }
    }

    /// Returns whether the score is that product, rounding aside.
    pub(crate) const fn is_product(&self) -> bool {
        matches!(
            self,
            Self::Cosine
                | Self::AsymmetricCosine { .. }
                | Self::Conditional { .. }
                | Self::Lift { .. }
                | Self::SarLift
                | Self::Cooccurrence
                | Self::Dot
        )
    }

    /// Returns what that product must reach for a score of `bar` to be possible.
    pub(crate) fn product_for(&self, bar: f64) -> f64 {
        match self {
            // jaccard = dice / (2 − dice), and dice ≤ cosine as a + b ≥ 2√(ab).
            Self::Jaccard | Self::Tanimoto if bar > 0.0 => 2.0 * bar / (1.0 + bar),
            Self::Pmi => libm::exp(bar),
            _ => bar,
        }
    }

    /// Scores a pair; `None` where the measure says that it is no pair. Finite.
    pub fn score(&self, pair: &Pair) -> Option<f64> {
        let mut score = None;
        self.score_each(std::iter::once(*pair), |_, found| score = found);
        score
    }

    /// Scores many pairs and hands each on with what [`score`](Self::score) says of it. What the
    /// measure is, is asked once.
    #[inline]
    pub(crate) fn score_each(
        &self,
        pairs: impl Iterator<Item = Pair>,
        mut each: impl FnMut(&Pair, Option<f64>),
    ) {
        macro_rules! all {
            (|$pair:ident| $score:expr) => {
                pairs.for_each(|pair| {
                    let $pair = &pair;
                    each($pair, $score);
                })
            };
        }
        match *self {
            Self::Cosine => all!(|pair| cosine::score(pair)),
            Self::Jaccard => all!(|pair| Some(jaccard::score(pair))),
            Self::Dice => all!(|pair| Some(dice::score(pair))),
            Self::Overlap => all!(|pair| Some(overlap::score(pair))),
            Self::Tversky { alpha, beta } => all!(|pair| Some(tversky::score(pair, alpha, beta))),
            Self::AsymmetricCosine { alpha } => all!(|pair| asymmetric_cosine::score(pair, alpha)),
            Self::Conditional { alpha } => all!(|pair| Some(conditional::score(pair, alpha))),
            Self::Lift { kappa } => all!(|pair| Some(lift::score(pair, kappa))),
            Self::SarLift => all!(|pair| Some(lift::sar_score(pair))),
            Self::Pmi => all!(|pair| pmi::score(pair)),
            Self::Npmi => all!(|pair| npmi::score(pair)),
            Self::LexicographersMi => all!(|pair| Some(lexicographers_mi::score(pair))),
            Self::Llr => all!(|pair| llr::score(pair)),
            Self::MahoutLlr => all!(|pair| Some(llr::mahout_score(pair))),
            Self::Cooccurrence => all!(|pair| Some(cooccurrence::score(pair))),
            Self::Dot => all!(|pair| dot::score(pair)),
            Self::Tanimoto => all!(|pair| tanimoto::score(pair)),
            Self::WeightedJaccard => all!(|pair| weighted_jaccard::score(pair)),
            Self::Pearson => all!(|pair| pearson::score(pair)),
            Self::CommonCosine => all!(|pair| common_cosine::score(pair)),
            Self::Msd => all!(|pair| Some(msd::score(pair))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// c = 3, a = 4, b = 9, N = 12.
    const PAIR: Pair = Pair {
        overlap: 3,
        item_support: 4,
        neighbour_support: 9,
        users: 12,
        dot: 3.0,
        item_square: 4.0,
        neighbour_square: 9.0,
        item_sum: 4.0,
        neighbour_sum: 9.0,
        least: 3.0,
        common: Common { x: 3.0, y: 3.0, xx: 3.0, yy: 3.0, apart: 0.0 },
    };

    #[test]
    fn golden_values() {
        // c·N = a·b here: exactly as often as by chance.
        let rare = Pair { neighbour_support: 4, neighbour_square: 4.0, ..PAIR };
        let cases = [
            (Measure::Cosine, PAIR, Some(0.5)),
            (Measure::Jaccard, PAIR, Some(0.3)),
            (Measure::Dice, PAIR, Some(6.0 / 13.0)),
            (Measure::Overlap, PAIR, Some(0.75)),
            (Measure::Tversky { alpha: 1.0, beta: 1.0 }, PAIR, Some(0.3)),
            (Measure::Tversky { alpha: 1.0, beta: 0.0 }, PAIR, Some(0.75)),
            (Measure::AsymmetricCosine { alpha: 0.5 }, PAIR, Some(0.5)),
            (Measure::AsymmetricCosine { alpha: 1.0 }, PAIR, Some(0.75)),
            (Measure::Conditional { alpha: 0.0 }, PAIR, Some(0.75)),
            (Measure::Conditional { alpha: 0.5 }, PAIR, Some(0.25)),
            (Measure::Lift { kappa: 0.0 }, PAIR, Some(1.0)),
            (Measure::Lift { kappa: 1.0 }, PAIR, Some(0.72)),
            (Measure::SarLift, PAIR, Some(3.0 / 36.0)),
            (Measure::Pmi, PAIR, None),
            (Measure::Npmi, PAIR, None),
            (Measure::Llr, PAIR, None),
            (Measure::LexicographersMi, PAIR, Some(0.0)),
            (Measure::Pmi, rare, Some(libm::log(2.25))),
            (Measure::Npmi, rare, Some(libm::log(2.25) / libm::log(4.0))),
            (Measure::LexicographersMi, rare, Some(3.0 * libm::log2(2.25))),
            // As scipy.stats.chi2_contingency([[3, 1], [1, 7]], lambda_="log-likelihood") has it.
            (Measure::Llr, rare, Some(4.749_336_302_022_05)),
            (Measure::MahoutLlr, rare, Some(1.0 - 1.0 / 5.749_336_302_022_05)),
            (Measure::Cooccurrence, PAIR, Some(3.0)),
            (Measure::Dot, PAIR, Some(3.0)),
        ];
        for (measure, pair, expected) in cases {
            let score = measure.score(&pair);
            let near = match (score, expected) {
                (Some(score), Some(expected)) => (score - expected).abs() < 1e-11,
                (score, expected) => score == expected,
            };
            assert!(near, "{measure:?} of {pair:?}: {score:?}, expected {expected:?}");
        }
    }

    #[test]
    fn a_norm_of_zero_is_no_pair() {
        let pair = Pair { item_square: 0.0, dot: 0.0, ..PAIR };
        for measure in [Measure::Cosine, Measure::AsymmetricCosine { alpha: 0.5 }, Measure::Dot] {
            assert_eq!(measure.score(&pair), None, "{measure:?}");
        }
    }

    #[test]
    fn always_together_is_finite() {
        let pair = Pair {
            overlap: 12,
            item_support: 12,
            neighbour_support: 12,
            dot: 12.0,
            item_square: 12.0,
            neighbour_square: 12.0,
            ..PAIR
        };
        assert_eq!(Measure::Npmi.score(&pair), None);
        assert_eq!(Measure::Llr.score(&pair), None);
        assert_eq!(Measure::Lift { kappa: 0.0 }.score(&pair), Some(1.0));
    }
}
