//! Why two items are alike: what the pair is made of, who contributes most, and what would
//! change its rank.

use crate::{
    executor::Executor,
    job::{Given, Job, SimilarityJob},
    kernel::{neighbours, rank, to_score},
    matrix::Matrix,
    measure::{Common, Measure, MeasureName, Norm, Pair},
    plan::{ItemFilter, Plan},
    prepare::Interactions,
    result::Neighbour,
};

/// What an explanation looks at: a job's interactions, matrix and lists.
#[derive(Clone, Copy, Debug)]
pub struct Explainer<'a> {
    /// What the matrix was made from.
    pub interactions: &'a Interactions,
    /// The matrix, weighted as the job asks.
    pub matrix: &'a Matrix,
    /// The job.
    pub job: &'a Job,
    /// Which items may be neighbours.
    pub filter: &'a ItemFilter,
}

/// Why an item has a neighbour, or why it has not.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Overlap, supports, dot product and norms; the overlap may be 0 here.
    pub pair: Pair,
    /// Weights differ: dot product and norms say more than overlap and supports.
    pub is_weighted: bool,
    /// The score under the job, shrinkage included; `None` where the measure sees no pair.
    pub score: Option<f32>,
    /// Where the neighbour stands among the item's.
    pub standing: Standing,
    /// How many neighbours the item has, however many the job keeps.
    pub qualified: u32,
    /// What every measure makes of the pair, in the order of the documentation.
    pub measures: Vec<MeasureValue>,
    /// The users of both that contribute most, most telling first.
    pub contributions: Vec<Contribution>,
    /// The neighbour just above, and what it would take to pass it.
    pub above: Option<Rival>,
    /// The neighbour just below; of one that is no neighbour, nothing.
    pub below: Option<Neighbour>,
    /// The last neighbour that the job keeps and what it would take to come before it, where this
    /// one is not kept.
    pub entry: Option<Rival>,
}

/// Where a neighbour stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its rank, from 1; the job keeps it if that is at most `top`.
    Rank(u32),
    /// The item itself.
    Itself,
    /// No user has both.
    NothingShared,
    /// The lists of the job leave the neighbour out.
    LeftOut,
    /// It is in another group, and only neighbours of the same group count.
    OtherGroup,
    /// Fewer users have both than `min_overlap` asks for.
    OverlapTooSmall,
    /// The measure does not count the pair, such as one no more frequent than by chance.
    NoPair,
    /// The score is below `threshold`.
    BelowThreshold,
}

/// What a measure makes of the pair, without shrinkage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeasureValue {
    /// The measure; its parameters are the job's if it is the job's, else the defaults.
    pub measure: Measure,
    /// The neighbour as seen from the item; `None` where the measure sees no pair.
    pub score: Option<f64>,
    /// The item as seen from the neighbour, where that may differ.
    pub reverse: Option<f64>,
}

/// What one user adds to the pair.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contribution {
    /// Code of the user.
    pub user: u32,
    /// Items of the user: who has few says more by having these two.
    pub items: u32,
    /// Weight of the item, after weighting.
    pub item_weight: f64,
    /// Weight of the neighbour, after weighting.
    pub neighbour_weight: f64,
    /// Share of the dot product, products below 0 turned around: 0 to 1.
    pub share: f64,
}

/// A neighbour ahead, and what it would take to pass it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rival {
    /// The neighbour ahead; `None` where the job would keep more than there are.
    pub neighbour: Option<Neighbour>,
    /// What the pair would need to pass it, all else as it is.
    pub needs: Need,
}

/// What a pair would need to come before another, its supports and norms as they are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Need {
    /// The smallest overlap that does.
    Overlap(u32),
    /// About the smallest dot product that does; the overlap stays.
    Dot(f64),
    /// No overlap, or no dot product, would do.
    Impossible,
    /// The score is made of several sums, of which no single one decides.
    Several,
}

