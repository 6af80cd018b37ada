//! Terminals of 60 columns: nothing breaks inside a word or a number.

use crate::tools::{Home, ORDERS, crowd};

/// Calls the program on a terminal of so many columns.
fn told(home: &Home, columns: usize, arguments: &str) -> String {
    let mut command = home.command(arguments);
    let output = command.env("COLUMNS", columns.to_string()).output().expect("ilk runs");
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Lists what stands between blanks.
fn words(text: &str) -> Vec<&str> {
    let mut words = text.split_whitespace().filter(|word| *word != "\\").collect::<Vec<_>>();
    words.sort_unstable();
    words
}

fn is_chart(line: &str) -> bool {
    line.contains('█') || line.contains('▌') || line.contains('▏')
}

#[test]
fn reports_fit_narrow_terminals_word_by_word() {
    let home = Home::new();
    home.write("orders.csv", format!("{ORDERS},tea,Black tea,1,2026-02-01,FR\n"));
    home.write("many.csv", crowd(2_000, 400, 12));
    let columns = "--user member --item sku";
    let labelled = format!("{columns} --item-label product");
    home.stdout(&format!("run orders.csv {labelled} -o old.parquet"));
    home.stdout(&format!("run orders.csv {labelled} --min-overlap 2 -o new.parquet"));
    home.stdout(&format!("run orders.csv {labelled} --run-dir run"));
    // What depends on the machine is left out: what a plan predicts.
    for arguments in [
        format!("inspect orders.csv {labelled}"),
        format!("inspect many.csv {columns} --threads 2"),
        "similar old.parquet tea".into(),
        "compare old.parquet new.parquet".into(),
        "status run".into(),
    ] {
        let wide = told(&home, 200, &arguments);
        for narrow in [80, 60] {
            let text = told(&home, narrow, &arguments);
            for line in text.lines() {
                let length = line.chars().count();
                assert!(length <= narrow, "{arguments} at {narrow}: {length} {line}");
            }
            let lines = |text: &str| {
                let lines = text.lines().filter(|line| !is_chart(line));
                lines.collect::<Vec<_>>().join("\n")
            };
            let (whole, broken) = (lines(&wide), lines(&text));
            for word in words(&whole) {
                assert!(words(&broken).contains(&word), "{arguments} at {narrow}: {word}\n{text}");
            }
        }
    }
}

#[test]
fn a_plan_fits_a_narrow_terminal() {
    let home = Home::new();
    home.write("orders.csv", crowd(2_000, 400, 12));
    for arguments in ["", "--details"] {
        let plan = format!("plan orders.csv --user member --item sku --threads 2 {arguments}");
        for narrow in [80, 60] {
            let text = told(&home, narrow, &plan);
            for line in text.lines() {
                assert!(line.chars().count() <= narrow, "{arguments} at {narrow}: {line}");
            }
            // Numbers stay with their units.
            let is_unit = |line: &str| ["KiB", "MiB", "GiB", "B", "M", "%"].contains(&line.trim());
            assert!(!text.lines().any(is_unit), "{text}");
        }
    }
}
