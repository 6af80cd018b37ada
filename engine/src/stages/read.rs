//! Stage `read`: what is read, file by file. Opening the inputs has checked their columns.

use crate::{context::Run, error::Error, files::Files, keep::Keep, record::StageName};

/// Keeps what the inputs are like.
///
/// # Errors
/// If the disk refuses.
pub(crate) fn read<'r, K: Keep<'r>>(
    run: Run<'r>,
    keep: &mut K,
    files: &Files,
) -> Result<(), Error> {
    match keep.done(StageName::Read) {
        Some(_) => Ok(()),
        None => keep.read(run, files),
    }
}
