//! `ilk usage`: what past runs took and cost.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use ilk_formats::printable;
use jiff::{Zoned, civil::Date, tz::TimeZone};
use serde_json::{Value, json};

use crate::{
    cli::{TextOrJson, UsageArgs},
    error::{Error, Kind},
    progress::seconds_text,
    stdout,
    text::{Align, Table, brief, bytes_text, counted, grouped, hung, width},
    usage::{self, Entry, Job, Ledger, Outcome, Sum},
};

/// Prints the ledger's days and months.
///
/// # Errors
/// If there is no ledger to read.
pub(crate) fn usage(args: &UsageArgs) -> Result<(), Error> {
    let Some(place) = usage::place() else {
        return Err(Error::input(
            "past runs are not recorded: ILK_USAGE_FILE is off, or there is no home folder",
        )
        .with_help("set ILK_USAGE_FILE to a file, also for `ilk run`"));
    };
    let ledger = usage::read(&place)?;
    let zone = TimeZone::system();
    let page = Page {
        place: &place,
        today: Zoned::now().with_time_zone(zone.clone()).date(),
        days: usage::by_day(&ledger.entries, &zone, args.price_per_hour),
        months: usage::by_month(&ledger.entries, &zone, args.price_per_hour),
        ledger: &ledger,
        args,
        zone,
    };
    stdout::print_text(&match args.format {
        TextOrJson::Text => page.text(),
        TextOrJson::Json => format!("{:#}\n", page.json()),
    })?;
    page.check()
}

struct Page<'a> {
    place: &'a Path,
    zone: TimeZone,
    today: Date,
    days: BTreeMap<Date, Sum>,
    months: BTreeMap<Date, Sum>,
    ledger: &'a Ledger,
    args: &'a UsageArgs,
}

