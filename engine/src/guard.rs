//! Refuses a job that would not fit its budget, and says what would make it fit.

use std::{sync::OnceLock, time::Instant};

use ilk_core::{
    cost::Machine,
    ids::Ids,
    interactions::Interactions,
    job::Of,
    ladder::{Bytes, Limits, Span},
    matrix::Layout,
    neighbours::Catalogue,
    outlook::{Forecast, Outlook, Remedy, Setting, Size, cap_that_fits, remedies},
    plan::Plan,
};
use ilk_formats::OutputFormat;

use crate::{
    error::Error,
    machine::{self, Writing},
    progress::Reporter,
    request::Budget,
    spill::Arranged,
    text::counted,
};

/// The program itself, with its threads and what an allocator keeps.
const PROGRAM: u64 = 24 << 20;

/// Counts the bytes that a job holds from its interactions on until its end; `ids`: of both sides.
pub fn held<'i>(ids: impl IntoIterator<Item = &'i Ids>) -> u64 {
    PROGRAM + ids.into_iter().map(Ids::bytes).sum::<u64>()
}

/// What a run may take, and what it has taken.
#[derive(Debug)]
pub struct Guard<'a> {
    budget: &'a Budget,
    limits: Limits,
    started: Instant,
    /// Seconds in which the machine was measured: the job without a budget does not take them.
    measuring: OnceLock<f64>,
    of: Of,
}

impl<'a> Guard<'a> {
    /// Begins to watch; `None` where nothing is limited.
    pub fn new(budget: &'a Budget, of: Of) -> Option<Self> {
        let limits = budget.limits;
        let is_limited = limits != Limits::default();
        let measuring = OnceLock::new();
        is_limited.then(|| Self { budget, limits, started: Instant::now(), measuring, of })
    }

    /// Measures the machine, where time is limited.
    pub fn layout(&self, layout: Layout, reporter: &Reporter) -> Layout {
        if self.limits.seconds.is_none() {
            return layout;
        }
        let (stage, clock) = (reporter.stage("measuring", None), Instant::now());
        let machine = machine::calibrate(layout.kernel);
        stage.finish("the speed of this machine");
        self.measuring.get_or_init(|| clock.elapsed().as_secs_f64());
        Layout { machine: Some(machine), ..layout }
    }

    /// Counts the seconds that the job has taken in this process.
    fn taken(&self) -> f64 {
        self.started.elapsed().as_secs_f64() - self.measuring.get().unwrap_or(&0.0)
    }

    /// Refuses a job whose reading and sorting took more memory; `peak`: how much, where the
    /// system tells.
    ///
    /// # Errors
    /// If they did.
    pub fn check_reading(&self, peak: Option<u64>) -> Result<(), Error> {
        let over = |peak: &u64| self.limits.memory.is_some_and(|limit| *peak > limit);
        let Some(peak) = peak.filter(over) else { return Ok(()) };
        Err(Error::refused(format!(
            "reading and sorting took {} of memory, more than {}",
            Bytes(peak),
            self.budget.memory_text
        ))
        .with_help(
            "`ilk sample` makes a smaller input of whole users; `ilk run --force` runs it as it is",
        ))
    }

    /// Refuses a job that would need more memory; `held`: what is held beside comparing.
    ///
    /// # Errors
    /// If it would.
    pub fn check_memory(
        &self,
        interactions: &Interactions,
        outlook: &Outlook,
        held: u64,
    ) -> Result<(), Error> {
        let Some(limit) = self.limits.memory else { return Ok(()) };
        let needed = |size: &Size| held + outlook.memory_of(size).peak();
        if needed(&outlook.size) <= limit {
            return Ok(());
        }
        let refusal = Error::refused(format!(
            "the job needs about {} of memory, more than {}",
            Bytes(needed(&outlook.size)),
            self.budget.memory_text
        ));
        let remedies = remedies(interactions, self.of, |size| needed(size) <= limit);
        Err(refusal.with_help(remedies_text(&remedies)))
    }

