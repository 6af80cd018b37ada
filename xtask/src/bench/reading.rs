//! Two columns of a text file read into memory, beside other programs that do the same.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::{
    machine::{self, Machine},
    options::Options,
    sets::sha256,
};
use crate::{
    command, setup,
    text::{grouped, table},
    workspace::Workspace,
};

/// A file to be made, and the columns that are read of it.
struct File {
    kind: &'static str,
    ending: &'static str,
    what: &'static str,
    user: &'static str,
    item: &'static str,
}

const FILES: [File; 4] = [
    File {
        kind: "retail",
        ending: "csv",
        what: "integers and text, two of eight columns",
        user: "CustomerID",
        item: "StockCode",
    },
    File {
        kind: "damaged",
        ending: "csv",
        what: "the same, 1 % of the lines with a field too many or too few",
        user: "CustomerID",
        item: "StockCode",
    },
    File {
        kind: "integers",
        ending: "csv",
        what: "two columns of integers",
        user: "user",
        item: "item",
    },
    File {
        kind: "objects",
        ending: "jsonl",
        what: "JSON Lines of the first, two of eight members",
        user: "CustomerID",
        item: "StockCode",
    },
];

/// Programs beside ilk.
const OTHERS: [&str; 2] = ["duckdb", "pyarrow"];

/// Programs that read files in turn.
struct Contest<'a> {
    workspace: &'a Workspace,
    program: PathBuf,
    python: PathBuf,
    script: PathBuf,
    threads: u32,
}

/// The best that a program did.
struct Best {
    name: &'static str,
    rows: u64,
    seconds: f64,
    cpu_seconds: f64,
}

impl Contest<'_> {
    /// Times all programs on a file.
    fn time(&self, file: &File, path: &Path, rounds: u32) -> Result<Vec<Best>> {
        let names = ["ilk"].into_iter().chain(OTHERS);
        let worst = f64::INFINITY;
        let best = |name| Best { name, rows: 0, seconds: worst, cpu_seconds: worst };
        let mut bests = names.map(best).collect::<Vec<_>>();
        for _ in 0..rounds {
            for best in &mut bests {
                let timings = self.read(best.name, file, path)?;
                let last = |all: &[f64]| all.last().copied().unwrap_or(worst);
                best.rows = timings.rows;
                best.seconds = best.seconds.min(last(&timings.seconds));
                best.cpu_seconds = best.cpu_seconds.min(last(&timings.cpu_seconds));
            }
        }
        for Best { name, seconds, cpu_seconds, .. } in &bests {
            println!("{}: {name} {seconds:.3} s, {cpu_seconds:.3} CPU s", file.kind);
        }
        Ok(bests)
    }

    /// Lets a program read a file twice: the first time warms up.
    fn read(&self, name: &str, file: &File, path: &Path) -> Result<Timings> {
        let mut command = if name == "ilk" {
            self.workspace.command(&self.program)
        } else {
            let mut command = self.workspace.command(&self.python);
            command.arg("-B").arg(&self.script).arg(name);
            command
        };
        command.arg(path).args([file.user, file.item]);
        command.args([self.threads.to_string(), "2".into()]);
        command::answer(&mut command)
    }
}

/// The table of a file.
fn rows_of(bests: &[Best], bytes: u64) -> Vec<Vec<String>> {
    let heads = ["program", "rows", "seconds", "CPU seconds", "MB/s", "time, ilk = 1"];
    let row = |best: &Best| {
        vec![
            best.name.into(),
            grouped(best.rows),
            format!("{:.3}", best.seconds),
            format!("{:.3}", best.cpu_seconds),
            format!("{:.0}", bytes as f64 / 1e6 / best.seconds),
            format!("{:.2}", best.seconds / bests[0].seconds),
        ]
    };
    [heads.map(String::from).to_vec()].into_iter().chain(bests.iter().map(row)).collect()
}

/// What a program says of a file.
#[derive(Debug, Deserialize)]
struct Timings {
    rows: u64,
    seconds: Vec<f64>,
    cpu_seconds: Vec<f64>,
}

/// Times everything and writes the record.
///
/// # Errors
/// Where something cannot be built, made or read, and where DuckDB reads other rows of a file without
/// damage.
pub(super) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let package = ["--package", "ilk-bench", "--no-default-features"];
    let arguments = [&["--release"][..], &package, &["--bin", "reading"]].concat();
    let program = workspace.build(&arguments, "reading")?;
    let (python, script) =
        (setup::READING.python(workspace), workspace.root.join("bench/reading.py"));
    let files = FILES.iter().map(|file| Ok((file, made(workspace, file)?)));
    let files = files.collect::<Result<Vec<_>>>()?;
    let machine = Machine::look();
    let rounds = if options.quick { 1 } else { options.runs };
    let command =
        format!("cargo xtask bench --reading --runs {rounds} --threads {}", options.threads);
    let mut page = format!(
        "# Reading CSV and JSON Lines\n\nCommand: `{command}`\n\nTwo columns of a file, read into memory \
         with {} threads: the best of {rounds} rounds. The programs take turns; in each round one reads \
         twice in a process of its own, and the second time counts. The dialect is found out by each \
         program.\n",
        options.threads
    );
    let contest = Contest { workspace, program, python, script, threads: options.threads };
    for (file, path) in files {
        let bytes = fs::metadata(&path)?.len();
        let bests = contest.time(file, &path, rounds)?;
        let counts = bests.iter().map(|best| best.rows).collect::<Vec<_>>();
        if file.kind != "damaged" && counts.iter().any(|count| *count != counts[0]) {
            bail!("{}: programs read different numbers of rows: {counts:?}", file.kind);
        }
        write!(
            page,
            "\n## {}\n\n{}; {} MB, SHA-256 `{}`.\n\n{}\n",
            file.kind,
            file.what,
            grouped(bytes / 1_000_000),
            sha256(&path)?,
            table(&rows_of(&bests, bytes))
        )?;
    }
    page += "\nRows of ilk include those that are set aside as unreadable.\n\n";
    let mut versions = machine::versions(workspace)?;
    versions.extend(machine::pinned(&fs::read_to_string(setup::READING.requirements(workspace))?));
    page += &machine.page(&versions);
    page.push('\n');
    println!("\n{page}");
    options.write_page(workspace, &format!("{}-reading", machine::today()), &page)
}

/// Makes a file, unless it is there.
fn made(workspace: &Workspace, file: &File) -> Result<PathBuf> {
    let script = workspace.root.join("bench/reading.py");
    let mut recipe = fs::read(&script)?;
    recipe.extend(fs::read(setup::READING.requirements(workspace))?);
    let digest = Sha256::digest(&recipe);
    let mut name = String::new();
    for byte in &digest[..6] {
        write!(name, "{byte:02x}")?;
    }
    let folder = workspace.target.join("bench/csv").join(name);
    let path = folder.join(format!("{}.{}", file.kind, file.ending));
    if !path.exists() {
        fs::create_dir_all(&folder)?;
        let mut command = workspace.command(setup::READING.python(workspace));
        command.arg("-B").arg(&script).args(["make", file.kind]).arg(&path);
        command::run(&mut command)?;
    }
    Ok(path)
}
