//! Files as people have them, through the program: the right neighbours, or the right refusal. The
//! files are made by `tests/files/typed.py`.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// Returns the path of a file of the folder.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/files/typed").join(name)
}

/// The program in an environment that says nothing.
fn ilk(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ilk"));
    command.current_dir(home).env_clear().env("COLUMNS", "1000").env("NO_COLOR", "1");
    command.env("ILK_USAGE_FILE", "off");
    command
}

/// What the program said, and its exit code.
fn said(output: &Output) -> (Option<i32>, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

/// Runs over inputs and returns the neighbours, as CSV.
fn neighbours(home: &Path, arguments: &[&str]) -> String {
    let out = home.join("out.csv");
    let output =
        ilk(home).arg("run").args(arguments).args(["-o", "out.csv", "--overwrite"]).output();
    let (code, text) = said(&output.expect("it works"));
    assert_eq!(code, Some(0), "{arguments:?}: {text}");
    fs::read_to_string(out).expect("it works")
}

/// Runs over inputs that are to be refused; returns what was said.
fn refusal(home: &Path, arguments: &[&str]) -> String {
    let output = ilk(home).arg("run").args(arguments).args(["-o", "no.csv"]).output();
    let (code, text) = said(&output.expect("it works"));
    assert_eq!(code, Some(2), "{arguments:?}: {text}");
    assert!(!home.join("no.csv").exists());
    text
}

const PAIR: [&str; 4] = ["--user", "user", "--item", "item"];

/// Neighbours of three rows: tea and jam share one of two users.
const THREE_ROWS: &str =
    "item,neighbour,rank,score,overlap\njam,tea,1,0.70710677,1\ntea,jam,1,0.70710677,1\n";

#[test]
fn text_is_read_however_it_is_packed_or_called() {
    let home = tempfile::tempdir().unwrap();
    for name in [
        "orders.csv.bz2",
        "orders.csv.xz",
        "orders.jsonl.gz",
        "skippable.csv.zst",
        "window.csv.zst",
        "one.zip",
        "lines.zip",
        "part-00001",
        "part-00002",
        "orders.txt",
    ] {
        let path = file(name).display().to_string();
        let found = neighbours(home.path(), &[&[path.as_str()], &PAIR[..]].concat());
        assert_eq!(found, THREE_ROWS, "{name}");
    }
}

#[test]
fn standard_input_is_a_file_like_any_other() {
    let home = tempfile::tempdir().unwrap();
    for (name, format) in
        [("orders.txt", "csv"), ("part-00001", "parquet"), ("part-00002", "jsonl")]
    {
        let mut command = ilk(home.path());
        command.args(["run", "-", "--format", format]).args(PAIR);
        command.args(["-o", "out.csv", "--overwrite"]).stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(&fs::read(file(name)).unwrap()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(said(&output).0, Some(0), "{}", said(&output).1);
        assert_eq!(fs::read_to_string(home.path().join("out.csv")).unwrap(), THREE_ROWS, "{name}");
    }
}

#[test]
fn baskets_and_paths_into_structures_are_columns() {
    let home = tempfile::tempdir().unwrap();
    for name in ["baskets.parquet", "baskets-v2.parquet", "baskets.arrow", "baskets.jsonl"] {
        let path = file(name).display().to_string();
        let columns = ["--user", "user.id", "--item", "lines.sku", "--weight", "lines.n"];
        let cleaning = ["--max-bad-rows", "50%"];
        let found =
            neighbours(home.path(), &[&[path.as_str()], &columns[..], &cleaning[..]].concat());
        assert_eq!(
            found, "item,neighbour,rank,score,overlap\njam,tea,1,1,1\ntea,jam,1,1,1\n",
            "{name}"
        );
    }
    fs::write(home.path().join("cells.csv"), "who,what\n1,tea jam\n2,tea\n").unwrap();
    let arguments = ["cells.csv", "--user", "who", "--item", "what", "--item-separator", " "];
    assert_eq!(neighbours(home.path(), &arguments), THREE_ROWS);
}

#[test]
fn times_say_their_range_and_numbers_without_a_unit_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let decay = ["--time", "t", "--weighting", "decay", "--half-life", "30d"];
    let arguments = |extra: &[&'static str]| [&["t.csv"], &PAIR[..], &decay[..], extra].concat();
    let write = |cells: [&str; 3]| {
        let rows = ["1,a", "1,b", "2,a"].iter().zip(cells).map(|(row, t)| format!("{row},{t}\n"));
        fs::write(home.path().join("t.csv"), format!("user,item,t\n{}", rows.collect::<String>()))
            .unwrap();
    };
    write(["2011-12-01", "2011-12-09", "2011-12-09"]);
    let expected = neighbours(home.path(), &arguments(&[]));
    for cells in [
        ["20111201", "20111209", "20111209"],
        ["1322697600000", "1323388800000", "1323388800000"],
        ["15309", "15317", "15317"],
    ] {
        write(cells);
        assert_eq!(neighbours(home.path(), &arguments(&[])), expected, "{cells:?}");
    }
    write(["01.12.2011", "09.12.2011", "09.12.2011"]);
    assert_eq!(neighbours(home.path(), &arguments(&["--time-format", "%d.%m.%Y"])), expected);
    write(["20111201", "1322697600", "15309"]);
    let text = refusal(home.path(), &arguments(&[]));
    assert!(text.contains("cannot infer the unit of the numbers in the time column"), "{text}");
    assert!(text.contains("20111201 (row 1) is 2011-12-01 as yyyymmdd"), "{text}");
    assert!(text.contains("--time-unit"), "{text}");
    write(["1", "2", "2"]);
    assert!(refusal(home.path(), &arguments(&["--run-dir", "run"])).contains("1 (row 1) is"));
    neighbours(home.path(), &arguments(&["--time-unit", "days"]));
    write(["2011-12-01", "2999-12-09", "2011-12-09"]);
    let output = ilk(home.path()).arg("run").args(arguments(&["-o", "f.csv"])).output().unwrap();
    let (_, text) = said(&output);
    assert!(text.contains("2011-12-01 to 2999-12-09"), "{text}");
    assert!(text.contains("2999-12-09, is in the future (row 2)"), "{text}");
    let inspected = ilk(home.path()).args(["inspect", "t.csv"]).output().unwrap();
    assert!(said(&inspected).1.contains("times: 2011-12-01 to 2999-12-09"));
}

#[test]
fn what_is_not_read_is_named() {
    let home = tempfile::tempdir().unwrap();
    let labelled = |name: &str| {
        let path = file(name).display().to_string();
        refusal(home.path(), &[&[path.as_str()], &PAIR[..], &["--item-label", "name"]].concat())
    };
    assert!(labelled("encrypted-column.parquet").contains("column `name` is encrypted"));
    assert!(labelled("encrypted.parquet").contains("encrypted Parquet"));
    assert!(labelled("bomb.parquet").contains("damaged or cut short (footer"));
    assert!(labelled("two.zip").contains("a ZIP archive of 2 files"));
    assert!(labelled("array.json").contains("a JSON array"));
}

#[test]
fn files_of_several_schemas_are_listed() {
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(home.path().join(name), text).unwrap();
    fs::create_dir(home.path().join("o")).unwrap();
    write("o/a.csv", "user,item\n1,a\n");
    write("o/b.csv", "user,item\n1,a\n");
    write("o/c.csv", "who,what\n1,a\n");
    let text = refusal(home.path(), &[&["o"], &PAIR[..]].concat());
    assert!(text.contains("2 files (such as o/a.csv): user, item"), "{text}");
    assert!(text.contains("1 file (o/c.csv): who, what"), "{text}");
}

#[test]
fn folders_of_table_formats_are_refused_unless_they_are_ignored() {
    let home = tempfile::tempdir().unwrap();
    let log = home.path().join("orders/_delta_log");
    fs::create_dir_all(&log).unwrap();
    fs::write(log.join("00000000000000000000.json"), "{}").unwrap();
    fs::copy(file("part-00001"), home.path().join("orders/a.parquet")).unwrap();
    let text = refusal(home.path(), &[&["orders"], &PAIR[..]].concat());
    assert!(text.contains("orders is a Delta Lake table"), "{text}");
    let ignored = [&["orders", "--ignore-table-format"], &PAIR[..]].concat();
    assert_eq!(neighbours(home.path(), &ignored), THREE_ROWS);
}

#[cfg(unix)]
#[test]
fn pipes_keep_nobody_waiting() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("o");
    fs::create_dir(&folder).unwrap();
    fs::copy(file("part-00001"), folder.join("a.parquet")).unwrap();
    for pipe in ["run.json", "b.csv"] {
        assert!(Command::new("mkfifo").arg(folder.join(pipe)).status().unwrap().success());
    }
    assert_eq!(neighbours(home.path(), &[&["o"], &PAIR[..]].concat()), THREE_ROWS);
    let output = ilk(home.path()).args(["inspect", "o"]).args(PAIR).output().unwrap();
    assert_eq!(said(&output).0, Some(0), "{}", said(&output).1);
    assert!(
        refusal(home.path(), &[&["o/b.csv"], &PAIR[..]].concat()).contains("not a regular file")
    );
}