    /// Refuses a job that goes through working files if it may take more memory; `memory`: what
    /// it stays below.
    ///
    /// # Errors
    /// If memory is limited to less.
    pub fn check_limit(&self, memory: crate::memory::Bytes) -> Result<(), Error> {
        if self.limits.memory.is_some_and(|limit| limit < memory.0) {
            return Err(Error::refused(format!(
                "the job takes up to {memory} of memory, more than {}",
                self.budget.memory_text
            ))
            .with_help("--memory makes it stay below"));
        }
        Ok(())
    }

    /// Refuses a job that would take longer.
    ///
    /// # Errors
    /// If it would.
    pub fn check_time(&self, work: &Work<'_>) -> Result<(), Error> {
        let Some(limit) = self.limits.seconds else { return Ok(()) };
        let taken = work.before + self.taken();
        let (outlook, whole) = (work.outlook, &work.outlook.size);
        let forecast = outlook.forecast(work.plan);
        let (counting, finding) = (forecast.counting * work.share, forecast.finding * work.share);
        let forecast = Forecast { counting, finding, ..forecast };
        let neighbours = outlook.neighbours as usize;
        let each = neighbours / work.catalogue.ids.len().max(1);
        let row = Writing::guess(work.format, work.catalogue, each).seconds;
        // Arranging is done by now, so it counts for smaller data only.
        let left = |size: &Size| {
            let smaller = forecast.scaled(whole, size);
            let items = size.items as f64 / whole.items.max(1) as f64;
            smaller.elapsed(work.workers) + row * neighbours as f64 * items
        };
        let needed = taken + left(whole) - forecast.elapsed_arranging(work.workers);
        if needed <= limit {
            return Ok(());
        }
        let refusal = Error::refused(format!(
            "the job needs about {}, more than {}",
            Span(needed),
            self.text(limit)
        ));
        let before = taken - forecast.elapsed_arranging(work.workers);
        let fits = |size: &Size| before.max(0.0) + left(size) <= limit;
        let remedies = remedies(work.interactions, self.of, fits);
        Err(refusal.with_help(remedies_text(&remedies)))
    }

    /// Refuses a job that goes through working files if it would take longer; returns the CPU
    /// seconds that comparing is predicted to take, if time is limited.
    ///
    /// # Errors
    /// If it would, and if the disk fails.
    pub fn check_time_on_disk(&self, work: &DiskWork<'_>) -> Result<Option<f64>, Error> {
        let Some(limit) = self.limits.seconds else { return Ok(None) };
        let taken = work.before + self.taken();
        let (arranged, cores) = (work.arranged, work.workers as f64);
        let counting = arranged.tiles().iter().map(|tile| tile.cost).sum::<u64>();
        let forecast = Forecast::of_comparing(
            &work.machine,
            counting,
            arranged.neighbours,
            arranged.is_unit(),
        );
        // How fast this disk, or what the system keeps of it in memory, gives data back.
        let clock = Instant::now();
        let bytes = arranged.read_some()?.max(1);
        let byte = clock.elapsed().as_secs_f64() / bytes as f64;
        // Neighbours are written and read once on their way.
        let segments = arranged.bytes_to_read() as f64 * byte;
        let lists = arranged.neighbours * 2.0 * NEIGHBOUR_BYTES * byte;
        let reading = segments / cores + lists;
        let each = arranged.neighbours as usize / work.catalogue.ids.len().max(1);
        let row = Writing::guess(work.format, work.catalogue, each).seconds;
        let left = |share: f64| {
            let smaller = Forecast { counting: forecast.counting * share, ..forecast };
            smaller.elapsed(work.workers) + reading + row * arranged.neighbours
        };
        let needed = taken + left(1.0);
        if needed <= limit {
            return Ok(Some(forecast.comparing() + segments + lists));
        }
        let refusal = Error::refused(format!(
            "the job needs about {} through working files, more than {}",
            Span(needed),
            self.text(limit)
        ));
        // Users and items have changed places there: a cap on a column is no cap on a row.
        let remedy = match self.of {
            Of::Items => cap_that_fits(work.degrees, |share| taken + left(share) <= limit),
            Of::Users => None,
        };
        let help = remedies_text(remedy.as_slice());
        Err(refusal.with_help(format!("more --memory may make it faster; {help}")))
    }

