//! What a job will take before it is computed: work, memory, time, and what would make it fit.
//!
//! Work and the effect of caps are exact, from degrees alone; memory and time are predictions.

use super::{
    size::Size,
    survey::{Survey, survey},
};
use crate::{
    cost::{Layout, Machine},
    executor::Executor,
    job::{Job, Of},
    kernel::most_kept,
    plan::{Counts, ItemFilter, Plan, Sketch},
    prepare::{Interactions, pairs_among},
    simd::BitRow,
    weighting::WeightKind,
};

/// The most bytes that the stages of comparing hold at the same time, by prediction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Memory {
    /// While interactions are arranged in the matrix.
    pub arranging: u64,
    /// While tiles are computed and the result is taken out.
    pub comparing: u64,
}

impl Memory {
    /// Returns the larger of the two.
    pub fn peak(self) -> u64 {
        self.arranging.max(self.comparing)
    }
}

/// What is known of a job before its interactions are arranged.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Outlook {
    /// How large the data is.
    pub size: Size,
    /// Items of the dense head.
    pub head_items: u64,
    /// Chunks of the dense head: its column blocks.
    pub head_blocks: u64,
    /// Interactions with the items of the head.
    pub head_interactions: u64,
    /// Items of the sparse tail.
    pub tail_items: u64,
    /// Interactions with the items of the tail.
    pub tail_interactions: u64,
    /// Pair operations that the job takes: fewer than those of everything with everything where
    /// neighbours of few items are asked for.
    pub operations: u64,
    /// Neighbours of the result: about, and at most where pairs may fall to `threshold` or
    /// `min_overlap`.
    pub neighbours: u64,
    /// Bytes it will take.
    pub memory: Memory,
    #[cfg_attr(feature = "serde", serde(skip))]
    basis: Basis,
}

/// What predictions are made from.
#[derive(Clone, Debug, PartialEq)]
struct Basis {
    /// What a core pays.
    machine: Machine,
    weights: WeightKind,
    /// The tiles, and those of a job that computes them block by block.
    sketches: [Sketch; 2],
    /// How many others each item asked for is expected to meet.
    met: Vec<f64>,
    top: f64,
    /// Bytes that an interaction takes before it is arranged.
    given: u64,
    workers: u64,
}

/// A job that is looked at.
struct Looking<'a> {
    job: &'a Job,
    filter: &'a ItemFilter,
    layout: Layout,
    weights: WeightKind,
    workers: usize,
}

impl Looking<'_> {
    /// Looks at it. `given`: bytes that an interaction takes before it is arranged. Cost: O(items).
    fn outlook(&self, survey: &Survey, (size, given): (Size, u64)) -> Outlook {
        let Self { job, filter, layout, weights, .. } = *self;
        let Survey { codes, supports, additions } = survey;
        let users = size.users as usize;
        let shape = layout.shape(additions, supports, users, weights);
        let head_items = shape.head_items();
        let sum = |supports: &[u32]| supports.iter().copied().map(u64::from).sum::<u64>();
        let met = additions.others_met(supports).zip(codes);
        let asked = met.filter(|(_, code)| filter.wants(**code));
        let counts = Counts { users, codes, supports, additions, weights };
        let sketches = [
            Sketch::of_job(&counts, &layout, (job, filter)),
            Sketch::new(&counts, &layout, filter),
        ];
        let basis = Basis {
            machine: layout.machine(),
            weights,
            sketches,
            met: asked.map(|(met, _)| met).collect(),
            top: f64::from(job.top),
            given,
            workers: self.workers as u64,
        };
        let mut outlook = Outlook {
            size,
            head_items: head_items as u64,
            head_blocks: shape.chunks() as u64,
            head_interactions: sum(&supports[..head_items]),
            tail_items: (supports.len() - head_items) as u64,
            tail_interactions: sum(&supports[head_items..]),
            operations: sketches[0].operations,
            neighbours: 0,
            memory: Memory::default(),
            basis,
        };
        outlook.neighbours = outlook.found(1.0) as u64;
        outlook.memory = outlook.memory_of(&outlook.size);
        outlook
    }
}

