//! Run directories: what is kept, going on, looking at it, one stage alone.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use crate::tools::{Home, NEIGHBOURS, ORDERS, batch, neighbours, parquet, settings};

const RUN: &str = "run orders.csv --user member --item sku --weight quantity --item-label product \
                   --run-dir run";
const STAGES: [&str; 8] = ["read", "clean", "encode", "matrix", "plan", "tiles", "merge", "write"];

/// The orders with rows of every kind that is set aside.
fn home_with_trouble() -> Home {
    let home = Home::with_orders();
    home.write(
        "orders.csv",
        format!(
            "{ORDERS},tea,Black tea,1,2026-02-01,FR\na,,,1,2026-02-01,FR\n\
             d,tea,Black tea,-4,2026-02-01,DE\nd,mug,Mug,many,2026-02-02,DE\n\
             d,mug,Mug,1,soon,DE\nd,mug,Mug,2,2026-02-03,IT\n"
        ),
    );
    home
}

/// Everything in a run directory but what tells of the calls themselves.
fn results(home: &Home, run_dir: &str) -> BTreeMap<String, Vec<u8>> {
    let root = home.join(run_dir);
    let tree = home.tree().into_iter();
    let below = tree.filter_map(|(path, bytes)| {
        let name = path.strip_prefix(&root).ok()?.display().to_string();
        let is_told = ["run.json", "run.lock", "report.html"].contains(&name.as_str());
        // Tiles are grouped as time goes.
        (!is_told && !name.starts_with("tiles")).then_some((name, bytes?))
    });
    below.collect()
}

