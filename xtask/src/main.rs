//! `cargo xtask …`: the project's chores, in Rust so that they run wherever the project does.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

mod bench;
mod command;
mod deps;
mod fuzz;
mod layers;
mod nightly;
mod package;
mod parity;
mod plugin;
mod policy;
mod quick;
mod record;
mod settings;
mod setup;
mod steps;
mod suite;
mod surface;
mod text;
mod wasm;
mod web;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::{
    package::Depth,
    setup::{Mode, Scope},
    workspace::Workspace,
};

/// The project's chores.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Install what development needs and this machine lacks, naming it first
    Setup {
        /// Only say what is there, what is missing and what would be installed
        #[arg(long)]
        print: bool,
    },
    /// Check the crates that changed: formatting, layers, lints, tests
    Quick(quick::Options),
    /// Set up what is missing, then check everything; ends with the tests' summary
    Test(steps::Options),
    /// Check everything as `test` does, without setting anything up
    Ci(steps::Options),
    /// Run steps of `test` by their names
    Step(steps::Named),
    /// Check what takes too long for `test`, and keep a record of it
    Nightly(nightly::Options),
    /// Check which members of the workspace depend on which
    CheckDeps,
    /// Check which files of a crate import which, against xtask/layers.toml
    CheckLayers {
        /// Print the table as the code has it instead
        #[arg(long)]
        print: bool,
    },
    /// Check what published crates offer against xtask/surface
    CheckSurface(surface::Options),
    /// Put the published crates together and compile them as users get them
    Package,
    /// Check licences, sources and versions of dependencies against deny.toml
    CheckPolicy,
    /// Write docs/settings.md and the types of settings anew; tests hold them to be current
    Settings,
    /// Compare the program's neighbours with those of other libraries
    Parity,
    /// Build the npm package, print its sizes and hold them
    Wasm(wasm::Options),
    /// Test the npm package that was built, in Node and in a browser
    WasmTest,
    /// Build the sandboxed plugin into target/plugin, print its sizes and that it imports nothing
    Plugin(plugin::Options),
    /// Test the plugin's Python package that was built, in an environment of its own
    PluginTest,
    /// Fuzz what comes into the plugin
    Fuzz(fuzz::Options),
    /// Test the same package on Spark, in local mode and with executors of its own
    SparkTest,
    /// Build the notebook into web-demo/dist, with the npm package in it
    Web,
    /// Test the notebook that was built, in a browser
    WebTest,
    /// Time the program beside its peers, or count its instructions
    Bench(bench::Options),
}

fn main() -> ExitCode {
    // On one line, and without a backtrace whatever the environment says: what failed is a step.
    run(Arguments::parse().chore).unwrap_or_else(|error| {
        eprintln!("\nerror: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(chore: Chore) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    match chore {
        Chore::Setup { print: true } => setup::run(&workspace, Scope::Tests, Mode::Print)?,
        Chore::Setup { print: false } => setup::run(&workspace, Scope::Tests, Mode::Install)?,
        Chore::Quick(options) => {
            setup::run(&workspace, Scope::Quick, Mode::Install)?;
            return quick::run(&workspace, &options);
        }
        Chore::Test(options) => return steps::set_up_and_run_all(&workspace, &options),
        Chore::Ci(options) => return steps::run_all(&workspace, &options),
        Chore::Step(named) => steps::run_named(&workspace, &named)?,
        Chore::Nightly(options) => return nightly::run(&workspace, &options),
        Chore::CheckLayers { print: true } => layers::print(&workspace)?,
        Chore::CheckLayers { print: false } => layers::check(&workspace)?,
        Chore::CheckSurface(options) => surface::run(&workspace, &options)?,
        Chore::Package => package::run(&workspace, Depth::Build)?,
        Chore::CheckDeps => deps::check(&workspace)?,
        Chore::CheckPolicy => policy::check(&workspace)?,
        Chore::Settings => settings::write(&workspace)?,
        Chore::Parity => parity::run(&workspace)?,
        Chore::Plugin(options) => plugin::run(&workspace, &options)?,
        Chore::PluginTest => plugin::test(&workspace)?,
        Chore::Fuzz(options) => fuzz::run(&workspace, &options)?,
        Chore::SparkTest => plugin::test_spark(&workspace)?,
        Chore::WasmTest => wasm::checks::run(&workspace)?,
        Chore::Web => web::build(&workspace)?,
        Chore::WebTest => web::test(&workspace)?,
        Chore::Wasm(options) => wasm::run(&workspace, &options)?,
        Chore::Bench(options) => bench::run(&workspace, &options)?,
    }
    Ok(ExitCode::SUCCESS)
}
