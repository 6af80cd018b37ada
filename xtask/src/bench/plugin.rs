//! What the sandbox costs, beside the native kernels.

use std::fmt::Write as _;

use anyhow::Result;
use serde::Deserialize;

use super::{machine::Machine, sets::Data};
use crate::{command, plugin, text, workspace::Workspace};

/// What a program says of one set: what each round took, in seconds.
#[derive(Debug, Deserialize)]
struct Timings {
    interactions: u64,
    neighbours: u64,
    /// CPU seconds of arranging and comparing, by kernel.
    native: Vec<(String, Vec<f64>)>,
    /// The fastest kernel of this machine.
    best: String,
    /// The same in the sandbox, without a deadline and with one.
    sandboxed: Vec<f64>,
    with_deadline: Vec<f64>,
    /// CPU seconds of what comes before and after.
    rows_in: Vec<f64>,
    bytes_in: u64,
    sorting: Vec<f64>,
    rows_out: Vec<f64>,
    bytes_out: u64,
    /// Seconds by the clock.
    cold_load: Vec<f64>,
    cold_load_with_deadline: Vec<f64>,
    cached_load: Vec<f64>,
    call: Vec<f64>,
}

/// Compares sets natively and in the plugin that was built, on one thread each and in turns.
/// Returns the record, as a page.
///
/// # Errors
/// Where the plugin cannot be built, or finds other neighbours.
pub(super) fn run(
    workspace: &Workspace,
    sets: &[Data],
    rounds: u32,
    (command, versions): (&str, &[(String, String)]),
) -> Result<String> {
    // What tests use may be there in its place.
    plugin::build(workspace)?;
    let plugin = plugin::folder(workspace).join("ilk.wasm");
    let arguments = ["--release", "--package", "ilk-bench", "--bin", "sandboxed"];
    let program = workspace.build(&arguments, "sandboxed")?;
    let machine = Machine::look();
    let bytes = std::fs::metadata(&plugin)?.len();
    let mut page = format!(
        "# The plugin in its sandbox\n\n`{command}`\n\nMedians of {rounds} rounds, in which \
         everything ran once, in turns; one thread. The plugin has {} bytes.\n\n",
        text::grouped(bytes)
    );
    let lines = machine.lines().into_iter().map(|(name, value)| (name.to_owned(), value));
    page += "| | |\n|---|---|\n";
    for (name, value) in lines.chain(versions.iter().cloned()) {
        writeln!(page, "| {name} | {value} |")?;
    }
    for data in sets {
        let mut command = workspace.command(&program);
        command.arg(&data.path).args([data.user, data.item]).arg(&plugin);
        let timings = command::answer::<Timings>(command.arg(rounds.to_string()))?;
        writeln!(page, "\n## {}\n\n{}", data.set.name(), timings.table())?;
    }
    Ok(page)
}

impl Timings {
    /// What was measured beside what was asked for.
    fn table(&self) -> String {
        let portable = self.native.iter().find(|(kernel, _)| kernel == "portable");
        let portable = portable.map_or(f64::NAN, |(_, seconds)| median(seconds));
        let mut lines = vec![format!(
            "{} interactions, {} neighbours\n\n| comparing | CPU s | native portable = 1 |\n|---|---|---|",
            text::grouped(self.interactions),
            text::grouped(self.neighbours)
        )];
        let mut comparing = |name: &str, rounds: &[f64]| {
            let seconds = median(rounds);
            lines.push(format!("| {name} | {seconds:.3} | {:.2} |", seconds / portable));
        };
        for (kernel, rounds) in &self.native {
            let note = if *kernel == self.best { " (the best here)" } else { "" };
            comparing(&format!("native, {kernel}{note}"), rounds);
        }
        comparing("in the sandbox", &self.sandboxed);
        comparing("in the sandbox, with a deadline", &self.with_deadline);
        let [rows_in, sorting, computing, rows_out] =
            [&self.rows_in, &self.sorting, &self.sandboxed, &self.rows_out].map(|it| median(it));
        let whole = rows_in + sorting + computing + rows_out;
        let share = |seconds: f64| 100.0 * seconds / whole;
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        lines.push(format!(
            "\n| of a session | | CPU s | share |\n|---|---|---|---|\n\
             | rows in | {:.0} MB | {rows_in:.3} | {:.1} % |\n\
             | sorting | | {sorting:.3} | {:.1} % |\n\
             | comparing | | {computing:.3} | {:.1} % |\n\
             | neighbours out | {:.0} MB | {rows_out:.3} | {:.1} % |",
            megabytes(self.bytes_in),
            share(rows_in),
            share(sorting),
            share(computing),
            megabytes(self.bytes_out),
            share(rows_out),
        ));
        lines.push(format!(
            "\n| by the clock | |\n|---|---|\n\
             | cold load | {:.2} s |\n\
             | cold load, with a deadline | {:.2} s |\n\
             | load from the cache | {:.1} ms |\n\
             | a call on a pooled instance, begun and ended | {:.3} ms |",
            median(&self.cold_load),
            median(&self.cold_load_with_deadline),
            median(&self.cached_load) * 1e3,
            median(&self.call) * 1e3,
        ));
        lines.join("\n")
    }
}

/// The one in the middle, or the mean of both.
fn median(rounds: &[f64]) -> f64 {
    let mut sorted = rounds.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_stands_in_a_table() {
        let one = |seconds: f64| vec![seconds, 9.0 * seconds, seconds];
        let timings = Timings {
            interactions: 1_000,
            neighbours: 50,
            native: vec![("avx512".into(), one(0.25)), ("portable".into(), one(1.0))],
            best: "avx512".into(),
            sandboxed: one(1.5),
            with_deadline: one(2.0),
            rows_in: one(0.25),
            bytes_in: 8_000_000,
            sorting: one(0.5),
            rows_out: one(0.25),
            bytes_out: 2_000_000,
            cold_load: one(0.75),
            cold_load_with_deadline: one(1.0),
            cached_load: one(0.0125),
            call: one(0.000_05),
        };
        let table = timings.table();
        for line in [
            "| native, avx512 (the best here) | 0.250 | 0.25 |",
            "| in the sandbox | 1.500 | 1.50 |",
            "| in the sandbox, with a deadline | 2.000 | 2.00 |",
            "| rows in | 8 MB | 0.250 | 10.0 % |",
            "| comparing | | 1.500 | 60.0 % |",
            "| cold load | 0.75 s |",
            "| load from the cache | 12.5 ms |",
            "| a call on a pooled instance, begun and ended | 0.050 ms |",
        ] {
            assert!(table.lines().any(|it| it == line), "{line}\n{table}");
        }
    }

    #[test]
    fn the_median_of_few_is_between_them() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0]), 2.5);
        assert!(median(&[]).is_nan());
    }
}
