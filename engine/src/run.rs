//! `ilk run`: the main job.

use std::path::{Path, PathBuf};

use ilk_core::{
    clean::Needs,
    cost::Machine,
    encode::EncodeError,
    executor::Executor as _,
    interactions::Folded,
    job::Job,
    kernel::{ItemFilter, neighbours},
    matrix::{Layout, Matrix, WeightKind},
    neighbours::Catalogue,
    outlook::Outlook,
    plan::{Plan, Tile},
};

use crate::{
    error::Error,
    findings::Findings,
    guard::{DiskWork, Guard, Work, held},
    lists::IdLists,
    machine,
    memory::{Allowance, Size, of_comparing},
    observe::{Observer, Tiles, Unobserved, degrees_of},
    output::Output,
    pipeline::{
        Cleaning, Files, HEAVIEST_PLAN, check_rows, finish_folding, heavy_user, layout, mixed_ids,
        needs, report_folding, report_set_aside, report_unused, too_heavy,
    },
    pool::{Pool, worker},
    progress::{Reporter, Stage},
    publish::NewFolder,
    request::Request,
    rundir::{self, Earlier},
    sandbox::{Sandbox, does_not_fit, sandbox_bytes},
    source::Record,
    spill::{self, Arranged, Covered, Ending, Intake, Recording, Spiller, Taken, Workplace},
    text::{counted, rounded},
};

/// Where a run is kept.
#[derive(Clone, Debug)]
pub struct Place {
    /// The run directory.
    pub folder: PathBuf,
    /// The request as the run directory keeps it.
    pub record: Record,
    /// What becomes of an earlier run there.
    pub earlier: Earlier,
}

/// Computes the neighbours and writes them, in a run directory where one is named.
///
/// # Errors
/// For input that cannot be read, output that cannot be written, and guards that refuse.
pub fn run(
    request: &Request,
    place: Option<Place>,
    observer: &dyn Observer,
    reporter: &Reporter,
) -> Result<(), Error> {
    match (place, &request.out) {
        (Some(Place { folder, record, earlier }), _) => {
            let start = rundir::Start { request, record, earlier, observer };
            rundir::run(start, &folder, reporter)
        }
        (None, Some(out)) => {
            let mut run = Run { observer, ..Run::prepare(request, out, reporter)? };
            if let Some(path) = &request.plugin {
                run.sandbox = Some(Sandbox::open(path, &run.pool)?);
            }
            report_unused(&request.source, &request.job, reporter);
            let place = request.place.clone();
            run.execute(&place.unwrap_or_else(|| out.display().to_string()), reporter)
        }
        (None, None) => Err(Error::internal("a run without an output")),
    }
}

/// Runs a job with threads and memory of a test's choice.
///
/// # Errors
/// As [`run`].
#[cfg(test)]
pub(crate) fn run_within(
    request: &Request,
    means: (Pool, Allowance),
    reporter: &Reporter,
) -> Result<(), Error> {
    let out = request.out.as_deref().unwrap();
    Run::prepare_within((request, out), means, reporter)?.execute("", reporter)
}

/// A run of which everything that can go wrong before the work starts has gone well.
pub struct Run<'a> {
    job: &'a Job,
    needs: Needs,
    force: bool,
    output: Output,
    files: Files,
    lists: IdLists,
    pool: Pool,
    layout: Layout,
    budget: Allowance,
    out: &'a Path,
    /// Watches what the job may take, if that is limited.
    guard: Option<Guard<'a>>,
    /// Sees what the report tells.
    observer: &'a dyn Observer,
    /// What computes the tiles, if it is not this program.
    sandbox: Option<Sandbox>,
}

impl<'a> Run<'a> {
    /// Checks the output's place and opens all inputs.
    ///
    /// # Errors
    /// For inputs and outputs that cannot be used.
    pub fn prepare(
        request: &'a Request,
        out: &'a Path,
        reporter: &Reporter,
    ) -> Result<Self, Error> {
        let resources = request.resources;
        let pool = Pool::new(resources.threads)?;
        let budget = Allowance::new(resources.memory, resources.shard_size, pool.workers());
        Self::prepare_within((request, out), (pool, budget), reporter)
    }

