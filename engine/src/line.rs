//! A job from its inputs to its result: one line of stages, whatever is kept on the way.

use crate::{context::Run, error::Error, files::Files, keep::Keep, stages};

/// Runs the stages; those that are done are passed over.
///
/// # Errors
/// For input that cannot be read, results that are damaged, output that cannot be written, and
/// guards that refuse.
pub(crate) fn line<'r, K: Keep<'r>>(
    run: Run<'r>,
    keep: &mut K,
    files: &'r Files,
) -> Result<(), Error> {
    stages::read(run, keep, files)?;
    let cleaned = stages::clean(run, keep, files)?;
    let encoded = stages::encode(run, keep, cleaned)?;
    let laid = stages::matrix(run, keep, encoded)?;
    let planned = stages::plan(run, keep, laid)?;
    let tiled = stages::tiles(run, keep, planned)?;
    let merged = stages::merge(run, keep, tiled)?;
    stages::write(run, keep, merged)
}
