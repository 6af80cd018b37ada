//! Stage `merge`: the best of what the tiles found.

use crate::{
    context::Run,
    data::{Made, Scale},
    error::Error,
    handed::{Merged, Named, Tiled},
    keep::{Counted, Ending, Keep, Kept},
    record::StageName,
    text::counted,
};

/// Takes the best of what the tiles found, where that was written on the way.
///
/// # Errors
/// For damaged results, and if the disk refuses.
pub(crate) fn merge<'r, K: Keep<'r>>(
    run: Run<'r>,
    keep: &mut K,
    tiled: Tiled<K::Done>,
) -> Result<Made<Merged, K::Done>, Error> {
    let (tiles, named) = match tiled {
        Tiled::Found(merged) => return Ok(Made::Now(merged)),
        Tiled::Kept(tiles, named) => (tiles, named),
    };
    if let Some(done) = keep.done(StageName::Merge) {
        return Ok(Made::Before(done));
    }
    let step = keep.begin(run, (StageName::Merge, Scale::Memory), None);
    let named = named.take(|done| {
        let catalogue = done.catalogue()?;
        let filter = run.filter(&catalogue)?;
        Ok::<_, Error>(Named { catalogue, filter })
    })?;
    let (found, candidates) = tiles.merge(run, &step, &named)?;
    let Counted { neighbours, items } = keep.merged(&tiles, &step, &found)?;
    step.count("neighbours", neighbours);
    step.count("items_with_neighbours", items);
    let ending = Ending {
        rows_in: candidates,
        rows_out: neighbours,
        of_stage: format!("{} of {}", counted(neighbours, "neighbour"), counted(items, "item")),
        of_part: String::new(),
    };
    keep.finish(step, ending)?;
    Ok(Made::Now(Merged { catalogue: named.catalogue, found }))
}
