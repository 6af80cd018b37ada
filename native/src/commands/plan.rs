//! `ilk plan`: predicts what a run takes, and checks the prediction on samples of the data.

use std::{fmt::Write as _, path::Path, time::Instant};

use ilk_core::{
    cost::{Layout, Machine},
    executor::Executor as _,
    forecast::{
        Bytes, Forecast, Ladder, Limits, Missing, Outlook, Profile, RATES, Remedy, Report, Rung,
        Size, Span, Surroundings, Verdict, pick_tiles, remedies,
    },
    job::Job,
    kernel::neighbours,
    matrix::Matrix,
    plan::{ItemFilter, Plan},
    prepare::{Folded, Sample},
    result::Neighbours,
};
use ilk_engine::{
    files::Files,
    is_stdout,
    machine::layout,
    needs,
    parts::{Cleaning, check_rows, heavy_user, held, remedies_text, report_unused},
    place_text,
};
use serde::Serialize;

use crate::{
    cli::PlanForm,
    error::Error,
    lists::IdLists,
    machine::{self, Writing},
    memory::{self, Allowance},
    output::style_of,
    pool::Pool,
    progress::{Reporter, cpu_seconds},
    report::{self, ladders},
    settings::{Budget, Record, Settings},
    stdout,
    text::{Align, Table, brief, counted, grouped, rounded, width},
};

/// The same tiles are drawn every time.
const SEED: u64 = 1;

/// Prints what the job takes.
///
/// # Errors
/// For input that cannot be read, and guards that refuse its rows.
pub(crate) fn plan(
    settings: &Settings,
    record: &Record,
    form: PlanForm,
    reporter: &Reporter,
) -> Result<(), Error> {
    let reporter = &reporter.for_report();
    let job = &settings.resolved;
    let (pool, layout) = (Pool::new(settings.threads)?, layout()?);
    settings.source.target.check(settings.source.given(), job)?;
    let files = Files::open(&settings.source, None, reporter)?;
    let lists = IdLists::read(&settings.lists, &settings.source, job)?;
    report_unused(&settings.source, job, reporter);
    let needs = needs(&settings.source, job);
    let (before, clock) = (cpu_seconds(), Instant::now());
    let rows = Cleaning::read(&files, (job, needs), &pool, reporter)?;
    let reading = Taken::since(before, clock, &pool);
    check_rows(&rows.tally, job, &files)?;
    let (before, clock) = (cpu_seconds(), Instant::now());
    let folded = rows.fold((job, needs), &pool, reporter)?;
    let sorting = Taken::since(before, clock, &pool);
    let peak = machine::peak_memory();
    let stage = reporter.stage("measuring", None);
    let machine = machine::calibrate(layout.kernel);
    stage.finish("the speed of this machine");
    let layout = Layout { machine: Some(machine), ..layout };
    let refusal = heavy_user(&folded.interactions, &folded.others).filter(|_| !lists.has_targets());
    let budget = Allowance::new(settings.memory, None, pool.workers());
    let filter = lists.filter(&folded.catalogue, (&pool, &budget), reporter)?;

    let planner = Planner { job, folded: &folded, filter: &filter, layout, pool: &pool, reporter };
    let outlook = planner.outlook(&folded.interactions, &filter);
    let there_is = machine::memory_there_is();
    let held = held([&folded.catalogue.ids, &folded.others]);
    let room = there_is.map(|bytes| bytes.saturating_sub(held));
    // What one user makes impossible, samples without that user would hide.
    let (ladder, last) = match &refusal {
        Some(_) => (Ladder::default(), None),
        None => planner.climb(&outlook, room),
    };
    let place = Place::of(settings, &folded, &outlook, last);
    let arranged = planner.arranged(&outlook, room);
    let arranging = arranged.as_ref().map(|arranged| arranged.arranging.cpu_seconds);
    let arranged = arranged.map(|arranged| (arranged.tiles, arranged.forecast));
    let surroundings = Surroundings {
        seconds: reading.seconds + sorting.seconds + place.writing_seconds,
        held,
        before: peak.unwrap_or(0),
        workers: machine::cores(pool.workers()),
    };
    let limits = limits(&settings.budget, there_is);
    let report = Report::new(outlook, arranged, ladder, &surroundings, limits);
    if let Err(error) = ladders::save(record, files.names(), &kept(&report)) {
        reporter.note(format!("the samples were not saved for reports: {}", error.message()));
    }
    let plan = Planned {
        remedies: planner.remedies(&report, &surroundings),
        price: settings.budget.price_per_hour.map(|price| report.needs.seconds / 3600.0 * price),
        work_of_heaviest: Profile::of(&folded.interactions, 0).work_of_heaviest,
        kernel: layout.kernel.name(),
        machine,
        workers: pool.workers(),
        reading,
        sorting,
        arranging_measured: arranging,
        place,
        memory_there_is: there_is,
        through_files_below: Some(Allowance::limit_of(settings.memory).0)
            .filter(|limit| *limit < report.needs.memory),
        refusal: refusal.map(|refusal| refusal.message().to_owned()),
        verdict_fits: report.verdict.fits(),
        sentence: report.verdict.to_string(),
        report,
    };
    match form {
        PlanForm::Summary => stdout::print_text(&plan.summary(&settings.budget)),
        PlanForm::Details => stdout::print_text(&plan.details(&settings.budget)),
        PlanForm::Json => {
            let text = serde_json::to_string_pretty(&plan);
            let text = text.map_err(|error| Error::internal(error.to_string()))?;
            stdout::print_text(&format!("{text}\n"))
        }
    }
}

