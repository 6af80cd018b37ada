//! The neighbours of one item, sorted so that many jobs find their k best in a few steps.
//!
//! If all weights are 1, a score depends only on the overlap c, the supports a and b, and the number of
//! users. For a given item and c, no score rises with b
//! ([`Measure::never_rises_with_support`](crate::measure::Measure::never_rises_with_support)). So the
//! neighbours are sorted into a bucket for each c, the rarest first, and each job leaves a bucket at the
//! first score that is too low. Neighbours of one bucket with as many users each have one score. The
//! scores of `mahout-llr` fall with b only up to what chance explains, and rise past it: its buckets
//! are left at both ends.

use std::cmp::Ordering;

use super::{
    evaluate::Trial,
    lists::{Entry, Lists, Piece},
};
use crate::{
    executor::Executor,
    job::Job,
    kernel::{RowCounts, place_of, score_at, to_score},
    matrix::{ItemTable, Matrix},
    measure::{Measure, Pair},
    prepare::Interactions,
    weighting::Weighting,
};

/// What decides the neighbours of a job whose weights are all 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Setting {
    measure: Measure,
    shrinkage: f64,
    min_overlap: u32,
    top: u32,
    threshold: Option<f32>,
}

impl Setting {
    pub(super) fn of(job: &Job) -> Self {
        Self {
            measure: job.measure.of_ones(),
            shrinkage: job.shrinkage,
            min_overlap: job.min_overlap,
            top: job.top,
            threshold: job.threshold,
        }
    }

    /// Returns how many neighbours an item can have, of so many items.
    pub(super) fn most_kept(&self, items: usize) -> usize {
        items.min(self.top as usize)
    }

    /// Returns a score below which none can come that is as good as `bar`, where scores do not rise:
    /// rounding may let them rise by their last bits.
    fn below(&self, bar: f32) -> f32 {
        let is_sum = matches!(
            self.measure,
            Measure::Pmi
                | Measure::Npmi
                | Measure::LexicographersMi
                | Measure::Llr
                | Measure::MahoutLlr
        );
        // Sums of terms that cancel out lose more digits than their share.
        bar - (bar.abs() * 1e-5 + if is_sum { 1e-7 } else { 0.0 })
    }
}

/// Interactions of weight 1, laid out for counting.
pub(super) struct Counted {
    matrix: Matrix,
    /// By position.
    facts: Vec<Facts>,
    /// By position: items of users who are evaluated, whose neighbours are needed.
    is_wanted: Vec<bool>,
    /// By code.
    positions: Vec<u32>,
    /// Interactions with the items from each position on.
    later: Vec<u64>,
}

#[derive(Clone, Copy)]
struct Facts {
    support: u32,
    code: u32,
}

impl Counted {
    pub(super) fn new(trial: &Trial, executor: &impl Executor) -> Self {
        let train = trial.train();
        let mut is_wanted = vec![false; train.items()];
        for number in 0..trial.counts().users as usize {
            for item in train.of(trial.user(number)) {
                is_wanted[*item as usize] = true;
            }
        }
        Self::of(train, &is_wanted, executor)
    }

    /// `is_wanted`: by code, whether neighbours of the item are needed.
    fn of(train: &Interactions, is_wanted: &[bool], executor: &impl Executor) -> Self {
        let matrix = Matrix::new(train, Weighting::Binary, executor);
        let table = matrix.table();
        let facts = table.codes().iter().zip(table.supports());
        let facts = facts.map(|(code, support)| Facts { support: *support, code: *code });
        let facts = facts.collect::<Vec<_>>();
        let is_wanted = facts.iter().map(|facts| is_wanted[facts.code as usize]).collect();
        let positions = ItemTable::positions(table.codes());
        let mut later = vec![0; facts.len() + 1];
        for (position, facts) in facts.iter().enumerate().rev() {
            later[position] = later[position + 1] + u64::from(facts.support);
        }
        Self { matrix, facts, is_wanted, positions, later }
    }

    /// Counts the items.
    pub(super) fn items(&self) -> usize {
        self.facts.len()
    }

    /// Returns the position of a code.
    pub(super) fn position(&self, code: u32) -> u32 {
        self.positions[code as usize]
    }

    /// Returns the code at a position.
    pub(super) fn code(&self, position: u32) -> u32 {
        self.facts[position as usize].code
    }

