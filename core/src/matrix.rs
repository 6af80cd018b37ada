//! The weighted users x items matrix in both orientations, items relabelled by popularity.
//!
//! Inside the matrix an item goes by its *position*: 0 is the item with most users, so popular
//! items share the front of every accumulator. Positions stay inside; ties follow codes.

use std::borrow::Cow;

use sprs::CsMatI;

use crate::{
    executor::Executor,
    interactions::Interactions,
    weighting::{self, Weighting},
};

/// What an interaction holds: nothing where all weights are 1, else its weight.
pub(crate) trait Value: Copy + Default + Send + Sync + 'static {
    /// What is summed per pair.
    type Sum: Copy + Default + Send;

    /// Adds the product of two interactions of one user.
    fn add(sum: &mut Self::Sum, x: Self, y: Self);

    /// Users added up so far.
    fn overlap(sum: &Self::Sum) -> u32;

    /// The dot product so far.
    fn dot(sum: &Self::Sum) -> f64;

    /// The dot product in f32, for bounds: infinite where f32 would lose its precision.
    fn rough_dot(sum: &Self::Sum) -> f32;

    /// The weight itself.
    fn weight(self) -> f64;
}

impl Value for () {
    type Sum = u32;

    #[inline]
    fn add(sum: &mut u32, (): (), (): ()) {
        *sum += 1;
    }

    #[inline]
    fn overlap(sum: &u32) -> u32 {
        *sum
    }

    #[inline]
    fn dot(sum: &u32) -> f64 {
        *sum as f64
    }

    #[inline]
    fn rough_dot(sum: &u32) -> f32 {
        *sum as f32
    }

    #[inline]
    fn weight(self) -> f64 {
        1.0
    }
}

/// Overlap and dot product of a weighted pair.
#[derive(Clone, Copy, Default)]
pub(crate) struct WeightedSum {
    dot: f64,
    overlap: u32,
}

impl Value for f64 {
    type Sum = WeightedSum;

    #[inline]
    fn add(sum: &mut WeightedSum, x: Self, y: Self) {
        sum.dot += x * y;
        sum.overlap += 1;
    }

    #[inline]
    fn overlap(sum: &WeightedSum) -> u32 {
        sum.overlap
    }

    #[inline]
    fn dot(sum: &WeightedSum) -> f64 {
        sum.dot
    }

    #[inline]
    fn rough_dot(sum: &WeightedSum) -> f32 {
        if sum.dot > 1e-30 { sum.dot as f32 } else { f32::INFINITY }
    }

    #[inline]
    fn weight(self) -> f64 {
        self
    }
}

/// One orientation of the matrix as plain slices: row r holds `codes[starts[r]..starts[r + 1]]`,
/// ascending.
#[derive(Clone, Copy)]
pub(crate) struct Lists<'a, V> {
    starts: &'a [usize],
    codes: &'a [u32],
    values: &'a [V],
}

impl<'a, V> Lists<'a, V> {
    /// Returns row `row`: codes and, as long, values.
    #[inline]
    pub(crate) fn row(&self, row: u32) -> (&'a [u32], &'a [V]) {
        let (start, end) = (self.starts[row as usize], self.starts[row as usize + 1]);
        (&self.codes[start..end], &self.values[start..end])
    }

    /// Counts the rows.
    pub(crate) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Returns where each row starts.
    pub(crate) fn starts(&self) -> &'a [usize] {
        self.starts
    }

    /// Returns the codes of all rows.
    pub(crate) fn codes(&self) -> &'a [u32] {
        self.codes
    }

    /// Returns the values of all rows.
    pub(crate) fn values(&self) -> &'a [V] {
        self.values
    }
}

/// A matrix whose interactions hold a `V`.
#[derive(Clone, Debug)]
pub(crate) struct Columns<V> {
    /// Users x positions, compressed by user.
    by_user: CsMatI<V, u32, usize>,
    /// The same, compressed by position.
    by_position: CsMatI<V, u32, usize>,
    /// Position -> code.
    codes: Vec<u32>,
    /// Users per position, descending.
    supports: Vec<u32>,
    /// Σx² per position, summed in ascending user order.
    squares: Vec<f64>,
}

