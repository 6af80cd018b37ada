//! How large data is, in the numbers that cost follows from.

use crate::prepare::Interactions;

/// How large a set of interactions is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Size {
    /// Users with at least one interaction.
    pub users: u64,
    /// Items with at least one interaction.
    pub items: u64,
    /// Interactions.
    pub interactions: u64,
    /// The pair operations of comparing everything with everything: every pair of items that a
    /// user has, once.
    pub pair_operations: u128,
}

impl Size {
    /// Measures interactions. Cost: O(users).
    pub fn of(interactions: &Interactions) -> Self {
        Self {
            users: interactions.users() as u64,
            items: interactions.items() as u64,
            interactions: interactions.len() as u64,
            pair_operations: interactions.pair_operations(),
        }
    }
}
