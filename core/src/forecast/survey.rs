//! The order of the matrix and the work of its rows, before anything is arranged.

use super::size::Size;
use crate::{cost::Additions, executor::Executor, matrix::ItemTable, prepare::Interactions};

/// Items in the order of the matrix, with the work of their rows.
pub(crate) struct Survey {
    /// Position -> code.
    pub(crate) codes: Vec<u32>,
    /// Users per position, descending.
    pub(crate) supports: Vec<u32>,
    /// Additions per position.
    pub(crate) additions: Additions,
}

/// Finds what [`Matrix`](crate::matrix::Matrix) will find, without arranging the interactions.
/// Cost: O(interactions · log of the longest row), and 16 B per item and worker.
pub(crate) fn survey(interactions: &Interactions, executor: &impl Executor) -> Survey {
    let by_code = interactions.supports();
    let codes = ItemTable::order(&by_code);
    let positions = ItemTable::positions(&codes);
    let (users, pieces) = (interactions.users(), executor.workers());
    let parts = executor.map(pieces, |piece| {
        let (mut additions, mut row) = (Additions::new(codes.len()), Vec::new());
        for user in users * piece / pieces..users * (piece + 1) / pieces {
            row.clear();
            let items = interactions.of(user as u32).iter();
            row.extend(items.map(|item| positions[*item as usize]));
            row.sort_unstable();
            additions.count(row.iter().copied());
        }
        additions
    });
    let mut additions = Additions::new(codes.len());
    for part in &parts {
        additions.add(part);
    }
    let supports = codes.iter().map(|code| by_code[*code as usize]).collect();
    Survey { codes, supports, additions }
}

impl Survey {
    /// Estimates the survey of data of size `to`, of which this one, of size `from`, is a part: items get
    /// more users and additions, and those that were not seen come after all others. Cost: O(items).
    pub(crate) fn scaled(&self, from: &Size, to: &Size) -> Self {
        let unseen = to.items.saturating_sub(self.codes.len() as u64) as usize;
        let left = to.interactions.saturating_sub(unseen as u64) as f64;
        let more = (left / from.interactions.max(1) as f64).max(1.0);
        let work = to.pair_operations as f64 / from.pair_operations.max(1) as f64;
        let most = to.users.min(u64::from(u32::MAX)) as f64;
        let mut scaled = Self {
            codes: self.codes.clone(),
            supports: Vec::with_capacity(self.codes.len() + unseen),
            additions: Additions::default(),
        };
        let Additions { all, smaller } = &self.additions;
        for (position, support) in self.supports.iter().enumerate() {
            let pairs = ((all[position] - u64::from(*support)) as f64 * work) as u64;
            let before = (smaller[position] as f64 * work) as u64;
            let users = (f64::from(*support) * more).min(most).max(1.0) as u32;
            scaled.push(users, pairs, before);
        }
        // An interaction of theirs meets as much as any other.
        let each = 2.0 * to.pair_operations as f64 / to.interactions.max(1) as f64;
        for _ in 0..unseen {
            scaled.push(1, each as u64, each as u64);
        }
        scaled.codes.resize(scaled.supports.len(), self.codes.last().copied().unwrap_or(0));
        scaled
    }

    /// Adds an item of so many users, whose row makes so many additions to others, `before` of them to
    /// those before it.
    fn push(&mut self, users: u32, pairs: u64, before: u64) {
        self.supports.push(users);
        self.additions.all.push(pairs + u64::from(users));
        self.additions.smaller.push(before.min(pairs));
    }
}