    /// Does what [`prepare`](Self::prepare) does, with threads and memory of the caller's choice.
    ///
    /// # Errors
    /// As there.
    pub fn prepare_within(
        (request, out): (&'a Request, &'a Path),
        (pool, budget): (Pool, Allowance),
        reporter: &Reporter,
    ) -> Result<Self, Error> {
        let Request { source, job, force, .. } = request;
        let guard = Guard::new(&request.budget, job.of).filter(|_| !force);
        let output = Output::create(out, request.existing)?;
        let files = Files::open(source, Some(budget.chunk_rows()), reporter)?;
        files.check_apart_from(out)?;
        let lists = IdLists::read(&request.lists, source, job)?;
        let (needs, layout) = (needs(source, job), layout()?);
        let (observer, sandbox) = (&Unobserved, None);
        Ok(Self {
            job,
            needs,
            force: *force,
            output,
            files,
            lists,
            pool,
            layout,
            budget,
            out,
            guard,
            observer,
            sandbox,
        })
    }

    /// Runs the job, stage by stage; `place` is what people call the output.
    ///
    /// # Errors
    /// For input that turns out damaged, output that cannot be written, and guards that refuse.
    pub fn execute(self, place: &str, reporter: &Reporter) -> Result<(), Error> {
        let Self { job, needs, ref files, ref pool, budget, out, .. } = self;
        let intake = Intake::new(budget, needs, files.row_count(), Workplace::Beside(out))?;
        let tally =
            files.stream(job, needs, pool, reporter, &|part, chunk| intake.add(part, chunk))?;
        report_set_aside(&tally, files.names(), reporter);
        check_rows(&tally, job)?;
        match intake.finish() {
            Taken::Memory(chunks) => {
                let rows = Cleaning::new(chunks, tally, files.names().to_vec());
                self.in_memory(rows, place, reporter)
            }
            Taken::Disk(spiller, folder) => {
                self.check_engine()?;
                reporter.note(format!(
                    "more than fits in {} of memory: working in files beside the output",
                    budget.limit
                ));
                self.on_disk(spiller, &folder, place, reporter)
            }
        }
    }

    /// Runs what comes after reading, in memory as far as it fits.
    fn in_memory(self, rows: Cleaning, place: &str, reporter: &Reporter) -> Result<(), Error> {
        let Self { job, needs, ref pool, budget, .. } = self;
        let folded = rows.fold(job, needs, pool, reporter)?;
        let refusal = self.refusal(heavy_user(&folded.interactions, &folded.others))?;
        let size = Size {
            users: folded.others.len(),
            items: folded.catalogue.ids.len(),
            interactions: folded.interactions.len(),
            top: job.top as usize,
        };
        let weights = WeightKind::of(job.weighting, needs.weight);
        let mut needed = of_comparing(size, needs, weights, budget.workers);
        if self.sandbox.is_some() {
            needed += sandbox_bytes(size.interactions, weights, budget.workers);
        }
        if needed > budget.left(0) {
            self.check_engine()?;
            reporter.note(format!(
                "comparing does not fit in {} of memory: working in files beside the output",
                budget.limit
            ));
            let folder = Workplace::Beside(self.out).make(&budget)?;
            self.observer.saw_degrees(&|| Ok(degrees_of(&folded.interactions)))?;
            self.observer.saw_folding(folded.folding);
            let Folded { interactions, catalogue, others, .. } = folded;
            let folded = spill::spill(&interactions, &others, self.work(&folder))?;
            drop((interactions, others));
            return self.compare_on_disk((folded, catalogue), refusal, &folder, place, reporter);
        }
        let Self { job, output, lists, pool, layout, guard, sandbox, .. } = self;
        let filter = lists.filter(&folded.catalogue.ids, reporter);
        if let Some(guard) = &guard {
            guard.check_reading(machine::peak_memory())?;
        }
        let layout = guard.as_ref().map_or(layout, |guard| guard.layout(layout, reporter));
        let held = held([&folded.catalogue.ids, &folded.others]);
        let observer = self.observer;
        observer.saw_degrees(&|| Ok(degrees_of(&folded.interactions)))?;
        observer.saw_folding(folded.folding);
        let Folded { interactions, catalogue, .. } = folded;
        let look = |_: &Guard<'_>| Outlook::of(&interactions, job, &filter, layout, &pool);
        let outlook = guard.as_ref().map(look);
        if let (Some(guard), Some(outlook)) = (&guard, &outlook) {
            guard.check_memory(&interactions, outlook, held)?;
        }
        let stage = reporter.stage("comparing", None);
        let matrix = Matrix::with_layout(&interactions, job.weighting, layout, &pool);
        let plan = Plan::new(&matrix, &filter);
        if let (Some(guard), Some(outlook)) = (&guard, &outlook) {
            guard.check_time(&Work {
                interactions: &interactions,
                outlook,
                plan: &plan,
                catalogue: &catalogue,
                format: output.format(),
                workers: machine::cores(pool.workers()),
                share: 1.0,
                before: 0.0,
            })?;
        }
        drop(interactions);
        check_operations(refusal, plan.operations)?;
        stage.expect(plan.cost);
        observer.tiles_begin();
        let on_tile = |tile: &Tile| {
            stage.advance(tile.cost);
            let number = plan.tiles.iter().position(|other| std::ptr::eq(other, tile));
            number.inspect(|number| observer.saw_tile(*number, worker()));
        };
        let found = match &sandbox {
            None => neighbours(&matrix, &plan, job, &filter, &pool, on_tile),
            Some(sandbox) => sandbox.neighbours(&matrix, &plan, job, &filter, &pool, on_tile)?,
        };
        stage.count("pair_operations", plan.operations);
        stage.count("predicted_core_microseconds", plan.cost / 1_000_000);
        stage.count("head_items", matrix.head_items() as u64);
        stage.count("neighbours", found.len() as u64);
        stage.finish(format!(
            "{} in {} pair operations",
            counted(found.len() as u64, "neighbour"),
            rounded(plan.operations.into())
        ));
        observer.saw_tiles(&Tiles::of_plan(&plan, &matrix));
        drop(matrix);
        let found = Findings::Memory(found);
        observer.saw_result(&catalogue, job.top, &|visit| found.each(visit))?;
        write(output, place, &catalogue, &found, reporter)
    }

