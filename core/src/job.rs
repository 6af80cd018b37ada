//! The job: one record, the same in a job file, on the command line, in JavaScript, WIT and Python.
//!
//! [`SimilarityJob`] is what people write: every setting optional. [`SimilarityJob::resolve`]
//! applies preset and defaults, checks every value, and gives the [`Job`] that core runs.

use crate::{
    data::time,
    measure::{Blindness, Measure, MeasureName},
    names::{UnknownName, named},
    weighting::{Anchor, Center, Centred, Idf, WeightKind, Weighting, WeightingName},
};

named! {
    /// What is compared.
    Of, "of" {
        /// Items, by the users they share
        Items = "items",
        /// Users, by the items they share
        Users = "users",
    }
}

named! {
    /// How repeated rows of a user and item are combined.
    Duplicates, "duplicates" {
        /// Add the weights, in ascending order
        Sum = "sum",
        /// Keep the largest weight
        Max = "max",
        /// Keep the newest row, or the larger weight of equally new ones; needs a time column
        Last = "last",
        /// Count them as one row of weight 1
        One = "one",
    }
}

named! {
    /// How rows with a weight of 0 or less are treated, such as returns.
    NegativeWeights, "negative_weights" {
        /// Set them aside
        Drop = "drop",
        /// Add them to the pair's other rows; drop pairs left at 0 or less
        Net = "net",
        /// Stop with an error
        Error = "error",
        /// Keep them as they are, such as ratings and dislikes; needs weighting `raw`
        Keep = "keep",
    }
}

named! {
    /// How often a pair of items is in the result.
    Pairs, "pairs" {
        /// In the list of each of its items
        Both = "both",
        /// One row, at the item of the smaller ID, if either item has the other among its best
        Once = "once",
    }
}

named! {
    /// Settings that reproduce another library's similarities.
    Preset, "like" {
        /// implicit's `CosineRecommender`
        ImplicitCosine = "implicit-cosine",
        /// implicit's `TFIDFRecommender`
        ImplicitTfidf = "implicit-tfidf",
        /// implicit's `BM25Recommender`
        ImplicitBm25 = "implicit-bm25",
        /// Spark's `RowMatrix.columnSimilarities`
        SparkColumnSimilarities = "spark-column-similarities",
        /// Jaccard as in Microsoft's SAR
        SarJaccard = "sar-jaccard",
        /// Lift as in Microsoft's SAR
        SarLift = "sar-lift",
        /// Mahout's `LogLikelihoodSimilarity`
        MahoutLlr = "mahout-llr",
        /// LensKit's `ItemKNNScorer` on ratings
        LenskitItemknn = "lenskit-itemknn",
        /// Surprise's `cosine`
        SurpriseCosine = "surprise-cosine",
        /// Surprise's `msd`
        SurpriseMsd = "surprise-msd",
        /// Surprise's `pearson`
        SurprisePearson = "surprise-pearson",
        /// similaripy's `jaccard`
        SimilaripyJaccard = "similaripy-jaccard",
        /// `sp_matmul_topn` of the package sparse-dot-topn
        SparseDotTopn = "sparse-dot-topn",
    }
}

