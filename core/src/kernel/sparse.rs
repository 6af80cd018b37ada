//! Sums of one row against lists, by scattering its users' lists into an accumulator.
//! Source: Gustavson, Two fast algorithms for sparse matrices, 1978.

use super::hit::Hit;
use crate::{
    matrix::{Line, Sum, Value},
    simd::{Gathered, Indices, Kernel, Lists, Sieve, add_at, prefetch},
};

/// How many users ahead a list's place is asked for; lists follow at half the distance.
const AHEAD: usize = 16;

/// The lists of a block of columns.
#[derive(Clone, Copy)]
pub(super) struct Scatter<'a, V: Value> {
    starts: &'a [usize],
    positions: Indices<'a>,
    values: &'a [V::Stored],
}

impl<'a, V: Value> Scatter<'a, V> {
    pub(super) fn new(lists: &'a Lists<V::Stored>) -> Self {
        Self { starts: lists.starts(), positions: lists.checked(), values: lists.values() }
    }

    /// Returns whether a row takes fewer than `most` additions against the whole block.
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

    /// Walks the lists of all users, in ascending order of users, without values.
    #[inline]
    pub(super) fn lists(&self, users: Indices<'_>, mut add: impl FnMut(Indices<'a>)) {
        let users = users.list();
        for (index, user) in users.iter().enumerate() {
            self.look_ahead(users, index);
            add(self.positions.slice(self.starts[*user as usize]..self.starts[*user as usize + 1]));
        }
    }

    /// Copies the lists of users side by side until there are `enough` indices; returns how many
    /// users that took. `next`: users of the row that comes after them.
    #[inline]
    pub(super) fn gather(
        &self,
        users: &[u32],
        next: &[u32],
        enough: usize,
        gathered: &mut Gathered,
    ) -> usize {
        /// How many users ahead a list's place is asked for, its first lines, and those that follow.
        const PLACE: usize = 32;
        const FIRST: usize = 16;
        const MORE: usize = 6;
        /// Positions in a line.
        const LINE: usize = 16;
        gathered.begin(self.positions.bound());
        let ahead = |index: usize| users.get(index).or_else(|| next.get(index - users.len()));
        for (index, user) in users.iter().enumerate() {
            if let Some(user) = ahead(index + PLACE) {
                prefetch(self.starts, *user as usize);
            }
            if let Some(user) = ahead(index + FIRST) {
                let (start, end) = self.ends(*user);
                prefetch(self.positions.list(), start);
                // Most lists end in the line in which they begin, or in the next one.
                prefetch(self.positions.list(), (end.min(start + LINE)).saturating_sub(1));
            }
            if let Some(user) = ahead(index + MORE) {
                let (start, end) = self.ends(*user);
                let more = (start + LINE..end.min(start + 5 * LINE)).step_by(LINE);
                more.for_each(|at| prefetch(self.positions.list(), at));
            }
            let (start, end) = self.ends(*user);
            gathered.append(self.positions, start..end);
            if gathered.len() >= enough {
                return index + 1;
            }
        }
        users.len()
    }

    /// Returns where a user's list begins and ends.
    #[inline]
    fn ends(&self, user: u32) -> (usize, usize) {
        (self.starts[user as usize], self.starts[user as usize + 1])
    }

    /// Walks the lists of all users, in ascending order of users: (positions, values, the row's
    /// value).
    #[inline]
    fn scatter(
        &self,
        line: Line<'_, V>,
        mut add: impl FnMut(Indices<'a>, &[V::Stored], V::Factor),
    ) {
        let users = line.users.list();
        for (index, (user, x)) in users.iter().zip(line.weights).enumerate() {
            self.look_ahead(users, index);
            let range = self.starts[*user as usize]..self.starts[*user as usize + 1];
            let x = V::factor(*x, *user, &line);
            add(self.positions.slice(range.clone()), &self.values[range], x);
        }
    }

    /// Adds a row up against the positions before `end`; `before` sees each sum before it is added
    /// to.
    #[inline]
    fn add_up(
        &self,
        line: Line<'_, V>,
        sums: &mut [V::Sum],
        end: usize,
        mut before: impl FnMut(u32, &V::Sum),
    ) {
        let of_items = line.of_items;
        if of_items.is_empty() {
            self.scatter(line, |positions, values, x| {
                add_at(sums, positions, values, end as u32, |other, sum, y| {
                    before(other, sum);
                    V::add(sum, x, y, 1.0);
                });
            });
        } else {
            self.scatter(line, |positions, values, x| {
                add_at(sums, positions, values, end as u32, |other, sum, y| {
                    before(other, sum);
                    V::add(sum, x, y, of_items[other as usize]);
                });
            });
        }
    }

    /// Has the first lists of rows to come brought into the cache: their places two rows ahead, they
    /// themselves one. `users` names the users of the next row, 0, or one after it.
    #[inline]
    pub(super) fn fetch<'b>(&self, users: impl Fn(usize) -> Option<&'b [u32]>) {
        for user in users(1).into_iter().flatten().take(AHEAD) {
            prefetch(self.starts, *user as usize);
        }
        for user in users(0).into_iter().flatten().take(AHEAD / 2) {
            self.fetch_list(*user);
        }
    }

    /// Asks for the beginning of a user's list.
    #[inline]
    fn fetch_list(&self, user: u32) {
        let start = self.starts[user as usize];
        prefetch(self.positions.list(), start);
        prefetch(self.positions.list(), start + 16);
        if size_of::<V::Stored>() > 0 {
            prefetch(self.values, start);
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
            self.fetch_list(*user);
        }
    }
}

