//! `ilk run`: the main job.

use std::path::Path;

use ilk_engine::{
    Besides, Earlier, Expected, Observer, Publication, Request, Resources, RunPlace, Spelling,
    is_stdout,
};
use ilk_formats::OutputFormat;

use crate::{
    error::{Error, Kind},
    interrupt::Deadline,
    machine,
    progress::Reporter,
    publish::Existing,
    settings::{Engine, Layers, Publishing, Record, Settings, Share},
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
        publication: Publication {
            out: settings.out.clone(),
            place: None,
            existing: options.existing,
            spelling: options.spelling,
            piped: settings.publishing.out_format,
            expected: Expected {
                min_rows: settings.publishing.min_rows,
                max_change: settings.publishing.max_change.as_ref().map(Share::share),
            },
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
            hard: settings.budget.hard,
        },
        force: options.force,
        plugin: engine.plugin(),
        besides: options.besides,
        ..Request::new(settings.source.clone(), settings.resolved.clone(), None)
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

/// Begins to watch the time of a run that is to end at its budget.
///
/// # Errors
/// If the system gives no thread.
pub(crate) fn deadline(layers: &Layers, settings: &Settings) -> Result<Option<Deadline>, Error> {
    let Some(span) = settings.budget.end() else { return Ok(None) };
    let error = Error::new(Kind::Stopped, format!("stopped at {}", settings.budget.time_text()));
    let help = match &settings.run_dir {
        None => "nothing was kept; with --run-dir DIR, the same command resumes the run".into(),
        Some(folder) => {
            // Started over, it would come no further.
            let command = layers.call().without(&["restart"]).with("run", []).join(" ");
            format!("finished stages are kept in {}; resume with `{command}`", folder.display())
        }
    };
    Deadline::start(span, error.with_help(help)).map(Some)
}

/// Refuses what has no effect.
fn check_publishing(settings: &Settings, earlier: Earlier) -> Result<(), Error> {
    let Publishing { keep, min_rows, max_change, out_format, .. } = &settings.publishing;
    let flag = match earlier {
        Earlier::Continue => None,
        Earlier::Discard => Some("--restart"),
        Earlier::IfSame => Some("--restart-if-changed"),
    };
    if let Some(flag) = flag.filter(|_| settings.run_dir.is_none()) {
        return Err(Error::input(format!("{flag} has no effect without --run-dir"))
            .with_help("--overwrite replaces an output"));
    }
    let is_piped = settings.out.as_deref().is_some_and(is_stdout);
    if max_change.is_some() && is_piped {
        return Err(Error::input("--max-change has no effect with --out -")
            .with_help("there is no old result to compare with; --min-rows takes effect"));
    }
    if keep.is_some() && is_piped {
        return Err(Error::input("--keep has no effect with --out -")
            .with_help("name a folder: --out results/"));
    }
    check_out_format(settings.out.as_deref(), *out_format)?;
    let guards = [
        ("--keep", keep.is_some()),
        ("--min-rows", min_rows.is_some()),
        ("--max-change", max_change.is_some()),
    ];
    let guard = guards.into_iter().find(|(_, is_set)| *is_set && settings.out.is_none());
    guard.map_or(Ok(()), |(flag, _)| {
        Err(Error::input(format!("{flag} has no effect without --out"))
            .with_help("a run directory keeps one result of its own; add --out"))
    })
}

/// Refuses a format of standard output where nothing is written to it.
///
/// # Errors
/// If it is so.
pub(super) fn check_out_format(
    out: Option<&Path>,
    format: Option<OutputFormat>,
) -> Result<(), Error> {
    if format.is_none() || out.is_some_and(is_stdout) {
        return Ok(());
    }
    Err(Error::input("--out-format has no effect without --out -")
        .with_help("the ending of a file chooses its format, as in --out similar.csv"))
}
