//! The wasm package beside the native kernels, on the same sample of users; its size; and how quick the
//! notebook is.

use std::fs;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::{
    machine::{self, Machine, slug},
    report::{digits, grouped},
    sets::Data,
};
use crate::{
    command,
    text::table,
    wasm::{self, checks},
    web,
    workspace::Workspace,
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

/// What the package's script prints.
#[derive(Debug, Deserialize)]
struct InJavaScript {
    results: Vec<(String, Timing)>,
    /// Name of the build, and the bytes of its module: raw, with gzip, with brotli.
    sizes: Vec<(String, u64, u64, u64)>,
}

/// What the notebook's script prints, in milliseconds.
#[derive(Debug, Deserialize)]
struct Page {
    rounds: Vec<Opening>,
    large: Large,
}

/// One opening of the notebook.
#[derive(Debug, Deserialize)]
struct Opening {
    paint: f64,
    result: f64,
    task: f64,
}

/// Work on a large file.
#[derive(Debug, Deserialize)]
struct Large {
    bytes: u64,
    task: f64,
}

/// Times comparing in Node by CPU time, then in a browser on one thread and on two by the clock,
/// each the best of three; then opening the notebook. Prints all that and writes the record.
///
/// # Errors
/// Where something cannot run, or the neighbours are not as many everywhere.
pub(super) fn run(workspace: &Workspace, data: &Data) -> Result<()> {
    // What tests use may be there in their place.
    wasm::build_and_hold(workspace)?;
    web::build(workspace)?;
    let machine = Machine::look();
    let mut versions = machine::versions(workspace)?;
    let file = data.path.to_str().context("a path that is not UTF-8")?;
    let program =
        workspace.build(&["--release", "--package", "ilk-bench", "--bin", "sampled"], "sampled")?;
    let native = |kernel: Option<&str>| -> Result<Timing> {
        let mut command = workspace.command(&program);
        command.args([file, data.user, data.item, RATE]).args(kernel);
        let timings = (0..3).map(|_| command::answer::<Timing>(&mut command));
        best(timings.collect::<Result<_>>()?)
    };
    let (portable, fastest) = (native(Some("portable"))?, native(None)?);
    let browser =
        checks::browser(workspace).context("there is no browser: run `cargo xtask setup`")?;
    let browser = checks::program(&browser);
    versions.push(("Chromium".into(), version(workspace, &browser)?));
    versions.push(("Node".into(), version(workspace, "node".as_ref())?));
    let script = |path: &str| {
        let mut node = workspace.command("node");
        node.arg(workspace.root.join(path)).env("CHROMIUM", &browser);
        node
    };
    let mut node = script("wasm/tests/speed.js");
    node.args([file, data.user, data.item, RATE]);
    let InJavaScript { results, sizes } = command::answer(&mut node)?;
    let page: Page = command::answer(&mut script("web-demo/tests/speed.js"))?;

    let native = [&portable, &fastest].map(|timing| ("native, CPU".to_owned(), timing.clone()));
    let timings = native.into_iter().chain(results).collect::<Vec<_>>();
    if let Some((place, other)) = timings.iter().find(|(_, t)| t.neighbours != portable.neighbours)
    {
        bail!("{place} found {} neighbours, native {}", other.neighbours, portable.neighbours);
    }
    let text = format!(
        "# The wasm package and the notebook\n\n\
         `cargo xtask bench --wasm --sets {set}`: {set} sampled to {RATE} of its users, {interactions} \
         interactions, cosine. In Node by CPU time, in a browser by the clock; the fastest of three, beside \
         the portable native kernel on one thread.\n\n{timings}\n\n\
         ## Size\n\n{sizes}\n\n\
         ## The page\n\nServed from this machine, on one thread.\n\n{page}\n\n\
         ## Where\n\n{machine}\n\n{versions}\n",
        set = data.set.name(),
        interactions = grouped(portable.interactions),
        timings = timings_table(timings),
        sizes = sizes_table(sizes),
        page = pairs(["what", "milliseconds"], page.lines()),
        machine = pairs(["machine", ""], machine.lines()),
        versions = pairs(["program", "version"], versions),
    );
    println!("{text}");
    let date = jiff::Timestamp::now().strftime("%Y-%m-%d");
    let path = workspace.root.join(format!("bench/records/{date}-{}-wasm.md", slug(&machine.cpu)));
    fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    println!("written: {}", path.strip_prefix(&workspace.root).unwrap_or(&path).display());
    Ok(())
}

/// Who took how long, and how much longer than the first.
fn timings_table(timings: Vec<(String, Timing)>) -> String {
    let least = timings.first().map_or(1.0, |(_, timing)| timing.seconds);
    let heading = ["where", "kernel", "threads", "seconds", "ratio"].map(String::from).to_vec();
    let row = |(place, timing): (String, Timing)| {
        let ratio = format!("{:.2}x", timing.seconds / least);
        vec![place, timing.kernel, timing.threads.to_string(), digits(timing.seconds), ratio]
    };
    table(&std::iter::once(heading).chain(timings.into_iter().map(row)).collect::<Vec<_>>())
}

fn sizes_table(sizes: Vec<(String, u64, u64, u64)>) -> String {
    let heading = ["module", "bytes", "with gzip", "with brotli"].map(String::from).to_vec();
    let row = |(build, raw, gzip, brotli): (String, u64, u64, u64)| {
        vec![build, grouped(raw), grouped(gzip), grouped(brotli)]
    };
    table(&std::iter::once(heading).chain(sizes.into_iter().map(row)).collect::<Vec<_>>())
}

/// A table of names and values.
fn pairs<N: Into<String>>(
    heading: [&str; 2],
    lines: impl IntoIterator<Item = (N, String)>,
) -> String {
    let lines = lines.into_iter().map(|(name, value)| vec![name.into(), value]);
    table(&std::iter::once(heading.map(String::from).to_vec()).chain(lines).collect::<Vec<_>>())
}

impl Page {
    /// Name and value of everything: the median of the openings, and the worst.
    fn lines(&self) -> Vec<(String, String)> {
        let spread = |part: fn(&Opening) -> f64| {
            let mut times = self.rounds.iter().map(part).collect::<Vec<_>>();
            times.sort_by(f64::total_cmp);
            let median = times.get(times.len() / 2).copied().unwrap_or_default();
            format!("{median:.0} (at most {:.0})", times.last().copied().unwrap_or_default())
        };
        let large = format!(
            "longest task of the page's thread while a CSV of {} MB is read, compared, sampled and measured",
            self.large.bytes / 1_000_000
        );
        vec![
            ("first paint".into(), spread(|opening| opening.paint)),
            ("the demo's result".into(), spread(|opening| opening.result)),
            ("longest task of the page's thread meanwhile".into(), spread(|opening| opening.task)),
            (large, format!("{:.0}", self.large.task)),
        ]
    }
}

/// Asks a program for its version.
fn version(workspace: &Workspace, program: &std::path::Path) -> Result<String> {
    let output = workspace.command(program).arg("--version").output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn best(timings: Vec<Timing>) -> Result<Timing> {
    let fastest = timings.into_iter().min_by(|a, b| a.seconds.total_cmp(&b.seconds));
    fastest.context("no timing")
}
