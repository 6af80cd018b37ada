//! Jobs of all kinds under many limits of memory: none may take more than its limit, by the system's
//! count, and where one is refused, the limit that the message names has to be enough.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::json;
use wait4::Wait4 as _;

use super::{
    machine::{self, Machine},
    memory::peak_of_stages,
    options::Options,
    programs::{ilk_on, peak_mib},
    sets::{Data, Set},
};
use crate::{text::table, workspace::Workspace};

/// The sets unless others are asked for.
const SETS: [Set; 6] = [
    Set::Labelled,
    Set::Relabelled,
    Set::TextIds,
    Set::NullUsers,
    Set::Checkins,
    Set::OnlineRetail,
];

/// Limits in MiB.
const LIMITS: [u64; 6] = [32, 64, 96, 128, 256, 512];

/// Threads, whatever the machine has.
const THREADS: [u32; 3] = [1, 2, 8];

/// Formats of results, by the ending of the output.
const FORMATS: [&str; 3] = ["parquet", "csv", "arrow"];

/// What a job is asked beside its columns; labels and weights where the set has them.
#[derive(Clone, Copy)]
enum Kind {
    Plain,
    Labels,
    TextOut,
    Decay,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Plain, Self::Labels, Self::TextOut, Self::Decay];

    /// Its arguments; `None` where the set cannot have it.
    fn arguments(self, set: Set) -> Option<Vec<&'static str>> {
        let is_real = set == Set::OnlineRetail;
        Some(match self {
            Self::Plain => Vec::new(),
            Self::Labels => vec!["--item-label", if is_real { "description" } else { "name" }],
            Self::TextOut => vec!["--ids", "text"],
            // Returns are more than bad rows may be.
            Self::Decay if is_real => return None,
            Self::Decay => "--weight quantity --time time --weighting decay --half-life 30d"
                .split(' ')
                .collect(),
        })
    }
}

/// One job under one limit.
struct Case<'a> {
    data: &'a Data,
    arguments: Vec<&'static str>,
    threads: u32,
    format: &'static str,
    has_directory: bool,
}

/// What came of a job.
enum Outcome {
    /// It ended well, with this peak in MiB.
    Done(f64),
    /// It was refused with this peak; the limit in MiB that it named.
    Refused(f64, Option<u64>),
}

/// What came of the jobs of a set, in one way.
#[derive(Default, Serialize)]
struct Tally {
    done: u32,
    refused: u32,
    /// Named limits that were tried.
    named: u32,
    /// The largest share of its limit that a job took.
    largest: f64,
    over: Vec<String>,
    /// Refusals whose named limit was not enough.
    misnamed: Vec<String>,
}

/// Runs everything and writes the record.
///
/// # Errors
/// Where a job takes more than its limit, or a refusal names one that is not enough.
pub(super) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let program = workspace.build(&["--release", "--package", "ilk", "--bin", "ilk"], "ilk")?;
    let sets = options.sets_or(&SETS);
    let machine = Machine::look();
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for set in &sets {
        let Some(data) = set.get(workspace)? else { continue };
        for has_directory in [false, true] {
            let way = if has_directory { "run directory" } else { "output alone" };
            println!("\n==> {}, {way}", set.name());
            let sweep = Sweep { workspace, program: &program, quick: options.quick };
            let tally = sweep.tally(&data, has_directory)?;
            println!("{} done, {} refused", tally.done, tally.refused);
            wrong.extend(tally.over.iter().chain(&tally.misnamed).cloned());
            found.push((set.name(), way, tally));
        }
    }
    let versions = machine::versions(workspace)?;
    let names = sets.iter().map(|set| set.name()).collect::<Vec<_>>().join(",");
    let quick = if options.quick { " --quick" } else { "" };
    let command = format!("cargo xtask bench --limits --sets {names}{quick}");
    let page = format!(
        "# Jobs under limits of memory, {}\n\n`{command}`\n\n{}\n\n{LEGEND}\n\n{}\n\n{}\n",
        machine::today(),
        machine.page(&versions),
        results(&found),
        wrong.iter().flat_map(|line| ["- ", line, "\n"]).collect::<String>(),
    );
    println!("\n{page}");
    let record = json!({
        "date": machine::today(),
        "command": command,
        "machine": machine,
        "versions": versions,
        "found": found,
    });
    options.write_as(workspace, &format!("{}-limits", machine::today()), &page, &record)?;
    if !wrong.is_empty() {
        bail!("{} jobs did not keep to their limit, or named one that is not enough", wrong.len());
    }
    Ok(())
}

const LEGEND: &str = "\
Every set with every job (plain; labels; IDs as text; decay), on 1, 2 and 8 threads, under 32 to 512 MiB, \
written as Parquet, CSV and Arrow, in turn. *Largest* is the largest peak as a share of its limit, by the \
system's count (`ru_maxrss`, and `VmHWM` of each stage of a run directory). *Named* counts the limits that \
refusals named, which were run.";

