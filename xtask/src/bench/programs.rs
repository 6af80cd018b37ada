//! One run of one program, in a process of its own, and what it took.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wait4::{ResUse, Wait4 as _};

use super::sets::Data;
use crate::{command, setup, workspace::Workspace};

/// A library that is timed beside ilk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum Peer {
    Implicit,
    SparseDotTopn,
    SpMatmulRs,
    Similaripy,
    /// Spark's columnSimilarities: on the small set only
    Spark,
    /// ilk's own tiles on Spark, by the plugin: binary weights only
    IlkSpark,
}

/// What an interaction counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Weighting {
    /// 1; scores are cosines
    #[default]
    Binary,
    /// tf-idf; scores are cosines
    Tfidf,
    /// BM25; scores are dot products, as implicit's `BM25Recommender` has them
    Bm25,
}

/// What is computed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    pub(super) weighting: Weighting,
    pub(super) top: u32,
    pub(super) threads: u32,
}

/// What one run took: seconds and MiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Sample {
    /// From reading the file to having written the neighbours; of ilk the whole process, of
    /// peers without starting Python and importing libraries.
    pub(super) end_to_end: f64,
    /// Starting Python and importing libraries.
    pub(super) start: f64,
    /// From the users x items matrix in memory to the neighbours in memory.
    pub(super) compute: f64,
    /// CPU time of the same, over all threads.
    pub(super) compute_cpu: Option<f64>,
    /// Most memory in use, of the whole process.
    pub(super) peak_mib: f64,
    /// CPU time of ilk's busiest thread over that of its least busy one, while computing.
    pub(super) imbalance: Option<f64>,
    /// Computing once more in the same session of Spark, which has compiled its code by then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) again: Option<f64>,
    /// Where the time went on Spark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stages: Option<Stages>,
}

/// Seconds of each stage of ilk on Spark; 0 of those that a job did not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Stages {
    /// Starting workers, compiling the plugin, where many tasks follow.
    pub(super) start: f64,
    /// Counting rows by what becomes of them.
    pub(super) count: f64,
    /// All the rest, where rows are few.
    #[serde(rename = "at once")]
    pub(super) at_once: f64,
    /// Folding rows into baskets.
    pub(super) fold: f64,
    /// Codes and supports of the items.
    pub(super) items: f64,
    /// Writing blocks.
    pub(super) blocks: f64,
    /// Computing tiles.
    pub(super) tiles: f64,
    /// Merging them, with ids.
    pub(super) merge: f64,
}

/// What ilk counted on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Sizes {
    pub(super) users: u64,
    pub(super) items: u64,
    pub(super) interactions: u64,
    pub(super) pair_operations: u64,
}

impl Peer {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Implicit => "implicit",
            Self::SparseDotTopn => "sparse_dot_topn",
            Self::SpMatmulRs => "sp_matmul_rs",
            Self::Similaripy => "similaripy",
            Self::Spark => "spark",
            Self::IlkSpark => "ilk_spark",
        }
    }

    /// How far its scores may be from ilk's: those that add up in single precision drift with
    /// the number of users.
    pub(super) const fn tolerance(self, weighting: Weighting) -> f64 {
        match (self, weighting) {
            // The same bits.
            (Self::IlkSpark, _) => 0.0,
            // It counts without weights, and only then divides.
            (Self::Similaripy, Weighting::Binary) | (Self::Implicit | Self::Spark, _) => 1e-5,
            (Self::Similaripy | Self::SparseDotTopn | Self::SpMatmulRs, _) => 1e-2,
        }
    }

    pub(super) const fn environment(self) -> setup::Environment {
        match self {
            Self::Spark | Self::IlkSpark => setup::SPARK,
            _ => setup::BENCH,
        }
    }

    /// Runs it once.
    ///
    /// # Errors
    /// Where it fails; the message holds the last of what it said.
    pub(super) fn run(
        self,
        workspace: &Workspace,
        data: &Data,
        task: Task,
        out: &Path,
    ) -> Result<Sample> {
        #[derive(Deserialize)]
        struct Taken {
            start: f64,
            load: f64,
            compute: f64,
            compute_cpu: f64,
            write: f64,
            #[serde(default)]
            peak_mib: f64,
            again: Option<f64>,
            stages: Option<Stages>,
        }
        let mut command = workspace.command(self.environment().python(workspace));
        command.args(["-B", "bench/peers.py", self.name()]).arg(&data.path).arg(out);
        command.args(["--user", data.user, "--item", data.item]);
        command.args(["--weighting", task.weighting.name(), "-k", &task.top.to_string()]);
        command.args(["--threads", &task.threads.to_string()]);
        let mut child = start(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
        let (mut output, mut complaints) = (String::new(), Vec::new());
        // The peers say little on stderr: reading it after stdout is closed does not block them.
        child.stdout.take().context("no output")?.read_to_string(&mut output)?;
        child.stderr.take().context("no output")?.read_to_end(&mut complaints)?;
        let used = child.wait4()?;
        check(&used, &String::from_utf8_lossy(&complaints))?;
        let taken = output.lines().last().unwrap_or_default();
        let taken: Taken = serde_json::from_str(taken).context("peers.py printed no figures")?;
        Ok(Sample {
            end_to_end: taken.load + taken.compute + taken.write,
            start: taken.start,
            compute: taken.compute,
            compute_cpu: Some(taken.compute_cpu),
            peak_mib: peak_mib(&used).max(taken.peak_mib),
            imbalance: None,
            again: taken.again,
            stages: taken.stages,
        })
    }
}

