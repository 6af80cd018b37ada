//! Files with one field of 1.5 GiB, packed into a few bytes, under a small memory limit. A test program of
//! its own, as memory.rs is; what takes minutes runs with `ILK_TESTS_FULL` only.
#![cfg(target_os = "linux")]

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
    process::Command,
};

use nix::sys::resource::{UsageWho, getrusage};
use serde_json::Value;

/// How often 16 MiB stand in the field.
const TIMES: usize = 96;
const LIMIT: i64 = 64 << 10;

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().expect("hexadecimal digits");
    let byte =
        |place: usize| u8::from_str_radix(&hex[2 * place..2 * place + 2], 16).expect("a byte");
    (0..hex.len() / 2).map(byte).collect()
}

/// Puts a file together: its beginning, the filler so many times, its end.
fn write(path: &Path, ends: &Value, filler: &[u8]) {
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    file.write_all(&bytes(&ends[0])).expect("written");
    (0..TIMES).for_each(|_| file.write_all(filler).expect("written"));
    file.write_all(&bytes(&ends[1])).expect("written");
    file.flush().expect("written");
}

/// Reads a file under the limit: its row is set aside, and all others are read.
fn check(home: &Path, name: &str) {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("ilk"));
    command.current_dir(home).env_clear().env("NO_COLOR", "1").env("ILK_USAGE_FILE", "off");
    let arguments = "--user user --item item --memory 64MiB --threads 2 --overwrite -o out.csv";
    let output = command.args(["run", name]).args(arguments.split(' ')).output().expect("ilk runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{name}\n{told}");
    assert!(told.contains("21 rows from 1 file"), "{name}\n{told}");
    assert!(told.contains("unreadable: 1 row"), "{name}\n{told}");
    let found = fs::read_to_string(home.join("out.csv")).expect("a table");
    let expected = "item,neighbour,rank,score,overlap\na,b,1,1,5\nb,a,1,1,5\n";
    assert_eq!(found, expected, "{name}\n{told}");
    let peak = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the system tells").max_rss();
    assert!(peak < LIMIT, "{name}: {peak} KiB\n{told}");
}

#[test]
fn a_field_of_any_size_costs_its_row_only() {
    let home = tempfile::tempdir().expect("a folder");
    let text = include_str!("files/wide.json");
    let files: BTreeMap<String, Value> = serde_json::from_str(text).expect("JSON");
    let is_full = std::env::var_os("ILK_TESTS_FULL").is_some();
    for (packer, file) in files {
        // The others take as long as their decoders do.
        if !is_full && packer != "zst" {
            continue;
        }
        let filler = bytes(&file["filler"]);
        for content in ["csv", "jsonl"] {
            let name = format!("wide.{content}.{packer}");
            write(&home.path().join(&name), &file[content], &filler);
            check(home.path(), &name);
            fs::remove_file(home.path().join(&name)).expect("removed");
        }
    }
}
