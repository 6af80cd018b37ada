//! Stage `tiles`: the tiles computed, in memory or through blocks on disk.

use std::cmp::Reverse;

use ilk_core::{
    job::Job,
    kernel::neighbours,
    matrix::Matrix,
    plan::{Plan, Tile},
};

use super::{matrix::lay_out, write::check_left};
use crate::{
    context::Run,
    data::{Data, Made},
    error::Error,
    findings::Findings,
    handed::{Laid, Merged, Named, Tiled},
    keep::{Keep, Kept, Step},
    pool::worker,
    record::StageName,
    sandbox::Sandbox,
    spill::{Recording, catalogue_bytes},
};

/// Items whose scores are looked at where a threshold leaves none.
const POPULAR: usize = 100;

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
    let Laid { arrangement, named, layout, .. } = laid;
    let seen = arrangement.seen();
    step.expect(arrangement.cost());
    run.observer.tiles_begin();
    let found = match arrangement {
        Data::Memory((matrix, plan)) => {
            let on_tile = |tile: &Tile| {
                step.advance(tile.cost);
                let number = plan.tiles.iter().position(|other| std::ptr::eq(other, tile));
                number.inspect(|number| run.observer.saw_tile(*number, worker()));
            };
            let (job, filter, pool) = (run.job, &named.filter, run.means.pool);
            let found = match run.plugin {
                None => neighbours(&matrix, &plan, job, filter, pool, on_tile),
                Some(plugin) => {
                    let sandbox: &Sandbox = plugin.open(pool)?;
                    sandbox.neighbours(&matrix, &plan, job, filter, pool, on_tile)?
                }
            };
            if found.is_empty() {
                check_left(run, || best_without_threshold(run, &matrix, &named))?;
            }
            Findings::Memory(found)
        }
        Data::Disk(arranged) => {
            let used = catalogue_bytes(&named.catalogue);
            let work = run.on_disk(layout, Recording::No)?;
            let tiles = arranged.tiles();
            Findings::Disk(arranged.compute(&named.filter, used, work, |tile| {
                step.advance(tiles[tile].cost);
                run.observer.saw_tile(tile, worker());
            })?)
        }
    };
    run.observer.saw_tiles(&seen);
    Ok(Merged { catalogue: named.catalogue, found })
}

/// Finds the highest score that the most popular items have where there is no threshold.
fn best_without_threshold(run: Run<'_>, matrix: &Matrix, named: &Named) -> Option<f32> {
    let supports = &named.catalogue.supports;
    let mut codes =
        (0..supports.len() as u32).filter(|code| named.filter.wants(*code)).collect::<Vec<_>>();
    codes.sort_by_key(|code| Reverse(supports[*code as usize]));
    codes.truncate(POPULAR);
    codes.sort_unstable();
    let filter = named.filter.narrowed(supports.len(), |code| codes.binary_search(&code).is_ok());
    let job = Job { threshold: None, top: 1, ..run.job.clone() };
    let plan = Plan::new(matrix, &filter);
    let found = neighbours(matrix, &plan, &job, &filter, run.means.pool, |_| {});
    let scores = codes.iter().flat_map(|code| found.of(*code)).map(|neighbour| neighbour.score);
    scores.max_by(f32::total_cmp)
}
