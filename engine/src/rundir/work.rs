//! A run in a directory, stage by stage: what is done is not done again, what is damaged is.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use ilk_core::{
    clean::{Cleaned, Needs},
    executor::Executor as _,
    ids::Ids,
    interactions::Interactions,
    job::Job,
    kernel::ItemFilter,
    matrix::{Layout, Matrix},
    neighbours::{Catalogue, Neighbours},
    outlook::Outlook,
    plan::Plan,
};
use ilk_formats::OutputFormat;

use super::{
    Damage, Earlier, Failure, Folder, Machine, Manifest, RunDir, StageName, StageRecord, StageRun,
    checksum::Checksum,
    compare::{Changes, fingerprints},
    files,
    fingerprint::Fingerprint,
    manifest::{FileRecord, Published, now},
    steps::{LaidOut, unopened},
    tables,
    tiles::Committed,
};
use crate::{
    error::Error,
    findings::Findings,
    guard::{self, Guard, held},
    lists::IdLists,
    machine,
    memory::Allowance,
    observe::{Observer, Unobserved},
    output::Output,
    pipeline::{Files, heavy_user, layout, needs, report_unused},
    pool::Pool,
    progress::Reporter,
    publish::{Existing, NewFolder},
    request::Request,
    sandbox::Sandbox,
    source::{DataSource, Lists, Record},
    spill::{self, Arranged, Found},
    text::counted,
};

/// What a run begins with.
#[derive(Clone)]
pub struct Start<'a> {
    /// What to do.
    pub request: &'a Request,
    /// The same as the manifest keeps it.
    pub record: Record,
    /// What becomes of an earlier run in the directory.
    pub earlier: Earlier,
    /// Sees what the report tells.
    pub observer: &'a dyn Observer,
}

/// A run in a directory.
pub struct Work<'a> {
    pub(super) dir: RunDir,
    pub(super) job: Job,
    pub(super) needs: Needs,
    pub(super) source: DataSource,
    /// The inputs; absent where no stage that reads them is to run.
    pub(super) files: Option<Files>,
    pub(super) lists: IdLists,
    pub(super) pool: Pool,
    pub(super) layout: Layout,
    /// The memory that it may take.
    pub(super) budget: Allowance,
    /// Watches what the job may take, if that is limited.
    pub(super) guard: Option<Guard<'a>>,
    /// Seconds that earlier processes took for the stages that are done.
    pub(super) before: f64,
    pub(super) reporter: &'a Reporter,
    pub(super) force: bool,
    pub(super) observer: &'a dyn Observer,
    /// What computes the tiles, if it is not this program.
    pub(super) sandbox: Option<Sandbox>,
    out: Option<Out>,
    /// Results of stages that are still in memory; what is not here is read from the directory.
    pub(super) hands: Hands,
}

/// Results of stages in memory, or in working files.
#[derive(Default)]
pub(super) struct Hands {
    pub(super) chunks: Option<Vec<Cleaned>>,
    pub(super) catalogue: Option<Catalogue>,
    pub(super) users: Option<Ids>,
    pub(super) interactions: Option<Interactions>,
    pub(super) filter: Option<ItemFilter>,
    pub(super) matrix: Option<(Matrix, Plan)>,
    /// The tiles in hand are those that stage `plan` wrote down.
    pub(super) is_planned: bool,
    pub(super) neighbours: Option<Neighbours>,
    /// The same in working files.
    pub(super) folded: Option<spill::Folded>,
    pub(super) arranged: Option<Arranged>,
    pub(super) found: Option<Found>,
    /// What tiles were done before.
    pub(super) committed: Option<Committed>,
    /// Why the job is too much work, unless few items are wanted.
    pub(super) refusal: Option<Error>,
    /// Where working files lie; gone after all that lies there.
    pub(super) workplace: Option<NewFolder>,
}

