//! Lists whose indices were checked once, when they were made.

use std::{borrow::Cow, ops::Range};

use sprs::CsMatI;

use super::types::Indices;

/// Sorted lists of indices, each with a value: row r holds `starts[r]..starts[r + 1]` of all.
/// Every index is below the number of columns.
#[derive(Clone, Debug)]
pub(crate) struct Lists<V>(CsMatI<V, u32, usize>);

impl<V> Lists<V> {
    /// Makes lists; `None` if starts, indices and values do not go together, a list is not
    /// strictly ascending or an index is not below `columns`. Cost: O(indices).
    pub(crate) fn new(
        columns: usize,
        starts: Vec<usize>,
        indices: Vec<u32>,
        values: Vec<V>,
    ) -> Option<Self> {
        let rows = starts.len().checked_sub(1)?;
        let begins_and_ends = *starts.first()? == 0 && *starts.last()? == indices.len();
        if !begins_and_ends || values.len() != indices.len() {
            return None;
        }
        Indices::new(&indices, columns)?;
        CsMatI::try_new((rows, columns), starts, indices, values).ok().map(Self)
    }

    /// Counts the lists.
    pub(crate) fn len(&self) -> usize {
        self.0.rows()
    }

    /// Returns the bound of the indices.
    pub(crate) fn columns(&self) -> usize {
        self.0.cols()
    }

    /// Returns where each list starts, and where the last one ends.
    #[inline]
    pub(crate) fn starts(&self) -> &[usize] {
        let Cow::Borrowed(starts) = self.0.proper_indptr() else {
            unreachable!("an owned matrix is no slice of another");
        };
        starts
    }

    /// Returns where list `row` lies.
    #[inline]
    pub(crate) fn range(&self, row: usize) -> Range<usize> {
        let starts = self.starts();
        starts[row]..starts[row + 1]
    }

    /// Returns the indices of all lists.
    #[inline]
    pub(crate) fn indices(&self) -> &[u32] {
        self.0.indices()
    }

    /// Returns the indices of all lists, with the proof that they are below their bound.
    #[inline]
    pub(crate) fn checked(&self) -> Indices<'_> {
        Indices { list: self.0.indices(), bound: self.0.cols() }
    }

    /// Returns the values of all lists.
    #[inline]
    pub(crate) fn values(&self) -> &[V] {
        self.0.data()
    }
}
