//! The program's neighbours against those of other libraries: builds it, and runs
//! `tests/parity` in the Python environment that `setup` made.

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
    let program = house.program()?;
    let folder = "tests/parity";
    // Its own tests: a comparison that lets wrong neighbours pass is worth nothing.
    house::run(house.command(&python).args(["-B", "-m", "unittest", "discover", "-s", folder]))?;
    house::run(house.command(&python).args(["-B", "tests/parity/parity.py"]).arg(program))
}