impl Outlook {
    /// Looks at a job. Cost: O(interactions · log of the longest row).
    pub fn of(
        interactions: &Interactions,
        job: &Job,
        filter: &ItemFilter,
        layout: Layout,
        executor: &impl Executor,
    ) -> Self {
        let survey = survey(interactions, executor);
        let size = Size::of(interactions);
        let given = interactions.bytes().div_ceil(interactions.len().max(1) as u64);
        let weights = interactions.weight_kind(job.weighting);
        let looking = Looking { job, filter, layout, weights, workers: executor.workers() };
        looking.outlook(&survey, (size, given))
    }

    /// Looks at a job on data of size `whole`, of which `part` was read; the filter admits and wants all
    /// items. Cost: as [`Outlook::of`].
    pub fn of_part(
        part: &Interactions,
        whole: &Size,
        job: &Job,
        layout: Layout,
        executor: &impl Executor,
    ) -> Self {
        let (size, filter) = (Size::of(part), ItemFilter::default());
        let survey = survey(part, executor).scaled(&size, whole);
        let given = part.bytes().div_ceil(part.len().max(1) as u64);
        let weights = part.weight_kind(job.weighting);
        let looking =
            Looking { job, filter: &filter, layout, weights, workers: executor.workers() };
        looking.outlook(&survey, (*whole, given))
    }

    /// Returns the outlook of the same job where tiles are kept, or computed elsewhere: block by block.
    #[must_use]
    pub fn block_by_block(self) -> Self {
        let sketches = [self.basis.sketches[1]; 2];
        let basis = Basis { sketches, ..self.basis };
        Self { operations: sketches[0].operations, basis, ..self }
    }

    /// Predicts how many neighbours a share of all tiles finds.
    fn found(&self, share: f64) -> f64 {
        self.basis.met.iter().map(|met| (met * share).min(self.basis.top)).sum()
    }

    /// Predicts the bytes that the same job takes on data of another size, of which as large a
    /// part lies in the head.
    pub fn memory_of(&self, size: &Size) -> Memory {
        let Size { users, items, interactions: all, .. } = *size;
        let share = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
        let value = self.basis.weights.bytes() as u64;
        let entry = size_of::<u32>() as u64 + value;
        let start = size_of::<usize>() as u64;
        // As given, and the weights made of them.
        let given = all * (self.basis.given + value);
        let by_user = all * entry + users * start;
        let by_item = all * entry + items * start;
        let in_tail = share(self.tail_interactions, self.size.interactions);
        let head = self.head_blocks * users * size_of::<BitRow>() as u64;
        let tail = (all as f64 * in_tail) as u64 * entry + users * start;
        // Without a head the tail is what was arranged by user.
        let copied = if self.head_blocks == 0 { 0 } else { tail };
        // Relabelled pieces are put together, then transposed; each worker counts work.
        let joining = given + 2 * all * entry;
        let laying = given + by_user + by_item + 16 * items * self.basis.workers + head + copied;
        // Codes, supports, squares, four kinds of work, factors and hurdles.
        let columns = 64 * items;
        let workers = items * (self.basis.weights.sum_bytes() as u64 + 8) * self.basis.workers;
        let most = most_kept(self.basis.top as usize) as f64;
        let kept = self.basis.met.iter().map(|met| most.min(*met)).sum::<f64>();
        let lists = 12.0 * kept * share(items, self.size.items);
        let result = 12.0 * self.neighbours as f64 * share(items, self.size.items);
        let selection = 36 * items + lists as u64 + result as u64;
        Memory {
            arranging: joining.max(laying),
            comparing: by_item + tail + head + columns + workers + selection,
        }
    }

    /// Predicts the CPU time of arranging.
    pub fn forecast_arranging(&self) -> Forecast {
        let interactions = self.size.interactions as usize;
        let arranging =
            seconds(self.basis.machine.arranging(interactions, self.basis.weights.bytes()));
        Forecast { arranging, ..Forecast::default() }
    }

