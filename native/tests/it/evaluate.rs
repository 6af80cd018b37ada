//! Measures side by side, as people compare them.

use std::fmt::Write as _;

use crate::tools::{Home, settings};

/// A hundred members who each take three of a kind on three days; kinds have six items.
fn shop() -> Home {
    let home = Home::new();
    let mut rows = String::from("member,sku,day\n");
    for member in 0..100_u32 {
        for (day, step) in [(1, 0), (2, 1), (3, 2)] {
            let item = (member % 5) * 10 + (member / 5 + step) % 6;
            let _ = writeln!(rows, "m{member},{item},2026-01-0{day}");
        }
    }
    home.write("orders.csv", rows);
    home
}

const COLUMNS: &str = "--user member --item sku";

#[test]
fn measures_stand_side_by_side() {
    let home = shop();
    let measures = "--measures cosine,llr,lift,cosine --at 3";
    let told = home.stdout(&format!("evaluate orders.csv {COLUMNS} {measures}"));
    settings().bind(|| insta::assert_snapshot!("evaluate", told));
    let told =
        home.stdout(&format!("evaluate orders.csv {COLUMNS} --time day --hold-out 30% --at 3"));
    settings().bind(|| insta::assert_snapshot!("evaluate_by_time", told));
    let csv = format!("evaluate orders.csv {COLUMNS} {measures} --format csv");
    insta::assert_snapshot!("evaluate_csv", home.stdout(&csv));
    let json = format!("evaluate orders.csv {COLUMNS} --users 40 --format json");
    insta::assert_snapshot!("evaluate_json", home.stdout(&json));
}

#[test]
fn what_is_held_out_is_said() {
    let home = shop();
    for (arguments, expected) in [
        (
            "--time day --hold-out 2026-01-03",
            "100 interactions of 100 users\n           all rows from 2026-01-03T00:00:00Z on",
        ),
        ("--time day --split last", "of 100 users\n           the newest item of each user"),
        ("--split any --users 40", "sampled    40 of 100 users"),
        ("--measures cosine", "cosine is better than the baseline, most popular"),
    ] {
        let told = home.stdout(&format!("evaluate orders.csv {COLUMNS} {arguments}"));
        assert!(told.contains(expected), "{arguments}: {expected}\n{told}");
    }
}

#[test]
fn threads_and_the_order_of_rows_do_not_show() {
    let home = shop();
    let rows = home.read("orders.csv");
    let (head, rows) = rows.split_once('\n').expect("a header");
    let backwards = rows.lines().rev().collect::<Vec<_>>().join("\n");
    home.write("backwards.csv", format!("{head}\n{backwards}\n"));
    let judged = |arguments: &str| {
        home.stdout(&format!("evaluate {arguments} {COLUMNS} --format csv --measures cosine,npmi"))
    };
    let alone = judged("orders.csv --threads 1");
    assert_eq!(judged("backwards.csv --threads 4"), alone);
}

#[test]
fn what_cannot_be_judged_is_told() {
    let home = shop();
    home.write("single.csv", "member,sku\na,1\nb,2\n");
    let told = [
        "orders.csv --split time",
        "orders.csv --time day --hold-out much",
        "orders.csv --split any --hold-out 10%",
        "orders.csv --of users",
        "orders.csv --measures cosin",
        "single.csv",
    ]
    .map(|arguments| {
        let ran = home.ilk(&format!("evaluate {arguments} {COLUMNS}"));
        assert_eq!((ran.code, &*ran.stdout), (Some(2), ""), "{arguments}");
        format!("{arguments}\n{}", ran.stderr)
    });
    insta::assert_snapshot!("evaluate_errors", told.join("\n"));
}

#[test]
fn nobody_is_sampled_who_was_not() {
    let home = shop();
    // Whose items nobody else has cannot be judged by one of them.
    let rows = home.read("orders.csv") + "z,900,2026-01-01\nz,901,2026-01-02\n";
    home.write("orders.csv", rows);
    let told = home.stdout(&format!("evaluate orders.csv {COLUMNS} --split any"));
    assert!(told.contains("100 interactions of 100 users"), "{told}");
    assert!(told.contains("skipped    1 interaction"), "{told}");
    assert!(!told.contains("sampled"), "{told}");
    let told = home.stdout(&format!("evaluate orders.csv {COLUMNS} --split any --users 100"));
    assert!(told.contains("sampled    100 of 101 users"), "{told}");
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
}

#[test]
fn a_grid_is_sorted_and_its_best_is_a_job_that_runs() {
    let home = shop();
    let grid = "--measures all --min-overlap 1,2 --shrinkage 0,10 --weighting binary,tfidf --at 3";
    let told = home.stdout(&format!("evaluate orders.csv {COLUMNS} {grid} --save best.toml"));
    settings().bind(|| insta::assert_snapshot!("evaluate_grid", told));
    let csv = home.stdout(&format!("evaluate orders.csv {COLUMNS} {grid} --format csv"));
    let rows = csv.lines().skip(1).map(|row| row.split(',').collect::<Vec<_>>());
    let rows = rows.collect::<Vec<_>>();
    let (baseline, jobs) = rows.split_last().expect("rows");
    assert_eq!((baseline[0], baseline[13], baseline[14]), ("most popular", "", ""));
    let ndcg = |row: &[&str]| row[5].parse::<f64>().expect("a number");
    assert!(jobs.is_sorted_by(|a, b| ndcg(a) >= ndcg(b)));
    // Each of them alone says the same.
    for row in jobs.iter().step_by(7) {
        let (measure, weighting) = row[0].split_once(" (").unwrap_or((row[0], "binary)"));
        let alone = format!(
            "evaluate orders.csv {COLUMNS} --measure {measure} --weighting {} --min-overlap {} \
             --shrinkage {} --at 3 --format csv",
            weighting.trim_end_matches(')'),
            row[13],
            row[14]
        );
        let alone = home.stdout(&alone);
        assert_eq!(alone.lines().nth(1), Some(row.join(",").as_str()));
    }
    insta::assert_snapshot!("evaluate_best", home.read("best.toml"));
    home.stderr("run best.toml --out similar.csv");
    let refused = home.ilk(&format!("evaluate orders.csv {COLUMNS} {grid} --save best.toml"));
    assert!(refused.code == Some(2) && refused.stderr.contains("best.toml exists"));
    // Paths of a job file start from its folder.
    home.write("jobs/other.txt", "");
    home.stdout(&format!(
        "evaluate orders.csv {COLUMNS} --measures llr,lift --save jobs/best.toml"
    ));
    home.stderr("run jobs/best.toml --out other.csv");
}