    /// Returns the position from which on the item at `position` has about `wanted` neighbours; 0 where
    /// it has few in all.
    fn rare(&self, position: usize, wanted: u64) -> u32 {
        const FEW: u64 = 8;
        let additions = self.matrix.additions().all[position];
        if additions <= wanted.saturating_mul(FEW) {
            return 0;
        }
        let share = wanted as f64 / additions as f64 * self.later[0] as f64;
        let rare = self.later.partition_point(|later| *later as f64 >= share);
        // As popular as the first of them are all of them.
        let Some(first) = rare.checked_sub(1) else { return 0 };
        let support = self.facts[first].support;
        self.facts.partition_point(|facts| facts.support > support) as u32
    }

    /// Finds the neighbours of every wanted item for every setting.
    pub(super) fn neighbours(&self, settings: &[Setting], executor: &impl Executor) -> Vec<Lists> {
        /// Rare neighbours that are listed for each that is kept.
        const RARE: u64 = 3;
        let items = self.items();
        let most = settings.iter().map(|setting| u64::from(setting.top)).max().unwrap_or(1);
        let tasks = executor.map_with(
            items.div_ceil(Piece::ITEMS),
            || (Buckets::new(items), vec![Scores::new(); settings.len()]),
            |(buckets, scores), task| {
                let positions = task * Piece::ITEMS..((task + 1) * Piece::ITEMS).min(items);
                let mut pieces = settings.iter().map(|_| Piece::default()).collect::<Vec<_>>();
                for position in positions {
                    let is_wanted = self.is_wanted[position];
                    if is_wanted {
                        buckets.count(self, position, RARE.saturating_mul(most));
                    }
                    for ((piece, setting), scores) in
                        pieces.iter_mut().zip(settings).zip(scores.iter_mut())
                    {
                        if is_wanted {
                            buckets.best(self, position, (setting, scores), piece);
                        }
                        piece.end();
                    }
                }
                pieces
            },
        );
        let mut found = settings.iter().map(|_| Lists::default()).collect::<Vec<_>>();
        for pieces in tasks {
            found.iter_mut().zip(pieces).for_each(|(lists, piece)| lists.push(piece));
        }
        found
    }
}

/// One worker's row: the neighbours of one item, sorted by overlap.
struct Buckets {
    counts: RowCounts,
    /// Where the bucket of each overlap begins; the last entry is where all end.
    starts: Vec<u32>,
    /// The overlaps that occur, ascending.
    overlaps: Vec<u32>,
    /// The neighbours' positions by overlap, then the rarest first.
    others: Vec<u32>,
    rest: Rest,
    /// Room for [`Best`].
    places: Vec<u64>,
}

/// The neighbours that share one user and are not rare: most of all there are, of use to hardly any job.
#[derive(Default)]
struct Rest {
    /// They lie before this position.
    end: u32,
    /// The first of them, the most popular, once it was looked for.
    first: Option<u32>,
    /// Their positions, the rarest first, once they are listed.
    positions: Vec<u32>,
    is_listed: bool,
}

impl Rest {
    /// Begins with a row whose neighbours before `end` were not listed.
    fn begin(&mut self, end: u32) {
        self.end = end;
        self.first = None;
        self.positions.clear();
        self.is_listed = false;
    }

    /// Returns a position at or past the rarest of them, and one at or before the most popular: that of
    /// the first, or the end where there are none.
    fn ends(&mut self, counts: &RowCounts) -> [u32; 2] {
        let end = self.end;
        let find = || (0..end).find(|other| counts.of(*other) == 1).unwrap_or(end);
        [end - 1, *self.first.get_or_insert_with(find)]
    }

    /// Lists them. Cost: O(items).
    fn list(&mut self, counts: &RowCounts, own: u32) -> &[u32] {
        if !self.is_listed {
            counts.list_ones(self.end, &mut self.positions);
            self.positions.retain(|other| *other != own);
            self.positions.reverse();
            self.is_listed = true;
        }
        &self.positions
    }
}

impl Buckets {
    fn new(items: usize) -> Self {
        Self {
            counts: RowCounts::new(items),
            starts: Vec::new(),
            overlaps: Vec::new(),
            others: Vec::new(),
            rest: Rest::default(),
            places: Vec::new(),
        }
    }

