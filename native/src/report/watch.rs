//! Watches a run for its report: memory by time, tiles by worker, and what goes in and out.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use ilk_core::{
    data::display_time,
    prepare::{Folding, Reason, pairs_among},
    result::{Catalogue, Neighbour},
};
use ilk_engine::{Degrees, Kept, Lazily, Observer, StageRecord, Tiles, Timed, Walk};

use super::{
    DataShape, Example, ExampleNeighbour, ReportData, ResultShape, Scores, Span, Step, TileSpan,
    ladders,
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
    text::{counted, grouped},
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
    /// How many processes worked on it.
    attempts: u64,
}

/// Counts them.
fn count(degrees: &Degrees) -> u64 {
    degrees.iter().map(|(_, count)| count).sum()
}

/// Counts how many are d or more, for d over their whole range.
fn tail(degrees: &Degrees) -> Vec<(u64, u64)> {
    let Some((most, _)) = degrees.iter().next_back() else { return Vec::new() };
    let (mut left, mut next) = (count(degrees), degrees.iter().peekable());
    let tail = spread(most).map(|least| {
        while let Some((_, count)) = next.next_if(|(degree, _)| *degree < least) {
            left -= count;
        }
        (least, left)
    });
    tail.collect()
}

/// Returns the share of the pair operations that the heaviest users cause.
fn work(degrees: &Degrees) -> Vec<(f64, f64)> {
    let pairs = |degree: u64| pairs_among(degree as usize) as f64;
    let all = degrees.iter().map(|(degree, count)| pairs(degree) * count as f64);
    let (users, all) = (count(degrees), all.sum::<f64>());
    if all == 0.0 {
        return Vec::new();
    }
    let (mut before, mut work) = (0, 0.0);
    let mut next = degrees.iter().rev().peekable();
    let shares = spread(users).map(|point| {
        while let Some((degree, count)) = next.next_if(|(_, count)| before + count <= point) {
            before += count;
            work += pairs(degree) * count as f64;
        }
        let some = next.peek().map_or(0.0, |(degree, _)| pairs(*degree));
        (point as f64 / users as f64, (work + some * (point - before) as f64) / all)
    });
    shares.collect()
}

