//! The settings that a run directory keeps, as a layer below the flags.

use std::path::Path;

use figment::value::{Dict, Value};

use crate::{
    error::Error,
    rundir::{MANIFEST, Manifest},
    settings::{Layer, Lists, PartialSource},
};

/// Reads the settings of the run directory `folder`; `None` if it is none. Relative paths start
/// from the folder in which the run was begun.
///
/// # Errors
/// If there is a manifest that cannot be read.
pub(crate) fn recorded_layer(folder: &Path) -> Result<Option<Layer>, Error> {
    if !folder.is_dir() {
        return Ok(None);
    }
    let Some(Manifest { life, task, .. }) = Manifest::load(folder)? else { return Ok(None) };
    let (begun_in, mut job) = (life.folder, task.job);
    let PartialSource { input, labels, .. } = &mut job.source;
    for input in input.iter_mut().chain(labels) {
        *input = begun_in.join(&input).display().to_string();
    }
    let Lists { only, exclude, targets, .. } = &mut job.lists;
    for list in [only, exclude, targets].into_iter().flatten() {
        *list = begun_in.join(&list);
    }
    let values = Value::serialize(job).map_err(|error| Error::internal(error.to_string()))?;
    let mut values: Dict = values.into_dict().unwrap_or_default();
    // Settings as people read them say the same once more.
    values.remove("settings");
    Ok(Some(Layer { origin: folder.join(MANIFEST).display().to_string(), values }))
}
