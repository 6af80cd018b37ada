//! Interactions: one entry for each user and item, users by items.

use super::user_rows::UserRows;
use crate::{
    data::Ids,
    weighting::{WeightKind, Weighting},
};

/// Users x items in rows of users, items ascending within a user; every user and every item has
/// at least one interaction. Cost: 4 B per interaction, 8 B more with weights, 8 B with times.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interactions {
    pub(super) ends: Vec<usize>,
    pub(super) items: Vec<u32>,
    pub(super) item_count: usize,
    pub(super) weights: Option<Vec<f64>>,
    pub(super) times: Option<Vec<i64>>,
    /// Users who are not there any more.
    pub(super) emptied: usize,
    /// The first code of the items of a second behaviour, if there are two.
    pub(super) target: Option<u32>,
}

/// The interactions of some users, with codes of their own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    /// The interactions; users and items without any have lost their codes.
    pub interactions: Interactions,
    /// The code that each user has in the whole, ascending.
    pub users: Vec<u32>,
    /// The code that each item has in the whole, ascending.
    pub items: Vec<u32>,
}

/// Counts the pairs among so many items of one user, n (n − 1) / 2: what they add to the pair
/// operations.
pub fn pairs_among(items: usize) -> u128 {
    let items = items as u128;
    items * items.saturating_sub(1) / 2
}

/// Counts the pairs that one user adds to the pair operations: those among `input` items, or, where
/// there are two behaviours, those of an item of the input with one of the `target`.
pub fn pairs_between(input: usize, target: Option<usize>) -> u128 {
    target.map_or_else(|| pairs_among(input), |target| input as u128 * target as u128)
}

/// Interactions that were kept of others, with their own codes.
pub(crate) struct Remainder {
    /// The interactions.
    pub(crate) interactions: Interactions,
    /// The code each user had before.
    pub(crate) users: Vec<u32>,
    /// The code each item had before.
    pub(crate) items: Vec<u32>,
}

/// Parts that make no interactions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InteractionsError(&'static str);

impl Interactions {
    /// Puts interactions together that were taken apart: `ends` says where each user's items end,
    /// weights and times stand beside the items. Cost: O(interactions).
    ///
    /// # Errors
    /// [`InteractionsError`] unless every user has items, ascending and below `item_count`, every
    /// item has a user, and all columns are equally long.
    pub fn new(
        ends: Vec<usize>,
        items: Vec<u32>,
        item_count: usize,
        weights: Option<Vec<f64>>,
        times: Option<Vec<i64>>,
    ) -> Result<Self, InteractionsError> {
        let as_long = |length: Option<usize>| length.is_none_or(|length| length == items.len());
        if !as_long(weights.as_ref().map(Vec::len)) || !as_long(times.as_ref().map(Vec::len)) {
            return Err(InteractionsError("columns of different lengths"));
        }
        if ends.last().copied().unwrap_or(0) != items.len() {
            return Err(InteractionsError("users do not end where the items do"));
        }
        let mut start = 0;
        for end in &ends {
            if *end <= start || *end > items.len() {
                return Err(InteractionsError("a user without items"));
            }
            if !items[start..*end].is_sorted_by(|a, b| a < b) {
                return Err(InteractionsError("a user whose items do not ascend"));
            }
            start = *end;
        }
        let mut seen = vec![false; item_count];
        for item in &items {
            let seen = seen.get_mut(*item as usize);
            *seen.ok_or(InteractionsError("an item past the last"))? = true;
        }
        if seen.contains(&false) {
            return Err(InteractionsError("an item without users"));
        }
        Ok(Self { ends, items, item_count, weights, times, emptied: 0, target: None })
    }

    /// Says which items are those of a second behaviour: all from the code `target` on. Neighbours
    /// are then found for the items before it, among those from it on.
    #[must_use]
    pub fn with_target(self, target: Option<u32>) -> Self {
        Self { target, ..self }
    }

    /// Returns the first code of the items of a second behaviour, if there are two.
    pub fn target(&self) -> Option<u32> {
        self.target
    }

    /// Returns what weights the interactions have after weighting.
    pub fn weight_kind(&self, weighting: Weighting) -> WeightKind {
        WeightKind::of(weighting, self.weights.is_some()).with_target(self.target)
    }

