//! The conformance cases through the program, as people run it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};

use ilk_formats::{ColumnKind, Error, Input, Memory, NeighbourRow, Source, read_neighbours};

use crate::{
    cases::{self, Case},
    encodings::Encoding,
    reference::{Kind, kind},
};

const THREADS: [u32; 3] = [1, 2, 5];

/// Finds the program, which cargo builds beside the tests of the workspace.
fn program() -> PathBuf {
    let path = std::env::current_exe().expect("this test runs from somewhere");
    let name = format!("ilk{}", std::env::consts::EXE_SUFFIX);
    let path = path.ancestors().nth(2).expect("deps lies in the profile's folder").join(name);
    assert!(
        path.exists(),
        "{} is not built: run `cargo build -p ilk` first, or test the whole workspace",
        path.display()
    );
    path
}

/// Runs a case; `inputs` stand for those of its job file where there are any.
fn run(case: &Case, inputs: &[PathBuf], threads: u32, out: &Path) -> Output {
    let mut command = Command::new(program());
    command
        .env_clear()
        .env("ILK_USAGE_FILE", "off")
        .arg("run")
        .arg("--job")
        .arg(case.path("job.toml"))
        .args(inputs);
    command.arg("--threads").arg(threads.to_string()).arg("--quiet").arg("--out").arg(out);
    let output = command.output().expect("the program starts");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{} on {threads} threads: {told}", case.name);
    output
}

/// Runs a case and returns the bytes it writes to a file of that name.
fn written(case: &Case, inputs: &[PathBuf], threads: u32, name: &str) -> Vec<u8> {
    let home = tempfile::tempdir().expect("a temporary folder");
    let out = home.path().join(name);
    run(case, inputs, threads, &out);
    let left = fs::read_dir(home.path()).expect("the folder").count();
    assert_eq!(left, 1, "{}: working files are left behind", case.name);
    fs::read(out).expect("the output")
}

/// Writes the interactions of a case in another way and hands over the paths.
fn with_files<T>(case: &Case, encoding: Encoding, use_files: impl FnOnce(&[PathBuf]) -> T) -> T {
    let home = tempfile::tempdir().expect("a temporary folder");
    let paths = encoding.files(case).into_iter().map(|(name, bytes)| {
        let path = home.path().join(name);
        fs::write(&path, bytes).expect("a temporary file");
        path
    });
    use_files(&paths.collect::<Vec<_>>())
}

fn rows(name: &str, bytes: Vec<u8>) -> Vec<NeighbourRow> {
    let mut rows = Vec::new();
    let source: Arc<dyn Source> = Arc::new(Memory::new(name, bytes));
    let read = read_neighbours(source, None, &mut |row| {
        rows.push(row);
        Ok::<_, Error>(())
    });
    read.unwrap_or_else(|error| panic!("{name}: {error}"));
    rows
}

#[test]
fn the_program_writes_what_is_expected_on_any_number_of_threads() {
    for case in cases::all() {
        let expected = case.text("expected.csv");
        for threads in THREADS {
            let found = written(&case, &[], threads, "out.csv");
            let found = String::from_utf8(found).expect("UTF-8");
            assert_eq!(found, expected, "{} on {threads} threads", case.name);
        }
    }
}

#[test]
fn every_format_of_output_holds_the_same_rows() {
    for case in cases::all() {
        let expected = rows("expected.csv", case.text("expected.csv").into_bytes());
        let sheet = case.sheet();
        let compared = match case.job.of {
            ilk_core::job::Of::Items => &case.source.item,
            ilk_core::job::Of::Users => &case.source.user,
        };
        let ids = match kind(&sheet.column(compared)) {
            Kind::Text => ColumnKind::Text,
            Kind::Integer | Kind::Unsigned => ColumnKind::Integer,
        };
        for name in ["out.parquet", "out.jsonl", "out.arrow"] {
            let bytes = written(&case, &[], 2, name);
            assert_eq!(rows(name, bytes.clone()), expected, "{}, {name}", case.name);
            if name == "out.jsonl" {
                continue;
            }
            let input = Input::open(
                Arc::new(Memory::new(name, bytes)),
                &ilk_formats::CsvOptions::default(),
            )
            .expect("a table");
            let columns = &input.schema().columns;
            let kinds = columns.iter().map(|column| column.kind).collect::<Vec<_>>();
            let mut expected = vec![ids, ids, ColumnKind::Integer, ColumnKind::Number];
            expected.push(ColumnKind::Integer);
            if case.has_labels() {
                expected.extend([ColumnKind::Text; 2]);
            }
            assert_eq!(kinds, expected, "{}, {name}", case.name);
        }
    }
}

#[test]
fn parquet_output_is_the_same_to_the_byte_whatever_the_threads_and_the_files() {
    for case in cases::all() {
        let expected = written(&case, &[], 1, "out.parquet");
        for threads in THREADS {
            for encoding in Encoding::ALL {
                let found = with_files(&case, encoding, |paths| {
                    written(&case, paths, threads, "other.parquet")
                });
                assert!(found == expected, "{} from {encoding:?}, {threads} threads", case.name);
            }
        }
    }
}

#[test]
fn a_folder_as_output_holds_the_same_table() {
    for case in cases::all().iter().filter(|case| case.name.ends_with('s')) {
        let home = tempfile::tempdir().expect("a temporary folder");
        let out = home.path().join("similar");
        run(case, &[], 2, &out);
        let table = fs::read(out.join("neighbours.parquet")).expect("the table");
        assert!(table == written(case, &[], 1, "out.parquet"), "{}", case.name);
        assert!(out.join("items.parquet").exists(), "{}", case.name);
    }
}

#[test]
fn cases_with_two_behaviours_give_what_is_expected_on_any_threads_and_in_a_run_directory() {
    for case in cases::two_behaviours() {
        let expected = case.text("expected.csv");
        for threads in THREADS {
            let found = written(&case, &[], threads, "out.csv");
            let found = String::from_utf8(found).expect("UTF-8");
            assert_eq!(found, expected, "{} on {threads} threads", case.name);
        }
        let home = tempfile::tempdir().expect("a temporary folder");
        let (run_dir, out) = (home.path().join("run"), home.path().join("out.csv"));
        let mut command = Command::new(program());
        command.env_clear().env("ILK_USAGE_FILE", "off").arg("run").arg(case.path("job.toml"));
        command.args(["--quiet", "--run-dir"]).arg(&run_dir).arg("--out").arg(&out);
        let output = command.output().expect("the program starts");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}: {told}", case.name);
        assert_eq!(fs::read_to_string(out).expect("the output"), expected, "{}", case.name);
    }
}
