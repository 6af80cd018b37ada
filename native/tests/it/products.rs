//! Labels and groups from a table of products, and each pair in one row.

use std::{fmt::Write as _, fs};

use crate::tools::{Home, NEIGHBOURS, crowd, neighbours, settings};

const PRODUCTS: &str = "\
sku,title,kind
tea,Earl Grey,drinks
tea,Darjeeling,drinks
tea,Earl Grey,drinks
mug,Cup,dishes
mug,,dishes
milk,Oat milk,drinks
fork,Fork,dishes
";

const RUN: &str = "run orders.csv --user member --item sku";

fn home() -> Home {
    let home = Home::with_orders();
    home.write("products.csv", PRODUCTS);
    home
}

#[test]
fn a_second_table_names_the_items() {
    let home = home();
    let told = home.stderr(&format!("{RUN} --labels products.csv --label title --out out"));
    assert!(
        told.contains("labels     1 of 4 items without a label in products.csv (25.00 %)"),
        "{told}"
    );
    let rows = neighbours("neighbours.parquet", home.bytes("out/neighbours.parquet"));
    let label = |item: &str| {
        let row = rows.iter().find(|row| row.item == item).expect("a row");
        row.item_label.clone()
    };
    assert_eq!(label("tea"), Some("Earl Grey".into()));
    assert_eq!(label("mug"), Some("Cup".into()));
    assert!(rows.iter().all(|row| row.neighbour_label.is_some()));
    // The same rows as without labels.
    home.stderr(&format!("{RUN} --out plain.csv"));
    assert_eq!(home.read("plain.csv"), NEIGHBOURS);
    let shown = home.stdout("similar out tea");
    assert!(shown.starts_with("tea  Earl Grey\n") && shown.contains("Oat milk"), "{shown}");
}

#[test]
fn labels_are_the_same_from_any_table_and_with_a_run_directory() {
    let home = home();
    let run = format!("{RUN} --label title");
    home.stderr(&format!("{run} --labels products.csv --out whole.parquet"));
    let rows = PRODUCTS.lines().skip(1).collect::<Vec<_>>();
    for (part, rows) in rows.chunks(3).enumerate() {
        let lines = rows.iter().map(|row| {
            let cells = row.split(',').collect::<Vec<_>>();
            let title = if cells[1].is_empty() { "null".into() } else { format!("{:?}", cells[1]) };
            format!("{{\"code\": {:?}, \"title\": {title}}}\n", cells[0])
        });
        home.write(&format!("parts/{part}.jsonl"), lines.collect::<String>());
    }
    home.stderr(&format!("{run} --labels parts/ --label-id code --out parts.parquet"));
    home.stderr(&format!("{run} --labels products.csv --run-dir run --out kept.parquet"));
    for other in ["parts.parquet", "kept.parquet", "run/neighbours.parquet"] {
        assert!(home.bytes(other) == home.bytes("whole.parquet"), "{other}");
    }
    for stage in ["encode", "merge", "write"] {
        home.stderr(&format!("stage run {stage}"));
    }
    assert!(home.bytes("run/neighbours.parquet") == home.bytes("whole.parquet"));
    let explained = home.stdout("explain run tea mug");
    assert!(explained.starts_with("tea  Earl Grey\nmug  Cup\n"), "{explained}");
}

#[test]
fn a_changed_table_of_labels_is_another_job() {
    let home = home();
    let run = format!("{RUN} --labels products.csv --label title --run-dir run");
    home.stderr(&run);
    assert!(home.stderr(&run).contains("nothing to do"));
    home.write("products.csv", PRODUCTS.replace("Cup", "Mug"));
    for call in [run.as_str(), "stage run write"] {
        let refused = home.ilk(call);
        assert_eq!(refused.code, Some(2), "{call}");
        assert!(
            refused.stderr.contains("--labels: products.csv has different content"),
            "{}",
            refused.stderr
        );
    }
    home.stderr(&format!("{run} --restart"));
}

