//! Deterministic data: the same seed gives the same rows on every platform.
//!
//! Everything is drawn from PCG32 ([`rand_pcg::Pcg32`]), whose stream is fixed.

use rand_pcg::{Pcg32, rand_core::Rng};

use super::oracle::{Event, Id};
use crate::{
    data::{Cells, IdColumn, NumberColumn, Rows, TextColumn, TimeColumn},
    job::Given,
};

/// A stream of numbers.
struct Dice(Pcg32);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(Pcg32::new(seed, 0))
    }

    /// Draws a number below `bound`.
    fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// Returns true in one of `of` cases.
    fn one_in(&mut self, of: u32) -> bool {
        self.below(of) == 0
    }

    /// Draws a number from 0 up to, but not including, 1: a multiple of 2⁻⁵³.
    fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Draws from the standard normal distribution (Box and Muller 1958).
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * libm::log(1.0 - self.unit())).sqrt();
        radius * libm::cos(std::f64::consts::TAU * self.unit())
    }
}

/// Shapes of small data, each a way to go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// No row.
    Empty,
    /// One row.
    SingleRow,
    /// The same row many times.
    AllEqual,
    /// Every user has every item, at the same weight and time: all scores tie.
    AllTies,
    /// One user has everything; the others have little.
    UserWithEverything,
    /// One item has every user; the others have few.
    ItemWithEveryUser,
    /// No two users share an item.
    Strangers,
    /// Two groups that share nothing.
    TwoIslands,
    /// Popular and rare items, active and idle users, small whole weights, duplicates.
    Mixed,
    /// As mixed, with nulls, returns, NaN, infinities, huge and tiny weights, missing times,
    /// and wide negative integers or odd strings as ids.
    Dirty,
}

impl Shape {
    /// All shapes.
    pub const ALL: &[Self] = &[
        Self::Empty,
        Self::SingleRow,
        Self::AllEqual,
        Self::AllTies,
        Self::UserWithEverything,
        Self::ItemWithEveryUser,
        Self::Strangers,
        Self::TwoIslands,
        Self::Mixed,
        Self::Dirty,
    ];
}

/// Makes at most 300 rows of a shape, all columns filled (but for [`Shape::Dirty`]). The seed
/// also decides the kind of each column's ids.
pub fn events(shape: Shape, seed: u64) -> Vec<Event> {
    let mut dice = Dice::new(seed);
    let (users, items) = (2 + dice.below(12), 2 + dice.below(12));
    let pairs = pairs(shape, &mut dice, users, items);
    let even = matches!(shape, Shape::AllEqual | Shape::AllTies);
    let (user_kind, item_kind) = (dice.below(3), dice.below(3));
    let events = pairs.into_iter().map(|(user, item)| {
        let weight = if even { 2.0 } else { 1.0 + f64::from(dice.below(4)) };
        let day = if even { 0 } else { i64::from(dice.below(40)) };
        let label = if dice.one_in(5) { "other".into() } else { format!("item {item}") };
        Event {
            user: Some(id(user_kind, user)),
            item: Some(id(item_kind, item)),
            weight: Some(weight),
            time: Some(1_735_689_600_000_000 + day * 86_400_000_000),
            label: Some(label),
        }
    });
    let mut events = events.collect::<Vec<_>>();
    if shape == Shape::Dirty {
        for event in &mut events {
            soil(&mut dice, event);
        }
    }
    events
}

/// Draws (user, item) numbers.
fn pairs(shape: Shape, dice: &mut Dice, users: u32, items: u32) -> Vec<(u32, u32)> {
    let all = (0..users).flat_map(|user| (0..items).map(move |item| (user, item)));
    let some = |dice: &mut Dice| (dice.below(users), dice.below(items));
    match shape {
        Shape::Empty => Vec::new(),
        Shape::SingleRow => vec![some(dice)],
        Shape::AllEqual => vec![some(dice); 1 + users as usize],
        Shape::AllTies => all.collect(),
        Shape::UserWithEverything => all.filter(|(user, _)| *user == 0 || dice.one_in(6)).collect(),
        Shape::ItemWithEveryUser => all.filter(|(_, item)| *item == 0 || dice.one_in(6)).collect(),
        Shape::Strangers => (0..users.max(items)).map(|one| (one % users, one)).collect(),
        Shape::TwoIslands => {
            all.filter(|(user, item)| user % 2 == item % 2 && !dice.one_in(3)).collect()
        }
        Shape::Mixed | Shape::Dirty => {
            let rows = 1 + dice.below(299);
            let skewed = |dice: &mut Dice, bound| {
                let least = dice.below(bound).min(dice.below(bound));
                least.min(dice.below(bound))
            };
            (0..rows).map(|_| (skewed(dice, users), skewed(dice, items))).collect()
        }
    }
}

