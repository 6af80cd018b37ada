//! `ilk run`: the main job.

use std::{path::PathBuf, sync::Arc};

use ilk_core::{
    clean::Needs,
    ids::{Ids, TextList},
    interactions::Folded,
    job::{Given, Job, Of},
    kernel::{ItemFilter, Kernel, codes_of, neighbours},
    matrix::{Layout, Matrix},
    neighbours::{Catalogue, Neighbours},
    plan::{HEAVIEST_USER, Plan, Tile},
    weighting::Weighting,
};
use ilk_formats::read_id_list;

use crate::{
    config::{DataSource, Lists, Settings},
    error::Error,
    inputs::FileSource,
    output::Output,
    pipeline::{Files, check_rows, heavy_user, report_set_aside},
    pool::Pool,
    progress::Reporter,
    publish::Existing,
    text::{counted, printable, rounded, shortened},
};

/// What only the command line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// What becomes of an output that is there already.
    pub(crate) existing: Existing,
    /// Run although a guard thinks it is too much work.
    pub(crate) force: bool,
}

/// Computes the neighbours and writes them.
///
/// # Errors
/// For input that cannot be read, output that cannot be written, and guards that refuse.
pub(crate) fn run(settings: &Settings, options: Options, reporter: &Reporter) -> Result<(), Error> {
    let run = Run::prepare(settings, options, reporter)?;
    report_unused(&settings.source, &settings.resolved, reporter);
    run.execute(&settings.out.display().to_string(), reporter)
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
        options: Options,
        reporter: &Reporter,
    ) -> Result<Self, Error> {
        let (source, job) = (&settings.source, &settings.resolved);
        let output = Output::create(&settings.out, options.existing)?;
        let files = Files::open(source, reporter)?;
        files.check_apart_from(&settings.out)?;
        let lists = IdLists::read(&settings.lists, source, job)?;
        let pool = Pool::new(settings.threads)?;
        let (needs, layout) = (needs(source, job), layout()?);
        Ok(Self { job, needs, options, output, files, lists, pool, layout })
    }

    /// Runs the job, stage by stage; `place` is what people call the output.
    ///
    /// # Errors
    /// For input that turns out damaged, output that cannot be written, and guards that refuse.
    pub(crate) fn execute(self, place: &str, reporter: &Reporter) -> Result<(), Error> {
        let Self { job, needs, options, output, files, lists, pool, layout } = self;
        let rows = files.read(job, needs, &pool, reporter)?;
        report_set_aside(&rows.tally, &rows.names, reporter);
        check_rows(&rows.tally, job)?;
        let folded = rows.fold(job, needs, &pool, reporter)?;
        let mut refusal = if options.force { None } else { heavy_user(&folded) };
        // Few items wanted are few pairs, however many a user has: the plan will tell.
        if lists.targets.is_none()
            && let Some(refusal) = refusal.take()
        {
            return Err(refusal);
        }
        let filter = lists.filter(&folded.catalogue.ids, reporter);
        let Folded { interactions, catalogue, .. } = folded;
        let stage = reporter.stage("comparing", None);
        let matrix = Matrix::with_layout(&interactions, job.weighting, layout, &pool);
        drop(interactions);
        let plan = Plan::new(&matrix, &filter);
        if let Some(refusal) = refusal.filter(|_| plan.operations > HEAVIEST_PLAN) {
            return Err(refusal);
        }
        stage.expect(plan.cost);
        let on_tile = |tile: &Tile| stage.advance(tile.cost);
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
        drop(matrix);
        write(output, place, &catalogue, &found, reporter)
    }
}

/// Pair operations of the heaviest user that is no reason to refuse, each pair counted once.
const HEAVIEST_PLAN: u64 = HEAVIEST_USER * HEAVIEST_USER / 2;

/// Takes the instructions that `ILK_KERNEL` names, for tests and benchmarks; else the fastest.
fn layout() -> Result<Layout, Error> {
    let Some(name) = std::env::var_os("ILK_KERNEL").filter(|name| !name.is_empty()) else {
        return Ok(Layout::default());
    };
    let available = Kernel::available();
    let named = available.iter().find(|kernel| name == kernel.name());
    let kernel = *named.ok_or_else(|| {
        let names = available.iter().map(|kernel| kernel.name()).collect::<Vec<_>>().join(", ");
        let name = printable(&shortened(&name.to_string_lossy(), 40));
        Error::input(format!("ILK_KERNEL is {name}, which this machine does not have"))
            .with_help(format!("leave it out, or choose one of: {names}"))
    })?;
    Ok(Layout { kernel, ..Layout::default() })
}

fn needs(source: &DataSource, job: &Job) -> Needs {
    Needs::of(job, Given { weight: source.weight.is_some(), time: source.time.is_some() })
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

/// Says what was asked for without effect.
fn report_unused(source: &DataSource, job: &Job, reporter: &Reporter) {
    if job.measure.is_weighted() && !needs(source, job).weight {
        match job.weighting {
            Weighting::Binary if source.weight.is_some() => {
                reporter.note("weights only set returns aside (--weighting is binary)");
            }
            Weighting::Raw | Weighting::Log => reporter.note(format!(
                "all weights are 1: {} changes nothing without --weight or --duplicates sum",
                job.weighting.name()
            )),
            _ => {}
        }
    }
    if source.item_label.is_some() && job.of == Of::Users {
        reporter.note("item labels are left out: they do not name users");
    }
}

/// The ids of `--only`, `--exclude` and `--for`.
struct IdLists {
    only: Option<TextList>,
    exclude: Option<TextList>,
    targets: Option<TextList>,
}

impl IdLists {
    fn read(lists: &Lists, source: &DataSource, job: &Job) -> Result<Self, Error> {
        let column = match job.of {
            Of::Items => &source.item,
            Of::Users => &source.user,
        };
        let read = |paths: &[PathBuf]| -> Result<Option<TextList>, Error> {
            let mut ids = TextList::new();
            for path in paths {
                let list = read_id_list(Arc::new(FileSource::open(path)?), column)?;
                list.iter().for_each(|id| ids.push(id));
            }
            Ok((!paths.is_empty()).then_some(ids))
        };
        Ok(Self {
            only: read(&lists.only)?,
            exclude: read(&lists.exclude)?,
            targets: read(&lists.targets)?,
        })
    }

    /// Finds the codes of the ids; says which are not there.
    fn filter(&self, ids: &Ids, reporter: &Reporter) -> ItemFilter {
        let codes = |flag: &str, list: &Option<TextList>| {
            let list = list.as_ref()?;
            let (codes, unknown) = codes_of(ids, list.iter());
            if let Some(first) = unknown.first() {
                let count = unknown.len() as u64;
                let text = format!(
                    "--{flag}: {} not in the data, such as {}",
                    counted(count, "id"),
                    printable(&shortened(first, 40))
                );
                reporter.count("lists", text, &[(flag, count)]);
            }
            Some(codes)
        };
        ItemFilter::new(
            ids.len(),
            codes("only", &self.only).as_deref(),
            codes("exclude", &self.exclude).as_deref(),
            codes("for", &self.targets).as_deref(),
        )
    }
}
