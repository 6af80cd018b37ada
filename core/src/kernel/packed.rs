//! Counts of rows with few additions, each in one word with what the other side asks for.
//!
//! On sparse data a row touches hundreds of positions far apart, and what follows counting must
//! not touch as many others: the upper half of a word holds the position's hurdle as the upper
//! half of an f32, cut off towards what lets more through, the lower half the count.

use super::{hit::Hit, sparse::Scatter};
use crate::{
    matrix::{Sum, Value},
    simd::{Indices, Sieve, add_at},
};

const COUNT: u32 = 0xffff;

/// Rows of more users than this could count past half a word.
pub(super) const MOST_USERS: usize = COUNT as usize;

/// One word per position of a block; all counts are zero between rows.
#[derive(Debug, Default)]
pub(super) struct Packed {
    words: Vec<u32>,
    touched: Vec<u32>,
}

impl Packed {
    /// Takes the hurdles of another block.
    pub(super) fn reset(&mut self, hurdles: &[f32]) {
        self.words.clear();
        self.words.extend(hurdles.iter().map(|hurdle| pack(*hurdle)));
        if self.touched.len() <= hurdles.len() {
            self.touched.resize(hurdles.len() + 1, 0);
        }
    }

    /// Takes a risen hurdle.
    pub(super) fn raise(&mut self, index: usize, hurdle: f32) {
        self.words[index] = pack(hurdle);
    }

    /// Counts a row of at most [`MOST_USERS`] users against the positions of `sieve` and puts what
    /// may matter into `hits`, which has more room than there are positions; returns how many
    /// there are.
    pub(super) fn few<V: Value>(
        &mut self,
        scatter: &Scatter<'_, V>,
        users: Indices<'_>,
        sieve: &Sieve<'_>,
        hits: &mut [Hit<V::Sum>],
    ) -> usize {
        let Self { words, touched } = self;
        let mut listed = 0;
        scatter.lists(users, |positions| {
            add_at(
                words,
                positions,
                positions.unit(),
                sieve.factors.len() as u32,
                |other, word, ()| {
                    // No branch: whether a position is new cannot be predicted.
                    touched[listed] = other;
                    listed += usize::from(*word & COUNT == 0);
                    *word += 1;
                },
            );
        });
        let mut count = 0;
        for other in &touched[..listed] {
            let word = &mut words[*other as usize];
            let sum = *word & COUNT;
            let hurdle = f32::from_bits(*word & !COUNT);
            *word &= !COUNT;
            let matters = sum as f32 * sieve.column_factor >= hurdle
                || sum as f32 * sieve.factors[*other as usize] >= sieve.row_limit;
            hits[count] = Hit { index: *other, sum: Sum::new(sum, 0.0) };
            count += usize::from(matters);
        }
        count
    }
}

/// Cuts a hurdle down to its upper half.
fn pack(hurdle: f32) -> u32 {
    // Cut off, a negative number would rise.
    let hurdle = if hurdle < 0.0 { f32::NEG_INFINITY } else { hurdle };
    hurdle.to_bits() & !COUNT
}