impl Explainer<'_> {
    /// Explains why `item` has the neighbour `neighbour`, or why not, with at most `users` of
    /// the users of both.
    ///
    /// Cost: one row of the matrix against all others, O(users of both items), and up to one
    /// evaluation of the measure for every user of the rarer item.
    ///
    /// # Panics
    /// If a code is not one of the matrix.
    pub fn explain(
        &self,
        item: u32,
        neighbour: u32,
        users: usize,
        executor: &impl Executor,
    ) -> Explanation {
        let shared = Shared::of(self.matrix, item, neighbour);
        let ranking = self.ranking(item, executor);
        let scored = self.score(&shared.pair);
        let place = ranking.iter().position(|other| other.code == neighbour);
        let top = self.job.top as usize;
        let rival = |ahead: Option<Neighbour>| Rival {
            neighbour: ahead,
            needs: self.need(neighbour, &shared, ahead),
        };
        let above = place.and_then(|place| place.checked_sub(1));
        let is_kept = place.is_some_and(|place| place < top);
        let may_enter = item != neighbour && self.may_pair(item, neighbour) && !is_kept;
        Explanation {
            is_weighted: shared.is_weighted,
            score: scored,
            standing: place.map_or_else(
                || self.why_not(item, neighbour, &shared.pair),
                |place| Standing::Rank(place as u32 + 1),
            ),
            qualified: ranking.len() as u32,
            measures: self.measure_values(&shared.pair),
            contributions: self.contributions(&shared, users),
            above: above.map(|above| rival(Some(ranking[above]))),
            below: place.and_then(|place| ranking.get(place + 1).copied()),
            entry: may_enter.then(|| rival(ranking.get(top - 1).copied())),
            pair: shared.pair,
        }
    }

    /// Ranks all neighbours of `item`, however many the job and the limits of groups keep.
    fn ranking(&self, item: u32, executor: &impl Executor) -> Vec<Neighbour> {
        let items = self.matrix.items();
        let left_out = (0..items as u32).filter(|code| !self.may_pair(item, *code));
        let left_out = left_out.collect::<Vec<_>>();
        let filter = ItemFilter::new(items, None, Some(&left_out), Some(&[item]));
        let job = Job { top: items.max(1) as u32, ..self.job.clone() };
        let plan = Plan::new(self.matrix, &filter);
        neighbours(self.matrix, &plan, &job, &filter, executor, |_| {}).of(item).to_vec()
    }

    /// Returns whether the lists and groups let `other` be a neighbour of `item`.
    fn may_pair(&self, item: u32, other: u32) -> bool {
        self.filter.admits(other) && self.filter.pairs(item, other)
    }

    /// Scores a pair as the job does, thresholds aside.
    fn score(&self, pair: &Pair) -> Option<f32> {
        if pair.overlap == 0 {
            return None;
        }
        let score = self.job.measure.score(pair)?;
        let damped = match self.job.shrinkage {
            0.0 => score,
            shrinkage => score * self.job.measure.damping(pair.overlap, shrinkage),
        };
        Some(to_score(damped))
    }

    fn why_not(&self, item: u32, neighbour: u32, pair: &Pair) -> Standing {
        if item == neighbour {
            Standing::Itself
        } else if !self.filter.admits(neighbour) {
            Standing::LeftOut
        } else if !self.filter.pairs(item, neighbour) {
            Standing::OtherGroup
        } else if pair.overlap == 0 {
            Standing::NothingShared
        } else if pair.overlap < self.job.min_overlap {
            Standing::OverlapTooSmall
        } else if self.score(pair).is_none() {
            Standing::NoPair
        } else {
            Standing::BelowThreshold
        }
    }

    fn measure_values(&self, pair: &Pair) -> Vec<MeasureValue> {
        let back = pair.reversed();
        let score = |measure: &Measure, pair: &Pair| {
            if pair.overlap == 0 { None } else { measure.score(pair) }
        };
        let value = |name: &MeasureName| {
            let measure = self.measure(*name);
            let reverse = if measure.is_symmetric() { None } else { score(&measure, &back) };
            MeasureValue { measure, score: score(&measure, pair), reverse }
        };
        MeasureName::ALL.iter().map(value).collect()
    }

    /// Returns the measure of that name: the job's own, else with default parameters.
    fn measure(&self, name: MeasureName) -> Measure {
        if self.job.measure.name() == name {
            return self.job.measure;
        }
        let job = SimilarityJob { measure: Some(name), ..SimilarityJob::default() };
        let given = Given { weight: true, time: true };
        job.resolve(given).expect("defaults go together").measure
    }

    /// Names the users who contribute most: largest share first, of equal ones who has fewest
    /// items.
    fn contributions(&self, shared: &Shared, users: usize) -> Vec<Contribution> {
        let mut all = Vec::with_capacity(shared.users.len());
        let all_products = shared.users.iter().map(|(_, x, y)| (x * y).abs()).sum::<f64>();
        for (user, x, y) in &shared.users {
            all.push(Contribution {
                user: *user,
                items: self.interactions.range(*user).len() as u32,
                item_weight: *x,
                neighbour_weight: *y,
                share: if all_products > 0.0 { (x * y).abs() / all_products } else { 0.0 },
            });
        }
        let order = |a: &Contribution, b: &Contribution| {
            let larger = b.share.total_cmp(&a.share);
            larger.then(a.items.cmp(&b.items)).then(a.user.cmp(&b.user))
        };
        if users < all.len() {
            all.select_nth_unstable_by(users, order);
            all.truncate(users);
        }
        all.sort_unstable_by(order);
        all
    }

    /// Finds what the pair would need to be a neighbour that comes before `ahead`.
    fn need(&self, neighbour: u32, shared: &Shared, ahead: Option<Neighbour>) -> Need {
        let pair = &shared.pair;
        let passes = |pair: &Pair| {
            let Some(score) = self.score(pair) else { return false };
            let ours = Neighbour { code: neighbour, score, overlap: pair.overlap };
            pair.overlap >= self.job.min_overlap
                && self.job.threshold.is_none_or(|threshold| score >= threshold)
                && ahead.is_none_or(|ahead| rank(&ours, &ahead).is_lt())
        };
        let sums_up = self.job.measure.is_common() || self.job.measure == Measure::WeightedJaccard;
        if shared.is_weighted && sums_up {
            return Need::Several;
        }
        if shared.is_weighted {
            return need_of_dot(pair, passes);
        }
        // Not every measure rises with every step of the overlap, so each is tried.
        let most = pair.item_support.min(pair.neighbour_support);
        (pair.overlap + 1..=most)
            .find(|overlap| passes(&pair.with_overlap(*overlap)))
            .map_or(Need::Impossible, Need::Overlap)
    }
}

