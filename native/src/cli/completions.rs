//! `ilk completions`.

use super::command;
use crate::{error::Error, stdout};

pub(super) const EXAMPLES: &str = "\
Examples:
    ilk completions bash > ~/.local/share/bash-completion/completions/ilk
    ilk completions zsh > ~/.zfunc/_ilk
    ilk completions fish > ~/.config/fish/completions/ilk.fish";

/// Prints the completions of `shell`.
///
/// # Errors
/// If standard output cannot be written.
pub(crate) fn completions(shell: clap_complete::Shell) -> Result<(), Error> {
    stdout::print(|out| {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut command(), "ilk", &mut script);
        out.write_all(&script)
    })
}
