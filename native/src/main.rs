//! The `ilk` program.

mod bar;
mod cli;
mod commands;
mod error;
#[cfg(feature = "explore")]
mod explore;
mod interrupt;
mod log;
mod recorded;
mod report;
mod settings;
mod speed;
mod stdout;
mod take;
mod text;
mod usage;

use std::{path::Path, process::ExitCode};

use clap::ArgMatches;
use ilk_engine::{
    Besides, Earlier, Formulas, IdStyle, Spelling, dated, drawing, inputs, is_stdout, journal,
    limits, lists, machine, memory, output, pool, progress, publish, rundir,
};
use ilk_formats::OutputFormat;

use crate::{
    cli::{Command, Ids, InputArgs, RunArgs},
    commands::{Form, Options},
    error::{Error, Kind},
    log::Voice,
    progress::Reporter,
    report::{Watch, Watched},
};

/// Ends the program in order where memory runs out.
#[global_allocator]
static ALLOCATOR: limits::Allocator = limits::Allocator;

fn main() -> ExitCode {
    error::install_panic_hook();
    let (cli, matches) = match cli::parse() {
        Ok(Some(parsed)) => parsed,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => return error.report(cli::log_format_of_arguments()),
    };
    let log = cli.log;
    error::respect_limits(log);
    let voice = Voice::of(log, cli.quiet());
    let reporter = voice.reporter();
    let done = error::guard_panics(|| {
        interrupt::install_signal_handler()?;
        if voice.speaks_to_people() {
            interrupt::set_farewell("interrupted; no partial output was left");
        }
        for line in cli::unknown_variables() {
            reporter.note(line);
        }
        execute(&cli.command, &matches, voice, &reporter)
    });
    let code = done.as_ref().err().map_or(ExitCode::SUCCESS, |error| error.report(log));
    usage::end(done.as_ref().err());
    code
}

/// Runs the main job, which the ledger is to know of, and writes a report if asked.
fn run(
    args: &RunArgs,
    matches: &ArgMatches,
    voice: Voice,
    reporter: &Reporter,
) -> Result<(), Error> {
    interrupt::end_with_stdin_if_asked();
    let layers = args.settings.layers(matches)?.of_call(cli::call_of("run", matches));
    let layers = commands::with_guess(layers, "run", reporter)?;
    let (settings, record) = (layers.settings()?, layers.record()?);
    let publishing = &settings.publishing;
    let existing = publishing.existing();
    let earlier = match (args.restart, publishing.restart_if_changed) {
        (true, _) => Earlier::Discard,
        (false, true) => Earlier::IfSame,
        (false, false) => Earlier::Continue,
    };
    let is_csv = |out: &Path| {
        let style = output::style_of(out, publishing.out_format);
        style.is_ok_and(|style| style.format == OutputFormat::Csv)
    };
    if args.ids == Some(Ids::Text) && settings.out.as_deref().is_some_and(is_csv) {
        reporter.note("--ids text has no effect on CSV, whose IDs are text");
    }
    let ids = if args.ids == Some(Ids::Text) { IdStyle::Text } else { IdStyle::AsRead };
    let besides = Besides {
        reads: layers.file_path().into_iter().collect(),
        writes: publishing.report.iter().cloned().collect(),
    };
    let formulas = if publishing.csv_safe { Formulas::Prefixed } else { Formulas::AsRead };
    let spelling = Spelling { ids, formulas };
    if voice.speaks_to_people() && settings.out.as_deref().is_some_and(is_stdout) {
        interrupt::set_farewell("interrupted; the table on standard output is incomplete");
    }
    let options = Options { existing, earlier, spelling, force: args.force, besides };
    let command = layers.call().with("run", []);
    let watch = Watch::begin(publishing.existing_report(), &settings, &record, command)?;
    let task = usage::Task {
        job: Some(layers.job_name(&settings)),
        input: settings.source.input.join(" "),
        price_per_hour: settings.budget.price_per_hour,
    };
    usage::begin(task, reporter);
    let _deadline = commands::deadline(&layers, &settings)?;
    let watched = Watched { watch: watch.as_ref(), voice };
    let done = commands::run(&settings, record, options, &args.engine, &watched, reporter);
    let mut done = done.map_err(|error| layers.told(error));
    // What is wrong with a result that is withheld is to be seen in its report, too.
    let has_result = |error: &Error| matches!(error.kind(), Kind::Withheld | Kind::ClosedPipe);
    if let Some(watch) = watch.filter(|_| done.as_ref().map_or_else(has_result, |()| true)) {
        done = done.and(watch.write(reporter));
    }
    done
}

/// Hands each command what it needs.
fn execute(
    command: &Command,
    matches: &ArgMatches,
    voice: Voice,
    reporter: &Reporter,
) -> Result<(), Error> {
    // The matches of the command know which of its values came from variables.
    let matches = matches.subcommand().map_or(matches, |(_, matches)| matches);
    match command {
        Command::Run(args) => run(args, matches, voice, reporter),
        Command::Stage(args) => Ok(rundir::run_stage(&args.run_dir, args.stage, reporter)?),
        Command::Status(args) => commands::status(args),
        Command::Take(args) => {
            take::take(&args.run_dir, &args.stage, args.count as usize, args.format)
        }
        Command::Plan(args) => {
            let layers = args.settings.layers(matches)?.of_call(cli::call_of("plan", matches));
            let layers = commands::with_guess(layers, "plan", reporter)?;
            commands::plan(&layers, args.asked(), reporter).map_err(|error| layers.told(error))
        }
        Command::Sample(args) => commands::sample(args, matches, reporter),
        Command::Compare(args) => commands::compare(args),
        Command::Similar(args) => commands::similar(args),
        Command::Explain(args) => {
            let input = InputArgs { input: vec![args.run.clone()] };
            let recorded = recorded::recorded_layer(Path::new(&args.run))?;
            let layers = args.reading.layers(&input, recorded, matches)?;
            commands::explain(args, &layers, reporter).map_err(|error| layers.told(error))
        }
        Command::Evaluate(args) => {
            let recorded = match &args.input.input[..] {
                [only] => recorded::recorded_layer(Path::new(only))?,
                _ => None,
            };
            let layers = args.reading.layers(&args.input, recorded, matches)?;
            commands::evaluate(args, &layers, reporter).map_err(|error| layers.told(error))
        }
        Command::Plugin(args) => commands::plugin(&args.action),
        Command::Verify(args) => commands::verify(args),
        Command::Usage(args) => commands::usage(args),
        #[cfg(feature = "explore")]
        Command::Explore(args) => commands::explore(args, matches, reporter),
        Command::Inspect(args) => {
            let layers = args.layers(matches)?.of_call(cli::call_of("inspect", matches));
            commands::inspect(&layers, args.format, reporter).map_err(|error| layers.told(error))
        }
        Command::Demo(args) => commands::demo(args.keep.as_deref(), reporter),
        Command::Config(args) => {
            let form = if args.toml { Form::Toml } else { Form::Table };
            commands::config(&args.settings.layers(matches)?, form)
        }
        Command::Completions { shell } => cli::completions(*shell),
        Command::Man { command } => cli::man(command.as_deref()),
    }
}
