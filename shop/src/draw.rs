//! Who buys what and when. Integers only.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{ToSpan, civil::Date};
use rand_pcg::{Pcg32, rand_core::Rng};

use crate::catalogue::{PRODUCTS, Product, TOGETHER, Theme};

const MEMBERS: u32 = 2_000;
const GUEST_ORDERS: u32 = 260;
const DAYS: u32 = 365;
const FIRST_MEMBER: u32 = 10_001;
const FIRST_ORDER: u32 = 500_001;
const NEW_YEAR: Date = jiff::civil::date(2025, 1, 1);

/// Orders of a member in the year, each as likely as the next: few order often.
const ORDERS: [u32; 16] = [1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 5, 6, 7, 9, 14];
/// Lines of an order before complements and returns, each as likely as the next.
const LINES: [u32; 10] = [1, 1, 2, 2, 2, 3, 3, 4, 4, 6];
/// How often a member comes for each taste, the strongest first.
const AFFINITIES: [u32; 4] = [5, 4, 2, 2];
/// Products above this price in cents are not taken twice by the same member.
const LASTING_CENTS: u32 = 1_500;

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderLine {
    /// Number of the order, ascending with the date.
    pub order: u32,
    /// The day of the order, in 2025.
    pub date: Date,
    /// Who ordered; `None` for guests.
    pub member: Option<u32>,
    /// What was ordered.
    pub product: &'static Product,
    /// How many; below 0 for what came back.
    pub quantity: i32,
}

struct Dice(Pcg32);

impl Dice {
    /// Draws a number below `bound`.
    fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// Returns true in `percent` of 100 cases.
    fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u32) as usize]
    }

    /// Picks in proportion to the weights.
    fn pick_weighted<T: Copy>(&mut self, from: &[(T, u32)]) -> T {
        let total = from.iter().map(|(_, weight)| weight).sum();
        let mut left = self.below(total);
        for &(value, weight) in from {
            if left < weight {
                return value;
            }
            left -= weight;
        }
        unreachable!("the number drawn is below the sum of the weights")
    }
}

/// Positions in `PRODUCTS`, arranged for drawing.
struct Shelves {
    /// Per theme (in the order of [`Theme::ALL`]) its products with their pull.
    themes: Vec<Vec<(usize, u32)>>,
    /// Per product the others of its lines in [`TOGETHER`].
    complements: Vec<Vec<usize>>,
}

impl Shelves {
    fn arrange() -> Self {
        let themes = Theme::ALL.iter().map(|(theme, _)| {
            let stock = PRODUCTS.iter().enumerate();
            let ours = stock.filter(|(_, product)| product.themes.contains(theme));
            ours.map(|(position, product)| (position, product.pull)).collect()
        });
        let by_sku: BTreeMap<&str, usize> = PRODUCTS
            .iter()
            .enumerate()
            .map(|(position, product)| (product.sku, position))
            .collect();
        let mut complements = vec![Vec::new(); PRODUCTS.len()];
        for line in TOGETHER {
            for sku in *line {
                let others = line.iter().filter(|other| *other != sku);
                complements[by_sku[sku]].extend(others.map(|other| by_sku[other]));
            }
        }
        Self { themes: themes.collect(), complements }
    }

    fn household(&self) -> &[(usize, u32)] {
        self.themes.last().expect("there are themes")
    }
}

/// An order before it has a number.
struct Order {
    day: u32,
    member: Option<u32>,
    lines: Vec<(usize, i32)>,
}

