//! Wrong usage, told in a line and what helps.

use clap::{
    Command,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::{error::Error, text::did_you_mean};

/// Makes an error of clap's about `command`: its first line, and what else it has to say as help.
pub(super) fn usage_error(error: &clap::Error, command: &Command) -> Error {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Error::input("no command given")
            .with_help("`ilk demo` shows what it does, `ilk --help` lists the commands");
    }
    if let Some(ContextValue::String(name)) = error.get(ContextKind::InvalidSubcommand) {
        let near = did_you_mean(name, command.get_subcommands().map(Command::get_name));
        return Error::input(format!("no command `{name}`"))
            .with_help(near.unwrap_or_else(|| "`ilk --help` lists the commands".into()));
    }
    let text = error.render().to_string();
    let text = text.trim_end();
    let (message, rest) = text.split_once('\n').unwrap_or((text, ""));
    let message = message.trim_start_matches("error: ").trim_end_matches(':');
    let message = message
        .replace("invalid digit found in string", "expected a whole number")
        .replace("invalid float literal", "expected a number")
        .replace("number would be zero for non-zero type", "expected 1 or more");
    let origin = variable_of(error).map(|name| format!(" (from {name})")).unwrap_or_default();
    let lines = rest.lines().map(|line| line.trim().trim_matches(['[', ']']));
    let lines = lines.filter(|line| !line.is_empty());
    let lines = lines.filter(|line| !line.starts_with("For more information"));
    // Tips stand last, but a near name is worth more than a list of all.
    let (tips, others): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with("tip: "));
    let tips = tips.iter().map(|line| line.trim_start_matches("tip: "));
    let help = tips.chain(others).collect::<Vec<_>>().join("; ");
    Error::input(format!("{message}{origin}")).with_help_if((!help.is_empty()).then_some(help))
}

/// Finds the variable that holds a wrong value, if the value comes from one.
fn variable_of(error: &clap::Error) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let flag = text(ContextKind::InvalidArg)?.split(' ').next()?.strip_prefix("--")?;
    let name = format!("ILK_{}", flag.replace('-', "_").to_uppercase());
    // A flag goes over its variable, so the value is the variable's only without the flag.
    let is_given = std::env::args().any(|argument| argument.starts_with(&format!("--{flag}")));
    let value = std::env::var(&name).ok()?;
    (!is_given && text(ContextKind::InvalidValue) == Some(&value)).then_some(name)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn usage_errors_are_one_line_with_help() {
        let command = Cli::command();
        let error = command.clone().try_get_matches_from(["ilk", "run", "--tpo", "5"]).unwrap_err();
        insta::assert_snapshot!(console::strip_ansi_codes(&usage_error(&error, &command).to_string()), @r"
        error: unexpected argument '--tpo' found
        help: to pass '--tpo' as a value, use '-- --tpo'; Usage: ilk run [OPTIONS] [INPUT]...
        ");
    }
}