/// Returns the ladder as reports show it: the CPU seconds of comparing, of each sample and, still to
/// be measured, of all users.
fn kept(report: &Report) -> Vec<report::Rung> {
    let rung = |rung: &Rung| report::Rung {
        rate: rung.rate,
        predicted: rung.forecast.comparing(),
        measured: Some(rung.seconds_of_all()),
    };
    let predicted = report.forecast.comparing();
    let all = report::Rung { rate: 1.0, predicted, measured: None };
    let rungs = report.ladder.rungs.iter().map(rung);
    if report.ladder.rungs.is_empty() { Vec::new() } else { rungs.chain([all]).collect() }
}

/// What is allowed, and what there is.
fn limits(budget: &Budget, there_is: Option<u64>) -> Limits {
    let limits = budget.limits();
    let memory = match (limits.memory, there_is) {
        (Some(limit), Some(there_is)) => Some(limit.min(there_is)),
        (limit, there_is) => limit.or(there_is),
    };
    Limits { memory, ..limits }
}

/// What a stage took.
#[derive(Clone, Copy, Debug, Serialize)]
struct Taken {
    seconds: f64,
    cpu_seconds: f64,
}

impl Taken {
    fn since(cpu: Option<f64>, clock: Instant, pool: &Pool) -> Self {
        let seconds = clock.elapsed().as_secs_f64();
        // Where the system does not tell, all threads count as busy.
        let cpu = cpu.zip(cpu_seconds()).map(|(before, after)| after - before);
        Self { seconds, cpu_seconds: cpu.unwrap_or(seconds * pool.workers() as f64) }
    }
}

/// The neighbours of a sample.
struct SampleResult {
    found: Neighbours,
    /// The codes of its items in the whole.
    items: Vec<u32>,
}

/// Where the result goes, and what it takes there.
#[derive(Clone, Debug, Serialize)]
struct Place {
    output: String,
    writing_seconds: f64,
    bytes: u64,
    bytes_free: Option<u64>,
}

