//! Jobs through working files beside the same jobs in memory: what they take, by the system's
//! count, and that the bytes they write are the same.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    machine::{self, Machine},
    options::Options,
    programs::{ilk_on, peak_mib, run_logged},
    report::{Spread, put_into_page},
    sets::{Data, Set, sha256},
};
use crate::{text::table, workspace::Workspace};

/// A job, and the memory that it is given.
#[derive(Clone, Copy)]
struct Case {
    set: Set,
    limit: &'static str,
    /// Arguments beside files and columns.
    job: &'static str,
    /// MiB that the job takes in memory, about: the machine must have them to spare.
    in_memory: u64,
}

const CASES: [Case; 5] = [
    Case { set: Set::Clicks20m, limit: "256MiB", job: "", in_memory: 800 },
    Case {
        set: Set::Clicks20m,
        limit: "256MiB",
        job: "--weight quantity --weighting tfidf",
        in_memory: 1_800,
    },
    Case { set: Set::Orders, limit: "256MiB", job: "", in_memory: 1_000 },
    Case { set: Set::Orders, limit: "256MiB", job: "--weighting tfidf", in_memory: 1_200 },
    Case { set: Set::Clicks200m, limit: "1GiB", job: "", in_memory: 9_500 },
];

/// The sets unless others are asked for: the largest one takes minutes, and much memory.
pub(super) const SETS: [Set; 2] = [Set::Clicks20m, Set::Orders];

/// How a job runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Way {
    Memory,
    Files,
    DirectoryInMemory,
    DirectoryInFiles,
}

impl Way {
    const ALL: [Self; 4] =
        [Self::Memory, Self::Files, Self::DirectoryInMemory, Self::DirectoryInFiles];

    const fn name(self) -> &'static str {
        match self {
            Self::Memory => "in memory",
            Self::Files => "through files",
            Self::DirectoryInMemory => "run directory, in memory",
            Self::DirectoryInFiles => "run directory, through files",
        }
    }

    const fn is_limited(self) -> bool {
        matches!(self, Self::Files | Self::DirectoryInFiles)
    }

    const fn has_directory(self) -> bool {
        matches!(self, Self::DirectoryInMemory | Self::DirectoryInFiles)
    }

    /// The way that it is held against.
    const fn base(self) -> Self {
        if self.has_directory() { Self::DirectoryInMemory } else { Self::Memory }
    }
}

/// What a run took: seconds and MiB.
#[derive(Clone, Copy, Debug, Serialize)]
struct Taken {
    seconds: f64,
    cpu_seconds: f64,
    peak_mib: f64,
}

/// All runs of a case.
#[derive(Serialize)]
struct Found {
    set: &'static str,
    sha256: String,
    limit: &'static str,
    job: &'static str,
    /// By way, as in [`Way::ALL`]; the n-th of all belong to the same round.
    runs: Vec<Vec<Taken>>,
    /// Of the neighbours, the same for all.
    neighbours_sha256: String,
}

/// Runs all cases of the sets asked for and writes the record.
///
/// # Errors
/// Where a run fails, takes more than it may, or writes other bytes.
pub(super) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let sets = options.sets_or(&SETS);
    let program = workspace.build(&["--release", "--package", "ilk", "--bin", "ilk"], "ilk")?;
    let mut found = Vec::new();
    let mut data = Vec::new();
    for case in CASES.into_iter().filter(|case| sets.contains(&case.set)) {
        data.push((case, case.set.get(workspace)?.context("a set that is made")?));
    }
    if data.is_empty() {
        bail!("none of these sets has a limit of memory to be run under");
    }
    let machine = Machine::look();
    for (case, data) in &data {
        found.push(Bench { workspace, options, program: &program, case: *case, data }.run()?);
    }
    let record = json!({
        "date": machine::today(),
        "command": options.command_of("--memory", &sets),
        "machine": machine,
        "versions": machine::versions(workspace)?,
        "ways": Way::ALL.map(Way::name),
        "cases": found,
    });
    let page = page(&record, &machine, &found, &machine::versions(workspace)?);
    println!("\n{page}");
    // The largest set is seldom run, and never with the others on a small machine.
    let is_large = |found: &&Found| found.set == Set::Clicks200m.name();
    let (large, small) = found.iter().partition::<Vec<_>, _>(is_large);
    for (name, found) in [("memory", small), ("memory-large", large)] {
        if found.is_empty() {
            continue;
        }
        let record_name = format!("{}-{name}", machine::today());
        options.write_as(workspace, &record_name, &page, &record)?;
        if !options.quick {
            let link = format!("[Record](../bench/records/{record_name}.md).");
            let text = format!("{}\n\n{link}", results(&found));
            put_into_page(&workspace.root.join("docs/memory.md"), name, &text)?;
        }
    }
    Ok(())
}