/// A similarity job as people write it: every setting may be left out.
///
/// A setting that is left out takes its value from the preset `like`, or else its default. What is
/// said of each field is also the help of its flag and its documentation on every other surface: a
/// sentence, then `Default: x.` where there is one, then a paragraph of details.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields, default))]
pub struct SimilarityJob {
    /// Use the measure, weighting and other defaults of another library.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub like: Option<Preset>,
    /// What to compare. Default: `items`.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub of: Option<Of>,
    /// Similarity measure. Default: `cosine`.
    ///
    /// In the formulas, c is the number of users that two items share, a and b are the numbers of users
    /// of each, N is the number of all users, and x and y are the weighted columns.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub measure: Option<MeasureName>,
    /// Parameter α of `tversky`, `asymmetric-cosine` and `conditional`. Default: 0.5, for
    /// `conditional` 0.
    ///
    /// At least 0; for `asymmetric-cosine` at most 1, for `conditional` at most 10.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub alpha: Option<f64>,
    /// Parameter β of `tversky`. Default: 0.5.
    ///
    /// At least 0.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub beta: Option<f64>,
    /// Parameter κ of `lift`; larger values lower the scores of rare items. Default: 0.
    ///
    /// At least 0.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub kappa: Option<f64>,
    /// Weight of an interaction, for measures of x and y. Default: `binary`.
    ///
    /// In the formulas, w is the value of the weight column, idf is ln I − ln(1 + df) with I items in
    /// all and df items of the user, len is the weight sum of the item, avg is the mean of len, and t
    /// is the time.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub weighting: Option<WeightingName>,
    /// Mean to subtract from weights, for weighting `raw`. Default: `none`.
    ///
    /// `user` removes each user's rating bias; `item` centers per item, as LensKit does.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub center: Option<Center>,
    /// Parameter K1 of `bm25`. Default: 1.2.
    ///
    /// At least 0.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub k1: Option<f64>,
    /// Parameter B of `bm25`. Default: 0.75.
    ///
    /// 0 to 1.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub b: Option<f64>,
    /// Half-life of `decay`, as in `90d` or `12h`.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub half_life: Option<String>,
    /// Reference time for `decay`, as in `2026-01-31`. Default: the newest time in the data.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub now: Option<String>,
    /// Number of neighbours to keep per item. Default: 50.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub top: Option<u32>,
    /// Minimum number of users per item; items with fewer are dropped first. Default: 1.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub min_support: Option<u32>,
    /// Minimum number of shared users per pair. Default: 1.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub min_overlap: Option<u32>,
    /// Damping H of pairs that share few users: scores are multiplied by c/(c+H). Default: 0.
    ///
    /// For `pearson` by (c−1)/(c−1+H), as in Surprise's `pearson_baseline`.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub shrinkage: Option<f64>,
    /// Minimum score of a pair.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub threshold: Option<f64>,
    /// Write each pair once, or once for each of its items. Default: `both`.
    ///
    /// With `once`, a pair is kept if either item has the other among its `top` neighbours, in one row
    /// with the smaller ID as the item; rank counts the rows of an item. Needs a measure that scores
    /// both directions alike.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub pairs: Option<Pairs>,
    /// Maximum number of items per user; the largest weights are kept, then the newest rows.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub max_items_per_user: Option<u32>,
    /// How to combine repeated rows of a user and item. Default: `sum` with a weight column (`last`
    /// for weighting `raw` with a time column), else `one`.
    ///
    /// With weighting `decay`, `sum` decays each row before it is added.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub duplicates: Option<Duplicates>,
    /// How to treat rows with a weight of 0 or less, such as returns. Default: `drop`.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub negative_weights: Option<NegativeWeights>,
    /// Maximum share of rows that are unreadable or have an invalid weight or time. Default: 1%,
    /// but never fewer than 10 rows.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub max_bad_rows: Option<String>,
    /// Fail when any row is set aside, except by a `where` condition. Default: false.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub strict: Option<bool>,
}

/// Which optional columns the data has; some defaults and checks depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// There is a weight column.
    pub weight: bool,
    /// There is a time column.
    pub time: bool,
}