impl<V: Value> Columns<V> {
    fn new(
        interactions: &Interactions,
        supports: &[u32],
        value: impl Fn(usize) -> V + Sync,
        executor: &impl Executor,
    ) -> Self {
        let mut codes = (0..interactions.items() as u32).collect::<Vec<_>>();
        // Stable: of equally popular items the one of smaller code comes first.
        codes.sort_by_key(|code| std::cmp::Reverse(supports[*code as usize]));
        let mut positions = vec![0; codes.len()];
        for (position, code) in codes.iter().enumerate() {
            positions[*code as usize] = position as u32;
        }
        let by_user = relabel(interactions, &positions, value, executor);
        let by_position = by_user.to_csc();
        let mut columns = Self {
            supports: codes.iter().map(|code| supports[*code as usize]).collect(),
            codes,
            by_user,
            by_position,
            squares: Vec::new(),
        };
        let lists = columns.by_position();
        let square = |position| {
            let (_, values) = lists.row(position);
            values.iter().map(|value| value.weight() * value.weight()).sum()
        };
        columns.squares = (0..lists.len() as u32).map(square).collect();
        columns
    }

    /// Lists each user's positions.
    pub(crate) fn by_user(&self) -> Lists<'_, V> {
        lists(&self.by_user)
    }

    /// Lists each position's users.
    pub(crate) fn by_position(&self) -> Lists<'_, V> {
        lists(&self.by_position)
    }

    /// Counts the users.
    pub(crate) fn users(&self) -> usize {
        self.by_user.rows()
    }

    /// Counts the items.
    pub(crate) fn items(&self) -> usize {
        self.codes.len()
    }

    /// Returns the code at each position.
    pub(crate) fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// Returns the number of users at each position, descending.
    pub(crate) fn supports(&self) -> &[u32] {
        &self.supports
    }

    /// Returns Σx² at each position.
    pub(crate) fn squares(&self) -> &[f64] {
        &self.squares
    }
}

fn lists<V>(matrix: &CsMatI<V, u32, usize>) -> Lists<'_, V> {
    let Cow::Borrowed(starts) = matrix.proper_indptr() else {
        unreachable!("an owned matrix is no slice of another");
    };
    Lists { starts, codes: matrix.indices(), values: matrix.data() }
}

/// Renames items to positions and sorts each user's row anew.
fn relabel<V: Value>(
    interactions: &Interactions,
    positions: &[u32],
    value: impl Fn(usize) -> V + Sync,
    executor: &impl Executor,
) -> CsMatI<V, u32, usize> {
    const USERS: usize = 1 << 14;
    let users = interactions.users();
    let pieces = executor.map(users.div_ceil(USERS), |piece| {
        let (first, last) = (piece * USERS, ((piece + 1) * USERS).min(users));
        let mut codes = Vec::new();
        let mut values = Vec::new();
        let mut row = Vec::new();
        for user in first..last {
            let range = interactions.range(user as u32);
            let entries =
                range.map(|at| (positions[interactions.all_items()[at] as usize], value(at)));
            row.clear();
            row.extend(entries);
            row.sort_unstable_by_key(|(position, _)| *position);
            codes.extend(row.iter().map(|(position, _)| *position));
            values.extend(row.iter().map(|(_, value)| *value));
        }
        (codes, values)
    });
    let mut codes = Vec::with_capacity(interactions.len());
    let mut values = Vec::with_capacity(interactions.len());
    for (some_codes, some_values) in pieces {
        codes.extend(some_codes);
        values.extend(some_values);
    }
    let starts =
        std::iter::once(0).chain((0..users as u32).map(|user| interactions.range(user).end));
    let shape = (users, interactions.items());
    CsMatI::try_new(shape, starts.collect(), codes, values)
        .map_err(|(_, _, _, error)| error)
        .expect("rows are sorted and positions are below the number of items")
}

