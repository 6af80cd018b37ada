//! What an interaction holds, and what is summed per pair.

use std::borrow::Cow;

use crate::{
    measure::Common,
    simd::{
        BitRow, Bounds, CHUNK, Factors, Floors, GROUP, Groups, Indices, Kernel, Lists, Sieve,
        WeightedSum,
    },
    weighting::WeightKind,
};

/// A row: its users, ascending, and as many values.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a, V: Value> {
    pub(crate) users: Indices<'a>,
    pub(crate) weights: &'a [V::Stored],
    /// What weights are made of where rows have none of their own: of every user,
    pub(crate) of_users: &'a [f64],
    /// of the row's item,
    pub(crate) of_row: f64,
    /// and of the block's; empty where items bring 1.
    pub(crate) of_items: &'a [f64],
}

/// What an interaction holds: nothing where all weights are 1, or are made of what its user and its
/// item bring; else its weight.
pub(crate) trait Value: Copy + Default + Send + Sync + 'static {
    /// What blocks hold of it.
    type Stored: Copy + Default + Send + Sync + 'static;

    /// What is summed per pair.
    type Sum: Sum;

    /// What an interaction of the row brings to the sums of its user.
    type Factor: Copy;

    /// What weights there are.
    const KIND: WeightKind;

    /// Sums are counts.
    const COUNTS: bool = matches!(Self::KIND, WeightKind::One);

    /// Forgets the type of the values.
    fn erase(lists: Lists<Self::Stored>) -> AnyLists;

    /// Remembers it, if it is this one.
    fn lists(lists: &AnyLists) -> Option<&Lists<Self::Stored>>;

    /// Returns what an interaction of the row's with `user` brings.
    fn factor(held: Self::Stored, user: u32, row: &Line<'_, Self>) -> Self::Factor;

    /// Adds two interactions of one user, mostly their product; `of_item`: what the other's item
    /// brings.
    fn add(sum: &mut Self::Sum, x: Self::Factor, y: Self::Stored, of_item: f64);

    /// Adds up a row's dot products with the items of a chunk. There are none where sums are
    /// counts.
    ///
    /// # Panics
    /// If every interaction has a weight of its own, which bits do not tell.
    fn add_chunk(
        kernel: Kernel,
        bits: &[BitRow],
        row: &Line<'_, Self>,
        of_items: Option<&[f64; CHUNK]>,
        dots: &mut [f64; CHUNK],
    );
}

/// What is summed per pair.
pub(crate) trait Sum: Copy + Default + Send + std::fmt::Debug {
    /// Makes the sum of so many users; `dot` is their dot product, where there are weights.
    fn new(overlap: u32, dot: f64) -> Self;

    /// Users added up so far.
    fn overlap(&self) -> u32;

    /// The dot product so far.
    fn dot(&self) -> f64;

    /// Sums over the users of both, where there are any.
    fn common(&self) -> Common {
        Common::default()
    }

    /// The dot product in f32, for bounds: infinite where f32 would lose its precision.
    fn rough_dot(&self) -> f32;

