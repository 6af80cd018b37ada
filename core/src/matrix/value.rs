//! What an interaction holds, and what is summed per pair.

use super::blocks::AnyLists;
use crate::kernel::arch::{Kernel, Lists, Sieve};

/// What an interaction holds: nothing where all weights are 1, else its weight.
pub(crate) trait Value: Copy + Default + Send + Sync + 'static {
    /// What is summed per pair.
    type Sum: Copy + Default + Send;

    /// Sums are counts.
    const COUNTS: bool;

    /// Forgets the type of the values.
    fn erase(lists: Lists<Self>) -> AnyLists;

    /// Remembers it, if it is this one.
    fn lists(lists: &AnyLists) -> Option<&Lists<Self>>;

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

    /// Finds the sums that may matter; see [`Kernel::select`].
    fn select(kernel: Kernel, sums: &[Self::Sum], sieve: &Sieve<'_>, visit: impl FnMut(usize));
}

impl Value for () {
    type Sum = u32;

    const COUNTS: bool = true;

    fn erase(lists: Lists<Self>) -> AnyLists {
        AnyLists::Counts(lists)
    }

    fn lists(lists: &AnyLists) -> Option<&Lists<Self>> {
        match lists {
            AnyLists::Counts(lists) => Some(lists),
            AnyLists::Weights(_) => None,
        }
    }

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
    fn select(kernel: Kernel, sums: &[u32], sieve: &Sieve<'_>, visit: impl FnMut(usize)) {
        kernel.select(sums, sieve, visit);
    }
}

/// Overlap and dot product of a weighted pair.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(16))]
pub(crate) struct WeightedSum {
    dot: f64,
    /// A count like any other, as f64: both are added to by one instruction.
    overlap: f64,
}

impl Value for f64 {
    type Sum = WeightedSum;

    const COUNTS: bool = false;

    fn erase(lists: Lists<Self>) -> AnyLists {
        AnyLists::Weights(lists)
    }

    fn lists(lists: &AnyLists) -> Option<&Lists<Self>> {
        match lists {
            AnyLists::Weights(lists) => Some(lists),
            AnyLists::Counts(_) => None,
        }
    }

    fn of_count(_: u32) -> WeightedSum {
        unreachable!("a weighted matrix has no bits to count")
    }

    #[inline]
    fn add(sum: &mut WeightedSum, x: Self, y: Self) {
        sum.dot += x * y;
        sum.overlap += 1.0;
    }

    #[inline]
    fn overlap(sum: &WeightedSum) -> u32 {
        sum.overlap as u32
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
    fn select(_: Kernel, sums: &[WeightedSum], sieve: &Sieve<'_>, visit: impl FnMut(usize)) {
        let matters = |index: &usize| {
            let sum = &sums[*index];
            sum.overlap > 0.0 && sieve.admits(*index, Self::rough_dot(sum))
        };
        (0..sums.len()).filter(matters).for_each(visit);
    }
}
