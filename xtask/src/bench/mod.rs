//! ilk beside its peers: the same sets, in turn, each run a process of its own.

mod instructions;
mod machine;
mod memory;
mod plugin;
mod predictions;
mod programs;
mod report;
mod sets;
mod wasm;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use self::{
    machine::Machine,
    programs::{Peer, Sample, Sizes, Task, Weighting},
    report::{Check, Record, Runs, SetReport},
    sets::{Data, Set},
};
use crate::{
    house::{self, House},
    setup::{self, Mode, Scope},
};

/// What to time.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Sets to run on, unless what is measured has its own; real ones are skipped where
    /// ../shared/data does not have them
    #[arg(long, value_delimiter = ',', value_name = "SET,…")]
    sets: Vec<Set>,
    /// Peers to run beside ilk
    #[arg(long, value_delimiter = ',', value_name = "PEER,…")]
    #[arg(default_value = "implicit,sparse_dot_topn,sp_matmul_rs,similaripy")]
    peers: Vec<Peer>,
    /// Rounds that count; one more warms up. Runs of more than a minute are not repeated
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// One round without warming up, and nothing recorded: to see that it works
    #[arg(long)]
    quick: bool,
    /// Neighbours kept per item
    #[arg(short = 'k', long = "top", value_name = "K", default_value_t = 50)]
    top: u32,
    /// Threads of every program
    #[arg(long, default_value_t = 2)]
    threads: u32,
    /// Weigh interactions, with tf-idf unless said otherwise
    #[arg(long, value_name = "WEIGHTING", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "tfidf")]
    weighted: Option<Weighting>,
    /// Count instructions of comparing with callgrind instead
    #[arg(long)]
    instructions: bool,
    /// Time the wasm package beside the native kernels instead, on a 10 % sample of the first set
    #[arg(long)]
    wasm: bool,
    /// Time the sandboxed plugin beside the native kernels instead, and record it
    #[arg(long, conflicts_with = "wasm")]
    plugin: bool,
    /// Measure time and memory of jobs through working files beside the same jobs in memory instead;
    /// `--sets clicks200m` for the largest one
    #[arg(long, conflicts_with_all = ["instructions", "wasm", "plugin"])]
    memory: bool,
    /// Hold what `ilk plan` and budgets predict against what jobs take instead
    #[arg(long, conflicts_with_all = ["instructions", "wasm", "plugin", "memory"])]
    predictions: bool,
}

/// The sets unless others are asked for.
const SETS: [Set; 6] =
    [Set::Views, Set::Orders, Set::Small, Set::Dense, Set::OnlineRetail, Set::Completejourney];

/// Peers that need Spark.
const ON_SPARK: [Peer; 2] = [Peer::Spark, Peer::IlkSpark];

/// Runs everything, prints the tables and writes the record.
///
/// # Errors
/// Where something cannot be set up, ilk fails, or its neighbours are not those of a peer.
pub(crate) fn run(house: &House, options: &Options) -> Result<()> {
    if options.instructions {
        return instructions::run(house);
    }
    setup::run(house, Scope::Bench, Mode::Install)?;
    if options.wasm {
        let set = options.sets_or(&SETS)[0];
        let data = set.get(house)?.with_context(|| format!("{} is not there", set.name()))?;
        return wasm::run(house, &data);
    }
    if options.plugin {
        return options.time_plugin(house);
    }
    if options.memory {
        return memory::run(house, options);
    }
    if options.predictions {
        return predictions::run(house, options);
    }
    let with_spark = options.peers.iter().any(|peer| ON_SPARK.contains(peer));
    if with_spark {
        setup::run(house, Scope::Spark, Mode::Install)?;
    }
    if options.peers.contains(&Peer::IlkSpark) {
        crate::plugin::build(house)?;
        crate::plugin::install(house, &setup::SPARK)?;
    }
    // A comparison that lets wrong neighbours pass is worth nothing.
    let mut check = house.command(setup::BENCH.python(house));
    house::run(check.args(["-B", "-m", "unittest", "discover", "-s", "bench"]))?;
    let program = house.build(&["--release", "--package", "ilk", "--bin", "ilk"], "ilk")?;
    let data = options.data(house)?;
    let mut versions = machine::versions(house)?;
    let environments = [Some(setup::BENCH), with_spark.then_some(setup::SPARK)];
    for environment in environments.into_iter().flatten() {
        versions.extend(machine::pinned(&fs::read_to_string(environment.requirements(house))?));
    }
    // The load is that before the first run: building and making sets are over.
    let machine = Machine::look();
    let bench = Bench { house, options, program };
    let sets = data.iter().map(|data| bench.time(data)).collect::<Result<Vec<_>>>()?;
    let record = Record { date: date(), command: options.command(), machine, versions, sets };
    println!("\n{}", record.markdown());
    options.write(house, &record)
}