impl Hands {
    /// Returns what the tiles are computed from.
    pub(super) fn laid_out(&self) -> Option<LaidOut<'_>> {
        let memory = self.matrix.as_ref().map(|(matrix, plan)| LaidOut::Memory(matrix, plan));
        memory.or_else(|| self.arranged.as_ref().map(LaidOut::Disk))
    }
}

/// An output outside of the run directory.
struct Out {
    place: PathBuf,
    /// `None` where this run has written it already.
    output: Option<Output>,
}

/// Runs a job in a run directory, or goes on with it.
///
/// # Errors
/// For inputs, outputs and directories that cannot be used, guards that refuse, and a directory
/// that holds another job's run.
pub fn run(start: Start<'_>, folder: &Path, reporter: &Reporter) -> Result<(), Error> {
    let Start { request, record, earlier, observer } = start;
    let Request { source, job, existing, resources, force, .. } = request;
    let (existing, force) = (*existing, *force);
    let (pool, layout) = (Pool::new(resources.threads)?, layout()?);
    let budget = Allowance::new(resources.memory, resources.shard_size, pool.workers());
    let files = Files::open(source, Some(budget.chunk_rows()), reporter)?;
    files.check_apart_from(folder)?;
    let lists = IdLists::read(&request.lists, source, job)?;
    let (sandbox, engine) = match &request.plugin {
        None => (None, None),
        Some(path) => (Some(Sandbox::open(path, &pool)?), Some(Fingerprint::of(path)?)),
    };
    let mut output = None;
    if let Some(place) = &request.out {
        files.check_apart_from(place)?;
        // A new directory is not made for an output that cannot be.
        if earlier == Earlier::Discard || !folder.join(super::MANIFEST).exists() {
            output = Some(Output::create(place, existing)?);
        }
    }
    let mut dir = RunDir::enter(folder, earlier)?;
    let asked = Asked {
        record,
        inputs: fingerprints(&files.names, &pool)?,
        lists: list_fingerprints(&request.lists)?,
        engine,
        machine: Machine::here(layout.kernel),
        threads: pool.workers(),
        force,
    };
    let manifest = asked.manifest(&dir)?;
    let out = request.out.as_ref().map(|place| Out::find(place, output, existing, &manifest));
    let out = out.transpose()?;
    let finished = if manifest.finished.is_some() {
        Some(manifest)
    } else {
        dir.set(manifest)?;
        None
    };
    let guard = Guard::new(&request.budget, job.of).filter(|_| !force);
    let work = Work::new(dir, (source, job), lists, (pool, layout, budget), reporter);
    let mut work = Work { files: Some(files), guard, force, observer, sandbox, out, ..work };
    work.go_on(finished).map_err(|error| work.with_way_on(error))
}

/// A run as it is asked for now.
struct Asked {
    record: Record,
    inputs: Vec<Fingerprint>,
    lists: BTreeMap<String, Vec<Fingerprint>>,
    engine: Option<Fingerprint>,
    machine: Machine,
    threads: usize,
    force: bool,
}

impl Asked {
    /// Returns the manifest to go on with: that of the directory if it is of the same job, else a
    /// new one.
    fn manifest(self, dir: &RunDir) -> Result<Manifest, Error> {
        let Self { record, inputs, lists, engine, machine, threads, force } = self;
        let name = dir.path().display().to_string();
        let mut manifest = if let Some(manifest) = dir.manifest() {
            Changes::find(manifest, &record, &inputs, &lists, engine.as_ref()).check(&name)?;
            if manifest.finished.is_none() {
                check_version(manifest, &name)?;
            }
            manifest.clone()
        } else {
            let here = std::env::current_dir();
            let here = here.map_err(|error| Error::file("find", Path::new("."), &error))?;
            Manifest::new(record.clone(), here, machine.clone())
        };
        manifest.attempts += 1;
        manifest.job = record;
        manifest.inputs = inputs;
        manifest.lists = lists;
        manifest.engine = engine;
        if manifest.machine != machine {
            // Another machine pays other costs.
            manifest.costs = None;
        }
        manifest.machine = machine;
        manifest.threads = threads;
        manifest.force = force;
        Ok(manifest)
    }
}

