//! How a run begins, in a run directory or without one.

use ilk_core::executor::Executor as _;

use crate::{
    apart::check_outputs,
    context::{Means, Run},
    dated::LATEST,
    disk::Disk,
    error::Error,
    files::Files,
    guard::Guard,
    labels::LabelTable,
    line::line,
    lists::IdLists,
    machine::kernel,
    memory::Allowance,
    nothing::Nothing,
    observe::Observer,
    output::Output,
    pool::Pool,
    progress::Reporter,
    publish::Existing,
    request::{Publication, Request, RunPlace, is_stdout, place_text},
    rundir,
    sandbox::Plugin,
    source::needs,
    spill::{Desk, Workplace},
    stages::report_unused,
};

/// Computes the neighbours and writes them; in the run directory `place`, if there is one, from
/// which the run can be resumed.
///
/// # Errors
/// For input that cannot be read, output that cannot be written, and guards that refuse.
pub fn run(
    request: &Request,
    place: Option<RunPlace>,
    observer: &dyn Observer,
    reporter: &Reporter,
) -> Result<(), Error> {
    if let Some(place) = place {
        return rundir::run(request, place, observer, reporter);
    }
    let resources = request.resources;
    let pool = Pool::new(resources.threads)?;
    let budget = Allowance::new(resources.memory, resources.shard_size, pool.workers());
    run_within(request, (&pool, &budget), observer, reporter)
}

/// Runs a job and keeps nothing, with threads and memory of the caller's choice.
///
/// # Errors
/// As [`run()`].
pub(crate) fn run_within(
    request: &Request,
    (pool, budget): (&Pool, &Allowance),
    observer: &dyn Observer,
    reporter: &Reporter,
) -> Result<(), Error> {
    let Request { source, job, .. } = request;
    let guard = Guard::of(request);
    let mut outputs = Vec::new();
    let Publication { out, place, existing, .. } = &request.publication;
    if let Some(out) = out {
        let place = place.clone().unwrap_or_else(|| place_text(out));
        outputs.push((Output::create(out, request)?, place));
    }
    let files = Files::open(source, Some(budget.chunk_rows()), reporter)?;
    let budget = &budget.reading(files.bytes_of_reading());
    let lists = IdLists::read(&request.lists, source, job)?;
    lists.check_engine(request.plugin.is_some())?;
    request.check_target()?;
    let labels = LabelTable::open(source, job.of, budget, reporter)?;
    check_outputs(request, None, &files, labels.as_ref())?;
    let kernel = kernel()?;
    let plugin = request.plugin.as_deref().map(Plugin::new);
    plugin.iter().try_for_each(|plugin| plugin.open(pool).map(drop))?;
    report_unused(source, job, reporter);
    let workplace = match out {
        Some(out) if matches!(existing, Existing::Keep(_)) => Workplace::Beside(out.join(LATEST)),
        Some(out) if !is_stdout(out) => Workplace::Beside(out.clone()),
        _ => Workplace::Temporary,
    };
    let desk = Desk::new(workplace, Disk::new(request.budget.disk));
    let run = Run {
        job,
        needs: needs(source, job),
        names: &files.names,
        target: files.target,
        lists: &lists,
        labels: labels.as_ref(),
        means: Means { pool, budget, kernel, desk: &desk, plugin: plugin.as_ref() },
        guard: &guard,
        observer,
        reporter,
    };
    line(run, &mut Nothing::new(outputs), &files)?;
    guard.tell_excess(reporter);
    Ok(())
}