#[test]
fn users_are_named_where_users_are_compared() {
    let home = home();
    home.write("members.csv", "member,name\na,Ann\nb,Bob\nc,Cy\n");
    home.stderr(&format!("{RUN} --of users --labels members.csv --label name --out out.csv"));
    let rows = neighbours("out.csv", home.bytes("out.csv"));
    let row = rows.iter().find(|row| row.item == "b" && row.neighbour == "c").expect("a row");
    assert_eq!(
        (row.item_label.as_deref(), row.neighbour_label.as_deref()),
        (Some("Bob"), Some("Cy"))
    );
}

#[test]
fn what_labels_and_groups_cannot_be_is_told() {
    let home = home();
    let mut text = String::new();
    for arguments in [
        "--labels products.csv",
        "--label title",
        "--labels products.csv --label title --item-label product",
        "--labels products.csv --label name",
        "--labels products.csv --label title --label-id title",
        "--labels nowhere.csv --label title",
        "--within",
        "--group country",
        "--group country --max-per-group 0",
        "--group nothing --within",
        "--measure conditional --pairs once",
    ] {
        let refused = home.ilk(&format!("{RUN} --out out.csv {arguments}"));
        assert_eq!(refused.code, Some(2), "{arguments}: {}", refused.stderr);
        let _ = writeln!(text, "$ {arguments}\n{}", refused.stderr);
        assert!(!home.join("out.csv").exists());
    }
    settings().bind(|| insta::assert_snapshot!("refused_products", text));
}

#[test]
fn neighbours_come_from_the_items_own_group() {
    let home = home();
    let table = |arguments: &str| {
        home.stderr(&format!("{RUN} {arguments} --overwrite --out out.csv"));
        home.read("out.csv")
    };
    let within = "\
item,neighbour,rank,score,overlap
milk,tea,1,0.57735026,2
tea,milk,1,0.57735026,2
";
    let groups = "--labels products.csv --group kind";
    assert_eq!(table(&format!("{groups} --within")), within);
    // Of tea's two neighbours one is a drink; mug has two drinks.
    let one_each = "\
item,neighbour,rank,score,overlap
milk,mug,1,0.6666667,2
milk,tea,2,0.57735026,2
mug,tea,1,0.8660254,3
tea,mug,1,0.8660254,3
tea,milk,2,0.57735026,2
";
    assert_eq!(table(&format!("{groups} --max-per-group 1")), one_each);
    // A column of the input: tea is of DE as often as of FR, milk more often, mug less.
    assert_eq!(table("--group country --within"), within);
    assert_eq!(table("--group country --max-per-group 1").lines().count(), 6);
    home.stderr(&format!("{RUN} {groups} --within --run-dir run"));
    for stage in ["matrix", "plan", "tiles", "merge", "write"] {
        home.stderr(&format!("stage run {stage}"));
    }
    home.stderr(&format!("{RUN} {groups} --within --run-dir run --out kept.csv"));
    assert_eq!(home.read("kept.csv"), within);
    let explained = home.stdout("explain run tea mug");
    assert!(explained.contains("not a neighbour: in another group (--within)"), "{explained}");
    let refused = home.ilk(&format!("{RUN} {groups} --run-dir run"));
    assert_eq!(refused.code, Some(2), "another job: {}", refused.stderr);
}

