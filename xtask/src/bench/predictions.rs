//! How well the program knows what a job takes: what `ilk plan` and a budget of time predict, beside
//! what the same job takes.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    machine::{self, Machine},
    options::Options,
    programs::{Weighting, ilk_on, run_logged},
    report::{Spread, digits, put_into_page},
    sets::{Data, Set},
};
use crate::{command, text::table, workspace::Workspace};

/// The sets unless others are asked for.
pub(super) const SETS: [Set; 7] = [
    Set::Small,
    Set::Views,
    Set::Orders,
    Set::Dense,
    Set::OnlineRetail,
    Set::Completejourney,
    Set::Msweb,
];

/// How far predicted CPU time may be from measured.
const ALLOWED: f64 = 0.25;

/// The memory under which a set's jobs go through working files; `None` where they fit in the least
/// that there is.
const fn limit(set: Set) -> Option<&'static str> {
    match set {
        Set::Views => Some("96MiB"),
        Set::Orders | Set::Clicks20m => Some("256MiB"),
        Set::Completejourney => Some("72MiB"),
        Set::Clicks200m => Some("1GiB"),
        _ => None,
    }
}

/// Predicted and measured, round by round. CPU seconds and bytes.
#[derive(Clone, Debug, Default, Serialize)]
struct Series {
    predicted: Vec<f64>,
    /// By what the ladder found, where there is one.
    corrected: Vec<f64>,
    measured: Vec<f64>,
    memory_predicted: Vec<f64>,
    memory_measured: Vec<f64>,
}

/// A job with its predictions.
#[derive(Serialize)]
struct Found {
    set: &'static str,
    sha256: String,
    weighting: &'static str,
    /// The limit of memory, of jobs through working files.
    limit: Option<&'static str>,
    series: Series,
}

impl Found {
    /// Returns what the program goes by: the ladder's word, where there is one.
    fn ratio(&self) -> Option<f64> {
        let Series { predicted, corrected, .. } = &self.series;
        let best = if corrected.is_empty() { predicted } else { corrected };
        self.ratio_of(best)
    }

    fn ratio_of(&self, predicted: &[f64]) -> Option<f64> {
        let median = |numbers: &[f64]| Some(Spread::of(numbers.iter().copied())?.median);
        Some(median(predicted)? / median(&self.series.measured)?)
    }

    fn is_within(&self) -> bool {
        self.ratio().is_some_and(|ratio| (1.0 - ratio).abs() <= ALLOWED)
    }

    fn row(&self) -> Vec<String> {
        let Series { predicted, corrected, measured, memory_predicted, memory_measured } =
            &self.series;
        let spread = |numbers: &[f64]| {
            Spread::of(numbers.iter().copied()).map_or_else(|| "–".into(), Spread::text)
        };
        let ratio = |numbers: &[f64]| self.ratio_of(numbers).map_or_else(|| "–".into(), digits);
        let mib = |numbers: &[f64]| {
            let median = Spread::of(numbers.iter().copied()).map(|spread| spread.median);
            median.map_or_else(|| "–".into(), |bytes| format!("{:.0}", bytes / 1024.0 / 1024.0))
        };
        vec![
            self.set.into(),
            self.weighting.into(),
            self.limit.unwrap_or("–").into(),
            spread(predicted),
            spread(corrected),
            spread(measured),
            ratio(predicted),
            ratio(corrected),
            format!("{} / {}", mib(memory_predicted), mib(memory_measured)),
        ]
    }
}

const HEADING: [&str; 9] = [
    "set",
    "weighting",
    "limit",
    "predicted",
    "with the ladder",
    "measured",
    "ratio",
    "ratio with the ladder",
    "MiB: predicted / measured",
];

const LEGEND: &str = "\
CPU seconds of arranging and comparing: medians of all rounds, with the least and the most. In a round \
`ilk plan SET --prove --format json` predicts (`forecast`, and `corrected` by the ladder), and then `ilk run SET \
--log json` tells what its stage `comparing` took. Memory is the largest resident set of that process \
by the system's count. Where there is a limit the job goes through working files, and what is predicted \
is what `--budget-time` goes by, without arranging.";