/// Names the id with a number, in one of three kinds whose orders differ.
fn id(kind: u32, number: u32) -> Id {
    match kind {
        0 => Id::Integer(i128::from(number) * 7 - 20),
        1 => Id::Integer(i128::from(u64::MAX) - i128::from(number) * (1 << 60)),
        _ => {
            let odd = ["", " ", "00", "a", "A", "é", "Z\n", "0", "\"q\"", "a,b", "一", "-1"];
            let odd = odd[number as usize % odd.len()];
            Id::Text(if number < 12 { odd.into() } else { format!("{odd}{number}") })
        }
    }
}

/// Makes trouble in one of about three rows.
fn soil(dice: &mut Dice, event: &mut Event) {
    let weights =
        [-1.0, -2.0, 0.0, -0.0, f64::NAN, f64::INFINITY, 1e39, 3.4e38, 1e-30, 0.1, 0.3, 1e-320];
    match dice.below(30) {
        0 => event.user = None,
        1 => event.item = None,
        2 => event.weight = None,
        3 => event.time = None,
        4 => event.label = None,
        5..=9 => event.weight = Some(weights[dice.below(weights.len() as u32) as usize]),
        _ => {}
    }
}

/// Arranges events as a chunk of rows of one file, as a reader would hand them over: the
/// columns `given`, and labels if any row has one.
///
/// # Panics
/// If a column mixes kinds of ids, or its integers fit neither `i64` nor `u64`.
pub fn rows(events: &[Event], given: Given, file: u32) -> Rows {
    let weights = || events.iter().map(|event| event.weight.unwrap_or(f64::NAN)).collect();
    let times = || events.iter().map(|event| event.time.unwrap_or(TimeColumn::NONE)).collect();
    let labels = || events.iter().map(|event| event.label.as_deref());
    Rows {
        file,
        first_row: 1,
        places: None,
        user: id_column(events, |event| event.user.as_ref()),
        item: id_column(events, |event| event.item.as_ref()),
        weight: given.weight.then(|| NumberColumn { values: weights(), bad: Vec::new() }),
        time: given.time.then(|| TimeColumn { values: times(), ..TimeColumn::default() }),
        label: labels().any(|label| label.is_some()).then(|| text_column(labels())),
        kept: None,
        unreadable: Vec::new(),
    }
}

fn id_column(events: &[Event], id: impl Fn(&Event) -> Option<&Id>) -> IdColumn {
    let ids = || events.iter().map(&id);
    if ids().flatten().any(|id| matches!(id, Id::Text(_))) {
        return IdColumn::Text(text_column(ids().map(|id| match id {
            Some(Id::Text(text)) => Some(text.as_str()),
            Some(Id::Integer(number)) => panic!("integer {number} among text"),
            None => None,
        })));
    }
    let numbers = || {
        ids().map(|id| match id {
            Some(Id::Integer(number)) => Some(*number),
            _ => None,
        })
    };
    let valid = numbers().any(|number| number.is_none());
    let valid = valid.then(|| numbers().map(|number| number.is_some()).collect());
    if numbers().flatten().any(|number| number > i128::from(i64::MAX)) {
        let value = |number: i128| u64::try_from(number).expect("fits u64");
        let values = numbers().map(|number| number.map_or(0, value)).collect();
        return IdColumn::Unsigned(Cells { values, valid });
    }
    let value = |number: i128| i64::try_from(number).expect("fits i64");
    let values = numbers().map(|number| number.map_or(0, value)).collect();
    IdColumn::Integer(Cells { values, valid })
}

fn text_column<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> TextColumn {
    let mut known: Vec<&str> = Vec::new();
    let codes = texts.map(|text| {
        let Some(text) = text else { return TextColumn::NULL };
        let code = known.iter().position(|other| *other == text).unwrap_or(known.len());
        if code == known.len() {
            known.push(text);
        }
        code as u32
    });
    let codes = codes.collect();
    TextColumn { codes, dictionary: known.into_iter().collect(), untyped: false }
}