struct Bench<'a> {
    workspace: &'a Workspace,
    options: &'a Options,
    program: &'a Path,
    case: Case,
    data: &'a Data,
}

impl Bench<'_> {
    /// Runs the case in all ways, in turn, as many rounds as there are to be.
    fn run(&self) -> Result<Found> {
        let Case { set, limit, job, in_memory } = self.case;
        let free = machine::available_mib().unwrap_or(u64::MAX);
        if free < in_memory {
            bail!("{} takes about {in_memory} MiB in memory, and {free} are free", set.name());
        }
        let folder = self.workspace.target.join("bench/memory");
        let (mut runs, mut hash) = (vec![Vec::new(); Way::ALL.len()], None);
        let rounds = if self.options.quick { 1 } else { self.options.runs };
        for round in 1..=rounds {
            println!("\n==> {} {job} under {limit}, round {round} of {rounds}", set.name());
            for (way, runs) in Way::ALL.into_iter().zip(&mut runs) {
                // What earlier runs left in the system's cache is the same for all.
                fs::create_dir_all(&folder)?;
                let (taken, result) = self.once(way, &folder)?;
                let Taken { seconds, cpu_seconds, peak_mib } = taken;
                println!(
                    "{:<28} {seconds:>7.2} s, {cpu_seconds:>7.2} CPU s, {peak_mib:>7.0} MiB",
                    way.name()
                );
                let found = sha256(&result)?;
                if *hash.get_or_insert_with(|| found.clone()) != found {
                    bail!("{} wrote other bytes", way.name());
                }
                runs.push(taken);
                fs::remove_dir_all(&folder)?;
            }
        }
        let neighbours_sha256 = hash.unwrap_or_default();
        let (set, sha256) = (set.name(), self.data.sha256.clone());
        Ok(Found { set, sha256, limit, job, runs, neighbours_sha256 })
    }

    /// Runs it once; also returns where the result is.
    fn once(&self, way: Way, folder: &Path) -> Result<(Taken, PathBuf)> {
        let Case { limit, job, .. } = self.case;
        let (out, run_dir) = (folder.join("out.parquet"), folder.join("run"));
        let mut command = ilk_on(self.workspace, self.program, "run", self.data);
        command.args(job.split_whitespace()).args(["--force", "--log", "json"]);
        command.args(["--top", &self.options.top.to_string()]);
        command.args(["--threads", &self.options.threads.to_string()]);
        if way.is_limited() {
            command.args(["--memory", limit]);
        }
        if way.has_directory() {
            command.arg("--run-dir").arg(&run_dir);
        } else {
            command.arg("--out").arg(&out);
        }
        let begin = Instant::now();
        let (used, told) = run_logged(&mut command, folder)?;
        let seconds = begin.elapsed().as_secs_f64();
        // A promise that is not tested is none.
        if told.contains("working in files") != way.is_limited() {
            bail!("{}: the job did not go the way it was to go", way.name());
        }
        let mut peak = peak_mib(&used);
        if way.has_directory() {
            peak = peak.max(peak_of_stages(&run_dir.join("run.json"))?);
        }
        let limit = mib(limit).context("a limit in MiB or GiB")?;
        if way.is_limited() && peak >= limit {
            bail!("{}: {peak:.0} MiB, {limit:.0} were allowed", way.name());
        }
        let cpu = used.rusage.utime + used.rusage.stime;
        let taken = Taken { seconds, cpu_seconds: cpu.as_secs_f64(), peak_mib: peak };
        Ok((taken, if way.has_directory() { run_dir.join("neighbours.parquet") } else { out }))
    }
}

/// A run directory's stages count their own peaks, by the system, and reset its count.
pub(super) fn peak_of_stages(manifest: &Path) -> Result<f64> {
    let manifest: Value = serde_json::from_slice(&fs::read(manifest)?)?;
    let stages = manifest["stages"].as_object().context("no stages in run.json")?;
    let peaks = stages.values().filter_map(|stage| stage["peak_memory"].as_f64());
    peaks.reduce(f64::max).map(|bytes| bytes / f64::from(1 << 20)).context("no peaks in run.json")
}

