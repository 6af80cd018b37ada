//! `cargo xtask fuzz`: what comes into the readers of files and into the plugin, made up by libFuzzer
//! for as long as one likes.
//!
//! The targets are those of cargo-fuzz; these are its flags without a sanitizer, so that the one
//! stable toolchain is enough: our code has no `unsafe` there, and panics are what is looked for.

use std::{collections::BTreeSet, fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::{
    command,
    setup::{self, Mode, Scope},
    workspace::Workspace,
};

/// What `cargo xtask fuzz` is asked.
#[derive(Args)]
pub(crate) struct Options {
    /// Entry points to fuzz
    #[arg(default_values = Target::NAMES, value_delimiter = ',')]
    targets: Vec<Target>,
    /// Minutes for each
    #[arg(long, default_value_t = 10)]
    minutes: u32,
    /// Seconds for each instead
    #[arg(long, conflicts_with = "minutes")]
    seconds: Option<u32>,
    /// Run this one input instead, such as one that was found
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
}

impl Options {
    /// Everything, for so many minutes each.
    pub(crate) fn all(minutes: u32) -> Self {
        Self { targets: Target::value_variants().to_vec(), minutes, seconds: None, input: None }
    }
}

/// Workspaces of their own: what they are built with is nobody else's.
pub(crate) const FOLDERS: [&str; 2] = ["formats/fuzz", "plugin/fuzz"];

/// What is fuzzed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Target {
    /// Sessions: requests, Arrow streams whole and damaged, cut anywhere
    Tables,
    /// Comparisons: items, blocks, positions, offers
    Tiles,
    /// Bytes as a Parquet file
    Parquet,
    /// Bytes as an Arrow file or stream
    Arrow,
    /// Bytes as JSON Lines
    Json,
    /// Bytes as CSV
    Csv,
    /// Bytes as whatever they look like, archives and packed text among them
    Packed,
    /// Jobs as JSON
    Job,
    /// The manifest of a run directory
    Manifest,
}

impl Target {
    const NAMES: [&str; 9] =
        ["tables", "tiles", "parquet", "arrow", "json", "csv", "packed", "job", "manifest"];

    const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Returns the workspace that the target is built in.
    const fn workspace(self) -> &'static str {
        let [of_formats, of_plugin] = FOLDERS;
        match self {
            Self::Tables | Self::Tiles => of_plugin,
            _ => of_formats,
        }
    }

    /// Returns folders of inputs to begin with.
    const fn seeds(self) -> &'static [&'static str] {
        match self {
            Self::Parquet | Self::Arrow | Self::Json => &["tests/files/typed"],
            Self::Csv => &["tests/files/csv"],
            Self::Packed => &["tests/files/typed", "tests/files/csv"],
            _ => &[],
        }
    }
}

/// What an input of at most 64 KiB may take; the readers of files hold it against their length as well.
const LIMITS: [&str; 4] =
    ["-max_len=65536", "-timeout=60", "-rss_limit_mb=1024", "-print_final_stats=1"];

/// Where code tells the fuzzer that it has come through.
const FLAGS: [&str; 8] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "-Clink-dead-code",
];

/// Fuzzes; what was learned and found stays in `target/fuzz`.
///
/// # Errors
/// Where something cannot be built, or an input was found that should not be.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    setup::run(workspace, Scope::Fuzz, Mode::Install)?;
    let (folder, triple) = (workspace.target.join("fuzz"), host(workspace)?);
    let folders = options.targets.iter().map(|target| target.workspace());
    for of_targets in folders.collect::<BTreeSet<_>>() {
        let mut build = workspace.cargo(&["build", "--release", "--locked", "--bins"]);
        let manifest = format!("{of_targets}/Cargo.toml");
        // Named, so that only what is fuzzed gets the flags, no build script.
        build.args(["--manifest-path", &manifest, "--target", &triple]);
        command::run(build.arg("--target-dir").arg(&folder).env("RUSTFLAGS", FLAGS.join(" ")))?;
    }
    for target in &options.targets {
        let name = target.name();
        let (corpus, found) = (folder.join("corpus").join(name), folder.join("found").join(name));
        fs::create_dir_all(&corpus)?;
        fs::create_dir_all(&found)?;
        let mut fuzz = workspace.command(folder.join(&triple).join("release").join(name));
        fuzz.args(LIMITS);
        fuzz.arg(format!("-artifact_prefix={}/", found.display()));
        if let Some(input) = &options.input {
            fuzz.arg(input);
        } else {
            let seconds = options.seconds.unwrap_or(60 * options.minutes);
            fuzz.arg(format!("-max_total_time={seconds}")).arg(&corpus);
            fuzz.args(target.seeds());
        }
        if command::run(&mut fuzz).is_err() {
            bail!(
                "{name}: an input that should not be is in {}; \
                 `cargo xtask fuzz {name} --input FILE` runs it again",
                found.display()
            );
        }
    }
    Ok(())
}

/// Asks the compiler for this machine's name.
fn host(workspace: &Workspace) -> Result<String> {
    let output = workspace.command("rustc").arg("-vV").output().context("rustc gave no answer")?;
    let text = String::from_utf8(output.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not say where it runs")?.to_owned())
}
