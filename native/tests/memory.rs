//! Jobs larger than the memory they may take. A test program of its own: the system tells the
//! most memory that any child took, not which one.
#![cfg(target_os = "linux")]

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use nix::sys::resource::{UsageWho, getrusage};
use parquet::{arrow::ArrowWriter, file::properties::WriterProperties};

const ROWS: usize = 3_000_000;
const MIB: i64 = 1 << 10;

/// Writes rows of 40,000 users and 3,000 items, a few at a time: what this process takes when it
/// starts a child is counted as the child's.
fn write_views(path: &Path) {
    let mut state = 1_u64;
    let mut below = move |bound: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % bound).cast_signed()
    };
    let groups = WriterProperties::builder().set_max_row_group_row_count(Some(1 << 17)).build();
    let mut writer = None;
    for _ in 0..ROWS / 50_000 {
        let users =
            Int64Array::from_iter_values((0..50_000).map(|_| below(40_000).min(below(40_000))));
        let items =
            Int64Array::from_iter_values((0..50_000).map(|_| below(3_000).min(below(3_000))));
        let columns = [("user", Arc::new(users) as ArrayRef), ("item", Arc::new(items))];
        let batch = RecordBatch::try_from_iter(columns).expect("a batch");
        let writer = writer.get_or_insert_with(|| {
            let file = File::create(path).expect("a file");
            ArrowWriter::try_new(file, batch.schema(), Some(groups.clone())).expect("a writer")
        });
        writer.write(&batch).expect("written");
    }
    writer.expect("batches").close().expect("closed");
}

/// Writes rows of 20,000 users and 60,000 items with names of 45 to 300 bytes.
fn write_labelled(path: &Path) {
    const ROWS: u64 = 200_000;
    const PIECE: u64 = 10_000;
    let item = |row: u64| row * 7_919 % 60_000;
    let mut writer = None;
    for first in (0..ROWS).step_by(PIECE as usize) {
        let rows = first..first + PIECE;
        let users = rows.clone().map(|row| (row * 104_729 % 20_011).cast_signed());
        let items = rows.clone().map(|row| item(row).cast_signed());
        let names = rows.map(|row| {
            let item = item(row);
            format!("{item} {}", "x".repeat(45 + (item * 7_919 % 256) as usize))
        });
        let columns = [
            ("user", Arc::new(Int64Array::from_iter_values(users)) as ArrayRef),
            ("item", Arc::new(Int64Array::from_iter_values(items))),
            ("name", Arc::new(StringArray::from_iter_values(names))),
        ];
        let batch = RecordBatch::try_from_iter(columns).expect("a batch");
        let writer = writer.get_or_insert_with(|| {
            let file = File::create(path).expect("a file");
            ArrowWriter::try_new(file, batch.schema(), None).expect("a writer")
        });
        writer.write(&batch).expect("written");
    }
    writer.expect("batches").close().expect("closed");
}

fn ilk(home: &Path, arguments: &str) -> Command {
    ilk_on(home, "views.parquet --threads 2", arguments)
}

fn ilk_on(home: &Path, input: &str, arguments: &str) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("ilk"));
    command.current_dir(home).env_clear().env("COLUMNS", "1000").env("NO_COLOR", "1");
    command.args("run --user user --item item".split(' '));
    command.args(input.split(' ')).args(arguments.split(' '));
    command
}

/// The most memory that a child of this process took so far, in KiB.
fn peak() -> i64 {
    getrusage(UsageWho::RUSAGE_CHILDREN).expect("the system tells").max_rss()
}

fn names(home: &Path) -> Vec<String> {
    let entries = fs::read_dir(home).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name().display().to_string());
    let mut names = names.collect::<Vec<_>>();
    names.sort();
    names
}

