//! How a run in a directory begins, goes on and ends: what is done is not done again, what is
//! damaged is.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use ilk_core::executor::Executor as _;

use super::{
    checking::remove,
    compare::{Changes, fingerprints},
    dir::{Entered, NO_RUN, RunDir},
    files,
    fingerprint::Fingerprint,
    machine::Machine,
    manifest::{Host, Manifest, Task},
    outs::Outs,
    tables,
};
use crate::{
    apart::check_outputs,
    context::{Means, Run},
    data::Made,
    disk::Disk,
    error::Error,
    files::Files,
    guard::Guard,
    handed::Tiled,
    inputs,
    keep::Keep as _,
    labels::LabelTable,
    line::line,
    lists::IdLists,
    machine::kernel,
    memory::{Allowance, Bytes},
    observe::{Observer, Unobserved},
    pool::Pool,
    progress::Reporter,
    record::{StageName, now},
    request::{Earlier, Request, RunPlace},
    sandbox::Plugin,
    source::{DataSource, Lists, Record, needs},
    spill::{Desk, Workplace},
    stages,
    text::{counted, quoted},
};

/// Runs a job in a run directory, or goes on with it.
///
/// # Errors
/// For inputs, outputs and directories that cannot be used, guards that refuse, and a directory
/// that holds another job's run.
pub(crate) fn run(
    request: &Request,
    place: RunPlace,
    observer: &dyn Observer,
    reporter: &Reporter,
) -> Result<(), Error> {
    let RunPlace { folder, record, earlier } = place;
    let Request { source, job, resources, .. } = request;
    let (pool, kernel) = (Pool::new(resources.threads)?, kernel()?);
    let budget = Allowance::new(resources.memory, resources.shard_size, pool.workers());
    let opened = Files::open(source, Some(budget.chunk_rows()), reporter)?;
    let budget = budget.reading(opened.bytes_of_reading());
    let lists = IdLists::read(&request.lists, source, job)?;
    lists.check_engine(request.plugin.is_some())?;
    request.check_target()?;
    let labels = LabelTable::open(source, job.of, &budget, reporter)?;
    let plugin = request.plugin.as_deref().map(Plugin::new);
    plugin.iter().try_for_each(|plugin| plugin.open(&pool).map(drop))?;
    check_outputs(request, Some(&folder), &opened, labels.as_ref())?;
    let earlier = settled(earlier, &folder, reporter);
    let mut outputs = Outs::check(request, &folder, earlier)?;
    let mut entered = Entered::enter(&folder, earlier)?;
    let task = Task {
        job: record,
        inputs: with_dialects(fingerprints(&opened.names, &pool)?, &opened),
        target: opened.target,
        lists: list_fingerprints(&request.lists, source, &pool)?,
        engine: request.plugin.as_deref().map(Fingerprint::of).transpose()?,
    };
    let machine = Machine::here(kernel);
    let (threads, force) = (pool.workers(), request.force);
    let host = Host { machine, threads, force, costs: None };
    let changed = changed(&entered, &task).filter(|_| earlier == Earlier::IfSame);
    let manifest = match &changed {
        None => manifest(&entered, task, host)?,
        Some(_) => begun(task, host)?,
    };
    outputs.find(request, &manifest)?;
    if let Some(changes) = changed {
        reporter.note(format!("{changes}: starting over"));
        entered.discard()?;
    }
    let guard = Guard::of(request);
    let disk = Disk::new(request.budget.disk);
    disk.measure(&folder);
    let desk = Desk::new(Workplace::At(folder.join(files::WORK)), disk.clone());
    let run = Run {
        job,
        needs: needs(source, job),
        names: &opened.names,
        target: opened.target,
        lists: &lists,
        labels: labels.as_ref(),
        means: Means { pool: &pool, budget: &budget, kernel, desk: &desk, plugin: plugin.as_ref() },
        guard: &guard,
        observer,
        reporter,
    };
    let (mut dir, next) = entered.into_run(manifest, outputs, disk)?;
    let going = Going { run, source, files: &opened };
    going.on(&mut dir, next).map_err(|error| with_way_on(error, dir.path()))?;
    guard.tell_excess(reporter);
    Ok(())
}

