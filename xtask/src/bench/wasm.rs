//! The wasm package beside the native kernels, on the same sample of users.

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::sets::Data;
use crate::{
    house::{self, House},
    wasm::{checks, package},
};

/// Share of the users.
const RATE: &str = "0.1";

/// What a program says of one comparison.
#[derive(Clone, Debug, Deserialize)]
struct Timing {
    kernel: String,
    #[serde(default = "one")]
    threads: u32,
    interactions: u64,
    neighbours: u64,
    /// CPU seconds; of several threads in a browser, wall seconds.
    seconds: f64,
}

const fn one() -> u32 {
    1
}

/// Times comparing in Node by CPU time, then in a browser on one thread and on two by the clock,
/// each the best of three.
///
/// # Errors
/// Where something cannot run, or the neighbours are not as many everywhere.
pub(super) fn run(house: &House, data: &Data) -> Result<()> {
    if !package(house).join("package.json").exists() {
        bail!("the package is not built: run `cargo xtask wasm`");
    }
    let file = data.path.to_str().context("a path that is no text")?;
    let program =
        house.build(&["--release", "--package", "ilk-bench", "--bin", "sampled"], "sampled")?;
    let native = |kernel: Option<&str>| -> Result<Timing> {
        let mut command = house.command(&program);
        command.args([file, data.user, data.item, RATE]).args(kernel);
        let timings = (0..3).map(|_| house::answer::<Timing>(&mut command));
        best(timings.collect::<Result<_>>()?)
    };
    let (portable, fastest) = (native(Some("portable"))?, native(None)?);
    let script = package(house).with_file_name("tests").join("speed.js");
    let browser = checks::browser(house).context("there is no browser: run `cargo xtask setup`")?;
    let mut node = house.command("node");
    node.arg(script).args([file, data.user, data.item, RATE]);
    node.env("CHROMIUM", checks::program(&browser));
    let in_javascript: Vec<(String, Timing)> = house::answer(&mut node)?;
    let native = [&portable, &fastest].map(|timing| ("native".to_owned(), timing.clone()));
    let all = native.into_iter().chain(in_javascript);
    println!("{} sampled to {RATE}: {} interactions", data.set.name(), portable.interactions);
    println!("{:<24}{:<12}{:>8}{:>10}{:>10}", "where", "kernel", "threads", "seconds", "ratio");
    for (place, timing) in all {
        if timing.neighbours != portable.neighbours {
            bail!("{place} found {} neighbours, native {}", timing.neighbours, portable.neighbours);
        }
        println!(
            "{place:<24}{:<12}{:>8}{:>10.3}{:>9.2}x",
            timing.kernel,
            timing.threads,
            timing.seconds,
            timing.seconds / portable.seconds
        );
    }
    Ok(())
}

fn best(timings: Vec<Timing>) -> Result<Timing> {
    let fastest = timings.into_iter().min_by(|a, b| a.seconds.total_cmp(&b.seconds));
    fastest.context("no timing")
}