/// One sum per position of a block; all zero between rows.
#[derive(Debug)]
pub(super) struct Sums<V: Value> {
    sums: Vec<V::Sum>,
    /// Positions whose sum is not zero, where a row keeps such a list; longer than `sums`.
    touched: Vec<u32>,
}

impl<V: Value> Default for Sums<V> {
    fn default() -> Self {
        Self { sums: Vec::new(), touched: Vec::new() }
    }
}

impl<V: Value> Sums<V> {
    /// Makes room for a block of `width` positions.
    pub(super) fn widen(&mut self, width: usize) {
        if self.sums.len() < width {
            self.sums.resize(width, V::Sum::default());
            self.touched.resize(width + 1, 0);
        }
    }

    /// Adds up a row against the positions of `sieve` and puts what may matter into `hits`, which
    /// has more room than there are positions; returns how many there are. Lists the sums as they
    /// are touched: cheaper than looking for them where they are few.
    pub(super) fn few(
        &mut self,
        scatter: &Scatter<'_, V>,
        line: Line<'_, V>,
        sieve: &Sieve<'_>,
        hits: &mut [Hit<V::Sum>],
    ) -> usize {
        let Self { sums, touched } = self;
        let mut listed = 0;
        scatter.add_up(line, sums, sieve.factors.len(), |other, sum| {
            // No branch: whether a sum is new cannot be predicted.
            touched[listed] = other;
            listed += usize::from(sum.overlap() == 0);
        });
        let mut count = 0;
        for other in &touched[..listed] {
            let sum = std::mem::take(&mut sums[*other as usize]);
            hits[count] = Hit { index: *other, sum };
            count += usize::from(sieve.admits(*other as usize, sum.rough_dot()));
        }
        count
    }

    /// Does the same, and looks through all sums.
    pub(super) fn many(
        &mut self,
        scatter: &Scatter<'_, V>,
        line: Line<'_, V>,
        kernel: Kernel,
        sieve: &Sieve<'_>,
        hits: &mut [Hit<V::Sum>],
    ) -> usize {
        let (sums, end) = (&mut self.sums, sieve.factors.len());
        scatter.add_up(line, sums, end, |_, _| ());
        let mut count = 0;
        Sum::select(kernel, &sums[..end], sieve, |index| {
            hits[count] = Hit { index: index as u32, sum: sums[index] };
            count += 1;
        });
        sums[..end].fill(V::Sum::default());
        count
    }
}
