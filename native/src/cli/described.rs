//! Help of the flags that set the job: what core says of its settings.

use std::str::FromStr;

use clap::{
    Arg, Command,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};
use ilk_core::{UnknownName, job::SimilarityJob};
use schemars::{JsonSchema, Schema, schema_for};

/// Gives every flag of the subcommands that has no help that of the job's setting with its name.
pub(super) fn described(command: Command) -> Command {
    let job = schema_for!(SimilarityJob);
    let described = |flag: Arg| match Description::of(&job, flag.get_id().as_str()) {
        Some(description) if flag.get_help().is_none() => description.help(flag),
        _ => flag,
    };
    command.mut_subcommands(|command| command.mut_args(described))
}

/// What core says of a setting.
struct Description {
    /// What it means, without a full stop.
    meaning: String,
    /// Its value where nothing is said.
    default: Option<String>,
    /// More, where there is more to say.
    details: Option<String>,
}

impl Description {
    /// Reads what the schema says of the setting `name`; `None` where there is no such setting.
    fn of(job: &Schema, name: &str) -> Option<Self> {
        let text = job.pointer(&format!("/properties/{name}/description"))?.as_str()?;
        let mut paragraphs = text.split("\n\n").map(plain);
        let first = paragraphs.next()?;
        let (meaning, default) = match first.split_once(" Default: ") {
            Some((meaning, default)) => (meaning, Some(default)),
            None => (first.as_str(), None),
        };
        let details = paragraphs.collect::<Vec<_>>().join("\n\n");
        Some(Self {
            meaning: unstopped(meaning),
            default: default.map(unstopped),
            details: (!details.is_empty()).then_some(details),
        })
    }

    fn help(self, flag: Arg) -> Arg {
        let default = self.default.map(|default| format!(" [default: {default}]"));
        let help = self.meaning + &default.unwrap_or_default();
        match self.details {
            Some(details) => flag.long_help(format!("{help}\n\n{details}")),
            None => flag,
        }
        .help(help)
    }
}

/// Makes a line of a paragraph, without the marks of code.
fn plain(paragraph: &str) -> String {
    paragraph.replace('\n', " ").replace('`', "")
}

fn unstopped(text: &str) -> String {
    text.strip_suffix('.').unwrap_or(text).to_owned()
}

/// Takes one of the names of an enum of core, with what core says of each.
pub(super) fn names<T>(names: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err = UnknownName> + JsonSchema + Clone + Send + Sync + 'static,
{
    let schema = schema_for!(T);
    let names = names.iter().map(|name| match meaning_of(&schema, name) {
        Some(meaning) => PossibleValue::new(*name).help(meaning),
        None => PossibleValue::new(*name),
    });
    PossibleValuesParser::new(names).try_map(|name| name.parse::<T>())
}

/// Returns what is said of a name of an enum.
fn meaning_of(schema: &Schema, name: &str) -> Option<String> {
    let mut variants = schema.get("oneOf")?.as_array()?.iter();
    let variant = variants.find(|variant| variant.get("const").is_some_and(|text| text == name))?;
    variant.get("description")?.as_str().map(plain)
}
