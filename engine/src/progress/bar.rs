//! How far a stage has got, for whoever shows it.

use std::fmt;

use super::estimate::Expected;

/// Shows how far a stage has got; dropped when it is over.
pub trait Bar: fmt::Debug + Send + Sync {
    /// Sets what [`advance`](Self::advance) adds up to, where it is known only now.
    fn expect(&self, expected: Expected);

    /// Reports, from any thread, that `units` more are done.
    fn advance(&self, units: u64);
}

/// Makes a [`Bar`] for every stage.
pub trait Bars: fmt::Debug + Send + Sync {
    /// Begins the bar of a stage; `total` is what its units add up to, where that is known.
    fn begin(&self, name: &'static str, total: Option<u64>) -> Box<dyn Bar>;
}