/// Predicts and runs everything, writes the record, and the table of docs/performance.md from it.
///
/// # Errors
/// Where a run fails.
pub(super) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let sets = options.sets_or(&SETS);
    let program = workspace.build(&["--release", "--package", "ilk", "--bin", "ilk"], "ilk")?;
    let mut data = Vec::new();
    for set in &sets {
        match set.get(workspace)? {
            Some(one) => data.push(one),
            None => println!("skipped {}: its file is not in ../shared/data", set.name()),
        }
    }
    let machine = Machine::look();
    let bench = Bench { workspace, options, program: &program };
    let mut found = Vec::new();
    for data in &data {
        for weighting in [Weighting::Binary, Weighting::Tfidf] {
            let limits = [None].into_iter().chain(limit(data.set).map(Some));
            for limit in limits {
                found.push(bench.run(data, weighting, limit)?);
            }
        }
    }
    let versions = machine::versions(workspace)?;
    let record = json!({
        "date": machine::today(),
        "command": options.command_of("--predictions", &sets),
        "machine": machine,
        "versions": versions,
        "found": found,
    });
    let rows = std::iter::once(HEADING.map(String::from).to_vec());
    let table = table(&rows.chain(found.iter().map(Found::row)).collect::<Vec<_>>());
    let outside = found.iter().filter(|found| !found.is_within()).map(|found| {
        let limit = found.limit.map_or_else(String::new, |limit| format!(" under {limit}"));
        format!("{} {}{limit}", found.set, found.weighting)
    });
    let outside = outside.collect::<Vec<_>>();
    let verdict = if outside.is_empty() {
        format!("All within {:.0} %.", 100.0 * ALLOWED)
    } else {
        format!("More than {:.0} % off: {}.", 100.0 * ALLOWED, outside.join(", "))
    };
    let page = format!(
        "# Predicted and measured, {}\n\n`{}`\n\n{}\n\n## Results\n\n{LEGEND}\n\n{table}\n\n{verdict}\n",
        machine::today(),
        record["command"].as_str().unwrap_or_default(),
        machine.page(&versions),
    );
    println!("\n{page}");
    let name = format!("{}-predictions", machine::today());
    options.write_as(workspace, &name, &page, &record)?;
    if !options.quick {
        let link = format!("[Record](../bench/records/{name}.md).");
        let text = format!("{table}\n\n{verdict} {link}");
        put_into_page(&workspace.root.join("docs/performance.md"), "predictions", &text)?;
    }
    Ok(())
}

struct Bench<'a> {
    workspace: &'a Workspace,
    options: &'a Options,
    program: &'a Path,
}

impl Bench<'_> {
    fn run(&self, data: &Data, weighting: Weighting, limit: Option<&'static str>) -> Result<Found> {
        let (set, weighting) = (data.set.name(), weighting.name());
        let mut series = Series::default();
        let rounds = if self.options.quick { 1 } else { self.options.runs };
        for round in 1..=rounds {
            let under = limit.map_or_else(String::new, |limit| format!(" under {limit}"));
            println!("\n==> {set} {weighting}{under}, round {round} of {rounds}");
            if limit.is_none() {
                self.predict(data, weighting, &mut series)?;
            }
            self.measure(data, weighting, limit, &mut series)?;
        }
        Ok(Found { set, sha256: data.sha256.clone(), weighting, limit, series })
    }

    /// Asks `ilk plan`.
    fn predict(&self, data: &Data, weighting: &str, series: &mut Series) -> Result<()> {
        let mut command = ilk_on(self.workspace, self.program, "plan", data);
        command.args(["--weighting", weighting, "--top", &self.options.top.to_string()]);
        command.args(["--threads", &self.options.threads.to_string(), "--format", "json"]);
        command.arg("--prove");
        let plan: Value = command::answer(&mut command)?;
        let total = |forecast: &Value| {
            let parts = ["arranging", "counting", "finding", "collecting"];
            let parts = parts.map(|part| forecast[part].as_f64());
            parts.into_iter().sum::<Option<f64>>().context("no forecast in the plan")
        };
        series.predicted.push(total(&plan["forecast"])?);
        series.corrected.push(total(&plan["corrected"])?);
        series.memory_predicted.push(plan["needs"]["memory"].as_f64().context("no memory")?);
        Ok(())
    }

    /// Runs the job; one through working files tells what it is predicted to take.
    fn measure(
        &self,
        data: &Data,
        weighting: &str,
        limit: Option<&str>,
        series: &mut Series,
    ) -> Result<()> {
        let folder = self.workspace.target.join("bench/predictions");
        fs::create_dir_all(&folder)?;
        let mut command = ilk_on(self.workspace, self.program, "run", data);
        command.args(["--weighting", weighting, "--top", &self.options.top.to_string()]);
        command.args(["--threads", &self.options.threads.to_string(), "--log", "json"]);
        command.arg("--out").arg(folder.join("out.parquet"));
        if let Some(limit) = limit {
            command.args(["--memory", limit, "--budget-time", "100h"]);
        }
        let (used, told) = run_logged(&mut command, &folder)?;
        let events = told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let events = events.collect::<Vec<_>>();
        let is_it = |one: &&Value| one["event"] == "stage_finished" && one["name"] == "comparing";
        let comparing = events.iter().find(is_it).context("comparing is not in the log")?;
        let measured = comparing["cpu_seconds"].as_f64();
        series.measured.push(measured.context("no CPU time in the log")?);
        series.memory_measured.push(used.rusage.maxrss as f64);
        if limit.is_some() {
            let predicted = comparing["predicted_cpu_milliseconds"].as_f64();
            series.predicted.push(predicted.context("no prediction in the log")? / 1000.0);
        }
        fs::remove_dir_all(&folder)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_has_the_last_word() {
        let series = Series {
            predicted: vec![1.0, 1.0],
            corrected: vec![1.5],
            measured: vec![2.0],
            ..Series::default()
        };
        let found =
            Found { set: "x", sha256: String::new(), weighting: "binary", limit: None, series };
        assert_eq!((found.ratio(), found.is_within()), (Some(0.75), true));
        assert_eq!(found.row()[6..8], ["0.500", "0.750"]);
        let series = Series { corrected: Vec::new(), ..found.series.clone() };
        assert!(!Found { series, ..found }.is_within());
    }
}
