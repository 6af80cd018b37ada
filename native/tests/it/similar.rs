//! Several items, items by label, and JSON.

use serde_json::{Value, json};

use crate::tools::Home;

/// Orders with labels, in every kind of output.
const OUTS: [&str; 7] =
    ["out.csv", "out.jsonl", "out.parquet", "out.arrow", "out.csv.gz", "out.jsonl.zst", "out"];

fn home() -> Home {
    let home = Home::with_orders();
    for out in OUTS {
        home.stderr(&format!(
            "run orders.csv --user member --item sku --item-label product -o {out}"
        ));
    }
    home
}

#[test]
fn several_items_stand_below_each_other() {
    let home = home();
    for out in OUTS {
        let shown = home.stdout(&format!("similar {out} mug tea -n 1"));
        insta::allow_duplicates! { insta::assert_snapshot!(shown, @r"
        mug  Mug

        rank  neighbour  label       score  overlap
           1  tea        Black tea  0.8660        3

        1 more neighbour: add -n 2

        tea  Black tea

        rank  neighbour  label   score  overlap
           1  mug        Mug    0.8660        3

        1 more neighbour: add -n 2
        ") }
    }
}

#[test]
fn items_are_found_by_their_labels() {
    let home = home();
    for out in OUTS {
        let by_id = home.stdout(&format!("similar {out} milk tea"));
        let mut by_label = home.command(&format!("similar {out}"));
        let ran = by_label.args(["Oat milk", "black TEA"]).output().expect("ilk runs");
        assert_eq!(String::from_utf8_lossy(&ran.stdout), by_id, "{out}");
        assert_eq!(ran.status.code(), Some(0), "{out}");
    }
}

#[test]
fn an_unknown_item_is_named_and_the_others_are_shown() {
    let home = home();
    for out in ["out.csv", "out.parquet", "out"] {
        let both = home.ilk(&format!("similar {out} zzz tea qqq"));
        assert_eq!(both.code, Some(2), "{out}");
        assert_eq!(both.stdout, home.stdout(&format!("similar {out} tea")), "{out}");
        let (zzz, qqq) = (both.stderr.find("no item `zzz`"), both.stderr.find("no item `qqq`"));
        assert!(zzz < qqq && zzz.is_some(), "{}", both.stderr);
        assert_eq!(both.stderr.lines().count(), 2, "{}", both.stderr);
    }
    let lost = home.ilk("similar out saw tea --format json");
    assert_eq!((lost.code, lost.stdout.lines().count()), (Some(2), 1));
    assert!(lost.stderr.contains("item `saw` has no neighbours"), "{}", lost.stderr);
}

#[test]
fn a_label_of_several_items_wants_an_id() {
    let home = Home::new();
    home.write("orders.csv", "u,i,name\n1,a,Tea\n1,b,Tea\n1,c,Mug\n2,a,Tea\n2,b,Tea\n2,c,Mug\n");
    home.stderr("run orders.csv --user u --item i --item-label name -o out.csv");
    let ran = home.ilk("similar out.csv Tea");
    assert_eq!(ran.code, Some(2));
    insta::assert_snapshot!(ran.stderr, @r"
    error: 2 items are labelled `Tea`
    help: name one by its ID: `a`, `b`
    ");
}

#[test]
fn json_has_an_object_for_each_item() {
    let home = home();
    for out in OUTS {
        let lines = home.stdout(&format!("similar {out} tea mug -n 1 --format json"));
        insta::allow_duplicates! { insta::assert_snapshot!(lines, @r#"
        {"item":"tea","label":"Black tea","total":2,"neighbours":[{"item":"mug","label":"Mug","rank":1,"score":0.8660254,"overlap":3}]}
        {"item":"mug","label":"Mug","total":2,"neighbours":[{"item":"tea","label":"Black tea","rank":1,"score":0.8660254,"overlap":3}]}
        "#) }
    }
}

#[test]
fn ids_below_0_and_past_2_to_the_63_keep_their_digits() {
    for (small, large) in [("-9223372036854775808", "-5"), ("7", "18446744073709551615")] {
        let home = Home::new();
        home.write(
            "orders.csv",
            format!("u,i\n1,{small}\n1,{large}\n2,{small}\n2,{large}\n3,{small}\n"),
        );
        for out in ["out.parquet", "out.csv", "out.jsonl", "out.arrow"] {
            home.stderr(&format!("run orders.csv --user u --item i -o {out}"));
            let shown = home.stdout(&format!("similar {out} {large} -n 3"));
            assert!(shown.starts_with(large) && shown.contains(small), "{out}: {shown}");
            let line = home.stdout(&format!("similar {out} {large} {small} --format json"));
            assert!(line.starts_with(&format!("{{\"item\":{large},")), "{out}: {line}");
            assert!(line.contains(&format!("[{{\"item\":{small},")), "{out}: {line}");
            let text = home.stdout(&format!("similar {out} {large} --format json --ids text"));
            let text: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(text["item"], json!(large), "{out}");
        }
    }
}
