//! By-user sampling: whole users, picked by a fixed hash of their ids.
//!
//! Whole users keep co-occurrence unbiased and make the work proportional to the rate; sampling
//! rows does neither. The hash is [`hash_id`] of the canonical id, and a user is in the sample of
//! rate p if it is below p·2⁶⁴. So samples are nested (10 % is inside 20 %) and the same in every
//! format, order and split into files, on every surface and in every version.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::{
    clean::Cleaned,
    executor::Executor,
    ids::{IdColumn, canonical_digits},
    interactions::{Interactions, Part},
    job::{Job, Of},
    kernel::{ItemFilter, neighbours},
    matrix::Matrix,
    plan::Plan,
    rows::Rows,
};

/// Hashes an id: XXH3-64, seed 0, of its canonical text, which is an integer's decimal digits
/// (with `-` where negative, without leading zeros) or a string's bytes.
pub fn hash_id(text: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(text.as_bytes())
}

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

    /// Tells whether a user of this hash is in.
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

/// How far two lists of neighbours agree, over items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Agreement {
    /// Items that have neighbours in one of them at least.
    pub items: usize,
    /// The mean, over these items, of the neighbours that both lists have, divided by the length
    /// of the longer list.
    pub mean: f64,
    /// Where the mean of all items lies, with a confidence of 95 % (normal approximation; each
    /// item counts alike and for itself).
    pub interval: (f64, f64),
}

impl Agreement {
    /// Compares the lists of each item, whose codes ascend.
    ///
    /// # Panics
    /// If there are not as many.
    pub fn of(one: &[Vec<u32>], other: &[Vec<u32>]) -> Self {
        assert_eq!(one.len(), other.len(), "every item has two lists");
        let longer = |(one, other): (&Vec<u32>, &Vec<u32>)| one.len().max(other.len());
        let lists = one.iter().zip(other).filter(|lists| longer(*lists) > 0);
        let shares = lists.map(|(one, other)| {
            let both = one.iter().filter(|code| other.binary_search(code).is_ok()).count();
            both as f64 / longer((one, other)) as f64
        });
        let shares = shares.collect::<Vec<_>>();
        if shares.is_empty() {
            return Self::default();
        }
        let items = shares.len() as f64;
        let mean = shares.iter().sum::<f64>() / items;
        let squares = shares.iter().map(|share| (share - mean) * (share - mean)).sum::<f64>();
        let deviation = (squares / (items - 1.0).max(1.0) / items).sqrt();
        // Of one item nothing is known but itself.
        let slack = if shares.len() > 1 { 1.96 * deviation } else { 1.0 };
        let interval = ((mean - slack).max(0.0), (mean + slack).min(1.0));
        Self { items: shares.len(), mean, interval }
    }
}

