//! The tests: every test program and doctest, their totals, and the snapshots none of them read.

use std::{
    collections::BTreeSet,
    env, fs,
    io::{self, BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Command, ExitCode, ExitStatus, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::{
    command,
    workspace::{self, Workspace},
};

/// Cases of property tests before a merge; at night proptest's default of 256, which tests scale by.
const CASES: &str = "64";

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
}

impl Tally {
    /// Prints the totals as the last line, and turns them into an exit code.
    pub(crate) fn tell(self) -> ExitCode {
        println!("\n{} passed, {} failed", self.passed, self.failed);
        if self.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// Returns true if any test failed.
    pub(crate) const fn has_failures(self) -> bool {
        self.failed > 0
    }

    /// Adds a line of output; any but a summary adds nothing.
    fn add(&mut self, line: &str) {
        let counts = if let Some(summary) = line.strip_prefix("test result: ") {
            // rustdoc's `ok. 3 passed; 0 failed; …`
            summary.split_once(". ").map(|(_, counts)| counts)
        } else if line.trim_start().starts_with("Summary [") {
            // nextest's `Summary [ 1.2s] 5 tests run: 3 passed (1 slow), 2 failed, 0 skipped`
            line.split_once(" run: ").map(|(_, counts)| counts)
        } else {
            None
        };
        for part in counts.unwrap_or_default().split([';', ',']) {
            let Some((count, kind)) = part.trim().split_once(' ') else { continue };
            let count = count.parse().unwrap_or(0);
            if kind.starts_with("passed") {
                self.passed += count;
            } else if ["failed", "timed out", "exec failed"].iter().any(|one| kind.starts_with(one))
            {
                self.failed += count;
            }
        }
    }
}

/// Runs all tests and doctests, and looks for snapshots that none of them read.
///
/// # Errors
/// Where they cannot be run; failed tests are in the tally.
pub(crate) fn run(workspace: &Workspace) -> Result<Tally> {
    let references = workspace.target.join("snapshot-references.txt");
    fs::create_dir_all(&workspace.target)?;
    fs::write(&references, "").with_context(|| format!("writing {}", references.display()))?;
    let mut doctests = workspace.cargo(&["test", "--doc", "--locked", "--no-fail-fast"]);
    doctests.args(workspace::WHOLE);
    let mut tests = workspace.cargo(&["nextest", "run", "--locked"]);
    tests
        .args(workspace::WHOLE)
        .env("INSTA_UPDATE", "no")
        .env("INSTA_SNAPSHOT_REFERENCES_FILE", &references);
    if !workspace.is_full() && env::var_os("PROPTEST_CASES").is_none() {
        tests.env("PROPTEST_CASES", CASES);
    }
    let mut tally = Tally::default();
    for mut command in [doctests, tests] {
        let mut counted = Tally::default();
        let status = count(&mut command, &mut counted)?;
        if counted.passed + counted.failed == 0 || (counted.failed == 0 && !status.success()) {
            bail!("`{}` ended without a result ({status})", command::display(&command));
        }
        tally.passed += counted.passed;
        tally.failed += counted.failed;
    }
    // Where a test failed, what it would have read is unknown.
    if tally.failed == 0 {
        let references = fs::read_to_string(&references)?;
        let unread = unreferenced(&snapshots(&workspace.root)?, &references);
        for snapshot in &unread {
            let shown = snapshot.strip_prefix(&workspace.root).unwrap_or(snapshot);
            println!("no test reads this snapshot; delete it: {}", shown.display());
        }
        tally.failed += unread.len() as u64;
    }
    Ok(tally)
}

/// Runs a command, passes on what it prints, and counts the tests in it.
///
/// # Errors
/// Where it cannot be run.
pub(crate) fn count(command: &mut Command, tally: &mut Tally) -> Result<ExitStatus> {
    let line = command::display(command);
    println!("$ {line}");
    // nextest tells everything on stderr, rustdoc's summaries are on stdout.
    let is_nextest = command.get_args().next().is_some_and(|first| first == "nextest");
    if is_nextest {
        command.stderr(Stdio::piped())
    } else {
        command.stdout(Stdio::piped())
    };
    let mut child = command.spawn().with_context(|| format!("`{line}` could not be started"))?;
    match (child.stdout.take(), child.stderr.take()) {
        (Some(output), _) => pass_on(output, tally)?,
        (None, Some(output)) => pass_on(output, tally)?,
        (None, None) => bail!("no output to read"),
    }
    Ok(child.wait()?)
}

/// Passes on what comes, and counts the tests in it.
fn pass_on(output: impl Read, tally: &mut Tally) -> Result<()> {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line)? > 0 {
        io::stdout().write_all(&line)?;
        tally.add(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    Ok(())
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

    fn tally(lines: &[&str]) -> Tally {
        let mut tally = Tally::default();
        for line in lines {
            tally.add(line);
        }
        tally
    }

    #[test]
    fn summaries_of_doctests_add_up() {
        let lines = [
            "running 4 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 5 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s",
            "all doctests ran in 0.51s; merged doctests compilation took 0.33s",
        ];
        assert_eq!(tally(&lines), Tally { passed: 8, failed: 2 });
    }

    #[test]
    fn summaries_of_the_test_runner_add_up() {
        let good = "     Summary [   0.042s] 3 tests run: 3 passed (1 slow), 7 skipped";
        assert_eq!(tally(&[good]), Tally { passed: 3, failed: 0 });
        let bad = "     Summary [  12.100s] 9/9 tests run: 4 passed, 2 failed, 1 exec failed, \
                   2 timed out, 0 skipped";
        assert_eq!(tally(&[bad]), Tally { passed: 4, failed: 5 });
        let one = "     Summary [   0.042s] 1 test run: 1 passed, 0 skipped";
        assert_eq!(tally(&["        PASS [   0.1s] (1/1) a run: 9 passed", one]).passed, 1);
    }

    #[test]
    fn snapshots_that_no_test_reads_are_found() {
        let snapshots =
            ["/a/snapshots/kept.snap", "/a/snapshots/left.snap"].map(PathBuf::from).into();
        let references = "/a/snapshots/kept.snap\n/a/snapshots/kept.snap\n/b/other.snap\n";
        assert_eq!(unreferenced(&snapshots, references), [PathBuf::from("/a/snapshots/left.snap")]);
    }
}
