//! Many jobs judged on one trial: users are counted once, and scored for all of them.
//!
//! Where weights are all 1, every measure is a function of the overlap c, the supports a and b, and
//! the number of users. Of an item and one c, no score rises with b
//! ([`Measure::never_rises_with_support`](crate::measure::Measure::never_rises_with_support)). So the
//! items met are put into a bucket for each c, the rarest first, and a job leaves a bucket at the
//! first score that cannot be among its best: it scores hardly more pairs than it keeps.

use super::evaluate::{Quality, Sums, Trial, evaluate, evaluate_on, judge};
use crate::{
    executor::Executor,
    job::Job,
    kernel::{rank, to_score},
    matrix::{ItemTable, Matrix},
    measure::Pair,
    prepare::Interactions,
    result::{Neighbour, Neighbours},
    weighting::Weighting,
};

/// Bytes of neighbours that are held at a time, unless one job has more.
const ROOM: usize = 1 << 29;

/// Judges the neighbours of every job by what they recommend, `at` items to a user: as
/// [`evaluate`] does, one after the other, to the bit. `on_job` is told of each that is done, by its
/// number.
///
/// Cost: jobs whose weights are all 1 share one pass of counting, others of one weighting its matrix. Memory: 16 B per interaction, and up to 512 MiB of neighbours.
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
    let (shared, alone): (Vec<usize>, Vec<usize>) = (0..jobs.len()).partition(|number| {
        jobs[*number].weighting == Weighting::Binary
            && jobs[*number].measure.never_rises_with_support()
    });
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
        let counted = Counted::new(trial);
        let top = shared.iter().map(|number| jobs[*number].top as usize).max().unwrap_or(1);
        let items = counted.order.len();
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

/// Interactions by users and by items, for counting. Items have positions, the rarest first.
struct Counted {
    users: u32,
    /// By position, the code.
    order: Vec<u32>,
    /// By code, the position.
    positions: Vec<u32>,
    /// By position.
    supports: Vec<u32>,
    /// Positions of each user's items, ascending.
    of_users: Rows,
    /// Users of each item, by code, ascending.
    of_items: Interactions,
    /// Items whose neighbours anybody who is judged will ask for, by position.
    wanted: Vec<bool>,
}

/// Lists one after the other.
struct Rows {
    starts: Vec<usize>,
    entries: Vec<u32>,
}

impl Rows {
    fn of(&self, row: u32) -> &[u32] {
        &self.entries[self.starts[row as usize]..self.starts[row as usize + 1]]
    }
}

impl Counted {
    fn new(trial: &Trial) -> Self {
        let train = trial.train();
        let by_code = train.supports();
        let mut order = (0..train.items() as u32).collect::<Vec<_>>();
        order.sort_by_key(|code| by_code[*code as usize]);
        let positions = ItemTable::positions(&order);
        let supports = order.iter().map(|code| by_code[*code as usize]).collect::<Vec<_>>();
        let of_users = rows_of_users(train, &positions);
        let mut wanted = vec![false; order.len()];
        for number in 0..trial.counts().users as usize {
            for position in of_users.of(trial.user(number)) {
                wanted[*position as usize] = true;
            }
        }
        let users = train.population() as u32;
        let of_items = train.items_alone().transposed();
        Self { users, order, positions, supports, of_users, of_items, wanted }
    }