impl Watch {
    /// Begins to watch, if there is to be a report: where the settings say, and in a run directory
    /// always. The place is checked before any work is done.
    ///
    /// # Errors
    /// If the report cannot be written there.
    pub(crate) fn begin(
        existing: Existing,
        settings: &Settings,
        record: &Record,
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
        let report = ReportData {
            input: settings.source.input.join(", "),
            version: env!("CARGO_PKG_VERSION").into(),
            of: settings.resolved.of.to_string(),
            measure: settings.resolved.measure.name().to_string(),
            settings: record.settings.clone(),
            ..ReportData::default()
        };
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
    pub(crate) fn write(self, reporter: &Reporter) -> Result<(), Error> {
        let Self { started, cpu, file, run_dir, memory, job, inputs, seen } = self;
        let seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        let place = run_dir.map(|folder| folder.join(REPORT));
        let is_old = place.is_some() && seen.stages.is_empty();
        let earlier = place.as_ref().filter(|_| is_old).and_then(|place| fs::read(place).ok());
        let is_new = earlier.is_none();
        let page = if let Some(page) = earlier {
            page
        } else {
            let Seen { mut report, folding, stages: of_run, attempts, .. } = seen;
            let journal = reporter.journal();
            let cpu = cpu.zip(cpu_seconds()).map(|(before, after)| after - before);
            let now = jiff::Zoned::now();
            report.finished = Some(now.strftime("%Y-%m-%d %H:%M %Z").to_string());
            report.memory = memory.stop();
            if of_run.is_empty() {
                report.seconds = Some(started.elapsed().as_secs_f64());
                report.cpu_seconds = cpu;
                report.stages =
                    journal.stages().iter().map(|stage| Span::of(stage, started)).collect();
                report.tell_rows(journal, &folding);
            } else {
                report.tell_run(&of_run, attempts, journal);
            }
            let operations = journal.of_stage("comparing", "pair_operations");
            report.pair_operations = report.pair_operations.or(operations);
            // The run is the last rung: that of all users.
            report.ladder = inputs::resolve(&inputs, inputs::TableFormats::Ignore).map_or_else(
                |_| Vec::new(),
                |found| {
                    let names = found.files.iter().map(|file| file.path.display().to_string());
                    ladders::find(&job, &names.collect::<Vec<_>>())
                },
            );
            let comparing = ["comparing", StageName::Tiles.name()];
            let mut spans = report.stages.iter();
            let comparing = spans.find(|span| comparing.contains(&span.name.as_str()));
            let measured = comparing.and_then(|span| span.cpu_seconds);
            if let Some(rung) = report.ladder.last_mut().filter(|rung| rung.measured.is_none()) {
                rung.measured = measured;
            }
            report.to_html().into_bytes()
        };
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
}

impl Observer for Watch {
    fn saw_degrees(
        &self,
        degrees: Lazily<'_, (Degrees, Degrees)>,
    ) -> Result<(), ilk_engine::Error> {
        let (users, items) = degrees()?;
        self.seen().report.data = Some(DataShape {
            users: count(&users),
            items: count(&items),
            interactions: users.iter().map(|(degree, count)| degree * count).sum(),
            work: work(&users),
            user_degrees: tail(&users),
            item_degrees: tail(&items),
        });
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
        seen.report.tiles = tiles.collect();
        seen.report.blocks.clone_from(blocks);
        seen.report.pair_operations = Some(*operations);
    }

    fn saw_kept(&self, kept: Lazily<'_, Kept>) -> Result<(), ilk_engine::Error> {
        let Kept { users, items, stages, attempts, timed, tiles } = kept()?;
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
        seen.attempts = attempts;
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
        let mut lengths = vec![0_u32; catalogue.ids.len()];
        let (mut least, mut most) = (f32::INFINITY, f32::NEG_INFINITY);
        walk(&mut |item, list| {
            lengths[item as usize] = list.len() as u32;
            for neighbour in list {
                (least, most) = (least.min(neighbour.score), most.max(neighbour.score));
            }
        })?;
        let mut shape = ResultShape::default();
        // Items of a second behaviour are neighbours only.
        for length in &lengths[..catalogue.compared().len()] {
            shape.neighbours += u64::from(*length);
            match length {
                0 => shape.none += 1,
                length if *length >= top => shape.full += 1,
                _ => shape.some += 1,
            }
        }
        let chosen = choose(catalogue, &lengths);
        let mut scores = (least <= most).then(|| Bins::new(least.into(), most.into()));
        let mut examples = vec![None; chosen.len()];
        walk(&mut |item, list| {
            if let Some(scores) = &mut scores {
                for neighbour in list {
                    scores.add(neighbour.score.into());
                }
            }
            if let Some(place) = chosen.iter().position(|(code, _)| *code == item) {
                examples[place] = Some(example(catalogue, item, list, chosen[place].1));
            }
        })?;
        let mut seen = self.seen();
        seen.report.scores = scores.map(Bins::finish);
        seen.report.examples = examples.into_iter().flatten().collect();
        seen.report.result = Some(shape);
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
        attempts: u64,
        journal: &Journal,
    ) {
        let mut began = 0.0;
        for (name, record) in stages {
            self.stages.push(Span {
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
            self.stages.push(Span { name: last.name, began, seconds, cpu_seconds, peak_memory });
            began += seconds;
        }
        self.seconds = Some(began);
        self.cpu_seconds = self.stages.iter().map(|stage| stage.cpu_seconds).sum();
        self.attempts = attempts;
        let count = |stage: StageName, name: &str| {
            stages.get(&stage).map_or(0, |record| record.count(name))
        };
        let of_clean = |reason: Reason| (reason.name(), count(StageName::Clean, reason.name()));
        let set_aside = Reason::ALL.into_iter().map(of_clean).filter(|(_, count)| *count > 0);
        self.set_aside = set_aside.map(|(name, count)| (name.to_owned(), count)).collect();
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
        self.funnel = funnel(count(StageName::Clean, "rows"), &self.set_aside, &folding);
        self.tell_times(journal);
    }

    /// Records what became of the rows, as far as this process saw it.
    fn tell_rows(&mut self, journal: &Journal, folding: &Folding) {
        self.set_aside = journal.counted("set_aside");
        if let Some(rows) = journal.of_stage("reading", "rows") {
            self.funnel = funnel(rows, &self.set_aside, folding);
            self.tell_times(journal);
        }
    }

    /// Puts the range of times beside the rows that were read.
    fn tell_times(&mut self, journal: &Journal) {
        if let [(_, earliest), .., (_, latest)] = &journal.counted("times")[..]
            && let Some(rows) = self.funnel.first_mut()
        {
            let text = |seconds: u64| display_time(seconds.cast_signed().saturating_mul(1_000_000));
            rows.remark = format!("from {} to {}", text(*earliest), text(*latest));
        }
    }
}

/// Follows the rows to the interactions.
fn funnel(rows: u64, set_aside: &[(String, u64)], folding: &Folding) -> Vec<Step> {
    let step = |name: &str, count, remark: String| Step { name: name.into(), count, remark };
    let aside = set_aside.iter().map(|(_, count)| count).sum::<u64>();
    let remark =
        if aside > 0 { format!("{} set aside", counted(aside, "row")) } else { String::new() };
    let mut steps =
        vec![step("rows read", rows, String::new()), step("rows kept", rows - aside, remark)];
    let repeated = folding.events - folding.pairs;
    let remark = counted(repeated, "repeated row");
    steps.push(step("pairs", folding.pairs, if repeated > 0 { remark } else { String::new() }));
    let lost = [
        (folding.netted_away, "netted away"),
        (folding.capped_pairs, "over --max-items-per-user"),
        (folding.rare_pairs, "of rare items"),
    ];
    let remarks = lost.iter().filter(|(count, _)| *count > 0);
    let remarks = remarks.map(|(count, why)| format!("{} {why}", grouped(*count)));
    let left = folding.pairs - lost.iter().map(|(count, _)| count).sum::<u64>();
    steps.push(step("interactions", left, remarks.collect::<Vec<_>>().join(", ")));
    steps
}

/// Points of a curve, spread evenly over its logarithm.
const POINTS: usize = 160;

/// Walks about [`POINTS`] of the numbers from 1 to `last`, the first and the last among them.
fn spread(last: u64) -> impl Iterator<Item = u64> {
    let step = (last.max(1) as f64).ln() / POINTS as f64;
    let points = (0..=POINTS).map(move |point| (step * point as f64).exp().round() as u64);
    let mut before = 0;
    points.map(move |point| point.clamp(1, last.max(1))).filter(move |point| {
        let is_new = *point > before;
        before = *point;
        is_new
    })
}

/// Scores being counted in bins of equal width.
struct Bins {
    is_log: bool,
    low: f64,
    width: f64,
    counts: Vec<u64>,
}

impl Bins {
    const COUNT: usize = 40;

    /// Prepares for scores from `least` to `most`.
    fn new(least: f64, most: f64) -> Self {
        let is_log = least > 0.0 && most / least > 100.0;
        let scale = |score: f64| if is_log { score.log10() } else { score };
        let (low, mut high) = (scale(least), scale(most));
        if high <= low {
            high = low + 1.0;
        }
        let width = (high - low) / Self::COUNT as f64;
        Self { is_log, low, width, counts: vec![0; Self::COUNT] }
    }

    fn add(&mut self, score: f64) {
        let score = if self.is_log { score.log10() } else { score };
        let bin = ((score - self.low) / self.width) as usize;
        self.counts[bin.min(Self::COUNT - 1)] += 1;
    }

    fn finish(self) -> Scores {
        let edges = (0..=Self::COUNT).map(|edge| self.low + self.width * edge as f64).collect();
        Scores { is_log: self.is_log, edges, counts: self.counts }
    }
}

/// Chooses ten items that have neighbours: popular, middling and rare ones, by their place in
/// the order of popularity. `lengths`: how many neighbours each item has.
fn choose(catalogue: &Catalogue, lengths: &[u32]) -> Vec<(u32, &'static str)> {
    const PLACES: [(f64, &str); 10] = [
        (0.0, "popular"),
        (0.001, "popular"),
        (0.01, "popular"),
        (0.3, "middle"),
        (0.4, "middle"),
        (0.5, "middle"),
        (0.6, "middle"),
        (0.85, "rare"),
        (0.95, "rare"),
        (1.0, "rare"),
    ];
    let items = (0..).zip(lengths).filter(|(_, length)| **length > 0);
    let mut items = items.map(|(item, _)| item).collect::<Vec<u32>>();
    items.sort_by_key(|item| std::cmp::Reverse(catalogue.supports[*item as usize]));
    let mut chosen = Vec::new();
    for (number, (place, kind)) in PLACES.into_iter().enumerate() {
        let Some(last) = items.len().checked_sub(1) else { break };
        // Where places fall together the next item is taken.
        let after = chosen.last().map_or(0, |(place, _): &(usize, &str)| place + 1);
        let left = PLACES.len() - 1 - number;
        let place = ((place * last as f64).round() as usize).min(last.saturating_sub(left));
        let place = place.max(after);
        if place <= last {
            chosen.push((place, kind));
        }
    }
    chosen.into_iter().map(|(place, kind)| (items[place], kind)).collect()
}

fn example(catalogue: &Catalogue, item: u32, list: &[Neighbour], kind: &str) -> Example {
    const SHOWN: usize = 5;
    let id = |code: u32| catalogue.ids.display(code).into_owned();
    let label = |code: u32| {
        let labels = catalogue.labels.as_ref()?;
        labels.get(code as usize).map(str::to_owned)
    };
    let neighbours = list.iter().take(SHOWN).map(|neighbour| ExampleNeighbour {
        id: id(neighbour.code),
        label: label(neighbour.code),
        score: neighbour.score,
        overlap: neighbour.overlap.into(),
    });
    Example {
        kind: kind.into(),
        id: id(item),
        label: label(item),
        support: catalogue.supports[item as usize].into(),
        total: list.len() as u64,
        neighbours: neighbours.collect(),
    }
}

/// A thread that asks the system now and then how much memory the process has.
#[derive(Debug)]
struct MemoryProbe {
    started: Instant,
    samples: Arc<Mutex<Vec<(f64, u64)>>>,
    over: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl MemoryProbe {
    /// Samples kept at most; past that every second one goes and the pause doubles.
    const MOST: usize = 1_200;

    fn start(started: Instant) -> Self {
        let samples = Arc::new(Mutex::new(Vec::new()));
        let (over, ended) = mpsc::channel();
        let kept = Arc::clone(&samples);
        let probe = move || {
            let mut pause = Duration::from_millis(5);
            loop {
                if let Some(memory) = memory_stats::memory_stats() {
                    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                    kept.push((started.elapsed().as_secs_f64(), memory.physical_mem as u64));
                    if kept.len() > Self::MOST {
                        let mut number = 0;
                        kept.retain(|_| {
                            number += 1;
                            number % 2 == 1
                        });
                        pause *= 2;
                    }
                }
                if ended.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        // A curve is a courtesy: without a thread for it the work goes on.
        let thread = std::thread::Builder::new().name("memory".into()).spawn(probe).ok();
        Self { started, samples, over: Some(over), thread }
    }

    /// Ends the thread and returns (seconds, bytes).
    fn stop(mut self) -> Vec<(f64, u64)> {
        drop(self.over.take());
        if let Some(thread) = self.thread.take() {
            // It only samples; if it panicked the hook has told.
            let _ = thread.join();
        }
        let mut samples =
            std::mem::take(&mut *self.samples.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(memory) = memory_stats::memory_stats() {
            samples.push((self.started.elapsed().as_secs_f64(), memory.physical_mem as u64));
        }
        samples
    }
}
