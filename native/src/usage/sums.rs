//! What past runs took together, by day, by month and by job.

use std::collections::BTreeMap;

use jiff::{civil::Date, tz::TimeZone};
use serde::Serialize;

use super::ledger::{Entry, Outcome};

/// What some runs took together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Sum {
    /// Runs, however they ended.
    pub(crate) runs: u64,
    /// Those that did not write a result.
    pub(crate) unfinished: u64,
    /// Rows read.
    pub(crate) rows: u64,
    /// Interactions.
    pub(crate) interactions: u64,
    /// Pair operations.
    pub(crate) pair_operations: u128,
    /// Seconds.
    pub(crate) seconds: f64,
    /// CPU seconds.
    pub(crate) cpu_seconds: f64,
    /// Bytes read.
    pub(crate) bytes_read: u64,
    /// Bytes written.
    pub(crate) bytes_written: u64,
    /// What it cost; runs without a price cost nothing.
    pub(crate) cost: f64,
}

impl Sum {
    /// Adds a run; `price` holds for runs that say none of their own.
    pub(crate) fn add(&mut self, entry: &Entry, price: Option<f64>) {
        let Entry { task, figures, .. } = entry;
        self.runs += 1;
        self.unfinished += u64::from(entry.outcome != Outcome::Done);
        self.rows += figures.rows;
        self.interactions += figures.interactions;
        self.pair_operations += u128::from(figures.pair_operations);
        self.seconds += figures.seconds;
        self.cpu_seconds += figures.cpu_seconds.unwrap_or(0.0);
        self.bytes_read += figures.bytes_read.unwrap_or(0);
        self.bytes_written += figures.bytes_written.unwrap_or(0);
        self.cost += task.price_per_hour.or(price).unwrap_or(0.0) * figures.seconds / 3600.0;
    }
}

/// Adds runs up by the day they ended on, in the machine's time zone.
pub(crate) fn by_day(
    entries: &[Entry],
    zone: &TimeZone,
    price: Option<f64>,
) -> BTreeMap<Date, Sum> {
    let mut days = BTreeMap::<Date, Sum>::new();
    for entry in entries {
        let day = entry.finished.to_zoned(zone.clone()).date();
        days.entry(day).or_default().add(entry, price);
    }
    days
}

/// Adds runs up by month, named by its first day.
pub(crate) fn by_month(
    entries: &[Entry],
    zone: &TimeZone,
    price: Option<f64>,
) -> BTreeMap<Date, Sum> {
    let mut months = BTreeMap::<Date, Sum>::new();
    for entry in entries {
        let day = entry.finished.to_zoned(zone.clone()).date();
        months.entry(day.first_of_month()).or_default().add(entry, price);
    }
    months
}

/// The runs of a job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job<'e> {
    /// What they took together.
    pub(crate) sum: Sum,
    /// The one that ended last.
    pub(crate) last: &'e Entry,
}

/// Adds runs up by job, in the order they ended.
pub(crate) fn by_job<'e>(
    entries: impl IntoIterator<Item = &'e Entry>,
    price: Option<f64>,
) -> BTreeMap<&'e str, Job<'e>> {
    let mut jobs = BTreeMap::new();
    for entry in entries {
        let none = Job { sum: Sum::default(), last: entry };
        let job = jobs.entry(entry.job()).or_insert(none);
        job.sum.add(entry, price);
        job.last = entry;
    }
    jobs
}

#[cfg(test)]
mod tests {
    use super::{
        super::ledger::{Figures, Task},
        *,
    };

    fn entry(finished: &str, seconds: f64) -> Entry {
        Entry {
            finished: finished.parse().expect("a time"),
            outcome: Outcome::Done,
            error: None,
            task: Task { input: "orders.csv".into(), ..Task::default() },
            figures: Figures { seconds, ..Figures::default() },
        }
    }

    #[test]
    fn days_and_months_follow_the_machines_zone() {
        let zone = TimeZone::fixed(jiff::tz::offset(9));
        let entries = [
            entry("2026-10-31T14:59:00Z", 3_600.0),
            entry("2026-10-31T15:00:00Z", 1_800.0),
            Entry {
                task: Task { price_per_hour: Some(10.0), ..Task::default() },
                ..entry("2026-11-01T02:00:00Z", 360.0)
            },
        ];
        let days = by_day(&entries, &zone, Some(2.0));
        let told = days.iter().map(|(day, sum)| (day.to_string(), sum.runs, sum.cost));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [("2026-10-31".to_owned(), 1, 2.0), ("2026-11-01".to_owned(), 2, 2.0)]
        );
        let months = by_month(&entries, &zone, None);
        let told = months.iter().map(|(month, sum)| (month.to_string(), sum.seconds, sum.cost));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [("2026-10-01".to_owned(), 3_600.0, 0.0), ("2026-11-01".to_owned(), 2_160.0, 1.0)]
        );
    }

    #[test]
    fn jobs_say_how_their_last_run_ended() {
        let of = |job: &str, entry: Entry| Entry {
            task: Task { job: Some(job.into()), ..entry.task.clone() },
            ..entry
        };
        let failed = Entry {
            outcome: Outcome::Failed,
            error: Some("no space left".into()),
            ..entry("2026-11-02T02:00:00Z", 2.0)
        };
        let entries = [
            of("night.toml", entry("2026-11-01T02:00:00Z", 1.0)),
            of("other.toml", entry("2026-11-01T03:00:00Z", 5.0)),
            of("night.toml", failed),
            // Before jobs were noted.
            entry("2026-11-03T02:00:00Z", 4.0),
        ];
        let jobs = by_job(&entries, Some(3600.0));
        let told = jobs.iter().map(|(name, job)| {
            let Job { sum, last } = job;
            (*name, sum.runs, sum.unfinished, sum.cost, last.outcome.name(), last.error.as_deref())
        });
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                ("night.toml", 2, 1, 3.0, "failed", Some("no space left")),
                ("orders.csv", 1, 0, 4.0, "done", None),
                ("other.toml", 1, 0, 5.0, "done", None),
            ]
        );
    }
}