/// A job with every setting decided and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// What is compared with what.
    pub of: Of,
    /// How alike two items are.
    pub measure: Measure,
    /// What an interaction counts.
    pub weighting: Weighting,
    /// Neighbours kept per item, at least 1.
    pub top: u32,
    /// Items with fewer users are dropped first.
    pub min_support: u32,
    /// Pairs sharing fewer users are no neighbours; at least 1.
    pub min_overlap: u32,
    /// h of c / (c + h).
    pub shrinkage: f64,
    /// Pairs scoring below are no neighbours; compared as f32, like scores.
    pub threshold: Option<f32>,
    /// The threshold was given, rather than a preset's.
    pub has_own_threshold: bool,
    /// How often a pair is in the result.
    pub pairs: Pairs,
    /// How many items of one user are kept.
    pub max_items_per_user: Option<u32>,
    /// What becomes of several rows of one user and item.
    pub duplicates: Duplicates,
    /// What becomes of rows whose weight is zero or less.
    pub negative_weights: NegativeWeights,
    /// Share of rows that may be bad, 0 to 1.
    pub max_bad_rows: f64,
    /// Rows that may be bad whatever their share; 0 where the share was given.
    pub spared_bad_rows: u64,
    /// Set-aside rows are an error.
    pub strict: bool,
}

/// A setting that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// An unknown name.
    #[error("{what} `{name}` is not known; choose one of: {known}")]
    Name {
        /// The setting.
        what: &'static str,
        /// What was given.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A value out of range or not readable.
    #[error("{setting} is {found}, expected {expected}")]
    Value {
        /// The setting.
        setting: &'static str,
        /// What was given.
        found: String,
        /// What it takes.
        expected: &'static str,
    },
    /// A setting that would do nothing, or not without another.
    #[error("{setting} {why}")]
    Misplaced {
        /// The setting.
        setting: &'static str,
        /// Why it cannot stand here, and what to do.
        why: String,
    },
}

impl From<UnknownName> for JobError {
    fn from(UnknownName { what, name, known }: UnknownName) -> Self {
        Self::Name { what, name, known }
    }
}

impl SimilarityJob {
    /// Decides every setting: its own value, else the preset's, else the default.
    ///
    /// # Errors
    /// [`JobError`] for a value out of range, or a setting that has no effect with the others.
    pub fn resolve(&self, given: Given) -> Result<Job, JobError> {
        let preset = self.like.map(|like| Self::preset_for(like, given)).unwrap_or_default();
        let mut job = self.over(&preset);
        let measure = job.resolve_measure()?;
        if measure.is_common() && given.weight {
            // Ratings are what it compares.
            job.weighting.get_or_insert(WeightingName::Raw);
        }
        let duplicates = job.duplicates.unwrap_or_else(|| job.usual_duplicates(given));
        let negative_weights = job.negative_weights.unwrap_or(NegativeWeights::Drop);
        check_data_settings(&job, duplicates, negative_weights, given)?;
        let weighting = job.resolve_weighting(&measure, given)?;
        let kind = WeightKind::of(weighting, duplicates.weights_differ(given));
        check_weighting(&measure, &weighting, kind)?;
        if weighting.center() != Center::None && !duplicates.weights_differ(given) {
            return Err(JobError::Misplaced {
                setting: "center",
                why: "has no effect without weights; name the weight column".into(),
            });
        }
        check_negative(&measure, &weighting, negative_weights)?;
        let pairs = job.pairs.unwrap_or(Pairs::Both);
        if pairs == Pairs::Once && !measure.is_symmetric() {
            return Err(JobError::Misplaced {
                setting: "pairs",
                why: format!(
                    "once needs one score per pair, but {} scores each direction on its own; use both, or \
                     a symmetric measure such as cosine",
                    measure.name()
                ),
            });
        }
        Ok(Job {
            of: job.of.unwrap_or(Of::Items),
            measure,
            weighting,
            top: at_least_one("top", job.top.unwrap_or(50))?,
            min_support: job.min_support.unwrap_or(1),
            min_overlap: at_least_one("min_overlap", job.min_overlap.unwrap_or(1))?,
            shrinkage: number("shrinkage", job.shrinkage, 0.0, f64::MAX, "a number of 0 or more")?,
            threshold: job
                .threshold
                .map(|_| number("threshold", job.threshold, -1e30, 1e30, "a number"))
                .transpose()?
                .map(|threshold| threshold as f32),
            has_own_threshold: self.threshold.is_some(),
            pairs,
            max_items_per_user: job
                .max_items_per_user
                .map(|cap| at_least_one("max_items_per_user", cap))
                .transpose()?,
            duplicates,
            negative_weights,
            max_bad_rows: share(job.max_bad_rows.as_deref().unwrap_or("1%"))?,
            spared_bad_rows: if job.max_bad_rows.is_none() { 10 } else { 0 },
            strict: job.strict.unwrap_or(false),
        })
    }