    /// Predicts the CPU time of the job before its tiles are cut.
    pub fn forecast_of_all(&self) -> Forecast {
        let Forecast { arranging, .. } = self.forecast_arranging();
        let (found, is_unit) = (self.found(1.0), self.basis.weights == WeightKind::One);
        let [sketch, _] = &self.basis.sketches;
        let comparing = Forecast::of_comparing(&self.basis.machine, sketch.cost, found, is_unit);
        let finding = seconds(sketch.finding(&self.basis.machine, found, is_unit));
        Forecast { arranging, finding, ..comparing }
    }

    /// Predicts the CPU time of the job whose tiles are `plan`.
    pub fn forecast(&self, plan: &Plan) -> Forecast {
        let Forecast { arranging, .. } = self.forecast_arranging();
        Forecast { arranging, ..self.forecast_part(plan, 1.0) }
    }

    /// Predicts the CPU time of a share of the tiles, `part`, without arranging.
    pub fn forecast_part(&self, part: &Plan, share: f64) -> Forecast {
        let found = self.found(share);
        let is_unit = self.basis.weights == WeightKind::One;
        let finding = seconds(part.finding(&self.basis.machine, found, is_unit));
        // Tiles cost what a core usually pays.
        let slowness = self.basis.sketches[usize::from(!part.has_whole_rows())].slowness();
        let counting = (part.cost as f64 * slowness) as u64;
        let comparing = Forecast::of_comparing(&self.basis.machine, counting, found, is_unit);
        Forecast { finding, ..comparing }
    }
}

fn seconds(picoseconds: f64) -> f64 {
    picoseconds / 1e12
}

/// CPU seconds of comparing, by prediction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Forecast {
    /// Arranging the matrix.
    pub arranging: f64,
    /// Counting in tiles, with sifting.
    pub counting: f64,
    /// Scoring, offering and keeping what passes.
    pub finding: f64,
    /// Taking the result out.
    pub collecting: f64,
}

/// The share of arranging that one thread does while the others wait.
const ARRANGED_ALONE: f64 = 0.5;

impl Forecast {
    /// Predicts comparing on `machine` from what counting costs one core, in picoseconds, and how
    /// many neighbours there will be; `is_unit`: every weight is 1.
    pub fn of_comparing(machine: &Machine, counting: u64, neighbours: f64, is_unit: bool) -> Self {
        Self {
            arranging: 0.0,
            counting: seconds(counting as f64),
            finding: seconds(machine.finding(neighbours, is_unit)),
            collecting: seconds(machine.collecting(neighbours)),
        }
    }

    /// Returns all CPU seconds.
    pub fn total(&self) -> f64 {
        self.arranging + self.comparing()
    }

    /// Returns those after arranging.
    pub fn comparing(&self) -> f64 {
        self.counting + self.finding + self.collecting
    }

    /// Returns the seconds that pass where `workers` cores share the work.
    pub fn elapsed(&self, workers: usize) -> f64 {
        let shared = (self.counting + self.finding) / workers.max(1) as f64;
        self.elapsed_arranging(workers) + self.collecting + shared
    }

    /// Returns those of arranging.
    pub fn elapsed_arranging(&self, workers: usize) -> f64 {
        let shared = (1.0 - ARRANGED_ALONE) / workers.max(1) as f64;
        self.arranging * (ARRANGED_ALONE + shared)
    }

    /// Returns the forecast with comparing `factor` times as long: where measuring a part of it
    /// showed how far off the prediction is.
    pub fn corrected(&self, factor: f64) -> Self {
        Self {
            counting: self.counting * factor,
            finding: self.finding * factor,
            collecting: self.collecting * factor,
            ..*self
        }
    }

