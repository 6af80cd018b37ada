//! The files of `tests/files`: each is read right, or refused by name.

use std::{fs, path::Path};

use ilk_formats::{CsvOptions, Header, ReadOptions, RecordSize};
use serde_json::Value;

use crate::tools::{chunks, source};

/// Reads the cases.
fn cases(folder: &Path) -> Vec<Value> {
    let cases = fs::read_to_string(folder.join("cases.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&cases).unwrap();
    assert!(cases.len() > 50, "there are only {} cases", cases.len());
    cases
}

/// The settings of a case, as a job file spells them.
fn options(case: &Value) -> ReadOptions {
    let text = |name: &str| case["settings"][name].as_str().map(String::from);
    let known = [
        "user",
        "item",
        "item_label",
        "delimiter",
        "quote",
        "escape",
        "encoding",
        "comment",
        "null",
        "no_header",
        "skip_lines",
        "max_record_size",
    ];
    let settings = case["settings"].as_object().unwrap();
    assert!(settings.keys().all(|name| known.contains(&name.as_str())), "{case}");
    let is_absent = case["settings"]["no_header"] == Value::Bool(true);
    let csv = CsvOptions {
        delimiter: text("delimiter").map(|text| text.parse().unwrap()),
        quote: text("quote").map(|text| text.parse().unwrap()),
        escape: text("escape").map(|text| text.parse().unwrap()),
        encoding: text("encoding").map(|text| text.parse().unwrap()),
        comment: text("comment"),
        header: if is_absent { Header::Absent } else { Header::Named },
        skip_lines: case["settings"]["skip_lines"].as_u64().unwrap_or(0),
        max_record_size: text("max_record_size").map(|text| text.parse::<RecordSize>().unwrap().0),
        ..CsvOptions::default()
    };
    let nulls = case["settings"]["null"].as_array();
    ReadOptions {
        user: text("user").unwrap(),
        item: text("item").unwrap(),
        item_label: text("item_label"),
        nulls: nulls.into_iter().flatten().map(|text| text.as_str().unwrap().into()).collect(),
        csv,
        ..ReadOptions::default()
    }
}

/// Describes what is wrong with how a file is read.
fn check(case: &Value, bytes: Vec<u8>) -> Result<(), String> {
    let name = case["file"].as_str().unwrap().rsplit('/').next().unwrap();
    let read = chunks(&source(name, bytes), &options(case));
    if let Some(words) = case["refusal"].as_str() {
        return match read {
            Ok(_) => Err("is read".into()),
            Err(error) if error.to_string().contains(words) => Ok(()),
            Err(error) => Err(format!("`{error}` does not say {words}")),
        };
    }
    let (mut rows, mut unreadable, mut missing) = (Vec::new(), 0, 0);
    for chunk in read.map_err(|error| error.to_string())? {
        unreadable += chunk.unreadable.len();
        for row in 0..chunk.len() {
            match (chunk.user.display(row), chunk.item.display(row)) {
                (Some(user), Some(item)) => rows.push(serde_json::json!([user, item])),
                _ => missing += 1,
            }
        }
    }
    let nulls = missing - unreadable;
    let counts = serde_json::json!([unreadable, nulls]);
    if counts != serde_json::json!([case["unreadable"], case["null"]]) {
        return Err(format!("{counts} rows are unreadable and null"));
    }
    if Value::Array(rows.clone()) != case["rows"] {
        return Err(format!(
            "{} rows, such as {:?}",
            rows.len(),
            rows.iter().take(4).collect::<Vec<_>>()
        ));
    }
    Ok(())
}

#[test]
fn every_file_is_read_right_or_refused_by_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/files");
    let mut wrong = Vec::new();
    for case in cases(&folder) {
        let bytes = fs::read(folder.join(case["file"].as_str().unwrap())).unwrap();
        if let Err(why) = check(&case, bytes) {
            wrong.push(format!("{} {}: {why}", case["file"], case["settings"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn plain_lists_of_ids_are_no_tables() {
    for (text, ids) in [
        ("7\n7\n8\n", vec!["7", "8"]),
        ("x,1\ny\nz\n", vec!["x,1", "y", "z"]),
        ("a b\nc\nd e f\n", vec!["a b", "c", "d e f"]),
        ("\"a\nb\n", vec!["\"a", "b"]),
    ] {
        let list = ilk_formats::read_id_list(source("ids.txt", text), "item").unwrap();
        assert_eq!(list.iter().collect::<Vec<_>>(), ids, "{text:?}");
    }
}