/// Programs to time, and where.
struct Bench<'a> {
    house: &'a House,
    options: &'a Options,
    program: PathBuf,
}

/// The peers still in the running on a set, and what came of it so far.
struct Contest {
    peers: Vec<(Peer, Vec<Sample>)>,
    checks: Vec<Check>,
    failures: Vec<String>,
}

/// Whether a round counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    WarmUp,
    Counts,
}

/// Tells whether a run was so long that it is not repeated: there is nothing to warm up in minutes.
fn is_long(sample: &Sample) -> bool {
    sample.end_to_end > 60.0
}

impl Bench<'_> {
    /// Times all programs on one set.
    fn time(&self, data: &Data) -> Result<SetReport> {
        let folder = self.house.target.join("bench/out");
        fs::create_dir_all(&folder)?;
        let peers = self.peers(data.set).into_iter().map(|peer| (peer, Vec::new()));
        let mut contest =
            Contest { peers: peers.collect(), checks: Vec::new(), failures: Vec::new() };
        let (mut samples, mut sizes) = (Vec::new(), Sizes::default());
        for round in self.options.rounds() {
            println!("\n==> {}: {round:?}", data.set.name());
            let out = folder.join("ilk.parquet");
            let (sample, counted) =
                programs::ilk(self.house, &self.program, data, self.options.task(), &out)
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
            match peer.run(self.house, data, self.options.task(), &out) {
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
        let mut command = self.house.command(setup::BENCH.python(self.house));
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

impl Options {
    const fn task(&self) -> Task {
        let weighting = match self.weighted {
            Some(weighting) => weighting,
            None => Weighting::Binary,
        };
        Task { weighting, top: self.top, threads: self.threads }
    }

    fn rounds(&self) -> impl Iterator<Item = Round> {
        let (warm_ups, runs) = if self.quick { (0, 1) } else { (1, self.runs as usize) };
        std::iter::repeat_n(Round::WarmUp, warm_ups).chain(std::iter::repeat_n(Round::Counts, runs))
    }

    /// The sets that were asked for, or those.
    fn sets_or(&self, sets: &[Set]) -> Vec<Set> {
        if self.sets.is_empty() { sets.to_vec() } else { self.sets.clone() }
    }

    /// The command that measures something of its own, on `sets`.
    fn command_of(&self, what: &str, sets: &[Set]) -> String {
        let Self { runs, top, threads, .. } = self;
        let sets = names(sets);
        let quick = if self.quick { " --quick" } else { "" };
        format!(
            "cargo xtask bench {what} --sets {sets} --runs {runs} -k {top} --threads {threads}{quick}"
        )
    }

    /// The command that says all that was asked for, with the variables that change ilk.
    fn command(&self) -> String {
        let variables = std::env::vars().filter(|(name, _)| name.starts_with("ILK_"));
        let mut words =
            variables.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
        let sets = names(&self.sets_or(&SETS));
        let peers = self.peers.iter().map(|peer| peer.name()).collect::<Vec<_>>().join(",");
        let Self { runs, top, threads, .. } = self;
        words.push(format!(
            "cargo xtask bench --sets {sets} --peers {peers} --runs {runs} -k {top} \
             --threads {threads}"
        ));
        words.extend(self.weighted.map(|weighting| format!("--weighted={}", weighting.name())));
        words.extend(self.quick.then(|| "--quick".into()));
        words.join(" ")
    }

    /// The sets that are there.
    fn data(&self, house: &House) -> Result<Vec<Data>> {
        let mut data = Vec::new();
        for set in self.sets_or(&SETS) {
            match set.get(house)? {
                Some(one) => data.push(one),
                None => println!("skipped {}: its file is not in ../shared/data", set.name()),
            }
        }
        Ok(data)
    }

    /// Times the plugin and writes the record.
    fn time_plugin(&self, house: &House) -> Result<()> {
        let (data, versions) = (self.data(house)?, machine::versions(house)?);
        let sets = names(&self.sets_or(&SETS));
        let rounds = if self.quick { 1 } else { self.runs };
        let command = format!("cargo xtask bench --plugin --sets {sets} --runs {rounds}");
        let page = plugin::run(house, &data, rounds, (&command, &versions))?;
        println!("\n{page}");
        let name = format!("{}-{}-plugin", date(), slug(&Machine::look().cpu));
        self.write_page(house, &name, &page)
    }

    /// What tells records of one day and machine apart, such as `-views-k1000-tfidf`.
    fn variant(&self) -> String {
        let kernel = std::env::var("ILK_KERNEL").ok();
        let of_spark = self.peers.iter().any(|peer| ON_SPARK.contains(peer));
        let parts = [
            (!self.sets.is_empty()).then(|| format!("-{}", names(&self.sets).replace(',', "-"))),
            of_spark.then(|| "-spark".into()),
            (self.top != 50).then(|| format!("-k{}", self.top)),
            (self.threads != 2).then(|| format!("-threads{}", self.threads)),
            self.weighted.map(|weighting| format!("-{}", weighting.name())),
            kernel.map(|kernel| format!("-{}", slug(&kernel))),
        ];
        parts.into_iter().flatten().collect()
    }

    /// Writes the record of the peers.
    fn write(&self, house: &House, record: &Record) -> Result<()> {
        let name = format!("{}-{}{}", record.date, slug(&record.machine.cpu), self.variant());
        self.write_as(house, &name, &record.markdown(), &record.json())
    }

    /// Writes a record, as a page and for programs.
    fn write_as(&self, house: &House, name: &str, page: &str, record: &Value) -> Result<()> {
        self.write_page(house, name, page)?;
        self.write_file(house, &format!("{name}.json"), &format!("{record:#}\n"))
    }

    /// Writes a record as a page alone.
    fn write_page(&self, house: &House, name: &str, page: &str) -> Result<()> {
        self.write_file(house, &format!("{name}.md"), page)
    }

    /// Writes a file of a record; of a quick one below the target folder.
    fn write_file(&self, house: &House, name: &str, content: &str) -> Result<()> {
        let above = if self.quick { &house.target } else { &house.root };
        let folder = above.join("bench/records");
        fs::create_dir_all(&folder)?;
        let path = folder.join(name);
        fs::write(&path, content).with_context(|| format!("writing {}", path.display()))?;
        println!("written: {}", path.strip_prefix(&house.root).unwrap_or(&path).display());
        Ok(())
    }
}

/// The day.
fn date() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}

/// Names of sets, as the command line takes them.
fn names(sets: &[Set]) -> String {
    sets.iter().map(|set| set.name()).collect::<Vec<_>>().join(",")
}

/// Letters and digits in lower case, a hyphen for whatever is between them.
fn slug(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn options(arguments: &[&str]) -> Options {
        Line::parse_from(std::iter::once(&"bench").chain(arguments)).options
    }

    #[test]
    fn records_are_named_after_what_differs() {
        assert_eq!(slug("Intel(R) Xeon(R) CPU @ 2.20GHz"), "intel-r-xeon-r-cpu-2-20ghz");
        if std::env::var_os("ILK_KERNEL").is_none() {
            assert_eq!(options(&[]).variant(), "");
            let one = options(&["-k", "1000", "--threads", "1", "--weighted"]);
            assert_eq!(one.variant(), "-k1000-threads1-tfidf");
            let other = options(&["--sets", "small,dense", "--peers", "spark,implicit"]);
            assert_eq!(other.variant(), "-small-dense-spark");
        }
    }

    #[test]
    fn a_round_warms_up_unless_it_has_to_be_quick() {
        let rounds = |arguments: &[&str]| options(arguments).rounds().collect::<Vec<_>>();
        assert_eq!(rounds(&["--quick"]), [Round::Counts]);
        assert_eq!(rounds(&["--runs", "2"]), [Round::WarmUp, Round::Counts, Round::Counts]);
    }

    #[test]
    fn the_command_says_everything() {
        let options = options(&["--sets", "small,online_retail", "--weighted=bm25", "--quick"]);
        let expected = "cargo xtask bench --sets small,online_retail \
                        --peers implicit,sparse_dot_topn,sp_matmul_rs,similaripy --runs 5 -k 50 \
                        --threads 2 --weighted=bm25 --quick";
        assert!(options.command().ends_with(expected), "{}", options.command());
    }
}
