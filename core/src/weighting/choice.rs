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

named! {
    /// What is subtracted from weights before the measure.
    Center, "center" {
        /// Nothing
        None = "none",
        /// The mean weight of the user
        User = "user",
        /// The mean weight of the item
        Item = "item",
    }
}

/// Weights past this are set aside, so that every sum of squares and products stays finite.
pub const LARGEST_WEIGHT: f64 = f32::MAX as f64;

/// What idf a user has who has nearly all items, where ln I − ln(1 + df) is below 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idf {
    /// 0: such a user says nothing.
    AtLeastZero,
    /// What the formula says, as implicit has it.
    Signed,
}

/// What time decayed weights are relative to: the measure says which does not change its scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The newest time of each item, in whole half-lives: no weight vanishes because others are new.
    Item,
    /// The newest time of all, in whole half-lives.
    All,
    /// The present.
    Now,
}

/// A weighting with its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Weighting {
    /// See [`WeightingName::Binary`].
    Binary,
    /// See [`WeightingName::Raw`].
    Raw,
    /// [`WeightingName::Raw`], less the mean of the user or the item.
    Centred(Centred),
    /// See [`WeightingName::Log`].
    Log,
    /// See [`WeightingName::Tfidf`].
    Tfidf {
        /// Whether idf may be below 0.
        idf: Idf,
    },
    /// See [`WeightingName::Bm25`].
    Bm25 {
        /// K1, how soon a weight saturates.
        k1: f64,
        /// B, how much an item's length counts.
        b: f64,
        /// Whether idf may be below 0.
        idf: Idf,
    },
    /// See [`WeightingName::Decay`].
    Decay {
        /// Half-life in microseconds, above 0.
        half_life: i64,
        /// The present, microseconds since 1970; `None` is the newest time after the least support. Scores depend
        /// on it with [`Anchor::Now`] only.
        now: Option<i64>,
        /// What time weights are relative to.
        anchor: Anchor,
    },
}

/// Whose mean is subtracted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Centred {
    /// The user's.
    ByUser,
    /// The item's.
    ByItem,
}

impl Weighting {
    /// Returns the weighting's name.
    pub const fn name(&self) -> WeightingName {
        match self {
            Self::Binary => WeightingName::Binary,
            Self::Raw | Self::Centred(_) => WeightingName::Raw,
            Self::Log => WeightingName::Log,
            Self::Tfidf { .. } => WeightingName::Tfidf,
            Self::Bm25 { .. } => WeightingName::Bm25,
            Self::Decay { .. } => WeightingName::Decay,
        }
    }

    /// Returns what is subtracted from weights.
    pub const fn center(&self) -> Center {
        match self {
            Self::Centred(Centred::ByUser) => Center::User,
            Self::Centred(Centred::ByItem) => Center::Item,
            _ => Center::None,
        }
    }
}
