//! What a plan of tiles costs, for hosts that cut blocks and tiles themselves.

use ilk_core::{
    cost::Layout,
    forecast::{Rates, Size},
    job::Given,
    prepare::Needs,
    weighting::{Weigher, WeightKind},
};
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, job};

/// How large the data of a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Users with at least one interaction.
    pub users: u64,
    /// Items with at least one interaction.
    pub items: u64,
    /// Interactions.
    pub interactions: u64,
    /// Pair operations of comparing everything with everything.
    pub operations: u64,
}

/// What tiles of a job cost, by what they hold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Costs {
    /// Predicted seconds of a core: a tile takes the sum over what it holds.
    pub seconds: Seconds,
    /// Bytes of an instance.
    pub bytes: Bytes,
}

/// Predicted seconds of a core.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seconds {
    /// For each pair operation.
    pub operation: f64,
    /// For each interaction of rows and columns.
    pub interaction: f64,
    /// For each item of rows and columns.
    pub item: f64,
}

/// Bytes of an instance, measured as docs/scale.md says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bytes {
    /// For itself.
    pub instance: u64,
    /// For each interaction, as it crosses the border, in lists and in bits, with its weight where
    /// the job has weights.
    pub interaction: u64,
    /// For each item.
    pub item: u64,
    /// For each neighbour that may be found: it is kept, recorded, brought out and answered.
    pub neighbour: u64,
    /// For each offer that is merged.
    pub offer: u64,
}

const INSTANCE: u64 = 4 << 20;
const INTERACTION: u64 = 32;
const WEIGHT: u64 = 16;
const ITEM: u64 = 140;
const NEIGHBOUR: u64 = 120;
const OFFER: u64 = 100;

/// Predicts what tiles of a job cost on data with the columns `given`.
///
/// # Errors
/// For settings that cannot be.
pub fn costs(wish: &str, given: Given, extent: Extent) -> Result<Costs, Failure> {
    let job = job(wish)?.resolve(given)?;
    let is_unit = Weigher::is_unit(job.weighting, Needs::of(&job, given).weight);
    // Blocks cross the border with the weight of every interaction, or without any.
    let weights = if is_unit { WeightKind::One } else { WeightKind::Own };
    let size = Size {
        users: extent.users,
        items: extent.items,
        interactions: extent.interactions,
        pair_operations: extent.operations.into(),
    };
    let rates = Rates::of(&size, weights, job.top, Layout::default());
    Ok(Costs {
        seconds: Seconds {
            operation: rates.operation / 1e12,
            interaction: rates.interaction / 1e12,
            item: rates.item / 1e12,
        },
        bytes: Bytes {
            instance: INSTANCE,
            interaction: INTERACTION + if is_unit { 0 } else { WEIGHT },
            item: ITEM,
            neighbour: NEIGHBOUR,
            offer: OFFER,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXTENT: Extent = Extent { users: 100, items: 50, interactions: 1_000, operations: 9_000 };

    #[test]
    fn weights_take_time_and_memory() {
        let given = Given { weight: true, time: false };
        let plain = costs("", given, EXTENT).expect("costs");
        let weighted = costs(r#"{"weighting": "raw"}"#, given, EXTENT).expect("costs");
        assert_eq!(weighted.bytes.interaction, plain.bytes.interaction + WEIGHT);
        assert!(weighted.seconds.operation > plain.seconds.operation);
        let unweighted = costs(r#"{"weighting": "raw"}"#, Given::default(), EXTENT);
        assert!(unweighted.is_ok_and(|costs| costs.bytes == plain.bytes));
    }

    #[test]
    fn settings_that_cannot_be_are_refused() {
        assert!(costs(r#"{"top": 0}"#, Given::default(), EXTENT).is_err());
    }

    #[test]
    fn costs_are_a_record_of_two_parts() {
        let record = serde_json::to_value(costs("", Given::default(), EXTENT).expect("costs"));
        let keys = |value: &serde_json::Value| {
            value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>()
        };
        let record = record.expect("JSON");
        assert_eq!(keys(&record), ["bytes", "seconds"]);
        assert_eq!(keys(&record["seconds"]), ["interaction", "item", "operation"]);
        let bytes = ["instance", "interaction", "item", "neighbour", "offer"];
        assert_eq!(keys(&record["bytes"]), bytes);
    }
}
