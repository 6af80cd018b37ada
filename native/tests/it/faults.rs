//! What may befall a run directory: kills, full disks, damage, company, clocks. Whatever it is, the
//! same command ends with the same bytes.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

use crate::tools::{Home, ORDERS, whole_lines};

const RUN: &str = "run views.csv --user user --item item --weight n --run-dir run --threads 2";

/// A sequence of numbers that looks like none, the same on every call (PCG's multiplier).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) % most
    }
}

/// A folder with so many users of so many items each, some of whose rows are set aside.
fn views(users: u64, degree: u64, items: u64) -> Home {
    let home = Home::new();
    let mut numbers = Numbers(7);
    let mut text = String::from("user,item,n\n");
    for user in 0..users {
        for _ in 0..degree {
            let item = numbers.below(items).min(numbers.below(items));
            let weight = numbers.below(100);
            writeln!(text, "{user},{item},{weight}").expect("written");
        }
    }
    home.write("views.csv", text);
    home
}

/// The result without a run directory, which every run must end with.
fn expected(home: &Home, run: &str) -> Vec<u8> {
    let plain = run.replace("--run-dir run", "--out plain.parquet");
    home.stderr(&plain);
    home.bytes("plain.parquet")
}

fn result(home: &Home) -> Vec<u8> {
    home.bytes("run/neighbours.parquet")
}

/// The same for a job that does not fit in the memory it may take; the least there is, whatever
/// else it may do in memory.
const ON_DISK: &str = "run views.csv --user user --item item --weight n --weighting raw --threads 2 \
                       --run-dir run --memory 62MiB";

#[test]
fn killed_at_any_moment_the_same_command_goes_on() {
    kill_again_and_again(&views(2_000, 60, 4_000), RUN);
}

#[test]
fn killed_at_any_moment_a_job_larger_than_memory_goes_on() {
    let home = views(12_000, 60, 4_000);
    kill_again_and_again(&home, ON_DISK);
    // What came in is counted as in memory, however threads shared it.
    let folded = ["events", "pairs", "netted_away"].map(|name| counter(&home, "encode", name));
    home.stderr(&ON_DISK.replace("--memory 62MiB", "--restart"));
    assert_eq!(folded, ["events", "pairs", "netted_away"].map(|n| counter(&home, "encode", n)));
    home.stderr(&format!("{ON_DISK} --restart"));
    assert!(!home.join("run/work").exists());
    fs::remove_file(home.join("run/neighbours.parquet")).expect("removed");
    fs::remove_file(home.join("run/interactions.parquet")).expect("removed");
    let told = home.stderr(ON_DISK);
    assert!(told.contains("more than fits in 62.0 MiB of memory"), "{told}");
}

fn kill_again_and_again(home: &Home, run: &str) {
    let expected = expected(home, run);
    let started = Instant::now();
    home.stderr(run);
    let whole = started.elapsed();
    assert!(result(home) == expected);
    fs::remove_dir_all(home.join("run")).expect("removed");
    let (mut numbers, mut kills) = (Numbers(1), 0);
    // `cargo xtask nightly` asks for all of them.
    let wanted = if std::env::var_os("ILK_TESTS_FULL").is_some() { 20 } else { 5 };
    while kills < wanted {
        let mut child = home.command(run).stderr(Stdio::null()).spawn().expect("ilk starts");
        let part = numbers.below(1_000) as u32;
        std::thread::sleep(whole * part / 1_000);
        if child.try_wait().expect("a child").is_some() {
            // It got to its end before: from the start again.
            assert!(result(home) == expected);
            fs::remove_dir_all(home.join("run")).expect("removed");
            continue;
        }
        child.kill().expect("killed");
        child.wait().expect("gone");
        kills += 1;
    }
    home.stderr(run);
    assert!(result(home) == expected);
    // Nothing half-written is left of all those attempts.
    let left = home.names().into_iter().filter(|name| name.ends_with(".partial"));
    assert_eq!(left.collect::<Vec<_>>(), [""; 0]);
}

/// Waits until `is_so`, for a minute at most.
#[track_caller]
fn wait_until(mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_mins(1), "it never came to be");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The files of a folder of the run directory.
fn files(home: &Home, folder: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(home.join(folder)) else { return Vec::new() };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "parquet"));
    paths.sort();
    paths
}

