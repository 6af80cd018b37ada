//! What a call was given, as words to propose another call from.

use clap::{Arg, ArgMatches, parser::ValueSource};

use super::command;
use crate::settings::{Call, Word};

/// Finds the words of a call of `ilk NAME`, in the order they were given.
pub(crate) fn call_of(name: &str, matches: &ArgMatches) -> Call {
    let command = command();
    let of = |name: &str| command.find_subcommand(name);
    let Some(called) = of(name) else { return Call::default() };
    let takes = |name: &str, arg: &Arg| {
        let is_arg = |other: &Arg| other.get_id() == arg.get_id();
        of(name).is_some_and(|command| command.get_arguments().any(is_arg))
    };
    let mut words: Vec<(usize, Word)> = Vec::new();
    for arg in called.get_arguments() {
        let id = arg.get_id().as_str();
        let source = matches.try_contains_id(id).ok().and_then(|_| matches.value_source(id));
        if !matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable)) {
            continue;
        }
        // What comes from a variable has no place: it stands last.
        let mut places = matches.indices_of(id).into_iter().flatten();
        for value in matches.try_get_raw(id).ok().flatten().into_iter().flatten() {
            let place = match source {
                Some(ValueSource::CommandLine) => places.next().unwrap_or(usize::MAX),
                _ => usize::MAX,
            };
            let mut word = word_of(arg, &value.to_string_lossy());
            // What is asked of the page of `ilk inspect` is no part of other calls.
            word.inspects = takes("inspect", arg) && id != "format";
            word.runs = takes("run", arg);
            words.push((place, word));
        }
    }
    words.sort_by_key(|(place, _)| *place);
    Call::new(words.into_iter().map(|(_, word)| word).collect())
}

/// Makes a word of a value; a flag whose value may be left out stands by itself if it is on.
fn word_of(arg: &Arg, value: &str) -> Word {
    let may_be_bare = !arg.get_action().takes_values()
        || arg.get_num_args().is_some_and(|count| count.min_values() == 0);
    let value = Some(value).filter(|value| !(may_be_bare && *value == "true"));
    let (flag, value) = (arg.get_long().map(Into::into), value.map(Into::into));
    Word { flag, value, inspects: true, runs: true }
}