    /// Returns the items of `user`, first those of the input, then those of a second behaviour.
    pub fn split(&self, user: u32) -> (&[u32], &[u32]) {
        let items = self.of(user);
        let first = |first| items.partition_point(|item| *item < first);
        items.split_at(self.target.map_or(items.len(), first))
    }

    /// Adds users whose only items had too little support: they count in N.
    #[must_use]
    pub fn with_emptied(self, emptied: usize) -> Self {
        Self { emptied, ..self }
    }

    /// Counts the users.
    pub fn users(&self) -> usize {
        self.ends.len()
    }

    /// Counts N: the users, and those who were left without items when rare items were dropped.
    pub fn population(&self) -> usize {
        self.ends.len() + self.emptied
    }

    /// Counts the items.
    pub fn items(&self) -> usize {
        self.item_count
    }

    /// Counts the interactions.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Returns whether there is no interaction.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Counts the bytes they take.
    pub(crate) fn bytes(&self) -> u64 {
        let weights = self.weights.as_ref().map_or(0, Vec::len) * size_of::<f64>();
        let times = self.times.as_ref().map_or(0, Vec::len) * size_of::<i64>();
        let ends = self.ends.len() * size_of::<usize>();
        (ends + self.items.len() * size_of::<u32>() + weights + times) as u64
    }

    /// Returns where `user`'s interactions lie.
    pub fn range(&self, user: u32) -> std::ops::Range<usize> {
        let user = user as usize;
        let start = if user == 0 { 0 } else { self.ends[user - 1] };
        start..self.ends[user]
    }

    /// Returns the items of `user`, ascending.
    pub fn of(&self, user: u32) -> &[u32] {
        &self.items[self.range(user)]
    }

    /// Counts the items of every user.
    pub fn degrees(&self) -> impl ExactSizeIterator<Item = usize> + Clone {
        (0..self.users() as u32).map(|user| self.range(user).len())
    }

    /// Counts the pair operations of comparing everything with everything: every pair of items that
    /// a user has, once; of two behaviours every item of the input with every one of the target. Cost:
    /// O(users).
    pub fn pair_operations(&self) -> u128 {
        if self.target.is_none() {
            return self.degrees().map(pairs_among).sum();
        }
        let of_user = |user| {
            let (input, target) = self.split(user);
            pairs_between(input.len(), Some(target.len()))
        };
        (0..self.users() as u32).map(of_user).sum()
    }

    /// Counts the users of every item.
    pub fn supports(&self) -> Vec<u32> {
        let mut supports = vec![0; self.item_count];
        for item in &self.items {
            supports[*item as usize] += 1;
        }
        supports
    }

    /// Makes interactions of rows of ascending items below `items`; users and items without any
    /// get no code.
    pub(crate) fn of_rows(rows: impl Iterator<Item = Vec<u32>>, items: usize) -> Self {
        let mut all = Self { item_count: items, ..Self::default() };
        for row in rows.filter(|row| !row.is_empty()) {
            all.items.extend(row);
            all.ends.push(all.items.len());
        }
        all.of_users(|_| true).interactions
    }

    /// Keeps the interactions of the users that `keep` accepts. Cost: O(interactions).
    pub fn of_users(&self, keep: impl Fn(u32) -> bool) -> Part {
        let users = (0..self.users() as u32).filter(|user| keep(*user)).collect::<Vec<_>>();
        let mut items = vec![u32::MAX; self.item_count];
        for item in users.iter().flat_map(|user| self.of(*user)) {
            items[*item as usize] = 0;
        }
        let kept_items = positions(&items, |mark| mark == 0);
        for (new, old) in (0..).zip(&kept_items) {
            items[*old as usize] = new;
        }
        let ranges = || users.iter().map(|user| self.range(*user));
        let ends = ranges().scan(0, |end, range| {
            *end += range.len();
            Some(*end)
        });
        let interactions = Self {
            ends: ends.collect(),
            items: ranges()
                .flat_map(|range| &self.items[range])
                .map(|item| items[*item as usize])
                .collect(),
            item_count: kept_items.len(),
            weights: self.weights.as_ref().map(|all| copied(all, ranges())),
            times: self.times.as_ref().map(|all| copied(all, ranges())),
            // Who is left without items is not among those who are kept.
            emptied: 0,
            target: self.target_among(&kept_items),
        };
        Part { interactions, users, items: kept_items }
    }