// One test: its parts must not run side by side.
#[test]
fn memory_stays_below_its_limit_and_nothing_is_left_behind() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let home = home.path();
    write_views(&home.join("views.parquet"));
    for (limit, job) in [
        (64, "-o small.parquet --memory 64MiB"),
        (64, "-o tfidf.parquet --memory 64MiB --weighting tfidf --shard-size 1MiB"),
        (64, "-o long.parquet --memory 64MiB -k 500"),
        (96, "-o users.csv --memory 96MiB --of users -k 3"),
    ] {
        let output = ilk(home, job).output().expect("ilk runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{job}\n{told}");
        assert!(told.contains("working in files beside the output"), "{told}");
        let peak = peak();
        assert!(peak < limit * MIB, "{job}: {peak} KiB\n{told}");
    }
    assert_eq!(
        names(home),
        ["long.parquet", "small.parquet", "tfidf.parquet", "users.csv", "views.parquet"]
    );
    run_directories_keep_the_promise(home);
    a_threshold_that_leaves_nothing_names_a_score(home);
    too_little_is_refused(home);
    a_full_disk_is_told_in_one_line(home);
    a_signal_leaves_nothing_behind(home);
    for (job, name) in [
        ("-o whole.parquet", "small.parquet"),
        ("-o whole.parquet --weighting tfidf", "tfidf.parquet"),
        ("-o whole.parquet -k 500", "long.parquet"),
        ("-o whole.csv --of users -k 3", "users.csv"),
    ] {
        let output = ilk(home, &format!("{job} --overwrite")).output().expect("ilk runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && !told.contains("working in files"), "{told}");
        let whole = job.split(' ').nth(1).expect("a name");
        let read = |name: &str| fs::read(home.join(name)).expect(name);
        assert!(read(whole) == read(name), "{name}");
    }
    labels_stay_below_the_limit(home);
}

/// The most memory that a process took so far by the system's count, in KiB; `None` once it ended.
fn peak_of(id: u32) -> Option<i64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

/// Runs a command; also returns the most memory that it took by the system's count, in KiB, looked at
/// all the while.
fn watched(mut command: Command) -> (Option<i32>, String, i64) {
    let mut child = command.stderr(Stdio::piped()).spawn().expect("ilk starts");
    let mut peak = 0;
    while child.try_wait().expect("a child").is_none() {
        peak = peak.max(peak_of(child.id()).unwrap_or_default());
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let output = child.wait_with_output().expect("ilk ends");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned(), peak)
}

/// Labels are read, kept and written within the limit; where they do not fit, one is named that is enough.
fn labels_stay_below_the_limit(home: &Path) {
    write_labelled(&home.join("labelled.parquet"));
    let run = |rest: &str| {
        let mut command = ilk_on(home, "labelled.parquet --threads 2", "--item-label name");
        command.args(rest.split(' '));
        watched(command)
    };
    let (code, told, _) = run("-o little.csv --memory 64MiB");
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains(" items and their labels do not fit in memory of 64.0 MiB"), "{told}");
    let (_, named) = told.rsplit_once("--memory ").expect("a limit");
    let (named, _) = named.split_once("MiB is enough\n").expect("a limit that is enough");
    let named = named.parse::<i64>().expect("a number");
    assert_eq!(run("-o whole.csv --overwrite").0, Some(0));
    let whole = fs::read(home.join("whole.csv")).expect("a result");
    for (out, limit) in [
        ("--out narrow.csv", 128),
        ("--out wide.csv", named),
        ("--run-dir run --out kept.csv", 128),
    ] {
        let (code, told, peak) = run(&format!("{out} --memory {limit}MiB"));
        assert_eq!(code, Some(0), "{out}: {told}");
        assert!(peak < limit * MIB, "{out}: {peak} KiB under {limit} MiB\n{told}");
        let name = out.rsplit(' ').next().expect("a name");
        assert!(fs::read(home.join(name)).expect(name) == whole, "{out}");
    }
    let peak = peak_of_stages(&home.join("run"));
    assert!(peak < 128 * MIB, "{peak} KiB under 128 MiB");
}

/// The largest peak that a stage of a run directory read from the system, in KiB.
fn peak_of_stages(run_dir: &Path) -> i64 {
    let manifest = fs::read(run_dir.join("run.json")).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).expect("JSON");
    let stages = manifest["stages"].as_object().expect("stages").values();
    let peaks = stages.map(|stage| stage["peak_memory"].as_i64().expect("a peak") / 1024);
    peaks.max().expect("stages")
}

