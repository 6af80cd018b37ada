//! The ledger of past runs.

use std::{fs, process::Command};

use crate::tools::{Home, whole_lines};

/// The program, with a ledger in the folder.
fn command(home: &Home, arguments: &str) -> Command {
    let mut command = home.command(arguments);
    command.env("ILK_USAGE_FILE", home.join("usage.jsonl")).env("TZ", "UTC");
    command
}

fn run(home: &Home, arguments: &str) -> String {
    let output = command(home, arguments).output().expect("ilk runs");
    String::from_utf8(output.stdout).expect("UTF-8") + &whole_lines(output.stderr)
}

const RUN: &str = "run orders.csv --user member --item sku -q";

/// The ledger's lines as JSON.
fn lines(home: &Home) -> Vec<serde_json::Value> {
    let text = home.read("usage.jsonl");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn every_run_is_noted_however_it_ends() {
    let home = Home::with_orders();
    run(&home, &format!("{RUN} -o one.csv"));
    run(&home, &format!("{RUN} -o two.csv --strict --weight quantity --where quantity>100"));
    home.write("torn.parquet", "PAR1");
    run(&home, "run torn.parquet --user member --item sku -q -o three.csv");
    // What is wrong before the work begins is no run.
    run(&home, "run");
    let lines = lines(&home);
    let outcomes = lines.iter().map(|line| line["outcome"].as_str().expect("an outcome"));
    assert_eq!(outcomes.collect::<Vec<_>>(), ["done", "failed", "failed"]);
    let first = &lines[0];
    assert_eq!((first["rows"].as_u64(), first["interactions"].as_u64()), (Some(11), Some(11)));
    assert_eq!(first["pair_operations"].as_u64(), Some(7));
    assert_eq!(first["input"], "orders.csv");
    assert!(first["seconds"].as_f64().is_some_and(|seconds| (0.0..60.0).contains(&seconds)));
}

#[test]
fn runs_in_a_directory_count_what_they_do() {
    let home = Home::with_orders();
    run(&home, &format!("{RUN} --run-dir run"));
    run(&home, &format!("{RUN} --run-dir run"));
    let lines = lines(&home);
    let counts = |line: &serde_json::Value| {
        ["rows", "interactions", "pair_operations"].map(|name| line[name].as_u64())
    };
    assert_eq!(counts(&lines[0]), [Some(11), Some(11), Some(7)]);
    // The second had nothing to do.
    assert_eq!(counts(&lines[1]), [Some(0), Some(0), Some(0)]);
}

/// Days and months far from today, so that only months show.
const LEDGER: &str = r#"{"finished":"2024-02-28T10:00:00Z","outcome":"done","input":"a","seconds":3600.0,"cpu_seconds":7000.0,"rows":1000000,"interactions":900000,"pair_operations":5000000000,"bytes_read":1048576,"bytes_written":2048}
{"finished":"2024-02-29T10:00:00Z","outcome":"failed","input":"b","seconds":1800.0,"cpu_seconds":null,"rows":10,"interactions":0,"pair_operations":0,"bytes_read":null,"bytes_written":null}
{"finished":"2024-03-01T10:0
{"finished":"2024-03-01T10:00:00Z","outcome":"done","input":"a","seconds":360.0,"cpu_seconds":700.0,"rows":5,"interactions":5,"pair_operations":9,"bytes_read":1,"bytes_written":2,"price_per_hour":10.0}
"#;

#[test]
fn days_and_months_are_added_up() {
    let home = Home::new();
    assert!(run(&home, "usage").starts_with("no runs yet: `ilk run` adds a line to "));
    home.write("usage.jsonl", LEDGER);
    let told = run(&home, "usage --price-per-hour 2 --budget-month 100 --days 30");
    let hide = |text: &str| text.replace(&home.path().display().to_string(), "FOLDER");
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"20\d\d-\d\d: 0", "[month]: 0");
    settings.bind(|| insta::assert_snapshot!("usage", hide(&told)));
    let json = run(&home, "usage --format json");
    settings.bind(|| insta::assert_snapshot!("usage_json", hide(&json)));
}

#[test]
fn this_months_budget_is_watched() {
    let home = Home::with_orders();
    run(&home, &format!("{RUN} -o one.csv"));
    let entry = home.read("usage.jsonl");
    let start = entry.find("\"seconds\":").expect("seconds") + "\"seconds\":".len();
    let end = start + entry[start..].find(',').expect("more");
    home.write("usage.jsonl", format!("{}7200.0{}", &entry[..start], &entry[end..]));
    let told = run(&home, "usage --price-per-hour 3.20 --budget-month 100");
    let last = told.lines().last().expect("a line");
    assert!(last.ends_with("6.40 of 100.00 spent, 93.60 left, enough for 29.2 h"), "{told}");
    let told = run(&home, "usage --price-per-hour 3.20 --budget-month 5");
    assert!(told.ends_with("6.40 spent, 1.40 over the budget of 5.00\n"), "{told}");
    let told = run(&home, "usage --budget-month 5");
    assert!(told.starts_with("error: "), "{told}");
}

#[test]
fn a_check_fails_where_the_month_is_over_its_budget() {
    let home = Home::with_orders();
    run(&home, &format!("{RUN} -o one.csv --price-per-hour 1000000000"));
    let check = |budget: &str| {
        let arguments = format!("usage --price-per-hour 1 --budget-month {budget} --check");
        let output = command(&home, &arguments).output().expect("ilk runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.stdout.is_empty());
        (output.status.code(), told)
    };
    assert_eq!(check("100000000000"), (Some(0), String::new()));
    let (code, told) = check("0.01");
    assert_eq!(code, Some(1));
    assert!(told.starts_with("error: ") && told.contains(" is over its budget: "), "{told}");
    let told = run(&home, "usage --check");
    assert!(told.contains("--budget-month"), "{told}");
}

#[test]
fn jobs_are_listed_with_their_last_outcome_and_error() {
    let home = Home::with_orders();
    home.write(
        "night.toml",
        "[datasource.orders]\ninput = 'orders.csv'\nuser = 'member'\nitem = 'sku'\n\
         [job]\nout = 'out.csv'\n",
    );
    run(&home, "run night.toml -q");
    run(&home, "run night.toml -q");
    run(&home, &format!("{RUN} -o other.csv"));
    let told = run(&home, "usage");
    let jobs = told.split("\n\n").find(|part| part.starts_with("job ")).expect("a table");
    let rows = jobs.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let rows = rows.collect::<Vec<_>>();
    assert_eq!(rows[0], ["job", "runs", "failed", "time", "last", "run", "outcome"]);
    assert_eq!((&rows[1][..3], rows[1].last()), (&["night.toml", "2", "1"][..], Some(&"failed")));
    assert_eq!((&rows[2][..2], rows[2].last()), (&["other.csv", "1"][..], Some(&"done")));
    assert!(told.ends_with("\n\nnight.toml: output out.csv exists\n"), "{told}");
    let json = serde_json::from_str::<serde_json::Value>(&run(&home, "usage --format json"));
    let jobs = json.expect("JSON")["jobs"].clone();
    assert_eq!(
        (&jobs[0]["job"], &jobs[0]["last"]["outcome"]),
        (&"night.toml".into(), &"failed".into())
    );
    assert_eq!(jobs[0]["last"]["error"], "output out.csv exists");
    assert_eq!(jobs[1]["last"]["error"], serde_json::Value::Null);
}

#[test]
fn runs_that_end_at_once_are_all_noted() {
    let home = Home::with_orders();
    let start = |number: usize| {
        command(&home, &format!("{RUN} -o {number}.csv")).spawn().expect("ilk starts")
    };
    for mut child in (0..8).map(start).collect::<Vec<_>>() {
        assert!(child.wait().expect("ilk ends").success());
    }
    assert_eq!(lines(&home).len(), 8);
}

#[test]
fn no_ledger_is_kept_without_a_home_or_when_it_is_off() {
    let home = Home::with_orders();
    for off in [Some("off"), None] {
        let mut command = home.command(&format!("{RUN} -o out.csv --overwrite"));
        match off {
            Some(off) => command.env("ILK_USAGE_FILE", off),
            None => command.env_remove("ILK_USAGE_FILE"),
        };
        assert!(command.status().expect("ilk runs").success());
        assert_eq!(home.names(), ["orders.csv", "out.csv"]);
    }
    let told = home.ilk("usage");
    assert_eq!(told.code, Some(2));
    assert!(told.stderr.contains("past runs are not recorded"), "{}", told.stderr);
}

#[test]
#[cfg(unix)]
fn the_ledger_lies_in_the_users_state_folder() {
    let home = Home::with_orders();
    let run = |state: Option<&str>| {
        let mut command = home.command(&format!("{RUN} -o out.csv --overwrite"));
        command.env_remove("ILK_USAGE_FILE").env("HOME", home.join("me"));
        if let Some(state) = state {
            command.env("XDG_STATE_HOME", home.join(state));
        }
        assert!(command.status().expect("ilk runs").success());
    };
    run(None);
    run(Some("state"));
    for place in ["me/.local/state/ilk/usage.jsonl", "state/ilk/usage.jsonl"] {
        assert_eq!(home.read(place).lines().count(), 1, "{place}");
    }
}

#[test]
#[cfg(unix)]
fn a_ledger_that_cannot_be_written_stops_no_run() {
    let home = Home::with_orders();
    fs::create_dir(home.join("usage.jsonl")).expect("a folder in its place");
    let output = command(&home, "run orders.csv --user member --item sku -o out.csv");
    let output = { output }.output().expect("ilk runs");
    assert!(output.status.success());
    let told = whole_lines(output.stderr);
    assert!(told.contains("this run was not recorded in "), "{told}");
}
