//! Two columns of a CSV file read into memory, beside other programs that do the same.

use std::{fmt::Write as _, fs, path::PathBuf};

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
    what: &'static str,
    user: &'static str,
    item: &'static str,
}

const FILES: [File; 3] = [
    File {
        kind: "retail",
        what: "integers and text, two of eight columns",
        user: "CustomerID",
        item: "StockCode",
    },
    File {
        kind: "damaged",
        what: "the same, 1 % of the lines with a field too many or too few",
        user: "CustomerID",
        item: "StockCode",
    },
    File { kind: "integers", what: "two columns of integers", user: "user", item: "item" },
];

/// Programs beside ilk.
const OTHERS: [&str; 2] = ["duckdb", "pyarrow"];

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
    let arguments = ["--release", "--package", "ilk-bench", "--bin", "reading"];
    let program = workspace.build(&arguments, "reading")?;
    let (python, script) =
        (setup::BENCH.python(workspace), workspace.root.join("bench/reading.py"));
    let files = FILES.iter().map(|file| Ok((file, made(workspace, file)?)));
    let files = files.collect::<Result<Vec<_>>>()?;
    let machine = Machine::look();
    // One more warms up.
    let rounds = if options.quick { 1 } else { options.runs + 1 };
    let command = format!(
        "cargo xtask bench --reading --runs {} --threads {}",
        options.runs, options.threads
    );
    let mut page = format!(
        "# Reading CSV\n\nCommand: `{}`\n\nTwo columns of a file, read into memory with {} threads; \
         medians of {} rounds in one process. The dialect is found out by each program.\n",
        command, options.threads, options.runs
    );
    for (file, path) in files {
        let mut rows =
            vec![["program", "rows", "seconds", "CPU seconds", "MB/s"].map(String::from).to_vec()];
        let bytes = fs::metadata(&path)?.len();
        let mut counts = Vec::new();
        for name in ["ilk"].into_iter().chain(OTHERS) {
            let mut command = if name == "ilk" {
                workspace.command(&program)
            } else {
                let mut command = workspace.command(&python);
                command.arg("-B").arg(&script).arg(name);
                command
            };
            command.arg(&path).args([file.user, file.item]);
            command.args([options.threads.to_string(), rounds.to_string()]);
            let timings = command::answer::<Timings>(&mut command)?;
            let (seconds, cpu) = (median(&timings.seconds), median(&timings.cpu_seconds));
            println!("{}: {name} {seconds:.3} s, {cpu:.3} CPU s", file.kind);
            counts.push(timings.rows);
            rows.push(vec![
                name.into(),
                grouped(timings.rows),
                format!("{seconds:.3}"),
                format!("{cpu:.3}"),
                format!("{:.0}", bytes as f64 / 1e6 / seconds),
            ]);
        }
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
            table(&rows)
        )?;
    }
    page += "\nRows of ilk include those that are set aside as unreadable.\n\n";
    let mut versions = machine::versions(workspace)?;
    versions.extend(machine::pinned(&fs::read_to_string(setup::BENCH.requirements(workspace))?));
    versions.retain(|(name, _)| !matches!(name.as_str(), "implicit" | "similaripy"));
    page += &machine.page(&versions);
    page.push('\n');
    println!("\n{page}");
    options.write_page(workspace, &format!("{}-reading", machine::today()), &page)
}

/// Makes a file, unless it is there.
fn made(workspace: &Workspace, file: &File) -> Result<PathBuf> {
    let script = workspace.root.join("bench/reading.py");
    let mut recipe = fs::read(&script)?;
    recipe.extend(fs::read(setup::BENCH.requirements(workspace))?);
    let digest = Sha256::digest(&recipe);
    let mut name = String::new();
    for byte in &digest[..6] {
        write!(name, "{byte:02x}")?;
    }
    let folder = workspace.target.join("bench/csv").join(name);
    let path = folder.join(format!("{}.csv", file.kind));
    if !path.exists() {
        fs::create_dir_all(&folder)?;
        let mut command = workspace.command(setup::BENCH.python(workspace));
        command.arg("-B").arg(&script).args(["make", file.kind]).arg(&path);
        command::run(&mut command)?;
    }
    Ok(path)
}

/// The median of all rounds but the first, which warms up.
fn median(rounds: &[f64]) -> f64 {
    let mut rounds = if rounds.len() > 1 { rounds[1..].to_vec() } else { rounds.to_vec() };
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}
