//! Instructions of comparing, counted by callgrind, beside what the plan predicts: cost follows
//! the model, not items².

use std::{fs, process::Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::report::{digits, grouped};
use crate::{command, text::table, workspace::Workspace};

const SHAPES: [&str; 4] = ["views", "orders", "dense", "small"];
const FACTORS: [u32; 3] = [1, 2, 4];

/// How far instructions may be from the prediction.
const ALLOWED: f64 = 0.15;

/// The function whose instructions are counted.
const COUNTED: &str = "count::comparing*";

/// What one run was and took.
#[derive(Clone, Debug, Default, Deserialize)]
struct Count {
    users: u64,
    interactions: u64,
    operations: u64,
    predicted: u64,
    kernel: String,
    head: u64,
    #[serde(skip)]
    instructions: u64,
}

impl Count {
    fn ratio(&self) -> f64 {
        self.instructions as f64 / self.predicted as f64
    }
}

/// Counts and prints a table; without valgrind it only says so.
///
/// # Errors
/// Where the counting program cannot be built or run.
pub(super) fn run(workspace: &Workspace) -> Result<()> {
    if !command::succeeds(workspace.command("valgrind").arg("--version")) {
        println!("skipped: valgrind is not installed (Debian, Ubuntu: `apt-get install valgrind`)");
        return Ok(());
    }
    let program =
        workspace.build(&["--release", "--package", "ilk-bench", "--bin", "count"], "count")?;
    let folder = workspace.target.join("bench");
    fs::create_dir_all(&folder)?;
    let out = folder.join("callgrind.out");
    let kernel = std::env::var("ILK_KERNEL").ok();
    let mut furthest = 0.0_f64;
    let mut rows = vec![HEADING.map(String::from).to_vec()];
    for shape in SHAPES {
        for factor in FACTORS {
            let mut command = workspace.command("valgrind");
            command.args(["--tool=callgrind", "--quiet", "--collect-atstart=no"]);
            command.arg(format!("--toggle-collect={COUNTED}"));
            command.arg(format!("--callgrind-out-file={}", out.display()));
            command.arg(&program).arg(shape).arg(factor.to_string()).args(&kernel);
            println!("$ {}", command::display(&command));
            let output = command.stderr(Stdio::inherit()).output()?;
            if !output.status.success() {
                bail!("counting failed ({})", output.status);
            }
            let mut count: Count =
                serde_json::from_slice(&output.stdout).context("count printed no figures")?;
            count.instructions = instructions(&fs::read_to_string(&out)?)?;
            rows.push(row(shape, factor, &count));
            furthest = furthest.max((count.ratio() - 1.0).abs());
        }
    }
    fs::remove_file(&out)?;
    println!("\n{}\n\n{LEGEND}", table(&rows));
    println!(
        "The furthest is {:.1} % off; {:.0} % are allowed.",
        100.0 * furthest,
        100.0 * ALLOWED
    );
    if furthest > ALLOWED {
        bail!("cost does not follow the model: fit INSTRUCTIONS in bench/src/bin/count.rs again");
    }
    Ok(())
}

const HEADING: [&str; 9] = [
    "shape",
    "users",
    "interactions",
    "kernel, head",
    "operations",
    "instructions",
    "per operation",
    "predicted",
    "counted ÷ predicted",
];

const LEGEND: &str = "\
Instructions of comparing on one thread, beside those that the cost model predicts from the degrees \
with one set of constants for all rows.";

fn row(shape: &str, factor: u32, count: &Count) -> Vec<String> {
    let instructions = count.instructions as f64;
    vec![
        format!("{shape} x{factor}"),
        grouped(count.users),
        grouped(count.interactions),
        format!("{}, {}", count.kernel, grouped(count.head)),
        grouped(count.operations),
        grouped(count.instructions),
        digits(instructions / count.operations as f64),
        grouped(count.predicted),
        digits(count.ratio()),
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
    fn what_was_counted_is_held_against_the_prediction() {
        let count =
            Count { operations: 200, predicted: 2_000, instructions: 1_600, ..Count::default() };
        let row = row("views", 2, &count);
        assert_eq!(
            (row[0].as_str(), row[6].as_str(), row[8].as_str()),
            ("views x2", "8.00", "0.800")
        );
    }
}