/// Finds the neighbours that some of the users give to some of the items: for each item of
/// `asked` its neighbours' codes, ascending. All codes are those of `interactions`, and weights
/// are those of the part alone.
pub fn neighbours_of_part(
    interactions: &Interactions,
    keep: impl Fn(u32) -> bool,
    asked: &[u32],
    job: &Job,
    executor: &impl Executor,
) -> Vec<Vec<u32>> {
    let Part { interactions, items, .. } = interactions.of_users(keep);
    let mut lists = vec![Vec::new(); asked.len()];
    let codes = asked.iter().map(|code| items.binary_search(code));
    let wanted = codes.clone().filter_map(|code| Some(code.ok()? as u32)).collect::<Vec<_>>();
    let filter = ItemFilter::new(items.len(), None, None, Some(&wanted));
    let matrix = Matrix::new(&interactions, job.weighting, executor);
    let plan = Plan::new(&matrix, &filter);
    let found = neighbours(&matrix, &plan, job, &filter, executor, |_| {});
    for (list, code) in lists.iter_mut().zip(codes) {
        if let Ok(code) = code {
            let neighbours = found.of(code as u32).iter();
            list.extend(neighbours.map(|neighbour| items[neighbour.code as usize]));
            list.sort_unstable();
        }
    }
    lists
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

/// Hashes the decimal digits without a string on the heap.
fn hash_integer(value: i128) -> u64 {
    use std::io::Write as _;
    // A sign and the 39 digits of the longest integer.
    let mut text = [0_u8; 40];
    let mut rest = text.as_mut_slice();
    let written = write!(rest, "{value}");
    debug_assert!(written.is_ok(), "every integer fits");
    let left = rest.len();
    xxhash_rust::xxh3::xxh3_64(&text[..text.len() - left])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Ids, TextColumn};

    #[test]
    fn hashes_are_what_they_always_were() {
        // Worked out with another implementation, the Python package `xxhash`.
        for (text, hash) in KNOWN {
            assert_eq!(hash_id(text), *hash, "{text}");
        }
        let ids = Ids::Integer(vec![-1, 7]);
        assert_eq!((ids.hash(0), ids.hash(1)), (hash_id("-1"), hash_id("7")));
        assert_eq!(hash_integer(i128::MIN), hash_id(&i128::MIN.to_string()));
    }

    const KNOWN: &[(&str, u64)] = &[
        ("", 0x2d06_8005_38d3_94c2),
        ("0", 0x1982_e3a7_bb24_1055),
        ("7", 0x06ee_d105_b822_85fa),
        ("-1", 0xbc25_a7b6_12cb_a21f),
        ("42", 0x1217_cb28_c0ef_2191),
        ("9223372036854775807", 0x8e41_2f1d_d5b0_46a3),
        ("18446744073709551615", 0x9131_ab72_96c2_3377),
        ("tea", 0xb9fb_b2c1_0201_d480),
        ("Earl Grey", 0xee2a_8443_e395_e4a1),
        ("00123", 0xcc10_f252_4e3d_66cd),
        ("käse", 0xc3b8_a562_fbcf_dfb1),
        ("0f8fad5b-d9cb-469f-a165-70867728950e", 0xd4b6_5d47_352a_dabc),
    ];

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
    fn agreement_is_a_mean_over_items_with_an_interval() {
        let one = [vec![1, 2, 3, 4], vec![], vec![5], vec![7, 8]];
        let other = [vec![2, 4], vec![], vec![], vec![7, 8]];
        let agreement = Agreement::of(&one, &other);
        // 2 of 4, 0 of 1, 2 of 2; the item without neighbours says nothing.
        assert_eq!((agreement.items, agreement.mean), (3, 0.5));
        // Standard deviation 0.5, by hand.
        let slack = 1.96 * 0.5 / 3.0_f64.sqrt();
        assert!((agreement.interval.0 - (0.5 - slack).max(0.0)).abs() < 1e-12);
        assert!((agreement.interval.1 - (0.5 + slack).min(1.0)).abs() < 1e-12);
        assert_eq!(Agreement::of(&one, &one).mean, 1.0);
        assert_eq!(Agreement::of(&[vec![1]], &[vec![1]]).interval, (0.0, 1.0));
        assert_eq!(Agreement::of(&[], &[]), Agreement::default());
    }

    #[test]
    fn a_part_of_the_users_has_neighbours_of_its_own() {
        // Two users who share nothing: each alone makes its items neighbours.
        let interactions = Interactions::of_rows([vec![0, 1], vec![2, 3]].into_iter(), 4);
        let job = crate::job::SimilarityJob::default().resolve(crate::job::Given::default());
        let of = |keep: fn(u32) -> bool| {
            let job = job.as_ref().unwrap();
            neighbours_of_part(&interactions, keep, &[1, 2], job, &crate::executor::Sequential)
        };
        assert_eq!(of(|_| true), [[0], [3]]);
        assert_eq!(of(|user| user == 1), [vec![], vec![3]]);
        assert_eq!(of(|_| false), [[0; 0]; 2]);
    }

    #[test]
    fn a_number_of_users_are_those_of_the_smallest_hashes() {
        let mut smallest = Smallest::new(2);
        let rows = |ids: &[i64]| Rows {
            file: 0,
            first_row: 1,
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