    /// Runs what comes after reading through working files.
    fn on_disk(
        self,
        spiller: Box<Spiller>,
        folder: &NewFolder,
        place: &str,
        reporter: &Reporter,
    ) -> Result<(), Error> {
        let Self { job, needs, ref files, ref pool, .. } = self;
        let mixed = |error: &EncodeError| mixed_ids(error, files.names());
        let spilled = match spiller.finish(pool, mixed)? {
            Ending::Done(spilled) => spilled,
            Ending::Again(spiller) => {
                reporter.note("ids are of another kind than they looked at first: reading again");
                files.stream(job, needs, pool, reporter, &|_, chunk| spiller.add(chunk))?;
                match spiller.finish(pool, mixed)? {
                    Ending::Done(spilled) => spilled,
                    Ending::Again(_) => {
                        return Err(Error::input("the inputs changed while they were read")
                            .with_help("run the job again when nothing writes to them"));
                    }
                }
            }
        };
        let mut stage = reporter.stage("sorting", None);
        stage.expect(spilled.work(job.of));
        let progress = |units| stage.advance(units);
        let (folded, catalogue) = spill::fold(*spilled, self.work(folder), &progress)?;
        stage.clear();
        self.observer.saw_degrees(&|| {
            let (users, items) = folded.degrees();
            let users = users.into_iter().map(|(degree, users)| (degree.into(), users));
            Ok((users.collect(), items.into_iter().map(u64::from).collect()))
        })?;
        self.observer.saw_folding(folded.folding);
        report_folding(&folded.folding, folded.operations(), job, reporter);
        let sides = (folded.others(), catalogue.ids.len() as u64);
        finish_folding(stage, sides, folded.interactions(), job);
        let heavy = too_heavy(folded.each_degree(), |_| folded.heaviest_user())?;
        let refusal = self.refusal(heavy)?;
        self.compare_on_disk((folded, catalogue), refusal, folder, place, reporter)
    }

