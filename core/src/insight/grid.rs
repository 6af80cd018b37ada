//! Evaluates many jobs on one trial: pairs are counted once and scored for all jobs.

use super::{
    buckets::{Counted, Setting},
    evaluate::{Quality, Sums, Trial, evaluate, evaluate_on, judge},
    lists::{Entry, Lists},
};
use crate::{executor::Executor, job::Job, matrix::Matrix, weighting::Weighting};

/// Bytes of neighbours held at the same time, unless one job needs more.
const ROOM: usize = 1 << 29;

/// Evaluates the recommendations of every job, `at` items per user, with the same bits as
/// [`evaluate`] one job at a time. Calls `on_job` with the number of each finished job.
///
/// Cost: jobs whose weights are all 1 share one pass of counting, and those of them that score every pair
/// alike are evaluated once; other jobs of one weighting share its matrix. Memory: a matrix, and up to
/// 512 MiB of neighbours.
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
    let mut settings = Vec::new();
    for number in &shared {
        let setting = Setting::of(&jobs[*number]);
        if !settings.contains(&setting) {
            settings.push(setting);
        }
    }
    let mut found_each = |setting: &Setting, quality: Quality| {
        for number in &shared {
            if Setting::of(&jobs[*number]) == *setting {
                found[*number] = Some(quality.clone());
                on_job(*number);
            }
        }
    };
    // One alone is faster by tiles.
    if let ([setting], Some(number)) = (&settings[..], shared.first()) {
        found_each(setting, evaluate(trial, &jobs[*number], at, executor));
    } else {
        evaluate_settings(trial, &settings, at, executor, found_each);
    }
    found.into_iter().flatten().collect()
}

/// Evaluates settings of jobs whose weights are all 1, and hands each on with its quality.
fn evaluate_settings(
    trial: &Trial,
    settings: &[Setting],
    at: usize,
    executor: &impl Executor,
    mut each: impl FnMut(&Setting, Quality),
) {
    let Some(most) = settings.iter().map(|one| one.most_kept(trial.train().items())).max() else {
        return;
    };
    let counted = Counted::new(trial, executor);
    let of_setting = size_of::<Entry>() * counted.items().saturating_mul(most).max(1);
    for batch in settings.chunks((ROOM / of_setting).max(1)) {
        for (setting, lists) in batch.iter().zip(counted.neighbours(batch, executor)) {
            each(setting, judge_lists(trial, &counted, &lists, at, executor));
        }
    }
}

/// Lists by position: sums of popular items, which come most, lie side by side.
fn judge_lists(
    trial: &Trial,
    counted: &Counted,
    lists: &Lists,
    at: usize,
    executor: &impl Executor,
) -> Quality {
    let start = || (Sums::new(trial.train().items()), Vec::new());
    judge(trial, at, executor, start, |(sums, items), user, out| {
        items.clear();
        items.extend(trial.train().of(user).iter().map(|item| counted.position(*item)));
        sums.recommend(items, |item| lists.of(item), (at, |position| counted.code(position)), out);
    })
}
