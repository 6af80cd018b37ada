//! Knowing the cost before paying it: the plan, and budgets that a run keeps.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::tools::{Home, crowd};

const COLUMNS: &str = "--user member --item sku";

fn home() -> Home {
    let home = Home::new();
    home.write("orders.csv", crowd(2_000, 400, 12));
    home
}

/// Numbers that a machine measures, or that depend on what it has.
fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\d+(\.\d+)? (KiB|MiB|GiB|TiB)", "[size]");
    settings.add_filter(r"\d+ min \d+ s|\d+\.\d+ s\b", "[time]");
    settings.add_filter(r"x \d+\.\d+", "x [n]");
    settings.add_filter(r"\b\d+\.\d{2,3}\b", "[n]");
    settings.add_filter(r"(?m)^  corrected by the samples.*\n", "");
    settings.add_filter(r"(?m)^time grows .*\n\n?", "");
    // How many items the head takes depends on how fast the machine is.
    settings.add_filter(r"(?m)^(head|tail) items .*\n", "");
    settings.add_filter(r"(?m)^tiles +\d+", "tiles [n]");
    settings.add_filter(r"–", "[size]");
    settings.add_filter(r" {2,}", "  ");
    settings
}

fn plan(home: &Home, arguments: &str) -> Value {
    let text = home.stdout(&format!("plan orders.csv {COLUMNS} {arguments} --format json"));
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn a_plan_is_told_in_words() {
    let home = home();
    let call = format!("plan orders.csv {COLUMNS} --threads 2 --price-per-hour 3.20");
    let told = home.stdout(&call);
    settings().bind(|| insta::assert_snapshot!("plan", told));
    let laid_out = |line: &str| line.starts_with("head") || line.starts_with("tail");
    assert!(!told.lines().any(laid_out), "{told}");
    let proved = home.stdout(&format!("{call} --prove"));
    settings().bind(|| insta::assert_snapshot!("plan_proved", proved));
    for told in [told, proved] {
        assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
    }
    let details = home.stdout(&format!("{call} --details --prove"));
    assert!(details.lines().any(laid_out), "{details}");
    settings().bind(|| insta::assert_snapshot!("plan_details", details));
    assert_eq!(home.names(), ["orders.csv"], "a plan writes nothing");
}

#[test]
fn a_plan_is_a_value() {
    let home = home();
    let counted = plan(&home, "-k 7 --threads 2");
    assert_eq!(counted["proved"], false);
    assert_eq!(counted["ladder"]["rungs"].as_array().expect("rungs").len(), 0);
    assert!(counted["needs"]["seconds"].as_f64().expect("seconds") > 0.0);
    assert_eq!(
        (&counted["share_read"], &counted["uncertainty"]),
        (&Value::from(1.0), &Value::Null)
    );
    let plan = plan(&home, "-k 7 --threads 2 --prove");
    assert_eq!(plan["proved"], true);
    let fields = plan.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    insta::assert_snapshot!("plan_fields", fields.join("\n"));
    // Exact: as `inspect` counts.
    let size = &plan["outlook"]["size"];
    let text = home.read("orders.csv");
    let pairs = text.lines().skip(1).map(|line| line.rsplit_once(',').expect("columns").0);
    let pairs = pairs.collect::<BTreeSet<_>>();
    assert_eq!(size["interactions"], pairs.len());
    assert_eq!(size["users"], 2_000);
    let mut of_users = std::collections::BTreeMap::new();
    for pair in &pairs {
        *of_users.entry(pair.split(',').next()).or_insert(0_u64) += 1;
    }
    let operations = of_users.values().map(|items| items * (items - 1) / 2).sum::<u64>();
    assert_eq!(size["pair_operations"], operations);
    assert_eq!(plan["verdict_fits"], true);
    assert!(plan["tiles"].as_u64().expect("tiles") > 0);
    // Rungs are nested: each has more users than the one before, about as many as its rate says.
    let rungs = plan["ladder"]["rungs"].as_array().expect("rungs");
    assert_eq!(rungs.len(), 4, "{plan}");
    for rung in rungs {
        let (rate, users) = (rung["rate"].as_f64(), rung["size"]["users"].as_f64());
        let expected = 2_000.0 * rate.expect("a rate");
        assert!((users.expect("users") - expected).abs() < 0.1 * expected + 20.0, "{rung}");
        assert_eq!(rung["tiles"], rung["computed_tiles"], "small samples are computed whole");
    }
}

/// Reads a number of a table: the second word of the line that begins with `name`.
fn number(text: &str, name: &str) -> u64 {
    let line = text.lines().find(|line| line.starts_with(&format!("{name} "))).expect(name);
    let rest = line[name.len()..].trim_start();
    let digits = rest.split(' ').next().expect("a number").replace(',', "");
    digits.parse().unwrap_or_else(|_| panic!("{line}"))
}

#[test]
fn plan_inspect_and_run_agree_on_what_they_share() {
    let home = Home::new();
    // As many items as are worth several chunks of bits, so that the head has a size to differ in.
    home.write("orders.csv", crowd(3_000, 3_000, 40));
    home.write("few.txt", "1\n2\n3\n");
    let inspected = home.stdout(&format!("inspect orders.csv {COLUMNS}"));
    for arguments in ["", "--for few.txt", "--min-support 5", "--run-dir kept"] {
        let plan = plan(&home, arguments);
        let output =
            if arguments.contains("--run-dir") { "" } else { "-o out.parquet --overwrite" };
        let told =
            home.stderr(&format!("run orders.csv {COLUMNS} {arguments} {output} --log json"));
        let events = told.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let events = events.filter(|event| event["event"] == "stage_finished").collect::<Vec<_>>();
        let ran = |name: &str| {
            let found = events.iter().find_map(|event| event.get(name)?.as_u64());
            found.unwrap_or_else(|| panic!("no {name} in {told}"))
        };
        let outlook = &plan["outlook"];
        for name in ["users", "items", "interactions"] {
            assert_eq!(outlook["size"][name], ran(name), "{name}, {arguments}");
        }
        assert_eq!(outlook["operations"], ran("pair_operations"), "{arguments}");
        assert_eq!(outlook["head_items"], ran("head_items"), "{arguments}");
        assert_eq!(outlook["neighbours"].as_u64() > Some(150), arguments != "--for few.txt");
        if !arguments.contains("--min-support") {
            for name in ["users", "items", "interactions"] {
                assert_eq!(number(&inspected, name), ran(name), "{name}, {arguments}");
            }
        }
    }
    // What is planned in words is what is counted.
    let told = home.stdout(&format!("plan orders.csv {COLUMNS}"));
    for name in ["users", "items", "interactions"] {
        assert_eq!(number(&told, name), number(&inspected, name), "{name}");
    }
}

#[test]
fn a_plan_cuts_the_tiles_that_a_run_computes() {
    let home = home();
    let plan = plan(&home, "--run-dir kept --prove");
    // Whatever was measured, with a budget of time as without one.
    for budget in ["", "--budget-time 2h --restart"] {
        home.stdout(&format!("run orders.csv {COLUMNS} --run-dir kept {budget}"));
        let manifest: Value = serde_json::from_str(&home.read("kept/run.json")).expect("JSON");
        let planned = &manifest["stages"]["plan"]["counters"];
        assert_eq!(plan["tiles"], planned["tiles"], "{budget}: {planned}");
        assert_eq!(plan["outlook"]["operations"], planned["pair_operations"]);
    }
}

#[test]
fn the_speed_of_the_machine_is_measured_once() {
    let home = Home::with_orders();
    let call = |arguments: &str| {
        let mut command = home.command(arguments);
        command.env("ILK_USAGE_FILE", home.join("state/usage.jsonl"));
        let output = command.output().expect("ilk runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (
            String::from_utf8(output.stdout).expect("UTF-8"),
            String::from_utf8(output.stderr).expect("UTF-8"),
        )
    };
    let plan = format!("plan orders.csv {COLUMNS} --format json");
    let machine = |arguments: &str| {
        let plan: Value = serde_json::from_str(&call(arguments).0).expect("JSON");
        (plan["machine"].clone(), plan["machine_measured"].clone())
    };
    let first = machine(&plan);
    assert_eq!(machine(&plan), first);
    let run = format!("run orders.csv {COLUMNS} -o out.csv --budget-time 2h");
    assert!(!call(&run).1.contains("the speed of this machine"));
    assert_ne!(machine(&format!("{plan} --prove")).1, first.1, "measured anew");
    // A file that was cut off is measured again.
    home.write("state/machine.json", "{\"host\":");
    assert!(call(&format!("{run} --overwrite")).1.contains("the speed of this machine"));
}

#[test]
fn a_plan_says_whether_the_job_fits_its_budget() {
    let home = home();
    let memory = plan(&home, "--budget-memory 1MiB");
    assert_eq!(memory["verdict_fits"], false);
    assert!(memory["sentence"].as_str().expect("text").contains("of memory, more than 1 MiB"));
    let time = plan(&home, "--budget-time 1ms");
    assert!(time["sentence"].as_str().expect("text").starts_with("needs "), "{time}");
    let cost = plan(&home, "--budget-cost 0.0000001 --price-per-hour 3.20");
    assert_eq!(cost["verdict_fits"], false);
    assert!(cost["price"].as_f64().expect("a price") > 1e-7, "{cost}");
    let fits = plan(&home, "--budget-memory 4GiB --budget-time 2h");
    assert_eq!(fits["verdict_fits"], true);
    let told = home.stdout(&format!("plan orders.csv {COLUMNS} --budget-time 1ms"));
    let last = told.trim_end().rsplit("\n\n").next().expect("a verdict").to_owned();
    settings().bind(|| insta::assert_snapshot!("plan_refused", last));
}

#[test]
fn a_plan_reads_job_files_and_lists() {
    let home = home();
    home.write("few.txt", "1\n2\n3\n");
    home.write(
        "job.toml",
        "[datasource.orders]\ninput = \"orders.csv\"\nuser = \"member\"\nitem = \"sku\"\n\
         [job]\ntop = 5\nfor = \"few.txt\"\nbudget_time = \"2h\"\nbudget_memory = \"4GiB\"\n",
    );
    let told = home.stdout("plan job.toml --format json");
    let plan: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(plan["outlook"]["neighbours"], 15);
    assert_eq!(plan["limits"]["seconds"], 7_200.0);
    assert_eq!(plan["limits"]["memory"], 4_u64 << 30);
}

#[test]
fn a_run_over_its_budget_of_time_is_refused_before_it_starts() {
    let home = home();
    let run = format!("run orders.csv {COLUMNS} -o out.parquet");
    for budget in ["--budget-time 1ms", "--budget-cost 0.0000001 --price-per-hour 3.20"] {
        let refused = home.ilk(&format!("{run} {budget}"));
        assert_eq!(refused.code, Some(1), "{}", refused.stderr);
        assert_eq!(home.names(), ["orders.csv"], "nothing is left");
        let error = refused.stderr.lines().find(|line| line.starts_with("error")).expect("one");
        assert!(error.starts_with("error: the job needs about "), "{error}");
        assert!(error.contains(", more than budget_"), "{error}");
    }
    let told = home.stderr(&format!("{run} --budget-time 1ms --force"));
    assert!(told.contains("writing"), "{told}");
}

#[test]
fn a_run_over_its_budget_of_memory_is_told_what_would_help() {
    let home = Home::new();
    // Lists of many neighbours are what takes memory here.
    home.write("orders.csv", crowd(600, 12_000, 60));
    let run = format!("run orders.csv {COLUMNS} -k 1000 -o out.parquet");
    let refused = home.ilk(&format!("{run} --budget-memory 70MiB"));
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    let told = refused.stderr.lines().filter(|line| !line.starts_with("reading"));
    let told = told.filter(|line| !line.starts_with("sorting")).collect::<Vec<_>>().join("\n");
    settings().bind(|| insta::assert_snapshot!("budget_memory", told));
    // What it says would help does.
    let (_, support) = refused.stderr.split_once("--min-support ").expect("a support");
    let support = support.split(' ').next().expect("a number");
    home.stdout(&format!("{run} --budget-memory 70MiB --min-support {support}"));
    // Where the system tells what was taken, a run that is over its budget goes no further.
    let much = home.ilk(&format!("{run} --budget-memory 5MiB --overwrite"));
    assert_eq!(much.code, Some(1), "{}", much.stderr);
    if cfg!(target_os = "linux") {
        assert!(much.stderr.contains("reading and sorting took "), "{}", much.stderr);
    }
}

#[test]
fn budgets_hold_in_run_directories() {
    let home = home();
    let run = format!("run orders.csv {COLUMNS} --run-dir run");
    let refused = home.ilk(&format!("{run} --budget-time 1ms"));
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(refused.stderr.contains("error: the job needs about "), "{}", refused.stderr);
    assert!(refused.stderr.contains(", more than budget_time 1ms"), "{}", refused.stderr);
    assert!(!home.join("run/matrix.parquet").exists(), "it stops before the work is laid out");
    let refused = home.ilk(&format!("{run} --budget-memory 5MiB"));
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    // With more to spend it goes on, and time that was spent counts.
    let told = home.stderr(&format!("{run} --budget-time 2h --budget-memory 4GiB"));
    assert!(told.contains("resuming   run: 3 of 8 stages are already done"), "{told}");
    home.stdout(&format!("run orders.csv {COLUMNS} -o out.parquet"));
    assert!(home.bytes("run/neighbours.parquet") == home.bytes("out.parquet"));
}

#[test]
fn budgets_hold_for_jobs_through_files() {
    let home = Home::new();
    home.write("orders.csv", crowd(12_000, 3_000, 60));
    // Rows that are summed up have weights, and weights take memory.
    let run = format!("run orders.csv {COLUMNS} --duplicates sum --weighting raw --memory 62MiB");
    for place in ["-o out.parquet", "--run-dir run"] {
        let refused = home.ilk(&format!("{run} {place} --budget-time 50ms"));
        assert_eq!(refused.code, Some(1), "{}", refused.stderr);
        assert!(refused.stderr.contains(" through working files, more than budget_time 50ms"));
        assert!(refused.stderr.contains("help: more --memory may make it faster; "));
        let refused = home.ilk(&format!("{run} {place} --budget-memory 61MiB"));
        assert_eq!(refused.code, Some(1), "{}", refused.stderr);
        home.stdout(&format!("{run} {place} --budget-time 2h --budget-memory 62MiB"));
    }
    assert!(home.bytes("run/neighbours.parquet") == home.bytes("out.parquet"));
}

#[test]
fn budgets_change_no_result() {
    let home = home();
    home.stdout(&format!("run orders.csv {COLUMNS} -o out.parquet"));
    home.stdout(&format!(
        "run orders.csv {COLUMNS} -o kept.parquet --budget-time 2h --budget-memory 4GiB"
    ));
    assert_eq!(home.bytes("out.parquet"), home.bytes("kept.parquet"));
}

#[test]
fn budgets_are_settings_like_all_others() {
    let home = home();
    home.write(
        "job.toml",
        "[datasource.orders]\ninput = \"orders.csv\"\nuser = \"member\"\nitem = \"sku\"\n\
         [job]\nbudget_time = \"30m\"\nbudget_memory = \"1.5GiB\"\nprice_per_hour = 3.2\n",
    );
    let mut command = home.command("config job.toml --budget-cost 12.50");
    let told = command.env("ILK_BUDGET_TIME", "2h").output().expect("ilk runs");
    let told = String::from_utf8(told.stdout).expect("UTF-8");
    let budgets = told.lines().skip_while(|line| !line.starts_with("budget_time"));
    insta::assert_snapshot!(budgets.collect::<Vec<_>>().join("\n"), @r"
    budget_time          2h            ILK_BUDGET_TIME
    budget_hard          false         default
    budget_memory        1536MiB       job.toml [job]
    max_disk             –             default
    budget_cost          12.5          command line
    price_per_hour       3.2           job.toml [job]
    ");
    let toml = home.stdout("config job.toml --budget-cost 12.50 --toml");
    insta::assert_snapshot!(toml, @r#"
    [datasource.orders]
    input = ["orders.csv"]
    user = "member"
    item = "sku"

    [job]
    datasource = "orders"
    budget_time = "30m"
    budget_memory = "1536MiB"
    budget_cost = 12.5
    price_per_hour = 3.2
    "#);
    let wrong = [
        "config --budget-cost 5",
        "config --budget-cost 0 --price-per-hour 1",
        "config --budget-time 30",
        "config --budget-memory 2",
        "config --price-per-hour -1",
    ];
    let wrong = wrong.map(|arguments| {
        let ran = home.ilk(arguments);
        assert_eq!(ran.code, Some(2), "{arguments}");
        ran.stderr
    });
    insta::assert_snapshot!("budget_errors", wrong.join(""));
}

#[test]
fn measuring_the_machine_is_not_time_that_the_job_takes() {
    let home = Home::with_orders();
    // A handful of rows takes milliseconds, measuring about a second.
    let told = home.stderr(&format!("run orders.csv {COLUMNS} -o out.csv --budget-time 500ms"));
    assert!(told.contains("the speed of this machine"), "{told}");
}

#[test]
fn a_limit_of_memory_says_what_run_does_about_it() {
    let home = Home::with_orders();
    let note = "above 12 MiB (--memory) `ilk run` uses working files";
    let told = home.stdout(&format!("plan orders.csv {COLUMNS} --memory 12MiB"));
    assert!(told.contains(note), "{told}");
    let told = home.stdout(&format!("plan orders.csv {COLUMNS} --memory 2GiB"));
    assert!(!told.contains("uses working files"), "{told}");
}

#[test]
fn a_plan_takes_job_files_that_publish_but_not_their_flags() {
    let home = Home::with_orders();
    home.write(
        "job.toml",
        "[datasource.a]\ninput = 'orders.csv'\nuser = 'member'\nitem = 'sku'\n[job]\n\
         out = 'out.csv'\noverwrite = true\nreport = 'out.html'\ncsv_safe = true\nmin_rows = 2\n\
         max_change = '30%'\nrun_dir = 'run'\nrestart_if_changed = true\n",
    );
    let ran = home.ilk("plan job.toml --quiet").expect_success("plan job.toml");
    assert_eq!((ran.stderr.as_str(), home.names().len()), ("", 2), "{:?}", home.names());
    let variables = home.command("plan job.toml").env("ILK_MIN_ROWS", "5").output();
    let told = crate::tools::whole_lines(variables.expect("ilk runs").stderr);
    assert!(!told.contains("ILK_MIN_ROWS"), "{told}");
    for flag in ["overwrite", "report x.html", "csv-safe", "min-rows 1", "max-change 10%"] {
        let refused = home.ilk(&format!("plan job.toml --{flag}"));
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        // Samples are written, too.
        let others = if flag == "overwrite" { "`ilk run`, `ilk sample`" } else { "`ilk run`" };
        let help = format!("help: {others} and `ilk config` take it; leave it out of `ilk plan`");
        assert!(refused.stderr.contains(&help), "{}", refused.stderr);
    }
    let shown = home.stdout("config job.toml --min-rows 7");
    assert!(
        shown.lines().any(|line| line.starts_with("min_rows") && line.contains('7')),
        "{shown}"
    );
}
