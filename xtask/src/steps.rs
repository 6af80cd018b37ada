//! Everything that is checked, in order: quick checks first, the tests last, so that the output
//! ends with their summary.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    deps,
    house::{self, House},
    parity, plugin, policy, suite, wasm, web,
};

/// One check with its name.
struct Step {
    name: &'static str,
    run: fn(&House) -> Result<()>,
}

/// All checks but the tests. What is packed into the program is made before the program, so that
/// that is built once, for all that follows.
const STEPS: &[Step] = &[
    Step { name: "formatting", run: formatting },
    Step { name: "dependency directions", run: deps::check },
    Step { name: "dependency policy", run: policy::check },
    Step { name: "clippy", run: clippy },
    Step { name: "documentation", run: documentation },
    Step { name: "plugin", run: plugin::build },
    Step { name: "wasm package", run: wasm::build_and_hold },
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

/// Runs every step, then the tests. Stops at the first step that fails.
pub(crate) fn run_all(house: &House) -> Result<ExitCode> {
    let mut taken = Vec::new();
    for step in STEPS {
        println!("\n==> {}", step.name);
        let begin = Instant::now();
        (step.run)(house).with_context(|| format!("step failed: {}", step.name))?;
        taken.push((step.name, begin.elapsed()));
        println!("{}: {:.1} s", step.name, begin.elapsed().as_secs_f64());
    }
    println!("\n{}", table(&taken));
    println!("\n==> tests");
    suite::run(house)
}

/// The steps and the seconds each took, one per line, with their sum.
fn table(taken: &[(&str, Duration)]) -> String {
    let total = ("so far", taken.iter().map(|(_, time)| *time).sum());
    let lines = taken.iter().chain([&total]);
    let lines = lines.map(|(name, time)| format!("{name:<24}{:>8.1} s", time.as_secs_f64()));
    lines.collect::<Vec<_>>().join("\n")
}

fn formatting(house: &House) -> Result<()> {
    house::run(&mut house.cargo(&["fmt", "--all", "--check"]))
}

fn clippy(house: &House) -> Result<()> {
    house::run(&mut house.cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--locked",
        "--",
        "-D",
        "warnings",
    ]))
}

fn documentation(house: &House) -> Result<()> {
    let mut command = house.cargo(&["doc", "--workspace", "--no-deps", "--locked"]);
    house::run(command.env("RUSTDOCFLAGS", "-D warnings"))
}

fn build(house: &House) -> Result<()> {
    house.program().map(drop)
}

/// Tests the program as it is installed, without a sandbox. The whole workspace is named, so that
/// what the program depends on is not built again.
fn without_plugins(house: &House) -> Result<()> {
    house::run(&mut house.cargo(&["test", "--workspace", "--locked", "--test", "program"]))
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
                        so far                      12.8 s";
        assert_eq!(table(&taken), expected);
    }
}
