//! Data to compare items on, and the ways to compute it.

use std::{collections::BTreeSet, fmt};

use ilk_core::{
    cost::{Layout, Machine},
    data::{Cells, IdColumn, NumberColumn, Rows, TimeColumn},
    executor::{Executor, Sequential},
    job::{Given, Job, SimilarityJob},
    kernel::neighbours,
    matrix::Matrix,
    measure::Measure,
    plan::{ItemFilter, Plan, Sides},
    prepare::{Interactions, Needs, clean, encode, fold},
    result::Neighbours,
    simd::Kernel,
    testing::generate::Crowd,
    weighting::{Anchor, Centred, Idf, Weighting},
};
use rand_pcg::{Pcg32, rand_core::Rng};

use crate::crew::below;

/// What is known of the pairs of user and item: at most one event for each pair.
pub(crate) const GIVEN: Given = Given { weight: true, time: true };

/// A user who touched an item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Touch {
    pub(crate) user: u32,
    pub(crate) item: u32,
    pub(crate) weight: f64,
}

impl Touch {
    /// When it was, in microseconds since 1970.
    pub(crate) fn time(&self) -> i64 {
        let day = (self.user.wrapping_mul(5) + self.item) % 90;
        1_735_689_600_000_000 + i64::from(day) * 86_400_000_000
    }
}

/// Touches in ascending order of user and item, and the interactions that core makes of them.
/// Users and items are numbered without gaps, so the number of an item is its code.
pub(crate) struct World {
    pub(crate) touches: Vec<Touch>,
    pub(crate) interactions: Interactions,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let few = &self.touches[..self.touches.len().min(60)];
        let line = few.iter().map(|touch| (touch.user, touch.item, touch.weight));
        write!(f, "{} touches: {:?}", self.touches.len(), line.collect::<Vec<_>>())
    }
}

impl World {
    /// Makes a world of (user, item, weight); users and items without any are left out.
    pub(crate) fn new(pairs: impl IntoIterator<Item = (u32, u32, f64)>) -> Self {
        let mut touches = pairs
            .into_iter()
            .map(|(user, item, weight)| Touch { user, item, weight })
            .collect::<Vec<_>>();
        close_gaps(&mut touches, |touch| &mut touch.user);
        close_gaps(&mut touches, |touch| &mut touch.item);
        touches.sort_by_key(|touch| (touch.user, touch.item));
        let numbers = |id: fn(&Touch) -> u32| {
            let values = touches.iter().map(|touch| id(touch).into()).collect();
            IdColumn::Integer(Cells { values, valid: None })
        };
        let rows = Rows {
            file: 0,
            first_row: 1,
            places: None,
            user: numbers(|touch| touch.user),
            item: numbers(|touch| touch.item),
            weight: Some(NumberColumn {
                values: touches.iter().map(|touch| touch.weight).collect(),
                bad: Vec::new(),
            }),
            time: Some(TimeColumn {
                values: touches.iter().map(Touch::time).collect(),
                ..TimeColumn::default()
            }),
            label: None,
            kept: None,
            unreadable: Vec::new(),
        };
        let job = job(Measure::Cosine, Weighting::Raw, 1);
        let needs = Needs { weight: true, time: true };
        let (cleaned, tally) = clean(rows, &job, needs);
        assert_eq!(tally.kept(), touches.len() as u64, "every touch counts");
        let encoded = encode(vec![cleaned], &Sequential).expect("all ids are integers");
        let interactions = fold(encoded, &job, needs, &Sequential).interactions;
        assert_eq!(interactions.len(), touches.len(), "no pair is there twice");
        Self { touches, interactions }
    }

    /// A skewed crowd whose weights are multiples of a quarter.
    pub(crate) fn crowd(crowd: Crowd, seed: u64) -> Self {
        let weight = |user: u32, item: u32| 0.25 * f64::from((user * 7 + item * 3) % 11 + 1);
        let pairs = crowd.pairs(seed).into_iter();
        Self::new(pairs.map(|(user, item)| (user, item, weight(user, item))))
    }

    /// Items of which each has the users listed, all at weight 1.
    pub(crate) fn of_items(items: &[Vec<u32>]) -> Self {
        let items = (0..).zip(items);
        let pairs = items.flat_map(|(item, users)| users.iter().map(move |user| (*user, item)));
        Self::new(pairs.map(|(user, item)| (user, item, 1.0)))
    }

    /// Counts the items.
    pub(crate) fn items(&self) -> usize {
        self.interactions.items()
    }
}

/// Numbers what `id` names from 0, in the same order.
fn close_gaps(touches: &mut [Touch], id: impl Fn(&mut Touch) -> &mut u32) {
    let used = touches.iter_mut().map(|touch| *id(touch)).collect::<BTreeSet<_>>();
    let used = used.into_iter().collect::<Vec<_>>();
    for touch in touches {
        let id = id(touch);
        *id = used.binary_search(id).expect("the id is among those used") as u32;
    }
}

/// A job with nothing else set.
pub(crate) fn job(measure: Measure, weighting: Weighting, top: u32) -> Job {
    let job = SimilarityJob::default().resolve(GIVEN).expect("defaults are sound");
    Job { measure, weighting, top, ..job }
}

