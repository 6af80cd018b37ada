//! How far a stage has got, told to machines once a second.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use serde_json::{Map, json};

use super::{
    bar::Bar,
    estimate::Expected,
    event::{tell, unit_of},
};

/// How often it is told; shorter stages tell nothing on their way.
const INTERVAL: Duration = Duration::from_secs(1);

/// Emits `progress` events from a thread of its own until it is dropped.
#[derive(Debug)]
pub struct Ticker {
    units: Arc<Units>,
    /// Dropped to tell the thread that the stage is over.
    over: Option<mpsc::Sender<()>>,
    waiter: Option<JoinHandle<()>>,
}

/// Counted by all threads of a stage.
#[derive(Debug)]
struct Units {
    done: AtomicU64,
    /// 0 where it is not known.
    total: AtomicU64,
}

impl Ticker {
    /// Begins to tell of the stage `name`.
    pub fn start(name: &'static str, total: Option<u64>) -> Self {
        let total = AtomicU64::new(total.unwrap_or(0));
        let units = Arc::new(Units { done: AtomicU64::new(0), total });
        let (over, stage) = mpsc::channel();
        let counted = Arc::clone(&units);
        // Progress is a courtesy: without a thread for it the work goes on.
        let waiter = thread::Builder::new().name("progress".into()).spawn(move || {
            while stage.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                counted.tell(name);
            }
        });
        Self { units, over: Some(over), waiter: waiter.ok() }
    }
}

impl Bar for Ticker {
    fn expect(&self, expected: Expected) {
        self.units.total.store(expected.units, Ordering::Relaxed);
    }

    fn advance(&self, units: u64) {
        self.units.done.fetch_add(units, Ordering::Relaxed);
    }
}

impl Units {
    fn tell(&self, name: &str) {
        let (done, total) = (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed));
        let unit = json!(unit_of(name));
        let mut record = Map::from_iter([("done".to_owned(), json!(done)), ("unit".into(), unit)]);
        if total > 0 {
            record.insert("total".into(), json!(total));
        }
        tell("progress", name, "", &record);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.over.take());
        if let Some(waiter) = self.waiter.take() {
            // It only waits and tells.
            let _ = waiter.join();
        }
    }
}
