//! Stage `write`: the result, in its places.

use crate::{
    context::Run,
    data::{Made, Scale},
    error::Error,
    handed::Merged,
    keep::{Ending, Keep, Kept},
    record::StageName,
    text::counted,
};

/// What is said of a table without rows.
const NO_ROWS: &str = "no pair qualified: the table has no rows";

/// Writes the result.
///
/// # Errors
/// For damaged results, and if the disk refuses.
pub(crate) fn write<'r, K: Keep<'r>>(
    run: Run<'r>,
    keep: &mut K,
    merged: Made<Merged, K::Done>,
) -> Result<(), Error> {
    if keep.done(StageName::Write).is_some() {
        return Ok(());
    }
    let step = keep.begin(run, (StageName::Write, Scale::Memory), None);
    let merged = merged.take(|done| {
        let catalogue = done.catalogue()?;
        let found = done.found(run, catalogue.ids.len())?;
        Ok::<_, Error>(Merged { catalogue, found })
    })?;
    let (rows, place) = keep.write(run, &step, &merged)?;
    step.count("rows", rows);
    let text = format!("{} to {place}", counted(rows, "row"));
    let ending = Ending { rows_in: rows, rows_out: rows, of_stage: text.clone(), of_part: text };
    keep.finish(step, ending)?;
    if rows == 0 {
        run.reporter.note(NO_ROWS);
    }
    Ok(())
}
