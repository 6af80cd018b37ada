//! Steps in order, each with its seconds: everything that is checked before a change is merged, and
//! what takes longer.
//!
//! A step that leaves processors idle, as it waits for a browser or runs one process at a time, has
//! others beside it: those are processes of their own, `cargo xtask step NAME`, whose output is shown
//! when they end.

use std::{
    env,
    fs::{self, File},
    path::PathBuf,
    process::{ExitCode, ExitStatus, Stdio},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
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

/// What `cargo xtask step` is asked.
#[derive(Args)]
pub(crate) struct Named {
    /// Names of steps, in the order in which they are run
    #[arg(required = true, value_name = "STEP")]
    steps: Vec<String>,
}

/// One check with its name.
#[derive(Clone, Copy)]
struct Step {
    name: &'static str,
    run: fn(&Workspace) -> Result<()>,
}

const fn step(name: &'static str, run: fn(&Workspace) -> Result<()>) -> Step {
    Step { name, run }
}

/// What comes next.
enum Part {
    /// Steps one after the other.
    Alone(&'static [Step]),
    /// A step in a process of its own, while the others run one after the other.
    Beside(Step, &'static [Step]),
}

/// All checks but the tests: quick ones first. What is packed into the program is made before the
/// program, so that that is built once, for all that follows.
const PARTS: &[Part] = &[
    Part::Alone(&[
        step("formatting", formatting),
        step("dependency directions", deps::check),
        step("layers", layers::check),
        step("dependency policy", policy::check),
        step("public surface", surface::check),
        step("packages", package::check),
        step("clippy", clippy),
        step("documentation", documentation),
        step("plugin", plugin::build_for_tests),
        step("wasm package", wasm::build_for_tests),
        step("notebook", web::build),
        step("build", build),
    ]),
    Part::Beside(
        step("plugin on Spark", plugin::test_spark),
        &[
            step("parity", parity::run),
            step("plugin in the program", plugin::check),
            step("plugin in Python", plugin::test),
            step("wasm tests", wasm::checks::run),
            step("notebook tests", web::test),
        ],
    ),
    Part::Alone(&[step("program without plugins", without_plugins)]),
];

impl Part {
    /// Its steps in the order of the table.
    fn steps(&self) -> impl Iterator<Item = Step> {
        let (beside, steps) = match self {
            Self::Alone(steps) => (None, *steps),
            Self::Beside(step, steps) => (Some(*step), *steps),
        };
        beside.into_iter().chain(steps.iter().copied())
    }
}

/// A step that runs in a process of its own.
struct Beside {
    name: &'static str,
    log: PathBuf,
    ended: JoinHandle<(std::io::Result<ExitStatus>, Duration)>,
}

impl Beside {
    /// Starts it; what it prints is kept until it has ended.
    fn start(workspace: &Workspace, step: Step) -> Result<Self> {
        let folder = workspace.target.join("steps");
        fs::create_dir_all(&folder)?;
        let log = folder.join(step.name.replace(' ', "-") + ".log");
        let output = File::create(&log)?;
        let mut command = workspace.command(env::current_exe()?);
        command.args(["step", step.name]);
        command.stdout(output.try_clone()?).stderr(Stdio::from(output));
        let begin = Instant::now();
        let mut child = command.spawn().context("starting a step beside others")?;
        let ended = thread::spawn(move || (child.wait(), begin.elapsed()));
        println!("\n==> {}: beside what follows", step.name);
        Ok(Self { name: step.name, log, ended })
    }

    /// Waits for it, shows what it printed, and returns how long it took.
    ///
    /// # Errors
    /// Where it failed.
    fn end(self) -> Result<Duration> {
        let (status, time) = self.ended.join().map_err(|_| anyhow!("the wait for it failed"))?;
        println!("\n==> {}", self.name);
        println!("{}", String::from_utf8_lossy(&fs::read(&self.log)?).trim_end());
        let status = status?;
        if !status.success() {
            bail!("step failed: {} ({status})", self.name);
        }
        Ok(time)
    }
}

/// Runs steps and remembers how long each took.
pub(crate) struct Runner {
    begin: Instant,
    taken: Taken,
}

impl Runner {
    /// Begins now.
    pub(crate) fn new() -> Self {
        Self { begin: Instant::now(), taken: Taken::default() }
    }

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
        self.taken.steps.push((name, begin.elapsed()));
        println!("{name}: {:.1} s", begin.elapsed().as_secs_f64());
        Ok(outcome)
    }

    /// Runs what comes next.
    ///
    /// # Errors
    /// Where a step fails.
    fn run_part(&mut self, workspace: &Workspace, part: &Part) -> Result<()> {
        let (beside, steps) = match part {
            Part::Alone(steps) => (None, *steps),
            Part::Beside(step, steps) => (Some(Beside::start(workspace, *step)?), *steps),
        };
        let mut run_all =
            || steps.iter().try_for_each(|step| self.run(step.name, || (step.run)(workspace)));
        let outcome = run_all();
        if let Some(beside) = beside {
            let name = beside.name;
            let time = beside.end()?;
            self.taken.steps.push((name, time));
        }
        outcome
    }

    /// Prints the steps with their seconds, and returns them.
    pub(crate) fn end(mut self) -> Taken {
        self.taken.all = self.begin.elapsed();
        println!("\n{}", table(&self.taken));
        self.taken
    }
}

/// Sets up what is missing, then runs every step and the tests. Stops at the first step that fails.
///
/// # Errors
/// Where something cannot be installed or a step fails; failed tests are the exit code.
pub(crate) fn set_up_and_run_all(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let mut runner = Runner::new();
    runner.run("setup", || setup::run(workspace, Scope::Tests, Mode::Install))?;
    finish(workspace, options, runner)
}

/// The same without setting anything up.
///
/// # Errors
/// Where a step fails; failed tests are the exit code.
pub(crate) fn run_all(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    finish(workspace, options, Runner::new())
}

/// Runs steps by their names.
///
/// # Errors
/// Where there is no such step, or it fails.
pub(crate) fn run_named(workspace: &Workspace, named: &Named) -> Result<()> {
    let steps = named.steps.iter().map(|name| find(name)).collect::<Result<Vec<_>>>()?;
    let mut runner = Runner::new();
    let workspace = &workspace.at_once();
    steps.iter().try_for_each(|step| runner.run(step.name, || (step.run)(workspace)))
}

/// The step of a name.
fn find(name: &str) -> Result<Step> {
    let mut all = PARTS.iter().flat_map(Part::steps);
    all.find(|step| step.name == name).with_context(|| {
        let names: Vec<_> = PARTS.iter().flat_map(Part::steps).map(|step| step.name).collect();
        format!("no step `{name}`; there are {}", names.join(", "))
    })
}

fn finish(workspace: &Workspace, options: &Options, mut runner: Runner) -> Result<ExitCode> {
    let machine = Machine::look();
    let workspace = &workspace.at_once();
    for part in PARTS {
        runner.run_part(workspace, part)?;
    }
    let tally = runner.run("tests", || suite::run(workspace))?;
    let taken = runner.end();
    if let Some(label) = &options.record {
        record::keep(workspace, "test", label, &machine, &taken)?;
    }
    Ok(tally.tell())
}

/// The steps and the seconds each took, one per line, then those of all.
fn table(taken: &Taken) -> String {
    let all = ("all", taken.all);
    let lines = taken.steps.iter().chain([&all]);
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
    fn the_table_ends_with_all_steps() {
        let seconds = Duration::from_secs;
        let taken = Taken {
            steps: vec![("formatting", Duration::from_millis(800)), ("clippy", seconds(12))],
            all: seconds(13),
        };
        let expected = "formatting                   0.8 s\n\
                        clippy                      12.0 s\n\
                        all                         13.0 s";
        assert_eq!(table(&taken), expected);
    }

    #[test]
    fn steps_are_found_by_name() {
        assert_eq!(find("clippy").expect("a step").name, "clippy");
        let Err(error) = find("clipy") else { panic!("no such step") };
        assert!(error.to_string().starts_with("no step `clipy`; there are formatting, "));
    }
}
