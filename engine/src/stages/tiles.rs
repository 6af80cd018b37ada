//! Stage `tiles`: the tiles computed, in memory or through blocks on disk.

use std::sync::Arc;

use ilk_core::kernel::Task;

use super::matrix::lay_out;
use crate::{
    context::Run,
    data::{Data, Made},
    error::Error,
    findings::Findings,
    handed::{Laid, Merged, Tiled},
    keep::{Keep, Kept, Step},
    left,
    pace::Pace,
    pool::worker,
    record::StageName,
    sandbox::Sandbox,
    spill::{Recording, catalogue_bytes},
};

/// Computes the tiles that are left.
///
/// # Errors
/// For damaged results, where the disk refuses, and for whatever a plugin does wrong.
pub(crate) fn tiles<'r, K: Keep<'r>>(
    run: Run<'r>,
    keep: &mut K,
    planned: Made<Laid, K::Done>,
) -> Result<Tiled<K::Done>, Error> {
    if let Some(done) = keep.done(StageName::Tiles) {
        let named = match planned {
            Made::Now(laid) => Made::Now(laid.named),
            Made::Before(done) => Made::Before(done),
        };
        return Ok(Tiled::Kept(done, named));
    }
    let (step, laid) = match planned {
        Made::Now(laid) => {
            (keep.begin(run, (StageName::Tiles, laid.arrangement.scale()), None), laid)
        }
        Made::Before(done) => {
            done.check_plan()?;
            lay_out(run, keep, StageName::Tiles, Made::Before(done))?
        }
    };
    if let Some(seconds) = laid.predicted {
        step.count("predicted_cpu_milliseconds", (seconds * 1e3) as u64);
    }
    keep.tiles(run, step, laid)
}

/// Computes all tiles, and keeps nothing but the neighbours.
///
/// # Errors
/// Where a disk fails, and for whatever a plugin does wrong.
pub(crate) fn straight(run: Run<'_>, step: &Step<'_>, laid: Laid) -> Result<Merged, Error> {
    let pace = Pace::of(run, &laid);
    let Laid { arrangement, named, layout, .. } = laid;
    let seen = arrangement.seen();
    step.foresee(pace.expected());
    run.observer.tiles_begin();
    let found = match arrangement {
        Data::Memory((matrix, plan)) => {
            let on_tile = |tile: usize| {
                step.advance(pace.units(tile));
                run.observer.saw_tile(tile, worker());
            };
            let (job, filter, pool) = (run.job, &named.filter, run.means.pool);
            let matrix = Arc::new(matrix);
            let found = match run.means.plugin {
                None => Task::of_plan(Arc::clone(&matrix), plan, job, filter).run(pool, on_tile),
                Some(plugin) => {
                    let sandbox: &Sandbox = plugin.open(pool)?;
                    sandbox.neighbours(&matrix, &plan, job, filter, pool, on_tile)?
                }
            };
            if found.is_empty() {
                left::check(run, || Ok(left::best(run, &matrix, &named)))?;
            }
            Findings::Memory(found)
        }
        Data::Disk(arranged) => {
            let used = catalogue_bytes(&named.catalogue);
            let work = run.on_disk(layout, Recording::No)?;
            let found = Findings::Disk(arranged.compute(&named.filter, used, work, |tile| {
                step.advance(pace.units(tile));
                run.observer.saw_tile(tile, worker());
            })?);
            if found.rows() == 0 {
                left::check(run, || left::best_on_disk(run, &arranged, &named, layout))?;
            }
            found
        }
    };
    run.observer.saw_tiles(&seen);
    Ok(Merged { catalogue: named.catalogue, found })
}