/// Returns a counter of a stage in the manifest.
fn counter(home: &Home, stage: &str, name: &str) -> u64 {
    let manifest: serde_json::Value =
        serde_json::from_str(&home.read("run/run.json")).expect("JSON");
    manifest["stages"][stage]["counters"][name].as_u64().expect("a counter")
}

/// Returns how long a stage took, by the manifest.
fn seconds(home: &Home, stage: &str) -> f64 {
    let manifest: serde_json::Value =
        serde_json::from_str(&home.read("run/run.json")).expect("JSON");
    manifest["stages"][stage]["seconds"].as_f64().expect("seconds")
}

/// A job of which the tiles take a while, in memory and through files.
const IN_MEMORY: &str = "run views.csv --user user --item item --weight n --weighting raw -k 5 \
                         --threads 1 --run-dir run";
const THROUGH_FILES: &str = "run views.csv --user user --item item --weight n --weighting raw -k 5 \
                             --threads 1 --run-dir run --memory 62MiB";
const WITH_MORE: &str = "run views.csv --user user --item item --weight n --weighting raw -k 5 \
                         --threads 2 --run-dir run --memory 90MiB";

#[test]
fn tiles_that_were_done_are_not_done_again() {
    take_up_tiles(IN_MEMORY, &[IN_MEMORY, THROUGH_FILES]);
}

#[test]
fn tiles_from_disk_that_were_done_are_not_done_again() {
    take_up_tiles(THROUGH_FILES, &[THROUGH_FILES, WITH_MORE, IN_MEMORY]);
}

/// Kills a run when some of its tiles are done, and goes on from there with each of the commands.
fn take_up_tiles(run: &str, ways_on: &[&str]) {
    // As much data as it takes to be at the tiles for a while, whatever the machine.
    let mut users = 10;
    let (home, expected) = loop {
        let home = views(users, 5_000, 30_000);
        home.stderr(run);
        if seconds(&home, "tiles") > 2.5 {
            let expected = result(&home);
            break (home, expected);
        }
        users *= 2;
    };
    fs::remove_dir_all(home.join("run")).expect("removed");
    let mut child = home.command(run).stderr(Stdio::null()).spawn().expect("ilk starts");
    wait_until(|| !files(&home, "run/tiles").is_empty());
    child.kill().expect("killed");
    child.wait().expect("gone");
    fs::rename(home.join("run"), home.join("killed")).expect("renamed");
    for way_on in ways_on {
        let mut copy = Command::new("cp");
        copy.arg("-r").args([home.join("killed"), home.join("run")]);
        assert!(copy.status().expect("cp runs").success());
        let before = files(&home, "run/tiles");
        let told = home.stderr(way_on);
        assert!(told.contains("resuming   run: 5 of 8 stages are already done"), "{told}");
        assert!(result(&home) == expected, "{way_on}\n{told}");
        let count = |name| counter(&home, "tiles", name);
        let (found, computed) = (count("tiles_found"), count("tiles_computed"));
        assert!(found > 0 && computed > 0, "{way_on}: {found} {computed}");
        assert_eq!(found + computed, count("tiles"));
        assert!(before.iter().all(|path| path.exists()), "{way_on}: what was committed stays");
        fs::remove_dir_all(home.join("run")).expect("removed");
    }
}

