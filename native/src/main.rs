//! The `ilk` program.

mod cli;
mod commands;
mod config;
mod error;
mod external;
mod inputs;
mod lists;
mod memory;
mod output;
mod pipeline;
mod pool;
mod progress;
mod publish;
mod rundir;
mod stdout;
mod text;

use std::process::ExitCode;

use clap::ArgMatches;

use crate::{
    cli::Command,
    commands::{Form, Options},
    config::Layers,
    error::Error,
    progress::Reporter,
    publish::Existing,
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
        execute(&cli.command, &matches, &reporter)
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(log),
    }
}

/// Hands each command what it needs.
fn execute(command: &Command, matches: &ArgMatches, reporter: &Reporter) -> Result<(), Error> {
    // The matches of the command know which of its values came from variables.
    let matches = matches.subcommand().map_or(matches, |(_, matches)| matches);
    match command {
        Command::Run(args) => {
            let layers = Layers::of_job(&args.settings, matches)?;
            let (settings, record) = (layers.settings()?, layers.record()?);
            let existing = if args.overwrite { Existing::Replace } else { Existing::Refuse };
            let earlier = if args.restart { Earlier::Discard } else { Earlier::Continue };
            let options = Options { existing, earlier, force: args.force };
            commands::run(&settings, record, options, reporter)
        }
        Command::Stage(args) => rundir::run_stage(&args.run_dir, args.stage, reporter),
        Command::Take(args) => {
            rundir::take(&args.run_dir, &args.stage, args.count as usize, args.format)
        }
        Command::Similar(args) => commands::similar(args),
        Command::Inspect(args) => {
            commands::inspect(&Layers::of_inspection(args, matches)?, reporter)
        }
        Command::Demo(args) => commands::demo(args.keep.as_deref(), reporter),
        Command::Config(args) => {
            let form = if args.toml { Form::Toml } else { Form::Table };
            commands::config(&Layers::of_job(&args.settings, matches)?, form)
        }
        Command::Completions { shell } => cli::completions(*shell),
        Command::Man => cli::man(),
    }
}
