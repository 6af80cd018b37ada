//! What tiles cost by what they hold, for whoever cuts blocks without having the matrix.

use super::size::Size;
use crate::{
    cost::{CostModel, Extent, Layout},
    weighting::WeightKind,
};

/// Predicted picoseconds of one core, by what a tile holds: its cost is the sum over all three.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// For each pair operation.
    pub operation: f64,
    /// For each interaction of its rows and columns: arranging it, and going to its user.
    pub interaction: f64,
    /// For each item of its rows and columns: beginning it, and finding its neighbours, of which it
    /// may find as many in every tile.
    pub item: f64,
}

impl Rates {
    /// Predicts what a job of `top` neighbours takes on data of some size.
    pub fn of(size: &Size, weights: WeightKind, top: u32, layout: Layout) -> Self {
        let machine = layout.machine();
        let operations = size.pair_operations.min(u128::from(u64::MAX / 4)) as u64;
        let extent = Extent {
            users: size.users as usize,
            items: size.items as usize,
            additions: 2 * operations + size.interactions,
            weights,
        };
        let model = CostModel::of(&machine, &extent);
        let arranging = machine.arranging(size.interactions as usize, weights.bytes());
        let met = 2.0 * operations as f64 / size.items.max(1) as f64;
        let found = met.min(f64::from(top)).min(size.items as f64);
        let finding = machine.finding(found, weights == WeightKind::One);
        Self {
            operation: model.addition() as f64,
            interaction: arranging / size.interactions.max(1) as f64 + model.visit() as f64,
            item: machine.row as f64 + finding + machine.collecting(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size =
        Size { users: 1_000, items: 500, interactions: 20_000, pair_operations: 4_000_000 };

    #[test]
    fn weights_and_longer_lists_cost_more() {
        let of = |weights, top| Rates::of(&SIZE, weights, top, Layout::default());
        let (plain, weighted) = (of(WeightKind::One, 10), of(WeightKind::Own, 10));
        assert!(weighted.operation > plain.operation);
        assert!(weighted.interaction > plain.interaction);
        assert!(of(WeightKind::One, 20).item > plain.item);
        assert_eq!(of(WeightKind::One, 500).item, of(WeightKind::One, 5_000).item);
    }

    #[test]
    fn nothing_costs_something_finite() {
        let Rates { operation, interaction, item } =
            Rates::of(&Size::default(), WeightKind::One, 1, Layout::default());
        assert!([operation, interaction, item].iter().all(|cost| cost.is_finite() && *cost > 0.0));
        let most = Size { pair_operations: u128::MAX, ..SIZE };
        assert!(Rates::of(&most, WeightKind::Own, 1, Layout::default()).item.is_finite());
    }
}