    /// Estimates the forecast of the same job on data that is `smaller`: counting takes time by
    /// pair operations, arranging by interactions, the rest by items.
    pub fn scaled(&self, from: &Size, smaller: &Size) -> Self {
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        let interactions = share(smaller.interactions as f64, from.interactions as f64);
        let operations = share(smaller.pair_operations as f64, from.pair_operations as f64);
        let items = share(smaller.items as f64, from.items as f64);
        Self {
            arranging: self.arranging * interactions,
            counting: self.counting * operations,
            finding: self.finding * items,
            collecting: self.collecting * items,
        }
    }
}

/// A setting that makes a job smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Setting {
    /// A cap on items per user.
    MaxItemsPerUser,
    /// A least number of users per item.
    MinSupport,
}

/// A setting with which a job fits.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Remedy {
    /// What to set.
    pub setting: Setting,
    /// To what.
    pub value: u32,
    /// How large the data then is: exact.
    pub size: Size,
    /// The share of the pair operations that it saves.
    pub saves: f64,
}

/// Finds, for each setting, the value that leaves most of the data and still `fits`: the largest
/// cap on items per user and the smallest least support, of two digits that matter. A setting
/// that cannot make it fit is left out; with `of` users both are. Cost: O(interactions · log).
pub fn remedies(interactions: &Interactions, of: Of, fits: impl Fn(&Size) -> bool) -> Vec<Remedy> {
    // Users and items have changed places there: a cap on a column is no cap on a row.
    if of == Of::Users {
        return Vec::new();
    }
    let whole = Size::of(interactions);
    let remedy = |setting, value, size: Size| Remedy {
        setting,
        value,
        size,
        saves: 1.0 - size.pair_operations as f64 / whole.pair_operations.max(1) as f64,
    };
    let most = interactions.degrees().max().unwrap_or(0) as u32;
    // Smaller caps, and larger supports, leave less.
    let cap = largest(most, |cap| fits(&capped(interactions, cap)));
    let cap = cap.map(|cap| {
        let cap = rounded_down(cap);
        remedy(Setting::MaxItemsPerUser, cap, capped(interactions, cap))
    });
    let supports = interactions.supports();
    let most = supports.iter().copied().max().unwrap_or(0);
    let supported = |least| supported(interactions, &supports, least);
    let support = largest(most, |back| fits(&supported(most - back + 1)));
    let support = support.map(|back| {
        let least = rounded_up(most - back + 1).min(most);
        remedy(Setting::MinSupport, least, supported(least))
    });
    cap.into_iter().chain(support).filter(|remedy| fits(&remedy.size)).collect()
}

/// Finds the largest cap on items per user, of two digits that matter, with which the job `fits`,
/// given the share of the pair operations that is left. `degrees`: how many users have how many
/// items.
pub fn cap_that_fits(degrees: &[(u32, u64)], fits: impl Fn(f64) -> bool) -> Option<Remedy> {
    let capped = |cap: u32| {
        let mut size = Size::default();
        for (degree, users) in degrees {
            let kept = u64::from((*degree).min(cap));
            size.users += users;
            size.interactions += kept * users;
            size.pair_operations += pairs_among(kept as usize) * u128::from(*users);
        }
        size
    };
    let most = degrees.iter().map(|(degree, _)| *degree).max().unwrap_or(0);
    let whole = capped(most).pair_operations.max(1) as f64;
    let left = |cap: u32| capped(cap).pair_operations as f64 / whole;
    let value = rounded_down(largest(most, |cap| fits(left(cap)))?);
    let (setting, saves) = (Setting::MaxItemsPerUser, 1.0 - left(value));
    Some(Remedy { setting, value, size: capped(value), saves })
}

/// Finds the largest number from 1 to `most` that `fits`, where smaller ones do if larger ones do.
fn largest(most: u32, fits: impl Fn(u32) -> bool) -> Option<u32> {
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if fits(middle) { low = middle } else { high = middle - 1 }
    }
    (low > 0).then_some(low)
}

