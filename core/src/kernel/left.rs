//! Why a result has no neighbours, where settings of the user's may be the reason.

use std::{cmp::Reverse, fmt};

use crate::{
    data::Ids,
    executor::Executor,
    job::Job,
    matrix::Matrix,
    plan::{ItemFilter, Plan},
};

/// Items whose scores are looked at.
const POPULAR: usize = 100;

/// Settings that leave no neighbours, as every surface says it: `threshold 2 leaves no neighbours`.
///
/// That there are none without such settings is no error.
#[derive(Clone, Debug, PartialEq)]
pub struct NoneLeft {
    settings: Vec<String>,
    threshold: Option<f32>,
    best: Option<f32>,
}

impl NoneLeft {
    /// Names the threshold, if it was given rather than a preset's, and the `lists` of items; `None`
    /// where there is nothing to name. `prefix` stands before each name, such as `--`.
    pub fn of<'a>(
        job: &Job,
        lists: impl IntoIterator<Item = &'a str>,
        prefix: &str,
    ) -> Option<Self> {
        let threshold = job.threshold.filter(|_| job.has_own_threshold);
        let lists = lists.into_iter().map(|name| format!("{prefix}{name}"));
        let of_threshold = threshold.map(|least| format!("{prefix}threshold {least}"));
        let settings = lists.chain(of_threshold).collect::<Vec<_>>();
        (!settings.is_empty()).then_some(Self { settings, threshold, best: None })
    }

    /// Adds the highest score that there is without a threshold, if one was given: `find` looks for it.
    #[must_use]
    pub fn with_best(self, find: impl FnOnce() -> Option<f32>) -> Self {
        Self { best: self.threshold.and_then(|_| find()), ..self }
    }

    /// Returns true if a threshold was given.
    pub const fn has_threshold(&self) -> bool {
        self.threshold.is_some()
    }

    /// Says what to do about it.
    pub fn help(&self) -> String {
        match self.best {
            Some(best) => format!("the highest score of the most popular items is {best}"),
            None => format!("leave out {} to see what there is", self.settings.join(" and ")),
        }
    }
}

impl fmt::Display for NoneLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let leave = if self.settings.len() == 1 { "leaves" } else { "leave" };
        write!(f, "{} {leave} no neighbours", self.settings.join(" and "))
    }
}

/// IDs that a message shows.
const SHOWN: usize = 3;

/// Says that no ID of a list is in the data, and which ones are; `name`: the list's.
pub fn none_listed(name: &str, listed: &[String], ids: &Ids) -> String {
    let there = (0..ids.len().min(SHOWN) as u32).map(|code| format!("`{}`", ids.display(code)));
    let there = there.collect::<Vec<_>>().join(", ");
    let missing = if let [id] = listed {
        format!("its only ID, `{id}`, is not in the data")
    } else {
        let such = listed.first().map_or_else(String::new, |id| format!(", such as `{id}`"));
        format!("none of its {} IDs is in the data{such}", listed.len())
    };
    format!("{name}: {missing}; the data has IDs such as {there}")
}

/// Picks the codes of the most popular items that `filter` asks for, ascending; `supports`: the users
/// of each item, by code.
pub fn popular(supports: &[u32], filter: &ItemFilter) -> Vec<u32> {
    let wanted = (0..supports.len() as u32).filter(|code| filter.wants(*code));
    let mut codes = wanted.collect::<Vec<_>>();
    codes.sort_by_key(|code| Reverse(supports[*code as usize]));
    codes.truncate(POPULAR);
    codes.sort_unstable();
    codes
}

/// Returns a job without its threshold, that keeps the best of every item alone.
pub fn without_threshold(job: &Job) -> Job {
    Job { threshold: None, has_own_threshold: false, top: 1, ..job.clone() }
}

/// Finds the highest score that the most popular items have where there is no threshold. Cost: that of
/// a job for 100 items.
pub fn best_without_threshold(
    matrix: &Matrix,
    supports: &[u32],
    job: &Job,
    filter: &ItemFilter,
    executor: &impl Executor,
) -> Option<f32> {
    let codes = popular(supports, filter);
    let filter = filter.narrowed(supports.len(), |code| codes.binary_search(&code).is_ok());
    let plan = Plan::new(matrix, &filter);
    let job = without_threshold(job);
    let found = super::neighbours(matrix, &plan, &job, &filter, executor, |_| {});
    let scores = codes.iter().flat_map(|code| found.of(*code)).map(|neighbour| neighbour.score);
    scores.max_by(f32::total_cmp)
}
