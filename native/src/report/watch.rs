//! Watches a run for its report: memory by time, tiles by worker, and what goes in and out.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use ilk_core::{
    data::display_time,
    job::Of,
    prepare::{Folding, Reason},
    result::Catalogue,
};
use ilk_engine::{Degrees, Kept, Lazily, Observer, StageRecord, Tiles, Timed, Walk};

use super::{
    About, DataShape, Outcome, ReportData, Span, TileSpan,
    gather::{asides, funnel},
    ladders,
    probe::MemoryProbe,
};
use crate::{
    error::Error,
    inputs, interrupt,
    journal::Journal,
    log::Voice,
    machine,
    progress::{Reporter, cpu_seconds},
    publish::{self, Existing, WorkingFile},
    rundir::files::REPORT,
    settings::{Record, Settings, StageName},
};

/// Watches a run that is to have a report.
#[derive(Debug)]
pub(crate) struct Watch {
    started: Instant,
    cpu: Option<f64>,
    /// Where the report was asked for.
    file: Option<(PathBuf, WorkingFile)>,
    /// Where it stands in any case.
    run_dir: Option<PathBuf>,
    memory: MemoryProbe,
    /// The job, and what it reads.
    job: Record,
    inputs: Vec<String>,
    seen: Mutex<Seen>,
}

/// What was seen so far.
#[derive(Debug, Default)]
struct Seen {
    report: ReportData,
    folding: Folding,
    /// When the first tiles began.
    tiles_began: Option<Instant>,
    /// When each worker ended its last tile: its next began then.
    idle_since: BTreeMap<usize, Instant>,
    tiles: Vec<Timed>,
    /// Of a run directory: its stages and what they counted, whichever process did them.
    stages: BTreeMap<StageName, StageRecord>,
    /// Of a run directory: the first rows that were set aside, each after its reason.
    aside: Vec<(String, String)>,
}

impl Watch {
    /// Begins to watch, if there is to be a report: where the settings say, and in a run directory
    /// always. The place is checked before any work is done. `command` is what was given.
    ///
    /// # Errors
    /// If the report cannot be written there.
    pub(crate) fn begin(
        existing: Existing,
        settings: &Settings,
        record: &Record,
        command: Vec<String>,
    ) -> Result<Option<Self>, Error> {
        let (path, run_dir) = (settings.publishing.report.as_deref(), settings.run_dir.clone());
        if path.is_none() && run_dir.is_none() {
            return Ok(None);
        }
        let file = match path {
            Some(path) => {
                publish::remove_orphans(path);
                Some((path.to_owned(), WorkingFile::output(path, existing)?))
            }
            None => None,
        };
        let here = std::env::current_dir();
        let about = About {
            inputs: settings.source.input.clone(),
            measure: settings.resolved.measure.name().to_string(),
            of_users: settings.resolved.of == Of::Users,
            finished: String::new(),
            version: env!("CARGO_PKG_VERSION").into(),
            command,
            folder: here.map_or_else(|_| String::new(), |here| here.display().to_string()),
        };
        let settings_in_force = record.settings.clone();
        let report = ReportData { about, settings: settings_in_force, ..ReportData::default() };
        let started = Instant::now();
        Ok(Some(Self {
            started,
            cpu: cpu_seconds(),
            file,
            run_dir,
            memory: MemoryProbe::start(started),
            job: record.clone(),
            inputs: settings.source.input.clone(),
            seen: Mutex::new(Seen { report, ..Seen::default() }),
        }))
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the report. Where a finished run was run again the report that is there stays.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn write(mut self, reporter: &Reporter) -> Result<(), Error> {
        let place = self.run_dir.take().map(|folder| folder.join(REPORT));
        let is_old = place.is_some() && self.seen().stages.is_empty();
        let earlier = place.as_ref().filter(|_| is_old).and_then(|place| fs::read(place).ok());
        let is_new = earlier.is_none();
        let file = self.file.take();
        let page =
            earlier.unwrap_or_else(|| self.report(reporter.journal()).to_html().into_bytes());
        if let Some(place) = place.filter(|_| is_new) {
            put(WorkingFile::create(&place, Existing::Replace)?, &place, &page)?;
        }
        if let Some((path, working)) = file {
            let stage = reporter.stage("reporting", None);
            put(working, &path, &page)?;
            stage.finish(path.display());
        }
        Ok(())
    }

    /// Puts everything together that was seen.
    fn report(self, journal: &Journal) -> ReportData {
        let Self { started, cpu, memory, job, inputs, seen, .. } = self;
        let seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Seen { mut report, folding, stages: of_run, aside, .. } = seen;
        report.about.finished = local_time(jiff::Timestamp::now());
        report.spent.memory = memory.stop();
        if of_run.is_empty() {
            report.spent.seconds = Some(started.elapsed().as_secs_f64());
            report.spent.cpu_seconds = cpu.zip(cpu_seconds()).map(|(before, after)| after - before);
            let stages = journal.stages();
            report.spent.stages = stages.iter().map(|stage| Span::of(stage, started)).collect();
            report.tell_rows(journal, &folding);
        } else {
            report.tell_run(&of_run, &aside, journal);
        }
        let operations = journal.of_stage("comparing", "pair_operations");
        report.work.pair_operations = report.work.pair_operations.or(operations);
        // The run is the last rung: that of all users.
        report.work.ladder = inputs::resolve(&inputs, inputs::TableFormats::Ignore).map_or_else(
            |_| Vec::new(),
            |found| {
                let names = found.files.iter().map(|file| file.path.display().to_string());
                ladders::find(&job, &names.collect::<Vec<_>>())
            },
        );
        let comparing = ["comparing", StageName::Tiles.name()];
        let mut spans = report.spent.stages.iter();
        let comparing = spans.find(|span| comparing.contains(&span.name.as_str()));
        let measured = comparing.and_then(|span| span.cpu_seconds);
        let last = report.work.ladder.last_mut();
        if let Some(rung) = last.filter(|rung| rung.measured.is_none()) {
            rung.measured = measured;
        }
        report
    }
}

/// Writes a time as people here read it.
fn local_time(time: jiff::Timestamp) -> String {
    let here = time.to_zoned(jiff::tz::TimeZone::system());
    here.strftime("%Y-%m-%d %H:%M %Z").to_string()
}

impl Observer for Watch {
    fn saw_degrees(
        &self,
        degrees: Lazily<'_, (Degrees, Degrees)>,
    ) -> Result<(), ilk_engine::Error> {
        let (users, items) = degrees()?;
        self.seen().report.data = Some(DataShape::of(&users, &items));
        Ok(())
    }

