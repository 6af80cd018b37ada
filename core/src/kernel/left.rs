//! Why a result has no neighbours, where settings of the user's may be the reason.

use std::{cmp::Reverse, fmt};

use crate::{
    data::{Ids, OtherSpelling, other_spelling},
    executor::Executor,
    job::Job,
    matrix::Matrix,
    plan::{ItemFilter, Plan},
    text::grouped,
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

/// Characters of an ID that a message shows.
const LENGTH: usize = 40;

/// A list of which no ID is in the data, as every surface says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoneListed {
    message: String,
    help: String,
}

impl NoneListed {
    /// Returns what is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Names IDs that are in the data, and how one of the list may be meant.
    pub fn help(&self) -> &str {
        &self.help
    }
}

impl fmt::Display for NoneListed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.message, self.help)
    }
}

/// Says that no ID of a list is in the data, and which ones are; `name`: the list's, `listed`: at
/// least one ID.
pub fn none_listed(name: &str, listed: &[impl AsRef<str>], ids: &Ids) -> NoneListed {
    let there = (0..ids.len().min(SHOWN) as u32).map(|code| shown(&ids.display(code)));
    let there = there.collect::<Vec<_>>().join(", ");
    let first = listed.first().map_or_else(String::new, |id| shown(id.as_ref()));
    let missing = match listed.len() {
        1 => format!("its only ID, {first}, is not in the data"),
        many => format!("none of its {} IDs is in the data, such as {first}", grouped(many as u64)),
    };
    let other = other_spelling(listed.iter().map(AsRef::as_ref), ids);
    let other = other.map_or_else(String::new, |other| format!("; {}", meant(&other)));
    NoneListed {
        message: format!("{name}: {missing}"),
        help: format!("the data has IDs such as {there}{other}"),
    }
}

/// Says which ID of the data may be meant by one that is not in it.
pub fn meant(other: &OtherSpelling) -> String {
    let (asked, there) = (shown(&other.asked), shown(&other.there));
    format!("{asked} may mean {there}: they differ in {}", other.differ.join(" and "))
}

fn shown(id: &str) -> String {
    let cut = id.char_indices().nth(LENGTH).map(|(place, _)| &id[..place]);
    cut.map_or_else(|| format!("`{id}`"), |start| format!("`{start}…`"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_other_ids_is_told_with_what_may_be_meant() {
        let ids = Ids::Integer(vec![123, 17_850]);
        let told = none_listed("only", &["00123"], &ids).to_string();
        let expected = "only: its only ID, `00123`, is not in the data; the data has IDs such as `123`, \
                        `17850`; `00123` may mean `123`: they differ in leading zeros";
        assert_eq!(told, expected);
        let many =
            (0..1_200).map(|number| format!("{}{number}", "x".repeat(50))).collect::<Vec<_>>();
        let told = none_listed("for", &many, &ids);
        let shown = format!("`{}…`", "x".repeat(40));
        let expected = format!("for: none of its 1,200 IDs is in the data, such as {shown}");
        assert_eq!(told.message(), expected);
        assert_eq!(told.help(), "the data has IDs such as `123`, `17850`");
    }
}
