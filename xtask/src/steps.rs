//! Steps in order, each with its seconds: everything that is checked before a change is merged, and
//! what takes longer.
//!
//! Steps that leave processors idle, as they wait for a download, a browser or one process at a time,
//! run beside others: those are processes of their own, `cargo xtask step NAME`, whose output is
//! shown when they end.

use std::{
    env,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
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
    /// Steps one after the other, each in a process of its own, while the others run here.
    Beside(&'static [Step], &'static [Step]),
}

/// Installs what is missing.
const SETUP: Step = step("setup", |workspace| setup::run(workspace, Scope::Tests, Mode::Install));

/// All checks but the tests: quick ones first. What is packed into the program is made before the
/// program, so that that is built once, for all that follows. What is built beside lints has target
/// folders of its own: cargo lets one build at a time into a folder.
const PARTS: &[Part] = &[
    Part::Beside(
        &[
            SETUP,
            step("plugin", plugin::build_for_tests),
            step("wasm package", wasm::build_for_tests),
            step("notebook", web::build),
        ],
        &[
            step("formatting", formatting),
            step("dependency directions", deps::check),
            step("layers", layers::check),
            step("public surface", surface::check),
            step("packages", package::check),
            step("clippy", clippy),
            step("documentation", documentation),
        ],
    ),
    Part::Alone(&[step("dependency policy", policy::check), step("build", build)]),
    Part::Beside(
        &[step("plugin on Spark", plugin::test_spark)],
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
    /// What runs beside, and what runs here.
    const fn halves(&self) -> (&'static [Step], &'static [Step]) {
        match self {
            Self::Alone(steps) => (&[], steps),
            Self::Beside(beside, steps) => (beside, steps),
        }
    }
}

/// How a step in a process of its own ended.
struct Ended {
    name: &'static str,
    log: PathBuf,
    status: io::Result<ExitStatus>,
    time: Duration,
}

/// Steps that run in processes of their own, one after the other.
struct Beside {
    names: String,
    ended: JoinHandle<Vec<Ended>>,
}

impl Beside {
    /// Starts the first; what they print is kept until all have ended. One that fails is the last.
    fn start(workspace: &Workspace, program: &Path, steps: Vec<Step>) -> Result<Self> {
        let folder = workspace.target.join("steps");
        fs::create_dir_all(&folder)?;
        let names = steps.iter().map(|step| step.name).collect::<Vec<_>>().join(", ");
        let mut prepared = Vec::new();
        for step in steps {
            let log = folder.join(step.name.replace(' ', "-") + ".log");
            let output = File::create(&log)?;
            let mut command = workspace.command(program);
            command.args(["step", step.name]);
            command.stdout(output.try_clone()?).stderr(Stdio::from(output));
            prepared.push((step.name, log, command));
        }
        println!("\n==> beside what follows: {names}");
        let ended = thread::spawn(move || {
            let mut all = Vec::new();
            for (name, log, mut command) in prepared {
                let begin = Instant::now();
                let status = command.status();
                let is_good = status.as_ref().is_ok_and(ExitStatus::success);
                all.push(Ended { name, log, status, time: begin.elapsed() });
                if !is_good {
                    break;
                }
            }
            all
        });
        Ok(Self { names, ended })
    }

    /// Waits for them, shows what they printed, and returns how long each took.
    ///
    /// # Errors
    /// Where one failed.
    fn end(self) -> Result<Vec<(&'static str, Duration)>> {
        let Self { names, ended } = self;
        let ended = ended.join().map_err(|_| anyhow!("the wait for {names} failed"))?;
        let mut taken = Vec::new();
        for Ended { name, log, status, time } in ended {
            // The step's own first line names it.
            println!("{}", String::from_utf8_lossy(&fs::read(&log)?).trim_end());
            let status = status.with_context(|| format!("step could not be started: {name}"))?;
            if !status.success() {
                bail!("step failed: {name} ({status})");
            }
            taken.push((name, time));
        }
        Ok(taken)
    }
}

/// Runs steps and remembers how long each took.
pub(crate) struct Runner {
    /// This program's path, which says something else once the program is built again.
    program: PathBuf,
    begin: Instant,
    taken: Taken,
}

impl Runner {
    /// Begins now.
    ///
    /// # Errors
    /// Where the system does not tell which program this is.
    pub(crate) fn new() -> Result<Self> {
        let program = env::current_exe().context("this program's own path")?;
        Ok(Self { program, begin: Instant::now(), taken: Taken::default() })
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

    /// Runs some steps beside others.
    ///
    /// # Errors
    /// Where a step fails.
    fn run_beside(
        &mut self,
        workspace: &Workspace,
        beside: Vec<Step>,
        steps: &[Step],
    ) -> Result<()> {
        let beside = if beside.is_empty() {
            None
        } else {
            Some(Beside::start(workspace, &self.program, beside)?)
        };
        let outcome =
            steps.iter().try_for_each(|step| self.run(step.name, || (step.run)(workspace)));
        if let Some(beside) = beside {
            self.taken.steps.extend(beside.end()?);
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

/// Sets up what is missing and runs every step and the tests. Stops at the first step that fails.
///
/// # Errors
/// Where something cannot be installed or a step fails; failed tests are the exit code.
pub(crate) fn set_up_and_run_all(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let mut runner = Runner::new()?;
    // The other tools are installed beside the lints, which need these.
    runner.run("linters", || setup::run(workspace, Scope::Lints, Mode::Install))?;
    finish(workspace, options, runner, |_| true)
}

/// The same without setting anything up.
///
/// # Errors
/// Where a step fails; failed tests are the exit code.
pub(crate) fn run_all(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    finish(workspace, options, Runner::new()?, |step| step.name != SETUP.name)
}

/// Runs steps by their names.
///
/// # Errors
/// Where there is no such step, or it fails.
pub(crate) fn run_named(workspace: &Workspace, named: &Named) -> Result<()> {
    let steps = named.steps.iter().map(|name| find(name)).collect::<Result<Vec<_>>>()?;
    let mut runner = Runner::new()?;
    let workspace = &workspace.at_once();
    steps.iter().try_for_each(|step| runner.run(step.name, || (step.run)(workspace)))
}

/// All steps, in the order of the table.
fn all() -> impl Iterator<Item = Step> {
    let halves = PARTS.iter().map(Part::halves);
    halves.flat_map(|(beside, steps)| beside.iter().chain(steps).copied())
}

/// The step of a name.
fn find(name: &str) -> Result<Step> {
    all().find(|step| step.name == name).with_context(|| {
        let names: Vec<_> = all().map(|step| step.name).collect();
        format!("no step `{name}`; there are {}", names.join(", "))
    })
}

fn finish(
    workspace: &Workspace,
    options: &Options,
    mut runner: Runner,
    is_wanted: fn(&Step) -> bool,
) -> Result<ExitCode> {
    let machine = Machine::look();
    let workspace = &workspace.at_once();
    for part in PARTS {
        let (beside, steps) = part.halves();
        let beside = beside.iter().copied().filter(is_wanted).collect();
        runner.run_beside(workspace, beside, steps)?;
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
        assert!(error.to_string().starts_with("no step `clipy`; there are setup, "));
    }
}
