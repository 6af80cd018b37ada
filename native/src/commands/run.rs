//! `ilk run`: the main job.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use ilk_core::{
    clean::Needs,
    ids::{Ids, TextList},
    interactions::Folded,
    job::{Given, Job, Of},
    kernel::{ItemFilter, codes_of, neighbours},
    matrix::Matrix,
    neighbours::{Catalogue, Neighbours},
    plan::{Plan, Tile},
    weighting::Weighting,
};
use ilk_formats::read_id_list;

use crate::{
    config::{DataSource, Lists, Settings},
    error::Error,
    inputs::FileSource,
    output::Output,
    pipeline::{Files, check_work, report_folding, report_set_aside},
    pool::Pool,
    progress::Reporter,
    publish::Existing,
    text::{counted, printable, shortened},
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
    report_unused(&settings.source, &settings.resolved, reporter);
    execute(settings, options, reporter)
}

/// Runs the job, stage by stage.
///
/// # Errors
/// See [`run`].
pub(crate) fn execute(
    settings: &Settings,
    options: Options,
    reporter: &Reporter,
) -> Result<(), Error> {
    let (source, job) = (&settings.source, &settings.resolved);
    // Whatever can go wrong before the work starts goes wrong here.
    let output = Output::create(&settings.out, options.existing)?;
    let files = Files::open(source, reporter)?;
    let lists = IdLists::read(&settings.lists, source, job)?;
    let pool = Pool::new(settings.threads)?;

    let given = Given { weight: source.weight.is_some(), time: source.time.is_some() };
    let needs = Needs::of(job, given);
    let rows = files.read(job, needs, &pool, reporter)?;
    report_set_aside(&rows.tally, &rows.names, reporter);
    rows.tally.check(job).map_err(|refusal| {
        Error::refused(refusal.to_string())
            .with_help("look at the rows above and mend them, or allow them with --max-bad-rows")
    })?;
    let folded = rows.fold(job, needs, &pool, reporter)?;
    report_folding(&folded.folding, job, reporter);
    if !options.force {
        check_work(&folded)?;
    }
    let filter = lists.filter(&folded.catalogue.ids, reporter);
    let Folded { interactions, catalogue, .. } = folded;
    let stage = reporter.stage("comparing", None);
    let matrix = Matrix::new(&interactions, job.weighting, &pool);
    drop(interactions);
    let plan = Plan::new(&matrix, &filter);
    stage.expect(plan.operations);
    let on_tile = |tile: &Tile| stage.advance(tile.operations);
    let found = neighbours(&matrix, &plan, job, &filter, &pool, on_tile);
    stage.count("pair_operations", plan.operations);
    stage.count("neighbours", found.len() as u64);
    stage.finish(format!(
        "{} in {:.3e} pair operations",
        counted(found.len() as u64, "neighbour"),
        plan.operations as f64
    ));
    drop(matrix);
    write(output, &settings.out, &catalogue, &found, reporter)
}

fn write(
    output: Output,
    out: &Path,
    catalogue: &Catalogue,
    found: &Neighbours,
    reporter: &Reporter,
) -> Result<(), Error> {
    let stage = reporter.stage("writing", None);
    stage.count("rows", found.len() as u64);
    output.write(catalogue, found)?;
    stage.finish(format!("{} to {}", counted(found.len() as u64, "row"), out.display()));
    if found.is_empty() {
        reporter.note("no pair qualified: the table has no rows");
    }
    Ok(())
}

/// Says which columns were named without effect.
fn report_unused(source: &DataSource, job: &Job, reporter: &Reporter) {
    if source.weight.is_some() && job.weighting == Weighting::Binary && job.measure.is_weighted() {
        reporter.note(
            "weights only tell returns and duplicates apart here: weighting is binary \
             (--weighting raw, log, tfidf or bm25 use them)",
        );
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
                    "{flag}: {} not in the data, such as {}",
                    counted(count, "id"),
                    printable(&shortened(first, 40))
                );
                reporter.count("unknown_ids", text, &[(flag, count)]);
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
