//! Outputs in places of every kind, under limits of every kind: whole or not at all, and nothing of
//! anybody else's is touched.

use std::fs;

use crate::tools::{Home, NEIGHBOURS, Ran, crowd, neighbours};

const RUN: &str = "run orders.csv --user member --item sku";

/// Calls the program from a shell that does something first.
#[cfg(unix)]
fn after(home: &Home, first: &str, arguments: &str) -> Ran {
    let ilk = home.command(arguments);
    let mut shell = std::process::Command::new("sh");
    let words = ilk.get_args().map(|word| word.to_string_lossy().into_owned());
    let line = format!(
        "{first} && exec {} {}",
        ilk.get_program().display(),
        words.collect::<Vec<_>>().join(" ")
    );
    shell.args(["-c", &line]).current_dir(home.path()).env_clear();
    shell.env("COLUMNS", "80").env("NO_COLOR", "1").env("ILK_USAGE_FILE", "off");
    Ran::of(shell.output().expect("a shell"))
}

#[track_caller]
fn assert_error(ran: &Ran, message: &str, help: &str) {
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    let errors = ran.stderr.lines().skip_while(|line| !line.starts_with("error: "));
    let errors = errors.collect::<Vec<_>>();
    assert!(errors.len() == 2, "{}", ran.stderr);
    assert!(errors[0].contains(message), "{}", ran.stderr);
    assert!(errors[1].contains(help), "{}", ran.stderr);
}

