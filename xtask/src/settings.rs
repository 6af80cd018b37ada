//! `cargo xtask settings`: what the documentation and other languages say of settings.

use anyhow::Result;

use crate::{
    command,
    workspace::{self, Workspace},
};

/// The test of `ilk` that holds the files to be what the flags and the job's schema say.
const TEST: &str = "settings_are_the_same_on_every_surface";

/// Writes `docs/settings.md` and the types of settings in TypeScript and Python anew.
///
/// # Errors
/// Where the program does not build, or a file cannot be written.
pub(crate) fn write(workspace: &Workspace) -> Result<()> {
    let mut test = workspace.cargo(&["test"]);
    test.args(workspace::WHOLE).args(["--bin", "ilk", TEST]);
    command::run(test.env("WRITE_SETTINGS", "1"))
}
