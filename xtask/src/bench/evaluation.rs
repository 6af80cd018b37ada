//! What evaluating many measures takes beside one: pairs are counted once, so it has to be much less
//! than as many times as much.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::json;

use super::{
    machine::{self, Machine},
    options::{Options, Round},
    programs::{ilk_on, run_answered},
    report::{Spread, digits, put_into_page},
    sets::{Data, Set},
};
use crate::{text::table, workspace::Workspace};

/// The sets unless others are asked for.
const SETS: [Set; 4] = [Set::OnlineRetail, Set::Completejourney, Set::Msweb, Set::Small];

/// How much more CPU time all measures may take than one.
const ALLOWED: f64 = 3.0;

/// What is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum What {
    One,
    All,
    Grid,
}

impl What {
    const EACH: [Self; 3] = [Self::One, Self::All, Self::Grid];

    const fn name(self) -> &'static str {
        match self {
            Self::One => "cosine",
            Self::All => "all measures",
            Self::Grid => "a grid of all",
        }
    }

    const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::One => &["--measures", "cosine"],
            Self::All => &["--measures", "all"],
            Self::Grid => &["--measures", "all", "--min-overlap", "1,3,5", "--shrinkage", "0,10"],
        }
    }
}

/// Runs of one kind.
#[derive(Clone, Debug, Serialize)]
struct Runs {
    what: What,
    /// How many were evaluated, most popular not counted.
    jobs: usize,
    /// Of the whole process, user and system.
    cpu_seconds: Vec<f64>,
}

/// What a set took.
#[derive(Serialize)]
struct Found {
    set: &'static str,
    sha256: String,
    runs: Vec<Runs>,
}

impl Found {
    fn median(&self, what: What) -> Option<f64> {
        let runs = self.runs.iter().find(|runs| runs.what == what)?;
        Some(Spread::of(runs.cpu_seconds.iter().copied())?.median)
    }

    /// How many times as long that takes as one measure.
    fn ratio(&self, what: What) -> Option<f64> {
        Some(self.median(what)? / self.median(What::One)?)
    }

    fn rows(&self) -> impl Iterator<Item = Vec<String>> {
        self.runs.iter().map(|runs| {
            let spread = Spread::of(runs.cpu_seconds.iter().copied());
            vec![
                self.set.into(),
                runs.what.name().into(),
                runs.jobs.to_string(),
                spread.map_or_else(|| "–".into(), Spread::text),
                self.ratio(runs.what).map_or_else(|| "–".into(), digits),
            ]
        })
    }
}

const HEADING: [&str; 5] = ["set", "what", "jobs", "CPU s", "÷ cosine"];

const LEGEND: &str = "\
CPU seconds of `ilk evaluate`, reading included: medians of all rounds, with the least and the most. In \
a round cosine, all measures and a grid of them (`--min-overlap 1,3,5 --shrinkage 0,10`) are evaluated \
one after the other, each by a process of its own.";

/// Runs everything, writes the record, and the table of docs/evaluation.md from it.
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
    let folder = workspace.target.join("bench/evaluation");
    let bench = Bench { workspace, options, program: &program, folder };
    let found = data.iter().map(|data| bench.run(data)).collect::<Result<Vec<_>>>()?;
    let versions = machine::versions(workspace)?;
    let record = json!({
        "date": machine::today(),
        "command": options.command_of("--evaluation", &sets),
        "machine": machine,
        "versions": versions,
        "found": found,
    });
    let rows = std::iter::once(HEADING.map(String::from).to_vec());
    let table = table(&rows.chain(found.iter().flat_map(Found::rows)).collect::<Vec<_>>());
    let verdict = verdict(&found);
    let page = format!(
        "# Many measures beside one, {}\n\n`{}`\n\n{}\n\n## Results\n\n{LEGEND}\n\n{table}\n\n{verdict}\n",
        machine::today(),
        record["command"].as_str().unwrap_or_default(),
        machine.page(&versions),
    );
    println!("\n{page}");
    let name = format!("{}-evaluation", machine::today());
    options.write_as(workspace, &name, &page, &record)?;
    if !options.quick {
        let link = format!("[Record](../bench/records/{name}.md).");
        let text = format!("{table}\n\n{verdict} {link}");
        put_into_page(&workspace.root.join("docs/evaluation.md"), "evaluation", &text)?;
    }
    Ok(())
}

/// Names the sets on which all measures take too much longer than one.
fn verdict(found: &[Found]) -> String {
    let is_far = |one: &&Found| one.ratio(What::All).is_none_or(|ratio| ratio >= ALLOWED);
    let far = found.iter().filter(is_far).map(|found| found.set).collect::<Vec<_>>();
    if far.is_empty() {
        format!("All measures take less than {ALLOWED:.0} times one.")
    } else {
        format!("All measures take {ALLOWED:.0} times one or more: {}.", far.join(", "))
    }
}

struct Bench<'a> {
    workspace: &'a Workspace,
    options: &'a Options,
    program: &'a Path,
    folder: PathBuf,
}

impl Bench<'_> {
    fn run(&self, data: &Data) -> Result<Found> {
        let set = data.set.name();
        let runs = |what| Runs { what, jobs: 0, cpu_seconds: Vec::new() };
        let mut found =
            Found { set, sha256: data.sha256.clone(), runs: What::EACH.map(runs).into() };
        for (number, round) in (1..).zip(self.options.rounds()) {
            println!("\n==> {set}, round {number} ({round:?})");
            for runs in &mut found.runs {
                let (jobs, seconds) = self.evaluate(data, runs.what)?;
                runs.jobs = jobs;
                runs.cpu_seconds.extend((round == Round::Counts).then_some(seconds));
            }
        }
        Ok(found)
    }

    /// Evaluates once: how many jobs, and CPU seconds.
    fn evaluate(&self, data: &Data, what: What) -> Result<(usize, f64)> {
        fs::create_dir_all(&self.folder)?;
        let mut command = ilk_on(self.workspace, self.program, "evaluate", data);
        command.args(what.arguments()).args(["--format", "json"]);
        command.args(["--top", &self.options.top.to_string()]);
        command.args(["--threads", &self.options.threads.to_string()]);
        let (used, answer) = run_answered(&mut command, &self.folder)?;
        fs::remove_dir_all(&self.folder)?;
        let rows = answer["measures"].as_array().context("no measures in the answer")?;
        let cpu = used.rusage.utime + used.rusage.stime;
        Ok((rows.len().saturating_sub(1), cpu.as_secs_f64()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_too_much_longer_is_named() {
        let found = |all: f64| Found {
            set: "x",
            sha256: String::new(),
            runs: vec![
                Runs { what: What::One, jobs: 1, cpu_seconds: vec![1.0, 0.9, 5.0] },
                Runs { what: What::All, jobs: 16, cpu_seconds: vec![all] },
            ],
        };
        assert_eq!(found(2.5).ratio(What::All), Some(2.5));
        assert_eq!(found(2.5).rows().nth(1).expect("two rows")[4], "2.50");
        assert_eq!(verdict(&[found(2.5)]), "All measures take less than 3 times one.");
        let told = "All measures take 3 times one or more: x.";
        assert_eq!(verdict(&[found(2.5), found(3.5)]), told);
        assert_eq!(verdict(&[Found { runs: Vec::new(), ..found(1.0) }]), told);
    }
}
