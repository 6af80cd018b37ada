//! Which weighting a job takes, with its parameters.

use crate::names::named;

named! {
    /// What an interaction counts before the measure; formulas in [`Weighting`].
    WeightingName, "weighting" {
        /// 1
        Binary = "binary",
        /// w
        Raw = "raw",
        /// ln(1 + w)
        Log = "log",
        /// √w·idf
        Tfidf = "tfidf",
        /// w(K1 + 1) / (K1(1 − B + B·len/avg) + w)·idf
        Bm25 = "bm25",
        /// w·0.5^((now − t) / half-life)
        Decay = "decay",
    }
}

/// Weights past this are set aside, so that every sum of squares and products stays finite.
pub const LARGEST_WEIGHT: f64 = f32::MAX as f64;

/// A weighting with its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Weighting {
    /// See [`WeightingName::Binary`].
    Binary,
    /// See [`WeightingName::Raw`].
    Raw,
    /// See [`WeightingName::Log`].
    Log,
    /// See [`WeightingName::Tfidf`].
    Tfidf,
    /// See [`WeightingName::Bm25`].
    Bm25 {
        /// K1, how soon a weight saturates.
        k1: f64,
        /// B, how much an item's length counts.
        b: f64,
    },
    /// See [`WeightingName::Decay`].
    Decay {
        /// Half-life in microseconds, above 0.
        half_life: i64,
        /// The present, microseconds since 1970; `None` is the newest time in the data.
        now: Option<i64>,
    },
}

impl Weighting {
    /// Returns the weighting's name.
    pub const fn name(&self) -> WeightingName {
        match self {
            Self::Binary => WeightingName::Binary,
            Self::Raw => WeightingName::Raw,
            Self::Log => WeightingName::Log,
            Self::Tfidf => WeightingName::Tfidf,
            Self::Bm25 { .. } => WeightingName::Bm25,
            Self::Decay { .. } => WeightingName::Decay,
        }
    }
}
