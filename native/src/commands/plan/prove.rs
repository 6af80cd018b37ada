//! The prediction checked: samples of the data computed, and the data laid out as a run does.

use std::time::Instant;

use ilk_core::{
    cost::Layout,
    executor::Executor as _,
    forecast::{Forecast, Ladder, Missing, Outlook, RATES, Rung, Size, pick_tiles},
    job::Job,
    kernel::neighbours,
    matrix::Matrix,
    plan::{ItemFilter, Plan},
    prepare::{Folded, Interactions, Sample},
    result::Neighbours,
};

use super::taken::Taken;
use crate::{
    machine, memory,
    pool::Pool,
    progress::{Reporter, cpu_seconds},
    text::counted,
};

/// The same tiles are drawn every time.
const SEED: u64 = 1;

/// How long climbing may take: a share of the job, between a least and a most in seconds.
const SHARE: f64 = 0.05;
const LEAST_SECONDS: f64 = 10.0;
const MOST_SECONDS: f64 = 60.0;

/// What was computed to check a prediction.
#[derive(Default)]
pub(super) struct Proof {
    /// The samples.
    pub(super) ladder: Ladder,
    /// The result of the largest one.
    pub(super) last: Option<SampleResult>,
    /// The whole data, where there is room for it.
    pub(super) arranged: Option<Arranged>,
}

/// The neighbours of a sample.
pub(super) struct SampleResult {
    pub(super) found: Neighbours,
    /// The codes of its items in the whole.
    pub(super) items: Vec<u32>,
}

/// The whole data, arranged.
pub(super) struct Arranged {
    pub(super) tiles: usize,
    pub(super) forecast: Forecast,
    pub(super) arranging: Taken,
}

/// What all parts of a proof need.
#[derive(Clone, Copy)]
pub(super) struct Prover<'a> {
    pub(super) job: &'a Job,
    pub(super) folded: &'a Folded,
    pub(super) filter: &'a ItemFilter,
    pub(super) layout: Layout,
    pub(super) pool: &'a Pool,
    pub(super) reporter: &'a Reporter,
}

impl Prover<'_> {
    /// Computes samples of the data, of which `whole` is known, and arranges all of it; `room`: bytes
    /// that there are. `keeps`: the run keeps its tiles, block by block.
    pub(super) fn prove(&self, whole: &Outlook, room: Option<u64>, keeps: bool) -> Proof {
        let (ladder, last) = self.climb(whole, room);
        Proof { ladder, last, arranged: self.arranged(whole, room, keeps) }
    }

    fn outlook(&self, interactions: &Interactions, filter: &ItemFilter) -> Outlook {
        Outlook::of(interactions, self.job, filter, self.layout, self.pool)
    }

    /// Counts the cores that share the work.
    fn cores(&self) -> usize {
        machine::cores(self.pool.workers())
    }

    /// Arranges the whole data, where there is room for it.
    fn arranged(&self, outlook: &Outlook, room: Option<u64>, keeps: bool) -> Option<Arranged> {
        if room.is_some_and(|room| outlook.memory.arranging > room) {
            return None;
        }
        let stage = self.reporter.stage("arranging", None);
        let (before, clock) = (cpu_seconds(), Instant::now());
        let interactions = &self.folded.interactions;
        let matrix = Matrix::with_layout(interactions, self.job, self.layout, self.pool);
        let arranging = Taken::since(before, clock, self.pool);
        let plan = if keeps {
            Plan::new(&matrix, self.filter)
        } else {
            Plan::of_job(&matrix, self.job, self.filter)
        };
        stage.finish(counted(plan.tiles.len() as u64, "tile"));
        Some(Arranged { tiles: plan.tiles.len(), forecast: outlook.forecast(&plan), arranging })
    }

    /// Climbs the ladder.
    fn climb(&self, whole: &Outlook, room: Option<u64>) -> (Ladder, Option<SampleResult>) {
        let stage = self.reporter.stage("sampling", Some(RATES.len() as u64));
        let hashes = self.hashes();
        let (mut ladder, clock) = (Ladder::default(), Instant::now());
        let job = whole.forecast_of_all().elapsed(self.cores());
        let bound = (SHARE * job).clamp(LEAST_SECONDS, MOST_SECONDS);
        let (mut below, mut last) = (0, None);
        for (index, rate) in RATES.into_iter().enumerate() {
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
        let given = part.interactions;
        let matrix = Matrix::with_layout(&given, self.job, self.layout, self.pool);
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
