//! `cargo xtask …`: the project's chores, in Rust so that they run wherever the project does.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

mod bench;
mod deps;
mod fuzz;
mod house;
mod parity;
mod plugin;
mod policy;
mod setup;
mod steps;
mod suite;
mod wasm;
mod web;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::{
    house::House,
    setup::{Mode, Scope},
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
    /// Set up what is missing, then check everything; ends with the tests' summary
    Test,
    /// Check everything as `test` does, without setting anything up
    Ci,
    /// Check which members of the workspace depend on which
    CheckDeps,
    /// Check licences, sources and versions of dependencies against deny.toml
    CheckPolicy,
    /// Compare the program's neighbours with those of other libraries
    Parity,
    /// Build the npm package, print its sizes and hold them
    Wasm(wasm::Options),
    /// Test the npm package that was built, in Node and in a browser
    WasmTest,
    /// Build the sandboxed plugin into target/plugin, print its sizes and that it imports nothing
    Plugin,
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
    let house = House::find()?;
    match chore {
        Chore::Setup { print: true } => setup::run(&house, Scope::Tests, Mode::Print)?,
        Chore::Setup { print: false } => setup::run(&house, Scope::Tests, Mode::Install)?,
        Chore::Test => {
            setup::run(&house, Scope::Tests, Mode::Install)?;
            return steps::run_all(&house);
        }
        Chore::Ci => return steps::run_all(&house),
        Chore::CheckDeps => deps::check(&house)?,
        Chore::CheckPolicy => policy::check(&house)?,
        Chore::Parity => parity::run(&house)?,
        Chore::Plugin => plugin::build(&house)?,
        Chore::PluginTest => plugin::test(&house)?,
        Chore::Fuzz(options) => fuzz::run(&house, &options)?,
        Chore::SparkTest => plugin::test_spark(&house)?,
        Chore::WasmTest => wasm::checks::run(&house)?,
        Chore::Web => web::build(&house)?,
        Chore::WebTest => web::test(&house)?,
        Chore::Wasm(options) => wasm::run(&house, &options)?,
        Chore::Bench(options) => bench::run(&house, &options)?,
    }
    Ok(ExitCode::SUCCESS)
}
