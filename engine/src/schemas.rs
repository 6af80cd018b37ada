//! Files that do not belong together.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use ilk_formats::{Input, ReadOptions};

use crate::{
    columns::numeric_help,
    error::Error,
    inputs::FileSource,
    text::{counted, shortened},
};

/// Schemas that are listed.
const SHOWN: usize = 8;

/// Describes which of several schemas each file has, where one of them lacks a column.
pub(crate) fn explain(
    error: ilk_formats::Error,
    paths: &[PathBuf],
    options: &ReadOptions,
) -> Error {
    if let ilk_formats::Error::ColumnType { column, file, .. } = &error
        && Some(column) == options.weight.as_ref()
    {
        let path = paths.iter().find(|path| path.display().to_string() == *file);
        let help = numeric_help(path.map(PathBuf::as_path), options);
        return Error::from(error).with_help(help);
    }
    let is_missing = matches!(error, ilk_formats::Error::MissingColumn { .. });
    let error = Error::from(error);
    if !is_missing || paths.len() < 2 {
        return error;
    }
    let mut schemas: BTreeMap<String, (u64, &Path)> = BTreeMap::new();
    for path in paths {
        let input = FileSource::open(path)
            .ok()
            .and_then(|source| Input::open_as(Arc::new(source), options.format, &options.csv).ok());
        let Some(input) = input else { continue };
        let names = input.schema().names().collect::<Vec<_>>().join(", ");
        schemas.entry(names).or_insert((0, path)).0 += 1;
    }
    if schemas.len() < 2 {
        return error;
    }
    let mut schemas = schemas.into_iter().collect::<Vec<_>>();
    schemas.sort_by_key(|(_, (count, _))| Reverse(*count));
    let line = |(names, (count, first)): &(String, (u64, &Path))| {
        let (number, first) = (counted(*count, "file"), first.display());
        let such = if *count > 1 { "such as " } else { "" };
        format!("{number} ({such}{first}): {}", shortened(names, 160))
    };
    let lines = schemas.iter().take(SHOWN).map(line).collect::<Vec<_>>().join("; ");
    Error::input(format!("{}; the files have different columns: {lines}", error.message()))
        .with_help("name only the files of one table")
}
