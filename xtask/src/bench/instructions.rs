//! Instructions of comparing, counted by callgrind, beside what the plan predicts: cost follows
//! the model, not items².

use std::{fs, process::Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::report::{digits, grouped, table};
use crate::house::{self, House};

const SHAPES: [&str; 4] = ["views", "orders", "dense", "small"];
const FACTORS: [u32; 3] = [1, 2, 4];

/// The function whose instructions are counted.
const COUNTED: &str = "count::comparing*";

/// What one run was and took.
#[derive(Clone, Debug, Default, Deserialize)]
struct Count {
    users: u64,
    interactions: u64,
    operations: u64,
    cost: u64,
    kernel: String,
    head: u64,
    #[serde(skip)]
    instructions: u64,
}

/// Counts and prints a table; without valgrind it only says so.
///
/// # Errors
/// Where the counting program cannot be built or run.
pub(super) fn run(house: &House) -> Result<()> {
    if !house::succeeds(house.command("valgrind").arg("--version")) {
        println!("skipped: valgrind is not installed (Debian, Ubuntu: `apt-get install valgrind`)");
        return Ok(());
    }
    let program =
        house.build(&["--release", "--package", "ilk-bench", "--bin", "count"], "count")?;
    let folder = house.target.join("bench");
    fs::create_dir_all(&folder)?;
    let out = folder.join("callgrind.out");
    let kernel = std::env::var("ILK_KERNEL").ok();
    let mut rows = vec![HEADING.map(String::from).to_vec()];
    for shape in SHAPES {
        let mut first = None;
        for factor in FACTORS {
            let mut command = house.command("valgrind");
            command.args(["--tool=callgrind", "--quiet", "--collect-atstart=no"]);
            command.arg(format!("--toggle-collect={COUNTED}"));
            command.arg(format!("--callgrind-out-file={}", out.display()));
            command.arg(&program).arg(shape).arg(factor.to_string()).args(&kernel);
            println!("$ {}", house::display(&command));
            let output = command.stderr(Stdio::inherit()).output()?;
            if !output.status.success() {
                bail!("counting failed ({})", output.status);
            }
            let mut count: Count =
                serde_json::from_slice(&output.stdout).context("count printed no figures")?;
            count.instructions = instructions(&fs::read_to_string(&out)?)?;
            rows.push(row(shape, factor, &count, first.get_or_insert_with(|| count.clone())));
        }
    }
    fs::remove_file(&out)?;
    println!("\n{}\n\n{LEGEND}", table(&rows));
    Ok(())
}

const HEADING: [&str; 11] = [
    "shape",
    "users",
    "interactions",
    "kernel, head",
    "operations",
    "instructions",
    "per operation",
    "per predicted ns",
    "instructions grow",
    "÷ operations'",
    "÷ prediction's",
];

const LEGEND: &str = "\
Instructions of comparing on one thread. Growth is against the shape's first row; it is divided by \
that of the pair operations and by that of the predicted cost: 1.00 where the instructions follow \
the model.";

fn row(shape: &str, factor: u32, count: &Count, first: &Count) -> Vec<String> {
    let growth = |of: fn(&Count) -> u64| of(count) as f64 / of(first) as f64;
    let grown = growth(|count| count.instructions);
    let instructions = count.instructions as f64;
    vec![
        format!("{shape} x{factor}"),
        grouped(count.users),
        grouped(count.interactions),
        format!("{}, {}", count.kernel, grouped(count.head)),
        grouped(count.operations),
        grouped(count.instructions),
        digits(instructions / count.operations as f64),
        // The prediction is in picoseconds.
        digits(instructions / (count.cost as f64 / 1e3)),
        digits(grown),
        digits(grown / growth(|count| count.operations)),
        digits(grown / growth(|count| count.cost)),
    ]
}

/// The sum that callgrind wrote.
fn instructions(profile: &str) -> Result<u64> {
    let totals = |line: &str| {
        let (name, value) = line.split_once(": ")?;
        (name == "totals").then(|| value.trim().parse().ok())?
    };
    let total = profile.lines().find_map(totals).context("callgrind wrote no totals")?;
    if total == 0 {
        bail!("no function {COUNTED} was found");
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_read() {
        assert_eq!(instructions("events: Ir\nfn=(1)\n5 7\ntotals: 7\n").unwrap(), 7);
        assert!(instructions("events: Ir\n").is_err());
        assert!(instructions("totals: 0\n").is_err(), "the function was renamed");
    }

    #[test]
    fn growth_is_held_against_the_model() {
        let first =
            Count { operations: 100, cost: 50_000, instructions: 1_000, ..Count::default() };
        let count = Count { operations: 200, cost: 80_000, instructions: 1_600, ..first.clone() };
        let row = row("views", 2, &count, &first);
        assert_eq!(row[0], "views x2");
        assert_eq!(row[6..], ["8.00", "20.0", "1.60", "0.800", "1.00"]);
    }
}
