//! What counts need so that a pair can be among the k best of a row, known before it is counted.
//!
//! Of the pairs that a row can count, those with the rarest positions are likely to score best. Where k
//! of them lie at or past some position, `rare`, no pair matters that scores below the least that
//! such a one can score, *the floor*: the fewest users that count (`min_overlap`) in common with an
//! item as popular as the one at `rare`. What a popular position then needs follows from its
//! number of users alone. Levels of rows with as many additions share their needs.
//!
//! That holds for a measure if, for c users in common with an item of a, and b of the row:
//!
//! 1. The score rises with c, wherever it is positive, or does not fall.
//! 2. It falls with a, wherever it is positive, or does not rise. So each of the k scores the floor or
//!    more, and more popular positions need no fewer users than less popular ones.
//! 3. "c and a score no less than a share of the floor" is a condition that, where it holds for some b
//!    between two others, holds for one of those. So it is enough to ask at both ends of a level.
//!
//! | measure | rises with c, falls with a | the condition as a function of b |
//! |---|---|---|
//! | products c · f(a) · g(b): cosine, asymmetric cosine, conditional, lift, SAR's lift | f does not rise | g cancels out |
//! | tversky c / (c·(1 − α − β) + αb + βa), and with it dice and jaccard | its inverse is 1 − α − β + (αb + βa) / c | the ratio of two linear functions of b, which has no turning point, against a constant |
//! | overlap c / min(a, b) | | min(s, b) / min(a, b) with s ≤ a never rises |
//! | pmi ln(Nc / ab), npmi (over −ln(c / N), which falls with c), lexicographer's (times c) | | a linear function of ln b, whose sign is asked for |
//!
//! Shrinkage multiplies the score by c / (c + λ), which rises with c and is a constant to a and b.
//! Scores are rounded to f32, so the condition asks for a share that is below 1 by more than
//! that rounds: what does not hold scores less even when rounded.

use std::ops::Range;

use crate::{
    job::Job,
    matrix::ItemTable,
    measure::{Measure, Pair},
};

/// Rows whose needs are the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    /// The fewest additions of a row.
    pub(super) additions: u64,
    /// The fewest users of a row, and the most.
    pub(super) supports: (u32, u32),
}

impl Level {
    /// Rows are of one level as long as none takes this many times the additions of another.
    pub(super) const SPREAD: f64 = 1.1;
}

/// Positions of a block, by what their counts need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Every count that can matter is listed.
    All,
    /// So is every one that matters, if k others lie at or past a position.
    From(usize),
}

/// What is known of the items of a block.
#[derive(Debug)]
pub(super) struct Needs<'a> {
    table: &'a ItemTable,
    job: &'a Job,
    block: Range<usize>,
    /// Interactions with those items at each position and past it that may be neighbours.
    later: &'a [u64],
    /// Interactions with all of the block.
    all: u64,
}

impl<'a> Needs<'a> {
    /// Scores that may differ by no more than this share count as equal.
    const SLACK: f64 = 1e-6;

    /// Puts together what is known; `later`: as of [`later`]. Cost: O(block).
    pub(super) fn new(
        table: &'a ItemTable,
        job: &'a Job,
        block: Range<usize>,
        later: &'a [u64],
    ) -> Self {
        let all = table.supports()[block.clone()].iter().map(|support| u64::from(*support)).sum();
        Self { table, job, block, later, all }
    }

    /// Positions past which a row is expected to have so many neighbours are the rare ones.
    fn wanted(&self) -> f64 {
        2.0 * f64::from(self.job.top) + 8.0
    }

    /// Sets what the counts of each position of the block need, in the rows of a level. Cost:
    /// O(block), and at most 255 times the steps of a binary search.
    pub(super) fn set(&self, level: &Level, needs: &mut [u8]) -> Reach {
        let least = self.least();
        let rare = self.rare(level).filter(|_| self.job.min_overlap <= 255);
        let floor = rare.and_then(|rare| Some((rare, self.floor(level, rare, least.into())?)));
        let Some((rare, floor)) = floor else { return self.set_all(needs) };
        let supports = &self.table.supports()[self.block.clone()];
        let rare = rare - self.block.start;
        needs[rare..].fill(least);
        let mut end = rare;
        for count in least..u8::MAX {
            if end == 0 || u32::from(count) > level.supports.1 {
                break;
            }
            // More popular positions need more.
            let begin = supports[..end]
                .partition_point(|support| !floor.is_reached(u32::from(count), *support));
            needs[begin..end].fill(count);
            end = begin;
        }
        needs[..end].fill(u8::MAX);
        Reach::From(rare)
    }

    /// Returns how many neighbours a row is to find.
    pub(super) fn top(&self) -> usize {
        self.job.top as usize
    }

    /// Has everything listed.
    pub(super) fn set_all(&self, needs: &mut [u8]) -> Reach {
        needs.fill(self.least());
        Reach::All
    }

