//! Steps in order, each with its seconds: everything that is checked before a change is merged, and
//! what takes longer.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use clap::Args;

use crate::{
    bench::Machine,
    command, deps, layers, package, parity, plugin, policy,
    record::{self, Taken},
    setup::{self, Mode, Scope},
    suite, surface, wasm, web,
    workspace::{self, Workspace},
};

/// What `cargo xtask test` and `ci` are asked.
#[derive(Args)]
pub(crate) struct Options {
    /// Keep the seconds of each step in bench/records, under this name (cold, warm)
    #[arg(long, value_name = "NAME")]
    record: Option<String>,
}

/// One check with its name.
struct Step {
    name: &'static str,
    run: fn(&Workspace) -> Result<()>,
}

/// All checks but the tests: quick ones first. What is packed into the program is made before the
/// program, so that that is built once, for all that follows.
const STEPS: &[Step] = &[
    Step { name: "formatting", run: formatting },
    Step { name: "dependency directions", run: deps::check },
    Step { name: "layers", run: layers::check },
    Step { name: "dependency policy", run: policy::check },
    Step { name: "public surface", run: surface::check },
    Step { name: "packages", run: package::check },
    Step { name: "clippy", run: clippy },
    Step { name: "documentation", run: documentation },
    Step { name: "plugin", run: plugin::build_for_tests },
    Step { name: "wasm package", run: wasm::build_for_tests },
    Step { name: "notebook", run: web::build },
    Step { name: "build", run: build },
    Step { name: "plugin on Spark", run: plugin::test_spark },
    Step { name: "parity", run: parity::run },
    Step { name: "plugin in the program", run: plugin::check },
    Step { name: "plugin in Python", run: plugin::test },
    Step { name: "wasm tests", run: wasm::checks::run },
    Step { name: "notebook tests", run: web::test },
    Step { name: "program without plugins", run: without_plugins },
];

/// Runs steps and remembers how long each took.
#[derive(Default)]
pub(crate) struct Runner {
    taken: Taken,
}

impl Runner {
    /// Runs a step.
    ///
    /// # Errors
    /// Where it fails, with its name.
    pub(crate) fn run<T>(
        &mut self,
        name: &'static str,
        step: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        println!("\n==> {name}");
        let begin = Instant::now();
        let outcome = step().with_context(|| format!("step failed: {name}"))?;
        self.taken.push((name, begin.elapsed()));
        println!("{name}: {:.1} s", begin.elapsed().as_secs_f64());
        Ok(outcome)
    }

    /// Prints the steps so far with their seconds.
    pub(crate) fn print(&self) {
        println!("\n{}", table(&self.taken));
    }

    /// The steps so far.
    pub(crate) fn taken(&self) -> &Taken {
        &self.taken
    }
}

/// Sets up what is missing, then runs every step and the tests. Stops at the first step that fails.
///
/// # Errors
/// Where something cannot be installed or a step fails; failed tests are the exit code.
pub(crate) fn set_up_and_run_all(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let mut runner = Runner::default();
    runner.run("setup", || setup::run(workspace, Scope::Tests, Mode::Install))?;
    finish(workspace, options, runner)
}

/// The same without setting anything up.
///
/// # Errors
/// Where a step fails; failed tests are the exit code.
pub(crate) fn run_all(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    finish(workspace, options, Runner::default())
}

fn finish(workspace: &Workspace, options: &Options, mut runner: Runner) -> Result<ExitCode> {
    let machine = Machine::look();
    let workspace = &workspace.at_once();
    for step in STEPS {
        runner.run(step.name, || (step.run)(workspace))?;
    }
    let tally = runner.run("tests", || suite::run(workspace))?;
    runner.print();
    if let Some(label) = &options.record {
        record::keep(workspace, "test", label, &machine, runner.taken())?;
    }
    Ok(tally.tell())
}

/// The steps and the seconds each took, one per line, with their sum.
fn table(taken: &[(&str, Duration)]) -> String {
    let total = ("all", taken.iter().map(|(_, time)| *time).sum());
    let lines = taken.iter().chain([&total]);
    let lines = lines.map(|(name, time)| format!("{name:<24}{:>8.1} s", time.as_secs_f64()));
    lines.collect::<Vec<_>>().join("\n")
}

/// Checks that rustfmt would change nothing.
///
/// # Errors
/// Where it would.
pub(crate) fn formatting(workspace: &Workspace) -> Result<()> {
    command::run(&mut workspace.cargo(&["fmt", "--all", "--check"]))
}

/// Lints of everything, with every feature.
///
/// # Errors
/// Where there is anything to say.
pub(crate) fn clippy(workspace: &Workspace) -> Result<()> {
    let mut command = workspace.cargo(&["clippy", "--locked"]);
    command.args(workspace::ALL_OF_IT).args(["--all-targets", "--", "-D", "warnings"]);
    command::run(&mut command)
}

fn documentation(workspace: &Workspace) -> Result<()> {
    let mut command = workspace.cargo(&["doc", "--no-deps", "--locked"]);
    // With an example among what is documented, cargo takes the features that tests ask for: those
    // that clippy has looked at dependencies with.
    command.args(workspace::ALL_OF_IT).args(["--lib", "--bins", "--examples"]);
    command::run(command.env("RUSTDOCFLAGS", "-D warnings"))
}

fn build(workspace: &Workspace) -> Result<()> {
    workspace.program().map(drop)
}

/// Tests the program as it is installed, without a sandbox. The whole workspace is named, so that
/// what the program depends on is not built again.
fn without_plugins(workspace: &Workspace) -> Result<()> {
    let arguments = ["nextest", "run", "--workspace", "--locked", "--test", "program"];
    command::run(&mut workspace.cargo(&arguments))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_adds_up() {
        let taken =
            [("formatting", Duration::from_millis(800)), ("clippy", Duration::from_secs(12))];
        let expected = "formatting                   0.8 s\n\
                        clippy                      12.0 s\n\
                        all                         12.8 s";
        assert_eq!(table(&taken), expected);
    }
}
