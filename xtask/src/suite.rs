//! The tests: every test program and doctest, their totals, and the snapshots none of them read.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ExitCode, Stdio},
};

use anyhow::{Context, Result};

use crate::house::{self, House};

/// How many tests passed and failed, over all test programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
}

impl Tally {
    /// Adds a line of output; any but a summary adds nothing.
    fn add(&mut self, line: &str) {
        let Some(summary) = line.strip_prefix("test result: ") else { return };
        // `ok. 3 passed; 0 failed; …`
        let counts = summary.split_once(". ").map_or("", |(_, counts)| counts);
        for part in counts.split("; ") {
            match part.split_once(' ') {
                Some((count, "passed")) => self.passed += count.parse().unwrap_or(0),
                Some((count, "failed")) => self.failed += count.parse().unwrap_or(0),
                _ => {}
            }
        }
    }
}

/// Runs all tests; ends with a line `N passed, N failed`.
///
/// # Errors
/// Where cargo cannot be run; failed tests are the exit code.
pub(crate) fn run(house: &House) -> Result<ExitCode> {
    let references = house.target.join("snapshot-references.txt");
    fs::create_dir_all(&house.target)?;
    fs::write(&references, "").with_context(|| format!("writing {}", references.display()))?;
    let mut command = house.cargo(&["test", "--locked", "--no-fail-fast"]);
    command
        .args(house::WHOLE)
        .env("INSTA_UPDATE", "no")
        .env("INSTA_SNAPSHOT_REFERENCES_FILE", &references)
        .stdout(Stdio::piped());
    println!("$ {}", house::display(&command));
    let mut child = command.spawn().context("cargo test could not be started")?;
    let mut tally = pass_on(&mut child)?;
    let status = child.wait()?;

    // Where a test failed, what it would have read is unknown.
    if status.success() {
        let references = fs::read_to_string(&references)?;
        let unread = unreferenced(&snapshots(&house.root)?, &references);
        for snapshot in &unread {
            let shown = snapshot.strip_prefix(&house.root).unwrap_or(snapshot);
            println!("no test reads this snapshot; delete it: {}", shown.display());
        }
        tally.failed += unread.len() as u64;
        if tally.passed == 0 {
            println!("no test ran");
            tally.failed += 1;
        }
    } else if tally.failed == 0 {
        println!("a test program was not built, or ended without a result ({status})");
        tally.failed = 1;
    }
    println!("\n{} passed, {} failed", tally.passed, tally.failed);
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Passes on what the child prints, and counts the tests in it.
fn pass_on(child: &mut Child) -> Result<Tally> {
    let mut output = BufReader::new(child.stdout.take().context("no output to read")?);
    let mut tally = Tally::default();
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line)? > 0 {
        io::stdout().write_all(&line)?;
        tally.add(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    Ok(tally)
}

/// All snapshot files of the checkout, in order.
fn snapshots(root: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder);
        for entry in entries.with_context(|| format!("reading {}", folder.display()))? {
            let entry = entry?;
            let (path, name) = (entry.path(), entry.file_name());
            let is_foreign = ["target", "node_modules"].iter().any(|foreign| name == *foreign)
                || name.to_string_lossy().starts_with('.');
            if entry.file_type()?.is_dir() {
                if !is_foreign {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "snap") {
                found.insert(path);
            }
        }
    }
    Ok(found)
}

/// Those of `snapshots` that are not among the lines of `references`.
fn unreferenced(snapshots: &BTreeSet<PathBuf>, references: &str) -> Vec<PathBuf> {
    let canonical = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let read: BTreeSet<_> = references.lines().map(|line| canonical(Path::new(line))).collect();
    let unread = snapshots.iter().filter(|snapshot| !read.contains(&canonical(snapshot)));
    unread.cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_add_up() {
        let mut tally = Tally::default();
        for line in [
            "running 4 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 5 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s",
            "all doctests ran in 0.51s; merged doctests compilation took 0.33s",
        ] {
            tally.add(line);
        }
        assert_eq!(tally, Tally { passed: 8, failed: 2 });
    }

    #[test]
    fn snapshots_that_no_test_reads_are_found() {
        let snapshots =
            ["/a/snapshots/kept.snap", "/a/snapshots/left.snap"].map(PathBuf::from).into();
        let references = "/a/snapshots/kept.snap\n/a/snapshots/kept.snap\n/b/other.snap\n";
        assert_eq!(unreferenced(&snapshots, references), [PathBuf::from("/a/snapshots/left.snap")]);
    }
}