impl Place {
    /// Reckons from the result of a sample, where there is one.
    fn of(
        settings: &Settings,
        folded: &Folded,
        outlook: &Outlook,
        sample: Option<SampleResult>,
    ) -> Self {
        // A run directory holds the result under this name.
        let in_folder = settings.run_dir.as_ref().map(|folder| folder.join("neighbours.parquet"));
        let out = settings.out.clone().or(in_folder).unwrap_or_default();
        let style = style_of(&out, settings.publishing.out_format).unwrap_or_default();
        let each = outlook.neighbours as usize / folded.catalogue.ids.len().max(1);
        let row = match sample.filter(|sample| !sample.found.is_empty()) {
            Some(sample) => {
                let catalogue = folded.catalogue.select(&sample.items);
                Writing::measure(style, &catalogue, &sample.found)
            }
            None => Writing::guess(style, &folded.catalogue, each),
        };
        let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
        Self {
            output: place_text(&out),
            writing_seconds: row.seconds * outlook.neighbours as f64,
            bytes: (row.bytes * outlook.neighbours as f64) as u64,
            bytes_free: if is_stdout(&out) {
                None
            } else {
                machine::free_disk(folder.unwrap_or(Path::new(".")))
            },
        }
    }
}

/// The whole data, arranged.
struct Arranged {
    tiles: usize,
    forecast: Forecast,
    arranging: Taken,
}

/// What all parts of a plan need.
#[derive(Clone, Copy)]
struct Planner<'a> {
    job: &'a Job,
    folded: &'a Folded,
    filter: &'a ItemFilter,
    layout: Layout,
    pool: &'a Pool,
    reporter: &'a Reporter,
}

/// How long climbing may take: a share of the job, between a least and a most in seconds.
const SHARE: f64 = 0.05;
const LEAST_SECONDS: f64 = 10.0;
const MOST_SECONDS: f64 = 60.0;

