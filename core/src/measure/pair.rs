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
    /// N: users with at least one interaction, also with items of too little support.
    pub users: u32,
    /// x·y over the users of both; the overlap itself if unweighted.
    pub dot: f64,
    /// Σx² of the item; its support if unweighted.
    pub item_square: f64,
    /// Σy² of the neighbour; its support if unweighted.
    pub neighbour_square: f64,
    /// Σx of the item, which [`weighted-jaccard`](super::MeasureName::WeightedJaccard) needs in place
    /// of Σx²; anything elsewhere.
    pub item_sum: f64,
    /// Σy of the neighbour; the same.
    pub neighbour_sum: f64,
    /// Σ min(x, y) over the users of both; the same.
    pub least: f64,
    /// Sums over the users of both, for measures that look at nobody else; anything elsewhere.
    pub common: Common,
}

/// Sums over the users of both items, in ascending order of users.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Common {
    /// Σx.
    pub x: f64,
    /// Σy.
    pub y: f64,
    /// Σx².
    pub xx: f64,
    /// Σy².
    pub yy: f64,
    /// Σ(x − y)².
    pub apart: f64,
}

impl Common {
    /// The sums over so many users where every weight is 1.
    pub fn of_ones(overlap: u32) -> Self {
        let count = f64::from(overlap);
        Self { x: count, y: count, xx: count, yy: count, apart: 0.0 }
    }

    /// Adds a user who has both.
    #[inline]
    pub fn add(&mut self, x: f64, y: f64) {
        self.x += x;
        self.y += y;
        self.xx += x * x;
        self.yy += y * y;
        self.apart += (x - y) * (x - y);
    }
}

impl Pair {
    /// Makes the pair of two items that share `overlap` of all `users`, where every weight is 1;
    /// `supports`: of the item and of the neighbour.
    #[inline]
    pub fn of_ones(overlap: u32, supports: (u32, u32), users: u32) -> Self {
        let (item, neighbour) = (f64::from(supports.0), f64::from(supports.1));
        Self {
            overlap,
            item_support: supports.0,
            neighbour_support: supports.1,
            users,
            dot: overlap.into(),
            item_square: item,
            neighbour_square: neighbour,
            item_sum: item,
            neighbour_sum: neighbour,
            least: overlap.into(),
            common: Common::of_ones(overlap),
        }
    }

    /// Returns the pair with another overlap, all else as it is, where every weight is 1.
    pub fn with_overlap(&self, overlap: u32) -> Self {
        let supports = (self.item_support, self.neighbour_support);
        Self::of_ones(overlap, supports, self.users)
    }

    /// Returns the same pair, seen from the neighbour.
    pub fn reversed(&self) -> Self {
        let Common { x, y, xx, yy, apart } = self.common;
        Self {
            item_support: self.neighbour_support,
            neighbour_support: self.item_support,
            item_square: self.neighbour_square,
            neighbour_square: self.item_square,
            item_sum: self.neighbour_sum,
            neighbour_sum: self.item_sum,
            common: Common { x: y, y: x, xx: yy, yy: xx, apart },
            ..*self
        }
    }

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
