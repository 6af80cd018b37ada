//! Neighbours by another way than the kernel's: every pair of items is counted by itself, from
//! bits and columns, scored, and all scores are sorted. Only the scalar formula is shared.

use ilk_core::{
    kernel::{rank, to_score},
    measure::{Common, Measure, Pair},
    prepare::Interactions,
    result::Neighbour,
};

/// Items by their users.
pub(crate) struct Columns {
    users: u32,
    /// Per item one bit per user.
    bits: Vec<Vec<u64>>,
    /// Per item its users, ascending, with weights.
    entries: Vec<Vec<(u32, f64)>>,
}

impl Columns {
    /// Lays out `interactions`; `weight`: of a user and an item.
    pub(crate) fn new(interactions: &Interactions, weight: impl Fn(u32, u32) -> f64) -> Self {
        let words = interactions.users().div_ceil(64);
        let mut bits = vec![vec![0; words]; interactions.items()];
        let mut entries = vec![Vec::new(); interactions.items()];
        for user in 0..interactions.users() as u32 {
            for item in interactions.of(user) {
                bits[*item as usize][user as usize / 64] |= 1 << (user % 64);
                entries[*item as usize].push((user, weight(user, *item)));
            }
        }
        Self { users: interactions.users() as u32, bits, entries }
    }

    /// Counts the items.
    pub(crate) fn len(&self) -> usize {
        self.bits.len()
    }

    /// Counts the users of both.
    fn overlap(&self, item: usize, other: usize) -> u32 {
        let both = self.bits[item].iter().zip(&self.bits[other]);
        both.map(|(x, y)| (x & y).count_ones()).sum()
    }

    fn square(&self, item: usize) -> f64 {
        self.entries[item].iter().map(|(_, weight)| weight * weight).sum()
    }

    /// Computes the `k` best neighbours of every item.
    pub(crate) fn neighbours(&self, measure: Measure, k: usize) -> Vec<Vec<Neighbour>> {
        let supports = self.entries.iter().map(|column| column.len() as u32).collect::<Vec<_>>();
        let squares = (0..self.len()).map(|item| self.square(item)).collect::<Vec<_>>();
        let mut row = vec![0.0; self.users as usize];
        let mut lists = Vec::with_capacity(self.len());
        for item in 0..self.len() {
            for (user, weight) in &self.entries[item] {
                row[*user as usize] = *weight;
            }
            let mut list = Vec::new();
            for other in (0..self.len()).filter(|other| *other != item) {
                let overlap = self.overlap(item, other);
                if overlap == 0 {
                    continue;
                }
                let products = self.entries[other].iter();
                let products = products.map(|(user, weight)| row[*user as usize] * weight);
                let pair = Pair {
                    overlap,
                    item_support: supports[item],
                    neighbour_support: supports[other],
                    users: self.users,
                    dot: products.sum(),
                    item_square: squares[item],
                    neighbour_square: squares[other],
                    item_sum: 0.0,
                    neighbour_sum: 0.0,
                    least: 0.0,
                    common: Common::default(),
                };
                let score = measure.score(&pair).map(to_score);
                list.extend(score.map(|score| Neighbour { code: other as u32, score, overlap }));
            }
            list.sort_by(rank);
            list.truncate(k);
            lists.push(list);
            for (user, _) in &self.entries[item] {
                row[*user as usize] = 0.0;
            }
        }
        lists
    }
}