impl Planner<'_> {
    fn outlook(
        &self,
        interactions: &ilk_core::prepare::Interactions,
        filter: &ItemFilter,
    ) -> Outlook {
        Outlook::of(interactions, self.job, filter, self.layout, self.pool)
    }

    /// Counts the cores that share the work.
    fn cores(&self) -> usize {
        machine::cores(self.pool.workers())
    }

    /// Arranges the whole data, where there is room for it.
    fn arranged(&self, outlook: &Outlook, room: Option<u64>) -> Option<Arranged> {
        if room.is_some_and(|room| outlook.memory.arranging > room) {
            return None;
        }
        let stage = self.reporter.stage("arranging", None);
        let (before, clock) = (cpu_seconds(), Instant::now());
        let interactions = &self.folded.interactions;
        let weighting = self.job.weighting;
        let matrix = Matrix::with_layout(interactions, weighting, self.layout, self.pool);
        let arranging = Taken::since(before, clock, self.pool);
        let plan = Plan::of_job(&matrix, self.job, self.filter);
        stage.finish(counted(plan.tiles.len() as u64, "tile"));
        Some(Arranged { tiles: plan.tiles.len(), forecast: outlook.forecast(&plan), arranging })
    }

    /// Climbs the ladder.
    fn climb(&self, whole: &Outlook, room: Option<u64>) -> (Ladder, Option<SampleResult>) {
        let stage = self.reporter.stage("sampling", Some(RATES.len() as u64));
        let hashes = self.hashes();
        let (mut ladder, clock) = (Ladder::default(), Instant::now());
        let (mut below, mut last) = (0, None);
        for (index, rate) in RATES.into_iter().enumerate() {
            let job = ladder.extrapolated(&whole.size).elapsed(self.cores());
            let bound = (SHARE * job).clamp(LEAST_SECONDS, MOST_SECONDS);
            let seconds = bound - clock.elapsed().as_secs_f64();
            let share = seconds / (RATES.len() - index) as f64;
            let room = Room { seconds, share, bytes: room, below };
            match self.rung(rate, &hashes, &room, whole) {
                Ok((rung, result)) => {
                    below = rung.size.users;
                    ladder.rungs.push(rung);
                    last = Some(result);
                }
                Err(missing) => ladder.missing.push((rate, missing)),
            }
            stage.advance(1);
        }
        stage.finish(counted(ladder.rungs.len() as u64, "sample"));
        (ladder, last)
    }

    /// Hashes the ids of all users.
    fn hashes(&self) -> Vec<u64> {
        const PIECE: usize = 1 << 14;
        let users = &self.folded.others;
        let pieces = self.pool.map(users.len().div_ceil(PIECE), |piece| {
            let last = ((piece + 1) * PIECE).min(users.len());
            (piece * PIECE..last).map(|code| users.hash(code as u32)).collect::<Vec<_>>()
        });
        pieces.concat()
    }

    /// Computes a sample, or a part of it.
    fn rung(
        &self,
        rate: f64,
        hashes: &[u64],
        room: &Room,
        whole: &Outlook,
    ) -> Result<(Rung, SampleResult), Missing> {
        let sample = Sample::of_rate(rate).ok_or(Missing::Nothing)?;
        // What arranging a share of the whole would take, before any of it is copied.
        let arranging = whole.forecast_arranging().elapsed(self.cores());
        if rate * arranging > room.seconds {
            return Err(Missing::Time);
        }
        memory::trim();
        let held = machine::memory_held().filter(|_| machine::forget_peak_memory());
        let part = sample.of_interactions(&self.folded.interactions, hashes);
        let size = Size::of(&part.interactions);
        if size.pair_operations == 0 || size.users == room.below {
            return Err(Missing::Nothing);
        }
        let filter = self.filter.of_part(&part.items);
        let outlook = self.outlook(&part.interactions, &filter);
        if room.bytes.is_some_and(|bytes| outlook.memory.peak() > bytes) {
            return Err(Missing::Memory);
        }
        let weighting = self.job.weighting;
        let given = part.interactions;
        let matrix = Matrix::with_layout(&given, weighting, self.layout, self.pool);
        drop(given);
        let plan = Plan::of_job(&matrix, self.job, &filter);
        let forecast = outlook.forecast(&plan);
        // Tiles are drawn by counting; finding comes with it.
        let seconds = room.share.max(0.05) * self.cores() as f64;
        let cost = plan.cost as f64 * (seconds / forecast.comparing()).min(1.0);
        let tiles = pick_tiles(&plan, cost as u64, SEED);
        let computed = plan.part(&tiles);
        let share = computed.cost as f64 / plan.cost.max(1) as f64;
        let predicted = outlook.forecast_part(&computed, share).comparing();
        let (before, clock) = (cpu_seconds(), Instant::now());
        let found = neighbours(&matrix, &computed, self.job, &filter, self.pool, |_| {});
        let measured = Taken::since(before, clock, self.pool);
        let peak = held.and_then(|held| Some(machine::peak_memory()?.saturating_sub(held)));
        let rung = Rung {
            rate,
            size,
            tiles: plan.tiles.len(),
            computed_tiles: tiles.len(),
            predicted_seconds: predicted,
            measured_seconds: measured.cpu_seconds,
            forecast,
            predicted_memory: outlook.memory.peak(),
            measured_memory: peak,
        };
        Ok((rung, SampleResult { found, items: part.items }))
    }

    /// Finds what would make the job fit, where it does not.
    fn remedies(&self, report: &Report, surroundings: &Surroundings) -> Vec<Remedy> {
        if report.verdict.fits() {
            return Vec::new();
        }
        let (limits, whole) = (&report.limits, &report.outlook.size);
        let fits = |size: &Size| {
            let memory = surroundings.held + report.outlook.memory_of(size).peak();
            let smaller = report.corrected.scaled(whole, size);
            let seconds = surroundings.seconds + smaller.elapsed(surroundings.workers);
            limits.memory.is_none_or(|limit| memory <= limit)
                && limits.seconds.is_none_or(|limit| seconds <= limit)
        };
        remedies(&self.folded.interactions, self.job.of, fits)
    }
}

/// What a rung may take.
struct Room {
    seconds: f64,
    /// Seconds for its tiles.
    share: f64,
    bytes: Option<u64>,
    /// Users of the rung below.
    below: u64,
}

