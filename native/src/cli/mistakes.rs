//! Wrong usage, told in a line and what helps.

use clap::{
    Command,
    error::{ContextKind, ContextValue, ErrorKind},
};

use ilk_formats::FileFormat;

use crate::{
    error::Error,
    settings::AT_LEAST_ONE,
    text::{closest, did_you_mean},
};

/// Makes an error of clap's about `command`: its first line, and what else it has to say as help.
pub(super) fn usage_error(error: &clap::Error, command: &Command) -> Error {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Error::input("no command given")
            .with_help("`ilk demo` shows what it does, `ilk --help` lists the commands");
    }
    if let Some(ContextValue::String(name)) = error.get(ContextKind::InvalidSubcommand) {
        return no_command(name, command);
    }
    if let Some(flag) = unknown_flag(error) {
        return Error::input(format!("unexpected argument '{flag}' found")).with_help(near_flag(
            flag,
            called(error, command),
            command,
        ));
    }
    let text = error.render().to_string();
    let text = text.trim_end();
    let (message, rest) = text.split_once('\n').unwrap_or((text, ""));
    let message = message.trim_start_matches("error: ").trim_end_matches(':');
    let message = message
        .replace("invalid digit found in string", whole_number(error))
        .replace("invalid float literal", "expected a number")
        .replace("number would be zero for non-zero type", "expected 1 or more");
    let message = match message.split_once(": -") {
        Some((what, range)) if range.contains(" is not in ") => {
            format!("{what}: {}", whole_number(error))
        }
        _ => message,
    };
    let origin = variable_of(error).map(|name| format!(" (from {name})")).unwrap_or_default();
    let lines = rest.lines().map(|line| line.trim().trim_matches(['[', ']']));
    let lines = lines.filter(|line| !line.is_empty());
    let lines = lines.filter(|line| !line.starts_with("For more information"));
    // What looks like a flag is hardly ever meant as an input, but it may be a value or an ID.
    let takes_ids = called(error, command).is_some_and(|called| called.get_name() == "similar");
    let dashed = if takes_ids {
        "put IDs that begin with `-` after `--`, as in `ilk similar OUT -- -x`"
    } else {
        "write a value that begins with `-` as in --user=-x"
    };
    let lines = lines.map(|line| match line.strip_prefix("tip: to pass") {
        Some(_) => dashed,
        None => line,
    });
    // Tips stand last, but a near name is worth more than a list of all.
    let (tips, others): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with("tip: "));
    let tips = tips.iter().map(|line| line.trim_start_matches("tip: "));
    let help = of_input(error).into_iter().chain(tips).chain(others).collect::<Vec<_>>().join("; ");
    Error::input(format!("{message}{origin}")).with_help_if((!help.is_empty()).then_some(help))
}

/// Says which flag sets the format of the input, where `--format` was given one.
fn of_input(error: &clap::Error) -> Option<&'static str> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let is_format = text(ContextKind::InvalidArg)?.starts_with("--format ");
    let is_of_input = FileFormat::NAMES.contains(&text(ContextKind::InvalidValue)?);
    (is_format && is_of_input).then_some("--input-format is the format of the input")
}

/// Makes an error of a command that does not exist.
pub(super) fn no_command(name: &str, command: &Command) -> Error {
    let near = did_you_mean(name, command.get_subcommands().map(Command::get_name));
    Error::input(format!("no command `{name}`"))
        .with_help(near.unwrap_or_else(|| "`ilk --help` lists the commands".into()))
}

/// Returns the flag that is not known, if that is what is wrong.
fn unknown_flag(error: &clap::Error) -> Option<&str> {
    let is_unknown = error.kind() == ErrorKind::UnknownArgument;
    match error.get(ContextKind::InvalidArg).filter(|_| is_unknown) {
        Some(ContextValue::String(name)) if name.starts_with("--") => Some(name.as_str()),
        _ => None,
    }
}

/// Finds the command whose usage an error shows.
fn called<'c>(error: &clap::Error, command: &'c Command) -> Option<&'c Command> {
    let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) else { return None };
    let usage = usage.to_string();
    let mut words = usage.split_whitespace().skip_while(|word| *word != "Usage:");
    command.find_subcommand(words.nth(2)?)
}

