//! Sums of one row against lists, by scattering its users' lists into an accumulator.
//! Source: Gustavson, Two fast algorithms for sparse matrices, 1978.

use super::arch::{Indices, Lists, add_at, prefetch};
use crate::matrix::Value;

/// How many users ahead a list's place is asked for; lists follow at half the distance.
const AHEAD: usize = 16;

/// The lists of a block of columns.
#[derive(Clone, Copy)]
pub(super) struct Scatter<'a, V> {
    starts: &'a [usize],
    positions: Indices<'a>,
    values: &'a [V],
}

impl<'a, V: Value> Scatter<'a, V> {
    pub(super) fn new(lists: &'a Lists<V>) -> Self {
        Self { starts: lists.starts(), positions: lists.checked(), values: lists.values() }
    }

    /// Tells whether a row takes fewer than `most` additions against the whole block.
    pub(super) fn additions_below(&self, users: Indices<'_>, most: usize) -> bool {
        let users = users.list();
        if users.len() >= most {
            return false;
        }
        let mut additions = 0;
        for user in users {
            additions += self.starts[*user as usize + 1] - self.starts[*user as usize];
        }
        additions < most
    }

    /// Adds up a row of users, each with the row's value, against the first `end` positions of
    /// the block. There are as many sums as positions.
    #[inline]
    pub(super) fn sum(&self, users: Indices<'_>, values: &[V], end: u32, sums: &mut [V::Sum]) {
        self.scatter(users, values, |positions, values, x| {
            add_at(sums, positions, values, end, |_, sum, y| V::add(sum, x, y));
        });
    }

    /// Does the same and lists the sums that were touched, in `touched`, which is longer than
    /// there are sums; returns how many. Cheaper than looking for them where they are few.
    #[inline]
    pub(super) fn sum_and_list(
        &self,
        users: Indices<'_>,
        values: &[V],
        end: u32,
        sums: &mut [V::Sum],
        touched: &mut [u32],
    ) -> usize {
        let mut listed = 0;
        self.scatter(users, values, |positions, values, x| {
            add_at(sums, positions, values, end, |other, sum, y| {
                // No branch: whether a sum is new cannot be predicted.
                touched[listed] = other;
                listed += usize::from(V::overlap(sum) == 0);
                V::add(sum, x, y);
            });
        });
        listed
    }

    /// Walks the lists of all users, in ascending order of users: (positions, values, the row's
    /// value).
    #[inline]
    fn scatter(&self, users: Indices<'_>, values: &[V], mut add: impl FnMut(Indices<'a>, &[V], V)) {
        let users = users.list();
        for (index, (user, x)) in users.iter().zip(values).enumerate() {
            self.look_ahead(users, index);
            let range = self.starts[*user as usize]..self.starts[*user as usize + 1];
            add(self.positions.slice(range.clone()), &self.values[range], *x);
        }
    }

    /// Has the lists that come next brought into the cache: first their places, then they
    /// themselves.
    #[inline]
    fn look_ahead(&self, users: &[u32], index: usize) {
        if let Some(user) = users.get(index + AHEAD) {
            prefetch(self.starts, *user as usize);
        }
        if let Some(user) = users.get(index + AHEAD / 2) {
            let start = self.starts[*user as usize];
            prefetch(self.positions.list(), start);
            prefetch(self.positions.list(), start + 16);
            if size_of::<V>() > 0 {
                prefetch(self.values, start);
            }
        }
    }
}