    /// Returns the settings that stand for another library's similarities.
    pub fn preset(preset: Preset) -> Self {
        Self::preset_for(preset, Given { weight: true, time: false })
    }

    fn preset_for(preset: Preset, given: Given) -> Self {
        let (measure, weighting) = match preset {
            Preset::ImplicitCosine | Preset::SparkColumnSimilarities | Preset::LenskitItemknn => {
                (MeasureName::Cosine, WeightingName::Raw)
            }
            Preset::ImplicitTfidf => (MeasureName::Cosine, WeightingName::Tfidf),
            Preset::ImplicitBm25 => (MeasureName::Dot, WeightingName::Bm25),
            Preset::SarJaccard => (MeasureName::Jaccard, WeightingName::Binary),
            Preset::SarLift => (MeasureName::SarLift, WeightingName::Binary),
            Preset::MahoutLlr => (MeasureName::MahoutLlr, WeightingName::Binary),
            Preset::SurpriseCosine => (MeasureName::CommonCosine, WeightingName::Raw),
            Preset::SurpriseMsd => (MeasureName::Msd, WeightingName::Raw),
            Preset::SurprisePearson => (MeasureName::Pearson, WeightingName::Raw),
            Preset::SimilaripyJaccard => (MeasureName::Tanimoto, WeightingName::Raw),
            Preset::SparseDotTopn => (MeasureName::Dot, WeightingName::Raw),
        };
        let settings =
            Self { measure: Some(measure), weighting: Some(weighting), ..Self::default() };
        let rates = given.weight.then_some(NegativeWeights::Keep);
        match preset {
            // Ratings of any sign.
            Preset::LenskitItemknn => Self {
                center: Some(Center::Item),
                threshold: Some(1e-6),
                negative_weights: rates,
                ..settings
            },
            Preset::SurpriseCosine | Preset::SurpriseMsd | Preset::SurprisePearson => {
                Self { negative_weights: rates, ..settings }
            }
            // Matrices that add up what is there twice, and hold weights of any sign.
            Preset::SimilaripyJaccard | Preset::SparseDotTopn => Self {
                negative_weights: rates,
                duplicates: given.weight.then_some(Duplicates::Sum),
                ..settings
            },
            Preset::ImplicitCosine | Preset::SparkColumnSimilarities => {
                Self { duplicates: given.weight.then_some(Duplicates::Sum), ..settings }
            }
            _ => settings,
        }
    }

    /// Lays these settings over `below`: what is left out here comes from there.
    fn over(&self, below: &Self) -> Self {
        let above = self.clone();
        let is_raw = above.weighting.is_none_or(|weighting| weighting == WeightingName::Raw);
        Self {
            measure: above.measure.or(below.measure),
            weighting: above.weighting.or(below.weighting),
            // What goes with the preset's weighting goes with it.
            center: above.center.or(below.center.filter(|_| is_raw)),
            negative_weights: above.negative_weights.or(below.negative_weights.filter(|_| is_raw)),
            duplicates: above.duplicates.or(below.duplicates),
            threshold: above.threshold.or(below.threshold),
            ..above
        }
    }

    /// Returns how repeated rows are combined where that is not said: the last of several ratings
    /// counts, quantities add up.
    fn usual_duplicates(&self, given: Given) -> Duplicates {
        let rates = self.weighting == Some(WeightingName::Raw)
            && self.negative_weights != Some(NegativeWeights::Net);
        match given {
            Given { weight: false, .. } => Duplicates::One,
            Given { time: true, .. } if rates => Duplicates::Last,
            Given { .. } => Duplicates::Sum,
        }
    }

