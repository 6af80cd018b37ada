//! A scheduler's night: one command that resumes, accepts new data, and never leaves the place without a
//! good result; and what it may take of the disk.

use std::fs;

use crate::tools::{Home, NEIGHBOURS, ORDERS, Ran, crowd};

const RUN: &str = "run orders.csv --user member --item sku";

#[track_caller]
fn assert_withheld(ran: &Ran, message: &str, help: &str) {
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("error: {message}")), "{}", ran.stderr);
    assert!(ran.stderr.contains(help), "{}", ran.stderr);
}

fn status(home: &Home, run_dir: &str) -> serde_json::Value {
    let json = home.stdout(&format!("status {run_dir} --format json"));
    serde_json::from_str(&json).expect("JSON")
}

#[test]
fn a_broken_day_does_not_replace_a_good_result() {
    let home = Home::with_orders();
    home.stderr(&format!("{RUN} --out out.csv --min-rows 6 --max-change 30%"));
    // Half of the orders are missing.
    home.write("orders.csv", ORDERS.lines().take(8).collect::<Vec<_>>().join("\n"));
    let run = format!("{RUN} --out out.csv --overwrite");
    assert_withheld(
        &home.ilk(&format!("{run} --min-rows 6")),
        "the result has 2 rows, fewer than min_rows 6; out.csv was not written",
        "help: --force publishes it anyway; --run-dir would keep it for inspection",
    );
    assert_withheld(
        &home.ilk(&format!("{run} --max-change 0.3")),
        "the result differs by 66.7 % from out.csv, more than max_change 30 %: rows 6 -> 2, items \
         without neighbours now 1 of 3; the old output was not replaced",
        "--force",
    );
    assert_eq!(home.read("out.csv"), NEIGHBOURS);
    assert_eq!(home.names(), ["orders.csv", "out.csv"]);
    home.stderr(&format!("{run} --max-change 70%"));
    assert_eq!(home.read("out.csv").lines().count(), 3);
    home.write("orders.csv", ORDERS);
    home.stderr(&format!("{run} --max-change 0% --force"));
    assert_eq!(home.read("out.csv"), NEIGHBOURS);
    // Where nothing is replaced there is nothing to compare with.
    home.stderr(&format!("{RUN} --out new.csv --max-change 0%"));
    home.write("bad.csv", "what,is,this\n1,2,3\n");
    let bad = home.ilk(&format!("{RUN} --out bad.csv --overwrite --max-change 30%"));
    assert_withheld(&bad, "bad.csv cannot be compared with the new result: ", "--force");
    for flag in ["--min-rows 1", "--max-change 1%"] {
        let ran = home.ilk(&format!("{RUN} --run-dir run {flag}"));
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains("has no effect without --out"), "{}", ran.stderr);
    }
    let ran = home.ilk(&format!("{RUN} --out new.csv --max-change=-1%"));
    assert!(ran.stderr.contains("expected a share such as 30% or 0.3"), "{}", ran.stderr);
}

#[test]
fn the_run_directory_keeps_what_was_withheld() {
    for out in ["out.parquet", "out"] {
        let home = Home::with_orders();
        let run = format!("{RUN} --run-dir run --out {out} --overwrite --restart-if-changed");
        home.stderr(&run);
        let good = home.tree();
        home.write("orders.csv", ORDERS.lines().take(8).collect::<Vec<_>>().join("\n"));
        let guarded = format!("{run} --max-change 30%");
        for _ in 0..2 {
            assert_withheld(
                &home.ilk(&guarded),
                "the result differs by 66.7 %",
                "help: run/neighbours.parquet holds the new result; the same command with --force \
                 publishes it",
            );
            let place = home.join(if out == "out" { "out/neighbours.parquet" } else { out });
            assert_eq!(Some(fs::read(&place).expect("a file")), good[&place]);
            assert!(home.stdout("similar run tea").contains("mug"));
            let json = status(&home, "run");
            assert_eq!(
                (&json["state"], &json["out"]),
                (&"finished".into(), &serde_json::Value::Null)
            );
        }
        home.stderr(&format!("{guarded} --force"));
        assert_eq!(status(&home, "run")["out"]["is_as_written"], true);
        assert!(home.stderr(&guarded).contains("nothing to do"));
    }
}