/// A benchmark set: items popular by Zipf's law (shifted by 8), users active by a log-normal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crowd {
    /// Users drawn for; those whose draws are all taken still have one item.
    pub users: u32,
    /// Items drawn from; rare ones may stay without users.
    pub items: u32,
    /// Interactions aimed at before duplicates are removed.
    pub drawn: u64,
    /// Exponent of the popularity: 0 is even, 1 is Zipf's.
    pub zipf: f64,
    /// Standard deviation of the logarithm of activity.
    pub sigma: f64,
}

impl Crowd {
    /// 20,000 users, 5,000 items, 1 million draws.
    pub const SMALL: Self =
        Self { users: 20_000, items: 5_000, drawn: 1_000_000, zipf: 0.9, sigma: 1.0 };
    /// Shaped like page views: 138,000 users, 27,000 items, 20 million draws.
    pub const VIEWS: Self =
        Self { users: 138_000, items: 27_000, drawn: 20_000_000, zipf: 1.0, sigma: 1.1 };
    /// Shaped like orders: 2 million users, 200,000 items, 20 million draws.
    pub const ORDERS: Self =
        Self { users: 2_000_000, items: 200_000, drawn: 20_000_000, zipf: 0.8, sigma: 0.9 };

    /// Draws distinct (user, item) pairs, ascending; which items are popular is shuffled. Cost:
    /// O(drawn · log items) time, 8 B per pair.
    pub fn pairs(&self, seed: u64) -> Vec<(u32, u32)> {
        let mut dice = Dice::new(seed);
        let activity = (0..self.users).map(|_| libm::exp(self.sigma * dice.normal()));
        let activity = activity.collect::<Vec<_>>();
        let scale = self.drawn as f64 * 1.15 / activity.iter().sum::<f64>();
        let mut popularity = Vec::with_capacity(self.items as usize);
        let mut total = 0.0;
        for rank in 1..=self.items {
            total += 1.0 / libm::pow(f64::from(rank) + 8.0, self.zipf);
            popularity.push(total);
        }
        let mut names = (0..self.items).collect::<Vec<_>>();
        for last in (1..names.len()).rev() {
            names.swap(last, dice.below(last as u32 + 1) as usize);
        }
        let most = (self.items / 4).max(1);
        let mut pairs = Vec::with_capacity(self.drawn as usize);
        let mut mine = Vec::new();
        for (user, activity) in (0..self.users).zip(activity) {
            mine.clear();
            for _ in 0..((activity * scale) as u32).clamp(1, most) {
                let drawn = dice.unit() * total;
                let rank = popularity.partition_point(|up_to| *up_to <= drawn);
                mine.push(names[rank.min(names.len() - 1)]);
            }
            mine.sort_unstable();
            mine.dedup();
            pairs.extend(mine.iter().map(|item| (user, *item)));
        }
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_events_and_another_others() {
        for shape in Shape::ALL {
            let (one, two) = (events(*shape, 7), events(*shape, 7));
            assert_eq!(format!("{one:?}"), format!("{two:?}"), "{shape:?}");
            assert!(one.len() <= 300, "{shape:?}");
            assert_eq!(rows(&one, Given { weight: true, time: true }, 0).len(), one.len());
        }
        assert_ne!(events(Shape::Mixed, 7), events(Shape::Mixed, 8));
    }

    #[test]
    fn the_stream_is_fixed() {
        let mut dice = Dice::new(1);
        let drawn = [dice.below(1_000), dice.below(1_000), dice.below(1_000), dice.below(1_000)];
        assert_eq!(drawn, [883, 4, 825, 45]);
        let crowd = Crowd { users: 50, items: 40, drawn: 300, ..Crowd::SMALL };
        let text = format!("{:?}", crowd.pairs(3));
        assert_eq!(xxhash_rust::xxh3::xxh3_64(text.as_bytes()), 11_883_761_944_213_192_910);
    }

    #[test]
    fn a_crowd_is_skewed_and_distinct() {
        let crowd = Crowd { users: 2_000, items: 500, drawn: 20_000, zipf: 1.0, sigma: 1.0 };
        let pairs = crowd.pairs(0);
        assert!(pairs.is_sorted_by(|a, b| a < b), "ascending without duplicates");
        assert!((12_000..24_000).contains(&pairs.len()), "{}", pairs.len());
        let mut supports = vec![0; 500];
        for (_, item) in pairs {
            supports[item as usize] += 1;
        }
        supports.sort_unstable();
        assert!(supports[499] > 5 * supports[250], "{supports:?}");
    }
}
