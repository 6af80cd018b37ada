//! Evaluates many jobs on one trial: pairs are counted once and scored for all jobs.
//!
//! If all weights are 1, a score depends only on the overlap c, the supports a and b, and the number of
//! users. For a given item and c, no score rises with b
//! ([`Measure::never_rises_with_support`](crate::measure::Measure::never_rises_with_support)). So the
//! neighbours are sorted into a bucket for each c, the rarest first, and each job leaves a bucket at the
//! first score that is too low. A job scores hardly more pairs than it keeps. Only measures for which that
//! does not hold, `mahout-llr` alone, score every pair.

use super::evaluate::{Quality, Sums, Trial, evaluate, evaluate_on, judge};
use crate::{
    executor::Executor,
    job::Job,
    kernel::{RowCounts, rank, to_score},
    matrix::{ItemTable, Matrix},
    measure::Pair,
    result::{Neighbour, Neighbours},
    weighting::Weighting,
};

/// Bytes of neighbours held at the same time, unless one job needs more.
const ROOM: usize = 1 << 29;

/// Evaluates the recommendations of every job, `at` items per user, with the same bits as
/// [`evaluate`] one job at a time. Calls `on_job` with the number of each finished job.
///
/// Cost: jobs whose weights are all 1 share one pass of counting; other jobs of one weighting share its
/// matrix. Memory: a matrix, and up to 512 MiB of neighbours.
///
/// # Panics
/// If `at` is 0.
pub fn evaluate_each(
    trial: &Trial,
    jobs: &[Job],
    at: usize,
    executor: &impl Executor,
    on_job: impl Fn(usize),
) -> Vec<Quality> {
    let mut found = jobs.iter().map(|_| None).collect::<Vec<Option<Quality>>>();
    let (shared, alone): (Vec<usize>, Vec<usize>) =
        (0..jobs.len()).partition(|number| jobs[*number].weighting == Weighting::Binary);
    let mut left = alone;
    let weights = |number: usize| (jobs[number].weighting, jobs[number].measure.norm());
    while let Some(first) = left.first().copied() {
        let same: Vec<usize>;
        (same, left) = left.into_iter().partition(|number| weights(*number) == weights(first));
        let matrix = Matrix::new(trial.train(), &jobs[first], executor);
        for number in same {
            found[number] = Some(evaluate_on(&matrix, trial, &jobs[number], at, executor));
            on_job(number);
        }
    }
    // One alone is faster by tiles.
    if let [number] = shared[..] {
        found[number] = Some(evaluate(trial, &jobs[number], at, executor));
        on_job(number);
    } else if !shared.is_empty() {
        let counted = Counted::new(trial, executor);
        let top = shared.iter().map(|number| jobs[*number].top as usize).max().unwrap_or(1);
        let items = counted.matrix.items();
        let of_job = size_of::<Neighbour>() * items.saturating_mul(top.min(items)).max(1);
        for batch in shared.chunks((ROOM / of_job).max(1)) {
            let wanted = batch.iter().map(|number| &jobs[*number]).collect::<Vec<_>>();
            let lists = counted.neighbours(&wanted, executor);
            for (number, list) in batch.iter().zip(lists) {
                let start = || Sums::new(trial.train().items());
                found[*number] = Some(judge(trial, at, executor, start, |sums, user, out| {
                    sums.recommend(&list, trial.train().of(user), at, out);
                }));
                on_job(*number);
            }
        }
    }
    found.into_iter().flatten().collect()
}

/// Interactions of weight 1, laid out for counting.
struct Counted {
    matrix: Matrix,
    /// By code, the position.
    positions: Vec<u32>,
    /// By code: items of users who are evaluated, whose neighbours are needed.
    wanted: Vec<bool>,
}

impl Counted {
    fn new(trial: &Trial, executor: &impl Executor) -> Self {
        let train = trial.train();
        let mut wanted = vec![false; train.items()];
        for number in 0..trial.counts().users as usize {
            for item in train.of(trial.user(number)) {
                wanted[*item as usize] = true;
            }
        }
        let matrix = Matrix::new(train, Weighting::Binary, executor);
        let positions = ItemTable::positions(matrix.table().codes());
        Self { matrix, positions, wanted }
    }

