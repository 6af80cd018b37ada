//! The weighted users x items matrix in both orientations, items relabelled by popularity.
//!
//! Inside the matrix an item goes by its *position*: 0 is the item with most users, so popular
//! items share the front of every accumulator. Positions stay inside; ties follow codes.

use std::borrow::Cow;

use sprs::CsMatI;

use crate::{
    cost::{self, Machine},
    executor::Executor,
    interactions::Interactions,
    kernel::arch::{BitRow, CHUNK, Kernel, Sieve},
    weighting::{self, Weighting},
};

/// What an interaction holds: nothing where all weights are 1, else its weight.
pub(crate) trait Value: Copy + Default + Send + Sync + 'static {
    /// What is summed per pair.
    type Sum: Copy + Default + Send;

    /// Returns the sum of `count` interactions that both items have.
    ///
    /// # Panics
    /// Where weights differ, so that a count says too little.
    fn of_count(count: u32) -> Self::Sum;

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

    /// Finds the sums that may matter; see [`Kernel::select`].
    fn select(kernel: Kernel, sums: &[Self::Sum], sieve: &Sieve<'_>, visit: impl FnMut(usize));
}

impl Value for () {
    type Sum = u32;

    #[inline]
    fn of_count(count: u32) -> u32 {
        count
    }

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