    /// Copies the rows of some users, whose ids are among `users`.
    pub fn rows(&self, range: std::ops::Range<u32>, users: &Ids) -> UserRows {
        let entries = match (range.is_empty(), range.end) {
            (true, _) | (_, 0) => 0..0,
            (false, end) => self.range(range.start).start..self.range(end - 1).end,
        };
        UserRows {
            users: users.slice(range.start as usize..range.end as usize),
            degrees: range.map(|user| self.of(user).len() as u32).collect(),
            items: self.items[entries.clone()].to_vec(),
            weights: self.weights.as_ref().map(|all| all[entries.clone()].to_vec()),
            times: self.times.as_ref().map(|all| all[entries].to_vec()),
        }
    }

    /// Returns all items, user by user.
    pub fn all_items(&self) -> &[u32] {
        &self.items
    }

    /// Returns the weights beside the items; `None` where every weight is 1.
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// Returns the times beside the items, where the job looks at them.
    pub fn times(&self) -> Option<&[i64]> {
        self.times.as_deref()
    }

    /// Leaves out the interactions at the positions `held_out`, ascending; users and items that
    /// have no others lose their codes. Cost: O(interactions).
    pub(crate) fn without(&self, held_out: &[usize]) -> Remainder {
        let mut kept = vec![true; self.len()];
        for at in held_out {
            kept[*at] = false;
        }
        let at = (0..self.len()).filter(|at| kept[*at]).collect::<Vec<_>>();
        let mut supports = vec![0_u32; self.item_count];
        for at in &at {
            supports[self.items[*at] as usize] += 1;
        }
        let items = positions(&supports, |support| support > 0);
        let mut codes = vec![u32::MAX; self.item_count];
        for (new, old) in items.iter().enumerate() {
            codes[*old as usize] = new as u32;
        }
        let (mut users, mut ends, mut end) = (Vec::new(), Vec::new(), 0);
        for user in 0..self.users() as u32 {
            let degree = self.range(user).filter(|at| kept[*at]).count();
            if degree > 0 {
                end += degree;
                users.push(user);
                ends.push(end);
            }
        }
        let interactions = Self {
            ends,
            items: at.iter().map(|at| codes[self.items[*at] as usize]).collect(),
            item_count: items.len(),
            weights: self.weights.as_ref().map(|all| at.iter().map(|at| all[*at]).collect()),
            times: self.times.as_ref().map(|all| at.iter().map(|at| all[*at]).collect()),
            emptied: self.emptied,
            target: self.target_among(&items),
        };
        Remainder { interactions, users, items }
    }

    /// Returns where a second behaviour begins among the items that `kept` names, ascending.
    fn target_among(&self, kept: &[u32]) -> Option<u32> {
        self.target.map(|first| kept.partition_point(|item| *item < first) as u32)
    }

    /// Swaps the roles of users and items.
    pub(super) fn transposed(&self) -> Self {
        let mut starts = vec![0; self.item_count + 1];
        for item in &self.items {
            starts[*item as usize + 1] += 1;
        }
        for item in 0..self.item_count {
            starts[item + 1] += starts[item];
        }
        let mut next = starts.clone();
        let mut sources = vec![0; self.len()];
        let mut items = vec![0; self.len()];
        for user in 0..self.users() as u32 {
            for source in self.range(user) {
                let slot = &mut next[self.items[source] as usize];
                items[*slot] = user;
                sources[*slot] = source;
                *slot += 1;
            }
        }
        Self {
            ends: starts.split_off(1),
            items,
            item_count: self.users(),
            weights: self.weights.as_ref().map(|all| sources.iter().map(|at| all[*at]).collect()),
            times: self.times.as_ref().map(|all| sources.iter().map(|at| all[*at]).collect()),
            // Items that were dropped are not counted.
            emptied: 0,
            target: None,
        }
    }
}

/// Lists the positions whose value `keep` accepts.
fn positions(values: &[u32], keep: impl Fn(u32) -> bool) -> Vec<u32> {
    let kept = values.iter().enumerate().filter(|(_, value)| keep(**value));
    kept.map(|(position, _)| position as u32).collect()
}

/// Copies what lies in `ranges`.
fn copied<T: Copy>(all: &[T], ranges: impl Iterator<Item = std::ops::Range<usize>>) -> Vec<T> {
    ranges.flat_map(|range| &all[range]).copied().collect()
}
