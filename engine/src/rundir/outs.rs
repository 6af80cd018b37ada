//! Outputs outside of the run directory.

use std::path::{Path, PathBuf};

use ilk_formats::IdStyle;

use super::{
    checking::checked,
    manifest::{MANIFEST, Manifest, Published},
};
use crate::{
    dated,
    error::Error,
    output::Output,
    publish::Existing,
    request::{Earlier, Publication, Request, is_stdout},
};

/// Outputs outside of the run directory.
#[derive(Debug, Default)]
pub(super) struct Outs {
    /// Where they are.
    pub(super) places: Vec<PathBuf>,
    /// Those that this run has not written yet.
    pub(super) left: Vec<Output>,
    /// Why the output does not take the place of the one before, or was not read to its end.
    pub(super) withheld: Option<Error>,
}

impl Outs {
    /// Checks the place, and begins the output where there is no run yet: a new directory is not
    /// made for an output that cannot be.
    pub(super) fn check(request: &Request, folder: &Path, earlier: Earlier) -> Result<Self, Error> {
        let mut outs = Self::default();
        let Publication { out, spelling, .. } = &request.publication;
        if out.is_none() && spelling.ids == IdStyle::Text {
            return Err(Error::input("--ids text has no effect without --out").with_help(
                "a run directory keeps IDs with the type of the input; add --out FILE",
            ));
        }
        if let Some(place) = out {
            outs.places.push(place.clone());
            if earlier == Earlier::Discard || !folder.join(MANIFEST).exists() {
                outs.left.push(Output::create(place, request)?);
            }
        }
        Ok(outs)
    }

    /// Finds out whether the output is there as this run has written it; else it is begun, unless
    /// that was done before.
    pub(super) fn find(&mut self, request: &Request, manifest: &Manifest) -> Result<(), Error> {
        if !self.left.is_empty() {
            return Ok(());
        }
        for place in &self.places {
            if !is_published(manifest, place, &request.publication)? {
                self.left.push(Output::create(place, request)?);
            }
        }
        Ok(())
    }
}

/// Returns true if an output is there as this run has written it, spelled as it is asked for; the link
/// to a dated one then points to it, or to a newer one.
fn is_published(
    manifest: &Manifest,
    place: &Path,
    publication: &Publication,
) -> Result<bool, Error> {
    if is_stdout(place) {
        return Ok(false);
    }
    let Ok(absolute) = std::path::absolute(place) else { return Ok(false) };
    let is_kept = matches!(publication.existing, Existing::Keep(_));
    let is_asked_for = |out: &&Published| {
        let is_there =
            if is_kept { dated::is_in(&out.path, &absolute) } else { out.path == absolute };
        is_there && out.spelling == publication.spelling
    };
    let out = manifest.out.as_ref().filter(is_asked_for);
    let Some(out) = out else {
        return Ok(false);
    };
    let is_there = is_as_written(out)?;
    if is_there && is_kept {
        dated::point_at_least(&out.path)?;
    }
    Ok(is_there)
}

/// Returns true if the files of an output are there as they were written.
///
/// # Errors
/// If one cannot be read.
pub(super) fn is_as_written(out: &Published) -> Result<bool, Error> {
    for file in &out.files {
        let path = if file.name.is_empty() { out.path.clone() } else { out.path.join(&file.name) };
        if !path.is_file() || checked(&path, file)?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}
