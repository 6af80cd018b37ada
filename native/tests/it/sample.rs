//! Samples of whole users.

use std::collections::{BTreeMap, BTreeSet};

use crate::tools::{Home, ORDERS, crowd, neighbours, parquet};

const COLUMNS: &str = "--user member --item sku";

fn home() -> Home {
    let home = Home::new();
    home.write("orders.csv", crowd(1_000, 150, 10));
    home
}

/// The rows of a CSV file.
fn rows(text: &str) -> Vec<String> {
    text.lines().skip(1).map(String::from).collect()
}

/// The first cell of every row.
fn users(text: &str) -> BTreeSet<String> {
    rows(text).iter().map(|row| row.split(',').next().expect("a cell").to_owned()).collect()
}

fn sampled(home: &Home, arguments: &str) -> String {
    home.stdout(&format!("sample {arguments} --out sample.csv --overwrite"));
    home.read("sample.csv")
}

#[test]
fn whole_users_are_kept_and_small_samples_lie_in_large_ones() {
    let home = home();
    let all = home.read("orders.csv");
    let mut last = BTreeSet::new();
    for rate in ["1%", "10%", "0.4", "100%"] {
        let sample =
            sampled(&home, &format!("orders.csv {COLUMNS} --rate {rate} --weight quantity"));
        let kept = users(&sample);
        assert!(last.is_subset(&kept), "{rate}");
        let whole = rows(&all)
            .into_iter()
            .filter(|row| kept.contains(row.split(',').next().expect("a cell")));
        assert_eq!(rows(&sample), whole.collect::<Vec<_>>(), "{rate}");
        last = kept;
    }
    assert_eq!(sampled(&home, &format!("orders.csv {COLUMNS} --rate 100% --weight quantity")), all);
}

#[test]
fn a_sample_does_not_depend_on_order_files_or_threads() {
    let home = home();
    let text = home.read("orders.csv");
    let (head, body) = text.split_once('\n').expect("a header");
    let mut lines = body.lines().collect::<Vec<_>>();
    lines.sort_unstable();
    let (one, other) = lines.split_at(lines.len() / 3);
    home.write("parts/a.csv", format!("{head}\n{}\n", one.join("\n")));
    home.write("parts/b.csv", format!("{head}\n{}\n", other.join("\n")));
    let sorted = |arguments: &str| {
        let mut rows = rows(&sampled(&home, &format!("{arguments} {COLUMNS} --weight quantity")));
        rows.sort_unstable();
        rows
    };
    for size in ["--rate 10%", "--users 77"] {
        let expected = sorted(&format!("orders.csv {size}"));
        assert_eq!(sorted(&format!("parts {size} --threads 3")), expected, "{size}");
    }
}

#[test]
fn so_many_users_are_kept_as_asked_for() {
    let home = home();
    let largest = users(&sampled(&home, &format!("orders.csv {COLUMNS} --users 100")));
    assert_eq!(largest.len(), 100);
    let smaller = users(&sampled(&home, &format!("orders.csv {COLUMNS} --users 99")));
    assert!(smaller.len() == 99 && smaller.is_subset(&largest));
    let all = users(&sampled(&home, &format!("orders.csv {COLUMNS} --users 5000")));
    assert_eq!(all.len(), 1_000);
}

#[test]
fn items_are_sampled_where_users_are_compared() {
    let home = home();
    let sample = sampled(&home, &format!("orders.csv {COLUMNS} --of users --users 30"));
    let rows = rows(&sample);
    let items = rows.iter().map(|row| row.split(',').nth(1).expect("a cell"));
    assert_eq!(items.collect::<BTreeSet<_>>().len(), 30);
}

#[test]
fn a_run_on_a_sample_is_a_run_on_these_users() {
    let home = home();
    let job = format!("{COLUMNS} --weight quantity --weighting log");
    let mut seen = BTreeMap::new();
    for ending in ["parquet", "csv", "arrow"] {
        home.stdout(&format!("sample orders.csv {job} --rate 30% --out sample.{ending}"));
        home.stdout(&format!("run sample.{ending} {job} -o out.{ending}"));
        let name = format!("out.{ending}");
        seen.insert(ending, neighbours(&name, home.bytes(&name)));
    }
    let kept = users(&home.read("sample.csv"));
    let text = home.read("orders.csv");
    let (head, _) = text.split_once('\n').expect("a header");
    let by_hand =
        rows(&text).into_iter().filter(|row| kept.contains(row.split(',').next().expect("a cell")));
    home.write("hand.csv", format!("{head}\n{}\n", by_hand.collect::<Vec<_>>().join("\n")));
    home.stdout(&format!("run hand.csv {job} -o hand.parquet"));
    let expected = neighbours("hand.parquet", home.bytes("hand.parquet"));
    assert!(!expected.is_empty());
    for (ending, found) in seen {
        assert_eq!(found, expected, "{ending}");
    }
}

