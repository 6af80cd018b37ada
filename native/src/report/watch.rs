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
    interactions::{Folded, Folding},
    matrix::Matrix,
    neighbours::{Catalogue, Neighbours},
    plan::{Plan, Tile},
};

use super::{
    DataShape, Example, ExampleNeighbour, ReportData, ResultShape, Scores, Span, Step, TileSpan,
};
use crate::{
    config::{Record, Settings},
    error::Error,
    journal::Journal,
    progress::{Reporter, cpu_seconds},
    publish::{Existing, WorkingFile},
    rundir::{StageName, files::REPORT},
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
    /// (tile, worker, began, ended).
    tiles: Vec<(Tile, usize, Instant, Instant)>,
}

impl Watch {
    /// Begins to watch, if there is to be a report: where `path` says, and in a run directory
    /// always. The place is checked before any work is done.
    ///
    /// # Errors
    /// If the report cannot be written there.
    pub(crate) fn begin(
        path: Option<&Path>,
        existing: Existing,
        settings: &Settings,
        record: &Record,
    ) -> Result<Option<Self>, Error> {
        let run_dir = settings.run_dir.clone();
        if path.is_none() && run_dir.is_none() {
            return Ok(None);
        }
        let file = match path {
            Some(path) => Some((path.to_owned(), WorkingFile::create(path, existing)?)),
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
            seen: Mutex::new(Seen { report, ..Seen::default() }),
        }))
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees the interactions. Cost: O(users · log users + interactions).
    pub(crate) fn saw_data(&self, folded: &Folded) {
        let data = data_shape(folded);
        let mut seen = self.seen();
        seen.report.data = Some(data);
        seen.folding = folded.folding;
    }

    /// Sees what became of the rows, where the interactions do not fit in memory.
    pub(crate) fn saw_folding(&self, folding: Folding) {
        self.seen().folding = folding;
    }

    /// Says that the tiles begin now.
    pub(crate) fn tiles_begin(&self) {
        self.seen().tiles_began = Some(Instant::now());
    }

    /// Sees the end of a tile, from the thread that computed it.
    pub(crate) fn saw_tile(&self, tile: &Tile) {
        let (worker, now) = (rayon::current_thread_index().unwrap_or(0), Instant::now());
        let mut seen = self.seen();
        let began = seen.idle_since.insert(worker, now).or(seen.tiles_began).unwrap_or(now);
        seen.tiles.push((tile.clone(), worker, began, now));
    }

    /// Sees what was computed, once all tiles are.
    pub(crate) fn saw_tiles(&self, plan: &Plan, matrix: &Matrix) {
        const CHUNK: usize = 512;
        let mut seen = self.seen();
        let head = matrix.head_items().div_ceil(CHUNK);
        let name = |block: usize| {
            if block < head { format!("head {}", block + 1) } else { "tail".into() }
        };
        seen.report.blocks = (0..matrix.columns().len()).map(name).collect();
        seen.report.pair_operations = Some(plan.operations);
        let mut rows_of_block = vec![0; seen.report.blocks.len()];
        let begins = plan.tiles.iter().map(|tile| {
            let rows = &mut rows_of_block[tile.columns];
            let begin = *rows;
            *rows += plan.rows(tile).len();
            begin
        });
        let begins = begins.collect::<Vec<_>>();
        let since = |instant: Instant| instant.duration_since(self.started).as_secs_f64();
        let mut spans = Vec::new();
        for (tile, worker, began, ended) in std::mem::take(&mut seen.tiles) {
            let Some(number) = plan.tiles.iter().position(|other| *other == tile) else { continue };
            let (all, begin) = (rows_of_block[tile.columns].max(1) as f64, begins[number]);
            let end = begin + plan.rows(&tile).len();
            spans.push(TileSpan {
                worker: worker as u32,
                block: tile.columns as u32,
                rows: (begin as f64 / all, end as f64 / all),
                began: since(began),
                ended: since(ended),
            });
        }
        seen.report.tiles = spans;
    }

    /// Sees the result; `top`: neighbours kept per item.
    pub(crate) fn saw_result(&self, catalogue: &Catalogue, found: &Neighbours, top: u32) {
        let (scores, examples) = (scores(found), examples(catalogue, found));
        let lengths = (0..found.items() as u32).map(|item| found.of(item).len());
        let mut shape = ResultShape { neighbours: found.len() as u64, ..ResultShape::default() };
        for length in lengths {
            match length {
                0 => shape.none += 1,
                length if length >= top as usize => shape.full += 1,
                _ => shape.some += 1,
            }
        }
        let mut seen = self.seen();
        seen.report.scores = scores;
        seen.report.examples = examples;
        seen.report.result = Some(shape);
    }

    /// Writes the report. In a run directory whose tiles were all done before, the report that is
    /// there tells more and stays.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn write(self, reporter: &Reporter) -> Result<(), Error> {
        let Self { started, cpu, file, run_dir, memory, seen } = self;
        let place = run_dir.map(|folder| folder.join(REPORT));
        let stages = reporter.journal().stages();
        let has_tiles = stages.iter().any(|stage| stage.name == StageName::Tiles.name());
        let earlier = place.as_ref().filter(|_| !has_tiles).and_then(|place| fs::read(place).ok());
        let is_new = earlier.is_none();
        let page = if let Some(page) = earlier {
            page
        } else {
            let seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
            let Seen { mut report, folding, .. } = seen;
            let cpu = cpu.zip(cpu_seconds()).map(|(before, after)| after - before);
            let now = jiff::Zoned::now();
            report.seconds = Some(started.elapsed().as_secs_f64());
            report.cpu_seconds = cpu;
            report.finished = Some(now.strftime("%Y-%m-%d %H:%M %Z").to_string());
            report.memory = memory.stop();
            report.stages = stages.iter().map(|stage| Span::of(stage, started)).collect();
            let operations = reporter.journal().of_stage("comparing", "pair_operations");
            report.pair_operations = report.pair_operations.or(operations);
            report.tell_rows(reporter.journal(), &folding);
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

/// Fills a file and puts it in its place.
fn put(mut working: WorkingFile, path: &Path, page: &[u8]) -> Result<(), Error> {
    let written = working.file().write_all(page);
    written.map_err(|error| Error::file("write", path, &error))?;
    working.publish()
}

impl ReportData {
    /// Tells what became of the rows, as far as this process saw it.
    fn tell_rows(&mut self, journal: &Journal, folding: &Folding) {
        self.set_aside = journal.counted("set_aside");
        let rows = journal.of_stage("reading", "rows");
        if let Some(rows) = rows.or_else(|| journal.of_stage("clean", "rows")) {
            self.funnel = funnel(rows, &self.set_aside, folding);
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
    let remark = format!("{} of a pair that was there already", counted(repeated, "row"));
    steps.push(step("pairs", folding.pairs, if repeated > 0 { remark } else { String::new() }));
    let lost = [
        (folding.netted_away, "netted away"),
        (folding.capped_pairs, "over the cap of their users"),
        (folding.rare_pairs, "with rare items"),
    ];
    let remarks = lost.iter().filter(|(count, _)| *count > 0);
    let remarks = remarks.map(|(count, why)| format!("{} {why}", grouped(*count)));
    let left = folding.pairs - lost.iter().map(|(count, _)| count).sum::<u64>();
    steps.push(step("interactions", left, remarks.collect::<Vec<_>>().join(", ")));
    steps
}

fn data_shape(folded: &Folded) -> DataShape {
    let interactions = &folded.interactions;
    let mut users = interactions.degrees().map(|degree| degree as u64).collect::<Vec<_>>();
    let mut items = interactions.supports().into_iter().map(u64::from).collect::<Vec<_>>();
    users.sort_unstable();
    items.sort_unstable();
    DataShape {
        users: users.len() as u64,
        items: items.len() as u64,
        interactions: interactions.len() as u64,
        work: work_shares(&users),
        user_degrees: tail_counts(&users),
        item_degrees: tail_counts(&items),
    }
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

/// Counts how many of the ascending `degrees` are d or more, for d over their whole range.
fn tail_counts(degrees: &[u64]) -> Vec<(u64, u64)> {
    let Some(most) = degrees.last() else { return Vec::new() };
    let count = |least: u64| degrees.len() - degrees.partition_point(|degree| *degree < least);
    spread(*most).map(|least| (least, count(least) as u64)).collect()
}

/// Says which share of the pair operations the heaviest users cause; `degrees` ascend.
fn work_shares(degrees: &[u64]) -> Vec<(f64, f64)> {
    let mut sums = Vec::with_capacity(degrees.len());
    let mut sum = 0.0;
    for degree in degrees.iter().rev() {
        sum += (*degree as f64) * (*degree as f64);
        sums.push(sum);
    }
    let users = degrees.len() as u64;
    if users == 0 {
        return Vec::new();
    }
    let point = |count: u64| (count as f64 / users as f64, sums[count as usize - 1] / sum);
    spread(users).map(point).collect()
}

/// Counts scores in bins; `None` without neighbours.
fn scores(found: &Neighbours) -> Option<Scores> {
    const BINS: usize = 40;
    let all = || {
        let items = 0..found.items() as u32;
        items.flat_map(|item| found.of(item)).map(|neighbour| f64::from(neighbour.score))
    };
    let (least, most) = all().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), score| {
        (least.min(score), most.max(score))
    });
    if least > most {
        return None;
    }
    let is_log = least > 0.0 && most / least > 100.0;
    let scale = |score: f64| if is_log { score.log10() } else { score };
    let (low, mut high) = (scale(least), scale(most));
    if high <= low {
        high = low + 1.0;
    }
    let width = (high - low) / BINS as f64;
    let mut counts = vec![0; BINS];
    for score in all() {
        let bin = ((scale(score) - low) / width) as usize;
        counts[bin.min(BINS - 1)] += 1;
    }
    let edges = (0..=BINS).map(|edge| low + width * edge as f64).collect();
    Some(Scores { is_log, edges, counts })
}

/// Chooses ten items that have neighbours: popular, middling and rare ones, by their place in
/// the order of popularity.
fn examples(catalogue: &Catalogue, found: &Neighbours) -> Vec<Example> {
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
    let mut items = (0..found.items() as u32).filter(|item| !found.of(*item).is_empty());
    let mut items = items.by_ref().collect::<Vec<_>>();
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
    chosen.into_iter().map(|(place, kind)| example(catalogue, found, items[place], kind)).collect()
}

fn example(catalogue: &Catalogue, found: &Neighbours, item: u32, kind: &str) -> Example {
    const SHOWN: usize = 5;
    let id = |code: u32| catalogue.ids.display(code).into_owned();
    let label = |code: u32| {
        let labels = catalogue.labels.as_ref()?;
        labels.get(code as usize).map(str::to_owned)
    };
    let neighbours = found.of(item).iter().take(SHOWN).map(|neighbour| ExampleNeighbour {
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
        total: found.of(item).len() as u64,
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