#[test]
fn a_run_goes_on_with_other_instructions() {
    // Enough users for a head of bits, which the portable instructions do not find worth it.
    let home = views(1_000, 60, 1_500);
    let expected = expected(&home, RUN);
    home.stderr(RUN);
    fs::remove_file(home.join("run/merged.parquet")).expect("removed");
    fs::remove_file(files(&home, "run/tiles").pop().expect("a file")).expect("removed");
    let mut portable = home.command(RUN);
    let output = portable.env("ILK_KERNEL", "portable").output().expect("ilk runs");
    let told = whole_lines(output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(result(&home) == expected);
    let manifest: serde_json::Value =
        serde_json::from_str(&home.read("run/run.json")).expect("JSON");
    assert_eq!(manifest["machine"]["kernel"], "portable");
    assert!(home.stderr(RUN).contains("nothing to do"));
}

#[test]
fn damaged_and_missing_files_are_made_again() {
    let home = views(200, 20, 300);
    let expected = expected(&home, RUN);
    home.stderr(RUN);
    let names = home.names().into_iter().filter(|name| name.starts_with("run/"));
    let names = names.filter(|name| name.ends_with(".parquet")).collect::<Vec<_>>();
    assert_eq!(names.len(), 11, "{names:?}");
    let mut numbers = Numbers(3);
    for name in &names {
        for harm in ["flip", "cut", "remove"] {
            // What tiles found is grouped as time goes, and files are named after their content.
            let name = match name.split('/').nth(1) {
                Some("tiles") => &format!("run/tiles/{}", only_file(&home, "run/tiles")),
                _ => name,
            };
            let mut bytes = home.bytes(name);
            let place = numbers.below(bytes.len() as u64) as usize;
            match harm {
                "flip" => bytes[place] ^= 1 << numbers.below(8),
                "cut" => bytes.truncate(place),
                _ => {}
            }
            home.write(name, &bytes);
            if harm == "remove" {
                fs::remove_file(home.join(name)).expect("removed");
            }
            // Only what the rest of a run rests on is looked into: the stage that reads the file.
            let stage = match name.split('/').nth(1).expect("a name") {
                "cleaned" => "encode",
                "items.parquet" | "matrix.parquet" | "tiles" => "merge",
                "users.parquet" | "plan.parquet" => "tiles",
                "interactions.parquet" => "matrix",
                _ => "write",
            };
            let told = home.stderr(RUN);
            let is_seen = told.contains(&format!("note       {name}"));
            let is_looked_into = harm != "flip" || name == "run/neighbours.parquet";
            assert_eq!(is_seen, is_looked_into, "{harm} {name}: {told}");
            if !is_looked_into {
                // A finished run does not read it; a stage that does will not take it.
                let ran = home.ilk(&format!("stage run {stage}"));
                let told = home.stderr(RUN);
                let is_read = !["inputs.parquet", "quarantine.parquet"]
                    .iter()
                    .any(|unread| name.ends_with(unread));
                assert_eq!(ran.code == Some(2), is_read, "{name}: {}", ran.stderr);
                assert!(
                    !is_read || ran.stderr.contains("its checksum does not match"),
                    "{}",
                    ran.stderr
                );
                assert!(!told.contains("error"), "{told}");
                fs::remove_file(home.join(name)).expect("removed");
                home.stderr(RUN);
            }
            assert!(result(&home) == expected, "{harm} {name}");
            assert!(home.stderr(RUN).contains("nothing to do"), "{harm} {name}");
        }
    }
}

/// The name of the one file of a folder.
#[track_caller]
fn only_file(home: &Home, folder: &str) -> String {
    let [path] = <[PathBuf; 1]>::try_from(files(home, folder)).expect("one file");
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

#[test]
fn damage_is_told_with_what_to_do() {
    let home = Home::new();
    home.write("views.csv", ORDERS.replace("member,sku,product,quantity", "user,item,label,n"));
    home.stderr(RUN);
    let harm = |name: &str| {
        let mut bytes = home.bytes(name);
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        home.write(name, &bytes);
    };
    let mut text = String::new();
    let mut tell = |arguments: &str| {
        let ran = home.ilk(arguments);
        write!(text, "$ ilk {arguments}\n{}", ran.stderr).expect("written");
        ran.code
    };
    harm("run/interactions.parquet");
    assert_eq!(tell("take run encode"), Some(2));
    assert_eq!(tell("stage run matrix"), Some(2));
    let cleaned = files(&home, "run/cleaned").pop().expect("a file");
    fs::remove_file(cleaned).expect("removed");
    assert_eq!(tell("stage run encode"), Some(2));
    assert_eq!(tell(RUN), Some(0));
    harm("run/neighbours.parquet");
    assert_eq!(tell(RUN), Some(0));
    harm("run/run.json");
    assert_eq!(tell(RUN), Some(2));
    assert_eq!(tell("take run write"), Some(2));
    assert_eq!(tell(&format!("{RUN} --restart --quiet")), Some(0));
    let mut settings = crate::tools::settings();
    settings.add_filter(r"-[0-9a-f]{16}\.parquet", "-….parquet");
    settings.bind(|| insta::assert_snapshot!("damage", text));
}

/// Runs the program where files may have so many blocks of 512 bytes at most.
#[cfg(unix)]
fn with_small_disk(home: &Home, blocks: u32, arguments: &str) -> (Option<i32>, String) {
    let program = assert_cmd::cargo::cargo_bin("ilk").display().to_string();
    // The signal that comes with the limit would end the program; ignored, it is an error.
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec '{program}' {arguments}");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).current_dir(home.path()).env("NO_COLOR", "1");
    shell.env("ILK_USAGE_FILE", "off");
    let output = shell.output().expect("a shell");
    (output.status.code(), whole_lines(output.stderr))
}

#[test]
#[cfg(unix)]
fn a_full_disk_costs_nothing_but_the_stage() {
    let home = views(400, 60, 2_000);
    let expected = expected(&home, RUN);
    let mut stages = Vec::new();
    for blocks in [1, 16, 60, 110, 150, 200, 400] {
        let (code, told) = with_small_disk(&home, blocks, RUN);
        if code == Some(0) {
            break;
        }
        assert_eq!(code, Some(2), "{told}");
        let error = told.lines().find(|line| line.starts_with("error: ")).expect("an error");
        assert!(error.contains("cannot write run/") && error.ends_with("file too large"), "{told}");
        let way_on = "; finished stages are kept in run; run the same command to resume\n";
        assert!(told.ends_with(way_on) || error.contains("run.json"), "{told}");
        let manifest = fs::read_to_string(home.join("run/run.json")).unwrap_or_default();
        stages.push(manifest.matches("rows_out").count());
        let names = home.names();
        assert!(!names.iter().any(|name| name.ends_with(".partial")), "{names:?}");
    }
    assert!(stages.is_sorted() && stages.last() > Some(&2), "nothing is lost: {stages:?}");
    home.stderr(RUN);
    assert!(result(&home) == expected);
}

#[test]
#[cfg(target_os = "linux")]
fn a_place_that_cannot_be_written_is_said_at_once() {
    let home = views(20, 5, 30);
    // Nobody, not even root, can make folders here.
    let ran = home.ilk(&RUN.replace("--run-dir run", "--run-dir /proc/run"));
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.starts_with("error: cannot create /proc/run: "), "{}", ran.stderr);
    home.stderr(RUN);
    let expected = result(&home);
    let lock = |mode| {
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
        fs::set_permissions(home.join("run"), permissions).expect("permissions");
    };
    lock(0o555);
    let is_root = fs::write(home.join("run/x"), "").is_ok();
    if is_root {
        fs::remove_file(home.join("run/x")).expect("removed");
    } else {
        let ran = home.ilk(&format!("{RUN} --restart"));
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains("permission denied"), "{}", ran.stderr);
        assert!(result(&home) == expected);
    }
    // To look at it takes no right to write.
    home.stdout("take run write");
    home.stdout(&format!("similar run {}", first_item(&home)));
    lock(0o755);
}