    /// Counts the users that the item shares with every other, and sorts those into buckets; about
    /// `wanted` of those that share one.
    fn count(&mut self, all: &Counted, position: usize, wanted: u64) {
        let Self { counts, starts, overlaps, others, rest, .. } = self;
        rest.begin(all.rare(position, wanted));
        let most = all.facts[position].support as usize;
        let position = position as u32;
        counts.count(&all.matrix, position, rest.end);
        starts.clear();
        starts.resize(most + 2, 0);
        let met = || counts.met().iter().copied().filter(|other| *other != position);
        for other in met() {
            starts[counts.of(other) as usize + 1] += 1;
        }
        overlaps.clear();
        for count in 1..starts.len() {
            if starts[count] > 0 {
                overlaps.push(count as u32 - 1);
            }
            starts[count] += starts[count - 1];
        }
        others.clear();
        others.resize(starts[most + 1] as usize, 0);
        // Positions ascend from the most popular item, and buckets begin with the rarest. What is
        // the begin of a bucket now is its end after this.
        for other in met().rev() {
            let place = &mut starts[counts.of(other) as usize];
            others[*place as usize] = other;
            *place += 1;
        }
        starts.rotate_right(1);
        starts[0] = 0;
    }

    /// Finds the best neighbours for a setting, in no order.
    fn best(
        &mut self,
        all: &Counted,
        position: usize,
        (setting, scores): (&Setting, &mut Scores),
        piece: &mut Piece,
    ) {
        let Self { counts, starts, overlaps, others, rest, places } = self;
        let facts = &all.facts;
        let (own, users) = (facts[position].support, all.matrix.table().population() as u32);
        let mut scoring = Scoring { setting, scores, overlap: 1, own, users };
        let mut best = Best::new(setting, places);
        let bucket = |overlap: u32| {
            let at = overlap as usize;
            &others[starts[at] as usize..starts[at + 1] as usize]
        };
        let overlaps = &overlaps[overlaps.partition_point(|one| *one < setting.min_overlap)..];
        // Bars rise fast where the best come first.
        let ends = [overlaps.first(), overlaps.last()].map(|end| {
            let rarest = bucket(*end?).first()?;
            Some(scoring.of(*end?).score(facts[*rarest as usize].support))
        });
        let ascends = ends[0] > ends[1];
        for index in 0..overlaps.len() {
            let overlap = overlaps[if ascends { index } else { overlaps.len() - 1 - index }];
            best.walk_all(bucket(overlap), facts, scoring.of(overlap));
        }
        if rest.end > 0 && setting.min_overlap <= 1 {
            let scoring = scoring.of(1);
            let [rarest, first] = rest.ends(counts);
            // Scores fall, or fall and rise: none is better than both ends.
            let ends = [rarest, first].map(|end| facts[end as usize].support);
            let mut ends = ends.into_iter();
            if first < rest.end && ends.any(|support| best.may_take(support, scoring).is_some()) {
                best.walk_all(rest.list(counts, position as u32), facts, scoring);
            }
        }
        best.take_out(&all.positions, piece);
    }
}

/// Scores that were computed last: one item after the other has as many users as the one before.
#[derive(Clone)]
struct Scores {
    kept: Vec<Kept>,
}

/// A score, and what it depends on.
#[derive(Clone, Copy, Default)]
struct Kept {
    own: u32,
    overlap: u32,
    support: u32,
    score: f32,
}

impl Scores {
    /// Places are numbers of so many bits: as much as stays in the nearest cache.
    const BITS: u32 = 9;

    fn new() -> Self {
        Self { kept: vec![Kept::default(); 1 << Self::BITS] }
    }

    /// Returns where the score of such a pair is kept.
    #[inline]
    fn place(&mut self, overlap: u32, support: u32) -> &mut Kept {
        let hash = overlap.wrapping_mul(0x9e37_79b1) ^ support.wrapping_mul(0x85eb_ca6b);
        &mut self.kept[(hash >> (u32::BITS - Self::BITS)) as usize]
    }
}

/// Scores the pairs of an item with those that share so many users with it.
struct Scoring<'a> {
    setting: &'a Setting,
    scores: &'a mut Scores,
    overlap: u32,
    own: u32,
    users: u32,
}

