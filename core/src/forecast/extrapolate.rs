//! The size of data of which only some parts were read.
//!
//! Parts are pieces of files: row groups, or stretches of text. Where rows are in the order of their
//! users, a part has all rows of its users; where they are in the order of time, it has some rows of
//! many. Pairs of rows tell which it is. Those of the same part are seen wherever their part is,
//! those of different parts only where both are (Horvitz and Thompson, 1952), so their sums,
//! each divided by its chance, are right on average in any order of rows. Numbers of users, items and
//! interactions are taken to go on growing as they did from one half of the parts to all that were
//! read (Heaps' law).

use super::size::Size;

/// What was counted in some parts of the data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// Parts.
    pub parts: u64,
    /// Their share of the data.
    pub share: f64,
    /// How large they are together.
    pub size: Size,
    /// The pair operations of every part by itself.
    pub within: u128,
}

/// How large the data is, by what was seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extrapolated {
    /// How large.
    pub size: Size,
    /// How far from the truth that may be: 0.2 says up to a fifth more, or less.
    pub uncertainty: f64,
}

/// No extrapolation is better than that.
const LEAST_UNCERTAINTY: f64 = 0.05;

/// Extrapolates from what was `seen` to all of the data, of so many `parts`. `half`: what was seen of it in
/// about half of the parts that were read.
pub fn extrapolate(half: &Seen, seen: &Seen, parts: u64) -> Extrapolated {
    let grown = |count: fn(&Size) -> u64| {
        let (before, now) = (count(&half.size).max(1) as f64, count(&seen.size) as f64);
        let slope = libm::log(now.max(1.0) / before) / libm::log(seen.share / half.share);
        let exponent = if slope.is_finite() { slope.clamp(0.0, 1.0) } else { 1.0 };
        (now * libm::pow(1.0 / seen.share, exponent)) as u64
    };
    let interactions = grown(|size| size.interactions);
    let size = Size {
        users: grown(|size| size.users).min(interactions),
        items: grown(|size| size.items).min(interactions),
        interactions,
        pair_operations: pairs(seen, 1.0, parts) as u128,
    };
    Extrapolated { size, uncertainty: uncertainty(half, seen) }
}

/// Estimates the pair operations of so many `parts`, which are `share` of all data.
fn pairs(seen: &Seen, share: f64, parts: u64) -> f64 {
    let times = share / seen.share;
    let across = seen.size.pair_operations.saturating_sub(seen.within) as f64;
    // Of n parts there are n(n − 1)/2 pairs.
    let apart = |parts: u64| 1.0 - 1.0 / parts.max(1) as f64;
    let spread = if seen.parts > 1 { apart(parts) / apart(seen.parts) } else { 0.0 };
    seen.within as f64 * times + across * times * times * spread
}

/// Estimates how far off an extrapolation is: by how far one from half of what was read would have
/// been off what was read, for every time that the data has to be doubled from there.
fn uncertainty(half: &Seen, seen: &Seen) -> f64 {
    let off = |expected: f64, found: f64| libm::fabs(libm::log(expected.max(1.0) / found.max(1.0)));
    let times = seen.share / half.share;
    let found = seen.size.pair_operations as f64;
    let of_pairs = off(pairs(half, seen.share, seen.parts), found);
    let interactions = half.size.interactions as f64 * times;
    let of_interactions = off(interactions, seen.size.interactions as f64);
    let doublings = (libm::log2(1.0 / seen.share) / libm::log2(times)).max(1.0);
    let off = of_pairs.max(of_interactions) * libm::sqrt(doublings);
    (libm::exp(off) - 1.0).max(LEAST_UNCERTAINTY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prepare::Interactions;

    const PARTS: usize = 64;

    /// Rows of a user and an item, in some order.
    type Rows = Vec<(u32, u32)>;

    fn interactions(rows: &[(u32, u32)]) -> Interactions {
        let mut of_users = std::collections::BTreeMap::<u32, Vec<u32>>::new();
        let mut codes = std::collections::BTreeMap::new();
        for (user, item) in rows {
            let next = codes.len() as u32;
            of_users.entry(*user).or_default().push(*codes.entry(*item).or_insert(next));
        }
        let rows = of_users.into_values().map(|mut items| {
            items.sort_unstable();
            items.dedup();
            items
        });
        Interactions::of_rows(rows, codes.len())
    }

    fn seen(rows: &Rows, parts: &[usize]) -> Seen {
        let length = rows.len() / PARTS;
        let of = |part: &usize| &rows[part * length..(part + 1) * length];
        let within = parts.iter().map(|part| interactions(of(part)).pair_operations()).sum();
        let all = parts.iter().flat_map(of).copied().collect::<Vec<_>>();
        let share = parts.len() as f64 / PARTS as f64;
        Seen { parts: parts.len() as u64, share, size: Size::of(&interactions(&all)), within }
    }

    /// Extrapolates from an eighth of the parts; also returns the truth.
    fn extrapolated(rows: &Rows) -> (Extrapolated, Size) {
        let drawn = [3, 50, 22, 61, 11, 35, 44, 16];
        let (half, all) = (seen(rows, &drawn[..4]), seen(rows, &drawn));
        (extrapolate(&half, &all, PARTS as u64), Size::of(&interactions(rows)))
    }

    /// By users: every one has 6 to 25 of the items.
    fn sorted() -> Rows {
        let users = 0..4_096_u32;
        users
            .flat_map(|user| {
                let count = 6 + user * 7 % 20;
                (0..count).map(move |at| (user, (user * 13 + at * at * 17) % 900))
            })
            .collect()
    }

    /// The same rows, in an order that has nothing to do with users.
    fn shuffled() -> Rows {
        let mut rows = sorted();
        let hash = |(user, item): (u32, u32)| {
            u64::from(user * 1_000 + item).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20
        };
        rows.sort_by_key(|row| hash(*row));
        rows
    }

    #[test]
    fn an_eighth_tells_of_all_whatever_the_order_of_rows() {
        for (order, rows) in [("sorted", sorted()), ("shuffled", shuffled())] {
            let (Extrapolated { size, uncertainty }, truth) = extrapolated(&rows);
            let ratio = size.pair_operations as f64 / truth.pair_operations as f64;
            assert!((0.85..1.18).contains(&ratio), "{order}: {size:?} for {truth:?}");
            let ratio = size.interactions as f64 / truth.interactions as f64;
            assert!((0.95..1.05).contains(&ratio), "{order}: {size:?} for {truth:?}");
            assert!((0.05..0.5).contains(&uncertainty), "{order}: {uncertainty}");
        }
    }

    #[test]
    fn what_was_read_whole_is_what_it_is() {
        let rows = shuffled();
        let all = (0..PARTS).collect::<Vec<_>>();
        let (half, whole) = (seen(&rows, &all[..PARTS / 2]), seen(&rows, &all));
        let Extrapolated { size, .. } = extrapolate(&half, &whole, PARTS as u64);
        assert_eq!(size, whole.size);
    }

    #[test]
    fn nothing_seen_is_nothing() {
        let nothing = Seen { parts: 1, share: 0.1, size: Size::default(), within: 0 };
        let half = Seen { share: 0.05, ..nothing };
        let Extrapolated { size, uncertainty } = extrapolate(&half, &nothing, 10);
        assert_eq!(size, Size::default());
        assert!(uncertainty.is_finite());
    }
}
