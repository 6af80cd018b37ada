//! The ladder: nested by-user samples of the real data through the real code, to see how time and
//! memory grow before the whole is paid for.
//!
//! Core has no clock: a caller climbs the rungs ([`RATES`]), computes the tiles that
//! [`pick_tiles`] draws of each, and hands in what it measured; [`Ladder`] says what follows.

use std::fmt;

use rand_pcg::{Pcg32, rand_core::Rng as _};

use super::{
    estimate::{Forecast, Outlook},
    size::Size,
};
use crate::plan::Plan;

/// The rates of the rungs.
pub const RATES: [f64; 4] = [0.01, 0.1, 0.2, 0.4];

/// Draws tiles of `plan` at random, in its order, until they are predicted to take `picoseconds`
/// of one core; at least one, if there is one. The same seed draws the same tiles.
pub fn pick_tiles(plan: &Plan, picoseconds: u64, seed: u64) -> Vec<usize> {
    let mut tiles = (0..plan.tiles.len()).collect::<Vec<_>>();
    let mut dice = Pcg32::new(seed, 5);
    let (mut drawn, mut sum) = (0, 0_u64);
    while drawn < tiles.len() && (drawn == 0 || sum < picoseconds) {
        let left = (tiles.len() - drawn) as u64;
        let other = drawn + ((u64::from(dice.next_u32()) * left) >> 32) as usize;
        tiles.swap(drawn, other);
        sum = sum.saturating_add(plan.tiles[tiles[drawn]].cost);
        drawn += 1;
    }
    tiles.truncate(drawn);
    tiles.sort_unstable();
    tiles
}

/// One rung: a sample that was computed, all of it or a part.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Rung {
    /// Its rate.
    pub rate: f64,
    /// How large it is.
    pub size: Size,
    /// Its tiles.
    pub tiles: usize,
    /// The tiles that were computed.
    pub computed_tiles: usize,
    /// Predicted CPU seconds of those tiles, without arranging.
    pub predicted_seconds: f64,
    /// Measured CPU seconds of those tiles.
    pub measured_seconds: f64,
    /// Predicted CPU seconds of all of it.
    pub forecast: Forecast,
    /// Predicted bytes.
    pub predicted_memory: u64,
    /// Bytes by which the process grew at most, where the system tells.
    pub measured_memory: Option<u64>,
}

impl Rung {
    /// Measured CPU seconds that mean something: below, clocks and caches speak.
    const TELLING: f64 = 0.02;

    /// Returns by which factor the measured time differs from the predicted one.
    pub fn factor(&self) -> f64 {
        if self.predicted_seconds > 0.0 {
            self.measured_seconds / self.predicted_seconds
        } else {
            1.0
        }
    }

    /// Returns the CPU seconds of all tiles, from those that were computed.
    pub fn seconds_of_all(&self) -> f64 {
        self.forecast.comparing() * self.factor()
    }

    fn tells(&self) -> bool {
        self.measured_seconds >= Self::TELLING && self.size.pair_operations > 0
    }
}

/// The rungs that were climbed, smallest first.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Ladder {
    /// The rungs.
    pub rungs: Vec<Rung>,
    /// Rates that were not climbed, and why.
    pub missing: Vec<(f64, Missing)>,
}

/// Why a rung was not climbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Missing {
    /// The sample has no pair, or is the same as the one below.
    Nothing,
    /// Arranging alone would take longer than looking may.
    Time,
    /// It would need more memory than there is.
    Memory,
}

impl Ladder {
    /// Returns the exponent e of seconds ~ operations^e that fits the rungs best, by least squares
    /// of logarithms; `None` where fewer than two rungs took long enough to tell.
    pub fn growth(&self) -> Option<f64> {
        let points = self.rungs.iter().filter(|rung| rung.tells()).map(|rung| {
            (libm::log(rung.size.pair_operations as f64), libm::log(rung.seconds_of_all()))
        });
        let points = points.collect::<Vec<_>>();
        let count = points.len() as f64;
        let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
        let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
        let spread = points.iter().map(|(x, _)| (x - mean_x) * (x - mean_x)).sum::<f64>();
        let slope = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum::<f64>();
        (spread > 0.0).then(|| slope / spread)
    }

    /// Returns the factor by which predictions of comparing are to be corrected, from what the largest
    /// rung shows that took long enough to tell; 1 where none did. What a sample takes beyond its
    /// prediction may be for being a sample (bars rise later), so its root counts: prediction and
    /// sample alike. What it takes less the whole takes less, too.
    pub fn correction(&self) -> f64 {
        let factor = self.rungs.iter().rfind(|rung| rung.tells()).map_or(1.0, Rung::factor);
        if factor < 1.0 { factor } else { factor.sqrt() }
    }