    fn resolve_measure(&self) -> Result<Measure, JobError> {
        let name = self.measure.unwrap_or(MeasureName::Cosine);
        let alpha = |default, most, expected| {
            number("alpha", self.alpha.or(Some(default)), 0.0, most, expected)
        };
        let measure = match name {
            MeasureName::Cosine => Measure::Cosine,
            MeasureName::Jaccard => Measure::Jaccard,
            MeasureName::Dice => Measure::Dice,
            MeasureName::Overlap => Measure::Overlap,
            MeasureName::Tversky => Measure::Tversky {
                alpha: alpha(0.5, 1e9, "a number of 0 or more")?,
                beta: number("beta", self.beta.or(Some(0.5)), 0.0, 1e9, "a number of 0 or more")?,
            },
            MeasureName::AsymmetricCosine => {
                Measure::AsymmetricCosine { alpha: alpha(0.5, 1.0, "a number from 0 to 1")? }
            }
            MeasureName::Conditional => {
                Measure::Conditional { alpha: alpha(0.0, 10.0, "a number from 0 to 10")? }
            }
            MeasureName::Lift => Measure::Lift {
                kappa: number("kappa", self.kappa, 0.0, 1e18, "a number of 0 or more")?,
            },
            MeasureName::SarLift => Measure::SarLift,
            MeasureName::Pmi => Measure::Pmi,
            MeasureName::Npmi => Measure::Npmi,
            MeasureName::LexicographersMi => Measure::LexicographersMi,
            MeasureName::Llr => Measure::Llr,
            MeasureName::MahoutLlr => Measure::MahoutLlr,
            MeasureName::Cooccurrence => Measure::Cooccurrence,
            MeasureName::Dot => Measure::Dot,
            MeasureName::Tanimoto => Measure::Tanimoto,
            MeasureName::WeightedJaccard => Measure::WeightedJaccard,
            MeasureName::Pearson => Measure::Pearson,
            MeasureName::CommonCosine => Measure::CommonCosine,
            MeasureName::Msd => Measure::Msd,
        };
        let has_alpha = matches!(
            measure,
            Measure::Tversky { .. }
                | Measure::AsymmetricCosine { .. }
                | Measure::Conditional { .. }
        );
        let unused = [
            (
                "alpha",
                self.alpha.is_some() && !has_alpha,
                "tversky, asymmetric-cosine and conditional",
            ),
            ("beta", self.beta.is_some() && name != MeasureName::Tversky, "tversky"),
            ("kappa", self.kappa.is_some() && name != MeasureName::Lift, "lift"),
        ];
        refuse_unused(unused, &format!("measure {name}"))?;
        Ok(measure)
    }

    fn resolve_weighting(&self, measure: &Measure, given: Given) -> Result<Weighting, JobError> {
        let name = self.weighting.unwrap_or(WeightingName::Binary);
        let bm25 = name == WeightingName::Bm25;
        let decay = name == WeightingName::Decay;
        let center = self.center.unwrap_or(Center::None);
        let unused = [
            ("k1", self.k1.is_some() && !bm25, "bm25"),
            ("b", self.b.is_some() && !bm25, "bm25"),
            ("half_life", self.half_life.is_some() && !decay, "decay"),
            ("now", self.now.is_some() && !decay, "decay"),
            ("center", center != Center::None && name != WeightingName::Raw, "raw"),
        ];
        refuse_unused(unused, &format!("weighting {name}"))?;
        let signed = matches!(self.like, Some(Preset::ImplicitTfidf | Preset::ImplicitBm25));
        let idf = if signed { Idf::Signed } else { Idf::AtLeastZero };
        Ok(match (name, center) {
            (WeightingName::Binary, _) => Weighting::Binary,
            (WeightingName::Raw, Center::None) => Weighting::Raw,
            (WeightingName::Raw, Center::User) => Weighting::Centred(Centred::ByUser),
            (WeightingName::Raw, Center::Item) => Weighting::Centred(Centred::ByItem),
            (WeightingName::Log, _) => Weighting::Log,
            (WeightingName::Tfidf, _) => Weighting::Tfidf { idf },
            (WeightingName::Bm25, _) => Weighting::Bm25 {
                k1: number("k1", self.k1.or(Some(1.2)), 0.0, 1e9, "a number of 0 or more")?,
                b: number("b", self.b.or(Some(0.75)), 0.0, 1.0, "a number from 0 to 1")?,
                idf,
            },
            (WeightingName::Decay, _) => self.resolve_decay(measure, given)?,
        })
    }