impl Out {
    /// Finds out whether the output is there as this run has written it; else it is begun, unless
    /// that was done before.
    fn find(
        place: &Path,
        begun: Option<Output>,
        existing: Existing,
        manifest: &Manifest,
    ) -> Result<Self, Error> {
        let output = match begun {
            None if is_published(manifest, place)? => None,
            None => Some(Output::create(place, existing)?),
            begun => begun,
        };
        Ok(Self { place: place.into(), output })
    }
}

/// Runs one stage alone, from the results of the ones before.
///
/// # Errors
/// For a directory that holds no run, a stage before it that is not done or damaged, and what the
/// stage itself meets.
pub fn run_stage(folder: &Path, stage: StageName, reporter: &Reporter) -> Result<(), Error> {
    let name = folder.display().to_string();
    if Manifest::load(folder)?.is_none() {
        return Err(Error::input(format!("{name} holds no run")).with_help(NO_RUN));
    }
    let mut dir = RunDir::enter(folder, Earlier::Continue)?;
    let Some(manifest) = dir.manifest().cloned() else {
        return Err(Error::input(format!("{name} holds no run")).with_help(NO_RUN));
    };
    check_version(&manifest, &name)?;
    if let Some(missing) = stage.before().find(|stage| dir.done(*stage).is_none()) {
        return Err(Error::input(format!("stage {missing} of {name} is not done"))
            .with_help(format!("`ilk stage {name} {missing}`, or `ilk run` again")));
    }
    // Paths of the job start from where it was begun.
    if std::env::current_dir().ok().as_ref() != Some(&manifest.folder) {
        dir.make_absolute()?;
        std::env::set_current_dir(&manifest.folder)
            .map_err(|error| Error::file("go to", &manifest.folder, &error))?;
    }
    let (source, job) = manifest.job.resolve()?;
    let pool = Pool::new(std::num::NonZeroUsize::new(manifest.threads))?;
    let budget = allowance(&manifest.job, pool.workers());
    let mut files = None;
    if stage <= StageName::Clean {
        let opened = Files::open(&source, Some(budget.chunk_rows()), reporter)?;
        let now = fingerprints(&opened.names, &pool)?;
        let Manifest { job, lists, engine, .. } = &manifest;
        Changes::find(&manifest, job, &now, lists, engine.as_ref()).check(&name)?;
        // A copy with the same content has times of its own.
        dir.update(|manifest| manifest.inputs = now)?;
        files = Some(opened);
    }
    let lists = IdLists::read(&manifest.job.lists, &source, &job)?;
    let of_lists = list_fingerprints(&manifest.job.lists)?;
    // What computes the tiles matters to nobody else.
    let plugin = manifest.engine.as_ref().filter(|_| stage == StageName::Tiles);
    let (sandbox, engine) = match plugin.map(|plugin| Path::new(&plugin.path)) {
        None => (None, manifest.engine.clone()),
        Some(path) => (Some(Sandbox::open(path, &pool)?), Some(Fingerprint::of(path)?)),
    };
    let Manifest { job: of_run, inputs, .. } = &manifest;
    Changes::find(&manifest, of_run, inputs, &of_lists, engine.as_ref()).check(&name)?;
    let layout = layout()?;
    let told = |failure| match failure {
        Failure::Error(error) => error,
        Failure::Damage(Damage { stage, what }) => {
            Error::input(what).with_help(format!("`ilk stage {name} {stage}` makes it again"))
        }
    };
    clear_folders(&mut dir, stage).map_err(told)?;
    let work = Work::new(dir, (&source, &job), lists, (pool, layout, budget), reporter);
    let mut work = Work { files, force: manifest.force, sandbox, ..work };
    match work.stage(stage) {
        Ok(()) => {
            work.say_undone(stage);
            work.end_if_done()
        }
        Err(failure) => Err(told(failure)),
    }
}