pub(super) fn order_lines() -> Vec<OrderLine> {
    let shelves = Shelves::arrange();
    let mut dice = Dice(Pcg32::new(2025, 300));
    let mut orders = Vec::new();
    for member in 0..MEMBERS {
        member_orders(&shelves, &mut dice, FIRST_MEMBER + member, &mut orders);
    }
    for _ in 0..GUEST_ORDERS {
        let theme = dice.pick_weighted(&theme_choice());
        let day = dice.below(DAYS);
        let lines = basket(&shelves, &mut dice, theme, &mut BTreeSet::new());
        orders.push(Order { day, member: None, lines });
    }
    // Stable: orders of one day stay in the order they were drawn.
    orders.sort_by_key(|order| order.day);
    let numbered = orders.into_iter().zip(FIRST_ORDER..);
    let lines = numbered.flat_map(|(order, number)| {
        let date = NEW_YEAR + i64::from(order.day).days();
        order.lines.into_iter().map(move |(product, quantity)| OrderLine {
            order: number,
            date,
            member: order.member,
            product: &PRODUCTS[product],
            quantity,
        })
    });
    lines.collect()
}

/// Positions of the themes in [`Theme::ALL`] with their popularity.
fn theme_choice() -> Vec<(usize, u32)> {
    Theme::ALL.iter().enumerate().map(|(theme, (_, popularity))| (theme, *popularity)).collect()
}

fn member_orders(shelves: &Shelves, dice: &mut Dice, member: u32, orders: &mut Vec<Order>) {
    let tastes = tastes(dice);
    let mut owned = BTreeSet::new();
    for _ in 0..dice.pick(&ORDERS) {
        let day = dice.below(DAYS);
        let theme = dice.pick_weighted(&tastes);
        let lines = basket(shelves, dice, theme, &mut owned);
        let mut returned = Vec::new();
        for &(product, quantity) in &lines {
            if dice.chance(2) {
                returned.push((product, -1 - dice.below(quantity.unsigned_abs()).cast_signed()));
            }
        }
        orders.push(Order { day, member: Some(member), lines });
        if !returned.is_empty() {
            let day = (day + 3 + dice.below(18)).min(DAYS - 1);
            orders.push(Order { day, member: Some(member), lines: returned });
        }
    }
}

/// Draws two to four themes with how often the member comes for each.
fn tastes(dice: &mut Dice) -> Vec<(usize, u32)> {
    let mut choice = theme_choice();
    let count = 2 + dice.pick(&[0, 0, 1, 1, 2]);
    let affinities = AFFINITIES.iter().take(count);
    let tastes = affinities.map(|affinity| {
        let theme = dice.pick_weighted(&choice);
        choice[theme].1 = 0;
        (theme, *affinity)
    });
    tastes.collect()
}

/// Fills one basket: products of the theme and what goes with them, staples, now and then
/// anything. `owned` holds the lasting products that the member has.
fn basket(
    shelves: &Shelves,
    dice: &mut Dice,
    theme: usize,
    owned: &mut BTreeSet<usize>,
) -> Vec<(usize, i32)> {
    let mut taken = Vec::new();
    for _ in 0..dice.pick(&LINES) {
        let product = match dice.below(100) {
            0..12 => dice.pick_weighted(shelves.household()),
            12..16 => dice.below(PRODUCTS.len() as u32) as usize,
            _ => dice.pick_weighted(&shelves.themes[theme]),
        };
        taken.push(product);
        let complements = &shelves.complements[product];
        if !complements.is_empty() && dice.chance(45) {
            taken.push(dice.pick(complements));
        }
    }
    let mut lines: Vec<(usize, i32)> = Vec::new();
    for position in taken {
        let product = &PRODUCTS[position];
        let lasting = product.price_cents > LASTING_CENTS;
        if lines.iter().any(|(other, _)| *other == position) || (lasting && !owned.insert(position))
        {
            continue;
        }
        lines.push((position, quantity(dice, product)));
    }
    lines
}

fn quantity(dice: &mut Dice, product: &Product) -> i32 {
    match product.price_cents {
        0..=400 => dice.pick(&[1, 1, 2, 2, 3, 4, 6]),
        401..=1_500 => dice.pick(&[1, 1, 1, 2, 2, 3]),
        _ => i32::from(dice.chance(4)) + 1,
    }
}