/// Every measure, with parameters that differ from their defaults and at their ends, too.
pub(crate) const MEASURES: &[Measure] = &[
    Measure::Cosine,
    Measure::Jaccard,
    Measure::Dice,
    Measure::Overlap,
    Measure::Tversky { alpha: 0.5, beta: 0.5 },
    Measure::Tversky { alpha: 1.0, beta: 0.0 },
    Measure::Tversky { alpha: 1e9, beta: 0.3 },
    Measure::AsymmetricCosine { alpha: 0.0 },
    Measure::AsymmetricCosine { alpha: 0.3 },
    Measure::AsymmetricCosine { alpha: 1.0 },
    Measure::Conditional { alpha: 0.0 },
    Measure::Conditional { alpha: 0.5 },
    Measure::Conditional { alpha: 10.0 },
    Measure::Lift { kappa: 0.0 },
    Measure::Lift { kappa: 7.0 },
    Measure::Lift { kappa: 1e18 },
    Measure::SarLift,
    Measure::Pmi,
    Measure::Npmi,
    Measure::LexicographersMi,
    Measure::Llr,
    Measure::MahoutLlr,
    Measure::Cooccurrence,
    Measure::Dot,
    Measure::Tanimoto,
    Measure::WeightedJaccard,
    Measure::Pearson,
    Measure::CommonCosine,
    Measure::Msd,
];

/// Every weighting.
pub(crate) const WEIGHTINGS: &[Weighting] = &[
    Weighting::Binary,
    Weighting::Raw,
    Weighting::Log,
    Weighting::Tfidf { idf: Idf::Signed },
    Weighting::Bm25 { k1: 1.2, b: 0.75, idf: Idf::AtLeastZero },
    Weighting::Decay { half_life: 20 * 86_400_000_000, now: None, anchor: Anchor::Now },
    Weighting::Decay { half_life: 20 * 86_400_000_000, now: None, anchor: Anchor::Item },
    Weighting::Centred(Centred::ByUser),
];

/// What a machine pays that computes no row whole, or every row that may be.
pub(crate) fn machine(kernel: Kernel, is_whole: bool) -> Machine {
    let usual = Machine::of(kernel);
    if is_whole {
        Machine {
            whole_row: 1,
            whole_visit: 1,
            whole_addition: 1,
            far_whole_addition: 0,
            whole_neighbour: 0,
            ..usual
        }
    } else {
        Machine { whole_row: 1 << 40, ..usual }
    }
}

/// Every instruction set with no head, one chunk, two, all of `items`, and as many as the cost
/// model chooses; rows as it chooses, by halves alone, or whole.
pub(crate) fn layouts(items: usize) -> Vec<Layout> {
    let of_kernel = |kernel: Kernel| {
        let as_chosen = Layout { kernel, ..Layout::default() };
        let halves = [Some(0), Some(1), Some(2), Some(items.div_ceil(512)), None];
        let halves = halves.map(|head| (head, false));
        let whole = [Some(0), Some(1), None].map(|head| (head, true));
        let forced = halves.into_iter().chain(whole).map(move |(head, is_whole)| Layout {
            kernel,
            head,
            model: Some(machine(kernel, is_whole)),
            ..Layout::default()
        });
        forced.chain([as_chosen])
    };
    Kernel::available().into_iter().flat_map(of_kernel).collect()
}

/// Which items may be neighbours, and which are asked for; `None` is all of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Narrowing {
    pub(crate) only: Option<Vec<u32>>,
    pub(crate) exclude: Option<Vec<u32>>,
    pub(crate) wanted: Option<Vec<u32>>,
}

impl Narrowing {
    /// No narrowing, each list alone, and all three; of those who want, some want few, so that
    /// rows compute all pairs of their own item, and some many.
    pub(crate) fn some(items: usize, seed: u64) -> Vec<Self> {
        let mut dice = Pcg32::new(seed, 5);
        let mut one_in =
            |of| Some((0..items as u32).filter(|_| below(&mut dice, of) == 0).collect::<Vec<_>>());
        vec![
            Self::default(),
            Self { only: one_in(3), ..Self::default() },
            Self { wanted: one_in(20), ..Self::default() },
            Self { exclude: one_in(2), ..Self::default() },
            Self { wanted: one_in(1).map(|all| all[1..].to_vec()), ..Self::default() },
            Self { only: one_in(2), exclude: one_in(4), wanted: one_in(8) },
            Self { wanted: Some(vec![items as u32 / 2]), ..Self::default() },
            Self { exclude: one_in(3), wanted: one_in(2), ..Self::default() },
        ]
    }

    /// Returns true if `code` may be a neighbour.
    pub(crate) fn admits(&self, code: u32) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&code))
            && !self.exclude.as_ref().is_some_and(|exclude| exclude.contains(&code))
    }

    /// Returns true if neighbours of `code` are asked for.
    pub(crate) fn wants(&self, code: u32) -> bool {
        self.wanted.as_ref().is_none_or(|wanted| wanted.contains(&code))
    }

    /// Makes core's filter of it.
    pub(crate) fn filter(&self, items: usize) -> ItemFilter {
        let Self { only, exclude, wanted } = self;
        ItemFilter::new(items, only.as_deref(), exclude.as_deref(), wanted.as_deref())
    }
}

/// What the kernel found, and how.
pub(crate) struct Outcome {
    pub(crate) neighbours: Neighbours,
    pub(crate) sides: Sides,
    pub(crate) tiles: usize,
}

/// Plans and computes a job.
pub(crate) fn run(
    matrix: &Matrix,
    job: &Job,
    narrowing: &Narrowing,
    executor: &impl Executor,
) -> Outcome {
    let filter = narrowing.filter(matrix.items());
    let plan = Plan::of_job(matrix, job, &filter);
    let neighbours = neighbours(matrix, &plan, job, &filter, executor, |_| {});
    Outcome { neighbours, sides: plan.sides, tiles: plan.tiles.len() }
}

/// Draws a number from 0 up to 1.
pub(crate) fn unit(dice: &mut Pcg32) -> f64 {
    f64::from(dice.next_u32()) / 4_294_967_296.0
}
