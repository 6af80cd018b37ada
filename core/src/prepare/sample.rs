//! By-user sampling: whole users, picked by a fixed hash of their ids.
//!
//! Whole users keep co-occurrence unbiased and make the work proportional to the rate; sampling
//! rows does neither. The hash is [`hash_id`] of the canonical id, and a user is in the sample of
//! rate p if it is below p·2⁶⁴. So samples are nested (10 % is inside 20 %) and the same in every
//! format, order and split into files, on every surface and in every version.

use std::collections::BTreeSet;

use super::{
    clean::Cleaned,
    interactions::{Interactions, Part},
};
use crate::{
    data::{IdColumn, Rows, canonical_digits, hash_id, hash_integer},
    job::Of,
};

/// A by-user sample: the users whose hash is below a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sample {
    /// From 0 (nobody) to 2⁶⁴ (everybody).
    below: u128,
}

impl Sample {
    /// Everybody.
    pub const ALL: Self = Self { below: 1 << 64 };

    /// The sample of rate `rate`, 0 to 1; `None` for other numbers.
    pub fn of_rate(rate: f64) -> Option<Self> {
        // A power of two scales without rounding; a whole hash is below x if it is below ⌈x⌉.
        let below = (rate * 18_446_744_073_709_551_616.0).ceil();
        (0.0..=1.0).contains(&rate).then_some(Self { below: below as u128 })
    }

    /// Returns the rate: the share of all hashes that are in.
    pub fn rate(self) -> f64 {
        self.below as f64 / Self::ALL.below as f64
    }

    /// Returns the sample inside this one that has `share` of its rate, 0 to 1.
    pub fn part(self, share: f64) -> Self {
        Self { below: (self.below as f64 * share.clamp(0.0, 1.0)).ceil() as u128 }
    }

    /// Returns whether a user of this hash is in.
    pub const fn admits(self, hash: u64) -> bool {
        (hash as u128) < self.below
    }

    /// Keeps the rows of users in the sample, as they stand; rows without a user are in none.
    /// Their row numbers no longer say where in the file they stood. With `of` users it is items
    /// that are sampled: what is not compared. Cost: a hash per row, of text one per distinct id.
    pub fn of_rows(self, rows: Rows, of: Of) -> Rows {
        let keep = self.positions(sampled_side(&rows.user, &rows.item, of));
        if keep.len() == rows.len() { rows } else { rows.pick(&keep) }
    }

    /// Does the same with rows that were cleaned.
    pub fn of_cleaned(self, cleaned: Cleaned, of: Of) -> Cleaned {
        let keep = self.positions(sampled_side(&cleaned.user, &cleaned.item, of));
        if keep.len() == cleaned.user.len() { cleaned } else { cleaned.pick(&keep) }
    }

    /// Keeps the users in the sample; `hashes`: those of all users, by code.
    ///
    /// # Panics
    /// If there are fewer hashes than users.
    pub fn of_interactions(self, interactions: &Interactions, hashes: &[u64]) -> Part {
        interactions.of_users(|user| self.admits(hashes[user as usize]))
    }

    fn positions(self, ids: &IdColumn) -> Vec<u32> {
        let mut keep = Vec::new();
        each_hash(ids, |row, hash| {
            if self.admits(hash) {
                keep.push(row);
            }
        });
        keep
    }
}

/// Gathers ids, chunk by chunk in any order, to find the sample of a number of users: those of
/// the smallest hashes. Cost: 8 B per user of the sample, and more while they are gathered.
#[derive(Clone, Debug)]
pub struct Smallest {
    users: usize,
    hashes: BTreeSet<u64>,
}

impl Smallest {
    /// Begins a sample of `users` users.
    pub const fn new(users: usize) -> Self {
        Self { users, hashes: BTreeSet::new() }
    }

    /// Sees the ids of a chunk; see [`Sample::of_rows`].
    pub fn see(&mut self, rows: &Rows, of: Of) {
        each_hash(sampled_side(&rows.user, &rows.item, of), |_, hash| self.insert(hash));
    }

    /// Sees what another gathered.
    pub fn merge(&mut self, other: Self) {
        for hash in other.hashes {
            self.insert(hash);
        }
    }

