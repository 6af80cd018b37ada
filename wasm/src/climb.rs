//! The ladder as a task: what this place pays for each step of the cost model, then nested samples of
//! the data, a rung at a time, and what follows for all of it.

use std::{cell::RefCell, rc::Rc};

use ilk_core::{
    cost::{Layout, Machine},
    executor::{Executor as _, Sequential},
    forecast::{
        Ladder, Limits, Missing, Outlook, RATES, Report, Rung, Size, Step, Surroundings, Workload,
        pick_tiles,
    },
    job::Job,
    kernel::neighbours,
    matrix::Matrix,
    plan::{ItemFilter, Plan},
    prepare::{Folded, Interactions, Part, Sample},
    simd::Kernel,
};
use serde::Serialize;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::{
    error::Fault,
    memory::{begin_peak, in_use, limit, peak},
    records::to_js,
    task::{Progress, Task, step, unfinished},
    threads::crew,
};

#[wasm_bindgen]
extern "C" {
    /// Milliseconds, with fractions where the place gives them.
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
}

/// Seconds of the clock that the tiles of a rung may take: a worker hears nothing meanwhile.
const SECONDS: f64 = 0.4;

/// What takes less is measured again, up to so many times, and the fastest counts: an engine first
/// compiles what it runs, and other programs take their share.
const TELLING: f64 = 0.04;
const MOST_TIMES: u32 = 5;

/// What a workload of the calibration may take, and for how long it is repeated.
const WORKLOAD_BYTES: usize = 100 << 20;
const WORKLOAD_SECONDS: f64 = 0.06;

thread_local! {
    /// The steps that were learned so far, and what this place pays for them: learned once.
    static LEARNED: RefCell<(usize, Machine)> =
        RefCell::new((0, Machine::of(Kernel::detect())));
}

/// Draws the same tiles each time.
const SEED: u64 = 7;

/// The rungs being climbed.
#[wasm_bindgen]
pub struct Climb {
    folded: Rc<Folded>,
    job: Job,
    hashes: Vec<u64>,
    /// The sample that the data is: rungs are parts of it.
    base: Sample,
    ladder: Ladder,
    /// The rung to climb next.
    next: usize,
    /// Users of the rung below.
    below: u64,
    is_taken: bool,
}

#[wasm_bindgen]
impl Climb {
    /// Climbs for about so many milliseconds, at least one rung.
    ///
    /// # Errors
    /// If `milliseconds` are no number.
    #[wasm_bindgen(unchecked_return_type = "Progress")]
    pub fn step(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "number")] milliseconds: &JsValue,
    ) -> Result<JsValue, Fault> {
        step(self, milliseconds)
    }

    /// Takes what was found, once.
    ///
    /// # Errors
    /// If there are rungs left to climb, or it was taken.
    #[wasm_bindgen(unchecked_return_type = "LadderReport")]
    pub fn finish(&mut self) -> Result<JsValue, Fault> {
        if self.next < RATES.len() || self.is_taken {
            return Err(unfinished());
        }
        self.is_taken = true;
        let workers = crew().workers();
        let surroundings =
            Surroundings { held: in_use() as u64, workers, ..Surroundings::default() };
        let whole = self.outlook(&self.folded.interactions);
        let limits = Limits { memory: Some(limit() as u64), seconds: None };
        let ladder = std::mem::take(&mut self.ladder);
        let report = Report::new(whole, None, ladder, &surroundings, limits);
        to_js(&LadderRecord::of(&report, workers))
    }
}

impl Task for Climb {
    fn advance(&mut self) -> Result<(), Fault> {
        if learned().0 < Step::ALL.len() {
            learn();
        } else if let Some(rate) = RATES.get(self.next) {
            self.next += 1;
            match self.rung(*rate) {
                Ok(rung) => {
                    self.below = rung.size.users;
                    self.ladder.rungs.push(rung);
                }
                Err(missing) => self.ladder.missing.push((*rate, missing)),
            }
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        let steps = learned().0;
        if steps < Step::ALL.len() {
            let done = steps as f64 / Step::ALL.len() as f64;
            return Progress { stage: "calibrating", done, finished: false };
        }
        let done = self.next as f64 / RATES.len() as f64;
        Progress { stage: "climbing", done, finished: self.next == RATES.len() }
    }
}

impl Climb {
    /// Begins with data that is the sample `base` of something larger, or all of it.
    pub(crate) fn new(folded: Rc<Folded>, job: Job, base: Sample) -> Self {
        let users = &folded.others;
        let hashes = (0..users.len() as u32).map(|code| users.hash(code)).collect();
        let ladder = Ladder::default();
        Self { folded, job, hashes, base, ladder, next: 0, below: 0, is_taken: false }
    }

    fn outlook(&self, interactions: &Interactions) -> Outlook {
        Outlook::of(interactions, &self.job, &ItemFilter::default(), layout(), &crew())
    }