/// Adds to an error how to go on from it.
fn with_way_on(error: Error, folder: &Path) -> Error {
    let way_on =
        format!("finished stages are kept in {}; run the same command to resume", folder.display());
    let help = match error.help() {
        None => way_on,
        // What is wrong is the place, and the run goes on once that is mended.
        Some(help) if error.message().starts_with("cannot write") => format!("{help}; {way_on}"),
        Some(_) => return error,
    };
    error.with_help(help)
}

/// Lets a run begin anew that is to go on only if it is the same, and of which nothing can be known.
fn settled(earlier: Earlier, folder: &Path, reporter: &Reporter) -> Earlier {
    if earlier != Earlier::IfSame || !folder.is_dir() {
        return earlier;
    }
    match Manifest::load(folder) {
        Ok(_) => earlier,
        Err(error) => {
            reporter.note(format!("{}: starting over", error.message()));
            Earlier::Discard
        }
    }
}

/// Says what keeps the run of a directory from going on with a task; `None` if nothing does.
fn changed(entered: &Entered, task: &Task) -> Option<String> {
    let (manifest, name) = (entered.manifest()?, entered.path().display().to_string());
    let is_finished = manifest.life.finished.is_some();
    let version = if is_finished { Ok(()) } else { check_version(manifest, &name) };
    let changes = Changes::find(&manifest.task, task).check(&name).and(version).err()?;
    Some(changes.message().to_owned())
}

/// Begins the manifest of a new run.
fn begun(task: Task, host: Host) -> Result<Manifest, Error> {
    let here = std::env::current_dir();
    let here = here.map_err(|error| Error::file("find", Path::new("."), &error))?;
    let mut manifest = Manifest::new(task, here, host);
    manifest.life.attempts = 1;
    Ok(manifest)
}

/// Returns the manifest to go on with: that of the directory if it is of the same task, else a new
/// one.
fn manifest(entered: &Entered, task: Task, host: Host) -> Result<Manifest, Error> {
    let name = entered.path().display().to_string();
    let Some(manifest) = entered.manifest() else { return begun(task, host) };
    Changes::find(&manifest.task, &task).check(&name)?;
    if manifest.life.finished.is_none() {
        check_version(manifest, &name)?;
    }
    let mut manifest = manifest.clone();
    manifest.life.attempts += 1;
    manifest.task = task;
    // Another machine pays other costs.
    let same = manifest.host.machine == host.machine;
    let costs = manifest.host.costs.filter(|_| same);
    manifest.host = Host { costs, ..host };
    Ok(manifest)
}