    /// Finds the first rung at which something is wrong: its time grew faster than its work, or
    /// its memory past what was predicted.
    pub fn failure(&self) -> Option<Stop> {
        /// Time may grow by a third more than work: caches overflow on the way.
        const STEEPEST: f64 = 1.33;
        /// Memory that no prediction is blamed for: what an allocator keeps of the rungs below.
        const SLACK: u64 = 256 << 20;
        let mut last: Option<&Rung> = None;
        for rung in &self.rungs {
            let memory = rung.measured_memory.unwrap_or(0);
            if memory > rung.predicted_memory / 4 * 5 + SLACK {
                let predicted = rung.predicted_memory;
                return Some(Stop { rate: rung.rate, why: Why::Memory { memory, predicted } });
            }
            if !rung.tells() {
                continue;
            }
            if let Some(below) = last {
                let time = rung.seconds_of_all() / below.seconds_of_all();
                let work = rung.size.pair_operations as f64 / below.size.pair_operations as f64;
                if libm::log(time) > STEEPEST * libm::log(work) {
                    return Some(Stop { rate: rung.rate, why: Why::Time { time, work } });
                }
            }
            last = Some(rung);
        }
        None
    }
}

/// Where the ladder ends before the whole, and why.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Stop {
    /// The rung's rate.
    pub rate: f64,
    /// Why.
    pub why: Why,
}

/// What was wrong at a rung.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Why {
    /// Time grew faster than the work.
    Time {
        /// How many times as long as the rung below it took.
        time: f64,
        /// How many times as many pair operations it has.
        work: f64,
    },
    /// More memory than predicted.
    Memory {
        /// Bytes measured.
        memory: u64,
        /// Bytes predicted.
        predicted: u64,
    },
}

/// What a job may take.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Limits {
    /// Bytes.
    pub memory: Option<u64>,
    /// Seconds that pass.
    pub seconds: Option<f64>,
}

/// What a job needs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Needs {
    /// Bytes.
    pub memory: u64,
    /// Seconds that pass.
    pub seconds: f64,
}

/// What a plan comes to, as a value: for a page, a machine, another surface.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Report {
    /// What is known from degrees alone.
    pub outlook: Outlook,
    /// Tiles, where the data was arranged.
    pub tiles: Option<usize>,
    /// CPU seconds of comparing by the cost model.
    pub forecast: Forecast,
    /// The same, corrected by what the ladder showed.
    pub corrected: Forecast,
    /// The rungs.
    pub ladder: Ladder,
    /// The exponent of seconds ~ pair operations, where the rungs tell.
    pub growth: Option<f64>,
    /// What the job needs in all.
    pub needs: Needs,
    /// What it may take.
    pub limits: Limits,
    /// Whether it fits.
    pub verdict: Verdict,
}

/// What a job takes beside comparing, which core does not do.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Surroundings {
    /// Seconds that pass before and after: reading, sorting, writing.
    pub seconds: f64,
    /// Bytes that are held all the time: the program, ids.
    pub held: u64,
    /// The most bytes that were taken before comparing.
    pub before: u64,
    /// Cores that share the work.
    pub workers: usize,
}

impl Report {
    /// Puts a report together; `arranged`: tiles and forecast of the whole data, where it was
    /// arranged.
    pub fn new(
        outlook: Outlook,
        arranged: Option<(usize, Forecast)>,
        ladder: Ladder,
        surroundings: &Surroundings,
        limits: Limits,
    ) -> Self {
        let forecast = match arranged {
            Some((_, forecast)) => forecast,
            None => outlook.forecast_of_all(),
        };
        let corrected = forecast.corrected(ladder.correction());
        let needs = Needs {
            memory: surroundings.before.max(surroundings.held + outlook.memory.peak()),
            seconds: surroundings.seconds + corrected.elapsed(surroundings.workers),
        };
        Self {
            tiles: arranged.map(|(tiles, _)| tiles),
            growth: ladder.growth(),
            verdict: Verdict::of(needs, &limits, &ladder),
            outlook,
            forecast,
            corrected,
            ladder,
            needs,
            limits,
        }
    }
}

/// What the plan comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Verdict {
    /// The job fits.
    Fits(Needs),
    /// There is too little memory.
    Memory {
        /// Bytes needed.
        needed: u64,
        /// Bytes there are, or that are allowed.
        limit: u64,
    },
    /// There is too little time.
    Time {
        /// Seconds needed.
        needed: f64,
        /// Seconds allowed.
        limit: f64,
    },
    /// The prediction is not to be trusted past a rung.
    Stops(Stop),
}