/// Suggests a flag of the command that was called, or of all. That it is a value nobody means.
fn near_flag(flag: &str, called: Option<&Command>, command: &Command) -> String {
    if let Some(elsewhere) = flag_elsewhere(flag, called, command) {
        return elsewhere;
    }
    let flags = called.into_iter().chain([command]).flat_map(Command::get_arguments);
    let known = flags.flat_map(|argument| {
        let aliases = argument.get_visible_aliases().unwrap_or_default();
        argument.get_long().into_iter().chain(aliases)
    });
    let bare = flag.trim_start_matches('-').split('=').next().unwrap_or_default();
    let mut near = closest(bare, known);
    // Slips are rare in the first letter: of `--itme`, `--item` is meant and not `--time`.
    let is_begun = |name: &&str| name.chars().next() == bare.chars().next();
    if near.iter().any(is_begun) {
        near.retain(is_begun);
    }
    let near = near.into_iter().map(|name| format!("`--{name}`")).collect::<Vec<_>>();
    if near.is_empty() {
        let name = called.map_or_else(String::new, |called| format!("{} ", called.get_name()));
        return format!("`ilk {name}--help` lists the flags");
    }
    format!("did you mean {}?", near.join(" or "))
}

/// Says which other commands take a flag.
fn flag_elsewhere(flag: &str, called: Option<&Command>, command: &Command) -> Option<String> {
    const NAMED: usize = 3;
    let called = called?.get_name();
    let bare = flag.trim_start_matches('-').split('=').next().unwrap_or_default();
    let takes = |command: &&Command| {
        command.get_arguments().any(|argument| argument.get_long() == Some(bare))
    };
    let takers = command.get_subcommands().filter(takes).map(Command::get_name);
    let takers = takers.collect::<Vec<_>>();
    let named = takers.iter().take(NAMED).map(|name| format!("`ilk {name}`")).collect::<Vec<_>>();
    let takers = match (takers.len(), &named[..]) {
        (0, _) => return None,
        (1, [only]) => format!("only {only} takes it"),
        (2..=NAMED, [others @ .., last]) => format!("{} and {last} take it", others.join(", ")),
        _ => format!("{} and others take it", named.join(", ")),
    };
    Some(format!("{takers}; leave it out of `ilk {called}`"))
}

/// Says which whole numbers the setting of a wrong value takes.
fn whole_number(error: &clap::Error) -> &'static str {
    const POSITIVE: [&str; 4] = ["threads", "max_per_group", "users", "keep"];
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else {
        return "expected a whole number of 0 or more";
    };
    let name = flag.split(' ').next().unwrap_or_default().trim_start_matches('-');
    let name = name.replace('-', "_");
    if AT_LEAST_ONE.iter().chain(&POSITIVE).any(|known| **known == name) {
        "expected a whole number of 1 or more"
    } else {
        "expected a whole number of 0 or more"
    }
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
    use super::*;
    use crate::cli::command;

    #[test]
    fn usage_errors_are_one_line_with_help() {
        let told = |words: &str| {
            let command = command();
            let words = ["ilk"].into_iter().chain(words.split(' '));
            let error = command.clone().try_get_matches_from(words).unwrap_err();
            console::strip_ansi_codes(&usage_error(&error, &command).to_string()).into_owned()
        };
        let of_run =
            ["run --tpo 5", "run --itme x", "run --zzz", "run -k -1", "run --shard-siez=1"];
        let of_others = [
            "plan x --csv-safe",
            "plan x --restart",
            "similar x --user u",
            "inspect - --format csv",
            "similar out -x",
            "similar out",
        ];
        let all = of_run
            .into_iter()
            .chain(of_others)
            .map(|words| format!("{words}\n{}", told(words)))
            .collect::<Vec<_>>()
            .join("\n");
        insta::assert_snapshot!(all, @r"
        run --tpo 5
        error: unexpected argument '--tpo' found
        help: did you mean `--top`?

        run --itme x
        error: unexpected argument '--itme' found
        help: did you mean `--item`?

        run --zzz
        error: unexpected argument '--zzz' found
        help: `ilk run --help` lists the flags

        run -k -1
        error: invalid value '-1' for '--top <K>': expected a whole number of 1 or more

        run --shard-siez=1
        error: unexpected argument '--shard-siez' found
        help: did you mean `--shard-size`?

        plan x --csv-safe
        error: unexpected argument '--csv-safe' found
        help: `ilk run` and `ilk config` take it; leave it out of `ilk plan`

        plan x --restart
        error: unexpected argument '--restart' found
        help: only `ilk run` takes it; leave it out of `ilk plan`

        similar x --user u
        error: unexpected argument '--user' found
        help: `ilk run`, `ilk plan`, `ilk sample` and others take it; leave it out of `ilk similar`

        inspect - --format csv
        error: invalid value 'csv' for '--format <FORMAT>'
        help: --input-format is the format of the input; possible values: text, json

        similar out -x
        error: unexpected argument '-x' found
        help: put IDs that begin with `-` after `--`, as in `ilk similar OUT -- -x`; Usage: ilk similar [OPTIONS] <OUT> <ITEM>...

        similar out
        error: the following required arguments were not provided
        help: <ITEM>...; Usage: ilk similar <OUT> <ITEM>...
        ");
    }
}
