//! How long a stage still takes, from what was predicted and what is done.

use std::collections::VecDeque;

/// What a stage will do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// What its progress adds up to.
    pub units: u64,
    /// Seconds that these are predicted to take, where that is known.
    pub seconds: Option<f64>,
    /// Seconds that the stage is predicted to take after them.
    pub after: f64,
    /// Threads that share the units.
    pub workers: usize,
    /// The most that is done at a time; 0 where nobody knows.
    pub largest: u64,
}

impl Expected {
    /// Expects so many units, of which nobody predicted how long they take.
    pub fn units(units: u64) -> Self {
        let workers = std::thread::available_parallelism().map_or(1, Into::into);
        Self { units, seconds: None, after: 0.0, workers, largest: 0 }
    }
}

/// How much a prediction counts, next to what is done: as much as this share of all.
const TRUST: f64 = 0.03;

/// Estimates what is left while units are done. Times are seconds on any clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    expected: Expected,
    begun: f64,
    done: u64,
    /// When something was done last.
    last: f64,
    /// How often something was done.
    times: u64,
    /// When each worker began what it is at: a worker that ends one thing begins the next.
    starts: VecDeque<f64>,
}

impl Estimate {
    /// Begins with nothing done.
    pub fn new(expected: Expected, now: f64) -> Self {
        let starts = std::iter::repeat_n(now, expected.workers.max(1)).collect();
        Self { expected, begun: now, done: 0, last: now, times: 0, starts }
    }

    /// Takes in that `units` more are done.
    pub fn advance(&mut self, units: u64, now: f64) {
        self.done += units;
        self.last = now;
        self.times += 1;
        self.expected.largest = self.expected.largest.max(units);
        // Whoever was at it longest is taken to have done it.
        self.starts.pop_front();
        self.starts.push_back(now);
    }

    /// Returns true if all units are done.
    pub const fn is_over(&self) -> bool {
        self.done >= self.expected.units
    }

    /// Returns the seconds that are left; `None` while nothing is known. Where all is done and more
    /// time has passed than was predicted nothing is known any more.
    pub fn left(&self, now: f64) -> Option<f64> {
        let Expected { units, seconds, after, .. } = self.expected;
        if units == 0 {
            return None;
        }
        let slower = |all: f64| seconds.filter(|seconds| *seconds > 0.0).map_or(1.0, |s| all / s);
        if self.is_over() {
            let after = after * slower(self.last - self.begun);
            return Some(after - (now - self.last)).filter(|left| *left > 0.0);
        }
        let passed = now - self.begun;
        let all = self.all(passed)?;
        Some((all - passed).max(0.0) + after * slower(all))
    }