impl Weighting {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Tfidf => "tfidf",
            Self::Bm25 => "bm25",
        }
    }

    /// The measure that goes with it.
    pub(super) const fn measure(self) -> &'static str {
        match self {
            Self::Binary | Self::Tfidf => "cosine",
            Self::Bm25 => "dot",
        }
    }
}

/// Begins the command line of `ilk`: on which set.
pub(super) fn ilk_on(
    workspace: &Workspace,
    program: &Path,
    subcommand: &str,
    data: &Data,
) -> Command {
    let mut command = workspace.command(program);
    command.arg(subcommand).arg(&data.path).args(["--user", data.user, "--item", data.item]);
    // A benchmark is no use of the machine that anybody pays for.
    command.env("ILK_USAGE_FILE", "off");
    command
}

/// Runs a program to its end, its log in a file in `folder`: what it used, and what it told.
///
/// # Errors
/// Where it fails; the message holds the last of what it said.
pub(super) fn run_logged(command: &mut Command, folder: &Path) -> Result<(ResUse, String)> {
    let path = folder.join("log");
    let child = start(command.stdout(Stdio::null()).stderr(fs::File::create(&path)?))?;
    let used = child.wait4()?;
    let told = fs::read_to_string(path)?;
    check(&used, &told)?;
    Ok((used, told))
}

/// Runs a program to its end, what it prints in a file in `folder`: what it used, and its answer in JSON.
///
/// # Errors
/// Where it fails, or prints something else.
pub(super) fn run_answered(command: &mut Command, folder: &Path) -> Result<(ResUse, Value)> {
    let (path, log) = (folder.join("answer"), folder.join("log"));
    let child = start(command.stdout(fs::File::create(&path)?).stderr(fs::File::create(&log)?))?;
    let used = child.wait4()?;
    check(&used, &fs::read_to_string(log)?)?;
    let answer = fs::read(path)?;
    Ok((used, serde_json::from_slice(&answer).context("the answer is not JSON")?))
}

/// Runs ilk once.
///
/// # Errors
/// Where it fails; the message holds the last of what it said.
pub(super) fn ilk(
    workspace: &Workspace,
    program: &Path,
    data: &Data,
    task: Task,
    out: &Path,
) -> Result<(Sample, Sizes)> {
    let mut command = ilk_on(workspace, program, "run", data);
    command.args(["--weighting", task.weighting.name(), "--measure", task.weighting.measure()]);
    command.args(["--top", &task.top.to_string(), "--threads", &task.threads.to_string()]);
    command.arg("--out").arg(out).args(["--overwrite", "--force", "--log", "json"]);
    let begin = Instant::now();
    let mut child = start(command.stdout(Stdio::null()).stderr(Stdio::piped()))?;
    let mut log = Log::default();
    for line in BufReader::new(child.stderr.take().context("no output")?).lines() {
        log.read(&line?, || Threads::of(child.id()));
    }
    let used = child.wait4()?;
    let end_to_end = begin.elapsed().as_secs_f64();
    check(&used, &log.last)?;
    let sample = Sample {
        end_to_end,
        start: 0.0,
        compute: log.compute.context("ilk did not say how long comparing took")?,
        compute_cpu: log.compute_cpu.or_else(|| log.threads.cpu()),
        peak_mib: peak_mib(&used),
        imbalance: log.threads.imbalance(),
        again: None,
        stages: None,
    };
    Ok((sample, log.sizes))
}

/// Starts a program.
///
/// # Errors
/// Where it cannot be.
fn start(command: &mut Command) -> Result<std::process::Child> {
    command.spawn().with_context(|| format!("`{}` could not be started", command::display(command)))
}

