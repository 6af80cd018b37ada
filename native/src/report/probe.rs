//! Memory by time.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// A thread that asks the system now and then how much memory the process has.
#[derive(Debug)]
pub(super) struct MemoryProbe {
    started: Instant,
    samples: Arc<Mutex<Vec<(f64, u64)>>>,
    over: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl MemoryProbe {
    /// Samples kept at most; past that every second one goes and the pause doubles.
    const MOST: usize = 1_200;

    /// Begins to ask.
    pub(super) fn start(started: Instant) -> Self {
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
    pub(super) fn stop(mut self) -> Vec<(f64, u64)> {
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