/// Returns the memory that a run was begun with.
fn allowance(job: &Record, workers: usize) -> Allowance {
    let setting = |name: &str| {
        let found = job.settings.iter().find(|setting| setting.name == name);
        // The default is told in words.
        found.and_then(|setting| setting.value.parse().ok())
    };
    Allowance::new(setting("memory"), setting("shard_size"), workers)
}

/// Removes what a stage that is done would find of itself and not do again. Other files are
/// replaced when the new ones are whole.
fn clear_folders(dir: &mut RunDir, stage: StageName) -> Result<(), Failure> {
    if dir.done(stage).is_none() || !matches!(stage, StageName::Clean | StageName::Tiles) {
        return Ok(());
    }
    if stage == StageName::Tiles {
        for needed in [StageName::Encode, StageName::Matrix, StageName::Plan] {
            dir.verified(needed, "")?;
        }
    }
    dir.reopen(stage)?;
    for name in tables::files_of(stage) {
        super::remove(&dir.file(name))?;
    }
    Ok(())
}

/// What to do about a folder without a run.
pub(super) const NO_RUN: &str = "`ilk run … --run-dir DIR` begins one";

fn check_version(manifest: &Manifest, name: &str) -> Result<(), Error> {
    let here = env!("CARGO_PKG_VERSION");
    if manifest.ilk == here {
        return Ok(());
    }
    Err(Error::input(format!("{name} was begun by ilk {}, this is {here}", manifest.ilk))
        .with_help("go on with that version, or begin anew with --restart"))
}

fn list_fingerprints(lists: &Lists) -> Result<BTreeMap<String, Vec<Fingerprint>>, Error> {
    let lists = [("only", &lists.only), ("exclude", &lists.exclude), ("for", &lists.targets)];
    let lists = lists.into_iter().filter(|(_, paths)| !paths.is_empty());
    let of = |(name, paths): (&str, &Vec<PathBuf>)| {
        let files = paths.iter().map(|path| Fingerprint::of(path)).collect::<Result<_, Error>>()?;
        Ok((name.to_owned(), files))
    };
    lists.map(of).collect()
}

