//! Where things are, and how other programs are run.

use std::{
    env,
    ffi::OsString,
    fmt::Write,
    io::BufReader,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use cargo_metadata::{Message, Metadata, MetadataCommand};
use serde::de::DeserializeOwned;

/// What is built and tested: all members, the program with its sandbox. Naming it in one place
/// keeps everything from being built once more with other features.
pub(crate) const WHOLE: [&str; 3] = ["--workspace", "--features", "ilk/plugins"];

/// The checkout and its target folder.
pub(crate) struct House {
    /// The folder of the workspace's manifest.
    pub(crate) root: PathBuf,
    /// Cargo's target folder.
    pub(crate) target: PathBuf,
}

impl House {
    /// Finds the house that this program was built in.
    pub(crate) fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        let root = root.context("xtask has no parent folder")?.to_owned();
        let metadata = metadata(&root, &["--no-deps"])?;
        Ok(Self { root, target: metadata.target_directory.into() })
    }

    /// The graph of all dependencies, with every feature and on every platform.
    pub(crate) fn dependencies(&self) -> Result<Metadata> {
        metadata(&self.root, &["--all-features"])
    }

    /// A call of cargo, in the root.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(cargo());
        command.args(arguments);
        command
    }

    /// A call of any program, in the root and without standard input.
    pub(crate) fn command(&self, program: impl Into<OsString>) -> Command {
        let mut command = Command::new(program.into());
        command.current_dir(&self.root).stdin(Stdio::null());
        command
    }

    /// Builds all programs and tests in one go, and returns the path of `ilk`.
    ///
    /// # Errors
    /// Where the build fails.
    pub(crate) fn program(&self) -> Result<PathBuf> {
        self.build(&[&WHOLE[..], &["--bins", "--tests"]].concat(), "ilk")
    }

    /// Builds what `arguments` say and returns the path of one of the programs.
    ///
    /// # Errors
    /// Where the build fails, or no such program was built.
    pub(crate) fn build(&self, arguments: &[&str], program: &str) -> Result<PathBuf> {
        let mut command = self.cargo(&["build", "--locked"]);
        command.args(arguments).arg("--message-format=json-render-diagnostics");
        command.stdout(Stdio::piped());
        println!("$ {}", display(&command));
        let mut child = command.spawn().context("cargo build could not be started")?;
        let output = BufReader::new(child.stdout.take().context("no output to read")?);
        let mut path = None;
        for message in Message::parse_stream(output) {
            if let Message::CompilerArtifact(artifact) = message?
                && artifact.target.is_bin()
                && artifact.target.name == program
                && !artifact.profile.test
            {
                path = artifact.executable;
            }
        }
        let status = child.wait()?;
        if !status.success() {
            bail!("cargo build failed ({status})");
        }
        Ok(path.with_context(|| format!("the workspace has no program `{program}`"))?.into())
    }
}

fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn metadata(root: &Path, options: &[&str]) -> Result<Metadata> {
    let options = options.iter().copied().chain(["--locked"]).map(String::from);
    MetadataCommand::new()
        .cargo_path(cargo())
        .current_dir(root)
        .other_options(options.collect::<Vec<_>>())
        .exec()
        .context("cargo metadata gave no answer")
}

/// Prints a command, runs it and waits for it.
///
/// # Errors
/// Where it cannot be started or ends with a failure.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = display(command);
    println!("$ {line}");
    let status = command.status().with_context(|| format!("`{line}` could not be started"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// Prints a command, runs it and reads what it prints as JSON.
///
/// # Errors
/// Where it cannot be started, ends with a failure, or prints something else.
pub(crate) fn answer<T: DeserializeOwned>(command: &mut Command) -> Result<T> {
    let line = display(command);
    println!("$ {line}");
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("`{line}` could not be started"))?;
    if !output.status.success() {
        bail!("`{line}` failed ({})", output.status);
    }
    serde_json::from_slice(&output.stdout).with_context(|| format!("`{line}` gave no answer"))
}

/// Runs a command without showing what it prints; tells whether it succeeded.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// A command as one would type it, with the environment it sets.
pub(crate) fn display(command: &Command) -> String {
    let mut line = String::new();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            let assignment = format!("{}={} ", name.display(), quoted(&value.to_string_lossy()));
            line.push_str(&assignment);
        }
    }
    let program = Path::new(command.get_program());
    // Cargo is named by its full path inside `cargo xtask`; people type its name.
    let is_cargo = program.file_stem().is_some_and(|stem| stem == "cargo");
    let shown = if is_cargo { Path::new("cargo") } else { program };
    line.push_str(&quoted(&shown.to_string_lossy()));
    for argument in command.get_args() {
        // Writing to a string cannot fail.
        let _ = write!(line, " {}", quoted(&argument.to_string_lossy()));
    }
    line
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let group = |(place, digit): (usize, char)| {
        let starts = place > 0 && (digits.len() - place).is_multiple_of(3);
        [starts.then_some(','), Some(digit)]
    };
    digits.chars().enumerate().flat_map(group).flatten().collect()
}

fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_=./:,+@<>".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) { word.into() } else { format!("'{word}'") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let texts = [0, 12, 999, 1_000, 1_234_567].map(grouped);
        assert_eq!(texts, ["0", "12", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn commands_are_shown_as_typed() {
        let mut command = Command::new("/somewhere/bin/cargo");
        command.args(["doc", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(display(&command), "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps");
    }
}
