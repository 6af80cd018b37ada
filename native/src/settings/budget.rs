//! What a job may take: time, memory, money.

use std::time::Duration;

use ilk_core::forecast::{self, Limits};
use serde::{Deserialize, Serialize};

use super::values::TimeSpan;
use crate::{error::Error, memory::Bytes};

/// What a job may take; what is left out is not limited.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Budget {
    /// Time from start to end.
    #[serde(rename = "budget_time", skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<TimeSpan>,
    /// A run that takes longer is stopped.
    #[serde(rename = "budget_hard", skip_serializing_if = "std::ops::Not::not")]
    pub(crate) hard: bool,
    /// Memory at any moment.
    #[serde(rename = "budget_memory", skip_serializing_if = "Option::is_none")]
    pub(crate) memory: Option<Bytes>,
    /// Money, in the currency of the price.
    #[serde(rename = "budget_cost", skip_serializing_if = "Option::is_none")]
    pub(crate) cost: Option<f64>,
    /// What working files and a run directory may take of their disk.
    #[serde(rename = "max_disk", skip_serializing_if = "Option::is_none")]
    pub(crate) disk: Option<Bytes>,
    /// What an hour of this machine costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) price_per_hour: Option<f64>,
}

impl Budget {
    /// Checks the settings against each other.
    ///
    /// # Errors
    /// For an amount that is none, a cost without a price, and a stop without a limit.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let is_amount = |amount: &f64| amount.is_finite() && *amount > 0.0;
        for (name, amount) in [("budget_cost", self.cost), ("price_per_hour", self.price_per_hour)]
        {
            if let Some(amount) = amount.filter(|amount| !is_amount(amount)) {
                return Err(Error::input(format!("{name} is {amount}, expected more than 0")));
            }
        }
        if self.cost.is_some() && self.price_per_hour.is_none() {
            return Err(Error::input("budget_cost needs price_per_hour").with_help(
                "set the price of an hour of this machine, as in --price-per-hour 3.20",
            ));
        }
        if self.hard && self.limits().seconds.is_none() {
            return Err(Error::input("budget_hard needs budget_time or budget_cost")
                .with_help("set the time at which to stop, as in --budget-time 2h"));
        }
        Ok(())
    }

    /// Returns the limits: a cost is a time at the price.
    pub(crate) fn limits(&self) -> Limits {
        let time = self.time.as_ref().map(|time| time.micros() as f64 / 1e6);
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
        let of_time = self.time.as_ref().filter(|time| Some(time.micros() as f64 / 1e6) == limit);
        match (of_time, self.cost, self.price_per_hour) {
            (Some(time), ..) => format!("budget_time {time}"),
            (None, Some(cost), Some(price)) => format!("budget_cost {cost} at {price} per hour"),
            _ => "the budget".into(),
        }
    }

    /// Returns the time after which a run is stopped, if it is to be.
    pub(crate) fn end(&self) -> Option<Duration> {
        let seconds = self.limits().seconds.filter(|_| self.hard)?;
        Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }

    /// Names the budget of memory.
    pub(crate) fn memory_text(&self) -> String {
        let memory = self.memory.map_or(0, |memory| memory.0);
        format!("budget_memory {}", forecast::Bytes(memory))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(Budget { hard: true, ..cost.clone() }.check().is_ok());
        for wrong in [
            Budget { price_per_hour: None, ..cost.clone() },
            Budget { cost: Some(0.0), ..cost.clone() },
            Budget { price_per_hour: Some(f64::NAN), ..cost.clone() },
            Budget { hard: true, ..Budget::default() },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
        assert_eq!(Budget::default().limits(), Limits::default());
    }
}