/// Names of what is half-written in the folder, or in a run directory there.
fn left(home: &Home) -> Vec<String> {
    let entries = [home.path().to_owned(), home.join("run")].into_iter().flat_map(fs::read_dir);
    let names = entries.flatten().flatten().map(|entry| entry.file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    names.filter(|name| name.ends_with(".partial")).collect()
}

#[test]
fn a_finished_run_writes_its_output_again_whatever_else_is_gone() {
    let home = Home::with_orders();
    let run = format!("{RUN} --run-dir run --out out.csv");
    home.stderr(&run);
    for gone in
        ["run/items.parquet", "run/interactions.parquet", "run/plan.parquet", "run/merged.parquet"]
    {
        fs::remove_file(home.join("out.csv")).expect("removed");
        fs::remove_file(home.join(gone)).expect("removed");
        let told = home.stderr(&run);
        assert_eq!(home.read("out.csv"), NEIGHBOURS, "{gone}: {told}");
    }
}

#[test]
fn a_finished_run_writes_its_output_again_over_zeroed_files() {
    let home = Home::with_orders();
    let run = format!("{RUN} --run-dir run --out out.csv");
    home.stderr(&run);
    let names = home
        .names()
        .into_iter()
        .filter(|name| name.starts_with("run/") && name.ends_with(".parquet"));
    for name in names.collect::<Vec<_>>() {
        fs::remove_file(home.join("out.csv")).expect("removed");
        if home.join(&name).exists() {
            home.write(&name, vec![0; home.bytes(&name).len()]);
        }
        let told = home.stderr(&run);
        assert_eq!(home.read("out.csv"), NEIGHBOURS, "{name}: {told}");
    }
}

#[test]
fn standard_output_gets_nothing_but_the_table() {
    let home = Home::with_orders();
    let ran = home.ilk(&format!("{RUN} --out -"));
    assert_eq!((ran.code, &*ran.stdout), (Some(0), NEIGHBOURS), "{}", ran.stderr);
    assert!(ran.stderr.contains("6 rows to standard output"), "{}", ran.stderr);
    assert_eq!(home.stdout(&format!("{RUN} --out - --out-format csv --overwrite")), NEIGHBOURS);
    let lines = home.stdout(&format!("{RUN} --out - --out-format jsonl"));
    let stream = home.command(&format!("{RUN} --out - --out-format arrow")).output();
    let stream = stream.expect("ilk runs").stdout;
    let expected = neighbours("out.csv", NEIGHBOURS.into());
    assert_eq!(neighbours("out.jsonl", lines.into()), expected);
    assert_eq!(neighbours("out.arrows", stream.clone()), expected);
    home.stderr(&format!("{RUN} --out out.arrows"));
    assert_eq!(home.bytes("out.arrows"), stream);
    // A folder that is read holds no file of that name.
    home.write("job.toml", "[job]\nout = '-'\nout_format = 'csv'\n");
    assert_eq!(
        home.stdout(&format!("{RUN} --job {}", home.join("job.toml").display())),
        NEIGHBOURS
    );
    assert_eq!(home.names(), ["job.toml", "orders.csv", "out.arrows"]);
}

#[test]
fn what_standard_output_cannot_be_is_refused_by_name() {
    let home = Home::with_orders();
    let refused = |arguments: &str, message: &str, help: &str| {
        let ran = home.ilk(&format!("{RUN} {arguments}"));
        assert_error(&ran, message, help);
        assert_eq!(ran.stdout, "", "{arguments}");
    };
    refused(
        "--out - --out-format parquet",
        "Parquet cannot be written to standard output",
        "--out similar.parquet",
    );
    refused(
        "--out a.csv --out-format csv",
        "--out-format has no effect without --out -",
        "the ending of a file chooses its format",
    );
    refused(
        "--out - --max-change 30%",
        "--max-change has no effect with --out -",
        "--min-rows takes effect",
    );
    let ran = home.ilk(&format!("{RUN} --out - --min-rows 7"));
    assert_eq!((ran.code, &*ran.stdout), (Some(4), ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("standard output was not written"), "{}", ran.stderr);
    assert_eq!(home.stdout(&format!("{RUN} --out - --min-rows 6")), NEIGHBOURS);
    assert_eq!(home.stdout(&format!("{RUN} --out - --min-rows 7 --force")), NEIGHBOURS);
    assert_eq!(home.names(), ["orders.csv"]);
}

#[test]
fn a_run_directory_writes_to_standard_output_each_time() {
    let home = Home::with_orders();
    for _ in 0..2 {
        assert_eq!(home.stdout(&format!("{RUN} --run-dir run --out -")), NEIGHBOURS);
    }
    let withheld = home.ilk(&format!("{RUN} --run-dir run --out - --min-rows 7"));
    assert_eq!((withheld.code, &*withheld.stdout), (Some(4), ""), "{}", withheld.stderr);
    assert!(home.stdout("status run --format json").contains("\"state\": \"finished\""));
    assert_eq!(left(&home), [""; 0]);
    // The format is no part of what was computed.
    let lines = home.stdout(&format!("{RUN} --run-dir run --out - --out-format jsonl"));
    assert_eq!(neighbours("out.jsonl", lines.into()), neighbours("out.csv", NEIGHBOURS.into()));
}

#[test]
fn packed_outputs_are_the_same_each_time_and_read_back() {
    let home = Home::with_orders();
    let expected = neighbours("out.csv", NEIGHBOURS.into());
    for ending in ["csv.gz", "csv.zst", "jsonl.gz", "jsonl.zst"] {
        home.stderr(&format!("{RUN} --out a.{ending}"));
        home.stderr(&format!("{RUN} --out b.{ending} --run-dir {ending} --threads 2"));
        let (name, bytes) = (format!("a.{ending}"), home.bytes(&format!("a.{ending}")));
        assert_eq!(bytes, home.bytes(&format!("b.{ending}")), "{ending}");
        assert_eq!(neighbours(&name, bytes), expected, "{ending}");
        let shown = home.stdout(&format!("similar {name} tea"));
        assert!(shown.contains("0.8660"), "{shown}");
        assert_eq!(home.ilk(&format!("verify {name}")).code, Some(0), "{ending}");
        // What it replaces is compared with it.
        home.stderr(&format!("{RUN} --out {name} --overwrite --max-change 0%"));
        let sample =
            format!("sample orders.csv --user member --item sku --rate 100% -o s.{ending}");
        home.stdout(&sample);
        let again = home.stdout(&format!("run s.{ending} --user member --item sku --out -"));
        assert_eq!(again, NEIGHBOURS, "{ending}");
    }
    let ran = home.ilk(&format!("{RUN} --out a.parquet.gz"));
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("has no known output format"), "{}", ran.stderr);
}

#[test]
fn samples_go_to_standard_output_without_their_report() {
    let home = Home::with_orders();
    let sample = "sample orders.csv --user member --item sku --rate 100% --out -";
    let text = home.stdout(sample);
    assert!(text.starts_with("member,sku\na,tea\n"), "{text}");
    assert_eq!(text.lines().count(), 12, "{text}");
    let lines = home.stdout(&format!("{sample} --out-format jsonl"));
    assert!(lines.lines().all(|line| line.starts_with("{\"member\":")), "{lines}");
    let refused = home.ilk(&format!("{sample} --out-format parquet"));
    assert_error(&refused, "Parquet cannot be written to standard output", "--out similar.parquet");
    assert_eq!(home.names(), ["orders.csv"]);
}

#[test]
fn ids_are_written_anew_in_another_style() {
    let home = Home::new();
    home.write("orders.csv", "member,sku\n1,7\n1,8\n2,7\n2,8\n");
    let run = format!("{RUN} --run-dir run --out out.jsonl --overwrite");
    home.stderr(&run);
    assert!(home.read("out.jsonl").starts_with("{\"item\":7,"));
    home.stderr(&format!("{run} --ids text"));
    assert!(home.read("out.jsonl").starts_with("{\"item\":\"7\","));
    let told = home.stderr(&format!("{run} --ids text"));
    assert!(told.contains("nothing to do"), "{told}");
    home.stderr(&run);
    assert!(home.read("out.jsonl").starts_with("{\"item\":7,"));
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_stay() {
    let home = Home::with_orders();
    fs::create_dir(home.join("disk")).expect("made");
    home.write("disk/real.csv", "old");
    std::os::unix::fs::symlink("disk/real.csv", home.join("out.csv")).expect("linked");
    assert_error(
        &home.ilk(&format!("{RUN} --out out.csv")),
        "output out.csv exists",
        "--overwrite",
    );
    home.stderr(&format!("{RUN} --out out.csv --overwrite"));
    assert!(home.join("out.csv").is_symlink());
    assert_eq!(home.read("disk/real.csv"), NEIGHBOURS);
    assert_eq!(home.names(), ["disk", "disk/real.csv", "orders.csv", "out.csv"]);
}

#[cfg(unix)]
#[test]
fn pipes_sockets_and_devices_are_no_outputs() {
    let home = Home::with_orders();
    let _socket = std::os::unix::net::UnixListener::bind(home.join("s.csv")).expect("a socket");
    let made = std::process::Command::new("mkfifo").arg(home.join("p.csv")).status();
    assert!(made.expect("mkfifo").success());
    std::os::unix::fs::symlink("/dev/null", home.join("d.csv")).expect("linked");
    for (name, what) in [("s.csv", "a socket"), ("p.csv", "a named pipe"), ("d.csv", "a device")] {
        for more in ["", " --overwrite"] {
            let ran = home.ilk(&format!("{RUN} --out {name}{more}"));
            let message = format!("output {name} is {what}, not a file");
            assert_error(&ran, &message, "name a file or folder");
        }
        let report = home.ilk(&format!("{RUN} --out out.csv --report {name}"));
        assert_error(&report, &format!("output {name} is {what}"), "name a file");
    }
    assert_eq!(left(&home), [""; 0]);
}

#[test]
fn a_folder_keeps_what_others_put_into_it() {
    let home = Home::with_orders();
    home.stderr(&format!("{RUN} --out out"));
    home.write("out/notes.txt", "dear");
    let ran = home.ilk(&format!("{RUN} --out out --overwrite"));
    assert_error(&ran, "holds notes.txt, which is not an output of ilk", "name a new folder");
    assert_eq!(home.read("out/notes.txt"), "dear");
}

#[test]
fn a_run_directory_is_not_among_what_is_read() {
    let home = Home::new();
    home.write("orders/a.csv", "member,sku\n1,7\n1,8\n2,7\n2,8\n");
    home.write("names/a.csv", "sku,name\n7,Tea\n8,Mug\n");
    let run = "run orders --user member --item sku --labels names --label name";
    let help = "write elsewhere, or under a name that is not read, such as";
    for (out, message) in [
        ("--run-dir orders/run", "run directory orders/run is in the input folder orders"),
        ("--run-dir names/run", "run directory names/run is in the input folder names"),
        ("--out orders/x.csv", "output orders/x.csv is in the input folder orders"),
        ("--out names/x", "output names/x is in the input folder names"),
        ("--run-dir orders/a/../run", "is in the input folder orders"),
    ] {
        assert_error(&home.ilk(&format!("{run} {out}")), message, help);
    }
    let target = "run names --user name --item sku --target orders --target-user member \
                  --run-dir orders/run";
    assert_error(&home.ilk(target), "run directory orders/run is in the input folder orders", help);
    let sample = "sample orders --user member --item sku --rate 100% --out orders/s.csv";
    assert_error(&home.ilk(sample), "output orders/s.csv is in the input folder orders", help);
    // What is passed over when the folder is read may lie there.
    home.stderr(&format!("{run} --run-dir orders/_run --out orders/.x.csv"));
    home.stderr(&format!("{run} --run-dir orders/_run --out orders/.x.csv"));
}

#[test]
fn what_is_read_is_never_replaced() {
    let home = Home::new();
    home.write("a.csv", "member,sku\n1,7\n1,8\n2,7\n2,8\n");
    home.write("b.csv", "member,sku\n1,8\n2,7\n");
    home.write("names.csv", "sku,name\n7,Tea\n8,Mug\n");
    home.write(
        "job.toml",
        "[datasource.a]\ninput = 'a.csv'\nuser = 'member'\nitem = 'sku'\n[job]\n",
    );
    let before = home.tree();
    for (arguments, message) in [
        (
            "run a.csv --user member --item sku --target b.csv --out b.csv",
            "output b.csv is also an input",
        ),
        (
            "run a.csv --user member --item sku --labels names.csv --label name --out names.csv",
            "output names.csv is also an input",
        ),
        (
            "sample a.csv --user member --item sku --rate 50% --out a.csv",
            "output a.csv is also an input",
        ),
        (
            "run a.csv --user member --item sku --target b.csv --out x.csv --report b.csv",
            "output b.csv is also an input",
        ),
    ] {
        let ran = home.ilk(&format!("{arguments} --overwrite"));
        assert_error(&ran, message, "write elsewhere");
    }
    let ran = home.ilk("evaluate a.csv --user member --item sku --save a.csv");
    assert_error(&ran, "a.csv exists", "save to another file");
    let ran = home.ilk("evaluate a.csv --user member --item sku --save no/best.toml");
    assert_error(&ran, "the folder no is missing", "create it first");
    assert_eq!(home.tree(), before);
}

#[cfg(unix)]
#[test]
fn a_limit_of_file_size_is_an_error_like_a_full_disk() {
    let home = Home::new();
    home.write("orders.csv", crowd(400, 200, 20));
    for place in ["--out out.csv", "--out out.parquet", "--out folder", "--run-dir run"] {
        // So many blocks of 512 bytes.
        let ran = after(&home, "ulimit -f 8", &format!("{RUN} {place} --threads 1"));
        assert_eq!(ran.code, Some(2), "{place}: {}", ran.stderr);
        let errors = ran.stderr.lines().skip_while(|line| !line.starts_with("error: "));
        let errors = errors.collect::<Vec<_>>();
        assert!(errors[0].contains("file too large"), "{place}: {}", ran.stderr);
        assert_eq!(errors.len(), 2, "{place}: {}", ran.stderr);
        assert_eq!(left(&home), [""; 0], "{place}");
    }
    assert!(!home.join("out.csv").exists() && !home.join("folder").exists());
    // What is kept is gone on with.
    home.stderr(&format!("{RUN} --run-dir run"));
    // A report that finds no room is told in one line, and the result is there.
    let ran = after(&home, "ulimit -f 40", &format!("{RUN} -k 1 --out a.parquet --report a.html"));
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("error: cannot write a.html: file too large"), "{}", ran.stderr);
    assert_eq!(left(&home), [""; 0]);
}

#[cfg(target_os = "linux")]
#[test]
fn too_little_address_space_is_said_and_leaves_nothing() {
    let home = Home::new();
    home.write("orders.csv", crowd(20_000, 3_000, 40));
    let (mut done, mut refused) = (0, 0);
    for kibibytes in (80..700).step_by(40).map(|mebi| mebi * 1024) {
        let run = format!("{RUN} --out out.csv --overwrite --threads 2");
        let ran = after(&home, &format!("ulimit -v {kibibytes}"), &run);
        match ran.code {
            Some(0) => done += 1,
            Some(1 | 2) => {
                refused += 1;
                assert!(!ran.stderr.contains("please report"), "{kibibytes}: {}", ran.stderr);
                assert!(ran.stderr.contains("error: "), "{kibibytes}: {}", ran.stderr);
            }
            // The system itself cannot start it.
            Some(127) => {}
            code => panic!("{kibibytes} KiB: {code:?} {}", ran.stderr),
        }
        assert_eq!(left(&home), [""; 0], "{kibibytes}");
    }
    assert!(done > 0 && refused > 0, "{done} {refused}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_finished_run_on_a_read_only_disk_is_finished() {
    let home = Home::with_orders();
    let run = format!("{RUN} --run-dir disk/run");
    fs::create_dir(home.join("disk")).expect("made");
    home.stderr(&run);
    let mount = "mount --bind disk disk && mount -o remount,ro,bind disk disk";
    let line = format!("unshare -rm sh -c '{mount} && exec \"$0\" \"$@\"'");
    let ilk = home.command(&run);
    let words = ilk.get_args().map(|word| word.to_string_lossy().into_owned());
    let line =
        format!("{line} {} {}", ilk.get_program().display(), words.collect::<Vec<_>>().join(" "));
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &line]).current_dir(home.path()).env("ILK_USAGE_FILE", "off");
    let ran = Ran::of(shell.output().expect("a shell"));
    if ran.stderr.contains("unshare") || ran.stderr.contains("mount:") {
        return skip(&ran.stderr);
    }
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("nothing to do"), "{}", ran.stderr);
}

