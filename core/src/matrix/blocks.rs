//! The two kinds of blocks that a tile is made of: rows (items -> users) and columns (users ->
//! items). In memory a matrix has one block of rows; on disk, or on other machines, many.

use std::{borrow::Cow, ops::Range, sync::Arc};

use super::value::{AnyLists, Malformed, Parts, Value};
use crate::{
    measure::Norm,
    simd::{BitRow, CHUNK, Lists},
    weighting::{Weigher, WeightKind},
};

/// Consecutive positions, each with its users in ascending order. Cost: 4 B per interaction,
/// 12 B with weights, and 8 B per position.
#[derive(Clone, Debug)]
pub struct RowBlock {
    first: u32,
    lists: AnyLists,
    factors: Arc<Factors>,
}

/// What weights are made of where interactions have none of their own: a user's factor times an
/// item's. Empty elsewhere. Cost: 8 B per user, and per item with BM25; all blocks share them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Factors {
    pub(crate) of_users: Vec<f64>,
    /// By position; empty where all are 1.
    pub(crate) of_items: Vec<f64>,
}

impl Factors {
    /// Puts them together. `of_users`: as of [`Weigher::of_user`], in order; `codes`: of the items,
    /// by position.
    pub fn new(of_users: Vec<f64>, weigher: &Weigher, codes: &[u32]) -> Self {
        let of_items = codes.iter().map_while(|code| weigher.of_item(*code)).collect();
        Self { of_users, of_items }
    }

    /// Returns what the interactions of the item at `position` with some users weigh.
    pub fn products(&self, position: usize, users: &[u32]) -> impl Iterator<Item = f64> {
        let of_item = self.of_items.get(position).copied().unwrap_or(1.0);
        users.iter().map(move |user| self.of_users[*user as usize] * of_item)
    }
}

impl RowBlock {
    /// Makes the block of the positions from `first` on; list l holds the users of position
    /// `first + l`. Cost: O(interactions).
    ///
    /// # Errors
    /// If the parts do not go together or a user is not below `users`.
    pub fn new(
        first: u32,
        users: usize,
        starts: Vec<usize>,
        list: Vec<u32>,
        weights: Option<Vec<f64>>,
    ) -> Result<Self, Malformed> {
        let lists = AnyLists::new(users, starts, list, weights)?;
        Ok(Self { first, lists, factors: Arc::default() })
    }

    /// Makes the same block of weights that are made of factors. Cost: O(interactions).
    ///
    /// # Errors
    /// If the parts do not go together or a user is not below `users`, who have a factor each.
    pub fn of_factors(
        first: u32,
        users: usize,
        starts: Vec<usize>,
        list: Vec<u32>,
        factors: Arc<Factors>,
    ) -> Result<Self, Malformed> {
        let lists = AnyLists::separable(users, starts, list)?;
        let of_items = factors.of_items.len();
        let has_all = of_items == 0 || of_items >= first as usize + lists.len();
        if factors.of_users.len() != users || !has_all {
            return Err(Malformed);
        }
        Ok(Self { first, lists, factors })
    }

    /// Makes a block of all rows.
    pub(crate) fn of<V: Value<Stored = V>>(lists: Lists<V>, factors: Factors) -> Self {
        Self { first: 0, lists: V::erase(lists), factors: Arc::new(factors) }
    }

    /// Returns the positions.
    pub fn positions(&self) -> Range<u32> {
        self.first..self.first + self.lists.len() as u32
    }

    /// Returns what the block is made of.
    pub fn parts(&self) -> Parts<'_> {
        let parts = self.lists.parts();
        if self.kind() != WeightKind::Separable {
            return parts;
        }
        let weights = (0..self.lists.len()).flat_map(|row| self.products(row, &parts));
        Parts { weights: Some(Cow::Owned(weights.collect())), ..parts }
    }

    /// Returns the same without weights that are made of factors.
    pub(super) fn lists_alone(&self) -> Parts<'_> {
        self.lists.parts()
    }

    /// Walks the weights of a row that are made of factors.
    fn products(&self, row: usize, parts: &Parts<'_>) -> impl Iterator<Item = f64> {
        let users = &parts.indices[parts.starts[row]..parts.starts[row + 1]];
        self.factors.products(self.first as usize + row, users)
    }

    /// Returns what weights are made of.
    pub(crate) fn factors(&self) -> &Factors {
        &self.factors
    }

    /// Sums up the squared weights of each position, in ascending order of users.
    pub fn squares(&self) -> Vec<f64> {
        self.norms(Norm::Squares)
    }

    /// Sums up what a measure looks at of each position's weights, in ascending order of users.
    pub fn norms(&self, norm: Norm) -> Vec<f64> {
        let parts = self.lists.parts();
        let list = |row: usize| parts.starts[row]..parts.starts[row + 1];
        let square = |row: usize| match (&parts.weights, self.kind()) {
            (Some(weights), _) => weights[list(row)].iter().map(|x| norm.of(*x)).sum(),
            (None, WeightKind::Separable) => self.products(row, &parts).map(|x| norm.of(x)).sum(),
            (None, _) => list(row).len() as f64,
        };
        (0..self.lists.len()).map(square).collect()
    }

    /// Counts the users there are.
    pub fn users(&self) -> usize {
        self.lists.columns()
    }

    /// Returns the lists.
    ///
    /// # Panics
    /// If the weights are of another kind.
    pub(crate) fn lists<V: Value>(&self) -> &Lists<V::Stored> {
        V::lists(&self.lists).expect("all blocks of a matrix are of one kind")
    }

    pub(crate) fn kind(&self) -> WeightKind {
        match self.lists {
            AnyLists::Counts(_) => WeightKind::One,
            AnyLists::Separable(_) => WeightKind::Separable,
            AnyLists::Weights(_) => WeightKind::Own,
        }
    }
}