impl Verdict {
    /// Judges what a job needs by what it may take, and by how the ladder went.
    pub fn of(needs: Needs, limits: &Limits, ladder: &Ladder) -> Self {
        if let Some(stop) = ladder.failure() {
            return Self::Stops(stop);
        }
        if let Some(limit) = limits.memory.filter(|limit| needs.memory > *limit) {
            return Self::Memory { needed: needs.memory, limit };
        }
        if let Some(limit) = limits.seconds.filter(|limit| needs.seconds > *limit) {
            return Self::Time { needed: needs.seconds, limit };
        }
        Self::Fits(needs)
    }

    /// Returns whether the job fits.
    pub const fn fits(&self) -> bool {
        matches!(self, Self::Fits(_))
    }
}

/// One sentence, without a full stop.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Fits(Needs { memory, seconds }) => {
                write!(f, "fits: about {} and {}", Span(seconds), Bytes(memory))
            }
            Self::Memory { needed, limit } => {
                write!(f, "needs {} of memory, more than {}", Bytes(needed), Bytes(limit))
            }
            Self::Time { needed, limit } => {
                write!(f, "needs {}, more than {}", Span(needed), Span(limit))
            }
            Self::Stops(Stop { rate, why }) => {
                write!(f, "does not scale: at the {} % sample ", rate * 100.0)?;
                match why {
                    Why::Time { time, work } => {
                        write!(f, "time grew {time:.1} times for {work:.1} times the work")
                    }
                    Why::Memory { memory, predicted } => write!(
                        f,
                        "memory was {}, predicted were {}",
                        Bytes(memory),
                        Bytes(predicted)
                    ),
                }
            }
        }
    }
}

/// A number of bytes as people read it: `640 KiB`, `1.5 GiB`.
#[derive(Clone, Copy, Debug)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
        let mut value = self.0 as f64 / 1024.0;
        let mut unit = 0;
        // Rounded first: 1,023.9 MiB is 1 GiB.
        while value >= 999.5 && unit + 1 < UNITS.len() {
            value /= 1024.0;
            unit += 1;
        }
        let digits = usize::from(unit > 1 && value < 99.95);
        write!(f, "{value:.digits$} {}", UNITS[unit])
    }
}

