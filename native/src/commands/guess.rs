//! User and item columns that nobody named, guessed from their names.

use figment::value::{Dict, Value};
use ilk_engine::PartialSource;
use ilk_formats::{Guess, count_candidates, guess_columns};

use super::inspect::schema_of;
use crate::{
    error::Error,
    inputs,
    progress::Reporter,
    settings::{Keys, Layer, Layers, Word},
    text::quoted,
};

/// Fills in the user and item columns where `ilk inspect` would guess them and no other column
/// could be meant; otherwise shows the guess as a command of `ilk COMMAND`.
///
/// # Errors
/// For input that cannot be read, and a guess that is not sure.
pub(crate) fn with_guess(
    layers: Layers,
    command: &str,
    reporter: &Reporter,
) -> Result<Layers, Error> {
    let source = layers.source()?;
    if source.input.is_empty() || (source.user.is_some() && source.item.is_some()) {
        return Ok(layers);
    }
    // An input that does not exist is reported with everything else that is missing.
    let found = inputs::resolve(&source.input, source.table_formats());
    let Ok(inputs) = found else { return Ok(layers) };
    let schema = schema_of(&inputs.files[0], &source)?;
    let Guess { user, item, .. } = guess_columns(&schema);
    let (user, item) = (source.user.clone().or(user), source.item.clone().or(item));
    let (Some(user), Some(item)) = (user, item) else { return Ok(layers) };
    if user == item {
        return Ok(layers);
    }
    let (users, items) = count_candidates(&schema);
    let is_sure = (source.user.is_some() || users == 1) && (source.item.is_some() || items == 1);
    if !is_sure {
        return Err(unsure(&layers, &source, (&user, &item), command));
    }
    let flags = format!("--user {} --item {}", quoted(&user), quoted(&item));
    reporter.note(format!("columns guessed from their names: {flags}"));
    let columns = [("user", user), ("item", item)].map(|(key, name)| (key.into(), name.into()));
    let values = Dict::from([(Keys::SOURCE.into(), Value::from(Dict::from(columns)))]);
    Ok(layers.above(Layer { origin: "guessed".into(), values }))
}

/// Shows the guess as a command with all that was given, for a person to check.
fn unsure(
    layers: &Layers,
    source: &PartialSource,
    (user, item): (&str, &str),
    command: &str,
) -> Error {
    let missing = [("user", user, source.user.is_none()), ("item", item, source.item.is_none())];
    let missing = missing.iter().filter(|(.., is)| *is);
    let names = missing.clone().map(|(name, ..)| format!("--{name}")).collect::<Vec<_>>();
    let words = missing.map(|(name, column, _)| Word::flag(name, *column));
    Error::input(format!("missing: {}", names.join(", "))).with_help(format!(
        "did you mean `{}`? `{}` lists the columns",
        layers.call().with(command, words).join(" "),
        layers.call().inspect()
    ))
}
