//! Dated results in a folder, with a link to the newest (`--keep`).

use std::{fs, path::PathBuf};

use crate::tools::{Home, ORDERS, Ran};

const RUN: &str = "run orders.csv --user member --item sku";

/// The dated results in a folder, sorted.
fn results(home: &Home, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(home.join(folder)).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let names = names.map(|name| name.into_string().expect("UTF-8"));
    let mut names = names.filter(|name| name.starts_with("20")).collect::<Vec<_>>();
    names.sort();
    names
}

/// Where the link points.
fn latest(home: &Home, folder: &str) -> String {
    let link = fs::read_link(home.join(folder).join("latest")).expect("a link");
    link.to_str().expect("UTF-8").to_owned()
}

/// What the link leads to.
fn neighbours(home: &Home, folder: &str) -> Vec<u8> {
    home.bytes(&format!("{folder}/latest/neighbours.parquet"))
}

fn half(home: &Home) {
    home.write("orders.csv", ORDERS.lines().take(8).collect::<Vec<_>>().join("\n"));
}

#[track_caller]
fn assert_refused(ran: &Ran, code: i32, message: &str) {
    assert_eq!(ran.code, Some(code), "{}", ran.stderr);
    assert!(ran.stderr.contains(message), "{}", ran.stderr);
}

#[test]
fn the_newest_results_stay() {
    let home = Home::with_orders();
    home.stderr(&format!("{RUN} --out plain"));
    let run = format!("{RUN} --out results/ --keep 2");
    let mut all = Vec::new();
    for _ in 0..4 {
        let told = home.stderr(&run);
        let newest = latest(&home, "results");
        assert!(told.contains(&format!("6 rows to results/{newest}")), "{told}");
        assert!(neighbours(&home, "results") == home.bytes("plain/neighbours.parquet"));
        assert!(!all.contains(&newest), "{all:?}");
        all.push(newest);
        assert_eq!(results(&home, "results"), all[all.len().saturating_sub(2)..]);
    }
    assert!(home.join("results/latest/items.parquet").is_file());
    // Commands that read results take the folder for its newest.
    for place in ["results", "results/latest"] {
        assert!(home.stdout(&format!("similar {place} tea")).contains("mug"));
        home.stdout(&format!("verify {place}"));
        home.stdout(&format!("compare plain {place}"));
    }
    let names = home.names();
    assert!(names.iter().all(|name| !name.ends_with(".partial")), "{names:?}");
}

#[test]
fn a_broken_day_changes_nothing() {
    let home = Home::with_orders();
    let run = format!("{RUN} --out results --keep 3 --max-change 30% --min-rows 1");
    home.stderr(&run);
    let (before, good) = (home.tree(), neighbours(&home, "results"));
    half(&home);
    let refused = home.ilk(&run);
    assert_refused(&refused, 4, "differs by 66.7 % from results/latest/neighbours.parquet");
    home.write("orders.csv", ORDERS);
    assert_eq!(home.tree(), before);
    home.stderr(&run);
    assert!(neighbours(&home, "results") == good && results(&home, "results").len() == 2);
    // A run that fails leaves no folder.
    home.write("bad.csv", "");
    let failed = home.ilk("run bad.csv --user member --item sku --out new --keep 2");
    assert_refused(&failed, 2, "bad.csv");
    assert!(!home.join("new").exists());
}