/// Tells whether an output is there as this run has written it.
fn is_published(manifest: &Manifest, place: &Path) -> Result<bool, Error> {
    let Ok(absolute) = std::path::absolute(place) else { return Ok(false) };
    let Some(out) = manifest.out.as_ref().filter(|out| out.path == absolute) else {
        return Ok(false);
    };
    for file in &out.files {
        let path = if file.name.is_empty() { absolute.clone() } else { absolute.join(&file.name) };
        if !path.is_file() || super::damage(&path, file)?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

impl<'a> Work<'a> {
    /// Prepares to work in a directory.
    fn new(
        dir: RunDir,
        (source, job): (&DataSource, &Job),
        lists: IdLists,
        (pool, layout, budget): (Pool, Layout, Allowance),
        reporter: &'a Reporter,
    ) -> Self {
        let done = dir.manifest().into_iter().flat_map(|manifest| manifest.stages.values());
        let costs = dir.manifest().and_then(|manifest| manifest.costs);
        let layout = Layout { machine: costs.or(layout.machine), ..layout };
        Self {
            before: done.map(|record| record.seconds).sum(),
            dir,
            job: job.clone(),
            needs: needs(source, job),
            source: source.clone(),
            files: None,
            lists,
            pool,
            layout,
            budget,
            guard: None,
            reporter,
            force: false,
            observer: &Unobserved,
            sandbox: None,
            out: None,
            hands: Hands::default(),
        }
    }

    /// Runs the stages that are not done. Of a finished run `finished` is the manifest to go on
    /// with should something of it be damaged.
    fn go_on(&mut self, finished: Option<Manifest>) -> Result<(), Error> {
        let name = self.dir.path().display().to_string();
        let mut damages = self.dir.find_missing();
        if finished.is_some() && damages.is_empty() {
            match self.dir.verified(StageName::Write, "") {
                Ok(_) => return self.say_finished(&name),
                Err(Failure::Damage(damage)) => damages.push(damage),
                Err(Failure::Error(error)) => return Err(error),
            }
        }
        if let Some(manifest) = finished {
            check_version(&manifest, &name)?;
            self.dir.set(manifest)?;
        }
        for damage in damages {
            self.redo(&damage)?;
        }
        self.observer.resumable(self.dir.path());
        report_unused(&self.source, &self.job, self.reporter);
        let done = StageName::ALL.iter().filter(|stage| self.dir.done(**stage).is_some()).count();
        if done > 0 {
            let text = format!("{name}: {done} of {} stages are done", StageName::ALL.len());
            self.reporter.count("resuming", text, &[("stages", done as u64)]);
        }
        self.finish_stages()?;
        self.end_if_done()
    }

    /// Runs one stage after the other; one whose result turns out damaged is done again.
    fn finish_stages(&mut self) -> Result<(), Error> {
        let mut redone = BTreeMap::new();
        loop {
            let is_left = |stage: &StageName| self.dir.done(*stage).is_none();
            let Some(stage) = StageName::ALL.into_iter().find(is_left) else { return Ok(()) };
            let damage = match self.stage(stage) {
                Ok(()) => continue,
                Err(Failure::Error(error)) => return Err(error),
                Err(Failure::Damage(damage)) => damage,
            };
            let times = redone.entry(damage.stage).or_insert(0_u32);
            *times += 1;
            if *times > 2 {
                return Err(Error::input(format!("{}, again and again", damage.what))
                    .with_help("check the disk, or name a run directory elsewhere"));
            }
            self.redo(&damage)?;
        }
    }

    /// Takes a stage for not done because of a damaged file, and says so.
    fn redo(&mut self, damage: &Damage) -> Result<(), Error> {
        let Damage { stage, what } = damage;
        self.reporter.note(format!("{what}: {stage} is done again"));
        // If its bytes are others, what was found does not count.
        self.hands.committed = None;
        self.dir.reopen(*stage)
    }

    /// Runs a stage.
    fn stage(&mut self, stage: StageName) -> Result<(), Failure> {
        match stage {
            StageName::Read => self.read(),
            StageName::Clean => self.clean(),
            StageName::Encode => self.encode(),
            StageName::Matrix => self.arrange(),
            StageName::Plan => self.plan(),
            StageName::Tiles => self.tiles(),
            StageName::Merge => self.merge(),
            StageName::Write => self.write(),
        }
    }

    /// Says which stages after `stage` are to be done, after it was done alone.
    fn say_undone(&self, stage: StageName) {
        let is_left = |stage: &StageName| self.dir.done(*stage).is_none();
        let left = stage.after().filter(is_left).map(StageName::name).collect::<Vec<_>>();
        if !left.is_empty() {
            self.reporter.note(format!("to be done after it: {}", left.join(", ")));
        }
    }

    /// Notes in the manifest that all is done, if it is.
    fn end_if_done(&mut self) -> Result<(), Error> {
        if StageName::ALL.iter().any(|stage| self.dir.done(*stage).is_none()) {
            return Ok(());
        }
        self.dir.update(|manifest| manifest.finished = now())
    }

    /// Says that there is nothing to do, unless an output is to be written once more.
    fn say_finished(&mut self, name: &str) -> Result<(), Error> {
        if self.out.as_ref().is_some_and(|out| out.output.is_some()) {
            self.dir.reopen(StageName::Write)?;
            self.finish_stages()?;
            return self.end_if_done();
        }
        let manifest = self.dir.manifest();
        let when = manifest.and_then(|manifest| manifest.finished.clone()).unwrap_or_default();
        let rows = self.dir.done(StageName::Write).map_or(0, |record| record.rows_out);
        let text = format!("{name}, {when}, with {}: nothing to do", counted(rows, "neighbour"));
        self.reporter.count("finished", text, &[("neighbours", rows)]);
        Ok(())
    }

    /// Adds to an error how to go on from it.
    fn with_way_on(&self, error: Error) -> Error {
        if error.help().is_some() {
            return error;
        }
        error.with_help(format!(
            "what is done is kept in {}: the same command goes on from there",
            self.dir.path().display()
        ))
    }

    /// Begins a stage.
    pub(super) fn begin(&self, stage: StageName, total: Option<u64>) -> StageRun<'a> {
        self.dir.begin(stage, total, self.reporter)
    }

    /// Returns the record of a stage that must be done.
    ///
    /// # Errors
    /// [`Failure::Damage`] if it is not.
    pub(super) fn record(&self, stage: StageName) -> Result<&StageRecord, Failure> {
        let missing =
            || Failure::Damage(Damage { stage, what: format!("stage {stage} is not done") });
        self.dir.done(stage).ok_or_else(missing)
    }

    /// Returns the one file of a stage with that name, checked.
    ///
    /// # Errors
    /// [`Failure::Damage`] if it is not what it was.
    pub(super) fn one(&self, stage: StageName, name: &str) -> Result<PathBuf, Failure> {
        let found = self.dir.verified(stage, name)?.pop();
        let what = || format!("{} is gone", self.dir.file(name).display());
        found.ok_or_else(|| Failure::Damage(Damage { stage, what: what() }))
    }

    /// Makes sure that the catalogue is in hand.
    pub(super) fn load_catalogue(&mut self) -> Result<(), Failure> {
        if self.hands.catalogue.is_none() {
            let path = self.one(StageName::Encode, files::ITEMS)?;
            self.hands.catalogue = Some(tables::read_items(&path)?);
        }
        Ok(())
    }

    /// Makes sure that the filter is in hand.
    pub(super) fn load_filter(&mut self) -> Result<(), Failure> {
        if self.hands.filter.is_none() {
            self.load_catalogue()?;
            let ids = self.hands.catalogue.as_ref().map(|catalogue| &catalogue.ids);
            self.hands.filter = ids.map(|ids| self.lists.filter(ids, self.reporter));
        }
        Ok(())
    }

    /// Makes sure that what tiles were done before is in hand.
    pub(super) fn load_committed(&mut self) -> Result<(), Failure> {
        if self.hands.committed.is_none() && self.dir.file(files::TILES).is_dir() {
            let folder = Folder::create(self.dir.path(), files::TILES)?;
            self.hands.committed = Some(Committed::find(&folder, self.dir.path())?);
        }
        Ok(())
    }

    /// Makes sure that matrix and plan are in hand.
    ///
    /// # Errors
    /// For damaged results, and where the job is too much work.
    pub(super) fn load_matrix(&mut self) -> Result<(), Failure> {
        if self.hands.matrix.is_some() {
            return Ok(());
        }
        // Folded on disk it may fit all the same.
        self.hands.folded = None;
        let interactions = if let Some(interactions) = self.hands.interactions.take() {
            interactions
        } else {
            let items = self.record(StageName::Encode)?.count("items") as usize;
            let path = self.one(StageName::Encode, files::INTERACTIONS)?;
            tables::read_interactions(&path, items, self.needs)?
        };
        let mut users = self.hands.users.take();
        if !self.force && ilk_core::plan::find_heavy_user(interactions.degrees()).is_some() {
            let ids = match users.take() {
                Some(users) => users,
                None => tables::read_users(&self.one(StageName::Encode, files::USERS)?)?,
            };
            self.refuse_heavy(heavy_user(&interactions, &ids))?;
            users = Some(ids);
        }
        let (Some(filter), Some(catalogue)) = (&self.hands.filter, &self.hands.catalogue) else {
            return Err(unopened().into());
        };
        let (weighting, layout) = (self.job.weighting, self.layout);
        let outlook = match &self.guard {
            None => None,
            Some(guard) => {
                guard.check_reading(self.peak_of_reading())?;
                let outlook = Outlook::of(&interactions, &self.job, filter, layout, &self.pool);
                let held = held(users.iter().chain([&catalogue.ids]));
                guard.check_memory(&interactions, &outlook, held)?;
                Some(outlook)
            }
        };
        let matrix = Matrix::with_layout(&interactions, weighting, layout, &self.pool);
        let plan = Plan::new(&matrix, filter);
        if let (Some(guard), Some(outlook)) = (&self.guard, &outlook) {
            let done = self.hands.committed.as_ref();
            let planned = LaidOut::Memory(&matrix, &plan).planned();
            let areas = done.map(|done| done.areas.iter().collect::<BTreeSet<_>>());
            let areas = areas.unwrap_or_default();
            let left = planned.iter().filter(|tile| !areas.contains(&tile.area));
            let left = left.map(|tile| tile.cost).sum::<u64>();
            guard.check_time(&guard::Work {
                interactions: &interactions,
                outlook,
                plan: &plan,
                catalogue,
                format: OutputFormat::Parquet,
                workers: machine::cores(self.pool.workers()),
                share: left as f64 / plan.cost.max(1) as f64,
                before: self.before + done.map_or(0.0, |done| done.seconds),
            })?;
        }
        self.hands.matrix = Some((matrix, plan));
        Ok(())
    }

    /// Returns the most memory that reading and sorting took, where the system told.
    fn peak_of_reading(&self) -> Option<u64> {
        let stages = StageName::Matrix.before().filter_map(|stage| self.dir.done(stage));
        stages.filter_map(|record| record.peak_memory).max()
    }

    /// Measures the machine where time is limited, before the work is cut by what it pays.
    pub(super) fn measure(&mut self) -> Result<(), Error> {
        if let Some(guard) = self.guard.as_ref().filter(|_| self.layout.machine.is_none()) {
            self.layout = guard.layout(self.layout, self.reporter);
            if let Some(costs) = self.layout.machine {
                self.dir.update(|manifest| manifest.costs = Some(costs))?;
            }
        }
        Ok(())
    }

    /// Refuses a job with a user of too many items.
    ///
    /// # Errors
    /// If there is a refusal, unless few items are wanted: those are few pairs, however many a user
    /// has, and the plan will tell.
    pub(super) fn refuse_heavy(&mut self, refusal: Option<Error>) -> Result<(), Failure> {
        match refusal {
            Some(refusal) if !self.lists.has_targets() => Err(refusal.into()),
            refusal => {
                self.hands.refusal = refusal;
                Ok(())
            }
        }
    }

    /// Writes the outputs outside of the run directory.
    pub(super) fn write_out(
        &mut self,
        catalogue: &Catalogue,
        found: &Findings,
    ) -> Result<Option<PathBuf>, Failure> {
        let Some(out) = &mut self.out else { return Ok(None) };
        let place = out.place.clone();
        let Some(mut output) = out.output.take() else { return Ok(Some(place)) };
        output.fill(catalogue, found)?;
        let mut files = Vec::new();
        for (name, path) in output.filled() {
            let sum = Checksum::of_file(&path);
            let (bytes, checksum) = sum.map_err(|error| Error::file("read", &path, &error))?;
            files.push(FileRecord { name: name.into(), bytes, checksum });
        }
        let path = std::path::absolute(&place).map_err(|e| Error::file("find", &place, &e))?;
        // Said before it is there: after an interruption in between the output is known as ours.
        self.dir.update(|manifest| manifest.out = Some(Published { path, files }))?;
        output.publish()?;
        Ok(Some(place))
    }
}