    /// Computes a sample, or some of its tiles where all would take long.
    fn rung(&self, rate: f64) -> Result<Rung, Missing> {
        let before = in_use();
        let sample = self.base.part(rate);
        let Part { interactions, .. } =
            sample.of_interactions(&self.folded.interactions, &self.hashes);
        let size = Size::of(&interactions);
        if size.pair_operations == 0 || size.users == self.below {
            return Err(Missing::Nothing);
        }
        let filter = ItemFilter::default();
        let outlook = self.outlook(&interactions);
        let held = in_use();
        if held as u64 + outlook.memory.peak() > limit() as u64 {
            return Err(Missing::Memory);
        }
        begin_peak();
        let matrix = Matrix::with_layout(&interactions, &self.job, layout(), &crew());
        drop(interactions);
        let plan = Plan::of_job(&matrix, &self.job, &filter);
        let forecast = outlook.forecast(&plan);
        // Tiles are drawn by counting; finding comes with it.
        let share = (SECONDS / forecast.comparing()).min(1.0);
        let tiles = pick_tiles(&plan, (plan.cost as f64 * share) as u64, SEED);
        let computed = plan.part(&tiles);
        let share = computed.cost as f64 / plan.cost.max(1) as f64;
        let seconds = self.measure(&matrix, &computed, &filter);
        Ok(Rung {
            rate,
            size,
            tiles: plan.tiles.len(),
            computed_tiles: tiles.len(),
            predicted_seconds: outlook.forecast_part(&computed, share).comparing(),
            measured_seconds: seconds,
            forecast,
            predicted_memory: outlook.memory.peak(),
            measured_memory: Some((held.saturating_sub(before) + peak()) as u64),
        })
    }

    /// Returns the seconds that tiles take. One thread computes them: then the clock tells what a
    /// core takes.
    fn measure(&self, matrix: &Matrix, plan: &Plan, filter: &ItemFilter) -> f64 {
        let mut fastest = f64::INFINITY;
        for _ in 0..MOST_TIMES {
            let begin = performance_now();
            let found = neighbours(matrix, plan, &self.job, filter, &Sequential, |_| {});
            fastest = fastest.min((performance_now() - begin) / 1e3);
            drop(found);
            if fastest >= TELLING {
                break;
            }
        }
        fastest
    }
}

/// Returns how many steps were learned, and what is paid for them.
fn learned() -> (usize, Machine) {
    LEARNED.with(|learned| *learned.borrow())
}

/// Learns what the next step costs here; where there is no room for that, believes the model.
fn learn() {
    let (next, mut machine) = learned();
    if (in_use() + WORKLOAD_BYTES) as f64 <= limit() {
        let workload = Workload::new(Step::ALL[next], Kernel::detect());
        let (begin, mut fastest) = (performance_now(), f64::INFINITY);
        while (performance_now() - begin) / 1e3 < WORKLOAD_SECONDS || fastest == f64::INFINITY {
            let before = performance_now();
            workload.run();
            fastest = fastest.min(performance_now() - before);
        }
        workload.learn(&mut machine, (fastest * 1e9) as u64);
    }
    LEARNED.with(|learned| learned.replace((next + 1, machine)));
}

/// Lays out as the package does, with costs as learned.
fn layout() -> Layout {
    Layout { machine: Some(learned().1), ..Layout::default() }
}

/// What climbing found.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LadderRecord {
    rungs: Vec<RungRecord>,
    missing: Vec<MissingRecord>,
    whole: WholeRecord,
    growth: Option<f64>,
    correction: f64,
    threads: usize,
    verdict: String,
    fits: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RungRecord {
    rate: f64,
    users: f64,
    items: f64,
    interactions: f64,
    pair_operations: f64,
    tiles: usize,
    computed_tiles: usize,
    predicted_seconds: f64,
    measured_seconds: f64,
    seconds_of_all: f64,
    predicted_bytes: f64,
    measured_bytes: f64,
}

#[derive(Serialize)]
struct MissingRecord {
    rate: f64,
    why: Missing,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WholeRecord {
    users: f64,
    items: f64,
    interactions: f64,
    pair_operations: f64,
    neighbours: f64,
    cpu_seconds: f64,
    seconds: f64,
    bytes: f64,
}

impl LadderRecord {
    fn of(report: &Report, threads: usize) -> Self {
        let Report { outlook, ladder, corrected, .. } = report;
        let rung = |rung: &Rung| RungRecord {
            rate: rung.rate,
            users: rung.size.users as f64,
            items: rung.size.items as f64,
            interactions: rung.size.interactions as f64,
            pair_operations: rung.size.pair_operations as f64,
            tiles: rung.tiles,
            computed_tiles: rung.computed_tiles,
            predicted_seconds: rung.forecast.comparing(),
            measured_seconds: rung.measured_seconds,
            seconds_of_all: rung.seconds_of_all(),
            predicted_bytes: rung.predicted_memory as f64,
            measured_bytes: rung.measured_memory.unwrap_or(0) as f64,
        };
        let missing = |(rate, why): &(f64, Missing)| MissingRecord { rate: *rate, why: *why };
        Self {
            rungs: ladder.rungs.iter().map(rung).collect(),
            missing: ladder.missing.iter().map(missing).collect(),
            whole: WholeRecord {
                users: outlook.size.users as f64,
                items: outlook.size.items as f64,
                interactions: outlook.size.interactions as f64,
                pair_operations: outlook.size.pair_operations as f64,
                neighbours: outlook.neighbours as f64,
                cpu_seconds: corrected.total(),
                seconds: corrected.elapsed(threads),
                bytes: outlook.memory.peak() as f64,
            },
            growth: report.growth,
            correction: ladder.correction(),
            threads,
            verdict: report.verdict.to_string(),
            fits: report.verdict.fits(),
        }
    }
}
