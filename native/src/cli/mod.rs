//! The command line: one set of definitions for parsing, `--help`, the man page and completions.

mod compare;
mod completions;
mod config;
mod demo;
mod described;
mod evaluate;
mod explain;
#[cfg(feature = "explore")]
mod explore;
mod flags;
mod given;
mod inspect;
mod layers;
mod man;
mod mistakes;
mod plan;
mod plugin;
mod plural;
mod run;
mod sample;
mod similar;
mod stage;
mod status;
mod take;
mod usage;
mod variables;
mod verify;

use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

pub(crate) use self::{
    compare::CompareArgs,
    completions::completions,
    evaluate::{EvaluateArgs, EvaluateFormat, Measures, Split},
    explain::ExplainArgs,
    flags::{InputArgs, TextOrJson},
    given::call_of,
    inspect::InspectArgs,
    man::man,
    plan::{PlanAsked, PlanForm},
    plugin::PluginAction,
    run::{Ids, RunArgs},
    sample::SampleArgs,
    similar::{SimilarArgs, SimilarFormat},
    status::StatusArgs,
    usage::UsageArgs,
    variables::unknown_variables,
    verify::VerifyArgs,
};
use self::{
    config::ConfigArgs, demo::DemoArgs, described::described, mistakes::usage_error,
    plan::PlanArgs, plugin::PluginArgs, stage::StageArgs, take::TakeArgs,
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
  Try it on a made-up shop:
    ilk demo
  Compute the 50 most similar products of every product:
    ilk run orders/*.parquet --user member --item product --out similar.parquet
  Show the neighbours of one product:
    ilk similar similar.parquet 85123A

Exit codes:
  0    done (also when no pair qualified: the table then has no rows)
  1    refused by a check: too many bad rows, --strict, a budget, or too much work without --force
  2    wrong usage, an unusable input or output, or a filter that leaves nothing
  3    internal error
  4    not published: the result breaks --min-rows or --max-change; the old one stays
  130  interrupted; no partial output was left";

/// The program's arguments.
#[derive(Debug, Parser)]
#[command(name = "ilk", version, about = ABOUT, max_term_width = 100)]
#[command(after_long_help = AFTER, after_help = "`ilk help COMMAND` shows examples.")]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Print only errors
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub(crate) quiet: bool,

    /// Format of progress and errors on stderr
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
#[expect(clippy::large_enum_variant, reason = "there is one of it in a process")]
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Compute the k most similar items of every item
    ///
    /// Reads interactions (rows of user and item) and writes the k most similar items of every item
    /// as a table with the columns item, neighbour, rank, score and overlap. The result is exact and
    /// bit-identical for any order of rows, any split into files and any number of threads.
    #[command(after_long_help = run::EXAMPLES)]
    Run(Box<RunArgs>),

    /// Predict time, memory and result size of a run
    ///
    /// Counts the work and predicts time and memory from the speed of this machine, in about two
    /// seconds. Of a large input it reads a part, and says how far off the figures may be. The speed
    /// of the machine is measured once, in up to two seconds, and kept.
    ///
    /// --prove reads all rows and checks the prediction on nested samples of 1, 10, 20 and 40 % of
    /// the users, or on random parts of those. The samples take 5 % of the predicted time, at least
    /// ten seconds and at most a minute.
    #[command(after_long_help = plan::EXAMPLES)]
    Plan(Box<PlanArgs>),

    /// Write a sample of whole users, and report how well it represents all the data
    ///
    /// Users are picked by a fixed hash of their IDs: the same users from any file in any order, and
    /// the 10 % sample is part of the 20 % sample. All rows of a picked user are kept. Only the named
    /// columns are written, under their names; rows without a user are left out. With --of users,
    /// whole items are sampled instead.
    #[command(after_long_help = sample::EXAMPLES)]
    Sample(Box<SampleArgs>),

    /// Show the neighbours of items
    #[command(after_long_help = similar::EXAMPLES)]
    Similar(SimilarArgs),

    /// Compare two results: neighbours gained and lost, order, the most changed items
    #[command(after_long_help = compare::EXAMPLES)]
    Compare(CompareArgs),

    /// Explain why an item has a neighbour, and what would change its rank
    #[command(after_long_help = explain::EXAMPLES)]
    Explain(Box<ExplainArgs>),

    /// Compare measures by their recommendations on held-out interactions
    #[command(after_long_help = evaluate::EXAMPLES)]
    Evaluate(Box<EvaluateArgs>),

    /// Show time and cost of past runs, per day, month and job
    #[command(after_long_help = usage::EXAMPLES)]
    Usage(UsageArgs),

    /// Run a single stage of a run directory
    ///
    /// Takes the results of the stages before it from the directory, and repeats or resumes the
    /// stage. If its result differs from before, the stages after it must run again.
    #[command(after_long_help = stage::EXAMPLES)]
    Stage(StageArgs),

    /// Show the progress of the run in a directory
    ///
    /// The state is running, finished or unfinished. Only reads, and does not disturb an active
    /// run.
    #[command(after_long_help = status::EXAMPLES)]
    Status(StatusArgs),

    /// Show rows of a stage's result
    #[command(after_long_help = take::EXAMPLES)]
    Take(TakeArgs),

    /// Check a result or run directory for damage
    ///
    /// Compares every file with its checksum: the results of all stages, the rows set aside, and
    /// the output if it was not moved. Lists each damaged file. Parquet results carry their
    /// checksums; CSV, JSON Lines and Arrow files only have those of the run directory that wrote
    /// them.
    #[command(after_long_help = verify::EXAMPLES)]
    Verify(VerifyArgs),

    /// Inspect the data before a run: columns, counts, skew, work
    #[command(after_long_help = inspect::EXAMPLES)]
    Inspect(InspectArgs),

    /// Open the notebook in the browser, with a sample of the data
    ///
    /// Samples whole users as `ilk sample` does, as many as a browser handles with ease, and serves the
    /// notebook from this program: the rows, their skew, how many users are enough, similar items with
    /// explanations, the cost of the full run, and a button that starts it.
    #[cfg(feature = "explore")]
    #[command(after_long_help = explore::EXAMPLES)]
    Explore(Box<ExploreArgs>),
    /// Inspect or check a plugin for `ilk run --engine`
    ///
    /// A plugin is a WebAssembly component that compares items in a sandbox without files, network or
    /// clock. `cargo xtask plugin` builds Ilk's own; docs/plugin.md explains how to write one. Needs a
    /// build with `--features plugins`.
    #[command(after_long_help = plugin::EXAMPLES)]
    Plugin(PluginArgs),

    /// Run a complete job on a small made-up shop
    #[command(after_long_help = demo::EXAMPLES)]
    Demo(DemoArgs),

    /// Show every effective setting and its origin
    #[command(after_long_help = config::EXAMPLES)]
    Config(Box<ConfigArgs>),

    /// Print a shell's completions
    #[command(after_long_help = completions::EXAMPLES)]
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },

    /// Print the manual, or the manual page of a command (roff)
    #[command(after_long_help = man::EXAMPLES)]
    Man {
        /// Command whose page to print, such as run [default: all of them in one page]
        #[arg(value_name = "COMMAND")]
        command: Option<String>,
    },
}

/// Returns the command line with all help. `--format` is the format of the input where a command has
/// no other format.
fn command() -> clap::Command {
    let mut command = described(Cli::command());
    let has = |command: &clap::Command, id: &str| {
        command.get_arguments().any(|argument| argument.get_id() == id)
    };
    for of_command in command.get_subcommands_mut() {
        if has(of_command, "input_format") && !has(of_command, "format") {
            let named = std::mem::take(of_command);
            *of_command = named.mut_arg("input_format", |flag| flag.visible_alias("format"));
        }
        // A number below 0 is a value, if a wrong one.
        let named = std::mem::take(of_command);
        *of_command = named.mut_args(|flag| {
            let takes = flag.get_action().takes_values() && !flag.is_positional();
            if takes { flag.allow_negative_numbers(true) } else { flag }
        });
    }
    command
}

/// Parses the program's arguments; the matches know where each value came from.
///
/// # Errors
/// Wrong usage. Where `--help` or `--version` was asked for, `Ok(None)` after printing it.
pub(crate) fn parse() -> Result<Option<(Cli, ArgMatches)>, Error> {
    let parsed = command()
        .try_get_matches_from(plural::with_plurals(std::env::args_os()))
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
        Err(error) => Err(usage_error(&error, &command())),
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
mod surfaces;
#[cfg(test)]
mod tests;
