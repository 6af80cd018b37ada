//! ilk beside its peers: the same sets, in turn, each run a process of its own.

mod evaluation;
mod instructions;
mod limits;
mod machine;
mod memory;
mod options;
mod plugin;
mod predictions;
mod programs;
mod reading;
mod report;
mod sets;
mod wasm;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

pub(crate) use self::{
    machine::{Machine, slug, today, versions},
    options::Options,
};
use self::{
    options::{ON_SPARK, Round, SETS},
    programs::{Peer, Sample, Sizes, Weighting},
    report::{Check, Record, Runs, SetReport},
    sets::{Data, Set},
};
use crate::{
    command,
    setup::{self, Mode, Scope},
    workspace::Workspace,
};

/// Runs everything, prints the tables and writes the record.
///
/// # Errors
/// Where something cannot be set up, ilk fails, or its neighbours are not those of a peer.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if options.instructions {
        return instructions::run(workspace);
    }
    if options.reading {
        setup::run(workspace, Scope::Reading, Mode::Install)?;
        return reading::run(workspace, options);
    }
    setup::run(workspace, Scope::Bench, Mode::Install)?;
    if options.wasm {
        let set = options.sets_or(&SETS)[0];
        let data = set.get(workspace)?.with_context(|| format!("{} is not there", set.name()))?;
        return wasm::run(workspace, &data);
    }
    if options.plugin {
        return time_plugin(options, workspace);
    }
    if options.memory {
        return memory::run(workspace, options);
    }
    if options.evaluation {
        return evaluation::run(workspace, options);
    }
    if options.limits {
        return limits::run(workspace, options);
    }
    if options.predictions {
        return predictions::run(workspace, options);
    }
    let with_spark = options.peers.iter().any(|peer| ON_SPARK.contains(peer));
    if with_spark {
        setup::run(workspace, Scope::Spark, Mode::Install)?;
    }
    if options.peers.contains(&Peer::IlkSpark) {
        crate::plugin::build(workspace)?;
        crate::plugin::install(workspace, &setup::SPARK)?;
    }
    // A comparison that lets wrong neighbours pass is worth nothing.
    let mut check = workspace.command(setup::BENCH.python(workspace));
    command::run(check.args(["-B", "-m", "unittest", "discover", "-s", "bench"]))?;
    let program = workspace.build(&["--release", "--package", "ilk", "--bin", "ilk"], "ilk")?;
    let data = options.data(workspace)?;
    let mut versions = machine::versions(workspace)?;
    let environments = [Some(setup::BENCH), with_spark.then_some(setup::SPARK)];
    for environment in environments.into_iter().flatten() {
        versions.extend(machine::pinned(&fs::read_to_string(environment.requirements(workspace))?));
    }
    // The load is that before the first run: building and making sets are over.
    let machine = Machine::look();
    let bench = Bench { workspace, options, program };
    let sets = data.iter().map(|data| bench.time(data)).collect::<Result<Vec<_>>>()?;
    let record = Record { date: today(), command: options.command(), machine, versions, sets };
    println!("\n{}", record.markdown());
    options.write(workspace, &record)
}

/// Times the plugin and writes the record.
fn time_plugin(options: &Options, workspace: &Workspace) -> Result<()> {
    let (data, versions) = (options.data(workspace)?, machine::versions(workspace)?);
    let sets = options::names(&options.sets_or(&SETS));
    let rounds = if options.quick { 1 } else { options.runs };
    let command = format!("cargo xtask bench --plugin --sets {sets} --runs {rounds}");
    let page = plugin::run(workspace, &data, rounds, (&command, &versions))?;
    println!("\n{page}");
    let name = format!("{}-{}-plugin", today(), slug(&Machine::look().cpu));
    options.write_page(workspace, &name, &page)
}

/// Programs to time, and where.
struct Bench<'a> {
    workspace: &'a Workspace,
    options: &'a Options,
    program: PathBuf,
}

/// The peers still in the running on a set, and what came of it so far.
struct Contest {
    peers: Vec<(Peer, Vec<Sample>)>,
    checks: Vec<Check>,
    failures: Vec<String>,
}

/// Returns true if a run was so long that it is not repeated: there is nothing to warm up in
/// minutes.
fn is_long(sample: &Sample) -> bool {
    sample.end_to_end > 60.0
}

