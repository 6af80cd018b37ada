//! Number lines of charts, with ticks at round numbers.

/// A number line.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    is_log: bool,
    /// What it measures.
    name: String,
    /// Writes a tick.
    write: fn(f64) -> String,
    /// Where its ticks are.
    ticks: Vec<f64>,
}

/// Ticks that a line has at most.
const MOST: usize = 6;

impl Axis {
    /// Makes a line that begins and ends where the data does.
    pub(super) fn linear(name: &str, (low, high): (f64, f64), write: fn(f64) -> String) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        let step = step(high - low);
        // A hair: the last tick may lie on the end.
        let (first, last) = ((low / step - 1e-6).ceil(), (high / step + 1e-6).floor());
        let ticks = (0..=MOST * 2).map(|tick| (first + tick as f64) * step);
        let ticks = ticks.take_while(|tick| *tick <= last * step + step * 1e-6).collect();
        Self { low, high, is_log: false, name: name.into(), write, ticks }
    }

    /// Makes a line from 0 to the first round number that is no smaller than `most`.
    pub(super) fn from_zero(name: &str, most: f64, write: fn(f64) -> String) -> Self {
        let most = if most > 0.0 { most } else { 1.0 };
        let step = step(most);
        Self::linear(name, (0.0, (most / step - 1e-6).ceil() * step), write)
    }

    /// Makes a logarithmic line, which says so; both ends are above 0.
    pub(super) fn log(name: &str, (low, high): (f64, f64), write: fn(f64) -> String) -> Self {
        let high = if high > low * 1.001 { high } else { low * 10.0 };
        let ticks = log_ticks(low, high);
        Self { low, high, is_log: true, name: format!("{name} (log scale)"), write, ticks }
    }

    /// Returns what it measures.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns where a value lies, from 0 to 1.
    pub(super) fn place(&self, value: f64) -> f64 {
        let place = if self.is_log {
            (value.max(f64::MIN_POSITIVE) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        place.clamp(0.0, 1.0)
    }

    /// Walks the ticks: where each lies, from 0 to 1, and what it says.
    pub(super) fn ticks(&self) -> impl Iterator<Item = (f64, String)> {
        self.ticks.iter().map(|tick| (self.place(*tick), (self.write)(*tick)))
    }
}

/// Finds a round step of which at most [`MOST`] fit into `range`: 1, 2 or 5 times a power of ten.
fn step(range: f64) -> f64 {
    let least = range / MOST as f64;
    let power = 10.0_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    steps.into_iter().find(|step| *step >= least * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

/// Finds ticks at powers of ten, or between them too where those are few.
fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    let inside = |tick: &f64| *tick >= low * (1.0 - 1e-9) && *tick <= high * (1.0 + 1e-9);
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let of = |factors: &[f64]| {
        let powers = first..=last;
        let ticks = powers.flat_map(|power| factors.iter().map(move |f| f * 10.0_f64.powi(power)));
        ticks.filter(inside).collect::<Vec<_>>()
    };
    let powers = of(&[1.0]);
    if powers.len() > MOST {
        let every = powers.len().div_ceil(MOST);
        return powers.into_iter().step_by(every).collect();
    }
    let finer = [vec![1.0, 2.0, 5.0], vec![1.0, 3.0], vec![1.0]].map(|factors| of(&factors));
    let fits = |ticks: &Vec<f64>| ticks.len() <= MOST;
    let ticks = finer.into_iter().find(fits).unwrap_or_default();
    // A range within one step has ticks as a linear line does.
    if ticks.len() < 2 { Axis::linear("", (low, high), |_| String::new()).ticks } else { ticks }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(axis: &Axis) -> String {
        axis.ticks().map(|(_, text)| text).collect::<Vec<_>>().join(" ")
    }

    fn plain(number: f64) -> String {
        // Sums of binary fractions are not round.
        let text = format!("{number:.6}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    #[test]
    fn ticks_are_at_round_numbers() {
        let linear = |low, high| said(&Axis::linear("", (low, high), plain));
        assert_eq!(linear(0.0, 1.0), "0 0.2 0.4 0.6 0.8 1");
        assert_eq!(linear(0.13, 0.87), "0.2 0.4 0.6 0.8");
        assert_eq!(linear(0.0, 17.3), "0 5 10 15");
        assert_eq!(linear(-1.0, 1.0), "-1 -0.5 0 0.5 1");
        let log = |low, high| said(&Axis::log("", (low, high), plain));
        assert_eq!(log(1.0, 3_400.0), "1 10 100 1000");
        assert_eq!(log(0.02, 0.9), "0.02 0.05 0.1 0.2 0.5");
        assert_eq!(log(1.0, 1e9), "1 100 10000 1000000 100000000");
        assert_eq!(log(31.0, 46.0), "35 40 45");
    }

    #[test]
    fn a_line_from_zero_ends_at_a_tick() {
        let axis = Axis::from_zero("", 17.3, plain);
        assert_eq!(said(&axis), "0 5 10 15 20");
        assert!((axis.place(20.0) - 1.0).abs() < 1e-9);
        assert_eq!(said(&Axis::from_zero("", 0.0, plain)), "0 0.2 0.4 0.6 0.8 1");
    }

    #[test]
    fn values_have_their_place_and_log_lines_say_so() {
        let axis = Axis::log("users", (1.0, 100.0), plain);
        assert_eq!(axis.name(), "users (log scale)");
        assert!((axis.place(10.0) - 0.5).abs() < 1e-9);
        assert!(axis.place(0.0) <= 0.0 && axis.place(1e9) >= 1.0);
        // A range of one value is one all the same.
        assert!((Axis::linear("", (2.0, 2.0), plain).place(2.0)).abs() < 1e-9);
        assert!((Axis::log("", (7.0, 7.0), plain).place(7.0)).abs() < 1e-9);
    }
}
