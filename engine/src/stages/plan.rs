//! Stage `plan`: the work cut into tiles.

use ilk_core::plan::Sides;

use super::matrix::lay_out;
use crate::{
    context::Run,
    data::{Data, Made},
    error::Error,
    handed::Laid,
    keep::{Ending, Keep},
    record::{GROUPS, StageName},
    text::{counted, pair_operations},
};

/// Keeps the tiles as they are planned, unless they are too much work.
///
/// # Errors
/// For damaged results, where the disk refuses, and where the job is too much work.
pub(crate) fn plan<'r, K: Keep<'r>>(
    run: Run<'r>,
    keep: &mut K,
    laid: Made<Laid, K::Done>,
) -> Result<Made<Laid, K::Done>, Error> {
    if let Some(done) = keep.done(StageName::Plan) {
        return Ok(Made::Before(done));
    }
    let (step, laid) = match laid {
        Made::Now(laid) => {
            (keep.begin(run, (StageName::Plan, laid.arrangement.scale()), None), laid)
        }
        Made::Before(done) => lay_out(run, keep, StageName::Plan, Made::Before(done))?,
    };
    let Laid { arrangement, reserve, .. } = &laid;
    let operations = arrangement.operations();
    step.count("pair_operations", operations);
    match arrangement {
        Data::Memory((_, plan)) => {
            step.count("both_sides", u64::from(plan.sides == Sides::Both));
        }
        Data::Disk(arranged) => step.count(GROUPS, arranged.groups() as u64),
    }
    reserve.check(operations)?;
    keep.planned(&step, arrangement)?;
    let (tiles, items) = (arrangement.tiles(), arrangement.table().len() as u64);
    step.count("tiles", tiles);
    step.count("predicted_core_microseconds", arrangement.cost() / 1_000_000);
    let of_part = match arrangement {
        Data::Memory(_) => String::new(),
        Data::Disk(arranged) => format!(
            "{} on disk, {}",
            counted(arranged.interactions(), "interaction"),
            counted(arranged.groups() as u64, "column group")
        ),
    };
    let of_stage = format!("{}, {}", counted(tiles, "tile"), pair_operations(operations.into()));
    keep.finish(step, Ending { rows_in: items, rows_out: tiles, of_stage, of_part })?;
    Ok(Made::Now(laid))
}
