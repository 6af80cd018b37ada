//! Stage `write`: the result, in its places.

use ilk_core::{
    job::{Of, Pairs},
    result::Overlaps,
};

use crate::{
    context::Run,
    data::{Made, Scale},
    error::Error,
    handed::Merged,
    keep::{Ending, Keep, Kept},
    left,
    once::once,
    record::StageName,
    spill::catalogue_bytes,
    text::{counted, grouped, rounded},
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
    let merged = match run.job.pairs {
        Pairs::Once => {
            let Merged { catalogue, found } = merged;
            let size = (catalogue.ids.len(), catalogue_bytes(&catalogue));
            let found = once(run, found, size)?;
            Merged { catalogue, found }
        }
        Pairs::Both => merged,
    };
    if merged.found.rows() == 0 {
        left::check(run, || Ok(None))?;
    }
    let (rows, place) = keep.write(run, &step, &merged)?;
    step.count("rows", rows);
    let text = format!("{} to {place}", counted(rows, "row"));
    let ending = Ending { rows_in: rows, rows_out: rows, of_stage: text.clone(), of_part: text };
    keep.finish(step, ending)?;
    let trust = if rows > 0 { trust_text(&merged.found.overlaps()?, run.job.of) } else { None };
    if let Some(text) = trust.or_else(|| (rows == 0).then(|| NO_ROWS.into())) {
        run.reporter.note(text);
    }
    Ok(())
}

/// Describes that many neighbours rest on a single user, and what a larger `min_overlap` keeps.
fn trust_text(overlaps: &Overlaps, of: Of) -> Option<String> {
    let min_overlap = overlaps.advice()?;
    let (neighbours, items) = overlaps.kept(min_overlap);
    let (who, what) = match of {
        Of::Items => ("user", "items"),
        Of::Users => ("item", "users"),
    };
    Some(format!(
        "{:.0} % of neighbours rest on one shared {who}; --min-overlap {min_overlap} would keep at \
         least {} rows and {} of {} {what}",
        overlaps.share_of_one() * 100.0,
        rounded(neighbours.into()),
        grouped(items),
        grouped(overlaps.items())
    ))
}
