//! What the columns of a file hold, for words that help where another column is meant.

use std::{io, path::Path, sync::Arc};

use ilk_core::data::Rows;
use ilk_formats::{ColumnKind, Input, ReadOptions, Table};

use crate::{
    error::Error,
    inputs::FileSource,
    text::{grouped, shortened},
};

/// Rows that tell whether a column without a type holds numbers.
const FEW_ROWS: usize = 1_000;
/// Values and columns that are named.
const SHOWN: usize = 6;

/// Names the columns of numbers of a file.
pub(crate) fn numeric_help(path: Option<&Path>, options: &ReadOptions) -> String {
    let numeric = path.map(|path| numeric_columns(path, options)).unwrap_or_default();
    if numeric.is_empty() {
        return "no other column holds numbers; leave out --weight".into();
    }
    format!("numeric columns: {}", named(numeric.iter().map(String::as_str)))
}

/// The columns of numbers of a file that serve as nothing else.
fn numeric_columns(path: &Path, options: &ReadOptions) -> Vec<String> {
    let input = FileSource::open(path)
        .ok()
        .and_then(|source| Input::open_as(Arc::new(source), options.format, &options.csv).ok());
    let Some(input) = input else { return Vec::new() };
    let is_taken = |name: &str| {
        let time = options.time.as_deref() == Some(name);
        time || [&options.user, &options.item].iter().any(|taken| *taken == name)
    };
    let is_numeric = |name: &str, kind| match kind {
        ColumnKind::Integer | ColumnKind::Number | ColumnKind::Boolean => true,
        ColumnKind::Untyped => holds_numbers(path, name, options),
        _ => false,
    };
    let columns = input.schema().columns.iter();
    let free = columns.filter(|column| !column.name.is_empty() && !is_taken(&column.name));
    let numeric = free.filter(|column| is_numeric(&column.name, column.kind));
    numeric.map(|column| column.name.clone()).take(SHOWN).collect()
}

/// Tells whether the first cells of a column are numbers.
fn holds_numbers(path: &Path, column: &str, options: &ReadOptions) -> bool {
    let options = ReadOptions { weight: Some(column.into()), ..bare(options, None) };
    let (mut numbers, mut others) = (0, 0);
    let looked = look_at(path, 0, &options, FEW_ROWS, &mut |rows| {
        let Some(weight) = &rows.weight else { return };
        numbers += weight.values.iter().filter(|value| !value.is_nan()).count();
        others += weight.bad.len();
    });
    looked.is_ok() && numbers > 0 && numbers > others * 20
}

/// The same columns, of which nothing more is asked; `id` serves as user and item if it is given.
pub(crate) fn bare(options: &ReadOptions, id: Option<&str>) -> ReadOptions {
    let or = |name: &str| id.unwrap_or(name).to_owned();
    ReadOptions {
        user: or(&options.user),
        item: or(&options.item),
        weight: None,
        time: None,
        item_label: None,
        conditions: Vec::new(),
        item_separator: None,
        ..options.clone()
    }
}

/// Names some of many.
pub(crate) fn named<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = names.len().saturating_sub(SHOWN);
    let names = names.take(SHOWN).map(|name| format!("`{}`", shortened(name, 40)));
    let names = names.collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{names} and {} more", grouped(more as u64)) } else { names }
}

/// Reads the first `most` rows of a file, about.
pub(crate) fn look_at(
    path: &Path,
    number: u32,
    options: &ReadOptions,
    most: usize,
    see: &mut dyn FnMut(&Rows),
) -> Result<(), ilk_formats::Error> {
    let failed = |source: Error| ilk_formats::Error::Read {
        file: path.display().to_string(),
        source: io::Error::other(source.message().to_owned()),
    };
    let source = FileSource::open(path).map_err(failed)?;
    let options = ReadOptions { chunk_rows: Some(most.min(FEW_ROWS * 10)), ..options.clone() };
    let table = Table::open(Arc::new(source), number, &options)?;
    let mut left = most;
    for part in 0..table.parts().len() {
        let mut cursor = table.begin(part)?;
        while left > 0
            && let Some(rows) = table.next(&mut cursor)?
        {
            left = left.saturating_sub(rows.len());
            see(&rows);
        }
    }
    Ok(())
}
