//! The settings that a run directory keeps.

use std::{
    fs,
    path::{Path, PathBuf},
};

use figment::value::{Dict, Value};
use ilk_core::job::SimilarityJob;
use serde::{Deserialize, Serialize};

use super::{Layer, Lists, PartialSource};
use crate::error::Error;

/// The manifest of a run directory.
pub(crate) const MANIFEST: &str = "run.json";

/// The part of a manifest that says what was computed from what.
#[derive(Deserialize)]
struct Manifest {
    /// Where relative paths start from.
    folder: PathBuf,
    job: Record,
}

#[derive(Deserialize, Serialize)]
struct Record {
    source: PartialSource,
    job: SimilarityJob,
    lists: Lists,
}

/// Reads the settings of the run directory `folder`; `None` if it is none.
///
/// # Errors
/// If there is a manifest that cannot be read.
pub(super) fn layer(folder: &Path) -> Result<Option<Layer>, Error> {
    let path = folder.join(MANIFEST);
    if !path.is_file() {
        return Ok(None);
    }
    let text = fs::read(&path).map_err(|error| Error::file("read", &path, &error))?;
    let Manifest { folder, mut job } = serde_json::from_slice(&text).map_err(|error| {
        Error::input(format!("{} is no manifest of a run: {error}", path.display()))
            .with_help("take the job file or the inputs instead")
    })?;
    for input in &mut job.source.input {
        *input = folder.join(&input).display().to_string();
    }
    let Lists { only, exclude, targets } = &mut job.lists;
    for list in [only, exclude, targets].into_iter().flatten() {
        *list = folder.join(&list);
    }
    let values = Value::serialize(job).map_err(|error| Error::internal(error.to_string()))?;
    let values: Dict = values.into_dict().unwrap_or_default();
    Ok(Some(Layer { origin: path.display().to_string(), values }))
}
