//! Bounds that spare exact scores: a pair can matter only if its sum reaches a limit.
//!
//! A score is at most a rising function of dot · item factor · neighbour factor, so a bar on
//! scores becomes a limit on that product, at the price of one product and one comparison per
//! pair. Bounds only leave pairs out; what passes is scored exactly.

use super::scale::ScoreScale;
use crate::{matrix::ItemTable, measure::Measure, simd::prefetch};

/// The factors of every position, in f32.
#[derive(Debug)]
pub(super) struct Ceilings {
    measure: Measure,
    scale: ScoreScale,
    as_item: Vec<f32>,
    pub(super) as_neighbour: Vec<f32>,
}

impl Ceilings {
    /// Limits are lowered by this share: products are computed in f32, some roundings of 6e-8
    /// each, and bars are rounded, too.
    const SLACK: f64 = 4e-6;

    /// Scores smaller than this, but for 0, bound nothing.
    pub(super) const SMALLEST: f32 = 1e-30;

    /// Scores larger than this, which may have been cut down to the largest f32, bound nothing.
    const LARGEST: f32 = 1e30;

    /// Factors outside this range, whose products could leave that of f32, bound nothing.
    const SAFE: std::ops::RangeInclusive<f64> = 1e-9..=1e9;

    pub(super) fn new(table: &ItemTable, measure: &Measure, scale: ScoreScale) -> Self {
        let safe = |factor: f64| {
            if Self::SAFE.contains(&factor) { factor as f32 } else { f32::INFINITY }
        };
        let sides = table.supports().iter().zip(table.squares());
        let factors = sides.map(|(support, square)| {
            let (item, neighbour) = measure.ceiling(*support, *square, table.population() as u32);
            (safe(item), safe(neighbour))
        });
        let (as_item, as_neighbour) = factors.unzip();
        Self { measure: *measure, scale, as_item, as_neighbour }
    }

    /// Asks for an item's factors, which are about to be read.
    pub(super) fn fetch(&self, item: usize) {
        prefetch(&self.as_item, item);
        prefetch(&self.as_neighbour, item);
    }

    /// Returns whether a score estimated as `product` times the item's factor keeps its digits.
    pub(super) fn is_safe(&self, item: u32, product: f32) -> bool {
        let score = product * self.as_item[item as usize];
        product >= Self::SMALLEST && (Self::SMALLEST..=Self::LARGEST).contains(&score)
    }

    /// Returns what dot · neighbour factor must reach, so that the neighbour may score `bar` for
    /// `item`.
    pub(super) fn limit(&self, item: u32, bar: f32) -> f32 {
        // Below the smallest normal f32 rounding is no longer a share of the score.
        if bar != 0.0 && bar.abs() < Self::SMALLEST {
            return f32::NEG_INFINITY;
        }
        let bar = self.scale.unscaled(bar);
        let product = self.measure.product_for(bar - bar.abs() * Self::SLACK);
        let limit =
            (product - product.abs() * Self::SLACK) / f64::from(self.as_item[item as usize]);
        if limit.is_nan() { f32::NEG_INFINITY } else { limit as f32 }
    }
}
