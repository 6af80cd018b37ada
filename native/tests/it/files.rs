//! The files of `tests/files` through the program: each is read right, or refused by name.

use std::{fs, path::Path};

use serde_json::Value;

use crate::tools::{Home, whole_lines};

/// The flags of a case.
fn flags(case: &Value) -> Vec<String> {
    let mut flags = Vec::new();
    for (name, value) in case["settings"].as_object().expect("settings") {
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for value in values {
            let text = value.as_str().map_or_else(|| value.to_string(), String::from);
            flags.push(format!("--{}={text}", name.replace('_', "-")));
        }
    }
    flags
}

/// Spells ids as the program writes them: integers without a fraction of zeros, if all are integers.
fn spelled(rows: &[Value], column: usize) -> Vec<String> {
    let ids: Vec<&str> = rows.iter().map(|row| row[column].as_str().expect("text")).collect();
    let digits: Option<Vec<&str>> =
        ids.iter().map(|id| ilk_core::data::canonical_digits(id)).collect();
    digits.unwrap_or(ids).into_iter().map(String::from).collect()
}

/// Describes what is wrong with how the program reads a file.
fn check(home: &Home, folder: &Path, case: &Value) -> Result<(), String> {
    let mut command = home.command("sample --rate 100% --out rows.jsonl --overwrite");
    command.args(flags(case)).arg(folder.join(case["file"].as_str().expect("a file")));
    let output = command.output().expect("ilk runs");
    let told = whole_lines(output.stderr);
    if let Some(words) = case["refusal"].as_str() {
        let is_right = output.status.code() == Some(2) && told.contains(words);
        return if is_right { Ok(()) } else { Err(format!("{:?}: {told}", output.status.code())) };
    }
    let rows = case["rows"].as_array().expect("rows");
    if rows.is_empty() {
        let is_right = output.status.code() == Some(2) && told.contains("no rows");
        return if is_right { Ok(()) } else { Err(format!("{:?}: {told}", output.status.code())) };
    }
    if !output.status.success() {
        return Err(told);
    }
    let (user, item) = (&case["settings"]["user"], &case["settings"]["item"]);
    let text = |row: &Value, name: &Value| {
        let cell = &row[name.as_str().expect("a name")];
        cell.as_str().map_or_else(|| cell.to_string(), String::from)
    };
    let written = home.read("rows.jsonl");
    let written = written.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let is_null = |row: &Value, name: &Value| row[name.as_str().expect("a name")].is_null();
    // A sample keeps rows without a user or an item; they are none of the case's.
    let written = written.filter(|row| !is_null(row, user) && !is_null(row, item));
    let found: Vec<_> = written.map(|row| (text(&row, user), text(&row, item))).collect();
    let expected: Vec<_> = spelled(rows, 0).into_iter().zip(spelled(rows, 1)).collect();
    if found != expected {
        return Err(format!("{} rows, such as {:?}", found.len(), &found[..found.len().min(3)]));
    }
    Ok(())
}

#[test]
fn every_file_is_read_right_or_refused_by_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/files");
    let cases = fs::read_to_string(folder.join("cases.json")).expect("the cases");
    let cases: Vec<Value> = serde_json::from_str(&cases).expect("JSON");
    let home = Home::new();
    let mut wrong = Vec::new();
    for case in &cases {
        if let Err(why) = check(&home, &folder, case) {
            wrong.push(format!("{} {}: {why}", case["file"], case["settings"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn integers_of_one_file_are_those_of_another() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/files/csv");
    let home = Home::new();
    for name in ["jan.csv", "feb.csv"] {
        fs::copy(folder.join(name), home.join(name)).expect("copied");
    }
    home.stdout("run jan.csv feb.csv --user user --item item --measure cooccurrence -o out.csv");
    assert_eq!(
        home.read("out.csv"),
        "item,neighbour,rank,score,overlap\n10,20,1,2,2\n20,10,1,2,2\n"
    );
}

#[test]
fn a_user_that_spells_a_null_is_named_with_the_flag() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/files/csv");
    let home = Home::new();
    fs::copy(folder.join("nulls.csv"), home.join("nulls.csv")).expect("copied");
    let told = home.stderr("run nulls.csv --user user --item item -o out.csv");
    assert!(
        told.contains("1 row has the user `NULL`; if that means none, add --null NULL"),
        "{told}"
    );
    assert!(told.contains("1 row has the item `NULL`"), "{told}");
    let told = home.stderr("run nulls.csv --user user --item item --null NULL -o out2.csv");
    assert!(!told.contains("the user `NULL`"), "{told}");
}
