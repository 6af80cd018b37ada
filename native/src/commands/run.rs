//! `ilk run`: the main job.

use ilk_engine::{Besides, Earlier, Expected, Observer, Request, Resources, RunPlace, Spelling};

use crate::{
    error::Error,
    machine,
    progress::Reporter,
    publish::Existing,
    settings::{Engine, Publishing, Record, Settings, Share},
    speed::{self, Age},
    usage,
};

/// What only the command line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// What becomes of an output that is there already.
    pub(crate) existing: Existing,
    /// What becomes of an earlier run in the run directory.
    pub(crate) earlier: Earlier,
    /// How the output spells what it holds.
    pub(crate) spelling: Spelling,
    /// Run although a guard thinks it is too much work.
    pub(crate) force: bool,
    /// The job file, and the report.
    pub(crate) besides: Besides,
}

/// Makes the request that settings come to.
pub(crate) fn request(settings: &Settings, options: Options, engine: &Engine) -> Request {
    Request {
        lists: settings.lists.clone(),
        existing: options.existing,
        spelling: options.spelling,
        expected: Expected {
            min_rows: settings.publishing.min_rows,
            max_change: settings.publishing.max_change.as_ref().map(Share::share),
        },
        resources: Resources {
            threads: settings.threads,
            memory: settings.memory,
            shard_size: settings.shard_size,
            machine: None,
        },
        budget: ilk_engine::Budget {
            limits: settings.budget.limits(),
            time_text: settings.budget.time_text(),
            memory_text: settings.budget.memory_text(),
            disk: settings.budget.disk,
        },
        force: options.force,
        plugin: engine.plugin(),
        besides: options.besides,
        ..Request::new(settings.source.clone(), settings.resolved.clone(), settings.out.clone())
    }
}

/// Computes the neighbours and writes them, in a run directory where one is named.
///
/// # Errors
/// For input that cannot be read, output that cannot be written, and guards that refuse.
pub(crate) fn run(
    settings: &Settings,
    record: Record,
    options: Options,
    engine: &Engine,
    observer: &dyn Observer,
    reporter: &Reporter,
) -> Result<(), Error> {
    check_publishing(settings, options.earlier)?;
    let folder = settings.run_dir.clone();
    let place = folder.map(|folder| RunPlace { folder, record, earlier: options.earlier });
    let is_timed = !options.force && settings.budget.limits().seconds.is_some();
    let mut request = request(settings, options, engine);
    // As `ilk plan` reckons. Where nothing is kept, the run measures once for all its attempts.
    if is_timed && usage::place().is_some() {
        let speed = speed::of_this_machine(machine::kernel()?, Age::Any, reporter);
        request.resources.machine = Some(speed.machine);
    }
    Ok(ilk_engine::run(&request, place, observer, reporter)?)
}

/// Refuses what has no effect.
fn check_publishing(settings: &Settings, earlier: Earlier) -> Result<(), Error> {
    let Publishing { min_rows, max_change, .. } = &settings.publishing;
    let flag = match earlier {
        Earlier::Continue => None,
        Earlier::Discard => Some("--restart"),
        Earlier::IfSame => Some("--restart-if-changed"),
    };
    if let Some(flag) = flag.filter(|_| settings.run_dir.is_none()) {
        return Err(Error::input(format!("{flag} has no effect without --run-dir"))
            .with_help("--overwrite replaces an output"));
    }
    let guards = [("--min-rows", min_rows.is_some()), ("--max-change", max_change.is_some())];
    let guard = guards.into_iter().find(|(_, is_set)| *is_set && settings.out.is_none());
    guard.map_or(Ok(()), |(flag, _)| {
        Err(Error::input(format!("{flag} has no effect without --out"))
            .with_help("a run directory keeps every result; add --out FILE"))
    })
}