/// Measures what a cap on items per user leaves; which items go is not known, so none do.
fn capped(interactions: &Interactions, cap: u32) -> Size {
    let mut size = Size { interactions: 0, pair_operations: 0, ..Size::of(interactions) };
    for items in interactions.degrees() {
        let kept = (items as u64).min(cap.into());
        size.interactions += kept;
        size.pair_operations += pairs_among(kept as usize);
    }
    size
}

/// Measures what is left of items with at least `least` users.
fn supported(interactions: &Interactions, supports: &[u32], least: u32) -> Size {
    let mut size = Size {
        items: supports.iter().filter(|support| **support >= least).count() as u64,
        ..Size::default()
    };
    for user in 0..interactions.users() as u32 {
        let items = interactions.of(user).iter();
        let kept = items.filter(|item| supports[**item as usize] >= least).count() as u64;
        size.users += u64::from(kept > 0);
        size.interactions += kept;
        size.pair_operations += pairs_among(kept as usize);
    }
    size
}

/// Rounds down to two digits that matter.
fn rounded_down(value: u32) -> u32 {
    let scale = scale(value);
    value / scale * scale
}

/// Rounds up to two digits that matter.
fn rounded_up(value: u32) -> u32 {
    let scale = scale(value);
    value.div_ceil(scale).saturating_mul(scale)
}