fn results(found: &[(&str, &str, Tally)]) -> String {
    let heading = ["set", "way", "done", "refused", "named", "largest", "over", "misnamed"];
    let mut rows = vec![heading.map(String::from).to_vec()];
    rows.extend(found.iter().map(|(set, way, tally)| {
        vec![
            (*set).into(),
            (*way).into(),
            tally.done.to_string(),
            tally.refused.to_string(),
            tally.named.to_string(),
            format!("{:.0} %", tally.largest * 100.0),
            tally.over.len().to_string(),
            tally.misnamed.len().to_string(),
        ]
    }));
    table(&rows)
}

struct Sweep<'a> {
    workspace: &'a Workspace,
    program: &'a Path,
    quick: bool,
}

impl Sweep<'_> {
    /// Runs all jobs of a set.
    fn tally(&self, data: &Data, has_directory: bool) -> Result<Tally> {
        let (mut tally, mut tried) = (Tally::default(), 0);
        for kind in Kind::ALL {
            let Some(arguments) = kind.arguments(data.set) else { continue };
            for threads in THREADS {
                for limit in LIMITS {
                    // Formats take turns: what they differ in is the last stage.
                    let format = FORMATS[tried % FORMATS.len()];
                    tried += 1;
                    if self.quick && !tried.is_multiple_of(7) {
                        continue;
                    }
                    let arguments = arguments.clone();
                    let case = Case { data, arguments, threads, format, has_directory };
                    self.try_case(&case, limit, &mut tally)?;
                }
            }
        }
        Ok(tally)
    }

    fn try_case(&self, case: &Case<'_>, limit: u64, tally: &mut Tally) -> Result<()> {
        let outcome = self.once(case, limit)?;
        let (Outcome::Done(peak) | Outcome::Refused(peak, _)) = outcome;
        tally.largest = tally.largest.max(peak / limit as f64);
        if peak > limit as f64 {
            tally.over.push(format!("{}: {peak:.0} MiB", case.text(limit)));
        }
        let Outcome::Refused(_, named) = outcome else {
            tally.done += 1;
            return Ok(());
        };
        tally.refused += 1;
        let Some(named) = named else { return Ok(()) };
        tally.named += 1;
        match self.once(case, named)? {
            Outcome::Done(peak) if peak <= named as f64 => {}
            Outcome::Done(peak) => {
                tally.over.push(format!("{}: {peak:.0} MiB", case.text(named)));
            }
            Outcome::Refused(..) => {
                tally.misnamed.push(format!("{}: {named} MiB is refused too", case.text(limit)));
            }
        }
        Ok(())
    }

    /// Runs a job once under a limit in MiB.
    fn once(&self, case: &Case<'_>, limit: u64) -> Result<Outcome> {
        let folder = self.workspace.target.join("bench/limits");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let (log, run_dir) = (folder.join("log"), folder.join("run"));
        let mut command = self.command(case, limit, &folder);
        if case.has_directory {
            command.arg("--run-dir").arg(&run_dir);
        }
        // Each message on a line of its own.
        command.env("COLUMNS", "1000");
        command.stdout(Stdio::null()).stderr(fs::File::create(&log)?);
        let child = command.spawn().context("starting ilk")?;
        let used = child.wait4()?;
        let mut peak = peak_mib(&used);
        if let Ok(of_stages) = peak_of_stages(&run_dir.join("run.json")) {
            peak = peak.max(of_stages);
        }
        if used.status.success() {
            return Ok(Outcome::Done(peak));
        }
        let told = fs::read_to_string(&log)?;
        // 1 is a refusal; anything else is a fault.
        if used.status.code() != Some(1) {
            bail!("{}: {}\n{told}", case.text(limit), used.status);
        }
        Ok(Outcome::Refused(peak, named(&told)))
    }

    fn command(&self, case: &Case<'_>, limit: u64, folder: &Path) -> Command {
        let mut command = ilk_on(self.workspace, self.program, "run", case.data);
        let out: PathBuf = folder.join(format!("out.{}", case.format));
        command.args(&case.arguments).args(["--memory", &format!("{limit}MiB")]);
        command.args(["--threads", &case.threads.to_string()]).arg("--out").arg(out);
        command
    }
}

impl Case<'_> {
    fn text(&self, limit: u64) -> String {
        let directory = if self.has_directory { " --run-dir" } else { "" };
        format!(
            "{} {} --threads {} --out .{}{directory} --memory {limit}MiB",
            self.data.set.name(),
            self.arguments.join(" "),
            self.threads,
            self.format
        )
    }
}

/// The limit, in MiB, that a refusal says is enough.
fn named(told: &str) -> Option<u64> {
    let (before, _) = told.split_once(" is enough\n")?;
    let number = before.rsplit_once("--memory ")?.1.strip_suffix("iB")?;
    let (number, unit) = number.split_at(number.len() - 1);
    Some(number.parse::<u64>().ok()? * if unit == "G" { 1024 } else { 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_limits_are_found() {
        let told = |help: &str| format!("error: the tables do not fit\nhelp: {help}\n");
        assert_eq!(named(&told("--memory 352MiB is enough")), Some(352));
        assert_eq!(named(&told("--memory 2GiB is enough")), Some(2048));
        assert_eq!(named(&told("--memory 64MiB is enough for the first 10 rows")), None);
        assert_eq!(named("error: something else\n"), None);
    }
}