    #[inline]
    fn select(kernel: Kernel, sums: &[u32], sieve: &Sieve<'_>, visit: impl FnMut(usize)) {
        kernel.select(sums, sieve, visit);
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

    fn of_count(_: u32) -> WeightedSum {
        unreachable!("a weighted matrix has no bits to count")
    }

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

    #[inline]
    fn select(_: Kernel, sums: &[WeightedSum], sieve: &Sieve<'_>, visit: impl FnMut(usize)) {
        let matters = |index: &usize| {
            let sum = &sums[*index];
            sum.overlap > 0 && sieve.admits(*index, Self::rough_dot(sum))
        };
        (0..sums.len()).filter(matters).for_each(visit);
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

    /// Returns where row `row` lies.
    #[inline]
    pub(crate) fn range(&self, row: u32) -> std::ops::Range<usize> {
        self.starts[row as usize]..self.starts[row as usize + 1]
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

/// A matrix whose interactions hold a `V`, as column blocks: a dense *head* of the most popular
/// items, bits in chunks of 512 items, and a sparse *tail* of lists.
#[derive(Clone, Debug)]
pub(crate) struct Columns<V> {
    kernel: Kernel,
    machine: Machine,
    /// One row of bits per user for each chunk of the head.
    head: Vec<Vec<BitRow>>,
    /// Users x positions of the tail, counted from its first, compressed by user.
    tail: CsMatI<V, u32, usize>,
    /// Users x positions, compressed by position.
    by_position: CsMatI<V, u32, usize>,
    /// Position -> code.
    codes: Vec<u32>,
    /// Users per position, descending.
    supports: Vec<u32>,
    /// Σx² per position, summed in ascending user order.
    squares: Vec<f64>,
    /// Additions per position, known from the degrees.
    work: Work,
}

/// How many additions each row takes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Work {
    /// Against every position, itself included.
    pub(crate) all: Vec<u64>,
    /// Against every smaller position.
    pub(crate) smaller: Vec<u64>,
    /// Against every position of the tail.
    pub(crate) all_of_tail: Vec<u64>,
    /// Against every smaller position of the tail.
    pub(crate) smaller_of_tail: Vec<u64>,
}

impl<V: Value> Columns<V> {
    fn new(
        interactions: &Interactions,
        supports: &[u32],
        value: impl Fn(usize) -> V + Sync,
        layout: Layout,
        executor: &impl Executor,
    ) -> Self {
        let mut codes = (0..interactions.items() as u32).collect::<Vec<_>>();
        // Stable: of equally popular items the one of smaller code comes first.
        codes.sort_by_key(|code| std::cmp::Reverse(supports[*code as usize]));
        let mut positions = vec![0; codes.len()];
        for (position, code) in codes.iter().enumerate() {
            positions[*code as usize] = position as u32;
        }
        let supports = codes.iter().map(|code| supports[*code as usize]).collect::<Vec<_>>();
        let by_user = relabel(interactions, &positions, value, executor);
        let by_position = by_user.to_csc();
        let mut work = Work::default();
        (work.all, work.smaller) = additions(lists(&by_user), codes.len(), 0, executor);
        let machine = layout.machine.unwrap_or_else(|| Machine::of(layout.kernel));
        // Only counts can be had from bits.
        let chunks = match (size_of::<V>(), layout.head) {
            (0, Some(chunks)) => chunks.min(codes.len().div_ceil(CHUNK)),
            (0, None) => cost::choose_head(&work, &supports, by_user.rows(), &machine),
            _ => 0,
        };
        let first = (chunks * CHUNK).min(codes.len());
        let head = executor.map(chunks, |chunk| {
            let last = ((chunk + 1) * CHUNK).min(codes.len());
            bit_rows(lists(&by_position), chunk * CHUNK..last, by_user.rows())
        });
        (work.all_of_tail, work.smaller_of_tail) = if first == 0 {
            (work.all.clone(), work.smaller.clone())
        } else {
            additions(lists(&by_user), codes.len(), first, executor)
        };
        let tail = if first == 0 { by_user } else { tail_of(lists(&by_user), first, codes.len()) };
        let rows = lists(&by_position);
        let square = |position| {
            let (_, values) = rows.row(position);
            values.iter().map(|value| value.weight() * value.weight()).sum()
        };
        let squares = (0..rows.len() as u32).map(square).collect();
        let kernel = layout.kernel;
        Self { kernel, machine, head, tail, by_position, codes, supports, squares, work }
    }

    /// Returns the instructions to use.
    pub(crate) fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// Returns what a core pays.
    pub(crate) fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Returns the head's bits: one row per user for each chunk.
    pub(crate) fn head(&self) -> &[Vec<BitRow>] {
        &self.head
    }

    /// Returns the first position of the tail.
    pub(crate) fn tail_start(&self) -> usize {
        (self.head.len() * CHUNK).min(self.codes.len())
    }

    /// Lists each user's positions in the tail, counted from its first.
    pub(crate) fn tail(&self) -> Lists<'_, V> {
        lists(&self.tail)
    }

    /// Lists each position's users.
    pub(crate) fn by_position(&self) -> Lists<'_, V> {
        lists(&self.by_position)
    }

    /// Counts the users.
    pub(crate) fn users(&self) -> usize {
        self.tail.rows()
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

    /// Returns how many additions each row takes.
    pub(crate) fn work(&self) -> &Work {
        &self.work
    }
}

/// Counts the additions of every row against (all, smaller) positions from `first` on.
fn additions<V: Value>(
    by_user: Lists<'_, V>,
    items: usize,
    first: usize,
    executor: &impl Executor,
) -> (Vec<u64>, Vec<u64>) {
    let (users, pieces) = (by_user.len(), executor.workers());
    let parts = executor.map(pieces, |piece| {
        let (mut all, mut smaller) = (vec![0; items], vec![0; items]);
        for user in users * piece / pieces..users * (piece + 1) / pieces {
            let (row, _) = by_user.row(user as u32);
            let head = row.partition_point(|position| (*position as usize) < first);
            for (before, position) in row.iter().enumerate() {
                all[*position as usize] += (row.len() - head) as u64;
                smaller[*position as usize] += before.saturating_sub(head) as u64;
            }
        }
        (all, smaller)
    });
    let add = |sums: &mut Vec<u64>, part: Vec<u64>| {
        sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
    };
    let sums = parts.into_iter().reduce(|mut sums, (all, smaller)| {
        add(&mut sums.0, all);
        add(&mut sums.1, smaller);
        sums
    });
    sums.unwrap_or_else(|| (vec![0; items], vec![0; items]))
}

/// Sets the bits of one chunk of the head.
fn bit_rows<V: Value>(
    by_position: Lists<'_, V>,
    chunk: std::ops::Range<usize>,
    users: usize,
) -> Vec<BitRow> {
    let mut rows = vec![BitRow::default(); users];
    for (bit, position) in chunk.enumerate() {
        for user in by_position.row(position as u32).0 {
            rows[*user as usize].0[bit / 64] |= 1 << (bit % 64);
        }
    }
    rows
}

/// Copies what lies at position `first` and after.
fn tail_of<V: Value>(by_user: Lists<'_, V>, first: usize, items: usize) -> CsMatI<V, u32, usize> {
    let mut starts = Vec::with_capacity(by_user.len() + 1);
    let (mut codes, mut values) = (Vec::new(), Vec::new());
    starts.push(0);
    for user in 0..by_user.len() as u32 {
        let (row, row_values) = by_user.row(user);
        let head = row.partition_point(|position| (*position as usize) < first);
        codes.extend(row[head..].iter().map(|position| position - first as u32));
        values.extend_from_slice(&row_values[head..]);
        starts.push(codes.len());
    }
    CsMatI::try_new((by_user.len(), items - first), starts, codes, values)
        .map_err(|(_, _, _, error)| error)
        .expect("a part of sorted rows is sorted")
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

/// How a matrix is laid out and computed. The result is the same whatever it says.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Which instructions to use.
    pub kernel: Kernel,
    /// Chunks of 512 items in the dense head; `None` lets the cost model choose.
    pub head: Option<usize>,
    /// What a core pays, to choose and to predict by; `None` stands for [`Machine::of`].
    pub machine: Option<Machine>,
}

impl Default for Layout {
    fn default() -> Self {
        Self { kernel: Kernel::detect(), head: None, machine: None }
    }
}

/// The matrix that a job's tiles are computed from. Cost: up to 8 B per interaction (both
/// orientations), 24 B with weights, about 70 B per item, 8 B per user, and in a dense head 64 B
/// per user for every 512 items.
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
        Self::with_layout(interactions, weighting, Layout::default(), executor)
    }

    /// Does what [`Matrix::new`] does, with a layout of the caller's choice.
    pub fn with_layout(
        interactions: &Interactions,
        weighting: Weighting,
        layout: Layout,
        executor: &impl Executor,
    ) -> Self {
        let supports = interactions.supports();
        Self(if is_unit(interactions, weighting) {
            Kind::Counts(Columns::new(interactions, &supports, |_| (), layout, executor))
        } else {
            let weights = weigh(interactions, &supports, weighting);
            let weight = |at: usize| weights[at];
            Kind::Weights(Columns::new(interactions, &supports, weight, layout, executor))
        })
    }

    /// Counts the items in the dense head.
    pub fn head_items(&self) -> usize {
        match &self.0 {
            Kind::Counts(columns) => columns.tail_start(),
            Kind::Weights(columns) => columns.tail_start(),
        }
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

/// Tells whether every weight is 1: overlaps are then all there is to count.
pub(crate) fn is_unit(interactions: &Interactions, weighting: Weighting) -> bool {
    match weighting {
        Weighting::Binary => true,
        Weighting::Raw => interactions.weights().is_none(),
        _ => false,
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