/// Runs one stage alone, from the results of the ones before.
///
/// # Errors
/// For a directory that contains no run, a stage before it that is not done or damaged, and what the
/// stage itself meets.
pub fn run_stage(folder: &Path, stage: StageName, reporter: &Reporter) -> Result<(), Error> {
    let name = folder.display().to_string();
    let none = || Error::input(format!("{name} contains no run")).with_help(NO_RUN);
    if Manifest::load(folder)?.is_none() {
        return Err(none());
    }
    let mut entered = Entered::enter(folder, Earlier::Continue)?;
    let manifest = entered.manifest().cloned().ok_or_else(none)?;
    check_version(&manifest, &name)?;
    if let Some(missing) = stage.before().find(|stage| manifest.done(*stage).is_none()) {
        return Err(Error::input(format!("stage {missing} of {name} is not done"))
            .with_help(format!("`ilk stage {} {missing}`, or `ilk run` again", quoted(&name))));
    }
    // Paths of the job start from where it was begun.
    if std::env::current_dir().ok().as_ref() != Some(&manifest.life.folder) {
        entered.make_absolute()?;
        std::env::set_current_dir(&manifest.life.folder)
            .map_err(|error| Error::file("go to", &manifest.life.folder, &error))?;
    }
    let (source, job) = manifest.task.job.resolve()?;
    let pool = Pool::new(NonZeroUsize::new(manifest.host.threads))?;
    let budget = allowance(&manifest.task.job, pool.workers());
    let disk = Disk::new(size_setting(&manifest.task.job, "max_disk"));
    disk.measure(entered.path());
    let lists = IdLists::read(&manifest.task.job.lists, &source, &job)?;
    let labels = LabelTable::open(&source, job.of, &budget, reporter)?;
    check_lists(&manifest, stage, (&source, &pool), &name)?;
    let plugin = manifest.task.engine.as_ref().map(|plugin| Plugin::new(Path::new(&plugin.path)));
    let guard = if manifest.host.force { Guard::forced(job.of) } else { Guard::unlimited(job.of) };
    let names = manifest.task.inputs.iter().map(|file| file.path.clone()).collect::<Vec<_>>();
    let desk = Desk::new(Workplace::At(entered.path().join(files::WORK)), disk.clone());
    let run = Run {
        job: &job,
        needs: needs(&source, &job),
        names: &names,
        target: manifest.task.target,
        lists: &lists,
        labels: labels.as_ref(),
        means: Means {
            pool: &pool,
            budget: &budget,
            kernel: kernel()?,
            desk: &desk,
            plugin: plugin.as_ref(),
        },
        guard: &guard,
        observer: &Unobserved,
        reporter,
    };
    let mut dir = entered.into_stage(manifest, stage, disk);
    let told = |error: Error| match error.damage() {
        None => error,
        Some(stage) => Error::input(error.message())
            .with_help(format!("`ilk stage {} {stage}` rebuilds it", quoted(&name))),
    };
    alone(run, &mut dir, stage, &source).map_err(told)?;
    say_undone(&dir, stage, reporter);
    dir.end_if_done()
}

/// Does one stage.
fn alone(
    run: Run<'_>,
    dir: &mut RunDir,
    stage: StageName,
    source: &DataSource,
) -> Result<(), Error> {
    let before = dir.results();
    match stage {
        StageName::Read => {
            let opened = open(run, dir, source)?;
            stages::read(run, dir, &opened)
        }
        StageName::Clean => {
            // Nothing of it goes before the inputs are known to be what they were.
            let opened = open(run, dir, source)?;
            clear_folders(dir, stage)?;
            stages::clean(run, dir, &opened).map(drop)
        }
        StageName::Encode => {
            let cleaned = dir.cleaned(before)?;
            stages::encode(run, dir, cleaned).map(drop)
        }
        StageName::Matrix => stages::matrix(run, dir, Made::Before(before)).map(drop),
        StageName::Plan => stages::plan(run, dir, Made::Before(before)).map(drop),
        StageName::Tiles => {
            clear_folders(dir, stage)?;
            stages::tiles(run, dir, Made::Before(before)).map(drop)
        }
        StageName::Merge => {
            let named = Made::Before(before.clone());
            stages::merge(run, dir, Tiled::Kept(before, named)).map(drop)
        }
        StageName::Write => stages::write(run, dir, Made::Before(before)),
    }
}

/// Opens the inputs of a run, which must be what they were.
fn open(run: Run<'_>, dir: &mut RunDir, source: &DataSource) -> Result<Files, Error> {
    let opened = Files::open(source, Some(run.means.budget.chunk_rows()), run.reporter)?;
    let now = fingerprints(&opened.names, run.means.pool)?;
    let task = Task { inputs: now.clone(), ..dir.manifest().task.clone() };
    Changes::find(&dir.manifest().task, &task).check(&dir.path().display().to_string())?;
    // A copy with the same content has times of its own.
    dir.update(|manifest| manifest.task.inputs = now)?;
    Ok(opened)
}