/// A span of time as people say it: `0.21 s`, `12.3 s`, `4 min 05 s`, `2 h 10 min`.
#[derive(Clone, Copy, Debug)]
pub struct Span(pub f64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0;
        let whole = seconds.round() as u64;
        match seconds {
            _ if seconds < 9.995 => write!(f, "{seconds:.2} s"),
            _ if seconds < 99.95 => write!(f, "{seconds:.1} s"),
            _ if whole < 3_600 => write!(f, "{} min {:02} s", whole / 60, whole % 60),
            _ if whole < 172_800 => write!(f, "{} h {:02} min", whole / 3_600, whole / 60 % 60),
            _ => write!(f, "{} days {} h", whole / 86_400, whole / 3_600 % 24),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cost::Layout, executor::Sequential, matrix::Matrix, plan::ItemFilter,
        prepare::Interactions, weighting::Weighting,
    };

    /// A rung whose time is `seconds` where the model predicted one second per 10⁹ operations.
    fn rung(rate: f64, operations: u128, seconds: f64) -> Rung {
        let predicted = operations as f64 / 1e9;
        Rung {
            rate,
            size: Size { pair_operations: operations, ..Size::default() },
            tiles: 100,
            computed_tiles: 50,
            predicted_seconds: predicted / 2.0,
            measured_seconds: seconds / 2.0,
            forecast: Forecast { counting: predicted, ..Forecast::default() },
            predicted_memory: 1 << 30,
            measured_memory: Some(1 << 29),
        }
    }

    fn ladder(seconds: [f64; 4]) -> Ladder {
        let operations = [10_000_000, 100_000_000, 200_000_000, 400_000_000];
        let rungs = RATES.iter().zip(operations).zip(seconds);
        let rungs = rungs.map(|((rate, work), time)| rung(*rate, work, time)).collect();
        Ladder { rungs, missing: Vec::new() }
    }

    #[test]
    fn growth_is_fitted_to_the_rungs_that_tell() {
        let exact = |exponent: f64| {
            let time = |work: f64| libm::pow(work, exponent);
            ladder([1e1, 1e2, 2e2, 4e2].map(time))
        };
        for exponent in [0.8, 1.0, 1.5] {
            let growth = exact(exponent).growth().unwrap();
            assert!((growth - exponent).abs() < 1e-9, "{growth} for {exponent}");
        }
        // The first two are too short to tell.
        let growth = ladder([1e-9, 0.03, 1.0, 2.0]).growth().unwrap();
        assert!((growth - 1.0).abs() < 1e-9, "{growth}");
        assert_eq!(ladder([0.001, 0.001, 0.001, 2.0]).growth(), None);
        assert_eq!(Ladder::default().growth(), None);
    }

    #[test]
    fn the_largest_rung_that_tells_corrects_the_prediction() {
        assert_eq!(ladder([0.1, 0.2, 0.4, 1.6]).correction(), 2.0);
        assert_eq!(ladder([0.1, 0.2, 1.8, 0.001]).correction(), 3.0);
        assert_eq!(ladder([0.001; 4]).correction(), 1.0);
        // Nothing that a sample is makes it take less.
        assert_eq!(ladder([0.1, 0.2, 0.4, 0.1]).correction(), 0.25);
    }

    #[test]
    fn verdicts_are_one_sentence() {
        let needs = Needs { memory: 3 << 30, seconds: 245.2 };
        let fine = ladder([0.1, 1.0, 2.0, 4.0]);
        let mut greedy = fine.clone();
        greedy.rungs[1].measured_memory = Some(2 << 30);
        let steep = ladder([0.1, 1.0, 5.0, 10.0]);
        let limits = |memory, seconds| Limits { memory, seconds };
        let none = limits(None, None);
        let verdicts = [
            (needs, none, &fine),
            (needs, limits(Some(3 << 30), Some(245.2)), &fine),
            (needs, limits(Some(2 << 30), None), &fine),
            (needs, limits(None, Some(60.0)), &fine),
            (needs, none, &greedy),
            (needs, none, &steep),
        ];
        let verdicts = verdicts.map(|(needs, limits, ladder)| Verdict::of(needs, &limits, ladder));
        let fits = verdicts.map(|verdict| verdict.fits());
        assert_eq!(fits, [true, true, false, false, false, false]);
        insta::assert_snapshot!(verdicts.map(|verdict| verdict.to_string()).join("\n"), @r"
        fits: about 4 min 05 s and 3.0 GiB
        fits: about 4 min 05 s and 3.0 GiB
        needs 3.0 GiB of memory, more than 2.0 GiB
        needs 4 min 05 s, more than 60.0 s
        does not scale: at the 10 % sample memory was 2.0 GiB, predicted were 1.0 GiB
        does not scale: at the 20 % sample time grew 5.0 times for 2.0 times the work
        ");
    }

    #[test]
    fn bytes_and_spans_read_well() {
        let bytes = [0, 640 << 10, 1_048_000, 5 << 20, 1 << 30, 100 << 30, u64::MAX];
        let spans = [0.214, 12.34, 245.2, 7_800.0, 500_000.0];
        let bytes = bytes.map(|bytes| Bytes(bytes).to_string());
        let spans = spans.map(|span| Span(span).to_string());
        insta::assert_snapshot!(bytes.join(", "), @"0 KiB, 640 KiB, 1 MiB, 5 MiB, 1.0 GiB, 100 GiB, 16777216 TiB");
        insta::assert_snapshot!(spans.join(", "), @"0.21 s, 12.3 s, 4 min 05 s, 2 h 10 min, 5 days 18 h");
    }

    #[test]
    fn tiles_are_drawn_at_random_but_always_alike() {
        let rows = (0..3_000_u32).map(|user| (0..40).map(|at| at * 37 + user % 37).collect());
        let interactions = Interactions::of_rows(rows, 40 * 37);
        let layout = Layout { head: Some(0), ..Layout::default() };
        let matrix = Matrix::with_layout(&interactions, Weighting::Binary, layout, &Sequential);
        let plan = Plan::new(&matrix, &ItemFilter::default());
        assert!(plan.tiles.len() > 3, "{}", plan.tiles.len());
        let all = (0..plan.tiles.len()).collect::<Vec<_>>();
        assert_eq!(pick_tiles(&plan, u64::MAX, 1), all);
        assert_eq!(pick_tiles(&plan, plan.cost, 1), all);
        assert_eq!(pick_tiles(&plan, 0, 1).len(), 1);
        let half = pick_tiles(&plan, plan.cost / 2, 1);
        assert_eq!(half, pick_tiles(&plan, plan.cost / 2, 1));
        assert!(half.is_sorted() && half.len() < all.len());
        let part = plan.part(&half);
        assert!(part.cost >= plan.cost / 2 && part.cost < plan.cost);
        let firsts = (0..40).map(|seed| pick_tiles(&plan, 0, seed)[0]);
        let distinct = firsts.collect::<std::collections::BTreeSet<_>>();
        assert!(distinct.len() > 2, "any tile may be drawn: {distinct:?}");
    }
}