fn mib(limit: &str) -> Option<f64> {
    let number = |text: &str| text.parse::<f64>().ok();
    let mebi = limit.strip_suffix("MiB").and_then(number);
    mebi.or_else(|| Some(1024.0 * number(limit.strip_suffix("GiB")?)?))
}

const LEGEND: &str = "\
Medians of all rounds, with the least and the most. In a round every way runs once, each in a process \
of its own, one after the other. *Peak* is the largest resident set by the system's count \
(`ru_maxrss`, and `VmHWM` of each stage of a run directory). *CPU* is user and system time of the whole \
process; its ratio is to the same job in memory, round by round. All ways of a job wrote the same \
bytes. Files lay in the system's cache as far as it had room.";

/// The table of all ways of all jobs.
fn results(found: &[&Found]) -> String {
    let heading = ["set", "job", "way", "limit", "peak MiB", "CPU s", "s", "CPU ÷ in memory"];
    let mut rows = vec![heading.map(String::from).to_vec()];
    for Found { set, job, limit, runs, .. } in found.iter().copied() {
        for (way, taken) in Way::ALL.into_iter().zip(runs) {
            let of = |part: fn(&Taken) -> f64| {
                Spread::of(taken.iter().map(part)).map(Spread::text).unwrap_or_default()
            };
            let base = Way::ALL.iter().position(|other| *other == way.base()).unwrap_or_default();
            let ratios = taken.iter().zip(&runs[base]);
            let ratios = ratios.map(|(run, base)| run.cpu_seconds / base.cpu_seconds);
            let ratio = Spread::of(ratios).map(Spread::text).unwrap_or_default();
            rows.push(vec![
                (*set).into(),
                if job.is_empty() { "binary cosine".into() } else { format!("`{job}`") },
                way.name().into(),
                if way.is_limited() { (*limit).into() } else { "–".into() },
                of(|taken| taken.peak_mib),
                of(|taken| taken.cpu_seconds),
                of(|taken| taken.seconds),
                if way == way.base() { "1".into() } else { ratio },
            ]);
        }
    }
    table(&rows)
}

fn page(
    record: &Value,
    machine: &Machine,
    found: &[Found],
    versions: &[(String, String)],
) -> String {
    let sets = found.iter().map(|found| format!("- {}: `{}`", found.set, found.sha256));
    let sets = sets.collect::<BTreeSet<_>>();
    format!(
        "# Larger than memory, {}\n\n`{}`\n\n{}\n\n## Results\n\n{LEGEND}\n\n{}\n\n## Sets, by \
         SHA-256\n\n{}\n",
        record["date"].as_str().unwrap_or_default(),
        record["command"].as_str().unwrap_or_default(),
        machine.page(versions),
        results(&found.iter().collect::<Vec<_>>()),
        sets.into_iter().collect::<Vec<_>>().join("\n"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read() {
        assert_eq!(mib("256MiB"), Some(256.0));
        assert_eq!(mib("1GiB"), Some(1024.0));
        assert_eq!(mib("1"), None);
        assert!(CASES.iter().all(|case| mib(case.limit).is_some()));
    }

    #[test]
    fn pages_hold_every_way_against_its_own_kind() {
        let taken = |cpu_seconds| vec![Taken { seconds: 1.0, cpu_seconds, peak_mib: 10.0 }];
        let found = Found {
            set: "orders",
            sha256: "ab".into(),
            limit: "256MiB",
            job: "",
            runs: vec![taken(2.0), taken(3.0), taken(4.0), taken(5.0)],
            neighbours_sha256: "cd".into(),
        };
        let record = json!({"date": "2026-01-01", "command": "cargo xtask bench --memory"});
        let page = page(&record, &Machine::look(), &[found], &[]);
        let rows = page
            .lines()
            .filter(|line| line.starts_with("| orders"))
            .map(|line| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>());
        let last = rows.map(|row| (row[3].clone(), row[4].clone(), row[8].clone()));
        let expected = [
            ("in memory", "–", "1"),
            ("through files", "256MiB", "1.50"),
            ("run directory, in memory", "–", "1"),
            ("run directory, through files", "256MiB", "1.25"),
        ];
        let expected = expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(last.collect::<Vec<_>>(), expected);
    }
}