/// The plan, with what only this program knows.
#[derive(Serialize)]
struct Planned {
    verdict_fits: bool,
    sentence: String,
    #[serde(flatten)]
    report: Report,
    remedies: Vec<Remedy>,
    refusal: Option<String>,
    price: Option<f64>,
    work_of_heaviest: [(f64, f64); 3],
    kernel: &'static str,
    machine: Machine,
    workers: usize,
    reading: Taken,
    sorting: Taken,
    arranging_measured: Option<f64>,
    place: Place,
    memory_there_is: Option<u64>,
    /// What `--memory` is, or would be, where that is less than the job needs: then it goes through working files.
    through_files_below: Option<u64>,
}

impl Planned {
    /// What everybody needs to know.
    fn summary(&self, budget: &Budget) -> String {
        let parts = [
            self.work_table().render(width()),
            self.memory_text(),
            self.total_text(),
            self.samples_text(),
            self.growth_text(),
            format!("{}\n", self.verdict_text(budget)),
        ];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
    }

    /// The same with the layout of the matrix and the time of each step.
    fn details(&self, budget: &Budget) -> String {
        let parts = [
            self.layout_text(),
            self.memory_text(),
            self.time_text(),
            self.total_text(),
            self.samples_text(),
            self.growth_text(),
            format!("{}\n", self.verdict_text(budget)),
        ];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
    }

    fn work_table(&self) -> Table {
        let Outlook { size, .. } = &self.report.outlook;
        let mut table = Table::new([("", Align::Left), ("", Align::Right), ("", Align::Left)]);
        for (name, count) in
            [("users", size.users), ("items", size.items), ("interactions", size.interactions)]
        {
            table.row([name.into(), grouped(count), String::new()]);
        }
        let heavy = self.work_of_heaviest.iter().rfind(|(share, _)| *share <= 0.01);
        let heavy = heavy.filter(|(share, _)| share * size.users as f64 >= 1.0);
        let heavy = heavy.map(|(share, work)| {
            format!("{:.1} % by the heaviest {} % of users", work * 100.0, share * 100.0)
        });
        let operations = rounded(size.pair_operations);
        table.row(["pair operations".into(), operations, heavy.unwrap_or_default()]);
        table
    }

    fn layout_text(&self) -> String {
        let mut table = self.work_table();
        for (part, items, what) in layout_texts(&self.report.outlook) {
            table.row([format!("{part} items"), grouped(items), what]);
        }
        if let Some(tiles) = self.report.tiles {
            let threads = counted(self.workers as u64, "thread");
            table.row(["tiles".into(), grouped(tiles as u64), format!("on {threads}")]);
        }
        table.render(width())
    }

    fn memory_text(&self) -> String {
        let bytes = |bytes: Option<u64>| {
            bytes.map_or_else(|| "unknown".to_owned(), |bytes| Bytes(bytes).to_string())
        };
        let mut table = Table::new([
            ("", Align::Left),
            ("required", Align::Right),
            ("available", Align::Right),
        ]);
        let needed = self.report.needs.memory;
        table.row(["memory".into(), bytes(Some(needed)), bytes(self.memory_there_is)]);
        let place = &self.place;
        table.row(["disk".into(), bytes(Some(place.bytes)), bytes(place.bytes_free)]);
        let mut text = table.render(width());
        if let Some(limit) = self.through_files_below {
            let limit = Bytes(limit);
            let _ = writeln!(
                text,
                "above {limit} (--memory) `ilk run` uses working files: same result, more disk and time"
            );
        }
        text
    }

    fn time_text(&self) -> String {
        let mut table = Table::new([
            ("CPU seconds", Align::Left),
            ("predicted", Align::Right),
            ("measured", Align::Right),
        ]);
        let seconds = |seconds: f64| format!("{seconds:.2}");
        let Report { forecast, corrected, ladder, .. } = &self.report;
        table.row(["reading".into(), String::new(), seconds(self.reading.cpu_seconds)]);
        table.row(["sorting".into(), String::new(), seconds(self.sorting.cpu_seconds)]);
        let measured = self.arranging_measured.map(seconds).unwrap_or_default();
        table.row(["arranging".into(), seconds(forecast.arranging), measured]);
        table.row(["comparing".into(), seconds(forecast.comparing()), String::new()]);
        let factor = ladder.correction();
        if factor != 1.0 {
            let by = format!("  corrected by the samples (x {factor:.2})");
            table.row([by, seconds(corrected.comparing()), String::new()]);
        }
        table.row(["writing".into(), seconds(self.place.writing_seconds), String::new()]);
        table.render(width())
    }