impl Scoring<'_> {
    /// Goes on with pairs that share so many users.
    fn of(&mut self, overlap: u32) -> &mut Self {
        self.overlap = overlap;
        self
    }

    /// Scores the pair with an item of so many users; NaN where it is none.
    #[inline]
    fn score(&mut self, support: u32) -> f32 {
        let Self { overlap, own, .. } = *self;
        let kept = self.scores.place(overlap, support);
        if (kept.own, kept.overlap, kept.support) == (own, overlap, support) {
            return kept.score;
        }
        let score = self.compute(support);
        *self.scores.place(overlap, support) = Kept { own, overlap, support, score };
        score
    }

    #[inline(never)]
    fn compute(&self, support: u32) -> f32 {
        let Setting { measure, shrinkage, .. } = self.setting;
        let pair = Pair::of_ones(self.overlap, (self.own, support), self.users);
        let Some(score) = measure.score(&pair) else { return f32::NAN };
        if *shrinkage == 0.0 {
            return to_score(score);
        }
        to_score(score * measure.damping(self.overlap, *shrinkage))
    }

    /// Compares how often the pair with an item of so many users occurs with how often it does by
    /// chance.
    fn chance(&self, support: u32) -> Ordering {
        let expected = u64::from(self.own) * u64::from(support);
        (u64::from(self.overlap) * u64::from(self.users)).cmp(&expected)
    }
}

/// The best neighbours of one item so far.
struct Best<'a> {
    setting: &'a Setting,
    /// Their places in the total order.
    places: &'a mut Vec<u64>,
    /// What comes before this is among the k best.
    bar: u64,
    /// The score of that, or the threshold.
    least: f32,
}

impl<'a> Best<'a> {
    fn new(setting: &'a Setting, places: &'a mut Vec<u64>) -> Self {
        places.clear();
        let least = setting.threshold.unwrap_or(f32::MIN);
        Self { setting, places, bar: u64::MAX, least }
    }

    /// Takes what is good enough of neighbours that share as many users, the rarest first.
    fn walk_all(&mut self, others: &[u32], facts: &[Facts], scoring: &mut Scoring<'_>) {
        if self.setting.measure.never_rises_with_support() {
            self.walk(others.iter(), facts, scoring);
            return;
        }
        let support = |other: &u32| facts[*other as usize].support;
        let chance = others.partition_point(|other| scoring.chance(support(other)).is_ge());
        let (falling, rising) = others.split_at(chance);
        self.walk(falling.iter(), facts, scoring);
        self.walk(rising.iter().rev(), facts, scoring);
    }

    /// Scores the pair with an item of so many users; `None` if neither it nor any whose scores do not
    /// rise after it can be good enough.
    #[inline]
    fn may_take(&mut self, support: u32, scoring: &mut Scoring<'_>) -> Option<f32> {
        self.settle();
        let score = scoring.score(support);
        let may_take = if score.is_nan() {
            scoring.chance(support).is_gt()
        } else {
            score >= self.least || score >= self.setting.below(self.least)
        };
        may_take.then_some(score)
    }

    /// Finds the bar once there are enough for one.
    fn settle(&mut self) {
        if self.bar == u64::MAX && self.places.len() >= self.setting.top as usize {
            self.cut();
        }
    }

    /// Takes what is good enough of neighbours whose scores do not rise.
    fn walk<'b>(
        &mut self,
        others: impl Iterator<Item = &'b u32>,
        facts: &[Facts],
        scoring: &mut Scoring<'_>,
    ) {
        let k = self.setting.top as usize;
        let most = k.saturating_mul(2).saturating_add(16);
        let (mut last, mut score) = (0, f32::NAN);
        for other in others {
            let Facts { support, code, .. } = facts[*other as usize];
            if support != last {
                let Some(found) = self.may_take(support, scoring) else { return };
                (last, score) = (support, found);
            }
            // No number is as good as any.
            let place = place_of(score, code);
            if place < self.bar && score >= self.least {
                self.places.push(place);
                if self.places.len() >= most {
                    self.cut();
                }
            }
        }
    }

    /// Leaves the k best, where there are as many.
    fn cut(&mut self) {
        let k = self.setting.top as usize;
        if self.places.len() < k {
            return;
        }
        // Those of one bucket mostly come in their order.
        self.bar = if self.places.is_sorted() {
            self.places[k - 1]
        } else {
            *self.places.select_nth_unstable(k - 1).1
        };
        self.least = score_at(self.bar).0.max(self.least);
        self.places.truncate(k);
    }

    fn take_out(mut self, positions: &[u32], piece: &mut Piece) {
        self.cut();
        piece.extend(self.places.iter().map(|place| {
            let (score, code) = score_at(*place);
            // Sums begin with -0, and 0 is not -0.
            Entry { position: positions[code as usize], score: score + 0.0 }
        }));
    }
}

