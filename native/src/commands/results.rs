//! Results that commands read back: a file, a folder or a run directory.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    dated,
    error::Error,
    inputs::FileSource,
    output::{ITEMS, NEIGHBOURS},
    rundir::{self, MANIFEST},
};

/// What to name.
pub(super) const WHAT_IT_READS: &str =
    "name an output of `ilk run`: a file, folder or run directory";

/// Finds the table of neighbours of a result; a run knows what it wrote, and whether that is what is
/// there. Cost: of a run directory, a pass over the table.
///
/// # Errors
/// If there is none yet, or it is damaged.
pub(super) fn table_of(place: &Path) -> Result<PathBuf, Error> {
    if !place.is_dir() {
        return Ok(place.to_owned());
    }
    let place = &dated::newest(place);
    let (path, name) = (place.join(NEIGHBOURS), place.display());
    if path.exists() {
        rundir::check_files(place, &[NEIGHBOURS, ITEMS])?;
        return Ok(path);
    }
    Err(if place.join(MANIFEST).exists() {
        Error::input(format!("the run in {name} has not finished"))
            .with_help("resume it with the command that started it")
    } else {
        Error::input(format!("{name} has no {NEIGHBOURS}")).with_help(WHAT_IT_READS)
    })
}

/// Opens a file.
///
/// # Errors
/// If it cannot be read.
pub(super) fn open(path: &Path) -> Result<Arc<FileSource>, Error> {
    Ok(FileSource::open(path).map(Arc::new)?)
}
