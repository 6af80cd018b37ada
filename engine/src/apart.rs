//! What a job writes must not replace what it reads.

use std::path::{Path, PathBuf};

use crate::{error::Error, files::Files, labels::LabelTable, request::Request};

/// Refuses outputs that are, or hold, something that the job reads: it would be replaced afterwards.
///
/// # Errors
/// If it is so, and where two outputs are one file.
pub(crate) fn check_outputs(
    request: &Request,
    inputs: &Files,
    labels: Option<&LabelTable>,
) -> Result<(), Error> {
    let places = request.out.iter().chain(&request.besides.writes).collect::<Vec<_>>();
    for (number, place) in places.iter().enumerate() {
        inputs.check_apart_from(place)?;
        if let Some(labels) = labels {
            labels.files().check_apart_from(place)?;
        }
        for read in request.lists.paths().chain(&request.besides.reads) {
            check_pair(place, read)?;
        }
        if let Some(other) = places[..number].iter().find(|other| is_same(other, place)) {
            return Err(Error::input(format!("two outputs have the place {}", other.display()))
                .with_help("write each to a place of its own"));
        }
    }
    Ok(())
}

fn check_pair(place: &Path, read: &Path) -> Result<(), Error> {
    if !is_same(place, read) {
        return Ok(());
    }
    Err(Error::input(format!("output {} is read by the job", place.display()))
        .with_help("write to another place"))
}

/// Returns true if two paths are one place, whether or not there is something.
fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| -> Option<PathBuf> {
        path.canonicalize().or_else(|_| std::path::absolute(path)).ok()
    };
    real(one).is_some_and(|one| real(other) == Some(one))
}