    /// Compares interactions on disk and writes the result.
    fn compare_on_disk(
        self,
        (folded, catalogue): (spill::Folded, Catalogue),
        refusal: Option<Error>,
        folder: &NewFolder,
        place: &str,
        reporter: &Reporter,
    ) -> Result<(), Error> {
        let Self { job, ref pool, layout, observer, .. } = self;
        if let Some(guard) = &self.guard {
            guard.check_limit(self.budget.limit)?;
        }
        let filter = self.lists.filter(&catalogue.ids, reporter);
        let layout = self.guard.as_ref().map_or(layout, |guard| guard.layout(layout, reporter));
        let work = spill::Work { layout, ..self.work(folder) };
        let mut stage = reporter.stage("arranging", None);
        let interactions = folded.interactions();
        let degrees = folded.degrees().0;
        stage.expect(2 * interactions);
        let used = spill::catalogue_bytes(&catalogue);
        let progress = |units| stage.advance(units);
        let arranged = folded.arrange(used, (&filter, Covered(&[])), work, &progress)?;
        check_operations(refusal, arranged.operations())?;
        let groups = arranged.groups() as u64;
        stage.clear();
        stage.count("column_groups", groups);
        stage.finish(format!(
            "{} on disk, {}",
            counted(interactions, "interaction"),
            counted(groups, "column group")
        ));
        let mut predicted = None;
        if let Some(guard) = &self.guard {
            predicted = guard.check_time_on_disk(&DiskWork {
                arranged: &arranged,
                degrees: &degrees,
                catalogue: &catalogue,
                format: self.output.format(),
                machine: layout.machine.unwrap_or_else(|| Machine::of(layout.kernel)),
                workers: machine::cores(pool.workers()),
                before: 0.0,
            })?;
        }
        let stage = reporter.stage("comparing", None);
        stage.count("pair_operations", arranged.operations());
        stage.count("head_items", arranged.head_items() as u64);
        if let Some(seconds) = predicted {
            stage.count("predicted_cpu_milliseconds", (seconds * 1e3) as u64);
        }
        let found = self.compare_tiles(&arranged, (&filter, used), work, &stage)?;
        stage.finish(format!("{} pair operations", rounded(arranged.operations().into())));
        drop(arranged);
        observer.saw_result(&catalogue, job.top, &|visit| found.each(visit))?;
        write(self.output, place, &catalogue, &found, reporter)
    }

    /// Computes all tiles from disk, and leaves the neighbours there.
    fn compare_tiles(
        &self,
        arranged: &Arranged,
        (filter, used): (&ItemFilter, usize),
        work: spill::Work<'_>,
        stage: &Stage<'_>,
    ) -> Result<Findings, Error> {
        let (tiles, observer) = (arranged.tiles(), self.observer);
        stage.expect(tiles.iter().map(|tile| tile.cost).sum());
        observer.tiles_begin();
        let found = arranged.compute(filter, used, work, |tile| {
            stage.advance(tiles[tile].cost);
            observer.saw_tile(tile, worker());
        })?;
        observer.saw_tiles(&arranged.seen());
        Ok(Findings::Disk(found))
    }

    /// What the stages on disk share.
    fn work<'w>(&'w self, folder: &'w NewFolder) -> spill::Work<'w> {
        spill::Work {
            job: self.job,
            needs: self.needs,
            layout: self.layout,
            budget: &self.budget,
            folder: folder.path(),
            pool: &self.pool,
            recording: Recording::No,
        }
    }

    /// Stops where a job does not fit in memory that only fits there.
    fn check_engine(&self) -> Result<(), Error> {
        self.sandbox.as_ref().map_or(Ok(()), |_| Err(does_not_fit(self.budget.limit)))
    }

    /// Stops for a user with too many items, unless forced; where few items are wanted only the
    /// plan can tell.
    fn refusal(&self, heavy: Option<Error>) -> Result<Option<Error>, Error> {
        match heavy.filter(|_| !self.force) {
            Some(refusal) if !self.lists.has_targets() => Err(refusal),
            refusal => Ok(refusal),
        }
    }
}

/// Checks a plan for few items against what was refused for all.
fn check_operations(refusal: Option<Error>, operations: u64) -> Result<(), Error> {
    refusal.filter(|_| operations > HEAVIEST_PLAN).map_or(Ok(()), Err)
}

/// What is said of a table without rows.
const NO_ROWS: &str = "no pair qualified: the table has no rows";

fn write(
    output: Output,
    place: &str,
    catalogue: &Catalogue,
    found: &Findings,
    reporter: &Reporter,
) -> Result<(), Error> {
    let stage = reporter.stage("writing", None);
    let rows = output.write(catalogue, found)?;
    stage.count("rows", rows);
    stage.finish(format!("{} to {place}", counted(rows, "row")));
    if rows == 0 {
        reporter.note(NO_ROWS);
    }
    Ok(())
}