const fn scale(value: u32) -> u32 {
    match value.checked_ilog10() {
        Some(digits) => 10_u32.pow(digits.saturating_sub(1)),
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        executor::Sequential,
        job::{Given, SimilarityJob},
        matrix::Matrix,
    };

    /// User u has the items 0..=u, so item i has users − i users.
    fn stairs(users: u32) -> Interactions {
        Interactions::of_rows((0..users).map(|user| (0..=user).collect()), users as usize)
    }

    fn job() -> Job {
        SimilarityJob::default().resolve(Given::default()).unwrap()
    }

    #[test]
    fn the_outlook_is_what_the_matrix_comes_to() {
        let filter = ItemFilter::default();
        for users in [1, 2, 40, 700] {
            let interactions = stairs(users);
            for head in [None, Some(0), Some(1), Some(2)] {
                let layout = Layout { head, ..Layout::default() };
                let outlook = Outlook::of(&interactions, &job(), &filter, layout, &Sequential);
                let weighting = crate::weighting::Weighting::Binary;
                let matrix = Matrix::with_layout(&interactions, weighting, layout, &Sequential);
                assert_eq!(outlook.head_items, matrix.head_items() as u64);
                assert_eq!(outlook.head_items + outlook.tail_items, u64::from(users));
                let parts = outlook.head_interactions + outlook.tail_interactions;
                assert_eq!(parts, interactions.len() as u64);
                let plan = Plan::new(&matrix, &filter);
                assert_eq!(outlook.size.pair_operations, Size::of(&interactions).pair_operations);
                assert_eq!(
                    outlook.size.pair_operations,
                    plan.operations.into(),
                    "what a run counts"
                );
                assert!(outlook.memory.peak() > 0);
                let of_job = Plan::of_job(&matrix, &job(), &filter);
                assert_eq!(outlook.operations, of_job.operations);
                let outlook = outlook.block_by_block();
                assert_eq!(outlook.operations, plan.operations);
                let (before, after) = (outlook.forecast_of_all(), outlook.forecast(&plan));
                assert!(after.total() > 0.0);
                assert!(
                    (before.total() / after.total() - 1.0).abs() < 0.05,
                    "{before:?} {after:?}"
                );
            }
        }
    }

    #[test]
    fn a_part_that_is_all_has_the_outlook_of_all() {
        let interactions = stairs(700);
        let (layout, size) = (Layout::default(), Size::of(&interactions));
        let filter = ItemFilter::default();
        let whole = Outlook::of(&interactions, &job(), &filter, layout, &Sequential);
        let part = Outlook::of_part(&interactions, &size, &job(), layout, &Sequential);
        assert_eq!(part, whole);
        // Four times as many users like these.
        let Size { users, items, interactions: all, pair_operations } = size;
        let size = Size {
            users: 4 * users,
            items: items + 50,
            interactions: 4 * all,
            pair_operations: 4 * pair_operations,
        };
        let more = Outlook::of_part(&interactions, &size, &job(), layout, &Sequential);
        assert_eq!(more.size, size);
        assert_eq!(more.head_items + more.tail_items, items + 50);
        // Computing rows whole may pay for the one and not for the other.
        let (more, whole) = (more.block_by_block(), whole.block_by_block());
        let ratio = more.operations as f64 / whole.operations as f64;
        assert!((3.9..4.1).contains(&ratio), "{ratio}");
        let (before, after) = (whole.forecast_of_all().total(), more.forecast_of_all().total());
        assert!(after > 1.5 * before && after < 6.0 * before, "{before} {after}");
    }

    #[test]
    fn a_part_of_the_tiles_finds_a_part_of_the_neighbours() {
        let interactions = stairs(300);
        let filter = ItemFilter::new(300, None, None, Some(&[0, 1, 2]));
        let layout = Layout::default();
        let outlook = Outlook::of(&interactions, &job(), &filter, layout, &Sequential);
        // Three items are asked for, of which each meets more than 50 others.
        assert_eq!(outlook.neighbours, 150);
        assert!(outlook.found(0.001) < 3.0);
    }

    #[test]
    fn the_largest_cap_and_the_smallest_support_that_fit_are_found() {
        let interactions = stairs(90);
        let within = |operations: u128| {
            remedies(&interactions, Of::Items, |size| size.pair_operations <= operations)
        };
        let whole = Size::of(&interactions).pair_operations;
        for operations in [0, 1_000, 50_000, whole - 1] {
            let found = within(operations);
            let [cap, support] = found[..] else { panic!("{found:?}") };
            // By trying them all.
            let caps =
                (1..=90).filter(|cap| capped(&interactions, *cap).pair_operations <= operations);
            assert_eq!(Some(cap.value), caps.max());
            let supports = interactions.supports();
            let fits = |least: &u32| {
                supported(&interactions, &supports, *least).pair_operations <= operations
            };
            assert_eq!(Some(support.value), (1..=90).find(fits));
            assert!(cap.saves > 0.0 && cap.saves <= 1.0);
            assert_eq!(cap.saves < 1.0, operations > 0, "one item a user is no pair");
            let left = cap.size.pair_operations as f64 / whole as f64;
            assert!((1.0 - left - cap.saves).abs() < 1e-12);
        }
        let nothing = remedies(&interactions, Of::Items, |_| false);
        assert!(nothing.is_empty(), "nothing is that small");
        assert_eq!(remedies(&interactions, Of::Users, |_| true), Vec::new());
    }

    #[test]
    fn remedies_are_of_two_digits_and_still_fit() {
        assert_eq!([1, 99, 107, 12_345].map(rounded_down), [1, 99, 100, 12_000]);
        assert_eq!([1, 99, 107, 12_345].map(rounded_up), [1, 99, 110, 13_000]);
        assert_eq!(
            rounded_up(u32::MAX),
            u32::MAX.div_ceil(100_000_000).saturating_mul(100_000_000)
        );
        assert_eq!((rounded_down(0), rounded_up(0)), (0, 0));
    }

    #[test]
    fn workers_share_what_can_be_shared() {
        let forecast = Forecast { arranging: 1.0, counting: 6.0, finding: 2.0, collecting: 0.5 };
        assert_eq!(forecast.total(), 9.5);
        assert_eq!(forecast.elapsed(1), 9.5);
        assert_eq!(forecast.elapsed(2), 0.5 + 0.5 + 8.5 / 2.0);
        assert_eq!(forecast.corrected(2.0).total(), 1.0 + 17.0);
        let whole = Size { users: 8, items: 10, interactions: 100, pair_operations: 1_000 };
        let part = Size { items: 5, interactions: 50, pair_operations: 100, ..whole };
        assert_eq!(forecast.scaled(&whole, &part).total(), 0.5 + 0.6 + 1.0 + 0.25);
    }
}
