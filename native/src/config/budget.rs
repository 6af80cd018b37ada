//! What a job may take: time, memory, money.

use std::{fmt, str::FromStr};

use bytesize::ByteSize;
use ilk_core::{
    ladder::{Bytes, Limits},
    time::parse_duration,
};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// A span of time, kept as people wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct TimeSpan {
    text: String,
    micros: i64,
}

impl FromStr for TimeSpan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let micros = parse_duration(text).filter(|micros| *micros > 0);
        let micros = micros.ok_or("expected a span of time such as 30m or 2h")?;
        Ok(Self { text: text.trim().into(), micros })
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct MemorySize(u64);

impl FromStr for MemorySize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A bare number is more often a slip than a number of bytes.
        let has_unit = text.trim().ends_with(|last: char| last.is_ascii_alphabetic());
        let size = text.trim().parse::<ByteSize>().ok().filter(|size| has_unit && size.0 > 0);
        size.map(|size| Self(size.0)).ok_or_else(|| "expected a size such as 512MiB or 2GiB".into())
    }
}

impl fmt::Display for MemorySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is read back must be the same, to the byte.
        let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B")];
        let exact = units.into_iter().find(|(unit, _)| self.0.is_multiple_of(*unit));
        let (unit, name) = exact.unwrap_or((1, "B"));
        write!(f, "{}{name}", self.0 / unit)
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// Reads the type from the text of a job file.
macro_rules! from_text {
    ($($type:ty),*) => {$(
        impl TryFrom<String> for $type {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse().map_err(|expected| format!("`{text}`: {expected}"))
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }
    )*};
}

from_text!(TimeSpan, MemorySize);

/// What a job may take; what is left out is not limited.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Budget {
    /// Time from start to end.
    #[serde(rename = "budget_time", skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<TimeSpan>,
    /// Memory at any moment.
    #[serde(rename = "budget_memory", skip_serializing_if = "Option::is_none")]
    pub(crate) memory: Option<MemorySize>,
    /// Money, in the currency of the price.
    #[serde(rename = "budget_cost", skip_serializing_if = "Option::is_none")]
    pub(crate) cost: Option<f64>,
    /// What an hour of this machine costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) price_per_hour: Option<f64>,
}

impl Budget {
    /// Tells whether anything is limited.
    pub(crate) fn is_limited(&self) -> bool {
        self.limits() != Limits::default()
    }

    /// Checks the settings against each other.
    ///
    /// # Errors
    /// For an amount that is none, and a cost without a price.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let is_amount = |amount: &f64| amount.is_finite() && *amount > 0.0;
        for (name, amount) in [("budget_cost", self.cost), ("price_per_hour", self.price_per_hour)]
        {
            if let Some(amount) = amount.filter(|amount| !is_amount(amount)) {
                return Err(Error::input(format!("{name} is {amount}, expected more than 0")));
            }
        }
        if self.cost.is_some() && self.price_per_hour.is_none() {
            return Err(Error::input("budget_cost needs price_per_hour")
                .with_help("say what an hour of this machine costs, as in --price-per-hour 3.20"));
        }
        Ok(())
    }

    /// Returns the limits: a cost is a time at the price.
    pub(crate) fn limits(&self) -> Limits {
        let time = self.time.as_ref().map(|time| time.micros as f64 / 1e6);
        let cost = self.cost.zip(self.price_per_hour).map(|(cost, price)| cost / price * 3600.0);
        let seconds = match (time, cost) {
            (Some(time), Some(cost)) => Some(time.min(cost)),
            (time, cost) => time.or(cost),
        };
        Limits { memory: self.memory.map(|memory| memory.0), seconds }
    }

    /// Names the budget that limits the time, as people said it.
    pub(crate) fn time_text(&self) -> String {
        let limit = self.limits().seconds;
        let of_time = self.time.as_ref().filter(|time| Some(time.micros as f64 / 1e6) == limit);
        match (of_time, self.cost, self.price_per_hour) {
            (Some(time), ..) => format!("budget_time {time}"),
            (None, Some(cost), Some(price)) => format!("budget_cost {cost} at {price} per hour"),
            _ => "the budget".into(),
        }
    }

    /// Names the budget of memory.
    pub(crate) fn memory_text(&self) -> String {
        let memory = self.memory.map_or(0, |memory| memory.0);
        format!("budget_memory {}", Bytes(memory))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_spans_are_read_with_their_unit_and_written_back() {
        for (text, bytes) in [("256MiB", 256 << 20), ("1.5 GiB", 3 << 29), ("2GB", 2_000_000_000)] {
            let size = text.parse::<MemorySize>().unwrap();
            assert_eq!(size.0, bytes, "{text}");
            assert_eq!(size.to_string().parse(), Ok(size));
        }
        for text in ["", "12", "0MiB", "much", "-1GiB"] {
            assert!(text.parse::<MemorySize>().is_err(), "{text}");
        }
        let span = "1h 30m".parse::<TimeSpan>().unwrap();
        assert_eq!((span.micros, span.to_string().as_str()), (5_400_000_000, "1h 30m"));
        for text in ["", "30", "-1h", "0s", "soon"] {
            assert!(text.parse::<TimeSpan>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_cost_is_a_time_at_the_price() {
        let cost = Budget { cost: Some(12.5), price_per_hour: Some(2.5), ..Budget::default() };
        assert_eq!(cost.limits().seconds, Some(18_000.0));
        assert_eq!(cost.time_text(), "budget_cost 12.5 at 2.5 per hour");
        let both = Budget { time: "30m".parse().ok(), ..cost.clone() };
        assert_eq!(
            (both.limits().seconds, both.time_text()),
            (Some(1_800.0), "budget_time 30m".into())
        );
        assert!(cost.check().is_ok() && Budget::default().check().is_ok());
        for wrong in [
            Budget { price_per_hour: None, ..cost.clone() },
            Budget { cost: Some(0.0), ..cost.clone() },
            Budget { price_per_hour: Some(f64::NAN), ..cost },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
        assert_eq!(Budget::default().limits(), Limits::default());
    }
}
