//! `cargo xtask package`: the crates that are published, as users get them.

use anyhow::Result;

use crate::{command, workspace::Workspace};

/// The crates that are published, each after those that it depends on.
pub(crate) const PUBLISHED: [&str; 4] =
    ["ilk-core", "ilk-formats", "ilk-plugin-host", "ilk-engine"];

/// How closely a package is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// That it can be put together.
    Files,
    /// That it compiles by itself, outside of the workspace: without our patches, and with nothing but
    /// its own files.
    Build,
}

/// Puts the packages together below the target folder.
///
/// # Errors
/// Where a manifest lacks something, or a package does not compile.
pub(crate) fn run(workspace: &Workspace, depth: Depth) -> Result<()> {
    let mut command = workspace.cargo(&["package", "--locked", "--allow-dirty"]);
    command.args(PUBLISHED.iter().flat_map(|name| ["--package", name]));
    match depth {
        Depth::Files => drop(command.arg("--no-verify")),
        Depth::Build => check_bare(workspace)?,
    }
    command::run(&mut command)
}

/// Checks that `ilk-core` compiles with nothing but what it computes with.
fn check_bare(workspace: &Workspace) -> Result<()> {
    let arguments = ["check", "--locked", "--package", "ilk-core", "--no-default-features"];
    command::run(&mut workspace.cargo(&arguments))
}

/// The same without compiling.
///
/// # Errors
/// Where a manifest lacks something.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    run(workspace, Depth::Files)
}