/// Consecutive positions as every user has them: as lists, or as bits of one chunk of 512.
/// Cost: lists as for [`RowBlock`], with 8 B per user; bits 64 B per user.
#[derive(Clone, Debug)]
pub struct ColumnBlock {
    first: u32,
    width: u32,
    pub(crate) cells: Cells,
}

#[derive(Clone, Debug)]
pub(crate) enum Cells {
    /// One row of bits per user.
    Bits(Vec<BitRow>),
    /// One list per user, counted from the block's first position.
    Lists(AnyLists),
}

impl ColumnBlock {
    /// Makes the block of `width` positions from `first` on; list l holds the positions of user l,
    /// counted from `first`. Cost: O(interactions).
    ///
    /// # Errors
    /// If the parts do not go together or a position is not below `width`.
    pub fn of_lists(
        first: u32,
        width: u32,
        starts: Vec<usize>,
        list: Vec<u32>,
        weights: Option<Vec<f64>>,
    ) -> Result<Self, Malformed> {
        let lists = AnyLists::new(width as usize, starts, list, weights)?;
        Ok(Self { first, width, cells: Cells::Lists(lists) })
    }

    /// Makes the same block of weights that are made of factors, which the rows have.
    ///
    /// # Errors
    /// As for [`of_lists`](Self::of_lists).
    pub fn of_factors(
        first: u32,
        width: u32,
        starts: Vec<usize>,
        list: Vec<u32>,
    ) -> Result<Self, Malformed> {
        let lists = AnyLists::separable(width as usize, starts, list)?;
        Ok(Self { first, width, cells: Cells::Lists(lists) })
    }

    /// Makes the block of `width` positions from `first` on from one row of bits per user: bit b
    /// stands for position `first + b`.
    ///
    /// # Errors
    /// If `width` is not from 1 to 512.
    pub fn of_bits(first: u32, width: u32, rows: Vec<BitRow>) -> Result<Self, Malformed> {
        if !(1..=CHUNK).contains(&(width as usize)) {
            return Err(Malformed);
        }
        Ok(Self { first, width, cells: Cells::Bits(rows) })
    }

    pub(crate) fn of<V: Value<Stored = V>>(first: u32, lists: Lists<V>) -> Self {
        Self { first, width: lists.columns() as u32, cells: Cells::Lists(V::erase(lists)) }
    }

    /// Returns the positions.
    pub fn positions(&self) -> Range<u32> {
        self.first..self.first + self.width
    }

    /// Counts the users there are.
    pub fn users(&self) -> usize {
        match &self.cells {
            Cells::Bits(rows) => rows.len(),
            Cells::Lists(lists) => lists.len(),
        }
    }

    /// Returns the lists of rows and columns, if both are lists without weights.
    pub(crate) fn lists_of_counts<'a>(
        &'a self,
        rows: &'a RowBlock,
    ) -> Option<(&'a Lists<()>, &'a Lists<()>)> {
        match (&rows.lists, &self.cells) {
            (AnyLists::Counts(rows), Cells::Lists(AnyLists::Counts(columns))) => {
                Some((rows, columns))
            }
            _ => None,
        }
    }

    /// Returns what the block is made of, if it is made of bits.
    pub fn bits(&self) -> Option<&[BitRow]> {
        match &self.cells {
            Cells::Bits(rows) => Some(rows),
            Cells::Lists(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weighting::{Idf, Totals, UserRow, Weighting};

    #[test]
    fn factors_are_those_of_all_users_and_positions() {
        let bm25 = Weighting::Bm25 { k1: 1.2, b: 0.75, idf: Idf::AtLeastZero };
        let mut totals = Totals::new(bm25, 3);
        totals.add(UserRow { items: &[0, 1, 2], weights: Some(&[2.0; 3]), times: None });
        let weigher = Weigher::new(bm25, totals);
        let factors = |of_users, codes: &[u32]| Arc::new(Factors::new(of_users, &weigher, codes));
        let block = |factors| RowBlock::of_factors(1, 2, vec![0, 2, 3], vec![0, 1, 1], factors);
        let whole = block(factors(vec![0.5, 2.0], &[0, 1, 2])).unwrap();
        assert_eq!(whole.kind(), WeightKind::Separable);
        let parts = whole.parts();
        let each = weigher.of_item(1).unwrap();
        assert_eq!(parts.weights.unwrap()[..], [0.5 * each, 2.0 * each, 2.0 * each]);
        assert!(block(factors(vec![0.5], &[0, 1, 2])).is_err(), "a user has no factor");
        assert!(block(factors(vec![0.5, 2.0], &[0, 1])).is_err(), "a position has no factor");
    }
}