#[test]
fn a_run_directory_publishes_each_result_once() {
    let home = Home::with_orders();
    let run = format!("{RUN} --run-dir run --out results --keep 2 --restart-if-changed");
    home.stderr(&run);
    let first = latest(&home, "results");
    assert!(home.stderr(&run).contains("nothing to do"));
    assert_eq!(results(&home, "results"), std::slice::from_ref(&first));
    let json = home.stdout("status run --format json");
    let json = serde_json::from_str::<serde_json::Value>(&json).expect("JSON");
    let path = json["out"]["path"].as_str().map(PathBuf::from);
    let is_first = path.is_some_and(|path| path.ends_with(format!("results/{first}")));
    assert!(is_first && json["out"]["is_as_written"] == true, "{json}");
    // A process that was killed between the result and the link.
    fs::remove_file(home.join("results/latest")).expect("removed");
    assert!(home.stderr(&run).contains("nothing to do"));
    assert_eq!(latest(&home, "results"), first);
    half(&home);
    home.stderr(&run);
    let second = latest(&home, "results");
    assert!(second > first);
    assert_eq!(results(&home, "results"), [first.clone(), second.clone()]);
    // One that somebody removed is published again.
    fs::remove_dir_all(home.join("results").join(&second)).expect("removed");
    home.stderr(&run);
    assert_eq!(results(&home, "results").len(), 2);
    assert!(home.join("results/latest/neighbours.parquet").is_file());
    home.stdout("verify run");
}

#[test]
fn a_job_file_keeps_results() {
    let home = Home::with_orders();
    home.write(
        "jobs/night.toml",
        "[datasource.orders]\ninput = '../orders.csv'\nuser = 'member'\nitem = 'sku'\n\
         [job]\nout = '../results'\nkeep = 1\nreport = 'report.html'\noverwrite = true\n",
    );
    home.stderr("run jobs/night.toml");
    home.stderr("run jobs/night.toml");
    assert_eq!(results(&home, "results"), [latest(&home, "results")]);
    assert!(home.stdout("config jobs/night.toml --toml").contains("keep = 1\n"));
    home.write("jobs/night.toml", home.read("jobs/night.toml").replace("keep = 1", "keep = 0"));
    let refused = home.ilk("run jobs/night.toml");
    assert_refused(&refused, 2, "keep is the number 0, expected a whole number of 1 or more");
}

#[test]
fn what_cannot_be_kept_is_refused_before_the_work() {
    let home = Home::with_orders();
    home.stderr(&format!("{RUN} --out plain"));
    home.stderr(&format!("{RUN} --out results --keep 2"));
    home.write("mine/latest", "dear");
    home.write("file", "");
    for (arguments, message) in [
        ("--run-dir run --keep 2", "--keep has no effect without --out"),
        ("--out out.csv --keep 2", "--keep needs a folder, and out.csv is a file"),
        ("--out results --keep 0", "expected 1 or more"),
        (
            "--out plain --keep 2",
            "plain holds neighbours.parquet, the result of a run without --keep",
        ),
        ("--out results --overwrite", "results holds dated results"),
        ("--out mine --keep 2", "mine/latest is not a link to a dated result"),
        ("--out file --keep 2", "file is a file, not a folder"),
        ("--out no/results --keep 2", "the folder no is missing"),
    ] {
        let before = home.tree();
        assert_refused(&home.ilk(&format!("{RUN} {arguments}")), 2, message);
        assert_eq!(home.tree(), before, "{arguments}");
    }
}

#[test]
fn what_a_kill_left_goes_and_what_others_wrote_stays() {
    let home = Home::with_orders();
    let run = format!("{RUN} --out results --keep 1");
    home.stderr(&run);
    let first = latest(&home, "results");
    home.write(&format!("results/{first}/notes.txt"), "dear");
    home.write("results/.2026-12-01T02-00-00Z.abc123.partial/neighbours.parquet", "half");
    std::os::unix::fs::symlink("gone", home.join("results/.latest.abc123.partial"))
        .expect("a link");
    home.write("results/README", "mine");
    home.stderr(&run);
    home.stderr(&run);
    assert_eq!(results(&home, "results"), [first.clone(), latest(&home, "results")]);
    assert!(home.join(&format!("results/{first}/notes.txt")).is_file());
    assert!(home.join("results/README").is_file());
    let left = fs::read_dir(home.join("results")).expect("a folder");
    assert_eq!(left.count(), 4);
}
