//! Budgets that a run is held to while it works, and what is said of them.

use crate::tools::{Home, crowd};

const RUN: &str = "run orders.csv --user member --item sku";

/// No run is as short as that, however fast the machine is.
const NO_TIME: &str = "--budget-cost 0.000000001 --price-per-hour 1000 --budget-hard --force";

/// More rows than are read at once.
fn busy() -> Home {
    let home = Home::new();
    home.write("orders.csv", crowd(10_000, 2_000, 30));
    home
}

#[test]
fn a_prediction_is_told_before_the_work() {
    let home = Home::with_orders();
    for place in ["--out out.csv", "--run-dir run"] {
        let told = home.stderr(&format!("{RUN} {place} --budget-time 2h"));
        let lines = told.lines().filter(|line| line.contains("predicted"));
        let [line] = lines.collect::<Vec<_>>()[..] else { panic!("{told}") };
        assert!(line.starts_with("note       predicted "), "{told}");
        assert!(line.contains(", within budget_time 2h"), "{told}");
    }
    let told = home.stderr(&format!("{RUN} --out plain.csv"));
    assert!(!told.contains("predicted"), "{told}");
}

#[test]
fn a_run_is_stopped_at_its_budget_and_resumes() {
    let home = busy();
    home.stderr(&format!("{RUN} --out plain.csv"));
    let stopped = home.ilk(&format!("{RUN} --run-dir run --out out.csv {NO_TIME} --restart"));
    assert_eq!(stopped.code, Some(1), "{}", stopped.stderr);
    let lines = stopped.stderr.lines().rev().take(2).collect::<Vec<_>>();
    assert_eq!(
        lines,
        [
            "help: finished stages are kept in run; resume with `ilk run orders.csv --user member \
             --item sku --run-dir run --out out.csv --budget-cost 0.000000001 --price-per-hour 1000 \
             --budget-hard --force`",
            "error: stopped at budget_cost 0.000000001 at 1000 per hour",
        ]
    );
    assert!(!home.join("out.csv").exists());
    home.stderr(&format!("{RUN} --run-dir run --out out.csv --budget-time 2h --budget-hard"));
    assert!(home.bytes("out.csv") == home.bytes("plain.csv"));
    assert_eq!(home.names().iter().filter(|name| name.ends_with(".partial")).count(), 0);
}

#[test]
fn without_a_run_directory_nothing_is_left() {
    let home = busy();
    let mut command = home.command(&format!("{RUN} --out out.csv --log json {NO_TIME}"));
    let ran = command.env("ILK_USAGE_FILE", home.join("usage.jsonl")).output().expect("ilk runs");
    assert_eq!(ran.status.code(), Some(1));
    let told = String::from_utf8(ran.stderr).expect("UTF-8");
    let mut records = told
        .lines()
        .rev()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let last = records.next().expect("a last event");
    let error = records.next().expect("one before");
    assert_eq!((&error["event"], &error["kind"]), (&"error".into(), &"stopped".into()));
    assert!(error["help"].as_str().expect("help").contains("--run-dir DIR"), "{told}");
    assert_eq!((&last["event"], &last["outcome"]), (&"run_finished".into(), &"stopped".into()));
    let entry = serde_json::from_str::<serde_json::Value>(&home.read("usage.jsonl"));
    let entry = entry.expect("JSON");
    assert_eq!((&entry["outcome"], &entry["error"]), (&"stopped".into(), &error["message"]));
    assert_eq!(home.names(), ["orders.csv", "usage.jsonl"]);
}

#[test]
fn a_hard_budget_is_a_setting_like_others() {
    let home = Home::with_orders();
    home.write(
        "job.toml",
        "[datasource.orders]\ninput = 'orders.csv'\nuser = 'member'\nitem = 'sku'\n\
         [job]\nout = 'out.csv'\nbudget_time = '2h'\nbudget_hard = true\n",
    );
    assert!(home.stdout("config job.toml --toml").contains("budget_hard = true\n"));
    home.stderr("run job.toml");
    let refused = home.ilk(&format!("{RUN} --out new.csv --budget-hard"));
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    let message = "error: budget_hard needs budget_time or budget_cost\nhelp: ";
    assert!(refused.stderr.starts_with(message), "{}", refused.stderr);
}