    /// Names the budget of time, and the time where it is a sum of money.
    fn text(&self, limit: f64) -> String {
        let text = &self.budget.time_text;
        if text.starts_with("budget_cost") {
            format!("{text} ({})", Span(limit))
        } else {
            text.clone()
        }
    }
}

/// Bytes of a neighbour on disk: its code, score and overlap.
const NEIGHBOUR_BYTES: f64 = 12.0;

/// What is about to be computed through working files.
#[derive(Clone, Copy)]
pub struct DiskWork<'a> {
    /// The tiles that are left.
    pub arranged: &'a Arranged,
    /// How many users have how many items.
    pub degrees: &'a [(u32, u64)],
    /// What the result names.
    pub catalogue: &'a Catalogue,
    /// How the result is written.
    pub format: OutputFormat,
    /// What a core pays.
    pub machine: Machine,
    /// Cores that share it.
    pub workers: usize,
    /// Seconds that earlier processes took.
    pub before: f64,
}

/// What is about to be computed.
#[derive(Clone, Copy)]
pub struct Work<'a> {
    /// What is compared.
    pub interactions: &'a Interactions,
    /// What is known of it.
    pub outlook: &'a Outlook,
    /// Its tiles.
    pub plan: &'a Plan,
    /// What the result names.
    pub catalogue: &'a Catalogue,
    /// How the result is written.
    pub format: OutputFormat,
    /// Threads that share it.
    pub workers: usize,
    /// The share of the tiles that is left to be computed.
    pub share: f64,
    /// Seconds that earlier processes took.
    pub before: f64,
}

/// Says what would make a job fit.
pub fn remedies_text(remedies: &[Remedy]) -> String {
    if remedies.is_empty() {
        return "no cap or least support makes it fit; `ilk sample` makes a smaller input of whole \
                users; `ilk run --force` runs it as it is"
            .into();
    }
    let text = |remedy: &Remedy| {
        let percent = remedy.saves * 100.0;
        let value = u64::from(remedy.value);
        match remedy.setting {
            Setting::MaxItemsPerUser => format!(
                "cap heavy users with --max-items-per-user {} (saves {percent:.1} % of the pair \
                 operations)",
                remedy.value
            ),
            Setting::MinSupport => format!(
                "leave out items of fewer than {} with --min-support {value} (saves {percent:.1} % \
                 of the pair operations)",
                counted(value, "user")
            ),
        }
    };
    let texts = remedies.iter().map(text).collect::<Vec<_>>();
    format!("to make it fit, {}; `ilk run --force` runs it as it is", texts.join(", or "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_what_would_help() {
        let remedy =
            |setting, value, saves| Remedy { setting, value, size: Size::default(), saves };
        let both =
            [remedy(Setting::MaxItemsPerUser, 1_200, 0.6123), remedy(Setting::MinSupport, 40, 0.7)];
        let texts = [remedies_text(&both), remedies_text(&both[1..]), remedies_text(&[])];
        insta::assert_snapshot!(texts.join("\n"), @r"
        to make it fit, cap heavy users with --max-items-per-user 1200 (saves 61.2 % of the pair operations), or leave out items of fewer than 40 users with --min-support 40 (saves 70.0 % of the pair operations); `ilk run --force` runs it as it is
        to make it fit, leave out items of fewer than 40 users with --min-support 40 (saves 70.0 % of the pair operations); `ilk run --force` runs it as it is
        no cap or least support makes it fit; `ilk sample` makes a smaller input of whole users; `ilk run --force` runs it as it is
        ");
    }
}