#[test]
fn starting_over_keeps_the_old_result_until_there_is_a_new_one() {
    let home = Home::with_orders();
    let run = format!("{RUN} --run-dir run --restart");
    home.stderr(&run);
    let good = home.bytes("run/neighbours.parquet");
    // The new day's data are refused.
    home.write("orders.csv", ORDERS.replace(",tea,", ",,"));
    let ran = home.ilk(&format!("{run} --strict"));
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert_eq!(home.bytes("run/neighbours.parquet"), good);
    assert!(home.stdout("similar run tea").contains("mug"));
    assert_eq!(status(&home, "run")["state"], "unfinished");
    home.stderr(&run);
    assert_ne!(home.bytes("run/neighbours.parquet"), good);
    assert_eq!(status(&home, "run")["state"], "finished");
}

#[test]
fn a_run_begins_anew_where_something_changed_and_goes_on_otherwise() {
    let home = Home::with_orders();
    let run = format!("{RUN} --run-dir run --out out.csv --overwrite --restart-if-changed");
    assert!(!home.stderr(&run).contains("starting over"));
    assert!(home.stderr(&run).contains("nothing to do"));
    let other = home.stderr(&format!("{run} -k 1"));
    assert!(
        other.contains("run was created with different settings or input: top was 50, is 1 (command line): starting over"),
        "{other}"
    );
    assert_eq!(home.read("out.csv").lines().count(), 4);
    home.write("orders.csv", ORDERS.replace("o,saw", "e,tea"));
    let input = home.stderr(&run);
    assert!(input.contains("starting over"), "{input}");
    assert_ne!(home.read("out.csv"), NEIGHBOURS);
    home.write("orders.csv", ORDERS);
    home.stderr(&run);
    assert_eq!(home.read("out.csv"), NEIGHBOURS);
    // What was cut off is gone on with.
    fs::remove_file(home.join("run/merged.parquet")).expect("removed");
    let resumed = home.stderr(&run);
    assert!(!resumed.contains("starting over") && resumed.contains("already done"), "{resumed}");
    // A manifest that says nothing any more is begun anew, too.
    home.write("run/run.json", "{");
    let lost = home.stderr(&run);
    assert!(lost.contains("run.json is damaged or was changed") && lost.contains("starting over"));
    assert_eq!(home.read("out.csv"), NEIGHBOURS);
    // Nothing of the old run goes before the new one's output can be.
    let refused = home.ilk(
        &run.replace("--overwrite ", "")
            .replace("-k 1", "-k 2")
            .replace("run orders", "run -k 2 orders"),
    );
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("output out.csv exists"), "{}", refused.stderr);
    assert!(home.stderr(&run).contains("nothing to do"));
    for (arguments, message) in [
        (format!("{RUN} --out new.csv --restart-if-changed"), "has no effect without --run-dir"),
        (format!("{run} --restart"), "cannot be used with"),
    ] {
        let ran = home.ilk(&arguments);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains(message), "{}", ran.stderr);
    }
}

#[test]
fn a_job_file_says_all_that_a_night_needs() {
    let home = Home::with_orders();
    home.write(
        "jobs/night.toml",
        "[datasource.orders]\ninput = '../orders.csv'\nuser = 'member'\nitem = 'sku'\n\
         [job]\nout = 'out.csv'\nrun_dir = 'run'\nreport = 'report.html'\noverwrite = true\n\
         restart_if_changed = true\nmin_rows = 2\nmax_change = 0.9\nmax_disk = '1GiB'\n",
    );
    home.stderr("run jobs/night.toml");
    assert_eq!(home.read("jobs/out.csv"), NEIGHBOURS);
    assert!(home.read("jobs/report.html").starts_with("<!DOCTYPE html>"));
    home.write("orders.csv", ORDERS.replace("o,saw", "e,tea"));
    home.stderr("run jobs/night.toml");
    assert_ne!(home.read("jobs/out.csv"), NEIGHBOURS);
    let written = home.stdout("config jobs/night.toml --toml");
    for line in [
        "overwrite = true",
        "restart_if_changed = true",
        "min_rows = 2",
        "max_change = \"0.9\"",
        "max_disk = \"1GiB\"",
    ] {
        assert!(written.contains(line), "{line}: {written}");
    }
    let refused = home.ilk("run jobs/night.toml --overwrite=false -k 1");
    assert!(refused.stderr.contains("exists"), "{}", refused.stderr);
}

