//! The order of the matrix and the work of its rows, before anything is arranged.

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