    /// Finds the sums that may matter; see [`Kernel::select`].
    fn select(kernel: Kernel, sums: &[Self], sieve: &Sieve<'_>, visit: impl FnMut(usize));

    /// Does the same in some groups of a chunk, for sums that are not put together yet: overlaps and
    /// dot products.
    fn select_parts(
        kernel: Kernel,
        groups: Groups,
        overlaps: &[u32],
        dots: &[f64],
        sieve: &Sieve<'_>,
        visit: impl FnMut(usize),
    );

    /// Returns what overlaps with a chunk's items must reach to matter.
    fn floors(bounds: &Bounds, sieve: &Sieve<'_>) -> Floors;
}

const _: () = {
    assert!(size_of::<<() as Value>::Sum>() == WeightKind::One.sum_bytes());
    assert!(size_of::<<f64 as Value>::Sum>() == WeightKind::Own.sum_bytes());
};

impl Value for () {
    type Stored = ();
    type Sum = u32;
    type Factor = ();

    const KIND: WeightKind = WeightKind::One;

    fn erase(lists: Lists<Self>) -> AnyLists {
        AnyLists::Counts(lists)
    }

    fn lists(lists: &AnyLists) -> Option<&Lists<Self>> {
        if let AnyLists::Counts(lists) = lists { Some(lists) } else { None }
    }

    #[inline]
    fn factor((): (), _: u32, _: &Line<'_, ()>) {}

    #[inline]
    fn add(sum: &mut u32, (): (), (): (), _: f64) {
        *sum += 1;
    }

    #[inline]
    fn add_chunk(
        _: Kernel,
        _: &[BitRow],
        _: &Line<'_, ()>,
        _: Option<&[f64; CHUNK]>,
        _: &mut [f64; CHUNK],
    ) {
    }
}

impl Sum for u32 {
    #[inline]
    fn new(overlap: u32, _: f64) -> Self {
        overlap
    }

    #[inline]
    fn overlap(&self) -> u32 {
        *self
    }

    #[inline]
    fn dot(&self) -> f64 {
        *self as f64
    }

    #[inline]
    fn common(&self) -> Common {
        Common::of_ones(*self)
    }

    #[inline]
    fn rough_dot(&self) -> f32 {
        *self as f32
    }

    #[inline]
    fn select(kernel: Kernel, sums: &[u32], sieve: &Sieve<'_>, visit: impl FnMut(usize)) {
        kernel.select(sums, sieve, visit);
    }

    #[inline]
    fn select_parts(
        kernel: Kernel,
        groups: Groups,
        overlaps: &[u32],
        _: &[f64],
        sieve: &Sieve<'_>,
        visit: impl FnMut(usize),
    ) {
        kernel.select_groups(groups, overlaps, sieve, visit);
    }

    #[inline]
    fn floors(bounds: &Bounds, sieve: &Sieve<'_>) -> Floors {
        bounds.floors(sieve)
    }
}

/// What values have in common that hold a weight for each interaction.
macro_rules! own_weights {
    () => {
        type Stored = f64;
        type Factor = f64;

        const KIND: WeightKind = WeightKind::Own;

        fn erase(lists: Lists<f64>) -> AnyLists {
            AnyLists::Weights(lists)
        }

        fn lists(lists: &AnyLists) -> Option<&Lists<f64>> {
            if let AnyLists::Weights(lists) = lists { Some(lists) } else { None }
        }

        #[inline]
        fn factor(held: f64, _: u32, _: &Line<'_, Self>) -> f64 {
            held
        }

        fn add_chunk(
            _: Kernel,
            _: &[BitRow],
            _: &Line<'_, Self>,
            _: Option<&[f64; CHUNK]>,
            _: &mut [f64; CHUNK],
        ) {
            panic!("bits do not tell what interactions weigh");
        }
    };
}

impl Value for f64 {
    type Sum = WeightedSum;

    own_weights!();

    #[inline]
    fn add(sum: &mut WeightedSum, x: f64, y: Self, _: f64) {
        sum.add(x * y);
    }
}

/// An interaction whose weight is a factor of its user times one of its item, as tf-idf and BM25
/// have it where nothing was weighed before. Both factors of a block stay in a near cache, so that
/// a third of the bytes has to be read, which is what adding up waits for; and bits tell them all.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Separable;

impl Value for Separable {
    type Stored = Self;
    type Sum = WeightedSum;
    /// The interaction's weight, and the user's factor.
    type Factor = (f64, f64);

    const KIND: WeightKind = WeightKind::Separable;

    fn erase(lists: Lists<Self>) -> AnyLists {
        AnyLists::Separable(lists)
    }

    fn lists(lists: &AnyLists) -> Option<&Lists<Self>> {
        if let AnyLists::Separable(lists) = lists { Some(lists) } else { None }
    }

    #[inline]
    fn factor(_: Self, user: u32, row: &Line<'_, Self>) -> (f64, f64) {
        let of_user = row.of_users[user as usize];
        (of_user * row.of_row, of_user)
    }

    #[inline]
    fn add(sum: &mut WeightedSum, (x, of_user): (f64, f64), _: Self, of_item: f64) {
        sum.add(x * (of_user * of_item));
    }

    #[inline]
    fn add_chunk(
        kernel: Kernel,
        bits: &[BitRow],
        row: &Line<'_, Self>,
        of_items: Option<&[f64; CHUNK]>,
        dots: &mut [f64; CHUNK],
    ) {
        let factors = Factors { users: row.of_users, row: row.of_row, items: of_items };
        kernel.add_products(bits, row.users, &factors, dots);
    }
}

/// An interaction with a weight of its own, for sums of the smaller of both weights.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Least;

impl Value for Least {
    type Sum = WeightedSum;

    own_weights!();

    #[inline]
    fn add(sum: &mut WeightedSum, x: f64, y: f64, _: f64) {
        sum.add(x.min(y));
    }
}

/// An interaction with a weight of its own, for measures that look at the users of both only.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CommonUsers;

impl Value for CommonUsers {
    type Sum = CommonSum;

    own_weights!();

    #[inline]
    fn add(sum: &mut CommonSum, x: f64, y: f64, _: f64) {
        sum.overlap += 1;
        sum.dot += x * y;
        sum.common.add(x, y);
    }
}

/// Sums over the users of a pair.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CommonSum {
    overlap: u32,
    dot: f64,
    common: Common,
}

impl Sum for CommonSum {
    fn new(overlap: u32, dot: f64) -> Self {
        Self { overlap, dot, common: Common::default() }
    }

    #[inline]
    fn overlap(&self) -> u32 {
        self.overlap
    }

    #[inline]
    fn dot(&self) -> f64 {
        self.dot
    }

    #[inline]
    fn common(&self) -> Common {
        self.common
    }

    /// Such measures have no bound, so every pair is scored.
    #[inline]
    fn rough_dot(&self) -> f32 {
        f32::INFINITY
    }

    fn select(_: Kernel, sums: &[Self], sieve: &Sieve<'_>, mut visit: impl FnMut(usize)) {
        let matters = |index: &usize| {
            sums[*index].overlap > 0 && sieve.admits(*index, sums[*index].rough_dot())
        };
        (0..sums.len()).filter(matters).for_each(&mut visit);
    }

    fn select_parts(
        _: Kernel,
        _: Groups,
        _: &[u32],
        _: &[f64],
        _: &Sieve<'_>,
        _: impl FnMut(usize),
    ) {
        panic!("bits do not tell what interactions weigh");
    }

    fn floors(_: &Bounds, _: &Sieve<'_>) -> Floors {
        Floors::OF_PAIRS
    }
}

impl WeightedSum {
    #[inline]
    fn add(&mut self, product: f64) {
        self.dot += product;
        self.overlap += 1.0;
    }
}

impl Sum for WeightedSum {
    fn new(overlap: u32, dot: f64) -> Self {
        Self { dot, overlap: f64::from(overlap) }
    }

    #[inline]
    fn overlap(&self) -> u32 {
        self.overlap as u32
    }

    #[inline]
    fn dot(&self) -> f64 {
        self.dot
    }

    #[inline]
    fn rough_dot(&self) -> f32 {
        WeightedSum::rough_dot(self)
    }

    #[inline]
    fn select(kernel: Kernel, sums: &[Self], sieve: &Sieve<'_>, visit: impl FnMut(usize)) {
        kernel.select_weighted(sums, sieve, visit);
    }

    #[inline]
    fn select_parts(
        _: Kernel,
        groups: Groups,
        overlaps: &[u32],
        dots: &[f64],
        sieve: &Sieve<'_>,
        mut visit: impl FnMut(usize),
    ) {
        let sum = |index: usize| Self::new(overlaps[index], dots[index]);
        let matters =
            |index: &usize| overlaps[*index] > 0 && sieve.admits(*index, sum(*index).rough_dot());
        for first in groups.each().map(|group| group * GROUP) {
            let end = (first + GROUP).min(overlaps.len());
            (first..end).filter(matters).for_each(&mut visit);
        }
    }

    #[inline]
    fn floors(_: &Bounds, _: &Sieve<'_>) -> Floors {
        // What a user weighs is not known before it is added.
        Floors::OF_PAIRS
    }
}

/// Lists whose interactions hold nothing, or their weight.
#[derive(Clone, Debug)]
pub(crate) enum AnyLists {
    /// Every weight is 1: overlaps are all there is to count.
    Counts(Lists<()>),
    /// They are made of what the user and the item bring.
    Separable(Lists<Separable>),
    /// Weights differ.
    Weights(Lists<f64>),
}

impl AnyLists {
    pub(super) fn new(
        columns: usize,
        starts: Vec<usize>,
        indices: Vec<u32>,
        weights: Option<Vec<f64>>,
    ) -> Result<Self, Malformed> {
        let lists = if let Some(weights) = weights {
            Lists::new(columns, starts, indices, weights).map(Self::Weights)
        } else {
            let nothing = vec![(); indices.len()];
            Lists::new(columns, starts, indices, nothing).map(Self::Counts)
        };
        lists.ok_or(Malformed)
    }

    /// Makes lists of weights that are made of factors.
    pub(super) fn separable(
        columns: usize,
        starts: Vec<usize>,
        indices: Vec<u32>,
    ) -> Result<Self, Malformed> {
        let nothing = vec![Separable; indices.len()];
        let lists = Lists::new(columns, starts, indices, nothing).map(Self::Separable);
        lists.ok_or(Malformed)
    }

    pub(super) fn parts(&self) -> Parts<'_> {
        match self {
            Self::Counts(lists) => {
                Parts { starts: lists.starts(), indices: lists.indices(), weights: None }
            }
            Self::Separable(lists) => {
                Parts { starts: lists.starts(), indices: lists.indices(), weights: None }
            }
            Self::Weights(lists) => Parts {
                starts: lists.starts(),
                indices: lists.indices(),
                weights: Some(Cow::Borrowed(lists.values())),
            },
        }
    }

    /// Counts the lists.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Counts(lists) => lists.len(),
            Self::Separable(lists) => lists.len(),
            Self::Weights(lists) => lists.len(),
        }
    }

    /// Returns the bound of the indices.
    pub(super) fn columns(&self) -> usize {
        match self {
            Self::Counts(lists) => lists.columns(),
            Self::Separable(lists) => lists.columns(),
            Self::Weights(lists) => lists.columns(),
        }
    }
}

/// What lists are made of: list l is `indices[starts[l]..starts[l + 1]]`, strictly ascending.
#[derive(Clone, Debug, PartialEq)]
pub struct Parts<'a> {
    /// One more than there are lists, from 0 to the number of indices.
    pub starts: &'a [usize],
    /// Users of items, or positions of users counted from the block's first.
    pub indices: &'a [u32],
    /// As many as indices; absent where every weight is 1.
    pub weights: Option<Cow<'a, [f64]>>,
}

/// The parts of a block do not go together: they were damaged, or are those of another block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the parts of the block do not go together")]
pub struct Malformed;
