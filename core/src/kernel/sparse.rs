//! Sums of one row against the tail, by scattering its users' lists into an accumulator.
//! Source: Gustavson, Two fast algorithms for sparse matrices, 1978.

use super::arch::{Indices, add_at, prefetch};
use crate::matrix::{Columns, Lists, Value};

/// How many users ahead a list's place is asked for; lists follow at half the distance.
const AHEAD: usize = 16;

/// The tail's lists, their positions checked once.
pub(super) struct Tail<'a, V> {
    columns: &'a Columns<V>,
    positions: Indices<'a>,
}

impl<'a, V: Value> Tail<'a, V> {
    /// Checks all lists. Cost: O(interactions).
    pub(super) fn new(columns: &'a Columns<V>) -> Self {
        let items = columns.items() - columns.tail_start();
        Self { columns, positions: Indices::new(columns.tail().codes(), items) }
    }

    /// Adds up the row at `position` against the first `end` positions of the tail. There are
    /// as many sums as positions.
    #[inline]
    pub(super) fn sum(&self, position: u32, end: u32, sums: &mut [V::Sum]) {
        self.scatter(position, |positions, values, x| {
            add_at(sums, positions, values, end, |_, sum, y| V::add(sum, x, y));
        });
    }

    /// Does the same and lists the sums that were touched, in `touched`, which is longer than
    /// there are sums; returns how many. Cheaper than looking for them where they are few.
    #[inline]
    pub(super) fn sum_and_list(
        &self,
        position: u32,
        end: u32,
        sums: &mut [V::Sum],
        touched: &mut [u32],
    ) -> usize {
        let mut listed = 0;
        self.scatter(position, |positions, values, x| {
            add_at(sums, positions, values, end, |other, sum, y| {
                // No branch: whether a sum is new cannot be predicted.
                touched[listed] = other;
                listed += usize::from(V::overlap(sum) == 0);
                V::add(sum, x, y);
            });
        });
        listed
    }

    /// Walks the lists of all users of the row at `position`, in ascending order of users:
    /// (positions, values, the row's value).
    #[inline]
    fn scatter(&self, position: u32, mut add: impl FnMut(Indices<'a>, &[V], V)) {
        let (users, weights) = self.columns.by_position().row(position);
        let lists = self.columns.tail();
        for (index, (user, x)) in users.iter().zip(weights).enumerate() {
            look_ahead(&lists, users, index);
            let range = lists.range(*user);
            add(self.positions.slice(range.clone()), &lists.values()[range], *x);
        }
    }
}

/// Has the lists that come next brought into the cache: first their places, then they themselves.
#[inline]
fn look_ahead<V>(lists: &Lists<'_, V>, users: &[u32], index: usize) {
    if let Some(user) = users.get(index + AHEAD) {
        prefetch(lists.starts(), *user as usize);
    }
    if let Some(user) = users.get(index + AHEAD / 2) {
        let start = lists.starts()[*user as usize];
        prefetch(lists.codes(), start);
        prefetch(lists.codes(), start + 16);
        if size_of::<V>() > 0 {
            prefetch(lists.values(), start);
        }
    }
}
