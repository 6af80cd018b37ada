//! The program's neighbours against those of other libraries: builds it, and runs
//! `tests/parity` in the Python environment that `setup` made.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::{
    house::{self, House},
    setup,
};

/// Checks the comparison itself, then compares.
pub(crate) fn run(house: &House) -> Result<()> {
    let python = setup::PARITY.python(house);
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
    house.build(&["--workspace", "--bins", "--tests"], "ilk")
}
