//! The dependency policy of `deny.toml`: licences, sources, versions.

use anyhow::Result;

use crate::{command, workspace::Workspace};

/// Lets cargo-deny check all dependencies, of every feature and platform. Advisories are left out:
/// they need a database from the network, and change without a change here.
///
/// # Errors
/// Names every dependency that runs against the policy.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let mut deny = workspace.cargo(&["deny", "--locked", "check", "--hide-inclusion-graph"]);
    command::run(deny.args(["licenses", "bans", "sources"]))
}

/// Looks for known weaknesses in dependencies.
///
/// # Errors
/// Where there are any, or the database cannot be fetched.
pub(crate) fn check_advisories(workspace: &Workspace) -> Result<()> {
    command::run(&mut workspace.cargo(&["deny", "--locked", "check", "advisories"]))
}
