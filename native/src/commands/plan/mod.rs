//! `ilk plan`: predicts what a run takes from counting and from the speed of this machine; checked on
//! samples of the data if asked.

mod counted;
mod prove;
mod taken;
mod told;

use std::path::Path;

use ilk_core::{
    cost::{Layout, Machine},
    executor::Executor as _,
    forecast::{Limits, Outlook, Profile, Remedy, Report, Rung, Size, Surroundings, remedies},
    plan::ItemFilter,
};
use ilk_engine::{
    Lists,
    files::Files,
    is_stdout,
    lists::IdLists,
    machine::layout,
    needs,
    parts::{heavy_user, report_unused},
    place_text,
};
use jiff::Timestamp;
use serde::Serialize;

use self::{
    counted::{Counted, Counting, Share},
    prove::{Proof, Prover, SampleResult},
    taken::Taken,
};
use crate::{
    cli::{PlanAsked, PlanForm},
    error::Error,
    machine::{self, Writing},
    memory::Allowance,
    output::style_of,
    pool::Pool,
    progress::Reporter,
    report::{self, ladders},
    settings::{Layers, Settings},
    speed::{self, Age},
    stdout,
};

/// Prints what the job takes.
///
/// # Errors
/// For input that cannot be read, and guards that refuse its rows.
pub(crate) fn plan(layers: &Layers, asked: PlanAsked, reporter: &Reporter) -> Result<(), Error> {
    let (settings, record) = (layers.settings_or("neighbours.parquet")?, layers.record()?);
    let reporter = &reporter.for_report();
    let job = &settings.resolved;
    let (pool, layout) = (Pool::new(settings.threads)?, layout()?);
    settings.source.target.check(settings.source.given(), job)?;
    let files = Files::open(&settings.source, None, reporter)?;
    let lists = IdLists::read(&settings.lists, &settings.source, job)?;
    report_unused(&settings.source, job, reporter);
    let counting = Counting { job, needs: needs(&settings.source, job), pool: &pool, reporter };
    // Lists name items that a part of the rows may not have, and samples are taken of all of them.
    let is_whole = asked.proves || settings.lists != Lists::default();
    let counted = if is_whole { counting.all(&files)? } else { counting.some(&files)? };
    let age = if asked.proves { Age::New } else { Age::Any };
    let speed = speed::of_this_machine(layout.kernel, age, reporter);
    // What is laid out does not depend on what was measured.
    let layout = Layout { machine: Some(speed.machine), ..layout };
    let there_is = machine::memory_there_is();
    let planning =
        Planning { settings: &settings, counted: &counted, layout, pool: &pool, there_is };
    let plan = planning.plan(&lists, (asked.proves, speed.measured), reporter)?;
    if asked.proves
        && let Err(error) = ladders::save(&record, files.names(), &kept(&plan.report))
    {
        reporter.note(format!("the samples were not saved for reports: {}", error.message()));
    }
    match asked.form {
        PlanForm::Summary => stdout::print_report(&plan.summary(layers, &settings)),
        PlanForm::Details => stdout::print_report(&plan.details(layers, &settings)),
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

/// Where the result goes, and what it takes there.
#[derive(Clone, Debug, Serialize)]
struct Place {
    output: String,
    writing_seconds: f64,
    bytes: u64,
    bytes_free: Option<u64>,
}

/// What all parts of a plan need.
struct Planning<'a> {
    settings: &'a Settings,
    counted: &'a Counted,
    layout: Layout,
    pool: &'a Pool,
    there_is: Option<u64>,
}

impl Planning<'_> {
    /// Puts the plan together, with samples if it is to be proved; `measured`: when the machine was.
    ///
    /// # Errors
    /// For lists of which nothing is there.
    fn plan(
        &self,
        lists: &IdLists,
        (proves, measured): (bool, Timestamp),
        reporter: &Reporter,
    ) -> Result<Planned, Error> {
        let Self { settings, counted, layout, pool, there_is } = *self;
        let folded = &counted.folded;
        let budget = Allowance::new(settings.memory, None, pool.workers());
        let filter = lists.filter(&folded.catalogue, (pool, &budget), reporter)?;
        let outlook = self.outlook(&filter);
        let heavy = heavy_user(&folded.interactions, &folded.others);
        let heavy = heavy.filter(|_| !lists.has_targets());
        // What one user makes impossible, samples without that user would hide.
        let proof = if proves && heavy.is_none() {
            let room = there_is.map(|bytes| bytes.saturating_sub(counted.held));
            let job = &settings.resolved;
            let prover = Prover { job, folded, filter: &filter, layout, pool, reporter };
            prover.prove(&outlook, room, settings.run_dir.is_some())
        } else {
            Proof::default()
        };
        let (place, arranged) = (self.place(&outlook, proof.last), proof.arranged);
        let around = counted.surroundings(place.writing_seconds, machine::cores(pool.workers()));
        let tiles = arranged.as_ref().map(|arranged| (arranged.tiles, arranged.forecast));
        let report = Report::new(outlook, tiles, proof.ladder, &around, self.limits());
        Ok(Planned {
            judged: Judged {
                verdict_fits: report.verdict.fits(),
                sentence: report.verdict.to_string(),
                remedies: self.remedies(&report, &around),
                refusal: heavy.map(|refusal| refusal.message().to_owned()),
            },
            price: settings
                .budget
                .price_per_hour
                .map(|price| report.needs.seconds / 3600.0 * price),
            work_of_heaviest: Profile::of(&folded.interactions, 0).work_of_heaviest,
            on: On {
                kernel: layout.kernel.name(),
                machine: layout.machine(),
                machine_measured: measured,
                workers: pool.workers(),
                memory_there_is: there_is,
            },
            basis: Basis::of(counted, proves),
            arranging_measured: arranged.map(|arranged| arranged.arranging.cpu_seconds),
            place,
            through_files_below: Some(Allowance::limit_of(settings.memory).0)
                .filter(|limit| *limit < report.needs.memory),
            report,
        })
    }

    /// Looks at the job as the run will lay it out.
    fn outlook(&self, filter: &ItemFilter) -> Outlook {
        let Self { settings, counted, layout, pool, .. } = *self;
        let (interactions, job) = (&counted.folded.interactions, &settings.resolved);
        let outlook = match &counted.share {
            Some(share) => {
                Outlook::of_part(interactions, &share.extrapolated.size, job, layout, pool)
            }
            None => Outlook::of(interactions, job, filter, layout, pool),
        };
        // A run directory keeps its tiles.
        if settings.run_dir.is_some() { outlook.block_by_block() } else { outlook }
    }

    /// Reckons from the result of a sample, where there is one.
    fn place(&self, outlook: &Outlook, sample: Option<SampleResult>) -> Place {
        let settings = self.settings;
        let catalogue = &self.counted.folded.catalogue;
        // A run directory holds the result under this name.
        let in_folder = settings.run_dir.as_ref().map(|folder| folder.join("neighbours.parquet"));
        let out = settings.out.clone().or(in_folder).unwrap_or_default();
        let style = style_of(&out, settings.publishing.out_format).unwrap_or_default();
        let each = outlook.neighbours / outlook.size.items.max(1);
        let row = match sample.filter(|sample| !sample.found.is_empty()) {
            Some(sample) => {
                Writing::measure(style, &catalogue.select(&sample.items), &sample.found)
            }
            None => Writing::guess(style, catalogue, each as usize),
        };
        let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
        Place {
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

    /// What is allowed, and what there is.
    fn limits(&self) -> Limits {
        let limits = self.settings.budget.limits();
        let memory = match (limits.memory, self.there_is) {
            (Some(limit), Some(there_is)) => Some(limit.min(there_is)),
            (limit, there_is) => limit.or(there_is),
        };
        Limits { memory, ..limits }
    }

    /// Finds what would make the job fit, where it does not. A part of the rows does not tell.
    fn remedies(&self, report: &Report, around: &Surroundings) -> Vec<Remedy> {
        if report.verdict.fits() || self.counted.share.is_some() {
            return Vec::new();
        }
        let (limits, whole) = (&report.limits, &report.outlook.size);
        let fits = |size: &Size| {
            let memory = around.held + report.outlook.memory_of(size).peak();
            let smaller = report.corrected.scaled(whole, size);
            let seconds = around.seconds + smaller.elapsed(around.workers);
            limits.memory.is_none_or(|limit| memory <= limit)
                && limits.seconds.is_none_or(|limit| seconds <= limit)
        };
        remedies(&self.counted.folded.interactions, self.settings.resolved.of, fits)
    }
}

/// The plan, with what only this program knows.
#[derive(Serialize)]
struct Planned {
    #[serde(flatten)]
    judged: Judged,
    #[serde(flatten)]
    report: Report,
    price: Option<f64>,
    work_of_heaviest: [(f64, f64); 3],
    #[serde(flatten)]
    on: On,
    #[serde(flatten)]
    basis: Basis,
    arranging_measured: Option<f64>,
    place: Place,
    /// What `--memory` is, or would be, where that is less than the job needs: then it goes through working files.
    through_files_below: Option<u64>,
}

/// Whether the job fits.
#[derive(Serialize)]
struct Judged {
    verdict_fits: bool,
    sentence: String,
    /// What would make it fit.
    remedies: Vec<Remedy>,
    /// Why the run is refused, whatever it may take.
    refusal: Option<String>,
}

/// What the figures hold for.
#[derive(Serialize)]
struct On {
    kernel: &'static str,
    machine: Machine,
    machine_measured: Timestamp,
    workers: usize,
    memory_there_is: Option<u64>,
}

/// What the figures rest on.
#[derive(Serialize)]
struct Basis {
    reading: Taken,
    sorting: Taken,
    rows_read: u64,
    share_read: f64,
    /// How far off the figures may be, as a share, where a part of the rows was read.
    uncertainty: Option<f64>,
    /// Whether samples were computed.
    proved: bool,
    units: Units,
}

/// What numbers count whose names do not tell.
#[derive(Serialize)]
struct Units {
    memory: &'static str,
    time: &'static str,
    machine: &'static str,
}

impl Basis {
    fn of(counted: &Counted, proved: bool) -> Self {
        let share = counted.share.as_ref();
        Self {
            reading: counted.reading,
            sorting: counted.sorting,
            rows_read: counted.rows,
            share_read: share.map_or(1.0, |Share { share, .. }| *share),
            uncertainty: share.map(|share| share.extrapolated.uncertainty),
            proved,
            units: Units { memory: "bytes", time: "seconds", machine: "picoseconds" },
        }
    }
}