    fn resolve_decay(&self, measure: &Measure, given: Given) -> Result<Weighting, JobError> {
        let misplaced = |setting, why: &str| JobError::Misplaced { setting, why: why.into() };
        if !given.time {
            return Err(misplaced(
                "weighting",
                "decay needs the time of each row; name its column",
            ));
        }
        let text = self.half_life.as_deref();
        let text =
            text.ok_or_else(|| misplaced("weighting", "decay needs half_life, as in 90d"))?;
        let half_life = time::parse_duration(text).filter(|micros| *micros > 0);
        let half_life = half_life.ok_or_else(|| JobError::Value {
            setting: "half_life",
            found: format!("`{text}`"),
            expected: "a duration such as 90d, 12h or 30m",
        })?;
        let now = self.now.as_deref().map(|text| {
            time::parse_time(text).ok_or_else(|| JobError::Value {
                setting: "now",
                found: format!("`{text}`"),
                expected: "a date or time such as 2026-01-31 or 2026-01-31T12:00:00Z",
            })
        });
        Ok(Weighting::Decay { half_life, now: now.transpose()?, anchor: anchor_for(measure) })
    }
}

impl Job {
    /// Returns the same job by another measure; one that counts users takes no weights.
    ///
    /// # Errors
    /// If the measure does not go with the weights.
    pub fn measured_by(&self, measure: Measure, given: Given) -> Result<Self, JobError> {
        let mut job = Self { measure, ..self.clone() };
        if !measure.is_weighted() {
            job.weighting = Weighting::Binary;
            return Ok(job);
        }
        if measure.is_common() && given.weight && job.weighting == Weighting::Binary {
            job.weighting = Weighting::Raw;
        }
        if let Weighting::Decay { anchor, .. } = &mut job.weighting {
            *anchor = anchor_for(&measure);
        }
        let kind = WeightKind::of(job.weighting, job.duplicates.weights_differ(given));
        check_weighting(&measure, &job.weighting, kind)?;
        check_negative(&measure, &job.weighting, job.negative_weights)?;
        Ok(job)
    }
}

/// Returns what decayed weights are relative to: what scores do not change with.
fn anchor_for(measure: &Measure) -> Anchor {
    match measure.blindness() {
        Blindness::OfItems => Anchor::Item,
        Blindness::OfAll => Anchor::All,
        Blindness::None => Anchor::Now,
    }
}

impl NegativeWeights {
    /// Returns whether rows with a weight of 0 or less count.
    pub const fn count(self) -> bool {
        matches!(self, Self::Net | Self::Keep)
    }
}

impl Duplicates {
    /// Returns whether pairs weigh differently when their rows are combined.
    pub const fn weights_differ(self, given: Given) -> bool {
        match self {
            Self::One => false,
            // Without a weight column a sum counts rows; any other policy leaves every weight at 1.
            Self::Sum => true,
            Self::Max | Self::Last => given.weight,
        }
    }
}

