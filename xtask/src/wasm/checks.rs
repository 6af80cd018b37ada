//! The package's tests: in Node and in a browser, against the conformance cases and the program.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::package::{RECORDED_TYPES, TYPES, compile_kernels, home, package, tools};
use crate::{command, workspace::Workspace};

/// Finds a browser: the one that CHROMIUM names, or one of the usual names.
pub(crate) fn browser(workspace: &Workspace) -> Option<OsString> {
    let usual = ["chromium", "chromium-browser", "google-chrome"].map(OsString::from);
    let named = env::var_os("CHROMIUM").filter(|name| !name.is_empty());
    let candidates = named.map_or_else(|| usual.to_vec(), |name| vec![name]);
    candidates.into_iter().find(|name| command::succeeds(workspace.command(name).arg("--version")))
}

/// Tests the package that was built.
///
/// # Errors
/// Where a test fails, or the tools are missing.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    if !package(workspace).join("package.json").exists() {
        bail!("the package is not built: run `cargo xtask wasm`");
    }
    check_types(workspace)?;
    let prepared = prepare(workspace)?;
    let tests = home(workspace).join("tests");
    let mut node = workspace.command("node");
    node.args(["--test", "--test-reporter=spec"]).arg(tests.join("node.test.js"));
    command::run(node.env("PREPARED", &prepared))?;
    let browser = browser(workspace).context("there is no browser: run `cargo xtask setup`")?;
    let mut in_browser = workspace.command("node");
    in_browser.arg(tests.join("browser.js"));
    command::run(in_browser.env("PREPARED", &prepared).env("CHROMIUM", program(&browser)))
}

/// The path of a program: what drives the browser does not search for it.
pub(crate) fn program(name: &OsString) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.exists());
    found.unwrap_or_else(|| name.into())
}

/// Compares the types with those on record, and compiles a program that uses them.
fn check_types(workspace: &Workspace) -> Result<()> {
    let tests = home(workspace).join("tests");
    let (found, recorded) = (package(workspace).join(TYPES), home(workspace).join(RECORDED_TYPES));
    let text = fs::read_to_string(&found).with_context(|| found.display().to_string())?;
    if fs::read_to_string(&recorded).unwrap_or_default() != text {
        bail!(
            "{} differs from {}: if that is right, `cargo xtask wasm --record` rewrites it",
            found.display(),
            recorded.display()
        );
    }
    let compiler = tools(workspace).join(".bin/tsc");
    if !compiler.exists() {
        bail!("TypeScript is not there: run `cargo xtask setup`");
    }
    command::run(workspace.command(compiler).arg("--project").arg(tests.join("tsconfig.json")))
}

/// Writes what the tests compare with below the target folder; returns where.
fn prepare(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target.join("wasm-tests");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("cases.json"), serde_json::to_vec(&cases(workspace)?)?)?;
    compile_kernels(workspace, &folder.join("kernels"))?;
    let demo = folder.join("demo");
    if demo.exists() {
        fs::remove_dir_all(&demo)?;
    }
    let program = workspace.program()?;
    let mut command = workspace.command(program);
    command.args(["--quiet", "demo", "--keep"]).arg(&demo).stdout(Stdio::null());
    command::run(&mut command)?;
    for name in ["neighbours.parquet", "items.parquet"] {
        fs::copy(demo.join("similar").join(name), folder.join(name))?;
    }
    Ok(folder)
}

/// The conformance cases as the tests take them.
fn cases(workspace: &Workspace) -> Result<Vec<Value>> {
    let mut folders = fs::read_dir(workspace.root.join("conformance"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    folders.retain(|folder| folder.join("job.toml").exists());
    folders.sort();
    folders
        .iter()
        .map(|folder| case(folder).with_context(|| folder.display().to_string()))
        .collect()
}

fn case(folder: &Path) -> Result<Value> {
    let read = |name: &str| fs::read_to_string(folder.join(name)).with_context(|| name.to_owned());
    let file: toml::Table = read("job.toml")?.parse()?;
    let mut job = file.get("job").and_then(toml::Value::as_table).context("no [job]")?.clone();
    let sources = file.get("datasource").and_then(toml::Value::as_table).context("no source")?;
    let (_, source) = sources.iter().next().context("no source")?;
    let mut source = source.as_table().context("no source")?.clone();
    let input = source.remove("input").context("no input")?;
    // Lists are files beside the job there, and plain lists here.
    let mut lists = serde_json::Map::new();
    for name in ["only", "exclude", "for"] {
        let Some(list) = job.remove(name) else { continue };
        let text = read(list.as_str().context("a list of one file")?)?;
        let ids = text.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>();
        lists.insert(name.into(), json!(ids));
    }
    job.remove("datasource");
    Ok(json!({
        "name": folder.file_name().map(|name| name.to_string_lossy()),
        "source": source,
        "job": job,
        "lists": lists,
        "interactions": read(input.as_str().context("one input")?)?,
        "expected": read("expected.csv")?,
    }))
}
