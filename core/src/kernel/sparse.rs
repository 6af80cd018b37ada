//! Sums of one row against the tail, by scattering its users' lists into an accumulator.
//! Source: Gustavson, Two fast algorithms for sparse matrices, 1978.

use super::arch::prefetch;
use crate::matrix::{Columns, Lists, Value};

/// How many users ahead a list's place is asked for; lists follow at half the distance.
const AHEAD: usize = 16;

/// Adds up the row at `position` against the sums given, which are those of the first positions
/// of the tail.
#[inline]
pub(super) fn sum<V: Value>(columns: &Columns<V>, position: u32, sums: &mut [V::Sum]) {
    scatter(columns, position, |other, x, y| {
        sums.get_mut(other as usize).map(|sum| V::add(sum, x, y)).is_some()
    });
}

/// Does the same and lists the sums that were touched, in `touched`, which is longer than there
/// are sums; returns how many. Cheaper than looking for them where they are few.
#[inline]
pub(super) fn sum_and_list<V: Value>(
    columns: &Columns<V>,
    position: u32,
    sums: &mut [V::Sum],
    touched: &mut [u32],
) -> usize {
    let mut listed = 0;
    scatter(columns, position, |other, x, y| {
        let Some(sum) = sums.get_mut(other as usize) else { return false };
        // No branch: whether a sum is new cannot be predicted.
        touched[listed] = other;
        listed += usize::from(V::overlap(sum) == 0);
        V::add(sum, x, y);
        true
    });
    listed
}

/// Walks the lists of all users of the row at `position`, in ascending order of users; a list is
/// left where `add` says that it is past the end.
#[inline]
fn scatter<V: Value>(columns: &Columns<V>, position: u32, mut add: impl FnMut(u32, V, V) -> bool) {
    let (users, weights) = columns.by_position().row(position);
    let lists = columns.tail();
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