#[test]
fn columns_keep_their_names_and_trouble_stays_to_be_seen() {
    let home = Home::new();
    home.write(
        "orders.csv",
        format!(
            "{ORDERS},tea,Black tea,1,2026-01-01,FR\na,,,1,2026-01-01,FR\nb,tea,,much,soon,DE\n"
        ),
    );
    let columns = "--user member --item sku --weight quantity --time day --item-label product";
    let sample = sampled(&home, &format!("orders.csv {columns} --rate 1 --where country=FR"));
    insta::assert_snapshot!(sample, @r"
    member,sku,quantity,day,product
    a,tea,1,2026-01-01T00:00:00Z,Black tea
    b,tea,2,2026-01-02T00:00:00Z,Black tea
    a,mug,1,2026-01-05T00:00:00Z,Mug
    b,mug,1,2026-01-06T00:00:00Z,Mug
    b,milk,2,2026-01-08T00:00:00Z,Oat milk
    o,saw,1,2026-01-11T00:00:00Z,Saw
    a,,1,2026-01-01T00:00:00Z,
    ");
    home.stdout(&format!("sample orders.csv {columns} --rate 1 -o sample.jsonl"));
    let lines = home.read("sample.jsonl");
    insta::assert_snapshot!(lines.lines().last().expect("a row"), @r#"{"member":"b","sku":"tea","quantity":null,"day":null,"product":null}"#);
    home.stdout(&format!("sample orders.csv {columns} --rate 1 -o sample.parquet"));
    let inspected = home.stdout("inspect sample.parquet --user member --item sku --time day");
    for line in inspected.lines().take(6) {
        let is_known = ["column", "member", "sku", "quantity", "day", "product"];
        assert!(is_known.iter().any(|name| line.starts_with(name)), "{inspected}");
    }
    let told = home.stdout(&format!("inspect sample.parquet {columns}"));
    assert!(told.contains("bad_weight") && told.contains("null_item"), "{told}");
    assert!(!told.contains("null_user"), "rows without a user are in no sample: {told}");
}

#[test]
fn ids_keep_their_kind() {
    let home = Home::new();
    home.write("orders.csv", "member,sku\n7,00123\n7,9\n8,00123\n8,9\n9,10\n9,00123\n");
    home.stdout(&format!("sample orders.csv {COLUMNS} --rate 1 -o sample.parquet"));
    let inspected = home.stdout("inspect sample.parquet");
    assert!(inspected.contains("64-bit integers") && inspected.contains("text"), "{inspected}");
    // One more kind of file: the kinds do not go together, and a sample says so as a run does.
    home.write("other.parquet", parquet(&crate::tools::orders_batch()));
    let ran = home.ilk(&format!("sample sample.parquet other.parquet {COLUMNS} --rate 1 -o x.csv"));
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("ids are integers in sample.parquet but text"), "{}", ran.stderr);
    assert!(!home.names().iter().any(|name| name.contains("x.csv")), "nothing is left");
}

#[test]
fn a_sample_says_what_it_keeps_of_the_neighbours() {
    let home = home();
    let told = home.stdout(&format!("sample orders.csv {COLUMNS} --rate 50% -o sample.csv -k 10"));
    insta::assert_snapshot!("sample", told);
}

#[test]
fn samples_need_a_size_and_a_place() {
    let home = home();
    let wrong = [
        format!("sample orders.csv {COLUMNS} -o s.csv"),
        format!("sample orders.csv {COLUMNS} --rate 10% --users 5 -o s.csv"),
        format!("sample orders.csv {COLUMNS} --rate 0% -o s.csv"),
        format!("sample orders.csv {COLUMNS} --rate 10%"),
        format!("sample orders.csv {COLUMNS} --rate 10% -o s.txt"),
        format!("sample orders.csv {COLUMNS} --rate 10% -o orders.csv"),
        "sample orders.csv --user member --rate 10% -o s.csv".to_owned(),
    ];
    let wrong = wrong.map(|arguments| {
        let ran = home.ilk(&arguments);
        assert_eq!(ran.code, Some(2), "{arguments}");
        format!("ilk {arguments}\n{}", ran.stderr)
    });
    insta::assert_snapshot!("sample_errors", wrong.join("\n"));
    assert_eq!(home.names(), ["orders.csv"]);
}
