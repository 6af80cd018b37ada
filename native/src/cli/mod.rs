//! The command line: one set of definitions for parsing, `--help`, the man page and completions.

mod completions;
mod config;
mod demo;
mod evaluate;
mod explain;
#[cfg(feature = "explore")]
mod explore;
mod flags;
mod inspect;
mod layers;
mod man;
mod mistakes;
mod plan;
mod plugin;
mod run;
mod sample;
mod similar;
mod stage;
mod take;
mod usage;
mod variables;

use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

pub(crate) use self::{
    completions::completions,
    evaluate::{EvaluateArgs, EvaluateFormat, Split},
    explain::ExplainArgs,
    flags::{InputArgs, TextOrJson},
    inspect::InspectArgs,
    man::man,
    plan::PlanForm,
    plugin::PluginAction,
    run::RunArgs,
    sample::SampleArgs,
    similar::SimilarArgs,
    usage::UsageArgs,
    variables::unknown_variables,
};
use self::{
    config::ConfigArgs, demo::DemoArgs, mistakes::usage_error, plan::PlanArgs, plugin::PluginArgs,
    stage::StageArgs, take::TakeArgs,
};
#[cfg(feature = "explore")]
pub(crate) use self::{explore::ExploreArgs, variables::variables_of_jobs};
use crate::{
    error::Error,
    log::{LogFormat, Quiet},
    stdout,
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
    #[command(after_long_help = run::EXAMPLES)]
    Run(Box<RunArgs>),

    /// Say what a run would take, and prove it on samples of the data
    ///
    /// Counts the work exactly, measures this machine (two seconds), predicts time and memory, and
    /// computes nested samples of whole users, 1, 10, 20 and 40 % of them, or random parts of
    /// those, to hold the prediction against what is measured: 5 % of the predicted job, at
    /// least ten seconds and at most a minute. The last line says whether the job fits.
    #[command(after_long_help = plan::EXAMPLES)]
    Plan(Box<PlanArgs>),

    /// Write the rows of some users, and say what they tell of the whole
    ///
    /// Whole users are kept, picked by a fixed hash of their ids: the same users from any file in
    /// any order, and those of 10 % are among those of 20 %. The work of comparing falls with the
    /// rate. Only the named columns are written, under their names; rows without a user are left
    /// out. With --of users it is whole items that are kept.
    #[command(after_long_help = sample::EXAMPLES)]
    Sample(Box<SampleArgs>),

    /// Show one item's neighbours
    #[command(after_long_help = similar::EXAMPLES)]
    Similar(SimilarArgs),

    /// Show why an item has a neighbour, and what would change its rank
    #[command(after_long_help = explain::EXAMPLES)]
    Explain(Box<ExplainArgs>),

    /// Compare measures by what they recommend, on held-out interactions
    #[command(after_long_help = evaluate::EXAMPLES)]
    Evaluate(Box<EvaluateArgs>),

    /// Show what past runs took and cost, per day and month
    #[command(after_long_help = usage::EXAMPLES)]
    Usage(UsageArgs),

    /// Run one stage of a run directory alone
    ///
    /// Takes the results of the stages before it from the directory and does the stage again, or
    /// goes on with it. Where its result differs from before, the stages after it are undone.
    #[command(after_long_help = stage::EXAMPLES)]
    Stage(StageArgs),

    /// Show rows of a stage's result
    #[command(after_long_help = take::EXAMPLES)]
    Take(TakeArgs),

    /// Look at the data before a run: columns, counts, skew, work
    #[command(after_long_help = inspect::EXAMPLES)]
    Inspect(InspectArgs),

    /// Open the notebook in the browser, with a sample of the data in it
    ///
    /// Draws whole users as `ilk sample` does, as many as a browser holds with ease, and serves the
    /// notebook from this program: what the rows are like, how skewed, how many users are enough,
    /// similar items and why, what the full batch will take, and a button that runs it.
    #[cfg(feature = "explore")]
    #[command(after_long_help = explore::EXAMPLES)]
    Explore(Box<ExploreArgs>),
    /// Look at a plugin for `ilk run --engine`, or check it
    ///
    /// A plugin is a WebAssembly component that compares, in a sandbox without files, network or
    /// clock: `cargo xtask plugin` builds Ilk's own, docs/plugin.md says how to write one. Needs a
    /// program built with `--features plugins`.
    #[command(after_long_help = plugin::EXAMPLES)]
    Plugin(PluginArgs),

    /// Run the whole job on a small made-up shop
    #[command(after_long_help = demo::EXAMPLES)]
    Demo(DemoArgs),

    /// Show every setting in force and where it comes from
    #[command(after_long_help = config::EXAMPLES)]
    Config(Box<ConfigArgs>),

    /// Print the completions of a shell
    #[command(after_long_help = completions::EXAMPLES)]
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },

    /// Print the manual page (roff)
    #[command(after_long_help = man::EXAMPLES)]
    Man,
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
        Err(error) => Err(usage_error(&error, &Cli::command())),
    }
}

/// Guesses how errors are to be written when the arguments themselves are wrong.
pub(crate) fn log_format_of_arguments() -> LogFormat {
    let arguments: Vec<_> = std::env::args_os().collect();
    let asked = arguments.iter().any(|argument| argument == "--log=json")
        || arguments.windows(2).any(|pair| pair[0] == "--log" && pair[1] == "json")
        || std::env::var_os("ILK_LOG").is_some_and(|format| format == "json");
    if asked { LogFormat::Json } else { LogFormat::Text }
}

#[cfg(test)]
mod tests;
