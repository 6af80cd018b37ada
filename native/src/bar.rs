//! A bar on the terminal: how far a stage is, and how long it still takes.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use ilk_engine::progress::{Bar, Estimate, Expected};
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// How long a stage runs before its bar shows.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often it is drawn.
const PAUSE: Duration = Duration::from_millis(100);

/// A bar that a waiting thread brings to the screen once its stage has run for [`PATIENCE`].
#[derive(Debug)]
pub(crate) struct PatientBar {
    bar: ProgressBar,
    shown: Shown,
    /// Dropped to tell the thread that the stage is over.
    over: Option<mpsc::Sender<()>>,
    waiter: Option<std::thread::JoinHandle<()>>,
}

impl PatientBar {
    /// Begins to wait.
    pub(crate) fn start(name: &'static str, total: Option<u64>) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        bar.set_prefix(name);
        let shown = Shown(Arc::new((Instant::now(), Mutex::default())));
        if let Some(total) = total {
            shown.state().expect(Expected::units(total), 0.0);
        }
        let line = shown.clone();
        let line = move |_: &ProgressState, text: &mut dyn std::fmt::Write| {
            // What nobody can show is nobody's loss.
            let _ = text.write_str(&line.state().line(line.now()));
        };
        if let Ok(style) = ProgressStyle::with_template("{prefix:<10} {line}") {
            bar.set_style(style.with_key("line", line));
        }
        let (over, stage) = mpsc::channel();
        let drawn = bar.clone();
        // A bar is a courtesy: without a thread for it the work goes on.
        let waiter = std::thread::Builder::new().name("progress".into()).spawn(move || {
            if stage.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                drawn.set_draw_target(ProgressDrawTarget::stderr());
                drawn.enable_steady_tick(PAUSE);
            }
        });
        Self { bar, shown, over: Some(over), waiter: waiter.ok() }
    }
}

impl Drop for PatientBar {
    fn drop(&mut self) {
        drop(self.over.take());
        if let Some(waiter) = self.waiter.take() {
            // It only waits and draws; if it panicked the hook has ended the program.
            let _ = waiter.join();
        }
        self.bar.finish_and_clear();
    }
}

impl Bar for PatientBar {
    fn expect(&self, expected: Expected) {
        self.shown.state().expect(expected, self.shown.now());
    }

    fn advance(&self, units: u64) {
        self.shown.state().advance(units, self.shown.now());
    }
}

/// When a stage began, and how far it is; shared with whoever draws.
#[derive(Clone, Debug)]
struct Shown(Arc<(Instant, Mutex<State>)>);

impl Shown {
    fn now(&self) -> f64 {
        self.0.0.elapsed().as_secs_f64()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.1.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far a stage is; times are seconds since it began.
#[derive(Debug, Default)]
struct State {
    estimate: Option<Estimate>,
    /// Units that are done.
    done: u64,
    /// The largest share that was shown: bars do not go back.
    share: f64,
}

impl State {
    fn expect(&mut self, expected: Expected, now: f64) {
        self.estimate = Some(Estimate::new(expected, now));
        self.done = 0;
    }

    fn advance(&mut self, units: u64, now: f64) {
        self.done += units;
        if let Some(estimate) = &mut self.estimate {
            estimate.advance(units, now);
        }
    }

    /// Draws a bar by time where it is known how much is left, else a spinner.
    fn line(&mut self, now: f64) -> String {
        let Some(estimate) = &self.estimate else { return self.spinner(now) };
        let Some(left) = estimate.left(now) else {
            return if estimate.is_over() {
                format!("{} finishing {}", frame(now), time_text(now))
            } else {
                self.spinner(now)
            };
        };
        // What is not done is no hundred per cent.
        self.share = (now / (now + left).max(1e-9)).clamp(self.share, 0.99);
        let percent = (self.share * 100.0).floor();
        format!("{} {percent:>3.0}% {} left", track(self.share), time_text(left.max(1.0)))
    }

    /// Draws what moves while nothing is known but what is done: not every stage counts on its way.
    fn spinner(&self, now: f64) -> String {
        match self.done {
            0 => format!("{} {}", frame(now), time_text(now)),
            done => format!("{} {} {}", frame(now), HumanCount(done), time_text(now)),
        }
    }
}

/// Draws a spinner.
fn frame(now: f64) -> char {
    const FRAMES: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
    FRAMES[(now / PAUSE.as_secs_f64()) as usize % FRAMES.len()]
}

/// Draws a bar, as much of it as `share`.
fn track(share: f64) -> String {
    const COLUMNS: usize = 30;
    let full = (share * COLUMNS as f64) as usize;
    let head = if full < COLUMNS { "╸" } else { "" };
    let rest = COLUMNS - full - head.chars().count();
    format!("{}{head}{}", "━".repeat(full), " ".repeat(rest))
}

/// Writes a span of time in whole seconds, minutes or hours, begun ones included.
fn time_text(seconds: f64) -> String {
    let seconds = seconds.ceil() as u64;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3_600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(seconds: Option<f64>, after: f64) -> Expected {
        Expected { units: 100, seconds, after, workers: 1, largest: 0 }
    }

    #[test]
    fn a_bar_moves_from_the_start_and_never_says_that_nothing_is_left() {
        let mut state = State::default();
        assert_eq!(state.line(1.25), "⠹ 2s");
        // Two seconds of arranging, then eighteen of tiles, of which the first is late.
        state.expect(expected(Some(18.0), 0.5), 2.0);
        let bar = "━━━╸                          ";
        assert_eq!(state.line(2.1), format!("{bar}  10% 19s left"));
        let mut before = state.share;
        for tile in 1..=99 {
            let now = 2.0 + 0.18 * f64::from(tile);
            state.advance(1, now);
            let line = state.line(now);
            assert!(!line.contains("100%") && !line.contains(" 0s"), "{line}");
            assert!(state.share >= before && line.chars().count() < 49, "{line}");
            before = state.share;
        }
        state.advance(1, 20.0);
        assert!(state.line(20.1).ends_with(" 98% 1s left"), "{}", state.line(20.1));
        assert_eq!(state.line(21.0), "⠋ finishing 21s");
    }

    #[test]
    fn a_stage_of_which_nothing_is_known_has_a_spinner() {
        let mut state = State::default();
        state.advance(1_234_567, 1.0);
        assert_eq!(state.line(2.0), "⠋ 1,234,567 2s");
        // Nothing is done of what is to be done.
        state.expect(expected(None, 0.0), 2.0);
        assert_eq!(state.line(3.0), "⠋ 3s");
        state.advance(50, 4.0);
        assert!(state.line(4.0).ends_with(" 66% 2s left"), "{}", state.line(4.0));
    }

    #[test]
    fn times_are_short() {
        for (seconds, text) in
            [(0.2, "1s"), (59.0, "59s"), (59.5, "1m 00s"), (245.0, "4m 05s"), (4_000.0, "1h 06m")]
        {
            assert_eq!(time_text(seconds), text);
        }
    }
}