#[cfg(test)]
mod tests {
    use proptest::{
        prelude::{ProptestConfig, any},
        prop_assert_eq, proptest,
        sample::select,
    };

    use super::*;
    use crate::{
        executor::Sequential,
        job::{Given, SimilarityJob},
        kernel::similar_items,
        measure::MeasureName,
        testing::generate::Crowd,
    };

    /// Interactions of few users or many, with items that tie and items that nearly everyone has.
    fn crowd(users: u32, items: u32, seed: u64) -> Interactions {
        let crowd = Crowd { users, items, drawn: u64::from(users) * 12, zipf: 1.0, sigma: 1.0 };
        let (mut ends, mut codes) = (Vec::new(), Vec::new());
        let pairs = crowd.pairs(seed);
        let mut known = pairs.iter().map(|(_, item)| *item).collect::<Vec<_>>();
        known.sort_unstable();
        known.dedup();
        for user in pairs.chunk_by(|one, next| one.0 == next.0) {
            let code = |(_, item): &(u32, u32)| known.partition_point(|one| one < item) as u32;
            codes.extend(user.iter().map(code));
            ends.push(codes.len());
        }
        Interactions::new(ends, codes, known.len(), None, None).expect("users have items")
    }

    /// Every measure on weights of 1, by its name and other parameters.
    fn jobs(base: &SimilarityJob) -> Vec<Job> {
        let named =
            |measure: &MeasureName| SimilarityJob { measure: Some(*measure), ..base.clone() };
        let mut wishes = MeasureName::ALL.iter().map(named).collect::<Vec<_>>();
        for (alpha, beta) in [(1.0, 1.0), (1.0, 0.0), (0.2, 0.9)] {
            wishes.push(SimilarityJob {
                alpha: Some(alpha),
                beta: Some(beta),
                ..named(&MeasureName::Tversky)
            });
        }
        for (measure, alpha) in [
            (MeasureName::AsymmetricCosine, 1.0),
            (MeasureName::AsymmetricCosine, 0.2),
            (MeasureName::Conditional, 1e-7),
            (MeasureName::Conditional, 0.5),
        ] {
            wishes.push(SimilarityJob { alpha: Some(alpha), ..named(&measure) });
        }
        wishes.push(SimilarityJob { kappa: Some(1e9), ..named(&MeasureName::Lift) });
        wishes.iter().filter_map(|wish| wish.resolve(Given::default()).ok()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(crate::testing::cases(60)))]

        #[test]
        fn every_setting_has_the_neighbours_that_it_has_alone(
            (users, items, seed) in (3..400_u32, 3..300_u32, any::<u64>()),
            (top, shrinkage) in (select(vec![1_u32, 3, 10, 50]), select(vec![0.0, 0.5, 10.0])),
            min_overlap in 1..4_u32,
            threshold in select(vec![None, Some(-5.0), Some(0.0), Some(0.2), Some(2.0)]),
        ) {
            let interactions = crowd(users, items, seed);
            let base = SimilarityJob {
                top: Some(top),
                shrinkage: Some(shrinkage),
                min_overlap: Some(min_overlap),
                threshold,
                ..SimilarityJob::default()
            };
            let jobs = jobs(&base);
            let settings = jobs.iter().map(Setting::of).collect::<Vec<_>>();
            let wanted = (0..interactions.items()).map(|item| item % 7 != 3).collect::<Vec<_>>();
            let counted = Counted::of(&interactions, &wanted, &Sequential);
            let lists = counted.neighbours(&settings, &Sequential);
            for (lists, job) in lists.iter().zip(&jobs) {
                let alone = similar_items(&interactions, job);
                for (item, is_wanted) in (0..).zip(&wanted) {
                    let found = lists.of(counted.position(item)).iter();
                    let mut found = found.map(|one| place_of(one.score, counted.code(one.position))).collect::<Vec<_>>();
                    found.sort_unstable();
                    let alone = alone.of(item).iter().filter(|_| *is_wanted);
                    let alone = alone.map(|one| place_of(one.score, one.code)).collect::<Vec<_>>();
                    prop_assert_eq!(found, alone, "{:?}, item {}", job, item);
                }
            }
        }
    }
}
