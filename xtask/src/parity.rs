//! The program's neighbours against those of other libraries: builds it, and runs
//! `tests/parity` in the Python environment that `setup` made.

use std::{io::BufReader, path::PathBuf, process::Stdio};

use anyhow::{Context, Result, bail};
use cargo_metadata::Message;

use crate::{
    house::{self, House},
    setup,
};

/// Checks the comparison itself, then compares.
pub(crate) fn run(house: &House) -> Result<()> {
    let python = setup::parity_python(house);
    if !python.exists() {
        bail!("the Python environment of tests/parity is missing; run `cargo xtask setup`");
    }
    let program = build(house)?;
    let folder = "tests/parity";
    // Its own tests: a comparison that lets wrong neighbours pass is worth nothing.
    house::run(house.command(&python).args(["-B", "-m", "unittest", "discover", "-s", folder]))?;
    house::run(house.command(&python).args(["-B", "tests/parity/parity.py"]).arg(program))
}

/// Builds all programs and tests, and returns the path of `ilk`.
///
/// Programs and tests are built in one go, so that the tests that follow find everything built
/// with the same features.
pub(crate) fn build(house: &House) -> Result<PathBuf> {
    let mut command = house.cargo(&[
        "build",
        "--workspace",
        "--bins",
        "--tests",
        "--locked",
        "--message-format=json-render-diagnostics",
    ]);
    command.stdout(Stdio::piped());
    println!("$ {}", house::display(&command));
    let mut child = command.spawn().context("cargo build could not be started")?;
    let output = BufReader::new(child.stdout.take().context("no output to read")?);
    let mut program = None;
    for message in Message::parse_stream(output) {
        if let Message::CompilerArtifact(artifact) = message?
            && artifact.target.is_bin()
            && artifact.target.name == "ilk"
            && !artifact.profile.test
        {
            program = artifact.executable;
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("cargo build failed ({status})");
    }
    Ok(program.context("the workspace has no program `ilk`")?.into())
}
