//! The command line: one set of definitions for parsing, `--help`, the man page and completions.

mod flags;

use std::{io::Write as _, num::NonZeroU32, path::PathBuf};

use clap::{
    ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand,
    error::{ContextKind, ContextValue, ErrorKind},
};
use ilk_core::job::MeasureName;

use self::flags::names;
pub(crate) use self::flags::{
    BudgetArgs, InputArgs, JobArgs, JobFileArgs, LimitArgs, ListArgs, OutputArgs, SourceArgs,
    WorkArgs,
};
use crate::{
    engine::Engine,
    error::Error,
    progress::{LogFormat, Quiet},
    publish,
    rundir::{Form, StageName},
    stdout,
    text::{closest, did_you_mean},
};

const ABOUT: &str =
    "Exact top-k similar items from interaction data: who bought, viewed, played what";

const AFTER: &str = "\
Examples:
  See what it does, on a made-up shop:
    ilk demo
  For every product, the 50 most similar ones:
    ilk run orders/*.parquet --user member --item product --out similar.parquet
  Look at one of them:
    ilk similar similar.parquet 85123A

Exit codes:
  0    done (also when no pair qualified: a table without rows)
  1    a guard refused: too many bad rows, --strict, a budget, or too much work without --force
  2    wrong usage, or input or output that cannot be used
  3    internal error
  130  interrupted; nothing half-written is left";

const RUN_EXAMPLES: &str = "\
Settings come from, strongest first: the command line, ILK_* variables (ILK_TOP for --top,
ILK_MIN_SUPPORT for --min-support, …), the job file, the preset of --like, defaults.
`ilk config` takes the same flags and shows each setting with its origin.

Examples:
  Products bought by the same members, from a folder of Parquet files:
    ilk run orders/ --user member --item product --out similar.parquet
  Counting quantities, leaving out rare products and returns, with names, as CSV:
    ilk run orders.csv.gz --user CustomerID --item StockCode --weight Quantity \\
      --item-label Description --weighting log --min-support 5 -k 20 -o similar.csv
  As implicit's TFIDFRecommender does, this year's orders only:
    ilk run 'orders/*.parquet' --user member --item product --weight quantity \\
      --like implicit-tfidf --where 'date>=2026-01-01' -o similar.parquet
  From a job file, on another of its data sources:
    ilk run job.toml --datasource member_views";

const PLAN_EXAMPLES: &str = "\
Examples:
  What the job would take on this machine:
    ilk plan orders/ --user member --item product
    ilk plan job.toml --datasource member_views
  Whether it fits, for a script (exit code 0 also where it does not; `ilk run` refuses with 1):
    ilk plan job.toml --budget-time 30m --budget-memory 8GiB --format json
  In money:
    ilk plan job.toml --price-per-hour 3.20 --budget-cost 12.50";

const SAMPLE_EXAMPLES: &str = "\
Examples:
    ilk sample orders/ --user member --item product --rate 10% --out sample.parquet
    ilk sample job.toml --users 50000 --out sample.csv";

const SIMILAR_EXAMPLES: &str = "\
Examples:
    ilk similar similar.parquet 85123A
    ilk similar out/ 'Earl Grey' -n 20";

const EXPLAIN_EXAMPLES: &str = "\
RUN is a folder of --run-dir, a job file, or an input (quote a pattern). Flags say what else there is
to say, and go over what the run or the job file says.

Examples:
  Why a neighbour stands where it stands:
    ilk explain job.toml 85123A 21733
  The same by another measure:
    ilk explain job.toml 85123A 21733 --measure llr
  Without a job file:
    ilk explain orders.csv 85123A 21733 --user CustomerID --item StockCode";

const EVALUATE_EXAMPLES: &str = "\
Every user is recommended the items that its items have as neighbours, by the sum of their scores,
without those it has. recall@n: share of the held-out items that are among the n recommended; nDCG@n
counts hits near the top for more; MRR@n: 1/rank of the first hit; coverage: share of all items that
anybody is recommended; popularity: how much more popular the recommended items are than those that
were held out. Intervals are 95 %, over users.

Examples:
  Which measure finds what people took in the newest tenth of the rows:
    ilk evaluate job.toml --measures cosine,jaccard,llr,lift
  Trained on what was before a date:
    ilk evaluate orders/ --user member --item product --time day --hold-out 2026-10-01
  Without times, one item of each user held out:
    ilk evaluate orders.csv --user member --item product --split any --at 20";

#[cfg(feature = "explore")]
const EXPLORE_EXAMPLES: &str = "\
The page is served on this machine alone, at an address that nobody can guess. What is computed in it
is computed in the browser, on a sample; the button at its end runs the job on everything, as
`ilk run` would, and keeps result and report. Ctrl-C ends both.

Examples:
  Look at a file, its columns guessed:
    ilk explore orders.parquet
  A tenth of the users, and a job to begin with:
    ilk explore views/ --user member --item product --rate 10% --measure llr
  Where there is no browser, from another machine through ssh -L 8000:localhost:8000:
    ilk explore job.toml --no-open --listen 127.0.0.1:8000";

const USAGE_EXAMPLES: &str = "\
Every `ilk run` adds a line to a file in the user's state folder ($XDG_STATE_HOME/ilk/usage.jsonl or
~/.local/state/ilk/usage.jsonl). ILK_USAGE_FILE names another file; ILK_USAGE_FILE=off keeps none.

Examples:
  Days and months:
    ilk usage
  What they cost, and what is left this month:
    ilk usage --price-per-hour 3.20 --budget-month 100";

const STAGE_EXAMPLES: &str = "\
Examples:
  The tiles, once a run has come that far:
    ilk stage run/ tiles
  The result once more:
    ilk stage run/ write";

const TAKE_EXAMPLES: &str = "\
Examples:
  What was kept of the input, and what was not:
    ilk take run/ clean
    ilk take run/ quarantine -n 50
  The most popular items, as CSV:
    ilk take run/ matrix -n 100 --format csv";

const INSPECT_EXAMPLES: &str = "\
Examples:
  Which columns there are:
    ilk inspect orders.csv
  Rows, users, items, skew and how much work a job would be:
    ilk inspect orders/ --user member --item product
    ilk inspect job.toml";

const PLUGIN_EXAMPLES: &str = "\
Examples:
  What it exports and may take:
    ilk plugin inspect ilk.wasm
  Whether it finds what is expected:
    ilk plugin check ilk.wasm --cases conformance/
  With it:
    ilk run job.toml --engine plugin:ilk.wasm";

const DEMO_EXAMPLES: &str = "\
Examples:
    ilk demo
    ilk demo --keep shop/";

const CONFIG_EXAMPLES: &str = "\
Examples:
  What a job file comes to, and why:
    ilk config job.toml
  The defaults of a preset:
    ilk config --like implicit-bm25
  Turn a command line into a job file:
    ilk config orders/ --user member --item product -k 20 --toml > job.toml";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
    ilk completions bash > ~/.local/share/bash-completion/completions/ilk
    ilk completions zsh > ~/.zfunc/_ilk
    ilk completions fish > ~/.config/fish/completions/ilk.fish";

const MAN_EXAMPLES: &str = "\
Examples:
    ilk man > ilk.1 && man ./ilk.1";

/// The program's arguments.
#[derive(Debug, Parser)]
#[command(name = "ilk", version, about = ABOUT, max_term_width = 100)]
#[command(after_long_help = AFTER, after_help = "`ilk help COMMAND` shows examples.")]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Say nothing but errors
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub(crate) quiet: bool,

    /// How progress and errors are written to stderr
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t)]
    #[arg(env = "ILK_LOG", hide_env = true, help_heading = "Global options")]
    pub(crate) log: LogFormat,
}

impl Cli {
    /// Returns whether to keep silent.
    pub(crate) const fn quiet(&self) -> Quiet {
        if self.quiet { Quiet::Yes } else { Quiet::No }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Compute the k most similar items of every item
    ///
    /// Reads interactions (rows of user and item), and writes for every item its k most similar
    /// ones: a table item, neighbour, rank, score, overlap. The result is exact and the same to
    /// the bit for any order of rows, split into files and number of threads.
    #[command(after_long_help = RUN_EXAMPLES)]
    Run(Box<RunArgs>),

    /// Say what a run would take, and prove it on samples of the data
    ///
    /// Counts the work exactly, measures this machine (two seconds), predicts time and memory, and
    /// computes nested samples of whole users, 1, 10, 20 and 40 % of them, or random parts of
    /// those, to hold the prediction against what is measured: 5 % of the predicted job, at
    /// least ten seconds and at most a minute. The last line says whether the job fits.
    #[command(after_long_help = PLAN_EXAMPLES)]
    Plan(Box<PlanArgs>),

    /// Write the rows of some users, and say what they tell of the whole
    ///
    /// Whole users are kept, picked by a fixed hash of their ids: the same users from any file in
    /// any order, and those of 10 % are among those of 20 %. The work of comparing falls with the
    /// rate. Only the named columns are written, under their names; rows without a user are left
    /// out. With --of users it is whole items that are kept.
    #[command(after_long_help = SAMPLE_EXAMPLES)]
    Sample(Box<SampleArgs>),

    /// Show one item's neighbours
    #[command(after_long_help = SIMILAR_EXAMPLES)]
    Similar(SimilarArgs),

    /// Show why an item has a neighbour, and what would change its rank
    #[command(after_long_help = EXPLAIN_EXAMPLES)]
    Explain(Box<ExplainArgs>),

    /// Compare measures by what they recommend, on held-out interactions
    #[command(after_long_help = EVALUATE_EXAMPLES)]
    Evaluate(Box<EvaluateArgs>),

    /// Show what past runs took and cost, per day and month
    #[command(after_long_help = USAGE_EXAMPLES)]
    Usage(UsageArgs),

    /// Run one stage of a run directory alone
    ///
    /// Takes the results of the stages before it from the directory and does the stage again, or
    /// goes on with it. Where its result differs from before, the stages after it are undone.
    #[command(after_long_help = STAGE_EXAMPLES)]
    Stage(StageArgs),

    /// Show rows of a stage's result
    #[command(after_long_help = TAKE_EXAMPLES)]
    Take(TakeArgs),

    /// Look at the data before a run: columns, counts, skew, work
    #[command(after_long_help = INSPECT_EXAMPLES)]
    Inspect(InspectArgs),

    /// Open the notebook in the browser, with a sample of the data in it
    ///
    /// Draws whole users as `ilk sample` does, as many as a browser holds with ease, and serves the
    /// notebook from this program: what the rows are like, how skewed, how many users are enough,
    /// similar items and why, what the full batch will take, and a button that runs it.
    #[cfg(feature = "explore")]
    #[command(after_long_help = EXPLORE_EXAMPLES)]
    Explore(Box<ExploreArgs>),
    /// Look at a plugin for `ilk run --engine`, or check it
    ///
    /// A plugin is a WebAssembly component that compares, in a sandbox without files, network or
    /// clock: `cargo xtask plugin` builds Ilk's own, docs/plugin.md says how to write one. Needs a
    /// program built with `--features plugins`.
    #[command(after_long_help = PLUGIN_EXAMPLES)]
    Plugin(PluginArgs),

    /// Run the whole job on a small made-up shop
    #[command(after_long_help = DEMO_EXAMPLES)]
    Demo(DemoArgs),

    /// Show every setting in force and where it comes from
    #[command(after_long_help = CONFIG_EXAMPLES)]
    Config(Box<ConfigArgs>),

    /// Print the completions of a shell
    #[command(after_long_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },

    /// Print the manual page (roff)
    #[command(after_long_help = MAN_EXAMPLES)]
    Man,
}

/// Everything that says what a run computes.
#[derive(Debug, clap::Args)]
pub(crate) struct JobSettingsArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) file: JobFileArgs,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) job: JobArgs,
    #[command(flatten)]
    pub(crate) lists: ListArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) budget: BudgetArgs,
}

/// `ilk plan`.
#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) settings: JobSettingsArgs,

    /// How to print the plan
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, help_heading = "Output")]
    pub(crate) format: PlanFormat,

    /// Also show the time of each step and the layout of the matrix
    #[arg(long, help_heading = "Output")]
    pub(crate) details: bool,
}

impl PlanArgs {
    /// Returns what to print.
    pub(crate) const fn form(&self) -> PlanForm {
        match (self.format, self.details) {
            (PlanFormat::Json, _) => PlanForm::Json,
            (PlanFormat::Text, true) => PlanForm::Details,
            (PlanFormat::Text, false) => PlanForm::Summary,
        }
    }
}

/// What is printed of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlanForm {
    /// Work, memory, time, samples and verdict
    Summary,
    /// The same with the time of each step and the layout of the matrix
    Details,
    /// One JSON object
    Json,
}

/// How a plan is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum PlanFormat {
    /// Tables for people
    #[default]
    Text,
    /// One JSON object
    Json,
}

/// `ilk sample`.
#[derive(Debug, clap::Args)]
pub(crate) struct SampleArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,

    #[command(flatten)]
    pub(crate) size: SampleSizeArgs,

    /// Output: .parquet, .csv, .jsonl or .arrow
    #[arg(short, long, value_name = "PATH", help_heading = "Sample")]
    pub(crate) out: PathBuf,

    /// Replace the output if it exists
    #[arg(long, help_heading = "Sample")]
    pub(crate) overwrite: bool,

    #[command(flatten)]
    pub(crate) file: JobFileArgs,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) job: JobArgs,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
}

/// How many users a sample has.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct SampleSizeArgs {
    /// Share of the users to keep, as in 10% or 0.1
    #[arg(long, value_name = "SHARE", value_parser = rate, help_heading = "Sample")]
    pub(crate) rate: Option<f64>,

    /// Number of users to keep: those of the smallest hashes
    #[arg(long, value_name = "N", help_heading = "Sample")]
    pub(crate) users: Option<NonZeroU32>,
}

/// `ilk explore`.
#[cfg(feature = "explore")]
#[derive(Debug, clap::Args)]
pub(crate) struct ExploreArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,

    /// Share of the users in the notebook, as in 10% or 0.1 [default: as many as have 2,000,000 rows]
    #[arg(long, value_name = "SHARE", value_parser = rate, help_heading = "Sample")]
    pub(crate) rate: Option<f64>,

    /// Number of users in the notebook: those of the smallest hashes
    #[arg(long, value_name = "N", conflicts_with = "rate", help_heading = "Sample")]
    pub(crate) users: Option<NonZeroU32>,

    /// Do not open a browser, only print the address
    #[arg(long, help_heading = "Server")]
    pub(crate) no_open: bool,

    /// Where to listen; port 0 is any free one
    ///
    /// Anything but an address of this machine's own lets others in who have the notebook's
    /// address.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0", help_heading = "Server")]
    pub(crate) listen: String,

    #[command(flatten)]
    pub(crate) file: JobFileArgs,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) job: JobArgs,
    #[command(flatten)]
    pub(crate) lists: ListArgs,
    #[command(flatten)]
    pub(crate) output: BatchOutputArgs,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Where the full batch writes.
#[cfg(feature = "explore")]
#[derive(Debug, clap::Args, serde::Serialize)]
pub(crate) struct BatchOutputArgs {
    /// Output of the full batch [default: similar.parquet]; its report goes beside it
    ///
    /// .parquet, .csv, .jsonl or .arrow, or a folder. Nothing is replaced: where there is one
    /// already, the next is similar-2.parquet.
    #[arg(short, long, value_name = "PATH", env = "ILK_OUT", hide_env = true)]
    #[arg(help_heading = "Output")]
    pub(crate) out: Option<PathBuf>,
}

/// Reads a share above 0.
fn rate(text: &str) -> Result<f64, String> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.parse(),
    };
    let share = share.ok().filter(|share| *share > 0.0 && *share <= 1.0);
    share.ok_or_else(|| "expected a share above 0 and up to 1, such as 10% or 0.1".into())
}

/// `ilk run`.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) settings: JobSettingsArgs,

    /// Replace the output if it exists
    #[arg(long, help_heading = "Output")]
    pub(crate) overwrite: bool,

    /// Write a report for people to this file: what became of the rows, what took the time, and
    /// what came of it
    #[arg(long, value_name = "FILE.html", help_heading = "Output")]
    pub(crate) report: Option<PathBuf>,

    /// Begin the run directory anew, whatever it holds of an earlier run
    #[arg(long, help_heading = "Output")]
    pub(crate) restart: bool,

    /// Run even if a guard or a budget thinks it is too much work
    #[arg(long, help_heading = "Work")]
    pub(crate) force: bool,

    /// What compares: `native`, or `plugin:PATH`, a plugin in a sandbox; ilk's own has the same result
    #[arg(long, value_name = "ENGINE", default_value = "native", hide_default_value = true)]
    #[arg(help_heading = "Work")]
    pub(crate) engine: Engine,
}

/// `ilk plugin`.
#[derive(Debug, clap::Args)]
pub(crate) struct PluginArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub(crate) action: PluginAction,
}

/// What to do with a plugin.
#[derive(Debug, Subcommand)]
pub(crate) enum PluginAction {
    /// Show its interfaces, imports and limits
    Inspect {
        /// The plugin
        #[arg(value_name = "PATH")]
        path: PathBuf,
    },
    /// Run the conformance cases in it, by tables and by tiles
    Check {
        /// The plugin
        #[arg(value_name = "PATH")]
        path: PathBuf,

        /// The folder of the cases
        #[arg(long, value_name = "FOLDER", default_value = "conformance")]
        cases: PathBuf,
    },
}

/// `ilk similar`.
#[derive(Debug, clap::Args)]
pub(crate) struct SimilarArgs {
    /// Output of `ilk run`: a file, folder or run directory
    #[arg(value_name = "OUT")]
    pub(crate) out: PathBuf,

    /// Id of the item
    #[arg(value_name = "ITEM", allow_hyphen_values = true)]
    pub(crate) item: String,

    /// How many neighbours to show
    #[arg(short = 'n', long, value_name = "N", default_value = "10")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) count: u32,
}

/// Everything that says what is read and computed, for commands that write no neighbours.
#[derive(Debug, clap::Args)]
pub(crate) struct ReadingArgs {
    #[command(flatten)]
    pub(crate) file: JobFileArgs,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) job: JobArgs,
    #[command(flatten)]
    pub(crate) lists: ListArgs,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
}

/// `ilk explain`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// Run directory, job file or input
    #[arg(id = "input", value_name = "RUN")]
    pub(crate) run: String,

    /// Id of the item
    #[arg(id = "ITEM", value_name = "ITEM", allow_hyphen_values = true)]
    pub(crate) item: String,

    /// Id of the neighbour
    #[arg(value_name = "NEIGHBOUR", allow_hyphen_values = true)]
    pub(crate) neighbour: String,

    #[command(flatten)]
    pub(crate) reading: ReadingArgs,

    /// How many of the users of both to name
    #[arg(short = 'n', long, value_name = "N", default_value = "10", help_heading = "Output")]
    pub(crate) count: u32,

    /// What to print
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, help_heading = "Output")]
    pub(crate) format: TextOrJson,
}

/// How a page for people is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum TextOrJson {
    /// Tables for people
    #[default]
    Text,
    /// One JSON object
    Json,
}

/// `ilk evaluate`.
#[derive(Debug, clap::Args)]
pub(crate) struct EvaluateArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,

    /// Measures to compare, as in cosine,llr [default: the job's]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = EVALUATION)]
    #[arg(value_parser = names::<MeasureName>(MeasureName::NAMES))]
    pub(crate) measures: Vec<MeasureName>,

    /// What is held out [default: time where --time names a column, else any]
    #[arg(long, value_name = "HOW", value_enum, help_heading = EVALUATION)]
    pub(crate) split: Option<Split>,

    /// With --split time: the newest share of the rows, or everything from a date on [default: 10%]
    #[arg(long, value_name = "SHARE|TIME", help_heading = EVALUATION)]
    pub(crate) hold_out: Option<String>,

    /// Items recommended to a user
    #[arg(long, value_name = "N", default_value = "10", help_heading = EVALUATION)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) at: u32,

    /// Judge at most so many users, chosen by a fixed hash of their ids
    #[arg(long, value_name = "N", default_value = "50000", help_heading = EVALUATION)]
    #[arg(value_parser = clap::value_parser!(u32).range(2..))]
    pub(crate) users: u32,

    /// What to print
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, help_heading = "Output")]
    pub(crate) format: EvaluateFormat,
}

const EVALUATION: &str = "Evaluation";

/// What an evaluation holds out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Split {
    /// Everything after a point in time
    Time,
    /// The newest item of each user
    Last,
    /// One item of each user, whichever a fixed hash picks
    Any,
}

/// How an evaluation is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum EvaluateFormat {
    /// A table for people
    #[default]
    Text,
    /// One JSON object
    Json,
    /// One row per measure
    Csv,
}

/// `ilk usage`.
#[derive(Debug, clap::Args)]
pub(crate) struct UsageArgs {
    /// Price of one hour of this machine, in any currency
    #[arg(long, value_name = "PRICE", env = "ILK_PRICE_PER_HOUR", hide_env = true)]
    #[arg(value_parser = amount)]
    pub(crate) price_per_hour: Option<f64>,

    /// What a month may cost; needs a price
    #[arg(long, value_name = "AMOUNT", env = "ILK_BUDGET_MONTH", hide_env = true)]
    #[arg(value_parser = amount, requires = "price_per_hour")]
    pub(crate) budget_month: Option<f64>,

    /// Days to show
    #[arg(long, value_name = "N", default_value = "14")]
    pub(crate) days: u32,

    /// What to print
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) format: TextOrJson,
}

/// Parses an amount of money.
fn amount(text: &str) -> Result<f64, String> {
    let amount = text.parse::<f64>().ok().filter(|amount| (0.0..1e15).contains(amount));
    amount.ok_or_else(|| "expected a number of 0 or more".into())
}

/// `ilk stage`.
#[derive(Debug, clap::Args)]
pub(crate) struct StageArgs {
    /// Run directory of `ilk run --run-dir`
    #[arg(value_name = "DIR")]
    pub(crate) run_dir: PathBuf,

    /// read, clean, encode, matrix, plan, tiles, merge or write
    #[arg(value_name = "STAGE")]
    pub(crate) stage: StageName,
}

/// `ilk take`.
#[derive(Debug, clap::Args)]
pub(crate) struct TakeArgs {
    /// Run directory of `ilk run --run-dir`
    #[arg(value_name = "DIR")]
    pub(crate) run_dir: PathBuf,

    /// A stage, or one of its tables
    ///
    /// read: inputs; clean: cleaned, quarantine; encode: interactions, items, users; matrix; plan;
    /// tiles; merge: merged; write: neighbours. A stage stands for the first of its tables.
    #[arg(value_name = "STAGE")]
    pub(crate) stage: String,

    /// How many rows to show
    #[arg(short = 'n', long, value_name = "N", default_value = "10")]
    pub(crate) count: u32,

    /// How to print them
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) format: Form,
}

/// `ilk inspect`.
#[derive(Debug, clap::Args)]
pub(crate) struct InspectArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) file: JobFileArgs,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
}

/// `ilk demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Keep the shop's orders and the result in a new folder
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
}

/// `ilk config`.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigArgs {
    #[command(flatten)]
    pub(crate) settings: JobSettingsArgs,

    /// Print a job file that gives these settings
    #[arg(long, help_heading = "Output")]
    pub(crate) toml: bool,
}

/// Parses the program's arguments; the matches know where each value came from.
///
/// # Errors
/// Wrong usage. Where `--help` or `--version` was asked for, `Ok(None)` after printing it.
pub(crate) fn parse() -> Result<Option<(Cli, ArgMatches)>, Error> {
    let parsed = Cli::command()
        .try_get_matches()
        .and_then(|matches| Cli::from_arg_matches(&matches).map(|cli| (cli, matches)));
    match parsed {
        Ok(parsed) => Ok(Some(parsed)),
        Err(error) if !error.use_stderr() => {
            let text = error.render();
            if console::colors_enabled() {
                stdout::print_text(&text.ansi().to_string())?;
            } else {
                stdout::print_text(&text.to_string())?;
            }
            Ok(None)
        }
        Err(error) => Err(usage_error(&error)),
    }
}

/// Makes an error of clap's: its first line, and what else it has to say as help.
fn usage_error(error: &clap::Error) -> Error {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Error::input("no command given")
            .with_help("`ilk demo` shows what it does, `ilk --help` lists the commands");
    }
    if let Some(ContextValue::String(name)) = error.get(ContextKind::InvalidSubcommand) {
        let command = Cli::command();
        let near = did_you_mean(name, command.get_subcommands().map(clap::Command::get_name));
        return Error::input(format!("no command `{name}`"))
            .with_help(near.unwrap_or_else(|| "`ilk --help` lists the commands".into()));
    }
    let text = error.render().to_string();
    let text = text.trim_end();
    let (message, rest) = text.split_once('\n').unwrap_or((text, ""));
    let message = message.trim_start_matches("error: ").trim_end_matches(':');
    let message = message
        .replace("invalid digit found in string", "expected a whole number")
        .replace("invalid float literal", "expected a number")
        .replace("number would be zero for non-zero type", "expected 1 or more");
    let origin = variable_of(error).map(|name| format!(" (from {name})")).unwrap_or_default();
    let lines = rest.lines().map(|line| line.trim().trim_matches(['[', ']']));
    let lines = lines.filter(|line| !line.is_empty());
    let lines = lines.filter(|line| !line.starts_with("For more information"));
    // Tips stand last, but a near name is worth more than a list of all.
    let (tips, others): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with("tip: "));
    let tips = tips.iter().map(|line| line.trim_start_matches("tip: "));
    let help = tips.chain(others).collect::<Vec<_>>().join("; ");
    Error::input(format!("{message}{origin}")).with_help_if((!help.is_empty()).then_some(help))
}

/// Finds the variable that holds a wrong value, if the value comes from one.
fn variable_of(error: &clap::Error) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let flag = text(ContextKind::InvalidArg)?.split(' ').next()?.strip_prefix("--")?;
    let name = format!("ILK_{}", flag.replace('-', "_").to_uppercase());
    // A flag goes over its variable, so the value is the variable's only without the flag.
    let is_given = std::env::args().any(|argument| argument.starts_with(&format!("--{flag}")));
    let value = std::env::var(&name).ok()?;
    (!is_given && text(ContextKind::InvalidValue) == Some(&value)).then_some(name)
}

/// Names the variables that say what a job reads, computes and writes.
#[cfg(feature = "explore")]
pub(crate) fn variables_of_jobs() -> Vec<std::ffi::OsString> {
    use clap::Args as _;
    let groups = [
        JobFileArgs::augment_args,
        SourceArgs::augment_args,
        JobArgs::augment_args,
        ListArgs::augment_args,
        OutputArgs::augment_args,
    ];
    let command = groups.into_iter().fold(clap::Command::new(""), |command, group| group(command));
    command.get_arguments().filter_map(|flag| flag.get_env().map(Into::into)).collect()
}

/// Finds variables that look like settings and are none, each told in a line: a slip in a name would
/// otherwise change nothing and say nothing.
pub(crate) fn unknown_variables() -> Vec<String> {
    /// Read elsewhere than from flags.
    const OTHERS: [&str; 3] = ["ILK_KERNEL", "ILK_USAGE_FILE", publish::END_WITH_STDIN];
    let set = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut unknown = set.filter(|name| name.starts_with("ILK_")).collect::<Vec<_>>();
    if unknown.is_empty() {
        return Vec::new();
    }
    let command = Cli::command();
    let flags = command.get_subcommands().chain([&command]).flat_map(clap::Command::get_arguments);
    let known = flags.filter_map(|flag| flag.get_env()?.to_str()).chain(OTHERS).collect::<Vec<_>>();
    unknown.retain(|name| !known.contains(&name.as_str()));
    unknown.sort();
    let line = |name: &String| {
        // Without what all begin with, which would make all of them near.
        let bare = known.iter().map(|name| &name["ILK_".len()..]);
        let near = closest(&name["ILK_".len()..], bare);
        let hint = near.first().map(|near| format!("; did you mean ILK_{near}?"));
        format!("{name} is set, which is no setting{}", hint.unwrap_or_default())
    };
    unknown.iter().map(line).collect()
}

/// Guesses how errors are to be written when the arguments themselves are wrong.
pub(crate) fn log_format_of_arguments() -> LogFormat {
    let arguments: Vec<_> = std::env::args_os().collect();
    let asked = arguments.iter().any(|argument| argument == "--log=json")
        || arguments.windows(2).any(|pair| pair[0] == "--log" && pair[1] == "json")
        || std::env::var_os("ILK_LOG").is_some_and(|format| format == "json");
    if asked { LogFormat::Json } else { LogFormat::Text }
}

/// Prints the completions of `shell`.
///
/// # Errors
/// If standard output cannot be written.
pub(crate) fn completions(shell: clap_complete::Shell) -> Result<(), Error> {
    stdout::print(|out| {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "ilk", &mut script);
        out.write_all(&script)
    })
}

/// Prints the manual: the page of the program, then that of each command.
///
/// # Errors
/// If standard output cannot be written.
pub(crate) fn man() -> Result<(), Error> {
    let mut command = Cli::command();
    command.build();
    stdout::print(|out| {
        let mut pages = Vec::new();
        clap_mangen::Man::new(command.clone()).render(&mut pages)?;
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            let sub = sub.clone();
            writeln!(pages, ".SH {}", sub.get_bin_name().unwrap_or_default().to_uppercase())?;
            let man = clap_mangen::Man::new(sub);
            let mut page = Vec::new();
            man.render_synopsis_section(&mut page)?;
            man.render_description_section(&mut page)?;
            man.render_options_section(&mut page)?;
            man.render_extra_section(&mut page)?;
            // Sections of a command are subsections of the one manual.
            let page = String::from_utf8_lossy(&page).replace(".SH ", ".SS ");
            pages.write_all(page.as_bytes())?;
        }
        let mut manual = String::from_utf8_lossy(&pages).replace(" EXTRA\n", " EXAMPLES\n");
        for sub in command.get_subcommands() {
            // There is one page, so no pages to refer to.
            let name = sub.get_name();
            manual = manual.replace(&format!("ilk\\-{name}(1)"), &format!("ilk {name}"));
        }
        out.write_all(manual.as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_hold_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn usage_errors_are_one_line_with_help() {
        let error = Cli::command().try_get_matches_from(["ilk", "run", "--tpo", "5"]).unwrap_err();
        insta::assert_snapshot!(console::strip_ansi_codes(&usage_error(&error).to_string()), @r"
        error: unexpected argument '--tpo' found
        help: to pass '--tpo' as a value, use '-- --tpo'; Usage: ilk run [OPTIONS] [INPUT]...
        ");
    }
}
