//! `cargo xtask web`: the notebook as a folder for any static host, with the wasm package in it.

use std::{
    env, fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use flate2::{Compression, write::GzEncoder};

use crate::{
    command, text,
    wasm::{self, checks},
    workspace::Workspace,
};

/// The notebook's folder in the checkout.
fn home(workspace: &Workspace) -> PathBuf {
    workspace.root.join("web-demo")
}

/// The folder of the packages from npm.
pub(crate) fn tools(workspace: &Workspace) -> PathBuf {
    home(workspace).join("node_modules")
}

/// Builds the notebook into `web-demo/dist` and prints what a visitor loads. The wasm package is
/// built first where it is missing.
///
/// # Errors
/// Where something cannot be built.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    if !tools(workspace).join(".bin/vite").exists() {
        bail!("the notebook's packages are not there: run `cargo xtask setup`");
    }
    if !wasm::package(workspace).join("package.json").exists() {
        wasm::build_and_hold(workspace)?;
    }
    command::run(npm(workspace).args(["run", "--silent", "build"]))?;
    let dist = home(workspace).join("dist");
    let mut total = 0;
    for (name, folder, endings) in [
        ("the page", "", ["html"].as_slice()),
        ("its code and style", "assets", &["js", "css"]),
        ("wasm, one thread", "ilk-wasm/single", &["js", "wasm"]),
        ("wasm, with threads", "ilk-wasm/threads", &["js", "wasm"]),
    ] {
        let size = packed(&dist.join(folder), endings)?;
        total += size;
        println!("{name:<20} {:>10} bytes with gzip", text::grouped(size));
    }
    println!("{:<20} {:>10} bytes with gzip, in {}", "all", text::grouped(total), dist.display());
    Ok(())
}

/// Tests the notebook that was built, in a browser.
///
/// # Errors
/// Where a test fails, or there is no browser.
pub(crate) fn test(workspace: &Workspace) -> Result<()> {
    if !home(workspace).join("dist/index.html").exists() {
        bail!("the notebook is not built: run `cargo xtask web`");
    }
    let browser =
        checks::browser(workspace).context("there is no browser: run `cargo xtask setup`")?;
    // The program takes in the notebook that was built.
    let ilk = workspace.program()?;
    let pictures = workspace.target.join("web-tests");
    fs::create_dir_all(&pictures)?;
    let mut node = workspace.command("node");
    node.arg(home(workspace).join("tests/run.js"));
    node.env("CHROMIUM", checks::program(&browser)).env("PICTURES", pictures).env("ILK", ilk);
    // The large file takes a minute and 300 MB of disk: on request, and at night.
    if workspace.is_full() {
        node.env("LARGE", "1");
    }
    if env::var_os("LARGE").is_none() {
        println!("LARGE=1 adds a file of 300 MB");
    }
    command::run(&mut node)
}

fn npm(workspace: &Workspace) -> std::process::Command {
    let mut npm = workspace.command("npm");
    npm.arg("--prefix").arg(home(workspace));
    npm
}

/// Bytes of a folder's own files with these endings, each packed with gzip; 0 where it is missing.
fn packed(folder: &Path, endings: &[&str]) -> Result<u64> {
    if !folder.exists() {
        return Ok(0);
    }
    let mut size = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if !endings.contains(&ending) {
            continue;
        }
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(&fs::read(&path)?)?;
        size += packed.finish()?.len() as u64;
    }
    Ok(size)
}