/// Checks that a measure has use of its weights, and that its sums can be had of them.
fn check_weighting(
    measure: &Measure,
    weighting: &Weighting,
    kind: WeightKind,
) -> Result<(), JobError> {
    let (name, weights) = (measure.name(), weighting.name());
    let misplaced = |why| Err(JobError::Misplaced { setting: "weighting", why });
    if !measure.is_weighted() && *weighting != Weighting::Binary {
        return misplaced(format!(
            "{weights} has no effect: measure {name} counts users; use binary, or measure cosine, \
             asymmetric-cosine or dot"
        ));
    }
    if measure.is_common() && kind == WeightKind::One {
        return misplaced(format!(
            "{weights} makes all ratings equal, but measure {name} compares ratings; name the weight \
             column and use raw"
        ));
    }
    let sums_up = measure.is_common() || *measure == Measure::WeightedJaccard;
    if sums_up && kind == WeightKind::Separable {
        return misplaced(format!(
            "{weights} without weights cannot be combined with measure {name}; name the weight column, or use \
             {}",
            if measure.is_common() { "measure cosine" } else { "binary" }
        ));
    }
    Ok(())
}

/// Checks that weights below 0 go with weighting and measure.
fn check_negative(
    measure: &Measure,
    weighting: &Weighting,
    negative: NegativeWeights,
) -> Result<(), JobError> {
    let keeps = negative == NegativeWeights::Keep;
    if keeps && weighting.name() != WeightingName::Raw {
        return Err(JobError::Misplaced {
            setting: "negative_weights",
            why: format!("keep needs weighting raw, not {}", weighting.name()),
        });
    }
    if *measure == Measure::WeightedJaccard && (keeps || weighting.center() != Center::None) {
        let setting = if keeps { "negative_weights" } else { "center" };
        let why = "cannot be combined with measure weighted-jaccard, which needs weights of 0 or \
                   more; use measure tanimoto";
        return Err(JobError::Misplaced { setting, why: why.into() });
    }
    Ok(())
}

/// Checks the settings that speak of the data's columns.
fn check_data_settings(
    job: &SimilarityJob,
    duplicates: Duplicates,
    negative_weights: NegativeWeights,
    given: Given,
) -> Result<(), JobError> {
    if duplicates == Duplicates::Last && !given.time {
        return Err(JobError::Misplaced {
            setting: "duplicates",
            why: "last needs the time of each row; name its column".into(),
        });
    }
    if job.negative_weights.is_some() && !given.weight {
        return Err(JobError::Misplaced {
            setting: "negative_weights",
            why: "has no effect without a weight column; name it".into(),
        });
    }
    if negative_weights == NegativeWeights::Net && duplicates != Duplicates::Sum {
        return Err(JobError::Misplaced {
            setting: "negative_weights",
            why: format!("net adds a pair's weights, so duplicates must be sum, not {duplicates}"),
        });
    }
    Ok(())
}

/// Refuses settings that were given but have no effect: (setting, is it so, what it belongs to).
fn refuse_unused<const N: usize>(
    settings: [(&'static str, bool, &str); N],
    with: &str,
) -> Result<(), JobError> {
    for (setting, unused, owner) in settings {
        if unused {
            let why = format!("has no effect with {with}; it belongs to {owner}");
            return Err(JobError::Misplaced { setting, why });
        }
    }
    Ok(())
}

fn at_least_one(setting: &'static str, value: u32) -> Result<u32, JobError> {
    if value == 0 {
        return Err(JobError::Value { setting, found: "0".into(), expected: "1 or more" });
    }
    Ok(value)
}

/// Checks that a number (0 where left out) lies between `least` and `most`.
fn number(
    setting: &'static str,
    value: Option<f64>,
    least: f64,
    most: f64,
    expected: &'static str,
) -> Result<f64, JobError> {
    let value = value.unwrap_or(0.0);
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(JobError::Value { setting, found: value.to_string(), expected })
}

/// Parses a share: `1%` or `0.01`.
fn share(text: &str) -> Result<f64, JobError> {
    let parsed = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.trim().parse::<f64>(),
    };
    parsed.ok().filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| JobError::Value {
        setting: "max_bad_rows",
        found: format!("`{text}`"),
        expected: "a share such as 1% or 0.01",
    })
}
