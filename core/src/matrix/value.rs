//! What an interaction holds, and what is summed per pair.

use super::blocks::AnyLists;
use crate::kernel::arch::{Kernel, Lists, Sieve};

/// What an interaction holds: nothing where all weights are 1, or all of a user are the same; else
/// its weight.
pub(crate) trait Value: Copy + Default + Send + Sync + 'static {
    /// What is summed per pair.
    type Sum: Sum;

    /// What an interaction of the row brings to the sums of its user.
    type Factor: Copy;

    /// Sums are counts.
    const COUNTS: bool;

    /// Forgets the type of the values.
    fn erase(lists: Lists<Self>) -> AnyLists;

    /// Remembers it, if it is this one.
    fn lists(lists: &AnyLists) -> Option<&Lists<Self>>;

    /// Returns what an interaction of `user` brings; `of_users`: the weights of users, where
    /// interactions have none of their own.
    fn factor(self, user: u32, of_users: &[f64]) -> Self::Factor;

    /// Adds the product of two interactions of one user.
    fn add(sum: &mut Self::Sum, x: Self::Factor, y: Self);
}

/// What is summed per pair.
pub(crate) trait Sum: Copy + Default + Send + std::fmt::Debug {
    /// Returns the sum of `count` interactions that both items have.
    ///
    /// # Panics
    /// Where weights differ, so that a count says too little.
    fn of_count(count: u32) -> Self;

    /// Users added up so far.
    fn overlap(&self) -> u32;

    /// The dot product so far.
    fn dot(&self) -> f64;

    /// The dot product in f32, for bounds: infinite where f32 would lose its precision.
    fn rough_dot(&self) -> f32;

    /// Finds the sums that may matter; see [`Kernel::select`].
    fn select(kernel: Kernel, sums: &[Self], sieve: &Sieve<'_>, visit: impl FnMut(usize));
}

impl Value for () {
    type Sum = u32;
    type Factor = ();

    const COUNTS: bool = true;

    fn erase(lists: Lists<Self>) -> AnyLists {
        AnyLists::Counts(lists)
    }

    fn lists(lists: &AnyLists) -> Option<&Lists<Self>> {
        if let AnyLists::Counts(lists) = lists { Some(lists) } else { None }
    }

    #[inline]
    fn factor(self, _: u32, _: &[f64]) {}

    #[inline]
    fn add(sum: &mut u32, (): (), (): ()) {
        *sum += 1;
    }
}

impl Sum for u32 {
    #[inline]
    fn of_count(count: u32) -> Self {
        count
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
    fn rough_dot(&self) -> f32 {
        *self as f32
    }

    #[inline]
    fn select(kernel: Kernel, sums: &[u32], sieve: &Sieve<'_>, visit: impl FnMut(usize)) {
        kernel.select(sums, sieve, visit);
    }
}

impl Value for f64 {
    type Sum = WeightedSum;
    type Factor = f64;

    const COUNTS: bool = false;

    fn erase(lists: Lists<Self>) -> AnyLists {
        AnyLists::Weights(lists)
    }

    fn lists(lists: &AnyLists) -> Option<&Lists<Self>> {
        if let AnyLists::Weights(lists) = lists { Some(lists) } else { None }
    }

    #[inline]
    fn factor(self, _: u32, _: &[f64]) -> f64 {
        self
    }

    #[inline]
    fn add(sum: &mut WeightedSum, x: f64, y: Self) {
        sum.add(x * y);
    }
}

/// An interaction that weighs what all others of its user weigh, as tf-idf has it where nothing
/// was weighed before: a third of the bytes to read, which is what adding up waits for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OfUser;

impl Value for OfUser {
    type Sum = WeightedSum;
    /// The product of any two interactions of the user.
    type Factor = f64;

    const COUNTS: bool = false;

    fn erase(lists: Lists<Self>) -> AnyLists {
        AnyLists::OfUsers(lists)
    }

    fn lists(lists: &AnyLists) -> Option<&Lists<Self>> {
        if let AnyLists::OfUsers(lists) = lists { Some(lists) } else { None }
    }

    #[inline]
    fn factor(self, user: u32, of_users: &[f64]) -> f64 {
        of_users[user as usize] * of_users[user as usize]
    }

    #[inline]
    fn add(sum: &mut WeightedSum, product: f64, _: Self) {
        sum.add(product);
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

impl WeightedSum {
    #[inline]
    fn add(&mut self, product: f64) {
        self.dot += product;
        self.overlap += 1.0;
    }
}

impl Sum for WeightedSum {
    fn of_count(_: u32) -> Self {
        unreachable!("a weighted matrix has no bits to count")
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
        if self.dot > 1e-30 { self.dot as f32 } else { f32::INFINITY }
    }

    #[inline]
    fn select(_: Kernel, sums: &[Self], sieve: &Sieve<'_>, visit: impl FnMut(usize)) {
        let matters = |index: &usize| {
            let sum = &sums[*index];
            sum.overlap > 0.0 && sieve.admits(*index, sum.rough_dot())
        };
        (0..sums.len()).filter(matters).for_each(visit);
    }
}
