//! `ilk run`: the main job.

use ilk_engine::{Besides, Earlier, IdStyle, Observer, Request, Resources, RunPlace};

use crate::{
    error::Error,
    progress::Reporter,
    publish::Existing,
    settings::{Engine, Record, Settings},
};

/// What only the command line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// What becomes of an output that is there already.
    pub(crate) existing: Existing,
    /// What becomes of an earlier run in the run directory.
    pub(crate) earlier: Earlier,
    /// How the output writes IDs.
    pub(crate) ids: IdStyle,
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
        ids: options.ids,
        resources: Resources {
            threads: settings.threads,
            memory: settings.memory,
            shard_size: settings.shard_size,
        },
        budget: ilk_engine::Budget {
            limits: settings.budget.limits(),
            time_text: settings.budget.time_text(),
            memory_text: settings.budget.memory_text(),
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
    if settings.run_dir.is_none() && options.earlier == Earlier::Discard {
        return Err(Error::input("--restart has no effect without --run-dir")
            .with_help("--overwrite replaces an output"));
    }
    let folder = settings.run_dir.clone();
    let place = folder.map(|folder| RunPlace { folder, record, earlier: options.earlier });
    Ok(ilk_engine::run(&request(settings, options, engine), place, observer, reporter)?)
}
