//! `ilk run`: the main job.

use std::path::Path;

use ilk_core::{
    clean::Needs,
    interactions::Folded,
    job::Job,
    kernel::neighbours,
    matrix::{Layout, Matrix},
    neighbours::{Catalogue, Neighbours},
    plan::{Plan, Tile},
};

use crate::{
    config::{Record, Settings},
    error::Error,
    lists::IdLists,
    output::Output,
    pipeline::{
        Files, HEAVIEST_PLAN, check_rows, heavy_user, layout, needs, report_set_aside,
        report_unused,
    },
    pool::Pool,
    progress::Reporter,
    publish::Existing,
    report::Watch,
    rundir::{self, Earlier},
    text::{counted, rounded},
};

/// What only the command line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// What becomes of an output that is there already.
    pub(crate) existing: Existing,
    /// What becomes of an earlier run in the run directory.
    pub(crate) earlier: Earlier,
    /// Run although a guard thinks it is too much work.
    pub(crate) force: bool,
}

/// Computes the neighbours and writes them, in a run directory where one is named.
///
/// # Errors
/// For input that cannot be read, output that cannot be written, and guards that refuse.
pub(crate) fn run(
    settings: &Settings,
    record: Record,
    options: Options,
    watch: Option<&Watch>,
    reporter: &Reporter,
) -> Result<(), Error> {
    let Options { existing, earlier, force } = options;
    match (&settings.run_dir, &settings.out) {
        (Some(folder), _) => {
            let start = rundir::Start { settings, record, existing, earlier, force, watch };
            rundir::run(start, folder, reporter)
        }
        (None, Some(_)) if earlier == Earlier::Discard => {
            Err(Error::input("--restart has no effect without --run-dir")
                .with_help("--overwrite replaces an output"))
        }
        (None, Some(out)) => {
            let run = Run::prepare(settings, out, options, reporter)?;
            report_unused(&settings.source, &settings.resolved, reporter);
            run.execute(&out.display().to_string(), watch, reporter)
        }
        (None, None) => Err(Error::internal("a run without an output")),
    }
}

/// A run of which everything that can go wrong before the work starts has gone well.
pub(crate) struct Run<'a> {
    job: &'a Job,
    needs: Needs,
    options: Options,
    output: Output,
    files: Files,
    lists: IdLists,
    pool: Pool,
    layout: Layout,
}

impl<'a> Run<'a> {
    /// Checks the output's place and opens all inputs.
    ///
    /// # Errors
    /// For inputs and outputs that cannot be used.
    pub(crate) fn prepare(
        settings: &'a Settings,
        out: &Path,
        options: Options,
        reporter: &Reporter,
    ) -> Result<Self, Error> {
        let (source, job) = (&settings.source, &settings.resolved);
        let output = Output::create(out, options.existing)?;
        let files = Files::open(source, reporter)?;
        files.check_apart_from(out)?;
        let lists = IdLists::read(&settings.lists, source, job)?;
        let pool = Pool::new(settings.threads)?;
        let (needs, layout) = (needs(source, job), layout()?);
        Ok(Self { job, needs, options, output, files, lists, pool, layout })
    }

    /// Runs the job, stage by stage; `place` is what people call the output, `watch` sees what
    /// its report tells.
    ///
    /// # Errors
    /// For input that turns out damaged, output that cannot be written, and guards that refuse.
    pub(crate) fn execute(
        self,
        place: &str,
        watch: Option<&Watch>,
        reporter: &Reporter,
    ) -> Result<(), Error> {
        let Self { job, needs, options, output, files, lists, pool, layout } = self;
        let rows = files.read(job, needs, &pool, reporter)?;
        report_set_aside(&rows.tally, &rows.names, reporter);
        check_rows(&rows.tally, job)?;
        let folded = rows.fold(job, needs, &pool, reporter)?;
        let heavy = || heavy_user(&folded.interactions, &folded.others);
        let mut refusal = if options.force { None } else { heavy() };
        // Few items wanted are few pairs, however many a user has: the plan will tell.
        if !lists.has_targets()
            && let Some(refusal) = refusal.take()
        {
            return Err(refusal);
        }
        let filter = lists.filter(&folded.catalogue.ids, reporter);
        watch.inspect(|watch| watch.saw_data(&folded));
        let Folded { interactions, catalogue, .. } = folded;
        let stage = reporter.stage("comparing", None);
        let matrix = Matrix::with_layout(&interactions, job.weighting, layout, &pool);
        drop(interactions);
        let plan = Plan::new(&matrix, &filter);
        if let Some(refusal) = refusal.filter(|_| plan.operations > HEAVIEST_PLAN) {
            return Err(refusal);
        }
        stage.expect(plan.cost);
        watch.inspect(|watch| watch.tiles_begin());
        let on_tile = |tile: &Tile| {
            stage.advance(tile.cost);
            watch.inspect(|watch| watch.saw_tile(tile));
        };
        let found = neighbours(&matrix, &plan, job, &filter, &pool, on_tile);
        stage.count("pair_operations", plan.operations);
        stage.count("predicted_core_microseconds", plan.cost / 1_000_000);
        stage.count("head_items", matrix.head_items() as u64);
        stage.count("neighbours", found.len() as u64);
        stage.finish(format!(
            "{} in {} pair operations",
            counted(found.len() as u64, "neighbour"),
            rounded(plan.operations.into())
        ));
        watch.inspect(|watch| watch.saw_tiles(&plan, &matrix));
        drop(matrix);
        watch.inspect(|watch| watch.saw_result(&catalogue, &found, job.top));
        write(output, place, &catalogue, &found, reporter)
    }
}

fn write(
    output: Output,
    place: &str,
    catalogue: &Catalogue,
    found: &Neighbours,
    reporter: &Reporter,
) -> Result<(), Error> {
    let stage = reporter.stage("writing", None);
    stage.count("rows", found.len() as u64);
    output.write(catalogue, found)?;
    stage.finish(format!("{} to {place}", counted(found.len() as u64, "row")));
    if found.is_empty() {
        reporter.note("no pair qualified: the table has no rows");
    }
    Ok(())
}