    fn saw_folding(&self, folding: Folding) {
        self.seen().folding = folding;
    }

    fn tiles_begin(&self) {
        self.seen().tiles_began = Some(Instant::now());
    }

    fn saw_tile(&self, tile: usize, worker: usize) {
        let now = Instant::now();
        let since = |instant: Instant| instant.duration_since(self.started).as_secs_f64();
        let mut seen = self.seen();
        let began = seen.idle_since.insert(worker, now).or(seen.tiles_began).unwrap_or(now);
        let (began, ended) = (since(began), since(now));
        seen.tiles.push(Timed { tile, worker: worker as u32, began, ended });
    }

    fn saw_tiles(&self, tiles: &Tiles) {
        let Tiles { blocks, places, operations } = tiles;
        let mut seen = self.seen();
        let mut rows_of_block = vec![0_u64; blocks.len()];
        let begins = places.iter().map(|place| {
            let rows = &mut rows_of_block[place.block as usize];
            let begin = *rows;
            *rows += u64::from(place.rows);
            begin
        });
        let begins = begins.collect::<Vec<_>>();
        let tiles = std::mem::take(&mut seen.tiles).into_iter().filter_map(|timed| {
            let (place, begin) = (places.get(timed.tile)?, begins[timed.tile]);
            let all = rows_of_block[place.block as usize].max(1) as f64;
            let end = begin + u64::from(place.rows);
            Some(TileSpan {
                worker: timed.worker,
                block: place.block,
                rows: (begin as f64 / all, end as f64 / all),
                began: timed.began,
                ended: timed.ended,
            })
        });
        seen.report.work.tiles = tiles.collect();
        seen.report.work.blocks.clone_from(blocks);
        seen.report.work.pair_operations = Some(*operations);
    }

    fn saw_kept(&self, kept: Lazily<'_, Kept>) -> Result<(), ilk_engine::Error> {
        let Kept { users, items, stages, attempts, begun, aside, times, timed, tiles } = kept()?;
        self.saw_degrees(&|| Ok((users.clone(), items.clone())))?;
        let mut seen = self.seen();
        let before = stages.iter().filter(|(stage, _)| **stage < StageName::Tiles);
        let began = before.map(|(_, record)| record.seconds).sum::<f64>();
        let on_axis = |timed: Timed| Timed {
            began: began + timed.began,
            ended: began + timed.ended,
            ..timed
        };
        seen.tiles = timed.into_iter().map(on_axis).collect();
        seen.stages = stages;
        seen.aside = aside.into_iter().map(|(why, row)| (why.name().to_owned(), row)).collect();
        seen.report.spent.attempts = attempts;
        let begun = begun.and_then(|begun| begun.parse().ok());
        seen.report.spent.begun = begun.map(local_time);
        seen.report.rows.times = times;
        drop(seen);
        self.saw_tiles(&tiles);
        Ok(())
    }

    fn saw_result(
        &self,
        catalogue: &Catalogue,
        top: u32,
        walk: Walk<'_>,
    ) -> Result<(), ilk_engine::Error> {
        let outcome = Outcome::of(catalogue, top, walk)?;
        self.seen().report.outcome = outcome;
        Ok(())
    }
}

/// A run of the program, watched for its report if it is to have one.
pub(crate) struct Watched<'a> {
    /// Sees what the report tells.
    pub(crate) watch: Option<&'a Watch>,
    /// Whether people are told what is left after an interruption.
    pub(crate) voice: Voice,
}

