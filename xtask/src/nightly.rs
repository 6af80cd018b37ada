//! What takes too long for every merge: every case of everything, the builds that people get, and
//! made-up inputs. Each run leaves a record.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::{
    bench::{self, Machine},
    fuzz,
    package::{self, Depth},
    parity, plugin, policy, record,
    setup::{self, Mode, Scope},
    steps::Runner,
    suite, wasm, web,
    workspace::{Size, Workspace},
};

/// What `cargo xtask nightly` is asked.
#[derive(Args)]
pub(crate) struct Options {
    /// Minutes of fuzzing for each target
    #[arg(long, default_value_t = 10)]
    minutes: u32,
    /// Look for advisories too, whose database comes from the network
    #[arg(long)]
    advisories: bool,
}

/// Runs it all. Stops at the first step that fails; the record is written at the end.
///
/// # Errors
/// Where something cannot be installed or a step fails; failed tests are the exit code.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let workspace = &workspace.at_once().sized(Size::Full);
    let mut runner = Runner::new()?;
    let machine = Machine::look();
    runner.run("setup", || setup::run(workspace, Scope::Tests, Mode::Install))?;
    if options.advisories {
        runner.run("advisories", || policy::check_advisories(workspace))?;
    }
    runner.run("packages", || package::run(workspace, Depth::Build))?;
    runner.run("plugin", || plugin::build(workspace))?;
    runner.run("wasm package, sizes", || wasm::build_and_hold(workspace))?;
    runner.run("notebook", || web::build(workspace))?;
    runner.run("wasm tests", || wasm::checks::run(workspace))?;
    runner.run("notebook tests", || web::test(workspace))?;
    runner.run("plugin on Spark", || plugin::test_spark(workspace))?;
    runner.run("parity", || parity::run(workspace))?;
    runner.run("memory limits", || bench::run(workspace, &bench::Options::of_limits()))?;
    runner.run("fuzzing", || fuzz::run(workspace, &fuzz::Options::all(options.minutes)))?;
    let tally = runner.run("tests", || suite::run(workspace))?;
    record::keep(workspace, "nightly", "nightly", &machine, &runner.end())?;
    Ok(tally.tell())
}
