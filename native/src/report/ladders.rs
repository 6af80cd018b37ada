//! Ladders that `ilk plan` climbed, kept beside the ledger for the reports of later runs.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{error::Error, report::Rung, rundir, settings::Record, usage};

/// Ladders that are kept; past that the oldest goes.
const MOST: usize = 64;

/// Returns where the ladder of a job on some files is; `None` where nothing is kept.
fn place(record: &Record, names: &[String]) -> Result<Option<PathBuf>, Error> {
    let Some(ledger) = usage::place() else { return Ok(None) };
    let name = format!("{}.json", rundir::identity(record, names)?);
    Ok(Some(ledger.with_file_name("ladders").join(name)))
}

/// Keeps the ladder of a job on some files; returns whether it is kept anywhere.
///
/// # Errors
/// If a file cannot be read, or the ladder not be written.
pub(crate) fn save(record: &Record, names: &[String], rungs: &[Rung]) -> Result<(), Error> {
    let Some(place) = place(record, names)? else { return Ok(()) };
    let text = serde_json::to_string(rungs).map_err(|error| Error::internal(error.to_string()))?;
    write(&place, &text).map_err(|error| Error::file("write", &place, &error))
}

fn write(place: &Path, text: &str) -> io::Result<()> {
    let Some(folder) = place.parent() else { return Ok(()) };
    fs::create_dir_all(folder)?;
    let mut others = fs::read_dir(folder)?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.metadata().ok()?.modified().ok()?, entry.path()))
        })
        .collect::<Vec<_>>();
    others.sort_unstable();
    for (_, oldest) in others.iter().take((others.len() + 1).saturating_sub(MOST)) {
        fs::remove_file(oldest)?;
    }
    fs::write(place, text)
}

/// Finds the ladder of the same job on the same files. Without one, or with one that cannot be
/// read, there is none: it is a courtesy.
pub(crate) fn find(record: &Record, names: &[String]) -> Vec<Rung> {
    let place = place(record, names).ok().flatten();
    let text = place.and_then(|place| fs::read_to_string(place).ok());
    text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}