    /// Estimates the seconds from the first unit to the last.
    fn all(&self, passed: f64) -> Option<f64> {
        let Expected { units, seconds, largest, .. } = self.expected;
        let (units, done, workers) = (units as f64, self.done as f64, self.starts.len() as f64);
        // At best all that are under way are about to end.
        let most = workers.mul_add(largest as f64, done).min(units);
        let least = if most > 0.0 { passed * units / most } else { 0.0 };
        if self.times == 0 {
            return seconds.map(|seconds| seconds.max(passed).max(least));
        }
        // What is done took as long as all worked but for what they are at.
        let busy = self.starts.iter().map(|start| start - self.begun).sum::<f64>();
        let predicted = seconds.map_or((0.0, 0.0), |seconds| {
            let trust = TRUST * (1.0 - done / units);
            (trust * seconds * workers, trust * units)
        });
        let unit = (busy + predicted.0) / (done + predicted.1);
        // At the end some wait for the others.
        let tile = unit * done / self.times as f64;
        let waiting = tile * (workers - 1.0) / (2.0 * workers);
        Some((unit * units / workers + waiting).max(least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What threads do, one tile after the other: (when a tile ended, its units).
    fn recorded(tiles: &[(u64, f64)], workers: usize) -> Vec<(f64, u64)> {
        let mut free = vec![0.0_f64; workers];
        let mut events = Vec::new();
        for (units, seconds) in tiles {
            let next = free.iter_mut().min_by(|a, b| a.total_cmp(b)).expect("a worker");
            *next += seconds;
            events.push((*next, *units));
        }
        events.sort_by(|a, b| a.0.total_cmp(&b.0));
        events
    }

    /// Finds the worst estimate after the first tenth: how many times off it is. Within a second it
    /// is right.
    fn worst(expected: Expected, events: &[(f64, u64)]) -> f64 {
        let end = events.last().expect("an event").0 + expected.after;
        let mut estimate = Estimate::new(expected, 0.0);
        let (mut next, mut worst) = (events.iter().peekable(), 1.0_f64);
        for moment in 1..1_000 {
            let now = end * f64::from(moment) / 1_000.0;
            while let Some((when, units)) = next.next_if(|(when, _)| *when <= now) {
                estimate.advance(*units, *when);
            }
            let (true_left, told) = (end - now, estimate.left(now));
            let Some(told) = told.filter(|_| now > end / 10.0) else { continue };
            if (told - true_left).abs() > 1.0 {
                worst = worst.max(told / true_left).max(true_left / told);
            }
        }
        worst
    }

    /// Makes up tiles as a plan has them: of a dense head, larger ones first, then of a tail.
    /// `head` and `tail`: how much longer than predicted they take.
    fn plan(head: f64, tail: f64) -> Vec<(u64, f64)> {
        let tile = |units: u64, factor: f64, number: u64| {
            // Some take longer than others of the same cost.
            let jitter = 0.7 + 0.6 * ((number * 37 % 11) as f64 / 10.0);
            (units, units as f64 / 1e12 * factor * jitter)
        };
        let of_head =
            (0..60).map(|number| tile(500_000_000_000 - number * 6_000_000_000, head, number));
        let of_tail = (0..90).map(|number| tile(150_000_000_000, tail, number));
        of_head.chain(of_tail).collect()
    }

    fn expected(tiles: &[(u64, f64)], workers: usize) -> Expected {
        let units = tiles.iter().map(|(units, _)| units).sum::<u64>();
        let seconds = Some(units as f64 / 1e12 / workers as f64);
        let largest = tiles.iter().map(|(units, _)| *units).max().unwrap_or(0);
        Expected { units, seconds, after: 0.0, workers, largest }
    }

    #[test]
    fn an_estimate_is_within_twice_after_a_tenth() {
        for workers in [1, 2, 8] {
            // As predicted, on a slow or busy machine, on a fast one, and by kind.
            for (head, tail) in [(1.0, 1.0), (4.0, 4.0), (0.3, 0.3), (1.3, 0.8), (0.8, 1.4)] {
                let tiles = plan(head, tail);
                let events = recorded(&tiles, workers);
                let off = worst(expected(&tiles, workers), &events);
                assert!(off < 2.0, "{workers} workers, {head} {tail}: {off:.2}");
                let unforeseen =
                    Expected { seconds: None, largest: 0, ..expected(&tiles, workers) };
                let off = worst(unforeseen, &events);
                assert!(off < 2.0, "{workers} workers, {head} {tail}, unforeseen: {off:.2}");
            }
        }
    }

    #[test]
    fn a_small_first_tile_does_not_make_it_minutes() {
        // As it was: 18 seconds, of which the first tile was a hundredth of the work at most.
        let mut tiles = vec![(20_000_000_000_u64, 0.9)];
        tiles.extend((0..70).map(|_| (490_000_000_000, 0.49)));
        let mut estimate = Estimate::new(expected(&tiles, 2), 0.0);
        estimate.advance(tiles[0].0, 0.9);
        let left = estimate.left(0.9).expect("an estimate");
        assert!((9.0..35.0).contains(&left), "{left}");
        let off = worst(expected(&tiles, 2), &recorded(&tiles, 2));
        assert!(off < 2.0, "{off:.2}");
    }

    #[test]
    fn few_large_tiles_are_estimated_while_they_run() {
        // Twice as slow as predicted.
        let tiles = (0..50).map(|_| (1_000_000_000_000, 2.0)).collect::<Vec<_>>();
        for (workers, tiles) in [(2, &tiles[..20]), (2, &tiles), (8, &tiles)] {
            let off = worst(expected(tiles, workers), &recorded(tiles, workers));
            assert!(off < 2.0, "{workers}: {off:.2}");
        }
    }

    #[test]
    fn what_follows_the_units_counts_until_it_is_over() {
        let expected =
            Expected { units: 10, seconds: Some(4.0), after: 1.0, workers: 1, largest: 0 };
        let mut estimate = Estimate::new(expected, 0.0);
        assert_eq!(estimate.left(0.0), Some(5.0));
        estimate.advance(10, 8.0);
        // Twice as slow as predicted, so what follows will be, too.
        assert_eq!(estimate.left(8.0), Some(2.0));
        assert_eq!(estimate.left(9.5), Some(0.5));
        assert_eq!(estimate.left(11.0), None);
    }

    #[test]
    fn nothing_is_made_up_where_nothing_is_known() {
        let mut estimate = Estimate::new(Expected { workers: 1, ..Expected::units(10) }, 0.0);
        assert_eq!(estimate.left(3.0), None);
        estimate.advance(5, 4.0);
        assert_eq!(estimate.left(4.0), Some(4.0));
        assert_eq!(Estimate::new(Expected::units(0), 0.0).left(1.0), None);
    }
}