/// Checks that a program ended well.
///
/// # Errors
/// With the last of what it said.
fn check(used: &ResUse, complaints: &str) -> Result<()> {
    if !used.status.success() {
        let last = complaints.trim_end().lines().last().unwrap_or("no message");
        bail!("{} ({last})", used.status);
    }
    Ok(())
}

/// Returns the most memory that a program took.
pub(super) fn peak_mib(used: &ResUse) -> f64 {
    used.rusage.maxrss as f64 / 1024.0 / 1024.0
}

/// What the events of a run told.
#[derive(Default)]
struct Log {
    sizes: Sizes,
    compute: Option<f64>,
    compute_cpu: Option<f64>,
    /// CPU time of the threads while comparing.
    threads: Threads,
    /// The last line.
    last: String,
}

impl Log {
    /// Reads a line; `threads` says what they have used up to now.
    fn read(&mut self, line: &str, threads: impl FnOnce() -> Threads) {
        line.clone_into(&mut self.last);
        let Ok(event) = serde_json::from_str::<Value>(line) else { return };
        let count = |name: &str| event[name].as_u64().unwrap_or(0);
        match (event["event"].as_str(), event["name"].as_str()) {
            (Some("stage_finished"), Some("sorting")) => {
                self.sizes.users = count("users");
                self.sizes.items = count("items");
                self.sizes.interactions = count("interactions");
            }
            (Some("stage_started"), Some("comparing")) => self.threads = threads(),
            (Some("stage_finished"), Some("comparing")) => {
                self.threads = threads().since(&self.threads);
                self.compute = event["seconds"].as_f64();
                self.compute_cpu = event["cpu_seconds"].as_f64();
                self.sizes.pair_operations = count("pair_operations");
            }
            _ => {}
        }
    }
}

/// CPU seconds of the threads of a process: by their number, whether it is one that computes.
#[derive(Default)]
struct Threads(BTreeMap<PathBuf, (bool, f64)>);

impl Threads {
    /// Asks Linux; elsewhere there are none.
    fn of(process: u32) -> Self {
        let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
        let thread = |task: fs::DirEntry| {
            let path = task.path();
            let name = fs::read_to_string(path.join("comm")).ok()?;
            let times = fs::read_to_string(path.join("schedstat")).ok()?;
            let nanoseconds = times.split(' ').next()?.parse::<f64>().ok()?;
            Some((path, (name.starts_with("ilk-"), nanoseconds / 1e9)))
        };
        Self(tasks.filter_map(thread).collect())
    }

    fn since(mut self, before: &Self) -> Self {
        for (path, (_, seconds)) in &mut self.0 {
            *seconds -= before.0.get(path).map_or(0.0, |(_, seconds)| *seconds);
        }
        self
    }

    fn cpu(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.values().map(|(_, seconds)| seconds).sum())
    }

    /// The busiest over the least busy of the threads that compute.
    fn imbalance(&self) -> Option<f64> {
        let of_pool = || self.0.values().filter(|(is_of_pool, _)| *is_of_pool).map(|(_, s)| *s);
        let (most, least) = (of_pool().reduce(f64::max)?, of_pool().reduce(f64::min)?);
        (of_pool().count() > 1 && least > 0.0).then(|| most / least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threads(main: f64, one: f64, two: f64) -> Threads {
        let thread = |number: &str, is_of_pool, seconds| (number.into(), (is_of_pool, seconds));
        Threads([thread("1", false, main), thread("2", true, one), thread("3", true, two)].into())
    }

    #[test]
    fn events_tell_sizes_and_times() {
        let mut log = Log::default();
        let lines = [
            r#"{"event":"stage_finished","name":"sorting","users":3,"items":2,"interactions":5,"seconds":9.0}"#,
            r#"{"event":"stage_started","name":"comparing"}"#,
            r#"{"event":"stage_finished","name":"comparing","pair_operations":7,"seconds":0.25}"#,
            r#"{"event":"stage_finished","name":"writing","seconds":3.0}"#,
        ];
        let mut used = [threads(1.0, 1.0, 1.0), threads(1.5, 3.0, 5.0)].into_iter();
        for line in lines {
            log.read(line, || used.next().expect("asked at begin and end of comparing"));
        }
        assert_eq!(log.sizes, Sizes { users: 3, items: 2, interactions: 5, pair_operations: 7 });
        assert_eq!((log.compute, log.compute_cpu), (Some(0.25), None));
        assert_eq!((log.threads.cpu(), log.threads.imbalance()), (Some(6.5), Some(2.0)));
    }

    #[test]
    fn other_systems_do_not_tell_about_threads() {
        assert_eq!((Threads::default().cpu(), Threads::default().imbalance()), (None, None));
    }
}