impl Page<'_> {
    fn has_cost(&self) -> bool {
        self.months.values().any(|sum| sum.cost > 0.0) || self.args.price_per_hour.is_some()
    }

    fn text(&self) -> String {
        let mut text = String::new();
        if self.ledger.entries.is_empty() {
            let _ =
                writeln!(text, "no runs yet: `ilk run` adds a line to {}", self.place.display());
        } else {
            let first =
                self.today.saturating_sub(jiff::Span::new().days(i64::from(self.args.days)));
            let days = self.days.iter().filter(|(day, _)| **day > first);
            let days = days.map(|(day, sum)| (day.to_string(), sum)).collect::<Vec<_>>();
            if days.is_empty() {
                let _ = writeln!(
                    text,
                    "no runs in the last {}\n",
                    counted(self.args.days.into(), "day")
                );
            } else {
                let _ = writeln!(text, "{}", self.table("day", &days));
            }
            let months = self.months.iter();
            let months = months.map(|(month, sum)| (month.strftime("%Y-%m").to_string(), sum));
            text.push_str(&self.table("month", &months.collect::<Vec<_>>()));
            text.push_str(&self.jobs_text(first));
            text.push_str(&self.budget_text());
        }
        if let Some(first) = self.ledger.broken.first() {
            let _ = writeln!(
                text,
                "\nskipped {} of {}, first line {first}",
                counted(self.ledger.broken.len() as u64, "unreadable line"),
                self.place.display()
            );
        }
        text
    }

    fn table(&self, unit: &str, sums: &[(String, &Sum)]) -> String {
        let mut columns = vec![
            (unit, Align::Left),
            ("runs", Align::Right),
            ("failed", Align::Right),
            ("rows", Align::Right),
            ("pairs", Align::Right),
            ("time", Align::Right),
            ("CPU", Align::Right),
            ("bytes", Align::Right),
        ];
        if self.has_cost() {
            columns.push(("cost", Align::Right));
        }
        let mut table = Table::new(columns);
        for (name, sum) in sums {
            let mut cells = vec![
                name.clone(),
                grouped(sum.runs),
                if sum.unfinished > 0 { grouped(sum.unfinished) } else { String::new() },
                brief(sum.rows.into()),
                brief(sum.pair_operations),
                span_text(sum.seconds),
                span_text(sum.cpu_seconds),
                bytes_text(sum.bytes_read.saturating_add(sum.bytes_written)),
            ];
            if self.has_cost() {
                cells.push(money_text(sum.cost));
            }
            table.row(cells);
        }
        table.render(width())
    }

    /// Lists the jobs that ran after the day `first`, and why the last run of one ended early.
    fn jobs_text(&self, first: Date) -> String {
        let ended = |entry: &Entry| entry.finished.to_zoned(self.zone.clone());
        let shown = self.ledger.entries.iter().filter(|entry| ended(entry).date() > first);
        let jobs = usage::by_job(shown, self.args.price_per_hour);
        if jobs.is_empty() {
            return String::new();
        }
        let mut columns = vec![
            ("job", Align::Left),
            ("runs", Align::Right),
            ("failed", Align::Right),
            ("time", Align::Right),
            ("last run", Align::Left),
            ("outcome", Align::Left),
        ];
        if self.has_cost() {
            columns.push(("cost", Align::Right));
        }
        let (mut table, mut errors) = (Table::new(columns), String::new());
        for (name, Job { sum, last }) in &jobs {
            let mut cells = vec![
                (*name).to_owned(),
                grouped(sum.runs),
                if sum.unfinished > 0 { grouped(sum.unfinished) } else { String::new() },
                span_text(sum.seconds),
                ended(last).strftime("%Y-%m-%d %H:%M").to_string(),
                last.outcome.name().into(),
            ];
            if self.has_cost() {
                cells.push(money_text(sum.cost));
            }
            table.row(cells);
            if let Some(error) = last.error.as_ref().filter(|_| last.outcome != Outcome::Done) {
                let label = format!("{}:", printable(name));
                let _ = writeln!(errors, "{}", hung(&label, &printable(error), width()));
            }
        }
        let gap = if errors.is_empty() { "" } else { "\n" };
        format!("\n{}{gap}{errors}", table.render(width()))
    }

    /// Refuses a month that is over its budget, where that is to be checked.
    fn check(&self) -> Result<(), Error> {
        let (month, spent) = (self.today.strftime("%Y-%m"), self.spent());
        let budget = self.args.budget_month.filter(|budget| self.args.check && spent > *budget);
        let Some(budget) = budget else { return Ok(()) };
        Err(Error::new(
            Kind::Refused,
            format!("{month} is over its budget: {} of {}", money_text(spent), money_text(budget)),
        )
        .with_help("`ilk usage --days 31` shows the cost of each job"))
    }

    /// What this month has cost so far.
    fn spent(&self) -> f64 {
        self.months.get(&self.today.first_of_month()).map_or(0.0, |sum| sum.cost)
    }

    fn budget_text(&self) -> String {
        let Some(budget) = self.args.budget_month else { return String::new() };
        let (spent, month) = (self.spent(), self.today.strftime("%Y-%m"));
        let left = budget - spent;
        let price = self.args.price_per_hour.filter(|price| *price > 0.0);
        if left < 0.0 {
            return format!(
                "\n{month}: {} spent, {} over the budget of {}\n",
                money_text(spent),
                money_text(-left),
                money_text(budget)
            );
        }
        let hours =
            price.map_or_else(String::new, |price| format!(", enough for {:.1} h", left / price));
        format!(
            "\n{month}: {} of {} spent, {} left{hours}\n",
            money_text(spent),
            money_text(budget),
            money_text(left)
        )
    }

    fn json(&self) -> Value {
        let sums = |sums: &BTreeMap<Date, Sum>| {
            let named =
                sums.iter().map(|(date, sum)| json!({ "from": date.to_string(), "sum": sum }));
            named.collect::<Vec<_>>()
        };
        let budget = self.args.budget_month;
        json!({
            "ledger": self.place.display().to_string(),
            "days": sums(&self.days),
            "months": sums(&self.months),
            "jobs": self.jobs_json(),
            "spent_this_month": self.spent(),
            "budget_month": budget,
            "left_this_month": budget.map(|budget| budget - self.spent()),
            "broken_lines": self.ledger.broken,
        })
    }

    fn jobs_json(&self) -> Value {
        let jobs = usage::by_job(&self.ledger.entries, self.args.price_per_hour);
        let jobs = jobs.into_iter().map(|(name, Job { sum, last })| {
            json!({
                "job": name,
                "sum": sum,
                "last": {
                    "finished": last.finished,
                    "outcome": last.outcome,
                    "error": last.error,
                },
            })
        });
        jobs.collect()
    }
}

/// Writes minutes and hours where there are some: sums of runs need no seconds.
fn span_text(seconds: f64) -> String {
    if seconds < 60.0 {
        return seconds_text(seconds);
    }
    let minutes = (seconds / 60.0).round() as u64;
    if minutes < 60 {
        return format!("{minutes} min");
    }
    format!("{} h {:02}", grouped(minutes / 60), minutes % 60)
}

fn money_text(amount: f64) -> String {
    let cents = (amount * 100.0).round() as u64;
    format!("{}.{:02}", grouped(cents / 100), cents % 100)
}
