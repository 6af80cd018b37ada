//! Dice: 2c / (a + b). In (0, 1]. Some libraries leave out the 2.
//! Source: Dice, Measures of the amount of ecologic association between species, 1945.

use super::pair::Pair;

pub(super) fn score(pair: &Pair) -> f64 {
    let both = u64::from(pair.item_support) + u64::from(pair.neighbour_support);
    2.0 * pair.overlap as f64 / both as f64
}
