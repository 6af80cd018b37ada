//! The `ilk` program.

mod cli;
mod commands;
mod drawing;
mod engine;
mod error;
#[cfg(feature = "explore")]
mod explore;
mod external;
mod findings;
mod guard;
mod inputs;
mod journal;
mod ladders;
mod lists;
mod machine;
mod memory;
mod output;
mod pipeline;
mod pool;
mod progress;
mod publish;
mod report;
mod rundir;
mod settings;
mod stdout;
mod text;
mod usage;

use std::{path::Path, process::ExitCode};

use clap::ArgMatches;

use crate::{
    cli::{Command, InputArgs, RunArgs},
    commands::{Form, Options},
    error::Error,
    progress::Reporter,
    publish::Existing,
    report::Watch,
    rundir::Earlier,
};

fn main() -> ExitCode {
    error::install_panic_hook();
    let (cli, matches) = match cli::parse() {
        Ok(Some(parsed)) => parsed,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => return error.report(cli::log_format_of_arguments()),
    };
    let log = cli.log;
    let reporter = Reporter::new(log, cli.quiet());
    let done = error::guard_panics(|| {
        publish::install_signal_handler()?;
        if reporter.speaks_to_people() {
            publish::set_farewell("interrupted: nothing is left half-written");
        }
        for line in cli::unknown_variables() {
            reporter.note(line);
        }
        execute(&cli.command, &matches, &reporter)
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(log),
    }
}

/// Runs the main job, with a line in the ledger whatever becomes of it, and a report if asked.
fn run(args: &RunArgs, matches: &ArgMatches, reporter: &Reporter) -> Result<(), Error> {
    publish::end_with_stdin_if_asked();
    let layers = args.settings.layers(matches)?;
    let (settings, record) = (layers.settings()?, layers.record()?);
    let existing = if args.overwrite { Existing::Replace } else { Existing::Refuse };
    let earlier = if args.restart { Earlier::Discard } else { Earlier::Continue };
    let options = Options { existing, earlier, force: args.force };
    let watch = Watch::begin(args.report.as_deref(), existing, &settings, &record)?;
    usage::begin(settings.source.input.join(" "), settings.budget.price_per_hour, reporter);
    let watching = watch.as_ref();
    let mut done = commands::run(&settings, record, options, &args.engine, watching, reporter);
    if let Some(watch) = watch.filter(|_| done.is_ok()) {
        done = watch.write(reporter);
    }
    usage::end(&done, reporter);
    done
}

/// Hands each command what it needs.
fn execute(command: &Command, matches: &ArgMatches, reporter: &Reporter) -> Result<(), Error> {
    // The matches of the command know which of its values came from variables.
    let matches = matches.subcommand().map_or(matches, |(_, matches)| matches);
    match command {
        Command::Run(args) => run(args, matches, reporter),
        Command::Stage(args) => rundir::run_stage(&args.run_dir, args.stage, reporter),
        Command::Take(args) => {
            rundir::take(&args.run_dir, &args.stage, args.count as usize, args.format)
        }
        Command::Plan(args) => {
            let layers = args.settings.layers(matches)?;
            let (settings, record) = (layers.settings_or("neighbours.parquet")?, layers.record()?);
            commands::plan(&settings, &record, args.format, reporter)
        }
        Command::Sample(args) => commands::sample(args, matches, reporter),
        Command::Similar(args) => commands::similar(args),
        Command::Explain(args) => {
            let input = InputArgs { input: vec![args.run.clone()] };
            let recorded = rundir::recorded_layer(Path::new(&args.run))?;
            let layers = args.reading.layers(&input, recorded, matches)?;
            commands::explain(args, &layers, reporter)
        }
        Command::Evaluate(args) => {
            let recorded = match &args.input.input[..] {
                [only] => rundir::recorded_layer(Path::new(only))?,
                _ => None,
            };
            let layers = args.reading.layers(&args.input, recorded, matches)?;
            commands::evaluate(args, &layers, reporter)
        }
        Command::Plugin(args) => commands::plugin(&args.action),
        Command::Usage(args) => commands::usage(args),
        #[cfg(feature = "explore")]
        Command::Explore(args) => commands::explore(args, matches, reporter),
        Command::Inspect(args) => commands::inspect(&args.layers(matches)?, reporter),
        Command::Demo(args) => commands::demo(args.keep.as_deref(), reporter),
        Command::Config(args) => {
            let form = if args.toml { Form::Toml } else { Form::Table };
            commands::config(&args.settings.layers(matches)?, form)
        }
        Command::Completions { shell } => cli::completions(*shell),
        Command::Man => cli::man(),
    }
}
