//! Any job there is.

use ilk_core::{
    job::{Duplicates, Given, Job, NegativeWeights, Of, Preset, SimilarityJob},
    measure::MeasureName,
    weighting::{Center, WeightingName},
};
use proptest::{
    option,
    prelude::{Just, Strategy, any},
    prop_oneof,
    sample::select,
};

/// A job together with the columns it is about.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) given: Given,
    pub(crate) wish: SimilarityJob,
}

impl Task {
    /// Decides every setting.
    pub(crate) fn job(&self) -> Job {
        let job = self.wish.resolve(self.given);
        job.unwrap_or_else(|error| panic!("{error}: {:?}", self.wish))
    }

    /// A job on weights and times.
    pub(crate) fn on_everything(wish: SimilarityJob) -> Self {
        Self { given: Given { weight: true, time: true }, wish }
    }

    /// The same with other settings.
    pub(crate) fn with(&self, change: impl FnOnce(&mut SimilarityJob)) -> Self {
        let mut other = self.clone();
        change(&mut other.wish);
        other
    }
}

/// Any job on any columns.
pub(crate) fn tasks() -> impl Strategy<Value = Task> {
    let given = (any::<bool>(), any::<bool>()).prop_map(|(weight, time)| Given { weight, time });
    (given, formulas(), selections(), cleanings()).prop_map(|(given, formula, selection, rest)| {
        let wish = SimilarityJob {
            top: selection.top,
            min_support: selection.min_support,
            min_overlap: selection.min_overlap,
            shrinkage: selection.shrinkage,
            threshold: selection.threshold,
            of: rest.of,
            max_items_per_user: rest.max_items_per_user,
            duplicates: rest.duplicates,
            negative_weights: rest.negative_weights,
            center: rest.center,
            ..formula
        };
        Task { given, wish: fit(wish, given) }
    })
}

fn formulas() -> impl Strategy<Value = SimilarityJob> {
    let name = prop_oneof![
        4 => select(MeasureName::ALL).prop_map(|measure| (None, Some(measure))),
        1 => select(Preset::ALL).prop_map(|like| (Some(like), None)),
        2 => Just((None, Some(MeasureName::Cosine))),
    ];
    let shape = (select(vec![0.0, 0.3, 0.5, 1.0]), select(vec![0.0, 0.5, 2.0]));
    let damping =
        (select(vec![0.0, 1.0, 12.5]), select(vec![0.0, 1.2, 90.0]), select(vec![0.0, 0.75, 1.0]));
    let decay = (
        select(vec!["12h", "10d", "9000d"]),
        select(vec![None, Some("2025-01-15"), Some("1999-01-01"), Some("2400-01-01")]),
    );
    (name, select(WeightingName::ALL), shape, damping, decay).prop_map(
        |((like, measure), weighting, (alpha, beta), (kappa, k1, b), (half_life, now))| {
            SimilarityJob {
                like,
                measure,
                weighting: Some(weighting),
                alpha: Some(alpha),
                beta: Some(beta),
                kappa: Some(kappa),
                k1: Some(k1),
                b: Some(b),
                half_life: Some(half_life.into()),
                now: now.map(Into::into),
                ..SimilarityJob::default()
            }
        },
    )
}

fn selections() -> impl Strategy<Value = SimilarityJob> {
    let top = prop_oneof![1..6_u32, Just(1_000)];
    let shrinkage = option::of(prop_oneof![Just(0.0), Just(10.0), 0.0..30.0]);
    (top, 0..4_u32, 1..4_u32, shrinkage, option::weighted(0.3, -0.2..1.5)).prop_map(
        |(top, min_support, min_overlap, shrinkage, threshold)| SimilarityJob {
            top: Some(top),
            min_support: Some(min_support),
            min_overlap: Some(min_overlap),
            shrinkage,
            threshold,
            ..SimilarityJob::default()
        },
    )
}

