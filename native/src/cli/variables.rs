//! `ILK_*` variables.

use super::command;
use crate::{interrupt, text::closest};

/// Names the variables that say what a job reads, computes and writes.
#[cfg(feature = "explore")]
pub(crate) fn variables_of_jobs() -> Vec<std::ffi::OsString> {
    use clap::Args as _;

    use super::flags::{JobArgs, JobFileArgs, ListArgs, PlaceArgs, PublishingArgs, SourceArgs};
    let groups = [
        JobFileArgs::augment_args,
        SourceArgs::augment_args,
        JobArgs::augment_args,
        ListArgs::augment_args,
        PlaceArgs::augment_args,
        PublishingArgs::augment_args,
    ];
    let command = groups.into_iter().fold(clap::Command::new(""), |command, group| group(command));
    command.get_arguments().filter_map(|flag| flag.get_env().map(Into::into)).collect()
}

/// Finds variables that look like settings and are none, each told in a line: a slip in a name would
/// otherwise change nothing and say nothing.
pub(crate) fn unknown_variables() -> Vec<String> {
    /// Read elsewhere than from flags.
    const OTHERS: [&str; 3] = ["ILK_KERNEL", "ILK_USAGE_FILE", interrupt::END_WITH_STDIN];
    let set = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut unknown = set.filter(|name| name.starts_with("ILK_")).collect::<Vec<_>>();
    if unknown.is_empty() {
        return Vec::new();
    }
    let command = command();
    let flags = command.get_subcommands().chain([&command]).flat_map(clap::Command::get_arguments);
    let known = flags.filter_map(|flag| flag.get_env()?.to_str()).chain(OTHERS).collect::<Vec<_>>();
    unknown.retain(|name| !known.contains(&name.as_str()));
    unknown.sort();
    let line = |name: &String| {
        // Without what all begin with, which would make all of them near.
        let bare = known.iter().map(|name| &name["ILK_".len()..]);
        let near = closest(&name["ILK_".len()..], bare);
        let hint = near.first().map(|near| format!("; did you mean ILK_{near}?"));
        format!("{name} is set, but it is not a setting{}", hint.unwrap_or_default())
    };
    unknown.iter().map(line).collect()
}