/// Finds the dot product at which a weighted pair passes, to seven digits: weighted measures
/// rise with it. It is at most the product of the norms.
fn need_of_dot(pair: &Pair, passes: impl Fn(&Pair) -> bool) -> Need {
    let passes = |dot: f64| passes(&Pair { dot, ..*pair });
    let most = pair.item_square.sqrt() * pair.neighbour_square.sqrt();
    if pair.overlap == 0 || !passes(most) {
        return Need::Impossible;
    }
    let (mut low, mut high) = (pair.dot, most);
    // Each step halves what is open; numbers too small for seven digits come to rest sooner.
    for _ in 0..64 {
        if high - low <= high * 1e-7 {
            break;
        }
        let middle = low + (high - low) / 2.0;
        if passes(middle) { high = middle } else { low = middle }
    }
    Need::Dot(high)
}

/// A pair with the users of both: (code, weight of the item, weight of the neighbour).
struct Shared {
    pair: Pair,
    is_weighted: bool,
    users: Vec<(u32, f64, f64)>,
}

impl Shared {
    fn of(matrix: &Matrix, item: u32, neighbour: u32) -> Self {
        let (table, rows) = (matrix.table(), matrix.rows().parts());
        let position = |code: u32| {
            let found = table.codes().iter().position(|other| *other == code);
            found.expect("the code is one of the matrix")
        };
        let (item, neighbour) = (position(item), position(neighbour));
        let range = |position: usize| rows.starts[position]..rows.starts[position + 1];
        // Where nothing is stored all weights are 1.
        let weight = |at: usize| rows.weights.as_deref().map_or(1.0, |weights| weights[at]);
        let (mut right, mut users, mut dot) = (range(neighbour), Vec::new(), 0.0);
        let (mut least, mut common) = (0.0, Common::default());
        for left in range(item) {
            let user = rows.indices[left];
            let before = rows.indices[right.clone()].partition_point(|other| *other < user);
            right.start += before;
            if right.start < right.end && rows.indices[right.start] == user {
                let (x, y) = (weight(left), weight(right.start));
                dot += x * y;
                least += x.min(y);
                common.add(x, y);
                users.push((user, x, y));
            }
        }
        let supports = table.supports();
        let norm = |position: usize, norm: Norm| match &rows.weights {
            Some(weights) => weights[range(position)].iter().map(|x| norm.of(*x)).sum(),
            None => range(position).len() as f64,
        };
        let pair = Pair {
            overlap: users.len() as u32,
            item_support: supports[item],
            neighbour_support: supports[neighbour],
            users: table.population() as u32,
            dot,
            item_square: norm(item, Norm::Squares),
            neighbour_square: norm(neighbour, Norm::Squares),
            item_sum: norm(item, Norm::Sum),
            neighbour_sum: norm(neighbour, Norm::Sum),
            least,
            common,
        };
        Self { pair, is_weighted: rows.weights.is_some(), users }
    }
}
