//! The shared formulas against textbook ones, written down directly.

use rand_pcg::Pcg32;

use crate::{
    measure::Measure,
    testing::{Shape, events},
    weighting::Idf,
};

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
            item_sum: x.iter().sum(),
            neighbour_sum: y.iter().sum(),
            least: x.iter().zip(&y).map(|(x, y)| x.min(*y)).sum(),
            common: common(&x, &y),
        };
        (Table { both, a, b, n, x, y }, pair)
    })
}

fn common(x: &[f64], y: &[f64]) -> Common {
    let mut common = Common::default();
    let both = x.iter().zip(y).filter(|(x, y)| **x > 0.0 && **y > 0.0);
    both.for_each(|(x, y)| common.add(*x, *y));
    common
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
        Measure::MahoutLlr => Some(llr(table).max(0.0) / (1.0 + llr(table).max(0.0))),
        Measure::Cooccurrence => Some(*both),
        Measure::Dot => Some(dot),
        Measure::Tanimoto => Some(dot / (power_sum(x) + power_sum(y) - dot)),
        Measure::WeightedJaccard => {
            let both = || x.iter().zip(y);
            let larger = both().map(|(x, y)| x.max(*y)).sum::<f64>();
            Some(both().map(|(x, y)| x.min(*y)).sum::<f64>() / larger)
        }
        Measure::Pearson | Measure::CommonCosine | Measure::Msd => over_common(measure, x, y),
    }
}

/// Two passes: deviations from the means over the users of both.
fn over_common(measure: Measure, x: &[f64], y: &[f64]) -> Option<f64> {
    let both = x.iter().zip(y).filter(|(x, y)| **x > 0.0 && **y > 0.0);
    let both: Vec<(f64, f64)> = both.map(|(x, y)| (*x, *y)).collect();
    let count = both.len() as f64;
    if measure == Measure::Msd {
        let apart = both.iter().map(|(x, y)| libm::pow(x - y, 2.0)).sum::<f64>();
        return Some(1.0 / (1.0 + apart / count));
    }
    let mean = |of: fn(&(f64, f64)) -> f64| match measure {
        Measure::Pearson => both.iter().map(of).sum::<f64>() / count,
        _ => 0.0,
    };
    let (mean_x, mean_y) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let sum = |term: &dyn Fn(f64, f64) -> f64| {
        both.iter().map(|(x, y)| term(x - mean_x, y - mean_y)).sum::<f64>()
    };
    let (xx, yy) = (sum(&|x, _| x * x), sum(&|_, y| y * y));
    // Users who all weigh an item alike do not vary with another.
    let varies = xx > 1e-9 && yy > 1e-9;
    varies.then(|| sum(&|x, y| x * y) / (xx.sqrt() * yy.sqrt()))
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
        Measure::Tanimoto,
        Measure::WeightedJaccard,
        Measure::Pearson,
        Measure::CommonCosine,
        Measure::Msd,
    ];
    for measure in measures {
        let mut scored = 0;
        for (table, pair) in tables() {
            let what = format!("{measure:?} of {pair:?}");
            match (measure.score(&pair), textbook(measure, &table)) {
                (Some(found), Some(expected)) => {
                    // Only where terms cancel is the error relative to their size.
                    let cancels = matches!(
                        measure,
                        Measure::Pearson
                            | Measure::Llr
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
        Weighting::Centred(Centred::ByUser),
        Weighting::Centred(Centred::ByItem),
        Weighting::Tfidf { idf: Idf::AtLeastZero },
        Weighting::Tfidf { idf: Idf::Signed },
        Weighting::Bm25 { k1: 1.2, b: 0.75, idf: Idf::AtLeastZero },
        Weighting::Bm25 { k1: 90.0, b: 0.2, idf: Idf::Signed },
        Weighting::Decay { half_life: 7 * 86_400_000_000, now: None, anchor: Anchor::Now },
    ];
    let given = Given { weight: true, time: true };
    let job = crate::job::SimilarityJob::default().resolve(given).unwrap();
    let mut compared = 0;
    for seed in 0..30 {
        let (rows, _) = clean(&events(Shape::Mixed, seed), given, &job);
        let pairs = fold(&rows, &job);
        let dense = Dense::new(&pairs, users_of(&pairs));
        let column =
            |item: usize| dense.cells[item].iter().map(|cell| cell.map_or(0.0, |c| c.weight));
        let items = dense.items.len() as f64;
        let average = (0..dense.items.len()).flat_map(column).sum::<f64>() / items;
        let newest = dense.cells.iter().flatten().flatten().filter_map(|cell| cell.time).max();
        let expected = |weighting: Weighting, item: usize, user: usize, cell: Cell| {
            let df = dense.cells.iter().filter(|cells| cells[user].is_some()).count() as f64;
            let signed = libm::log(items / (1.0 + df));
            let idf_of = |idf| if idf == Idf::Signed { signed } else { signed.max(0.0) };
            let average_of = |weights: &mut dyn Iterator<Item = f64>| {
                let all = weights.collect::<Vec<_>>();
                all.iter().sum::<f64>() / all.len() as f64
            };
            let w = cell.weight;
            match weighting {
                Weighting::Binary => 1.0,
                Weighting::Raw => w,
                Weighting::Log => libm::log(1.0 + w),
                Weighting::Centred(Centred::ByUser) => {
                    let of_user = |cells: &Vec<Option<Cell>>| cells[user].map(|c| c.weight);
                    w - average_of(&mut dense.cells.iter().filter_map(of_user))
                }
                Weighting::Centred(Centred::ByItem) => {
                    w - average_of(&mut dense.cells[item].iter().flatten().map(|c| c.weight))
                }
                Weighting::Tfidf { idf } => libm::pow(w, 0.5) * idf_of(idf),
                Weighting::Bm25 { k1, b, idf } => {
                    let length = column(item).sum::<f64>() / average;
                    idf_of(idf) * (k1 + 1.0) * w / (w + k1 * (1.0 - b + b * length))
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
