//! Weighs interactions, one user after the other.

use super::{bm25, choice::Weighting, decay, log, tfidf, user_row::UserRow};

/// Weighs the interactions of one user after the other, with what has to be known of all of them.
#[derive(Clone, Debug)]
pub struct Weigher {
    weighting: Weighting,
    /// All items.
    items: u32,
    /// Per item, for BM25.
    saturations: Vec<f64>,
    /// The present, for decay.
    now: i64,
}

impl Weigher {
    /// Returns whether every weight is 1 after weighting, so that overlaps are all there is to
    /// count. `has_weights`: interactions have weights before it.
    pub const fn is_unit(weighting: Weighting, has_weights: bool) -> bool {
        match weighting {
            Weighting::Binary => true,
            Weighting::Raw => !has_weights,
            _ => false,
        }
    }

    /// Prepares to weigh. `items`: all items; `lengths`: the sum of each item's weights in
    /// ascending order of users ([`bm25::add_lengths`]), for [`Weighting::Bm25`] only; `newest`: the newest time, for
    /// [`Weighting::Decay`] only.
    pub fn new(weighting: Weighting, items: usize, lengths: Vec<f64>, newest: Option<i64>) -> Self {
        let (mut saturations, mut present) = (Vec::new(), 0);
        match weighting {
            Weighting::Bm25 { k1, b } => {
                let average = lengths.iter().sum::<f64>() / lengths.len() as f64;
                let saturate = |length| bm25::saturation(k1, b, length, average);
                saturations = lengths.into_iter().map(saturate).collect();
            }
            Weighting::Decay { now, .. } => present = now.or(newest).unwrap_or_default(),
            _ => {}
        }
        Self { weighting, items: items as u32, saturations, now: present }
    }

    /// Returns what a user with so many items brings to the weight of an interaction that had none:
    /// this times what the item brings.
    pub fn of_user(&self, items: u32) -> f64 {
        match self.weighting {
            Weighting::Tfidf | Weighting::Bm25 { .. } => tfidf::idf(self.items, items),
            Weighting::Log => log::weigh(1.0),
            _ => 1.0,
        }
    }

    /// Returns what an item brings, unless all bring 1.
    pub(crate) fn of_item(&self, item: u32) -> Option<f64> {
        let Weighting::Bm25 { k1, .. } = self.weighting else { return None };
        Some(bm25::saturate(1.0, k1, self.saturations[item as usize]))
    }

    /// Appends a user's weights to `weights`.
    pub fn weigh(&self, row: UserRow<'_>, weights: &mut Vec<f64>) {
        let raw = |at: usize| row.weights.map_or(1.0, |weights| weights[at]);
        let all = 0..row.items.len();
        let idf = || tfidf::idf(self.items, row.items.len() as u32);
        match self.weighting {
            Weighting::Binary => weights.extend(all.map(|_| 1.0)),
            Weighting::Raw => weights.extend(all.map(raw)),
            Weighting::Log => weights.extend(all.map(|at| log::weigh(raw(at)))),
            Weighting::Tfidf => {
                let idf = idf();
                weights.extend(all.map(|at| tfidf::weigh(raw(at), idf)));
            }
            Weighting::Bm25 { k1, .. } => {
                let idf = idf();
                let saturation = |at: usize| self.saturations[row.items[at] as usize];
                weights.extend(all.map(|at| bm25::saturate(raw(at), k1, saturation(at)) * idf));
            }
            Weighting::Decay { half_life, .. } => {
                let age =
                    |at: usize| row.times.map_or(0, |times| self.now.saturating_sub(times[at]));
                weights.extend(all.map(|at| decay::weigh(raw(at), age(at), half_life)));
            }
        }
    }
}