    fn total_text(&self) -> String {
        let threads = counted(self.workers as u64, "thread");
        let needed = Span(self.report.needs.seconds);
        let price = self.price.map_or_else(String::new, |price| format!(", cost: {price:.2}"));
        format!("estimated time: {needed} on {threads}{price}\n")
    }

    fn samples_text(&self) -> String {
        let Ladder { rungs, missing } = &self.report.ladder;
        let mut table = Table::new([
            ("sample", Align::Right),
            ("users", Align::Right),
            ("pairs", Align::Right),
            ("computed", Align::Right),
            ("predicted CPU s", Align::Right),
            ("measured CPU s", Align::Right),
            ("predicted memory", Align::Right),
            ("measured memory", Align::Right),
        ]);
        let memory = |bytes: u64| Bytes(bytes).to_string();
        for rung in rungs {
            let computed = rung.computed_tiles as f64 * 100.0 / rung.tiles.max(1) as f64;
            table.row([
                format!("{} %", rung.rate * 100.0),
                grouped(rung.size.users),
                brief(rung.size.pair_operations),
                format!("{computed:.0} %"),
                format!("{:.3}", rung.predicted_seconds),
                format!("{:.3}", rung.measured_seconds),
                memory(rung.predicted_memory),
                rung.measured_memory.map_or_else(|| "–".into(), memory),
            ]);
        }
        let mut text = if rungs.is_empty() { String::new() } else { table.render(width()) };
        for (rate, why) in missing {
            let why = match why {
                Missing::Nothing => "nothing to compare",
                Missing::Time => "over the plan's time limit",
                Missing::Memory => "needs more memory than is available",
            };
            let _ = writeln!(text, "{} % sample skipped: {why}", rate * 100.0);
        }
        text
    }

    fn growth_text(&self) -> String {
        let Some(growth) = self.report.growth else { return String::new() };
        let text = match growth {
            ..0.9 => "time grows more slowly than the work",
            ..1.1 => "time grows in proportion to the work",
            _ => "time grows faster than the work",
        };
        format!("{text} (as pair operations to the power of {growth:.2})\n")
    }

    fn verdict_text(&self, budget: &Budget) -> String {
        if let Some(refusal) = &self.refusal {
            return format!("`ilk run` would refuse this job: {refusal}");
        }
        let verdict = &self.report.verdict;
        let mut text = verdict.to_string();
        match verdict {
            Verdict::Fits(_) | Verdict::Stops(_) => return text,
            Verdict::Memory { limit, .. } if Some(*limit) == self.memory_there_is => {
                text.push_str(", which is all that is available");
            }
            Verdict::Memory { .. } => {
                let _ = write!(text, " ({})", budget.memory_text());
            }
            Verdict::Time { .. } => {
                let _ = write!(text, " ({})", budget.time_text());
            }
        }
        format!("{text}\n{}", remedies_text(&self.remedies))
    }
}

/// Describes how items lie in the matrix: how many, and as what.
pub(super) fn layout_texts(outlook: &Outlook) -> Vec<(&'static str, u64, String)> {
    let share = outlook.head_interactions as f64 * 100.0 / outlook.size.interactions.max(1) as f64;
    let blocks = counted(outlook.head_blocks, "block");
    let head = format!("as bits: {blocks}, {share:.1} % of interactions");
    let tail = "as lists of users".to_owned();
    let parts = [("head", outlook.head_items, head), ("tail", outlook.tail_items, tail)];
    parts.into_iter().filter(|(_, items, _)| *items > 0).collect()
}