fn cleanings() -> impl Strategy<Value = SimilarityJob> {
    let of = prop_oneof![3 => Just(Of::Items), 1 => Just(Of::Users)];
    let negative = select(vec![
        None,
        Some(NegativeWeights::Drop),
        Some(NegativeWeights::Net),
        Some(NegativeWeights::Keep),
    ]);
    let duplicates = option::of(select(Duplicates::ALL));
    let center = option::weighted(0.4, select(Center::ALL));
    (of, option::weighted(0.3, 1..7_u32), duplicates, negative, center).prop_map(
        |(of, max_items_per_user, duplicates, negative_weights, center)| SimilarityJob {
            center,
            of: Some(of),
            max_items_per_user,
            duplicates,
            negative_weights,
            ..SimilarityJob::default()
        },
    )
}

/// Tells whether a measure looks at weights.
pub(crate) fn is_weighted(measure: MeasureName) -> bool {
    matches!(
        measure,
        MeasureName::Cosine
            | MeasureName::AsymmetricCosine
            | MeasureName::Dot
            | MeasureName::Tanimoto
            | MeasureName::WeightedJaccard
            | MeasureName::Pearson
            | MeasureName::CommonCosine
            | MeasureName::Msd
    )
}

/// Leaves out what would be refused for having no effect.
fn fit(mut wish: SimilarityJob, given: Given) -> SimilarityJob {
    if wish.like.is_some() {
        wish.weighting = None;
    }
    let differ = match wish.duplicates {
        Some(Duplicates::Sum) => true,
        Some(Duplicates::One) => false,
        _ => given.weight,
    };
    let ratings = |wish: &SimilarityJob| {
        let preset = wish.like.map(SimilarityJob::preset).unwrap_or_default();
        let of_ratings = [MeasureName::Pearson, MeasureName::CommonCosine, MeasureName::Msd];
        let measure = wish.measure.or(preset.measure);
        (measure.is_some_and(|measure| of_ratings.contains(&measure)), preset.center.is_some())
    };
    // Ratings that are all the same are none.
    let (is_of_ratings, is_centred) = ratings(&wish);
    if !differ {
        wish.center = None;
        if is_of_ratings || is_centred {
            (wish.like, wish.measure) = (None, Some(MeasureName::Cosine));
            wish.weighting.get_or_insert(WeightingName::Raw);
        }
    } else if is_of_ratings && wish.weighting == Some(WeightingName::Binary) {
        wish.weighting = Some(WeightingName::Raw);
    }
    let preset = wish.like.map(SimilarityJob::preset).unwrap_or_default();
    let measure = wish.measure.or(preset.measure).unwrap_or(MeasureName::Cosine);
    if !is_weighted(measure) {
        wish.weighting = None;
    }
    if wish.weighting == Some(WeightingName::Decay) && !given.time {
        wish.weighting = Some(WeightingName::Raw);
    }
    let sums_up = [
        MeasureName::WeightedJaccard,
        MeasureName::Pearson,
        MeasureName::CommonCosine,
        MeasureName::Msd,
    ];
    let of_users = [WeightingName::Log, WeightingName::Tfidf, WeightingName::Bm25];
    let has_none = !given.weight || wish.duplicates == Some(Duplicates::One);
    if sums_up.contains(&measure)
        && has_none
        && wish.weighting.is_some_and(|w| of_users.contains(&w))
    {
        wish.weighting = Some(WeightingName::Raw);
    }
    let weighting = wish.weighting.or(preset.weighting);
    if weighting != Some(WeightingName::Raw) || measure == MeasureName::WeightedJaccard {
        wish.center = None;
        wish.negative_weights = wish.negative_weights.filter(|it| *it != NegativeWeights::Keep);
    }
    if weighting != Some(WeightingName::Decay) {
        (wish.half_life, wish.now) = (None, None);
    }
    if weighting != Some(WeightingName::Bm25) {
        (wish.k1, wish.b) = (None, None);
    }
    let has_alpha = [MeasureName::Tversky, MeasureName::AsymmetricCosine, MeasureName::Conditional];
    if !has_alpha.contains(&measure) {
        wish.alpha = None;
    }
    if measure != MeasureName::Tversky {
        wish.beta = None;
    }
    if measure != MeasureName::Lift {
        wish.kappa = None;
    }
    if wish.duplicates == Some(Duplicates::Last) && !given.time {
        wish.duplicates = None;
    }
    if !given.weight {
        wish.negative_weights = None;
    }
    if wish.negative_weights == Some(NegativeWeights::Net) {
        wish.duplicates = Some(Duplicates::Sum);
    }
    wish
}