/// Also hides what differs between machines.
fn machine_settings() -> insta::Settings {
    let mut settings = settings();
    settings.add_filter(r#"("(cpu_)?seconds"): [\d.e-]+"#, "$1: 0.0");
    settings.add_filter(r#""peak_memory": (\d+|null)"#, r#""peak_memory": 0"#);
    settings.add_filter(r#""cpu_seconds": null"#, r#""cpu_seconds": 0.0"#);
    settings.add_filter(r#""checksum": "xxh3:\w+""#, r#""checksum": "xxh3:…""#);
    settings.add_filter(r"(\d{6})-[0-9a-f]{16}\.parquet", "$1-….parquet");
    settings.add_filter(r"(\d{6}\.\d{3})-[0-9a-f]{16}\.parquet", "$1-….parquet");
    settings.add_filter(r#""(begun|finished|modified)": "[^"]+""#, r#""$1": "[time]""#);
    settings.add_filter(r#""folder": "[^"]+""#, r#""folder": "[folder]""#);
    settings.add_filter(r#""path": "/[^"]+/"#, r#""path": "[folder]/"#);
    settings.add_filter(r#"(?s)"machine": \{.*?\}"#, r#""machine": {…}"#);
    settings
        .add_filter(r#""predicted_core_microseconds": \d+"#, r#""predicted_core_microseconds": 0"#);
    settings.add_filter(r#""bytes": \d+"#, r#""bytes": 0"#);
    settings.add_filter(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|…)", "[time]");
    settings
}

#[test]
fn a_run_directory_keeps_the_result_of_every_stage() {
    let home = home_with_trouble();
    let run = format!("{RUN} --time day --max-bad-rows 50% --where country!=IT --threads 2");
    let told = home.stderr(&format!("{run} --out out.parquet"));
    let settings = machine_settings();
    settings.bind(|| insta::assert_snapshot!("told", told));
    let names = home.names().into_iter().filter(|name| name.starts_with("run"));
    settings.bind(|| insta::assert_snapshot!(names.collect::<Vec<_>>().join("\n")));
    settings.bind(|| insta::assert_snapshot!("manifest", home.read("run/run.json")));
    assert_eq!(home.bytes("out.parquet"), home.bytes("run/neighbours.parquet"));
    // The same bytes as without a run directory.
    home.stdout(&format!("{} --out plain.parquet", run.replace("--run-dir run", "")));
    assert_eq!(home.bytes("plain.parquet"), home.bytes("run/neighbours.parquet"));
}

#[test]
fn a_finished_run_does_nothing_again() {
    let home = Home::with_orders();
    home.stderr(&format!("{RUN} --out out.csv"));
    let before = home.tree();
    let run = || (results(&home, "run"), home.bytes("run/run.json"));
    let run_before = run();
    let again = format!("{RUN} --out out.csv --threads 1");
    let told = home.stderr(&again);
    machine_settings().bind(|| insta::assert_snapshot!(told, @"finished   run, [time], with 6 neighbours: nothing to do"));
    assert!(run() == run_before, "nothing is written");
    // An output that is gone is written again; one that somebody else wrote is not replaced.
    fs::remove_file(home.join("out.csv")).expect("removed");
    home.stderr(&again);
    assert_eq!(home.read("out.csv").replace(",item_label,neighbour_label", "").lines().count(), 7);
    assert_eq!(home.bytes("out.csv"), before[&home.join("out.csv")].clone().expect("a file"));
    home.write("out.csv", "mine");
    let refused = home.ilk(&again);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert_eq!(
        (home.read("out.csv"), refused.stderr.contains("--overwrite")),
        ("mine".into(), true)
    );
    home.stderr(&format!("{again} --overwrite"));
    assert_eq!(home.bytes("out.csv"), before[&home.join("out.csv")].clone().expect("a file"));
}

#[test]
fn rows_of_every_stage_can_be_taken() {
    let home = home_with_trouble();
    home.stderr(&format!(
        "{RUN} --time day --max-bad-rows 50% --where country!=IT --duplicates last"
    ));
    let tables = ["items", "users", "quarantine"];
    let mut text = String::new();
    for table in STAGES.into_iter().chain(tables) {
        write!(
            text,
            "$ ilk take run {table} -n 4\n{}\n",
            home.stdout(&format!("take run {table} -n 4"))
        )
        .expect("written");
    }
    machine_settings().bind(|| insta::assert_snapshot!("take", text));
    insta::assert_snapshot!(home.stdout("take run write -n 1 --format csv"), @r"
    item,neighbour,rank,score,overlap,item_label,neighbour_label
    milk,mug,1,0.6666667,2,Oat milk,Mug
    ");
    insta::assert_snapshot!(home.stdout("take run quarantine -n 1 --format json"), @r#"{"file":"orders.csv","row":12,"reason":"null_user","user":null,"item":"tea","weight":"1","time":"2026-02-01T00:00:00Z","detail":null}"#);
    let similar = home.stdout("similar run tea -n 1");
    assert!(similar.starts_with("tea  Black tea\n"), "{similar}");
    let none = home.ilk("similar run saw");
    assert!(none.stderr.contains("item `saw` has no neighbours"), "{}", none.stderr);
}

#[test]
fn every_row_set_aside_is_in_the_quarantine() {
    let home = Home::new();
    let rows = (0..20_000).map(|row| match row % 4 {
        0 => format!("{row},tea,x{row}\n"),
        1 => format!(",mug{row},1\n"),
        _ => format!("{row},tea,1\n"),
    });
    home.write("orders.csv", format!("user,item,n\n{}", rows.collect::<String>()));
    home.write("more.csv", "user,item,n\n,last,1\n");
    home.stderr("run orders.csv more.csv --user user --item item --weight n --run-dir run --max-bad-rows 100%");
    let csv = home.stdout("take run quarantine -n 100000 --format csv");
    let lines = csv.lines().skip(1).collect::<Vec<_>>();
    assert_eq!(lines.len(), 10_001);
    assert_eq!(lines[0], "more.csv,1,null_user,,last,1,,");
    for (index, line) in lines[1..].iter().enumerate() {
        let row = index / 2 * 4 + index % 2;
        let expected = match row % 4 {
            0 => format!("orders.csv,{},bad_weight,{row},tea,x{row},,", row + 1),
            _ => format!("orders.csv,{},null_user,,mug{row},1,,", row + 1),
        };
        assert_eq!(*line, expected);
    }
}

#[test]
fn one_stage_alone_gives_what_it_gave() {
    let home = Home::with_orders();
    home.stderr(&format!("{RUN} --weighting log"));
    let before = results(&home, "run");
    for stage in STAGES {
        let told = home.stderr(&format!("stage run {stage}"));
        assert!(told.contains(&format!("{stage:<10} ")), "{told}");
        if stage == "tiles" {
            // Its files may be others, though they hold the same.
            home.stderr("stage run merge");
            home.stderr("stage run write");
        }
        assert!(results(&home, "run") == before, "{stage}");
        let told = home.stderr(&format!("{RUN} --weighting log"));
        assert!(told.contains("nothing to do"), "{stage}: {told}");
    }
    // A copy of the input is as good.
    fs::remove_file(home.join("orders.csv")).expect("removed");
    home.write("orders.csv", ORDERS);
    home.stderr("stage run clean");
    // From any folder: paths are those of where the run began.
    home.write("elsewhere/x", "");
    let mut command = home.command("stage ../run clean");
    let output = command.current_dir(home.join("elsewhere")).output().expect("ilk runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(results(&home, "run") == before);
}

#[test]
fn ids_as_text_are_written_by_a_finished_run_too() {
    let home = Home::new();
    home.write("orders.csv", "who,what\n1,10\n1,20\n2,10\n2,20\n");
    let run = "run orders.csv --user who --item what --run-dir run";
    home.stderr(&format!("{run} --out out.jsonl"));
    let numbers = home.read("out.jsonl");
    assert!(numbers.starts_with(r#"{"item":10,"#), "{numbers}");
    // The run has written this file, but not like this.
    let refused = home.ilk(&format!("{run} --out out.jsonl --ids text"));
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("--overwrite"), "{}", refused.stderr);
    home.stderr(&format!("{run} --out out.jsonl --ids text --overwrite"));
    let text = home.read("out.jsonl");
    assert!(text.starts_with(r#"{"item":"10","#), "{text}");
    let again = home.stderr(&format!("{run} --out out.jsonl --ids text"));
    assert!(again.contains("nothing to do"), "{again}");
    let alone = home.ilk(&format!("{run} --ids text"));
    assert_eq!(alone.code, Some(2), "{}", alone.stderr);
    assert!(alone.stderr.contains("--ids text has no effect without --out"), "{}", alone.stderr);
}

#[test]
fn stages_come_after_one_another() {
    let home = Home::with_orders();
    let mut text = String::new();
    let mut fail = |home: &Home, arguments: &str| {
        let ran = home.ilk(arguments);
        assert_eq!(ran.code, Some(2), "{arguments}");
        write!(text, "$ ilk {arguments}\n{}", ran.stderr).expect("written");
    };
    fail(&home, "stage run read");
    fail(&home, "take run read");
    // A guard stops the run after its rows are kept.
    let strict = format!("{RUN} --strict");
    home.write("orders.csv", format!("{ORDERS},tea,Black tea,1,2026-02-01,FR\n"));
    let refused = home.ilk(&strict);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    fail(&home, "take run encode");
    fail(&home, "similar run tea");
    fail(&home, "stage run merge");
    fail(&home, "stage run mrege");
    fail(&home, "take run rows");
    insta::assert_snapshot!("not_done", text);
    // Guards are no part of the job: without it the run goes on.
    let told = home.stderr(RUN);
    assert!(told.contains("resuming   run: 2 of 8 stages are already done"), "{told}");
}

#[test]
fn another_job_or_input_is_refused_with_what_changed() {
    let home = Home::with_orders();
    home.write("only.txt", "tea\nmug\n");
    let run = format!("{RUN} --only only.txt");
    home.stderr(&run);
    let before = results(&home, "run");
    let mut text = String::new();
    let mut refused = |home: &Home, arguments: &str| {
        let ran = home.ilk(arguments);
        assert_eq!(ran.code, Some(2), "{arguments}: {}", ran.stderr);
        let shown = arguments.strip_prefix(RUN).unwrap_or(arguments);
        write!(text, "$ …{shown}\n{}", ran.stderr).expect("written");
    };
    refused(&home, &format!("{run} --top 20 --measure jaccard"));
    refused(&home, &format!("{run} --where country=FR"));
    refused(&home, RUN);
    home.write("only.txt", "tea\nmilk\n");
    refused(&home, &run);
    home.write("only.txt", "tea\nmug\n");
    home.write("orders.csv", ORDERS.replace("e,milk", "a,milk"));
    refused(&home, &run);
    refused(&home, "stage run clean");
    home.write("orders.csv", format!("{ORDERS}o,tea,Black tea,1,2026-01-12,FR\n"));
    refused(&home, &run);
    home.write("orders.csv", ORDERS);
    home.write("more.csv", ORDERS);
    refused(&home, &run.replace("run orders.csv", "run orders.csv more.csv"));
    insta::assert_snapshot!("changed", text);
    assert!(results(&home, "run") == before);
    // A copy with the same content is the same input.
    fs::remove_file(home.join("orders.csv")).expect("removed");
    home.write("orders.csv", ORDERS);
    assert!(home.stderr(&run).contains("nothing to do"));
    // Begun anew it is another run.
    home.stderr(&format!("{RUN} --top 1 --restart"));
    assert_eq!(neighbours("x", home.bytes("run/neighbours.parquet")).len(), 3);
}

#[test]
fn only_a_run_directory_is_taken_for_one() {
    let home = Home::with_orders();
    home.write("mine/letter.txt", "dear");
    home.write("in/orders.csv", ORDERS);
    home.write("file", "x");
    let mut text = String::new();
    home.write("other/run.json", "{}");
    home.write("other/items.parquet", "mine");
    for (run_dir, rest) in [
        ("mine", ""),
        ("file", ""),
        ("no/run", ""),
        ("in", ""),
        ("mine", "--restart"),
        ("other", "--restart"),
    ] {
        let input = if run_dir == "in" { "in/orders.csv" } else { "orders.csv" };
        let arguments = format!("run {input} --user member --item sku --run-dir {run_dir} {rest}");
        let ran = home.ilk(&arguments);
        assert_eq!(ran.code, Some(2), "{arguments}");
        write!(text, "$ ilk {}\n{}", arguments.trim_end(), ran.stderr).expect("written");
    }
    let ran = home.ilk("run orders.csv --user member --item sku --out out.csv --restart");
    write!(text, "$ … --out out.csv --restart\n{}", ran.stderr).expect("written");
    insta::assert_snapshot!("not_a_run", text);
    assert_eq!(home.read("mine/letter.txt"), "dear");
    assert_eq!(home.read("other/items.parquet"), "mine");
    assert!(!home.join("out.csv").exists());
    // An output that cannot be leaves no directory behind.
    home.write("out.csv", "mine");
    let ran = home.ilk(&format!("{RUN} --out out.csv"));
    assert_eq!((ran.code, home.join("run").exists()), (Some(2), false), "{}", ran.stderr);
    // An empty folder will do, and so will a job file's.
    fs::create_dir(home.join("empty")).expect("a folder");
    home.write("job.toml", "[datasource.o]\ninput = 'orders.csv'\nuser = 'member'\nitem = 'sku'\n[job]\nrun_dir = 'empty'\n");
    home.stderr("run job.toml");
    home.stdout("take empty write");
}

#[test]
fn events_tell_of_every_stage() {
    let home = Home::with_orders();
    let told = home.stderr(&format!("{RUN} --log json"));
    let mut finished = Vec::new();
    for line in told.lines() {
        let record: serde_json::Value = serde_json::from_str(line).expect("JSON");
        if record["event"] == "stage_finished" {
            finished.push(record["name"].as_str().expect("a name").to_owned());
        }
    }
    assert_eq!(finished, STAGES);
    let told = home.stderr(&format!("{RUN} --log json"));
    assert!(told.contains(r#""name":"finished","neighbours":6"#), "{told}");
}

#[test]
fn ids_of_every_kind_survive_a_run_directory() {
    let home = Home::new();
    let ids = |values: &[u64]| -> arrow_array::ArrayRef {
        std::sync::Arc::new(arrow_array::UInt64Array::from(values.to_vec()))
    };
    // Wide ids come late: chunks of one file are of two kinds.
    let users = ids(&[1, 1, 2, 2, 3, 3]);
    let items = ids(&[1, 2, 1, 2, u64::MAX, 1]);
    home.write("wide.parquet", parquet(&batch(&[("user", users), ("item", items)])));
    home.write("plain.csv", "user,item\n7,1\n7,2\n8,18446744073709551615\n8,1\n");
    home.write("zeros.csv", "user,item\n007,1\n007,2\n08,01\n08,1\n");
    for inputs in ["wide.parquet", "plain.csv", "zeros.csv", "wide.parquet plain.csv"] {
        let run = format!("run {inputs} --user user --item item --run-dir run --restart");
        home.stderr(&run);
        let name = "run/neighbours.parquet";
        let before = home.bytes(name);
        home.stderr(&format!("run {inputs} --user user --item item -o out.parquet --overwrite"));
        assert!(before == home.bytes("out.parquet"), "{inputs}");
        for stage in &STAGES[2..] {
            home.stderr(&format!("stage run {stage}"));
        }
        assert!(before == home.bytes(name), "{inputs}");
    }
}

/// Conformance cases with weights, times, labels, lists, and ids of every kind.
const CASES: [&str; 16] = [
    "17", "18", "20", "21", "22", "24", "26", "27", "30", "31", "32", "33", "34", "35", "38", "40",
];

#[test]
fn conformance_cases_survive_a_run_directory() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance");
    let folders = fs::read_dir(cases).expect("the conformance folder");
    let mut folders = folders.map(|entry| entry.expect("readable").path()).collect::<Vec<_>>();
    let is_chosen = |path: &Path| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        name.is_some_and(|name| CASES.iter().any(|case| name.starts_with(case)))
    };
    folders.retain(|path| path.is_dir() && is_chosen(path));
    assert_eq!(folders.len(), CASES.len());
    let home = Home::new();
    for folder in folders {
        let job = folder.join("job.toml").display().to_string();
        home.stderr(&format!("run {job} --run-dir run --restart --out out.csv --overwrite"));
        let expected = fs::read_to_string(folder.join("expected.csv")).expect("expected");
        let found = home.read("out.csv");
        // Labels are in some cases, spelling of floats is the reference's.
        assert_eq!(found.lines().count(), expected.lines().count(), "{job}");
        // All from the kept rows on again, as they come from the disk.
        let before = results(&home, "run");
        for name in before.keys().filter(|name| !name.starts_with("cleaned")) {
            fs::remove_file(home.join(&format!("run/{name}"))).expect("removed");
        }
        home.stderr(&format!("run {job} --run-dir run"));
        assert!(results(&home, "run") == before, "{job}");
    }
}

#[test]
fn without_labels_and_weights_nothing_is_kept_of_them() {
    let home = Home::with_orders();
    home.stderr("run orders.csv --user member --item sku --run-dir run -o out.csv");
    assert_eq!(home.read("out.csv"), NEIGHBOURS);
    insta::assert_snapshot!(home.stdout("take run encode -n 2"), @r"
    user  item
    a     mug
    a     tea

    9 more rows
    ");
}