/// A run directory's stages count their own peaks and so reset the system's, which is looked at all
/// the while here.
fn run_directories_keep_the_promise(home: &Path) {
    for (job, plain) in [
        ("--run-dir run --memory 64MiB", "small.parquet"),
        ("--run-dir run --memory 64MiB --weighting tfidf --shard-size 1MiB", "tfidf.parquet"),
        ("--run-dir run --memory 64MiB -k 500", "long.parquet"),
        ("--run-dir run --memory 96MiB --of users -k 3 --out run.csv", "users.csv"),
    ] {
        let (code, told, peak) = watched(ilk(home, job));
        assert_eq!(code, Some(0), "{job}\n{told}");
        assert!(told.contains("working in files in the run directory"), "{told}");
        // What each stage read from the system is in the manifest.
        let peak = peak.max(peak_of_stages(&home.join("run")));
        let limit = if job.contains("96MiB") { 96 } else { 64 };
        assert!(peak < limit * MIB, "{job}: {peak} KiB\n{told}");
        let result = if job.contains("--out") { "run.csv" } else { "run/neighbours.parquet" };
        let read = |name: &str| fs::read(home.join(name)).expect(name);
        assert!(read(result) == read(plain), "{job}");
        assert!(!home.join("run/work").exists(), "working files are gone");
        fs::remove_dir_all(home.join("run")).expect("removed");
    }
    fs::remove_file(home.join("run.csv")).expect("removed");
}

/// Wherever the job runs, the same score is named, and nothing is left but a run directory.
fn a_threshold_that_leaves_nothing_names_a_score(home: &Path) {
    let before = names(home);
    let helps = [
        "-o none.csv",
        "-o none.csv --memory 64MiB",
        "-o none.csv --memory 64MiB -k 500",
        "--run-dir none",
        "--run-dir none --memory 64MiB --restart",
    ]
    .map(|job| {
        let output = ilk(home, &format!("{job} --threshold 1.5")).output().expect("ilk runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{job}: {told}");
        assert!(told.contains("error: --threshold 1.5 leaves no neighbours"), "{job}: {told}");
        assert_eq!(told.contains("working in files"), job.contains("--memory"), "{job}: {told}");
        let help = told.lines().find(|line| line.starts_with("help: "));
        help.expect("a help").to_owned()
    });
    assert!(helps[0].starts_with("help: the highest score of the most popular items is 0."));
    assert!(helps.iter().all(|help| *help == helps[0]), "{helps:?}");
    fs::remove_dir_all(home.join("none")).expect("the run directory, without a result");
    assert_eq!(names(home), before);
}

fn too_little_is_refused(home: &Path) {
    for job in ["-o x.csv --memory 20MiB", "--run-dir x --memory 20MiB"] {
        let told = "20.0 MiB of memory is not enough: 2 threads need";
        let output = ilk(home, job).output().expect("ilk runs");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(told), "{error}");
        assert!(error.contains("help: "), "{error}");
    }
}

fn a_full_disk_is_told_in_one_line(home: &Path) {
    let before = names(home);
    let program = assert_cmd::cargo::cargo_bin("ilk").display().to_string();
    // A file may not grow past 512 KiB: writing fails as on a full disk.
    let script = format!(
        "trap '' XFSZ; ulimit -f 1024; exec '{program}' run views.parquet --user user --item item \
         -o full.parquet --memory 64MiB --threads 2 -q"
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).current_dir(home).env("COLUMNS", "1000");
    let output = shell.output().expect("sh");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("cannot write working files to "), "{told}");
    assert!(told.contains(": file too large"), "{told}");
    assert!(told.lines().count() <= 2, "{told}");
    assert_eq!(names(home), before);
}

fn a_signal_leaves_nothing_behind(home: &Path) {
    let before = names(home);
    for stage in ["reading", "sorting", "arranging", "comparing"] {
        let mut command = ilk(home, "-o signal.parquet --memory 64MiB --log json");
        let mut child = command.stderr(Stdio::piped()).spawn().expect("ilk starts");
        let told = BufReader::new(child.stderr.take().expect("a pipe"));
        let begins = |line: &String| line.contains("stage_started") && line.contains(stage);
        let mut told = told.lines().map_while(Result::ok);
        assert!(told.find(begins).is_some(), "{stage} begins");
        let kill = format!("kill -TERM {}", child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success());
        assert_eq!(child.wait().expect("ilk ends").code(), Some(130), "{stage}");
        assert_eq!(names(home), before, "{stage}");
    }
}
