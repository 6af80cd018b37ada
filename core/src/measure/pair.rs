//! What measures are functions of.

/// What is known of an ordered pair (item, neighbour). Every number is exact or summed in
/// ascending user order, so it does not depend on how the work was cut up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// c: users of both, at least 1.
    pub overlap: u32,
    /// a: users of the item.
    pub item_support: u32,
    /// b: users of the neighbour.
    pub neighbour_support: u32,
    /// N: users with at least one interaction.
    pub users: u32,
    /// x·y over the users of both; the overlap itself if unweighted.
    pub dot: f64,
    /// Σx² of the item; its support if unweighted.
    pub item_square: f64,
    /// Σy² of the neighbour; its support if unweighted.
    pub neighbour_square: f64,
}

impl Pair {
    /// c·N, a·b and so on fit u64 exactly: counts are u32.
    pub(super) fn expected_and_observed(&self) -> (u64, u64) {
        let expected = u64::from(self.item_support) * u64::from(self.neighbour_support);
        let observed = u64::from(self.overlap) * u64::from(self.users);
        (expected, observed)
    }

    /// N·c / (a·b): how many times more often than by chance the pair occurs.
    pub(super) fn ratio_to_chance(&self) -> f64 {
        let (expected, observed) = self.expected_and_observed();
        observed as f64 / expected as f64
    }
}
