//! Two results side by side.

use crate::tools::{Home, ORDERS};

const RUN: &str = "run orders.csv --user member --item sku --item-label product";

#[test]
fn what_differs_between_two_results_is_told() {
    let home = Home::with_orders();
    home.stderr(&format!("{RUN} --run-dir run"));
    home.write(
        "orders.csv",
        format!("{ORDERS}e,tea,Black tea,1,2026-02-01,DE\no,mug,Mug,1,2026-02-01,FR\n"),
    );
    home.stderr(&format!("{RUN} --out new.csv"));
    insta::assert_snapshot!(home.stdout("compare run new.csv"), @r"
                old  new  both
    items         3    4     3
    neighbours    6    8     6

    gained            2
    lost              0
    items changed     4
    mean agreement    66.7 %
    rank correlation  -0.3333

    most changed  label      kept  gained  lost  correlation
    saw           Saw           0       1     0            –
    mug           Mug           2       1     0       1.0000
    milk          Oat milk      2       0     0      -1.0000
    tea           Black tea     2       0     0      -1.0000
    ");
    let json: serde_json::Value =
        serde_json::from_str(&home.stdout("compare run new.csv --format json -n 1")).expect("JSON");
    assert_eq!(json["items"], serde_json::json!({"old": 3, "new": 4, "both": 3, "changed": 4}));
    assert_eq!(
        json["neighbours"],
        serde_json::json!({"old": 6, "new": 8, "kept": 6, "gained": 2, "lost": 0})
    );
    assert_eq!(json["most_changed"].as_array().map(Vec::len), Some(1));
    let same = home.stdout("compare new.csv new.csv");
    assert!(same.contains("items changed     0") && same.contains("mean agreement    100.0 %"));
    let none = home.ilk("compare new.csv orders.csv");
    assert_eq!(none.code, Some(2));
    assert!(none.stderr.contains("help: name an output of `ilk run`"), "{}", none.stderr);
}
