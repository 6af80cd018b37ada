//! `cargo xtask quick`: what a change to a crate or two needs while one works on it.
//!
//! Formatting, layers and lints of everything, which costs little where nothing changed, and the
//! tests of the crates that did. What takes long is left to `cargo xtask test`: property tests run a
//! twentieth of their cases, and `.config/nextest.toml` leaves out the slowest tests.

use std::{collections::BTreeSet, path::Path, process::ExitCode};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{
    command, layers,
    steps::{self, Runner},
    suite::{self, Tally},
    workspace::Workspace,
};

/// What `cargo xtask quick` is asked.
#[derive(Args)]
pub(crate) struct Options {
    /// Crates by name or folder [default: those that changed since the merge base with main]
    crates: Vec<String>,
    /// Compare with this commit instead
    #[arg(long, value_name = "COMMIT", conflicts_with = "crates")]
    since: Option<String>,
}

/// Cases of property tests: proptest's default is 256, and tests scale theirs by what is set.
const CASES: &str = "13";

/// A member of the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Member {
    name: String,
    /// Its folder, from the root.
    folder: String,
}

/// Checks what changed.
///
/// # Errors
/// Where a check fails; failed tests are the exit code.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let members = members(workspace)?;
    let changed = if options.crates.is_empty() {
        of_files(&members, &changed_files(workspace, options.since.as_deref())?)
    } else {
        named(&members, &options.crates)?
    };
    let mut runner = Runner::new()?;
    runner.run("formatting", || steps::formatting(workspace))?;
    runner.run("layers", || layers::check(workspace))?;
    if changed.is_empty() {
        println!("\nno crate changed");
        return Ok(ExitCode::SUCCESS);
    }
    println!("\nchanged: {}", list(&changed));
    // Of all crates: only what changed and what depends on it is looked at again.
    runner.run("clippy", || steps::clippy(workspace))?;
    let tally = runner.run("tests", || test(workspace, &changed))?;
    runner.end();
    Ok(tally.tell())
}

fn members(workspace: &Workspace) -> Result<Vec<Member>> {
    let member = |package: &cargo_metadata::Package| {
        let folder = package.manifest_path.parent().unwrap_or(&package.manifest_path);
        let folder = Path::new(folder);
        let folder = folder.strip_prefix(&workspace.root).unwrap_or(folder);
        Member { name: package.name.to_string(), folder: folder.display().to_string() }
    };
    Ok(workspace.members()?.iter().map(member).collect())
}

/// Files that differ from the commit, or from where this branch left main; new ones too.
fn changed_files(workspace: &Workspace, since: Option<&str>) -> Result<Vec<String>> {
    let git = |arguments: &[&str]| -> Result<String> {
        let output = workspace.command("git").args(arguments).output().context("git")?;
        if !output.status.success() {
            bail!(
                "`git {}` failed: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(String::from_utf8(output.stdout)?)
    };
    let base = match since {
        Some(commit) => commit.to_owned(),
        // Without a branch main, what is not committed yet.
        None => git(&["merge-base", "HEAD", "main"]).unwrap_or_else(|_| "HEAD".into()),
    };
    let changed = git(&["diff", "--name-only", base.trim()])?;
    let new = git(&["ls-files", "--others", "--exclude-standard"])?;
    Ok(changed.lines().chain(new.lines()).map(String::from).collect())
}

/// The members that files belong to. The workspace's own manifest and lock file belong to all.
fn of_files(members: &[Member], files: &[String]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in files {
        if ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml"].contains(&file.as_str()) {
            return members.iter().map(|member| member.name.clone()).collect();
        }
        let inside = members.iter().filter(|member| Path::new(file).starts_with(&member.folder));
        let innermost = inside.max_by_key(|member| member.folder.len());
        found.extend(innermost.map(|member| member.name.clone()));
    }
    found
}

fn named(members: &[Member], names: &[String]) -> Result<BTreeSet<String>> {
    let find = |name: &String| {
        let folder = name.trim_end_matches('/');
        let found = members.iter().find(|member| member.name == *name || member.folder == folder);
        let known = || members.iter().map(|member| member.name.clone()).collect();
        found
            .map(|member| member.name.clone())
            .with_context(|| format!("no crate `{name}`; there are {}", list(&known())))
    };
    names.iter().map(find).collect()
}

fn list(names: &BTreeSet<String>) -> String {
    names.iter().cloned().collect::<Vec<_>>().join(", ")
}

/// Runs the tests of each crate by itself: its dependencies then have the same features whatever else
/// changed, and are not built anew.
fn test(workspace: &Workspace, changed: &BTreeSet<String>) -> Result<Tally> {
    let mut tally = Tally::default();
    for name in changed {
        let mut command = workspace.cargo(&["nextest", "run", "--locked", "--profile", "quick"]);
        command.args(["--no-tests", "pass", "--package", name]);
        command.env("PROPTEST_CASES", CASES).env("INSTA_UPDATE", "no");
        let status = suite::count(&mut command, &mut tally)?;
        if !status.success() && !tally.has_failures() {
            bail!("`{}` failed ({status})", command::display(&command));
        }
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members() -> Vec<Member> {
        let folders = [
            ("ilk-core", "core"),
            ("ilk-formats", "formats"),
            ("brotli", "formats/brotli"),
            ("ilk", "native"),
        ];
        folders.map(|(name, folder)| Member { name: name.into(), folder: folder.into() }).into()
    }

    fn of(files: &[&str]) -> String {
        list(&of_files(
            &members(),
            &files.iter().map(|file| (*file).to_owned()).collect::<Vec<_>>(),
        ))
    }

    #[test]
    fn files_belong_to_the_innermost_crate() {
        assert_eq!(of(&["core/src/a.rs", "README.md"]), "ilk-core");
        assert_eq!(of(&["formats/brotli/src/lib.rs", "native/Cargo.toml"]), "brotli, ilk");
        assert_eq!(of(&["docs/plugin.md"]), "");
        assert_eq!(of(&["Cargo.lock"]), "brotli, ilk, ilk-core, ilk-formats");
    }

    #[test]
    fn crates_are_named_by_name_or_folder() {
        let names = |names: &[&str]| {
            named(&members(), &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(list(&names(&["native", "ilk-core"]).expect("crates")), "ilk, ilk-core");
        let error = names(&["nativ"]).expect_err("no crate").to_string();
        assert_eq!(error, "no crate `nativ`; there are brotli, ilk, ilk-core, ilk-formats");
    }
}