/// Refuses item lists, labels, or a plugin that is to compute, that are not what they were.
fn check_lists(
    manifest: &Manifest,
    stage: StageName,
    (source, pool): (&DataSource, &Pool),
    name: &str,
) -> Result<(), Error> {
    let then = &manifest.task;
    let lists = list_fingerprints(&then.job.lists, source, pool)?;
    // What computes the tiles matters to nobody else.
    let plugin = then.engine.as_ref().filter(|_| stage == StageName::Tiles);
    let engine = match plugin {
        None => then.engine.clone(),
        Some(plugin) => Some(Fingerprint::of(Path::new(&plugin.path))?),
    };
    // Groups that stand in the inputs are read from them again.
    let inputs = if source.group.is_some() && source.labels.is_empty() {
        let names = then.inputs.iter().map(|file| file.path.clone()).collect::<Vec<_>>();
        fingerprints(&names, pool)?
    } else {
        then.inputs.clone()
    };
    Changes::find(then, &Task { inputs, lists, engine, ..then.clone() }).check(name)
}

/// Returns the memory that a run was begun with.
fn allowance(job: &Record, workers: usize) -> Allowance {
    Allowance::new(size_setting(job, "memory"), size_setting(job, "shard_size"), workers)
}

/// Returns a size that a run was begun with; the default is told in words.
fn size_setting(job: &Record, name: &str) -> Option<Bytes> {
    let found = job.settings.iter().find(|setting| setting.name == name);
    found.and_then(|setting| setting.value.parse().ok())
}

/// Removes what a stage that is done would find of itself and not do again. Other files are
/// replaced when the new ones are whole.
fn clear_folders(dir: &mut RunDir, stage: StageName) -> Result<(), Error> {
    let is_done = dir.manifest().done(stage).is_some();
    if !is_done || !matches!(stage, StageName::Clean | StageName::Tiles) {
        return Ok(());
    }
    if stage == StageName::Tiles {
        for needed in [StageName::Encode, StageName::Matrix, StageName::Plan] {
            dir.results().verified(needed, "")?;
        }
    }
    dir.reopen(stage)?;
    for name in tables::files_of(stage) {
        remove(&dir.file(name))?;
    }
    Ok(())
}

fn check_version(manifest: &Manifest, name: &str) -> Result<(), Error> {
    let here = env!("CARGO_PKG_VERSION");
    if manifest.life.ilk == here {
        return Ok(());
    }
    Err(Error::input(format!(
        "{name} was created by ilk {}; this is ilk {here}",
        manifest.life.ilk
    ))
    .with_help("resume with that version, or start over with --restart"))
}

/// Notes the dialects of CSV files that are not plain ones.
fn with_dialects(mut inputs: Vec<Fingerprint>, files: &Files) -> Vec<Fingerprint> {
    for (input, table) in inputs.iter_mut().zip(&files.tables) {
        let dialect = table.dialect().filter(|dialect| !dialect.is_plain());
        input.dialect = dialect.map(ToString::to_string);
    }
    inputs
}

fn list_fingerprints(
    lists: &Lists,
    source: &DataSource,
    pool: &Pool,
) -> Result<BTreeMap<String, Vec<Fingerprint>>, Error> {
    let lists = [("only", &lists.only), ("exclude", &lists.exclude), ("for", &lists.targets)];
    let lists = lists.into_iter().filter(|(_, paths)| !paths.is_empty());
    let of = |(name, paths): (&str, &Vec<PathBuf>)| {
        let files = paths.iter().map(|path| Fingerprint::of(path)).collect::<Result<_, Error>>()?;
        Ok((name.to_owned(), files))
    };
    let mut found = lists.map(of).collect::<Result<BTreeMap<_, _>, Error>>()?;
    if !source.labels.is_empty() {
        let files = inputs::resolve(&source.labels, source.table_formats())?.files;
        let names = files.iter().map(|file| file.path.display().to_string()).collect::<Vec<_>>();
        found.insert("labels".into(), fingerprints(&names, pool)?);
    }
    Ok(found)
}

/// A run in a directory that is under way.
#[derive(Clone, Copy)]
struct Going<'a> {
    run: Run<'a>,
    source: &'a DataSource,
    files: &'a Files,
}

