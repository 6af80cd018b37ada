//! Refuses a job whose threshold or lists of items leave no neighbours.

use ilk_core::{
    cost::Layout,
    kernel::{NoneLeft, best_without_threshold, popular, without_threshold},
    matrix::Matrix,
};

use crate::{
    context::Run,
    error::Error,
    handed::{Arrangement, Laid, Named},
    spill::{Arranged, Recording, Work},
};

/// Refuses a result without neighbours where a list or the threshold may have left none; that there
/// are none without them is no error. `best`: finds the highest score there is without a threshold,
/// if it can.
///
/// # Errors
/// If it is so; those of `best`.
pub(crate) fn check(
    run: Run<'_>,
    best: impl FnOnce() -> Result<Option<f32>, Error>,
) -> Result<(), Error> {
    let lists = run.lists.named().map(|(name, _)| name);
    let Some(none) = NoneLeft::of(run.job, lists, "--") else { return Ok(()) };
    let best = if none.has_threshold() { best()? } else { None };
    let none = none.with_best(|| best);
    Err(Error::input(none.to_string()).with_help(none.help()))
}

/// Does the same for a job whose matrix is there.
///
/// # Errors
/// If it is so, and where a disk fails.
pub(crate) fn check_laid(run: Run<'_>, laid: &Laid) -> Result<(), Error> {
    check(run, || match &laid.arrangement {
        Arrangement::Memory((matrix, _)) => Ok(best(run, matrix, &laid.named)),
        Arrangement::Disk(arranged) => best_on_disk(run, arranged, &laid.named, laid.layout),
    })
}

/// Finds the highest score that the most popular items have without a threshold.
pub(crate) fn best(run: Run<'_>, matrix: &Matrix, named: &Named) -> Option<f32> {
    let (supports, filter) = (&named.catalogue.supports, &named.filter);
    best_without_threshold(matrix, supports, run.job, filter, run.means.pool)
}

/// Does the same through working files.
///
/// # Errors
/// If the disk fails.
pub(crate) fn best_on_disk(
    run: Run<'_>,
    arranged: &Arranged,
    named: &Named,
    layout: Layout,
) -> Result<Option<f32>, Error> {
    let supports = &named.catalogue.supports;
    let codes = popular(supports, &named.filter);
    let filter = named.filter.narrowed(supports.len(), |code| codes.binary_search(&code).is_ok());
    let job = without_threshold(run.job);
    arranged.best(&filter, Work { job: &job, ..run.on_disk(layout, Recording::No)? })
}
