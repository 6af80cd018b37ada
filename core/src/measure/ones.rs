//! Which measures are one where every weight is 1.

use super::Measure;

impl Measure {
    /// Returns one measure for all that score every pair alike, to the bit, where every weight is 1:
    /// their numbers are small integers and halves, which are added without rounding, and one division
    /// of equal quotients is rounded alike.
    pub(crate) fn of_ones(self) -> Self {
        match self {
            Self::Dot => Self::Cooccurrence,
            Self::Tanimoto | Self::WeightedJaccard => Self::Jaccard,
            Self::Tversky { alpha, beta } => match (alpha, beta) {
                (1.0, 1.0) => Self::Jaccard,
                (0.5, 0.5) => Self::Dice,
                (1.0, 0.0) => Self::Conditional { alpha: 0.0 },
                _ => self,
            },
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{
        prelude::{ProptestConfig, any},
        prop_assert_eq, proptest,
    };

    use super::super::{Measure, Pair};

    const SAME: [Measure; 7] = [
        Measure::Dot,
        Measure::Tanimoto,
        Measure::WeightedJaccard,
        Measure::Tversky { alpha: 1.0, beta: 1.0 },
        Measure::Tversky { alpha: 0.5, beta: 0.5 },
        Measure::Tversky { alpha: 1.0, beta: 0.0 },
        Measure::Cosine,
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(crate::testing::cases(2_000)))]

        #[test]
        fn pairs_of_ones_score_alike_to_the_bit(
            overlap in 1..100_000_u32,
            (item, neighbour) in (0..1_000_000_u32, 0..1_000_000_u32),
            others in any::<u16>(),
        ) {
            let supports = (overlap + item, overlap + neighbour);
            let users = supports.0 + supports.1 - overlap + u32::from(others);
            let pair = Pair::of_ones(overlap, supports, users);
            for measure in SAME {
                let bits = |measure: Measure| measure.score(&pair).map(f64::to_bits);
                prop_assert_eq!(bits(measure), bits(measure.of_ones()), "{:?}", measure);
            }
        }
    }

    #[test]
    fn others_stay_what_they_are() {
        for measure in [Measure::Cosine, Measure::Tversky { alpha: 0.5, beta: 1.0 }, Measure::Llr] {
            assert_eq!(measure.of_ones(), measure);
        }
        assert_eq!(Measure::Dot.of_ones(), Measure::Cooccurrence);
    }
}