impl Going<'_> {
    /// Runs the stages that are not done. Of a finished run `next` is the manifest to go on with
    /// should something of it be damaged.
    fn on(self, dir: &mut RunDir, next: Option<Manifest>) -> Result<(), Error> {
        let (name, reporter) = (dir.path().display().to_string(), self.run.reporter);
        let mut damages = dir.find_missing();
        if next.is_some() && damages.is_empty() {
            match dir.results().verified(StageName::Write, "") {
                Ok(_) => return self.say_finished(dir, &name),
                Err(error) if error.damage().is_some() => damages.push(error),
                Err(error) => return Err(error),
            }
        }
        if let Some(manifest) = next {
            check_version(&manifest, &name)?;
            dir.set(manifest)?;
        }
        for damage in damages {
            self.redo(dir, &damage)?;
        }
        // Whatever else is to be done, the output is written once more.
        if !dir.outs.left.is_empty() && dir.manifest().done(StageName::Write).is_some() {
            dir.reopen(StageName::Write)?;
        }
        self.run.observer.resumable(dir.path());
        stages::report_unused(self.source, self.run.job, reporter);
        let done = StageName::ALL.iter().filter(|stage| dir.manifest().done(**stage).is_some());
        let done = done.count();
        if done > 0 {
            let text =
                format!("{name}: {done} of {} stages are already done", StageName::ALL.len());
            reporter.count("resuming", text, &[("stages", done as u64)]);
        }
        self.finish(dir)
    }

    /// Runs one stage after the other; one whose result turns out damaged is done again.
    fn finish(self, dir: &mut RunDir) -> Result<(), Error> {
        let mut redone = BTreeMap::new();
        while let Err(error) = line(self.run, dir, self.files) {
            let Some(stage) = error.damage() else { return Err(error) };
            let times = redone.entry(stage).or_insert(0_u32);
            *times += 1;
            if *times > 2 {
                return Err(Error::input(format!(
                    "{}; rebuilding it did not help",
                    error.message()
                ))
                .with_help("check the disk, or choose a run directory on another one"));
            }
            self.redo(dir, &error)?;
        }
        dir.end_if_done()?;
        dir.outs.withheld.take().map_or(Ok(()), Err)
    }

    /// Takes a stage for not done because of a damaged file, and says so.
    fn redo(self, dir: &mut RunDir, damage: &Error) -> Result<(), Error> {
        let Some(stage) = damage.damage() else { return Ok(()) };
        self.run.reporter.note(format!("{}: rebuilding stage {stage}", damage.message()));
        dir.reopen(stage)
    }

    /// Reports that there is nothing to do, unless an output is to be written once more.
    fn say_finished(self, dir: &mut RunDir, name: &str) -> Result<(), Error> {
        if !dir.outs.left.is_empty() {
            dir.reopen(StageName::Write)?;
            return self.finish(dir);
        }
        let manifest = dir.manifest();
        let when = manifest.life.finished.clone().unwrap_or_default();
        let rows = manifest.done(StageName::Write).map_or(0, |record| record.rows_out);
        let text = format!("{name}, {when}, with {}: nothing to do", counted(rows, "neighbour"));
        self.run.reporter.count("finished", text, &[("neighbours", rows)]);
        Ok(())
    }
}

/// Reports which stages after `stage` are left, after it was run alone.
fn say_undone(dir: &RunDir, stage: StageName, reporter: &Reporter) {
    let is_left = |stage: &StageName| dir.manifest().done(*stage).is_none();
    let left = stage.after().filter(is_left).map(StageName::name).collect::<Vec<_>>();
    if !left.is_empty() {
        reporter.note(format!("stages to run next: {}", left.join(", ")));
    }
}

impl RunDir {
    /// Notes in the manifest that all is done, if it is.
    fn end_if_done(&mut self) -> Result<(), Error> {
        if StageName::ALL.iter().any(|stage| self.manifest().done(*stage).is_none()) {
            return Ok(());
        }
        self.update(|manifest| manifest.life.finished = now())
    }
}