    /// The fewest users in common that count, or what must be had on the way there.
    fn least(&self) -> u8 {
        self.job.min_overlap.clamp(1, 255) as u8
    }

    /// Returns the first of the positions that are as rare as the last that leaves enough past it.
    fn rare(&self, level: &Level) -> Option<usize> {
        let wanted = self.wanted();
        if level.additions as f64 <= 1.5 * wanted || !self.job.measure.falls_with_support() {
            return None;
        }
        let end = self.later[self.block.end];
        let share = (wanted / level.additions as f64 * self.all as f64) as u64;
        let later = &self.later[self.block.clone()];
        let enough = later.partition_point(|later| later - end >= share);
        let supports = &self.table.supports()[self.block.clone()];
        let support = supports[enough.checked_sub(1)?];
        Some(self.block.start + supports.partition_point(|other| *other > support))
    }

    /// Returns the least that a row of the level scores with an item at `rare` or past it.
    fn floor<'b>(&'b self, level: &'b Level, rare: usize, least: u32) -> Option<Floor<'b>> {
        let support = self.table.supports()[rare];
        let (fewest, most) = level.supports;
        if least > support.min(fewest) {
            return None;
        }
        // Where f32 keeps its digits, and logarithms theirs.
        let is_sound = |score: f64| (1e-30..1e30).contains(&score);
        let is_log =
            matches!(self.job.measure, Measure::Pmi | Measure::Npmi | Measure::LexicographersMi);
        let is_sound = |score: f64| is_sound(score) && (!is_log || score > 1e-6);
        let at_ends = [fewest, most].map(|own| self.score(least, own, support));
        let at_ends = [at_ends[0].filter(|score| is_sound(*score))?, at_ends[1]?];
        is_sound(at_ends[1]).then_some(Floor { needs: self, level, least, support, at_ends })
    }

    /// Scores a pair of the row and an item of so many users.
    fn score(&self, overlap: u32, own: u32, support: u32) -> Option<f64> {
        let users = self.table.population() as u32;
        let pair = Pair::of_ones(overlap, (own, support), users);
        let overlap = f64::from(overlap);
        let shrunk = |score| score * (overlap / (overlap + self.job.shrinkage));
        self.job.measure.score(&pair).map(shrunk)
    }
}

/// What k pairs of a row are known to reach.
struct Floor<'a> {
    needs: &'a Needs<'a>,
    level: &'a Level,
    /// With the fewest users that count in common,
    least: u32,
    /// with an item of so many users;
    support: u32,
    /// what that scores for the row of the fewest users, and for that of the most.
    at_ends: [f64; 2],
}

impl Floor<'_> {
    /// Returns whether a pair with an item of so many users may reach it.
    fn is_reached(&self, overlap: u32, support: u32) -> bool {
        let (fewest, most) = self.level.supports;
        let floor = |own: u32| match own {
            _ if own == fewest => Some(self.at_ends[0]),
            _ if own == most => Some(self.at_ends[1]),
            _ => self.needs.score(self.least, own, self.support),
        };
        // Where there cannot be such a pair it does no harm to list it.
        overlap > support
            || [fewest.max(overlap).min(most), most].into_iter().any(|own| {
                let score = self.needs.score(overlap, own, support);
                let floor =
                    floor(own).map_or(f64::NEG_INFINITY, |floor| floor * (1.0 - Needs::SLACK));
                score.is_some_and(|score| score >= floor)
            })
    }
}

/// Adds up, from each position on, the interactions with those items that `admits`. Cost: 8 B per
/// item.
pub(super) fn later(table: &ItemTable, admits: impl Fn(u32) -> bool) -> Vec<u64> {
    let mut later = vec![0; table.len() + 1];
    for (position, code) in table.codes().iter().enumerate().rev() {
        let own = if admits(*code) { table.supports()[position] } else { 0 };
        later[position] = later[position + 1] + u64::from(own);
    }
    later
}

#[cfg(test)]
mod tests {
    use proptest::{
        prelude::{Just, ProptestConfig, Strategy, any},
        prop_assert, prop_oneof, proptest,
        sample::{Index, select},
    };

    use super::*;
    use crate::{
        job::{Given, SimilarityJob},
        kernel::topk::to_score,
    };

    const MEASURES: &[Measure] = &[
        Measure::Cosine,
        Measure::Jaccard,
        Measure::Dice,
        Measure::Overlap,
        Measure::Tversky { alpha: 0.5, beta: 0.5 },
        Measure::Tversky { alpha: 0.0, beta: 2.0 },
        Measure::Tversky { alpha: 3.0, beta: 0.1 },
        Measure::AsymmetricCosine { alpha: 0.3 },
        Measure::Conditional { alpha: 0.5 },
        Measure::Conditional { alpha: 3.0 },
        Measure::Lift { kappa: 0.0 },
        Measure::Lift { kappa: 7.0 },
        Measure::SarLift,
        Measure::Pmi,
        Measure::Npmi,
        Measure::LexicographersMi,
    ];

