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
    if merged.found.rows()? == 0 {
        check_left(run, || None)?;
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

/// Scores up to this are about 0.
const ABOUT_ZERO: f32 = 1e-6;

/// Refuses a table without rows where a list or the threshold may have left none; that there is none
/// without them is no error. `best`: finds the highest score there is without a threshold, if it can.
pub(super) fn check_left(run: Run<'_>, best: impl FnOnce() -> Option<f32>) -> Result<(), Error> {
    let mut flags = run.lists.named().map(|(name, _)| format!("--{name}")).collect::<Vec<_>>();
    // Presets leave out what scores about 0, which is no choice of the user's.
    let threshold = run.job.threshold.filter(|threshold| *threshold > ABOUT_ZERO);
    flags.extend(threshold.map(|threshold| format!("--threshold {threshold}")));
    if flags.is_empty() {
        return Ok(());
    }
    let leave = if flags.len() == 1 { "leaves" } else { "leave" };
    let flags = flags.join(" and ");
    let help = match threshold.and_then(|_| best()) {
        Some(best) => format!("the highest score of the most popular items is {best}"),
        None => format!("leave out {flags} to see what there is"),
    };
    Err(Error::input(format!("{flags} {leave} no neighbours")).with_help(help))
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