impl Bench<'_> {
    /// Times all programs on one set.
    fn time(&self, data: &Data) -> Result<SetReport> {
        let folder = self.workspace.target.join("bench/out");
        fs::create_dir_all(&folder)?;
        let peers = self.peers(data.set).into_iter().map(|peer| (peer, Vec::new()));
        let mut contest =
            Contest { peers: peers.collect(), checks: Vec::new(), failures: Vec::new() };
        let (mut samples, mut sizes) = (Vec::new(), Sizes::default());
        for round in self.options.rounds() {
            println!("\n==> {}: {round:?}", data.set.name());
            let out = folder.join("ilk.parquet");
            let (sample, counted) =
                programs::ilk(self.workspace, &self.program, data, self.options.task(), &out)
                    .context("ilk failed")?;
            announce("ilk", &sample);
            if round == Round::Counts {
                samples.push(sample);
            }
            sizes = counted;
            self.time_peers(data, round, &folder, &mut contest)?;
        }
        fs::remove_dir_all(&folder)?;
        let of_peer = |(peer, samples): (Peer, _)| Runs { program: peer.name(), samples };
        let mut runs = vec![Runs { program: "ilk", samples }];
        runs.extend(contest.peers.into_iter().map(of_peer));
        let (set, sha256) = (data.set.name(), data.sha256.clone());
        let Contest { checks, failures, .. } = contest;
        Ok(SetReport { set, sha256, sizes, runs, checks, failures })
    }

    /// Runs every peer once. The neighbours of its first run are held against ilk's; a peer that
    /// fails is out.
    fn time_peers(
        &self,
        data: &Data,
        round: Round,
        folder: &Path,
        contest: &mut Contest,
    ) -> Result<()> {
        let Contest { peers, checks, failures } = contest;
        for (peer, mut samples) in std::mem::take(peers) {
            let out = folder.join(format!("{}.parquet", peer.name()));
            if samples.iter().any(is_long) {
                peers.push((peer, samples));
                continue;
            }
            match peer.run(self.workspace, data, self.options.task(), &out) {
                Err(error) => {
                    println!("{} failed: {error:#}", peer.name());
                    failures.push(format!("{} failed: {error:#}", peer.name()));
                    continue;
                }
                Ok(sample) => {
                    announce(peer.name(), &sample);
                    if round == Round::Counts || is_long(&sample) {
                        samples.push(sample);
                    }
                }
            }
            if !checks.iter().any(|check| check.peer == peer.name()) {
                checks.push(self.verify(peer, &folder.join("ilk.parquet"), &out)?);
            }
            peers.push((peer, samples));
        }
        Ok(())
    }

    /// The peers that can do the task on this set.
    fn peers(&self, set: Set) -> Vec<Peer> {
        let can = |peer: &Peer| {
            let is_binary = self.options.task().weighting == Weighting::Binary;
            match peer {
                Peer::Spark => set == Set::Small && is_binary,
                Peer::IlkSpark => is_binary,
                _ => true,
            }
        };
        self.options.peers.iter().copied().filter(can).collect()
    }

    /// Checks that ilk's neighbours are the peer's up to ties: nobody times a wrong result.
    fn verify(&self, peer: Peer, ilk: &Path, other: &Path) -> Result<Check> {
        #[derive(Deserialize)]
        struct Found {
            largest_difference: f64,
        }
        let mut command = self.workspace.command(setup::BENCH.python(self.workspace));
        let tolerance = peer.tolerance(self.options.task().weighting);
        command.args(["-B", "bench/verify.py"]).args([ilk, other]);
        command.args(["-k", &self.options.top.to_string()]);
        command.args(["--tolerance", &tolerance.to_string()]);
        let output = command.stderr(Stdio::piped()).output()?;
        if !output.status.success() {
            let complaint = String::from_utf8_lossy(&output.stderr);
            bail!("ilk's neighbours are not those of {}: {}", peer.name(), complaint.trim());
        }
        let found: Found = serde_json::from_slice(&output.stdout).context("verify.py")?;
        Ok(Check { peer: peer.name(), tolerance, largest_difference: found.largest_difference })
    }
}

fn announce(program: &str, Sample { compute, end_to_end, .. }: &Sample) {
    println!("{program:<16} compute {compute:>8.3} s, end to end {end_to_end:>8.3} s");
}