    /// Finds the neighbours of every wanted item for every job.
    fn neighbours(&self, jobs: &[&Job], executor: &impl Executor) -> Vec<Neighbours> {
        /// Items of a task: many, so that workers keep their counts; few, so that all have work.
        const ITEMS: usize = 32;
        let items = self.order.len();
        let tasks = executor.map_with(
            items.div_ceil(ITEMS),
            || Counting::new(items),
            |counting, task| {
                let codes = task * ITEMS..((task + 1) * ITEMS).min(items);
                let mut lists = jobs.iter().map(|_| Vec::new()).collect::<Vec<Vec<Vec<_>>>>();
                for code in codes {
                    let position = self.positions[code];
                    if self.wanted[position as usize] {
                        counting.count(self, position);
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
        let support = |position: u32| self.supports[position as usize];
        Pair::of_ones(overlap, (support(position), support(other)), self.users)
    }
}

fn rows_of_users(train: &Interactions, positions: &[u32]) -> Rows {
    let (mut starts, mut entries) = (vec![0], Vec::with_capacity(train.len()));
    for user in 0..train.users() as u32 {
        let start = entries.len();
        entries.extend(train.of(user).iter().map(|item| positions[*item as usize]));
        entries[start..].sort_unstable();
        starts.push(entries.len());
    }
    Rows { starts, entries }
}

/// What a worker counts of one item after the other.
struct Counting {
    /// By position, the users of both.
    counts: Vec<u32>,
    /// The positions met.
    met: Vec<u32>,
    /// Where the bucket of each count begins; the last is where all end.
    starts: Vec<u32>,
    /// The counts that occur, ascending.
    overlaps: Vec<u32>,
    /// The positions met, by count, and then the rarest first.
    buckets: Vec<u32>,
}

impl Counting {
    fn new(items: usize) -> Self {
        Self {
            counts: vec![0; items],
            met: Vec::new(),
            starts: Vec::new(),
            overlaps: Vec::new(),
            buckets: Vec::new(),
        }
    }

    /// Counts the users that the item shares with every other.
    fn count(&mut self, all: &Counted, position: u32) {
        let Self { counts, met, .. } = self;
        for user in all.of_items.of(all.order[position as usize]) {
            for other in all.of_users.of(*user) {
                let count = &mut counts[*other as usize];
                if *count == 0 {
                    met.push(*other);
                }
                *count += 1;
            }
        }
        // Many are found faster in their order than put into it.
        if met.len() > counts.len() / 16 {
            met.clear();
            met.extend((0..).zip(&*counts).filter(|(_, count)| **count > 0).map(|(at, _)| at));
        } else {
            met.sort_unstable();
        }
        self.sort(position);
    }

    /// Puts what was met into its buckets.
    fn sort(&mut self, position: u32) {
        let Self { counts, met, starts, overlaps, buckets } = self;
        let most = counts[position as usize] as usize;
        starts.clear();
        starts.resize(most + 2, 0);
        met.retain(|other| *other != position);
        for other in &*met {
            starts[counts[*other as usize] as usize + 1] += 1;
        }
        overlaps.clear();
        for count in 1..starts.len() {
            if starts[count] > 0 {
                overlaps.push(count as u32 - 1);
            }
            starts[count] += starts[count - 1];
        }
        buckets.clear();
        buckets.resize(met.len(), 0);
        let mut next = starts.clone();
        for other in &*met {
            let place = &mut next[counts[*other as usize] as usize];
            buckets[*place as usize] = *other;
            *place += 1;
        }
        counts[position as usize] = 0;
    }

    /// Picks the best neighbours for a job.
    fn best(&self, all: &Counted, position: u32, job: &Job) -> Vec<Neighbour> {
        let (k, mut list) = (job.top as usize, Vec::new());
        let floor = job.threshold.unwrap_or(f32::MIN);
        let mut bar = floor;
        for overlap in self.overlaps.iter().rev().copied() {
            if overlap < job.min_overlap {
                break;
            }
            let damping = f64::from(overlap) / (f64::from(overlap) + job.shrinkage);
            let at = overlap as usize;
            let bucket = self.starts[at] as usize..self.starts[at + 1] as usize;
            for other in &self.buckets[bucket] {
                let pair = all.pair(position, *other, overlap);
                let Some(score) = job.measure.score(&pair) else { break };
                let score = if job.shrinkage > 0.0 { score * damping } else { score };
                let score = to_score(score);
                if score < bar {
                    // Rounding may let a score rise by its last bits.
                    if score < bar - (bar.abs() * 1e-5 + 1e-7) {
                        break;
                    }
                    continue;
                }
                let code = all.order[*other as usize];
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
        for other in self.met.drain(..) {
            self.counts[other as usize] = 0;
        }
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
