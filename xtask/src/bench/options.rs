//! What is timed, and where its record goes.

use std::fs;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::Value;

use super::{
    machine::slug,
    programs::{Peer, Task, Weighting},
    report::Record,
    sets::{Data, Set},
};
use crate::workspace::Workspace;

/// What to time.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Args, Debug, Default)]
pub(crate) struct Options {
    /// Sets to run on, unless what is measured has its own; real ones are skipped where
    /// ../shared/data does not have them
    #[arg(long, value_delimiter = ',', value_name = "SET,…")]
    pub(super) sets: Vec<Set>,
    /// Peers to run beside ilk
    #[arg(long, value_delimiter = ',', value_name = "PEER,…")]
    #[arg(default_value = "implicit,sparse_dot_topn,sp_matmul_rs,similaripy")]
    pub(super) peers: Vec<Peer>,
    /// Rounds that count; one more warms up. Runs of more than a minute are not repeated
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) runs: u32,
    /// One round without warming up, and nothing recorded: to see that it works
    #[arg(long)]
    pub(super) quick: bool,
    /// Neighbours kept per item
    #[arg(short = 'k', long = "top", value_name = "K", default_value_t = 50)]
    pub(super) top: u32,
    /// Threads of every program
    #[arg(long, default_value_t = 2)]
    pub(super) threads: u32,
    /// Weigh interactions, with tf-idf unless said otherwise
    #[arg(long, value_name = "WEIGHTING", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "tfidf")]
    pub(super) weighted: Option<Weighting>,
    /// Count instructions of comparing with callgrind instead
    #[arg(long)]
    pub(super) instructions: bool,
    /// Time the wasm package beside the native kernels instead, on a 10 % sample of the first set
    #[arg(long)]
    pub(super) wasm: bool,
    /// Time the sandboxed plugin beside the native kernels instead, and record it
    #[arg(long, conflicts_with = "wasm")]
    pub(super) plugin: bool,
    /// Measure time and memory of jobs through working files beside the same jobs in memory instead;
    /// `--sets clicks200m` for the largest one
    #[arg(long, conflicts_with_all = ["instructions", "wasm", "plugin"])]
    pub(super) memory: bool,
    /// Run jobs of all kinds under many limits of memory instead, and hold every peak below its limit
    #[arg(long, conflicts_with_all = ["instructions", "wasm", "plugin", "memory"])]
    pub(super) limits: bool,
    /// Hold what `ilk plan` and budgets predict against what jobs take instead
    #[arg(long, conflicts_with_all = ["instructions", "wasm", "plugin", "memory"])]
    pub(super) predictions: bool,
    /// Hold what `ilk evaluate` takes for all measures against what it takes for one instead
    #[arg(long, conflicts_with_all = ["instructions", "wasm", "plugin", "memory", "predictions"])]
    pub(super) evaluation: bool,
    /// Time the reading of CSV files beside other programs instead, and record it
    #[arg(long, conflicts_with_all = ["instructions", "wasm", "plugin", "memory", "predictions"])]
    pub(super) reading: bool,
}

/// The sets unless others are asked for.
pub(super) const SETS: [Set; 6] =
    [Set::Views, Set::Orders, Set::Small, Set::Dense, Set::OnlineRetail, Set::Completejourney];

/// Peers that need Spark.
pub(super) const ON_SPARK: [Peer; 2] = [Peer::Spark, Peer::IlkSpark];

/// Whether a round counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
    WarmUp,
    Counts,
}

impl Options {
    /// Asks for jobs under limits of memory.
    pub(crate) fn of_limits() -> Self {
        Self { limits: true, ..Self::default() }
    }

    pub(super) const fn task(&self) -> Task {
        let weighting = match self.weighted {
            Some(weighting) => weighting,
            None => Weighting::Binary,
        };
        Task { weighting, top: self.top, threads: self.threads }
    }

    pub(super) fn rounds(&self) -> impl Iterator<Item = Round> {
        let (warm_ups, runs) = if self.quick { (0, 1) } else { (1, self.runs as usize) };
        std::iter::repeat_n(Round::WarmUp, warm_ups).chain(std::iter::repeat_n(Round::Counts, runs))
    }

    /// The sets that were asked for, or those.
    pub(super) fn sets_or(&self, sets: &[Set]) -> Vec<Set> {
        if self.sets.is_empty() { sets.to_vec() } else { self.sets.clone() }
    }

    /// The command that measures something of its own, on `sets`.
    pub(super) fn command_of(&self, what: &str, sets: &[Set]) -> String {
        let Self { runs, top, threads, .. } = self;
        let sets = names(sets);
        let quick = if self.quick { " --quick" } else { "" };
        format!(
            "cargo xtask bench {what} --sets {sets} --runs {runs} -k {top} --threads {threads}{quick}"
        )
    }

    /// The command that says all that was asked for, with the variables that change ilk.
    pub(super) fn command(&self) -> String {
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
    pub(super) fn data(&self, workspace: &Workspace) -> Result<Vec<Data>> {
        let mut data = Vec::new();
        for set in self.sets_or(&SETS) {
            match set.get(workspace)? {
                Some(one) => data.push(one),
                None => println!("skipped {}: its file is not in ../shared/data", set.name()),
            }
        }
        Ok(data)
    }

    /// What tells records of one day and machine apart, such as `-views-k1000-tfidf`.
    pub(super) fn variant(&self) -> String {
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
    pub(super) fn write(&self, workspace: &Workspace, record: &Record) -> Result<()> {
        let name = format!("{}-{}{}", record.date, slug(&record.machine.cpu), self.variant());
        self.write_as(workspace, &name, &record.markdown(), &record.json())
    }

    /// Writes a record, as a page and for programs.
    pub(super) fn write_as(
        &self,
        workspace: &Workspace,
        name: &str,
        page: &str,
        record: &Value,
    ) -> Result<()> {
        self.write_page(workspace, name, page)?;
        self.write_file(workspace, &format!("{name}.json"), &format!("{record:#}\n"))
    }

    /// Writes a record as a page alone.
    pub(super) fn write_page(&self, workspace: &Workspace, name: &str, page: &str) -> Result<()> {
        self.write_file(workspace, &format!("{name}.md"), page)
    }

    /// Writes a file of a record; of a quick one below the target folder.
    pub(super) fn write_file(
        &self,
        workspace: &Workspace,
        name: &str,
        content: &str,
    ) -> Result<()> {
        let above = if self.quick { &workspace.target } else { &workspace.root };
        let folder = above.join("bench/records");
        fs::create_dir_all(&folder)?;
        let path = folder.join(name);
        fs::write(&path, content).with_context(|| format!("writing {}", path.display()))?;
        println!("written: {}", path.strip_prefix(&workspace.root).unwrap_or(&path).display());
        Ok(())
    }
}

/// Names of sets, as the command line takes them.
pub(super) fn names(sets: &[Set]) -> String {
    sets.iter().map(|set| set.name()).collect::<Vec<_>>().join(",")
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
