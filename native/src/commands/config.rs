//! `ilk config`: every setting in force and where it comes from.

use crate::{error::Error, settings::Layers, stdout, text};

/// How to print the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A table of setting, value and origin.
    Table,
    /// A job file.
    Toml,
}

/// Prints the settings.
///
/// # Errors
/// For a setting that cannot be.
pub(crate) fn config(layers: &Layers, form: Form) -> Result<(), Error> {
    let text = match form {
        Form::Table => layers.table(text::width())?,
        Form::Toml => layers.to_toml()?,
    };
    stdout::print_text(&text)
}
