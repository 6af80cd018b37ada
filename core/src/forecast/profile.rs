//! What a data set looks like before anything is computed: degrees, skew, and the exact work.

use crate::prepare::{Interactions, pairs_among};

/// Degrees, skew and work of a set of interactions.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Users with at least one interaction.
    pub users: u64,
    /// Items with at least one interaction.
    pub items: u64,
    /// Interactions.
    pub interactions: u64,
    /// P, the pair operations of comparing everything with everything: every pair of items that a
    /// user has, once.
    pub pair_operations: u128,
    /// Items per user.
    pub user_degrees: Degrees,
    /// Users per item.
    pub item_degrees: Degrees,
    /// The users with most items, heaviest first: (code, items).
    pub top_users: Vec<(u32, u64)>,
    /// The items with most users, most popular first: (code, users).
    pub top_items: Vec<(u32, u64)>,
    /// Share of the pair operations that the heaviest 0.1 %, 1 % and 10 % of users cause.
    pub work_of_heaviest: [(f64, f64); 3],
}

/// A distribution of degrees.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Degrees {
    /// The middle one.
    pub median: u64,
    /// The mean.
    pub mean: f64,
    /// Nine in ten are not above it.
    pub p90: u64,
    /// 99 in 100 are not above it.
    pub p99: u64,
    /// The largest.
    pub most: u64,
    /// Bin b counts degrees from 2^b to 2^(b + 1) − 1.
    pub histogram: Vec<u64>,
}

impl Degrees {
    fn of(ascending: &[u64]) -> Self {
        let Some(most) = ascending.last().copied() else { return Self::default() };
        let quantile = |share: f64| {
            let rank = (share * ascending.len() as f64).ceil() as usize;
            ascending[rank.clamp(1, ascending.len()) - 1]
        };
        let mut histogram = vec![0; most.ilog2() as usize + 1];
        for degree in ascending {
            histogram[degree.ilog2() as usize] += 1;
        }
        let total = ascending.iter().sum::<u64>();
        Self {
            median: quantile(0.5),
            mean: total as f64 / ascending.len() as f64,
            p90: quantile(0.9),
            p99: quantile(0.99),
            most,
            histogram,
        }
    }
}

impl Profile {
    /// Profiles interactions; `top`: how many of the heaviest users and items to name.
    /// Cost: O(interactions + users · log users).
    pub fn of(interactions: &Interactions, top: usize) -> Self {
        let users = interactions.degrees().map(|degree| degree as u64).collect::<Vec<_>>();
        let items = interactions.supports().into_iter().map(u64::from).collect::<Vec<_>>();
        let (ascending_users, ascending_items) = (sorted(&users), sorted(&items));
        let pair_operations = operations(&ascending_users);
        let work_of_heaviest = [0.001, 0.01, 0.1].map(|share| {
            let count = (share * users.len() as f64).ceil() as usize;
            let heaviest = operations(&ascending_users[users.len() - count.min(users.len())..]);
            (share, heaviest as f64 / pair_operations.max(1) as f64)
        });
        Self {
            users: users.len() as u64,
            items: items.len() as u64,
            interactions: interactions.len() as u64,
            pair_operations,
            user_degrees: Degrees::of(&ascending_users),
            item_degrees: Degrees::of(&ascending_items),
            top_users: heaviest(&users, top),
            top_items: heaviest(&items, top),
            work_of_heaviest,
        }
    }

    /// Finds the largest cap on items per user that keeps the pair operations within `budget`,
    /// 1 at the least. `degrees`: the items of every user.
    pub fn cap_for(degrees: impl Iterator<Item = usize>, budget: u128) -> u32 {
        let degrees = sorted(&degrees.map(|degree| degree as u64).collect::<Vec<_>>());
        let capped = |cap: u64| operations(degrees.iter().map(|degree| degree.min(&cap)));
        let (mut low, mut high) = (1, degrees.last().copied().unwrap_or(1));
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            if capped(middle) <= budget { low = middle } else { high = middle - 1 }
        }
        u32::try_from(low).unwrap_or(u32::MAX)
    }
}

fn sorted(degrees: &[u64]) -> Vec<u64> {
    let mut sorted = degrees.to_vec();
    sorted.sort_unstable();
    sorted
}

fn operations<'a>(degrees: impl IntoIterator<Item = &'a u64>) -> u128 {
    degrees.into_iter().map(|degree| pairs_among(*degree as usize)).sum()
}

/// Names the `top` largest, largest first, of equal ones the smallest code first.
fn heaviest(degrees: &[u64], top: usize) -> Vec<(u32, u64)> {
    let mut codes = (0..degrees.len() as u32).collect::<Vec<_>>();
    let order = |code: &u32| (std::cmp::Reverse(degrees[*code as usize]), *code);
    if top < codes.len() {
        codes.select_nth_unstable_by_key(top, order);
        codes.truncate(top);
    }
    codes.sort_unstable_by_key(order);
    codes.into_iter().map(|code| (code, degrees[code as usize])).collect()
}

/// Items of one user past which a job is refused unless forced: 1.25e11 pair operations for that
/// user alone, minutes of a core.
pub const HEAVIEST_USER: u64 = 500_000;

/// A user whose items alone would cost more than anybody means to pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeavyUser {
    /// Code of the heaviest user.
    pub user: u32,
    /// Its items.
    pub items: u64,
    /// Pair operations of this user.
    pub operations: u128,
    /// Pair operations of all users.
    pub all_operations: u128,
    /// The cap on items per user that would help.
    pub cap: u32,
    /// Pair operations of all users under that cap, at most.
    pub capped_operations: u128,
}

/// Finds the heaviest user if it has more than [`HEAVIEST_USER`] items, with the largest cap that
/// leaves the heavy no more work than everybody else, or 5e9 pair operations. Cost: O(users).
pub fn find_heavy_user(degrees: impl Iterator<Item = usize> + Clone) -> Option<HeavyUser> {
    let (user, items) = (0..).zip(degrees.clone()).max_by_key(|(user, items)| (*items, !*user))?;
    if items as u64 <= HEAVIEST_USER {
        return None;
    }
    let is_light = |items: &usize| *items as u64 <= HEAVIEST_USER;
    let light = degrees.clone().filter(is_light).map(pairs_among).sum::<u128>();
    let cap = Profile::cap_for(degrees.clone(), (2 * light).max(5_000_000_000));
    Some(HeavyUser {
        user,
        items: items as u64,
        operations: pairs_among(items),
        all_operations: degrees.clone().map(pairs_among).sum(),
        cap,
        capped_operations: degrees.map(|items| pairs_among(items.min(cap as usize))).sum(),
    })
}