#[cfg(target_os = "linux")]
fn first_item(home: &Home) -> String {
    let csv = home.stdout("take run write -n 1 --format csv");
    csv.lines().nth(1).and_then(|row| row.split(',').next()).expect("a row").to_owned()
}

/// A folder with a job of minutes, begun and come to its tiles.
#[cfg(unix)]
fn long_run() -> (Home, Child) {
    let home = Home::new();
    let items = (0..300_000).map(|item| format!("1,{item},1")).collect::<Vec<_>>().join("\n");
    home.write("views.csv", format!("user,item,n\n{items}"));
    let run = format!("{RUN} -k 1 --log json");
    let mut child = home.command(&run).stderr(Stdio::piped()).spawn().expect("ilk starts");
    let told = BufReader::new(child.stderr.take().expect("a pipe"));
    let begins = |line: &String| line.contains("stage_started") && line.contains("tiles");
    assert!(told.lines().map_while(Result::ok).any(|line| begins(&line)), "it has ended");
    (home, child)
}

#[test]
#[cfg(unix)]
fn two_runs_do_not_share_a_directory() {
    let (home, mut child) = long_run();
    for arguments in [&format!("{RUN} -k 1"), &format!("{RUN} --restart"), "stage run plan"] {
        let ran = home.ilk(arguments);
        let expected = format!(
            "error: process {} is using run\nhelp: wait until it ends, or choose another run \
             directory\n",
            child.id()
        );
        assert_eq!(ran.code, Some(2));
        let folder = format!("{}/", home.path().display());
        assert_eq!(ran.stderr.replace(&folder, ""), expected, "{arguments}");
    }
    // It can be looked at all the while.
    let csv = home.stdout("take run matrix -n 2 --format csv");
    assert_eq!(csv.lines().count(), 3, "{csv}");
    child.kill().expect("killed");
    child.wait().expect("gone");
    // The lock went with its holder.
    let ran = home.ilk("stage run plan");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

#[test]
#[cfg(unix)]
fn interrupted_it_says_how_to_go_on() {
    let (home, child) = long_run();
    let pid = child.id();
    drop(child);
    let kill = |signal: &str, pid: u32| {
        let line = format!("kill -{signal} {pid}");
        assert!(Command::new("sh").args(["-c", &line]).status().expect("a shell").success());
    };
    kill("TERM", pid);
    wait_until(|| home.ilk("stage run plan").code == Some(0));
    let mut child = home.command(&format!("{RUN} -k 1"));
    let child = child.stderr(Stdio::piped()).spawn().expect("ilk starts");
    wait_until(|| home.names().iter().any(|name| name.contains("plan") || name.contains("tiles/")));
    std::thread::sleep(Duration::from_millis(500));
    kill("INT", child.id());
    let output = child.wait_with_output().expect("ilk ends");
    let told = whole_lines(output.stderr);
    assert_eq!(output.status.code(), Some(130), "{told}");
    let last = told.lines().last().expect("a line");
    assert_eq!(
        last,
        "interrupted; finished stages are kept in run; run the same command to resume"
    );
    let left = home.names().into_iter().filter(|name| name.ends_with(".partial"));
    assert_eq!(left.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn clocks_may_go_any_way() {
    let home = views(100, 20, 200);
    let expected = expected(&home, RUN);
    let day = Duration::from_hours(24);
    let set = |name: &str, time: SystemTime| {
        let file = fs::File::options().write(true).open(home.join(name)).expect("a file");
        file.set_modified(time).expect("a time");
    };
    // The input is of tomorrow, then of before 1970; what is kept is of next year.
    set("views.csv", SystemTime::now() + day);
    home.stderr(RUN);
    assert!(result(&home) == expected);
    set("views.csv", SystemTime::UNIX_EPOCH - day);
    let names = home.names();
    for name in names.iter().filter(|name| name.starts_with("run/") && name.contains('.')) {
        set(name, SystemTime::now() + 365 * day);
    }
    assert!(home.stderr(RUN).contains("nothing to do"));
    fs::remove_file(home.join("run/items.parquet")).expect("removed");
    fs::remove_file(home.join("run/neighbours.parquet")).expect("removed");
    home.stderr(RUN);
    assert!(result(&home) == expected);
    // The clock has gone back since the run: its manifest is of another century.
    let manifest = home.read("run/run.json");
    let year = manifest.split("\"begun\": \"").nth(1).expect("a time")[..4].to_owned();
    let future = manifest.replace(&format!("\"{year}-"), "\"2126-");
    home.write("run/run.json", with_checksum(&future));
    assert!(home.stderr(RUN).contains("finished   run, 2126-"));
    home.stderr("stage run encode");
    assert!(home.stderr(RUN).contains("nothing to do"));
    assert!(result(&home) == expected);
    for stage in ["read", "clean", "encode", "matrix", "plan", "tiles", "merge", "write"] {
        let manifest: serde_json::Value =
            serde_json::from_str(&home.read("run/run.json")).expect("JSON");
        assert!(manifest["stages"][stage]["seconds"].as_f64().is_some_and(|s| s >= 0.0));
    }
}

/// Puts the right checksum into a manifest that was changed.
fn with_checksum(manifest: &str) -> String {
    let (_, rest) = manifest.split_once("\",\n").expect("a checksum first");
    let checksum = xxhash_rust::xxh3::xxh3_64(rest.trim_end_matches('\n').as_bytes());
    format!("{{\n  \"checksum\": \"xxh3:{checksum:016x}\",\n{rest}")
}

#[test]
fn an_input_that_grows_meanwhile_is_noticed() {
    let home = views(2_000, 100, 4_000);
    let child = home.command(RUN).stderr(Stdio::piped()).spawn().expect("ilk starts");
    wait_until(|| home.join("run/cleaned").exists());
    let mut views = fs::File::options().append(true).open(home.join("views.csv")).expect("a file");
    std::io::Write::write_all(&mut views, b"7,7,7\n").expect("written");
    drop(views);
    let output = child.wait_with_output().expect("ilk ends");
    let told = whole_lines(output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("views.csv was modified while it was being read"), "{told}");
    let refused = home.ilk(RUN);
    assert!(refused.stderr.contains("views.csv had "), "{}", refused.stderr);
    home.stderr(&format!("{RUN} --restart"));
    assert!(result(&home) == expected(&home, RUN));
}