#[test]
fn the_disk_is_bounded_and_nothing_is_lost() {
    let home = Home::new();
    home.write("orders.csv", crowd(20_000, 3_000, 40));
    home.stderr(&format!("{RUN} --out plain.parquet --threads 2"));
    let expected = home.bytes("plain.parquet");
    let size = |home: &Home| {
        let files = home.tree().into_iter().filter(|(path, _)| path.starts_with(home.join("run")));
        files.map(|(_, bytes)| bytes.map_or(0, |bytes| bytes.len() as u64)).sum::<u64>()
    };
    for (memory, least) in [("", 1), ("--memory 62MiB", 2)] {
        let (mut stopped, mut done) = (0, false);
        for mebi in (1..40).step_by(4) {
            let run = format!("{RUN} --run-dir run --threads 2 {memory} --max-disk {mebi}MiB");
            let ran = home.ilk(&run);
            let errors = ran.stderr.lines().filter(|line| line.starts_with("error: "));
            match ran.code {
                Some(0) => {
                    assert!(
                        home.bytes("run/neighbours.parquet") == expected,
                        "{mebi} MiB {memory}"
                    );
                    done = true;
                    break;
                }
                Some(1) => {
                    stopped += 1;
                    assert_eq!(errors.count(), 1, "{}", ran.stderr);
                    assert!(ran.stderr.contains("max_disk"), "{}", ran.stderr);
                    assert!(ran.stderr.contains("help: raise --max-disk"), "{}", ran.stderr);
                    // Manifest, lock and report are small, and not counted while they are written.
                    assert!(size(&home) < (mebi << 20) + (1 << 18), "{mebi}: {}", size(&home));
                }
                code => panic!("{code:?} {}", ran.stderr),
            }
        }
        assert!(stopped >= least && done, "{memory}: {stopped}");
        fs::remove_dir_all(home.join("run")).expect("removed");
    }
    // Without a run directory nothing is left at all.
    let ran =
        home.ilk(&format!("{RUN} --out out.parquet --threads 2 --memory 62MiB --max-disk 1MiB"));
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("error: the run needs more than 1.0 MiB of disk space (max_disk)"));
    assert_eq!(home.names(), ["orders.csv", "plain.parquet"]);
}

#[test]
fn a_status_says_how_far_a_run_has_come() {
    let home = Home::with_orders();
    let none = home.ilk("status .");
    assert_eq!(none.code, Some(2));
    assert!(none.stderr.contains("error: . contains no run"), "{}", none.stderr);
    home.stderr(&format!("{RUN} --run-dir run --out out.csv"));
    let json = status(&home, "run");
    assert_eq!(json["state"], "finished");
    assert_eq!((json["rows"].as_u64(), json["stages"].as_u64()), (Some(6), Some(8)));
    assert_eq!(json["stages_done"].as_array().map(Vec::len), Some(8));
    assert_eq!(json["out"]["is_as_written"], true);
    let text = home.stdout("status run");
    assert!(
        text.starts_with("state     finished\nstages    8 of 8 done\nresult    6 rows\n"),
        "{text}"
    );
    home.write("out.csv", "mine");
    assert_eq!(status(&home, "run")["out"]["is_as_written"], false);
    assert!(home.stdout("status run").contains("changed, moved or removed since the run"));
}
