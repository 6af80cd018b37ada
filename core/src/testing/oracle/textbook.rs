//! The shared formulas against textbook ones, written down directly.

use rand_pcg::Pcg32;

use crate::{measure::Measure, testing::{Shape, events}};

/// Two items by their users: how many have both, only one, the other or neither.
struct Table {
    both: f64,
    a: f64,
    b: f64,
    n: f64,
    x: Vec<f64>,
    y: Vec<f64>,
}

/// Draws pairs of weighted columns of up to 60 users that share at least one.
fn tables() -> impl Iterator<Item = (Table, Pair)> {
    let mut random = Pcg32::new(11, 5);
    let mut below = move |bound: u32| random.next_u32() % bound;
    (0..600).map(move |_| {
        let (users, sparse_x, sparse_y) = (1 + below(60), 1 + below(6), 1 + below(6));
        let mut column = |sparse| {
            let mut column = vec![0.0; users as usize];
            for (user, weight) in column.iter_mut().enumerate() {
                if user == 0 || below(sparse) == 0 {
                    *weight = (1 + below(1_000)) as f64 / 37.0;
                }
            }
            column
        };
        let (x, y) = (column(sparse_x), column(sparse_y));
        let count = |column: &[f64]| column.iter().filter(|weight| **weight > 0.0).count() as f64;
        let products: Vec<f64> = x.iter().zip(&y).map(|(x, y)| x * y).collect();
        let squares = |column: &[f64]| column.iter().map(|weight| weight * weight).sum::<f64>();
        let (both, a, b, n) = (count(&products), count(&x), count(&y), f64::from(users));
        let pair = Pair {
            overlap: both as u32,
            item_support: a as u32,
            neighbour_support: b as u32,
            users,
            dot: products.iter().sum(),
            item_square: squares(&x),
            neighbour_square: squares(&y),
        };
        (Table { both, a, b, n, x, y }, pair)
    })
}

fn xlx(z: f64) -> f64 {
    if z == 0.0 { 0.0 } else { z * libm::log(z) }
}

/// Mahout's: row entropy + column entropy − matrix entropy, unnormalised, doubled.
fn llr(Table { both, a, b, n, .. }: &Table) -> f64 {
    let cells = [*both, a - both, b - both, n - a - b + both];
    let entropy =
        |counts: &[f64]| xlx(counts.iter().sum()) - counts.iter().copied().map(xlx).sum::<f64>();
    let rows = entropy(&[*a, n - a]);
    let columns = entropy(&[*b, n - b]);
    2.0 * (rows + columns - entropy(&cells))
}

fn textbook(measure: Measure, table: &Table) -> Option<f64> {
    let Table { both, a, b, n, x, y } = table;
    let (p_both, p_a, p_b) = (both / n, a / n, b / n);
    let dot: f64 = x.iter().zip(y).map(|(x, y)| x * y).sum();
    let power_sum =
        |column: &[f64]| column.iter().map(|weight| libm::pow(*weight, 2.0)).sum::<f64>();
    let above_chance = both * n > a * b;
    let only_above_chance = |score: f64| above_chance.then_some(score);
    let pmi = libm::log(p_both / (p_a * p_b));
    match measure {
        Measure::Cosine => Some(dot / (power_sum(x).sqrt() * power_sum(y).sqrt())),
        Measure::Jaccard => Some(both / (a + b - both)),
        Measure::Dice => Some(both / f64::midpoint(*a, *b)),
        Measure::Overlap => Some((both / a).max(both / b)),
        Measure::Tversky { alpha, beta } => {
            Some(both / (both + alpha * (a - both) + beta * (b - both)))
        }
        Measure::AsymmetricCosine { alpha } => {
            let (x, y) = (libm::log(power_sum(x)), libm::log(power_sum(y)));
            Some(dot * libm::exp(-alpha * x - (1.0 - alpha) * y))
        }
        Measure::Conditional { alpha } => Some(p_both / p_a / libm::exp(alpha * libm::log(*b))),
        Measure::Lift { kappa } => Some(both / (a + kappa) / (b + kappa) * n),
        Measure::SarLift => Some(both / a / b),
        Measure::Pmi => only_above_chance(pmi),
        Measure::Npmi => only_above_chance(-pmi / libm::log(p_both)),
        Measure::LexicographersMi => Some(both * pmi / std::f64::consts::LN_2),
        Measure::Llr => only_above_chance(llr(table)),
        Measure::MahoutLlr => only_above_chance(llr(table) / (1.0 + llr(table))),
        Measure::Cooccurrence => Some(*both),
        Measure::Dot => Some(dot),
    }
}

