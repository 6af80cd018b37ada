//! The command line: one set of definitions for parsing, `--help`, the man page and completions.

mod flags;

use std::{io::Write as _, path::PathBuf};

use clap::{
    ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand,
    error::{ContextKind, ContextValue, ErrorKind},
};

pub(crate) use self::flags::{
    InputArgs, JobArgs, JobFileArgs, LimitArgs, ListArgs, OutputArgs, SourceArgs, WorkArgs,
};
use crate::{
    error::Error,
    progress::{LogFormat, Quiet},
    rundir::{Form, StageName},
    stdout,
    text::did_you_mean,
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
  1    a guard refused: too many bad rows, --strict, or too much work without --force
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

const SIMILAR_EXAMPLES: &str = "\
Examples:
    ilk similar similar.parquet 85123A
    ilk similar out/ 'Earl Grey' -n 20";

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

    /// Show one item's neighbours
    #[command(after_long_help = SIMILAR_EXAMPLES)]
    Similar(SimilarArgs),

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
}

/// `ilk run`.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) settings: JobSettingsArgs,

    /// Replace the output if it exists
    #[arg(long, help_heading = "Output")]
    pub(crate) overwrite: bool,

    /// Begin the run directory anew, whatever it holds of an earlier run
    #[arg(long, help_heading = "Output")]
    pub(crate) restart: bool,

    /// Run even if a guard thinks it is too much work
    #[arg(long, help_heading = "Work")]
    pub(crate) force: bool,
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