/// The matrix that a job's tiles are computed from. Cost: 8 B per interaction (both
/// orientations), 24 B with weights, and about 24 B per user and item.
#[derive(Clone, Debug)]
pub struct Matrix(pub(crate) Kind);

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// Every weight is 1: overlaps are all there is to count.
    Counts(Columns<()>),
    /// Weights differ.
    Weights(Columns<f64>),
}

impl Matrix {
    /// Weighs the interactions and lays them out both ways. Cost: O(interactions · log of the
    /// longest row).
    pub fn new(
        interactions: &Interactions,
        weighting: Weighting,
        executor: &impl Executor,
    ) -> Self {
        let supports = interactions.supports();
        let unit = match weighting {
            Weighting::Binary => true,
            Weighting::Raw => interactions.weights().is_none(),
            _ => false,
        };
        Self(if unit {
            Kind::Counts(Columns::new(interactions, &supports, |_| (), executor))
        } else {
            let weights = weigh(interactions, &supports, weighting);
            Kind::Weights(Columns::new(interactions, &supports, |at| weights[at], executor))
        })
    }

    /// Counts the users.
    pub fn users(&self) -> usize {
        match &self.0 {
            Kind::Counts(columns) => columns.users(),
            Kind::Weights(columns) => columns.users(),
        }
    }

    /// Counts the items.
    pub fn items(&self) -> usize {
        match &self.0 {
            Kind::Counts(columns) => columns.items(),
            Kind::Weights(columns) => columns.items(),
        }
    }
}

/// Weighs every interaction, in their order.
fn weigh(interactions: &Interactions, supports: &[u32], weighting: Weighting) -> Vec<f64> {
    let raw = |at: usize| interactions.weights().map_or(1.0, |weights| weights[at]);
    let all = 0..interactions.len();
    match weighting {
        Weighting::Binary => vec![1.0; interactions.len()],
        Weighting::Raw => all.map(raw).collect(),
        Weighting::Log => all.map(|at| weighting::log::weigh(raw(at))).collect(),
        Weighting::Tfidf => {
            with_idf(interactions, supports, |at, _, idf| weighting::tfidf::weigh(raw(at), idf))
        }
        Weighting::Bm25 { k1, b } => {
            let mut lengths = vec![0.0; supports.len()];
            for (at, item) in interactions.all_items().iter().enumerate() {
                lengths[*item as usize] += raw(at);
            }
            let average = lengths.iter().sum::<f64>() / lengths.len() as f64;
            let saturate = |length| weighting::bm25::saturation(k1, b, length, average);
            let saturations = lengths.into_iter().map(saturate).collect::<Vec<_>>();
            with_idf(interactions, supports, |at, item, idf| {
                weighting::bm25::weigh(raw(at), k1, saturations[item as usize], idf)
            })
        }
        Weighting::Decay { half_life, now } => {
            let times = interactions.times().unwrap_or_default();
            let now = now.or_else(|| times.iter().max().copied()).unwrap_or_default();
            let age = |at: usize| times.get(at).map_or(0, |time| now.saturating_sub(*time));
            all.map(|at| weighting::decay::weigh(raw(at), age(at), half_life)).collect()
        }
    }
}

/// Weighs by position, item and the idf of the user.
fn with_idf(
    interactions: &Interactions,
    supports: &[u32],
    weigh: impl Fn(usize, u32, f64) -> f64,
) -> Vec<f64> {
    let mut weights = Vec::with_capacity(interactions.len());
    for user in 0..interactions.users() as u32 {
        let range = interactions.range(user);
        let idf = weighting::tfidf::idf(supports.len() as u32, range.len() as u32);
        weights.extend(range.map(|at| weigh(at, interactions.all_items()[at], idf)));
    }
    weights
}