fn assert_near(found: f64, expected: f64, scale: f64, what: &str) {
    let slack = 1e-9 * expected.abs().max(scale);
    assert!((found - expected).abs() <= slack, "{what}: {found}, expected {expected}");
}

#[test]
fn measures_equal_their_textbook_formulas() {
    let measures = [
        Measure::Cosine,
        Measure::Jaccard,
        Measure::Dice,
        Measure::Overlap,
        Measure::Tversky { alpha: 0.3, beta: 1.7 },
        Measure::AsymmetricCosine { alpha: 0.25 },
        Measure::Conditional { alpha: 0.0 },
        Measure::Conditional { alpha: 0.4 },
        Measure::Lift { kappa: 0.0 },
        Measure::Lift { kappa: 2.5 },
        Measure::SarLift,
        Measure::Pmi,
        Measure::Npmi,
        Measure::LexicographersMi,
        Measure::Llr,
        Measure::MahoutLlr,
        Measure::Cooccurrence,
        Measure::Dot,
    ];
    for measure in measures {
        let mut scored = 0;
        for (table, pair) in tables() {
            let what = format!("{measure:?} of {pair:?}");
            match (measure.score(&pair), textbook(measure, &table)) {
                (Some(found), Some(expected)) => {
                    // Only where logarithms cancel is the error relative to their size.
                    let cancels = matches!(
                        measure,
                        Measure::Llr
                            | Measure::MahoutLlr
                            | Measure::Pmi
                            | Measure::Npmi
                            | Measure::LexicographersMi
                    );
                    assert_near(found, expected, if cancels { 1e-4 } else { 0.0 }, &what);
                    scored += 1;
                }
                (found, expected) => assert_eq!(found, expected, "{what}"),
            }
        }
        assert!(scored > 100, "{measure:?} scored only {scored} pairs");
    }
}

#[test]
fn weightings_equal_their_textbook_formulas() {
    let day = 86_400_000_000.0;
    let weightings = [
        Weighting::Binary,
        Weighting::Raw,
        Weighting::Log,
        Weighting::Tfidf,
        Weighting::Bm25 { k1: 1.2, b: 0.75 },
        Weighting::Bm25 { k1: 90.0, b: 0.2 },
        Weighting::Decay { half_life: 7 * 86_400_000_000, now: None },
    ];
    let given = Given { weight: true, time: true };
    let job = crate::job::SimilarityJob::default().resolve(given).unwrap();
    let mut compared = 0;
    for seed in 0..30 {
        let (rows, _) = clean(&events(Shape::Mixed, seed), given, &job);
        let dense = Dense::new(&fold(&rows, &job));
        let column =
            |item: usize| dense.cells[item].iter().map(|cell| cell.map_or(0.0, |c| c.weight));
        let items = dense.items.len() as f64;
        let average = (0..dense.items.len()).flat_map(column).sum::<f64>() / items;
        let newest = dense.cells.iter().flatten().flatten().filter_map(|cell| cell.time).max();
        let expected = |weighting: Weighting, item: usize, user: usize, cell: Cell| {
            let df = dense.cells.iter().filter(|cells| cells[user].is_some()).count() as f64;
            let idf = libm::log(items / (1.0 + df)).max(0.0);
            let w = cell.weight;
            match weighting {
                Weighting::Binary => 1.0,
                Weighting::Raw => w,
                Weighting::Log => libm::log(1.0 + w),
                Weighting::Tfidf => libm::pow(w, 0.5) * idf,
                Weighting::Bm25 { k1, b } => {
                    let length = column(item).sum::<f64>() / average;
                    idf * (k1 + 1.0) * w / (w + k1 * (1.0 - b + b * length))
                }
                Weighting::Decay { half_life, .. } => {
                    let age = (newest.unwrap() - cell.time.unwrap()) as f64 / day;
                    w * libm::pow(0.5, age / (half_life as f64 / day))
                }
            }
        };
        for weighting in weightings {
            let weighted = dense.weigh(&weighting);
            for (item, cells) in dense.cells.iter().enumerate() {
                for (user, cell) in cells.iter().enumerate() {
                    let Some(cell) = cell else {
                        assert_eq!(weighted[item][user], None);
                        continue;
                    };
                    let expected = expected(weighting, item, user, *cell);
                    let found = weighted[item][user].unwrap();
                    // Logarithms that nearly cancel leave an error of their size.
                    assert_near(found, expected, 1e-4, &format!("{weighting:?}, seed {seed}"));
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 3_000, "{compared}");
}
