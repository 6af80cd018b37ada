//! Other programs: shown as one would type them, run, and what they answer.

use std::{
    fmt::Write,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;

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

fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_=./:,+@<>".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) { word.into() } else { format!("'{word}'") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_shown_as_typed() {
        let mut command = Command::new("/somewhere/bin/cargo");
        command.args(["doc", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(display(&command), "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps");
    }
}
