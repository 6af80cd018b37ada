//! Co-counts of one row by scattering its users' lists into an accumulator.
//! Source: Gustavson, Two fast algorithms for sparse matrices, 1978.

use super::arch::prefetch;
use crate::matrix::{Columns, Lists, Value};

/// How many users ahead a list's place is asked for; lists follow at half the distance.
const AHEAD: usize = 16;

/// Adds up the row at `position` against the positions below `end` and calls `visit` with each
/// pair's sum, leaving all sums at zero. `operations`: additions to come, known from the plan.
///
/// A row with few additions keeps a list of the sums it touched; one with many finds them by
/// scanning, which costs less than keeping the list.
#[inline]
pub(super) fn row<V: Value>(
    columns: &Columns<V>,
    position: u32,
    end: u32,
    operations: u64,
    (sums, touched): (&mut [V::Sum], &mut Vec<u32>),
    mut visit: impl FnMut(u32, V::Sum),
) {
    let sums = &mut sums[..end as usize];
    if operations >= u64::from(end / 4) {
        scatter(columns, position, |other, x, y| {
            sums.get_mut(other as usize).map(|sum| V::add(sum, x, y)).is_some()
        });
        for (other, sum) in sums.iter_mut().enumerate() {
            if V::overlap(sum) > 0 {
                let sum = std::mem::take(sum);
                if other != position as usize {
                    visit(other as u32, sum);
                }
            }
        }
    } else {
        scatter(columns, position, |other, x, y| {
            let Some(sum) = sums.get_mut(other as usize) else { return false };
            if V::overlap(sum) == 0 {
                touched.push(other);
            }
            V::add(sum, x, y);
            true
        });
        for other in touched.drain(..) {
            let sum = std::mem::take(&mut sums[other as usize]);
            if other != position {
                visit(other, sum);
            }
        }
    }
}

/// Walks the lists of all users of the row at `position`, in ascending order of users; a list is
/// left where `add` says that it is past the end.
#[inline]
fn scatter<V: Value>(columns: &Columns<V>, position: u32, mut add: impl FnMut(u32, V, V) -> bool) {
    let (users, weights) = columns.by_position().row(position);
    let lists = columns.by_user();
    for (index, (user, x)) in users.iter().zip(weights).enumerate() {
        look_ahead(&lists, users, index);
        let (others, values) = lists.row(*user);
        for (other, y) in others.iter().zip(values) {
            if !add(*other, *x, *y) {
                break;
            }
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