impl Observer for Watched<'_> {
    fn resumable(&self, folder: &Path) {
        if self.voice.speaks_to_people() {
            interrupt::set_farewell(format!(
                "interrupted; finished stages are kept in {}; run the same command to resume",
                folder.display()
            ));
        }
    }

    fn saw_degrees(
        &self,
        degrees: Lazily<'_, (Degrees, Degrees)>,
    ) -> Result<(), ilk_engine::Error> {
        self.watch.map_or(Ok(()), |watch| watch.saw_degrees(degrees))
    }

    fn saw_folding(&self, folding: Folding) {
        self.watch.inspect(|watch| watch.saw_folding(folding));
    }

    fn tiles_begin(&self) {
        self.watch.inspect(|watch| watch.tiles_begin());
    }

    fn saw_tile(&self, tile: usize, worker: usize) {
        self.watch.inspect(|watch| watch.saw_tile(tile, worker));
    }

    fn saw_kept(&self, kept: Lazily<'_, Kept>) -> Result<(), ilk_engine::Error> {
        self.watch.map_or(Ok(()), |watch| watch.saw_kept(kept))
    }

    fn saw_tiles(&self, tiles: &Tiles) {
        self.watch.inspect(|watch| watch.saw_tiles(tiles));
    }

    fn saw_result(
        &self,
        catalogue: &Catalogue,
        top: u32,
        walk: Walk<'_>,
    ) -> Result<(), ilk_engine::Error> {
        self.watch.map_or(Ok(()), |watch| watch.saw_result(catalogue, top, walk))
    }
}

/// Fills a file and puts it in its place.
fn put(mut working: WorkingFile, path: &Path, page: &[u8]) -> Result<(), Error> {
    let written = working.file().write_all(page);
    written.map_err(|error| Error::file("write", path, &error))?;
    Ok(working.publish()?)
}

impl ReportData {
    /// Records a run directory: what every stage took, whichever process did it. The last one is
    /// still being recorded: this process knows.
    fn tell_run(
        &mut self,
        stages: &BTreeMap<StageName, StageRecord>,
        aside: &[(String, String)],
        journal: &Journal,
    ) {
        self.tell_stages(stages, journal);
        let count = |stage: StageName, name: &str| {
            stages.get(&stage).map_or(0, |record| record.count(name))
        };
        let of_clean = |reason: Reason| (reason.name(), count(StageName::Clean, reason.name()));
        let set_aside = Reason::ALL.into_iter().map(of_clean).filter(|(_, count)| *count > 0);
        let set_aside = set_aside.map(|(name, count)| (name.to_owned(), count)).collect();
        self.rows.aside = asides(set_aside, aside);
        let folding = |name: &str| count(StageName::Encode, name);
        let folding = Folding {
            events: folding("events"),
            pairs: folding("pairs"),
            netted_away: folding("netted_away"),
            capped_users: folding("capped_users"),
            capped_pairs: folding("capped_pairs"),
            capped_operations: 0,
            rare_items: folding("rare_items"),
            rare_pairs: folding("rare_pairs"),
            emptied_users: folding("emptied_users"),
        };
        self.rows.funnel = funnel(count(StageName::Clean, "rows"), &self.rows.aside, &folding);
    }

    /// Records what the stages took.
    fn tell_stages(&mut self, stages: &BTreeMap<StageName, StageRecord>, journal: &Journal) {
        let mut began = 0.0;
        for (name, record) in stages {
            self.spent.stages.push(Span {
                name: name.to_string(),
                began,
                seconds: record.seconds,
                cpu_seconds: record.cpu_seconds,
                peak_memory: record.peak_memory,
            });
            began += record.seconds;
        }
        let last =
            journal.stages().into_iter().rfind(|stage| stage.name == StageName::Write.name());
        if let Some(last) = last.filter(|_| !stages.contains_key(&StageName::Write)) {
            let peak_memory = machine::peak_memory();
            let (seconds, cpu_seconds) = (last.seconds, last.cpu_seconds);
            self.spent.stages.push(Span {
                name: last.name,
                began,
                seconds,
                cpu_seconds,
                peak_memory,
            });
            began += seconds;
        }
        self.spent.seconds = Some(began);
        self.spent.cpu_seconds = self.spent.stages.iter().map(|stage| stage.cpu_seconds).sum();
    }

    /// Records what became of the rows, as far as this process saw it.
    fn tell_rows(&mut self, journal: &Journal, folding: &Folding) {
        self.rows.aside = asides(journal.counted("set_aside"), &journal.rows());
        if let Some(rows) = journal.of_stage("reading", "rows") {
            self.rows.funnel = funnel(rows, &self.rows.aside, folding);
        }
        if let [(_, earliest), .., (_, latest)] = &journal.counted("times")[..] {
            let text = |seconds: u64| display_time(seconds.cast_signed().saturating_mul(1_000_000));
            self.rows.times = Some(format!("{} to {}", text(*earliest), text(*latest)));
        }
    }
}