    /// Returns the sample of what was seen so far: everybody who could still be in it. It only
    /// shrinks, so rows may be thinned by it while others are still to come. Users of equal hash
    /// are in together.
    pub fn sample(&self) -> Sample {
        if self.users == 0 {
            return Sample { below: 0 };
        }
        let last = self.hashes.last().filter(|_| self.hashes.len() == self.users);
        last.map_or(Sample::ALL, |last| Sample { below: u128::from(*last) + 1 })
    }

    fn insert(&mut self, hash: u64) {
        if self.sample().admits(hash) && self.hashes.insert(hash) && self.hashes.len() > self.users
        {
            self.hashes.pop_last();
        }
    }
}

/// Returns the ids that are sampled: of what is not compared.
pub fn sampled_side<'a>(user: &'a IdColumn, item: &'a IdColumn, of: Of) -> &'a IdColumn {
    match of {
        Of::Items => user,
        Of::Users => item,
    }
}

/// Calls `visit` with each row that has an id and the id's hash.
fn each_hash(ids: &IdColumn, mut visit: impl FnMut(u32, u64)) {
    // Rows of one user often follow each other.
    let mut last: Option<(i128, u64)> = None;
    let mut hash_integer = |value: i128| match last {
        Some((same, hash)) if same == value => hash,
        _ => {
            let hash = hash_integer(value);
            last = Some((value, hash));
            hash
        }
    };
    match ids {
        IdColumn::Integer(cells) => {
            for row in (0..cells.values.len()).filter(|row| cells.is_valid(*row)) {
                visit(row as u32, hash_integer(cells.values[row].into()));
            }
        }
        IdColumn::Unsigned(cells) => {
            for row in (0..cells.values.len()).filter(|row| cells.is_valid(*row)) {
                visit(row as u32, hash_integer(cells.values[row].into()));
            }
        }
        IdColumn::Text(column) => {
            // `7.0` of a format without types is the integer 7.
            let canonical = |text| match canonical_digits(text) {
                Some(digits) if column.untyped => digits,
                _ => text,
            };
            let hashes = column.dictionary.iter().map(|text| hash_id(canonical(text)));
            let hashes = hashes.collect::<Vec<_>>();
            for (row, code) in (0..).zip(&column.codes) {
                if let Some(hash) = hashes.get(*code as usize) {
                    visit(row, *hash);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::TextColumn;

    #[test]
    fn rates_are_shares_of_all_hashes() {
        let sample = |rate| Sample::of_rate(rate);
        assert_eq!(sample(1.0), Some(Sample::ALL));
        assert!(sample(0.0).is_some_and(|none| !none.admits(0)));
        let half = sample(0.5).unwrap();
        assert!(half.admits((1 << 63) - 1) && !half.admits(1 << 63));
        // The smallest rate above 0 lets the smallest hash in.
        assert!(sample(f64::MIN_POSITIVE).is_some_and(|one| one.admits(0) && !one.admits(1)));
        for wrong in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert_eq!(sample(wrong), None, "{wrong}");
        }
        assert_eq!(half.rate(), 0.5);
    }

    #[test]
    fn a_number_of_users_are_those_of_the_smallest_hashes() {
        let mut smallest = Smallest::new(2);
        let rows = |ids: &[i64]| Rows {
            file: 0,
            first_row: 1,
            places: None,
            user: IdColumn::Integer(ids.to_vec().into()),
            item: IdColumn::Text(TextColumn::default()),
            weight: None,
            time: None,
            label: None,
            kept: None,
            unreadable: Vec::new(),
        };
        assert_eq!(smallest.sample(), Sample::ALL);
        smallest.see(&rows(&[1, 1, 1]), Of::Items);
        assert_eq!(smallest.sample(), Sample::ALL, "one user is not two");
        let mut other = smallest.clone();
        other.see(&rows(&[4, 5, 2]), Of::Items);
        smallest.see(&rows(&[5, 3, 4]), Of::Items);
        smallest.merge(other);
        let mut hashes = (1..=5).map(hash_integer).collect::<Vec<_>>();
        hashes.sort_unstable();
        let admitted = hashes.iter().filter(|hash| smallest.sample().admits(**hash)).count();
        assert_eq!(admitted, 2);
        assert!(smallest.sample().admits(hashes[1]));
        assert!(!Smallest::new(0).sample().admits(0));
    }
}