    /// Finds the neighbours of every wanted item for every job.
    fn neighbours(&self, jobs: &[&Job], executor: &impl Executor) -> Vec<Neighbours> {
        /// Items of a task: many, so that workers keep their counts; few, so that all have work.
        const ITEMS: usize = 32;
        let items = self.matrix.items();
        let tasks = executor.map_with(
            items.div_ceil(ITEMS),
            || Counting::new(items),
            |counting, task| {
                let codes = task * ITEMS..((task + 1) * ITEMS).min(items);
                let mut lists = jobs.iter().map(|_| Vec::new()).collect::<Vec<Vec<Vec<_>>>>();
                for code in codes {
                    let position = self.positions[code];
                    if self.wanted[code] {
                        counting.count(&self.matrix, position);
                    }
                    for (lists, job) in lists.iter_mut().zip(jobs) {
                        lists.push(counting.best(self, position, job));
                    }
                    counting.clear();
                }
                lists
            },
        );
        let mut found = jobs.iter().map(|_| Neighbours::new()).collect::<Vec<_>>();
        for lists in tasks {
            for (found, lists) in found.iter_mut().zip(lists) {
                for list in lists {
                    found.push(list);
                }
            }
        }
        found
    }

    fn pair(&self, position: u32, other: u32, overlap: u32) -> Pair {
        let table = self.matrix.table();
        let support = |position: u32| table.supports()[position as usize];
        Pair::of_ones(overlap, (support(position), support(other)), table.population() as u32)
    }
}

/// The neighbours of one item, sorted by overlap.
struct Counting {
    counts: RowCounts,
    /// Where the bucket of each overlap begins; the last entry is where all end.
    starts: Vec<u32>,
    /// The overlaps that occur, ascending.
    overlaps: Vec<u32>,
    /// The neighbours' positions by overlap, then the rarest first.
    buckets: Vec<u32>,
}

impl Counting {
    fn new(items: usize) -> Self {
        Self {
            counts: RowCounts::new(items),
            starts: Vec::new(),
            overlaps: Vec::new(),
            buckets: Vec::new(),
        }
    }

    /// Counts the users that the item shares with every other, and sorts those into buckets.
    fn count(&mut self, matrix: &Matrix, position: u32) {
        let Self { counts, starts, overlaps, buckets } = self;
        counts.count(matrix, position);
        let most = counts.of(position) as usize;
        starts.clear();
        starts.resize(most + 2, 0);
        let others = || counts.met().iter().copied().filter(|other| *other != position);
        for other in others() {
            starts[counts.of(other) as usize + 1] += 1;
        }
        overlaps.clear();
        for count in 1..starts.len() {
            if starts[count] > 0 {
                overlaps.push(count as u32 - 1);
            }
            starts[count] += starts[count - 1];
        }
        buckets.clear();
        buckets.resize(starts[most + 1] as usize, 0);
        let mut next = starts.clone();
        // Positions ascend from the most popular item, and buckets begin with the rarest.
        for other in others().rev() {
            let place = &mut next[counts.of(other) as usize];
            buckets[*place as usize] = other;
            *place += 1;
        }
    }

    /// Picks the best neighbours for a job.
    fn best(&self, all: &Counted, position: u32, job: &Job) -> Vec<Neighbour> {
        let (k, mut list) = (job.top as usize, Vec::new());
        let floor = job.threshold.unwrap_or(f32::MIN);
        let (mut bar, falls) = (floor, job.measure.never_rises_with_support());
        for overlap in self.overlaps.iter().rev().copied() {
            if overlap < job.min_overlap {
                break;
            }
            let damping = job.measure.damping(overlap, job.shrinkage);
            let at = overlap as usize;
            let bucket = self.starts[at] as usize..self.starts[at + 1] as usize;
            for other in &self.buckets[bucket] {
                let pair = all.pair(position, *other, overlap);
                let score = match job.measure.score(&pair) {
                    Some(score) => score,
                    None if falls => break,
                    None => continue,
                };
                let score = if job.shrinkage > 0.0 { score * damping } else { score };
                let score = to_score(score);
                if score < bar {
                    // Rounding may let a score rise by its last bits.
                    if falls && score < bar - (bar.abs() * 1e-5 + 1e-7) {
                        break;
                    }
                    continue;
                }
                let code = all.matrix.table().codes()[*other as usize];
                list.push(Neighbour { code, score, overlap });
                if list.len() >= 2 * k + 16 {
                    bar = cut(&mut list, k).max(floor);
                }
            }
            if bar == floor && list.len() >= k {
                bar = cut(&mut list, k).max(floor);
            }
        }
        cut(&mut list, k);
        list.sort_unstable_by(rank);
        list
    }

    /// Forgets the item.
    fn clear(&mut self) {
        self.overlaps.clear();
        self.buckets.clear();
    }
}

/// Cuts `list` down to its `k` best; returns the score of the last of them, if there are `k`.
fn cut(list: &mut Vec<Neighbour>, k: usize) -> f32 {
    if list.len() < k {
        return f32::MIN;
    }
    if list.len() > k {
        list.select_nth_unstable_by(k - 1, rank);
        list.truncate(k);
        return list[k - 1].score;
    }
    list.iter().map(|one| one.score).fold(f32::MAX, f32::min)
}
