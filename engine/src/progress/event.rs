//! Events, for whoever subscribes.

use std::fmt::Display;

use serde_json::{Map, Value};

/// The target of all events.
pub const TARGET: &str = "ilk";

/// Hands an event to whoever listens.
pub(super) fn tell(event: &str, name: &str, message: impl Display, record: &Map<String, Value>) {
    let record = Value::from_iter(record.clone());
    tracing::info!(target: TARGET, event, name, %record, "{message}");
}

/// Names what the progress of a stage counts.
pub(super) fn unit_of(stage: &str) -> &'static str {
    match stage {
        "reading" | "clean" => "rows",
        // A share of the work that is predicted: pairs do not all take the same time.
        _ => "work",
    }
}
