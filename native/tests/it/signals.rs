//! Signals in the middle of a run, and readers that go away.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use crate::tools::Home;

/// A folder with a job of minutes: one user's many items, each pair of which counts.
fn long_job() -> Home {
    let home = Home::new();
    let items = (0..450_000).map(|item| format!("1,{item}")).collect::<Vec<_>>().join("\n");
    home.write("views.csv", format!("user,item\n{items}"));
    home
}

/// Starts the job and waits until it compares.
fn comparing(home: &Home, out: &str) -> Child {
    let run = format!("run views.csv --user user --item item -k 1 --log json -o {out}");
    let mut child = home.command(&run).stderr(Stdio::piped()).spawn().expect("ilk starts");
    let told = BufReader::new(child.stderr.take().expect("a pipe"));
    let begins = |line: &String| line.contains("stage_started") && line.contains("comparing");
    let begun = told.lines().map_while(Result::ok).find(begins);
    assert!(begun.is_some(), "the job ended before it compared");
    child
}

fn send(signal: &str, child: &Child) {
    let kill = format!("kill -{signal} {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success());
}

#[test]
fn a_signal_leaves_nothing_half_written() {
    let home = long_job();
    home.write("old.parquet", "mine");
    home.write("old/neighbours.parquet", "mine");
    let before = home.tree();
    for (signal, out) in [
        ("INT", "new.parquet"),
        ("TERM", "new"),
        ("INT", "old --overwrite"),
        ("TERM", "old.parquet --overwrite"),
        ("HUP", "new.csv"),
    ] {
        let mut child = comparing(&home, out);
        assert!(home.tree().len() > before.len(), "working files lie beside the output");
        send(signal, &child);
        assert_eq!(child.wait().expect("ilk ends").code(), Some(130), "{signal} {out}");
        assert_eq!(home.tree(), before, "{signal} {out}");
    }
}

#[test]
fn an_interruption_is_told() {
    let home = long_job();
    let run = "run views.csv --user user --item item -k 1 -o new.parquet";
    let mut child = home.command(run).stderr(Stdio::piped()).spawn().expect("ilk starts");
    while home.tree().len() < 2 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    send("INT", &child);
    let mut told = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().expect("a pipe"), &mut told)
        .expect("text");
    assert_eq!(child.wait().expect("ilk ends").code(), Some(130));
    assert!(told.ends_with("interrupted; no partial output was left\n"), "{told}");
}

#[test]
fn the_demo_leaves_nothing_when_interrupted() {
    // Too quick to be hit in a certain place: whatever is hit, nothing stays.
    let home = Home::new();
    for wait in [0, 5, 10, 20] {
        let mut command = home.command("demo -q");
        let mut child =
            command.env("TMPDIR", home.path()).stdout(Stdio::null()).spawn().expect("ilk starts");
        std::thread::sleep(std::time::Duration::from_millis(wait));
        send("TERM", &child);
        child.wait().expect("ilk ends");
        assert_eq!(home.names(), [""; 0]);
    }
}

/// Runs a line of shell in which `ilk` is the program; returns exit code of ilk, stdout, stderr.
fn shell(home: &Home, line: &str) -> (String, String, String) {
    let program = assert_cmd::cargo::cargo_bin("ilk").display().to_string();
    let script = format!("ilk() {{ '{program}' \"$@\"; echo $? > code; }}; {line}");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(home.path());
    command.env("NO_COLOR", "1").env("ILK_USAGE_FILE", "off");
    let output = command.output().expect("a shell");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (home.read("code").trim().into(), text(output.stdout), text(output.stderr))
}

#[test]
fn readers_may_go_away() {
    let home = Home::with_orders();
    home.stdout("run orders.csv --user member --item sku -o out.csv");
    let silent = |line: &str, expected: &str| {
        let (code, stdout, stderr) = shell(&home, line);
        assert_eq!((&*code, &*stdout, &*stderr), ("0", expected, ""), "{line}");
    };
    silent("ilk similar out.csv tea | head -1", "tea\n");
    let run = "ilk run -q orders.csv --user member --item sku -o -";
    silent(&format!("{run} | head -1"), "item,neighbour,rank,score,overlap\n");
    silent(&format!("{run} --out-format arrow | true"), "");
    silent(&format!("{run} --run-dir run | true"), "");
    assert!(home.stdout("status run --format json").contains("\"state\": \"finished\""));
    silent("ilk config | true", "");
    silent("ilk inspect orders.csv 2>&1 | head -c 6", "column");
    silent("ilk man | head -c 3", ".ie");
    silent("ilk run --help | true", "");
    silent("ilk --version | true", "");
    silent("ilk demo 2>&1 | true", "");
    silent("ilk config > /dev/null", "");
    silent("ilk run orders.csv --user member --item sku -o new.csv 2>&1 | true", "");
    assert_eq!(home.read("new.csv"), home.read("out.csv"));
}

#[test]
fn closed_outputs_are_no_trouble() {
    let home = Home::with_orders();
    let run = "ilk run orders.csv --user member --item sku";
    for (number, closed) in [">&-", "2>&-", ">&- 2>&-", "<&-", "<&- >&- 2>&-"].iter().enumerate() {
        let (code, _, stderr) = shell(&home, &format!("{run} -o {number}.csv {closed}"));
        assert_eq!((&*code, &*stderr), ("0", if closed.contains("2>") { "" } else { &stderr }));
        assert_eq!(home.read(&format!("{number}.csv")), crate::tools::NEIGHBOURS, "{closed}");
    }
    // Nobody can read what would be printed: silent, and nothing of it in a file.
    let (code, _, stderr) = shell(&home, "ilk similar 0.csv tea >&-");
    assert_eq!((&*code, &*stderr), ("0", ""));
}
