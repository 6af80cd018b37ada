//! What is known of every item: the small part of a matrix, always in memory.

use std::sync::Arc;

/// Items by *position*: 0 is the item with most users, so popular items share the front of every
/// accumulator. Positions stay inside the matrix; ties follow codes.
///
/// Cost: 16 B per item; clones share them.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemTable(Arc<Items>);

#[derive(Clone, Debug, PartialEq)]
struct Items {
    users: usize,
    population: usize,
    codes: Vec<u32>,
    supports: Vec<u32>,
    squares: Vec<f64>,
}

impl ItemTable {
    /// Orders codes by descending support, then descending code: the code at each position. Cost: O(items · log).
    pub fn order(supports: &[u32]) -> Vec<u32> {
        let mut codes = (0..supports.len() as u32).collect::<Vec<_>>();
        // Rows of sparse data go from the last position to the first. Of equally popular items,
        // which tie most, the smaller code wins: it comes last, so that ties meet the best first
        // and what follows is turned away.
        codes.sort_unstable_by_key(|code| std::cmp::Reverse((supports[*code as usize], *code)));
        codes
    }

    /// Turns an order around: the position of each code.
    ///
    /// # Panics
    /// If a code is not below the number of codes.
    pub fn positions(codes: &[u32]) -> Vec<u32> {
        let mut positions = vec![0; codes.len()];
        for (position, code) in codes.iter().enumerate() {
            positions[*code as usize] = position as u32;
        }
        positions
    }

    /// Makes a table of `users` users. `codes`, `supports` (users) and `squares` (Σx², or what the measure's
    /// [norm](crate::measure::Measure::norm) says, in ascending order of users) are by position.
    ///
    /// # Panics
    /// If lengths differ or supports rise.
    pub fn new(users: usize, codes: Vec<u32>, supports: Vec<u32>, squares: Vec<f64>) -> Self {
        assert_eq!(codes.len(), supports.len(), "every item has a support");
        assert_eq!(codes.len(), squares.len(), "every item has a sum of squares");
        assert!(supports.is_sorted_by(|a, b| a >= b), "the most popular item comes first");
        Self(Arc::new(Items { users, population: users, codes, supports, squares }))
    }

    /// Says that N is not the number of users: some of those who count have no item any more.
    #[must_use]
    pub fn with_population(self, population: usize) -> Self {
        Self(Arc::new(Items { population, ..Arc::unwrap_or_clone(self.0) }))
    }

    /// Counts N, the users that measures count.
    pub fn population(&self) -> usize {
        self.0.population
    }

    /// Counts the items.
    pub fn len(&self) -> usize {
        self.0.codes.len()
    }

    /// Returns whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.0.codes.is_empty()
    }

    /// Counts the users.
    pub fn users(&self) -> usize {
        self.0.users
    }

    /// Returns the code at each position.
    pub fn codes(&self) -> &[u32] {
        &self.0.codes
    }

    /// Returns the number of users at each position, descending.
    pub fn supports(&self) -> &[u32] {
        &self.0.supports
    }

    /// Returns Σx², or what the norm says, at each position.
    pub fn squares(&self) -> &[f64] {
        &self.0.squares
    }
}