#[cfg(target_os = "linux")]
#[expect(clippy::print_stderr, reason = "a skipped test says why")]
fn skip(why: &str) {
    eprintln!("skipped: {why}");
}

#[cfg(unix)]
#[test]
fn what_a_kill_left_goes_with_the_next_run() {
    let home = Home::with_orders();
    let orphan = ".out.csv.aB3dE6.partial";
    home.write(orphan, "half");
    home.stderr(&format!("{RUN} --out out.csv"));
    assert_eq!(home.names(), ["orders.csv", "out.csv"]);
}

#[test]
fn text_that_is_like_a_formula_gets_a_prefix_in_csv_only() {
    let home = Home::new();
    home.write("orders.csv", "member,sku,name\n1,=1+1,-tea\n1,mug,Mug\n2,=1+1,-tea\n2,mug,Mug\n");
    let run = "run orders.csv --user member --item sku --item-label name --csv-safe";
    home.stderr(&format!("{run} --out out.csv"));
    assert_eq!(
        home.read("out.csv"),
        "item,neighbour,rank,score,overlap,item_label,neighbour_label\n\
         '=1+1,mug,1,1,2,'-tea,Mug\nmug,'=1+1,1,1,2,Mug,'-tea\n"
    );
    home.stderr(&format!("{run} --out out.jsonl"));
    assert!(home.read("out.jsonl").starts_with("{\"item\":\"=1+1\","));
    home.stderr(&format!("{} --out plain.csv", run.replace(" --csv-safe", "")));
    assert!(home.read("plain.csv").contains("\n=1+1,mug"));
}
