//! The program's neighbours against those of other libraries: builds it, and runs
//! `tests/parity` in the Python environment that `setup` made.

use anyhow::{Result, bail};

use crate::{command, setup, workspace::Workspace};

/// Checks the comparison itself, then compares.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let python = setup::PARITY.python(workspace);
    if !python.exists() {
        bail!("the Python environment of tests/parity is missing; run `cargo xtask setup`");
    }
    let program = workspace.program()?;
    let folder = "tests/parity";
    // Its own tests: a comparison that lets wrong neighbours pass is worth nothing.
    command::run(
        workspace.command(&python).args(["-B", "-m", "unittest", "discover", "-s", folder]),
    )?;
    // What is read of CSV files in made-up dialects, against other readers.
    command::run(
        workspace.command(&python).args(["-B", "tests/parity/dialects.py"]).arg(&program),
    )?;
    // Presets, on small matrices with corner cases; hundreds at night.
    let matrices = if workspace.is_full() { "300" } else { "100" };
    let mut small = workspace.command(&python);
    small.args(["-B", "tests/parity/small.py", "--matrices", matrices]).arg(&program);
    command::run(&mut small)?;
    command::run(workspace.command(&python).args(["-B", "tests/parity/parity.py"]).arg(program))
}