#[test]
fn ids_of_several_columns_are_one_text() {
    let home = home();
    home.write(
        "receipts.csv",
        "store,receipt,sku\n1,7,tea\n1,7,mug\n2,7,tea\n1|7,,tea\n2,07,mug\n2,7.0,mug\n",
    );
    home.stderr(
        "run receipts.csv --user store,receipt --item sku --run-dir run --max-bad-rows 100%",
    );
    let users = home.stdout("take run users --format csv");
    assert!(users.contains("2|07") && users.contains("1|7,") && users.contains("2|7,"), "{users}");
    assert_eq!(
        home.stdout("take run write --format csv"),
        "item,neighbour,rank,score,overlap\nmug,tea,1,0.8164966,2\ntea,mug,1,0.8164966,2\n"
    );
    // A column that is called so is meant.
    home.write("odd.csv", "\"store,receipt\",sku\n1,tea\n1,mug\n");
    home.stderr("run odd.csv --user store,receipt --item sku --out odd.out.csv");
    assert_eq!(home.read("odd.out.csv").lines().count(), 3);
    let refused = home.ilk("run receipts.csv --user store,till --item sku --out no.csv");
    assert!(refused.stderr.contains("no column `till`"), "{}", refused.stderr);
}

#[test]
fn each_pair_stands_once_in_every_format() {
    let home = home();
    let once = "\
item,neighbour,rank,score,overlap
milk,mug,1,0.6666667,2
milk,tea,2,0.57735026,2
mug,tea,1,0.8660254,3
";
    home.stderr(&format!("{RUN} --pairs once --out out.csv"));
    assert_eq!(home.read("out.csv"), once);
    let rows = neighbours("out.csv", home.bytes("out.csv"));
    for ending in ["parquet", "jsonl", "arrow"] {
        let name = format!("out.{ending}");
        home.stderr(&format!("{RUN} --pairs once --out {name}"));
        assert_eq!(neighbours(&name, home.bytes(&name)), rows, "{ending}");
    }
    // mug is nobody's best but one's: a pair of either list stays.
    home.stderr(&format!("{RUN} --pairs once -k 1 --run-dir run --out folder"));
    let few = neighbours("out.parquet", home.bytes("folder/neighbours.parquet"));
    let pairs = few.iter().map(|row| (row.item.as_str(), row.neighbour.as_str()));
    assert_eq!(pairs.collect::<Vec<_>>(), [("milk", "mug"), ("mug", "tea")]);
    home.stderr("stage run write");
    assert_eq!(neighbours("n.parquet", home.bytes("run/neighbours.parquet")), few);
}

#[test]
fn both_directions_of_a_pair_are_shown() {
    let home = home();
    home.stderr(&format!("{RUN} --pairs once --item-label product --out once.parquet"));
    home.stderr(&format!("{RUN} --item-label product --out both.parquet"));
    for item in ["tea", "mug", "milk"] {
        let both = home.stdout(&format!("similar both.parquet {item}"));
        let once = home.stdout(&format!("similar once.parquet {item} --pairs once"));
        assert_eq!(once, both, "{item}");
    }
    assert_eq!(home.ilk("similar once.parquet saw --pairs once").code, Some(2));
    // A table of some items is none of pairs that are there once: nothing is turned around unasked.
    home.write("milk.txt", "milk\n");
    home.stderr(&format!("{RUN} --for milk.txt --measure conditional --out some.csv"));
    assert_eq!(home.ilk("similar some.csv tea").code, Some(2));
}

#[test]
fn pairs_once_of_a_crowd_are_those_of_both_directions() {
    let home = Home::new();
    home.write("orders.csv", crowd(300, 200, 12));
    home.stderr(&format!("{RUN} -k 5 --out both.csv"));
    home.stderr(&format!("{RUN} -k 5 --pairs once --out once.csv"));
    let number = |text: &str| text.parse::<u32>().expect("a number");
    let pairs = |name: &str| {
        let rows = neighbours(name, fs::read(home.join(name)).expect("a table"));
        let pair = |row: ilk_formats::NeighbourRow| {
            let (a, b) = (number(&row.item), number(&row.neighbour));
            (a.min(b), a.max(b), row.score.to_bits())
        };
        rows.into_iter().map(pair).collect::<Vec<_>>()
    };
    let (mut both, mut once) = (pairs("both.csv"), pairs("once.csv"));
    once.sort_unstable();
    both.sort_unstable();
    both.dedup();
    assert_eq!(once, both);
}