    fn job(measure: Measure, top: u32, min_overlap: u32, shrinkage: f64) -> Job {
        let job = SimilarityJob::default().resolve(Given::default()).unwrap();
        Job { measure, top, min_overlap, shrinkage, ..job }
    }

    /// Supports that fall from `most` to 1, and the codes of their items.
    fn table(users: usize, items: usize, most: f64) -> ItemTable {
        let support = |item: usize| 1 + (most / (1.0 + item as f64)) as u32;
        let supports = (0..items).map(support).collect::<Vec<_>>();
        let squares = supports.iter().map(|support| f64::from(*support)).collect();
        ItemTable::new(users, (0..items as u32).collect(), supports, squares)
    }

    fn score(needs: &Needs<'_>, overlap: u32, own: u32, support: u32) -> Option<f32> {
        needs.score(overlap, own, support).map(to_score)
    }

    fn shrinkages() -> impl Strategy<Value = f64> {
        prop_oneof![Just(0.0), Just(0.4), Just(30.0)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(crate::testing::cases(400)))]

        /// Whatever a rare pair scores, a pair that falls short of what it needs scores less.
        #[test]
        fn what_is_not_listed_scores_less_than_what_is_rare(
            measure in select(MEASURES),
            (top, min_overlap, shrinkage) in (1..20_u32, 1..4_u32, shrinkages()),
            (additions, fewest, spread) in (1..4_000_u64, 1..400_u32, 0..300_u32),
            picks in proptest::collection::vec(any::<[Index; 5]>(), 200),
        ) {
            let table = table(5_000, 900, 1_500.0);
            let job = job(measure, top, min_overlap, shrinkage);
            let later = later(&table, |_| true);
            let needs = Needs::new(&table, &job, 0..table.len(), &later);
            let level = Level { additions, supports: (fewest, fewest + spread) };
            let mut least = vec![0; table.len()];
            let reach = needs.set(&level, &mut least);
            prop_assert!(least.is_sorted_by(|a, b| a >= b), "popular positions need more");
            let Reach::From(rare) = reach else {
                let all = u8::try_from(min_overlap).unwrap();
                prop_assert!(least.iter().all(|need| *need == all));
                return Ok(());
            };
            for [own, popular, count, partner, shared] in picks {
                let own = fewest + own.index(spread as usize + 1) as u32;
                let position = popular.index(table.len());
                let support = table.supports()[position];
                let most = support.min(own).min(u32::from(least[position]) - 1);
                if most < min_overlap {
                    continue;
                }
                let overlap = min_overlap + count.index((most - min_overlap) as usize + 1) as u32;
                // One of those k that are known to be there.
                let partner = table.supports()[rare + partner.index(table.len() - rare)];
                if partner.min(own) < min_overlap {
                    continue;
                }
                let range = (partner.min(own) - min_overlap) as usize + 1;
                let shared = min_overlap + shared.index(range) as u32;
                let (of_rare, other) =
                    (score(&needs, shared, own, partner), score(&needs, overlap, own, support));
                prop_assert!(of_rare.is_some(), "a rare one is a pair");
                prop_assert!(
                    other.is_none_or(|other| of_rare.is_some_and(|rare| other < rare)),
                    "{own} users: {overlap} of {support} ({other:?}), {shared} of {partner} ({of_rare:?})"
                );
            }
        }
    }

    #[test]
    fn rows_of_many_additions_need_more_of_popular_positions() {
        let table = table(5_000, 900, 1_500.0);
        let later = later(&table, |_| true);
        let mut least = vec![0; table.len()];
        for measure in MEASURES {
            let job = job(*measure, 3, 1, 0.0);
            let needs = Needs::new(&table, &job, 0..table.len(), &later);
            let reach = needs.set(&Level { additions: 1_000, supports: (2, 2) }, &mut least);
            assert!(matches!(reach, Reach::From(_)), "{measure:?}");
            assert_eq!(least[table.len() - 1], 1);
            // Overlap does not tell items apart that have no fewer users than the row.
            let is_pruned = least[0] > 1;
            assert!(is_pruned || *measure == Measure::Overlap, "{measure:?}: {least:?}");
            let few = needs.set(&Level { additions: 10, supports: (2, 2) }, &mut least);
            assert_eq!((few, least[0]), (Reach::All, 1));
        }
        let counts = job(Measure::Cooccurrence, 3, 2, 0.0);
        let needs = Needs::new(&table, &counts, 0..table.len(), &later);
        let reach = needs.set(&Level { additions: 1_000, supports: (2, 2) }, &mut least);
        assert_eq!((reach, least[0]), (Reach::All, 2));
    }
}
