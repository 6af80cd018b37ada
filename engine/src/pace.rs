//! How long the tiles of a job take, each and all, by prediction: what a bar needs.

use ilk_core::{cost::Machine, executor::Executor as _, forecast::Forecast, weighting::WeightKind};

use crate::{context::Run, data::Data, handed::Laid, machine, progress::Expected};

/// Picoseconds of a second.
const SECOND: f64 = 1e12;

/// How long tiles take.
pub(crate) struct Pace {
    /// Picoseconds of a core that each tile takes.
    units: Vec<u64>,
    /// Seconds that pass after the tiles.
    after: f64,
    workers: usize,
}

impl Pace {
    /// Predicts the tiles of a job: counting by tile, and what it takes to keep neighbours by row.
    pub(crate) fn of(run: Run<'_>, laid: &Laid) -> Self {
        let Laid { arrangement, layout, .. } = laid;
        let costs = layout.machine.unwrap_or_else(|| Machine::of(layout.kernel));
        let items = arrangement.table().len() as f64;
        let (neighbours, after) = match arrangement {
            // A pair is a neighbour of both at most.
            Data::Memory(_) => {
                let pairs = 2.0 * arrangement.operations() as f64;
                ((items * items.min(run.job.top.into())).min(pairs), true)
            }
            Data::Disk(arranged) => (arranged.neighbours, false),
        };
        let weights = WeightKind::of(run.job.weighting, run.needs.weight);
        let is_unit = weights == WeightKind::One;
        let forecast = Forecast::of_comparing(&costs, arrangement.cost(), neighbours, is_unit);
        let planned = arrangement.planned();
        let rows = planned.iter().map(|tile| u64::from(tile.area.len())).sum::<u64>();
        let row = forecast.finding * SECOND / rows.max(1) as f64;
        let units = planned.iter().map(|tile| {
            let finding = row * f64::from(tile.area.len());
            // Nothing is done in no time.
            (tile.cost + finding as u64).max(1)
        });
        Self {
            units: units.collect(),
            after: if after { forecast.collecting } else { 0.0 },
            workers: machine::cores(run.means.pool.workers()),
        }
    }

    /// Returns what a tile adds to the progress.
    pub(crate) fn units(&self, tile: usize) -> u64 {
        self.units[tile]
    }

    /// Returns what is to be expected of all tiles, and of what follows them.
    pub(crate) fn expected(&self) -> Expected {
        let units = self.units.iter().sum();
        let largest = self.units.iter().copied().max().unwrap_or(0);
        Expected { after: self.after, ..self.of_units(units, largest) }
    }

    /// Returns what is to be expected of some tiles.
    pub(crate) fn expected_of(&self, tiles: &[usize]) -> Expected {
        let units = tiles.iter().map(|tile| self.units[*tile]);
        self.of_units(units.clone().sum(), units.max().unwrap_or(0))
    }

    fn of_units(&self, units: u64, largest: u64) -> Expected {
        let seconds = Some(units as f64 / SECOND / self.workers.max(1) as f64);
        Expected { units, seconds, after: 0.0, workers: self.workers, largest }
    }
}
