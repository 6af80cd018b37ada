//! What goes to stderr: lines for people, events for machines, silence.

use crate::tools::{Home, settings};

const RUN: &str = "run orders.csv --user member --item sku --weight quantity -o out.csv";

#[test]
fn quiet_says_nothing() {
    let home = Home::with_orders();
    let ran = home.ilk(&format!("{RUN} --quiet")).expect_success(RUN);
    assert_eq!((ran.stdout, ran.stderr), (String::new(), String::new()));
    let refused = home.ilk(&format!("{RUN} -q"));
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.starts_with("error: output out.csv exists\n"), "{}", refused.stderr);
    let refused = home.ilk(&format!("{RUN} -q --log json"));
    assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.stderr);
}

#[test]
fn every_event_is_a_json_object() {
    let home = Home::with_orders();
    home.write(
        "orders.csv",
        home.read("orders.csv") + ",mug,Mug,1,2026-01-01,FR\nb,mug,Mug,-1,2026-01-01,FR\n",
    );
    let told = home.stderr(&format!("{RUN} --log json --min-support 2"));
    let mut stages = Vec::new();
    for line in told.lines() {
        let record: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert!(record["event"].is_string(), "{line}");
        let timestamp = record["timestamp"].as_str().expect("a timestamp");
        assert!(timestamp.parse::<jiff::Timestamp>().is_ok(), "{line}");
        assert!(timestamp.ends_with('Z'), "{line}");
        if record["event"] == "stage_finished" {
            assert!(record["seconds"].as_f64().is_some_and(|seconds| seconds >= 0.0), "{line}");
            stages.push(record["name"].as_str().expect("a name").to_owned());
        }
    }
    assert_eq!(stages, ["reading", "sorting", "comparing", "writing"]);
    settings().bind(|| insta::assert_snapshot!("events", told));
    let error = home.ilk(&format!("{RUN} --log=json"));
    let records = events(&error.stderr);
    let [record, last] = &records[..] else { panic!("{}", error.stderr) };
    assert_eq!((&record["event"], &record["exit_code"]), (&"error".into(), &2.into()));
    assert_eq!((&last["event"], &last["outcome"]), (&"run_finished".into(), &"failed".into()));
    assert_eq!((&last["error"], &last["exit_code"]), (&record["message"], &2.into()));
}

#[test]
fn the_last_event_of_a_run_has_its_figures() {
    let home = Home::with_orders();
    for place in ["-o out.csv", "--run-dir run"] {
        let told =
            home.stderr(&format!("run orders.csv --user member --item sku {place} --log json"));
        let records = events(&told);
        let last = records.last().expect("an event");
        assert_eq!((&last["event"], &last["outcome"]), (&"run_finished".into(), &"done".into()));
        let counts = ["rows", "interactions", "pair_operations", "neighbours", "exit_code"];
        assert_eq!(counts.map(|name| last[name].as_u64()), [11, 11, 7, 6, 0].map(Some), "{told}");
        assert!(last["error"].is_null() && last["seconds"].as_f64().is_some(), "{told}");
        if cfg!(target_os = "linux") {
            let bytes = ["peak_memory_bytes", "read_bytes", "written_bytes"];
            let bytes = bytes.map(|name| last[name].as_u64().expect("bytes"));
            assert!(bytes.iter().all(|bytes| *bytes > 0), "{told}");
        }
        assert_eq!(records.iter().filter(|record| record["event"] == "run_finished").count(), 1);
    }
    // What is no run has none.
    let told = home.ilk("similar out.csv tea --log json").stderr;
    assert!(!told.contains("run_finished"), "{told}");
}

/// Reads events.
fn events(told: &str) -> Vec<serde_json::Value> {
    told.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn no_bars_where_nobody_sees_them() {
    let home = Home::with_orders();
    let told = printed(&home, RUN, "80");
    assert!(!told.contains(['\u{1b}', '\r']), "{told:?}");
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
}

/// What a call prints to stderr on a terminal of so many columns.
fn printed(home: &Home, arguments: &str, columns: &str) -> String {
    let output = home.command(arguments).env("COLUMNS", columns).output().expect("ilk runs");
    String::from_utf8(output.stderr).expect("UTF-8")
}

#[test]
fn long_messages_are_wrapped_but_commands_are_not() {
    let home = Home::with_orders();
    for columns in [80, 60, 40] {
        let told = printed(&home, &format!("{RUN} --measure cosin"), &columns.to_string());
        assert!(told.lines().count() > 3, "{told}");
        assert!(told.lines().all(|line| line.chars().count() <= columns), "{told}");
        let begins =
            |line: &str| ["error: ", "help: ", "      "].iter().any(|s| line.starts_with(s));
        assert!(told.lines().all(begins), "{told}");
    }
    let command = "`ilk run orders.csv --user member --item product --out similar.parquet`";
    assert!(printed(&home, "run", "40").lines().any(|line| line.contains(command)));
    home.write("quoted.csv", "user;item\n1;a\n1;b\n2;a\n2;NULL\n");
    let told = printed(&home, "run quoted.csv -o quoted.out.csv", "40");
    assert!(told.contains("--user user") && told.contains("--null NULL"), "{told}");
    assert!(told.lines().all(|line| line.chars().count() <= 40), "{told}");
}
