//! Refuses a job that would not fit its budget, and says what would make it fit.

use std::time::Instant;

use ilk_core::{
    interactions::{Folded, Interactions},
    job::Of,
    ladder::{Bytes, Limits, Span},
    matrix::Layout,
    neighbours::Catalogue,
    outlook::{Outlook, Remedy, Setting, Size, remedies},
    plan::Plan,
};
use ilk_formats::OutputFormat;

use crate::{
    config::Budget,
    error::Error,
    machine::{self, Writing},
    progress::Reporter,
    text::counted,
};

/// The program itself, with its threads and what an allocator keeps.
const PROGRAM: u64 = 24 << 20;

/// Counts the bytes that a job holds from its interactions on until its end.
pub(crate) fn held(folded: &Folded) -> u64 {
    PROGRAM + folded.catalogue.ids.bytes() + folded.others.bytes()
}

/// What a run may take, and what it has taken.
#[derive(Debug)]
pub(crate) struct Guard<'a> {
    budget: &'a Budget,
    limits: Limits,
    started: Instant,
    of: Of,
}

impl<'a> Guard<'a> {
    /// Begins to watch; `None` where nothing is limited.
    pub(crate) fn new(budget: &'a Budget, of: Of) -> Option<Self> {
        let limits = budget.limits();
        let is_limited = limits != Limits::default();
        is_limited.then(|| Self { budget, limits, started: Instant::now(), of })
    }

    /// Measures the machine, where time is limited.
    pub(crate) fn layout(&self, layout: Layout, reporter: &Reporter) -> Layout {
        if self.limits.seconds.is_none() {
            return layout;
        }
        let stage = reporter.stage("measuring", None);
        let machine = machine::calibrate(layout.kernel);
        stage.finish("the speed of this machine");
        Layout { machine: Some(machine), ..layout }
    }

    /// Refuses a job whose reading and sorting took more memory.
    ///
    /// # Errors
    /// If they did.
    pub(crate) fn check_reading(&self) -> Result<(), Error> {
        let over = |peak: &u64| self.limits.memory.is_some_and(|limit| *peak > limit);
        let Some(peak) = machine::peak_memory().filter(over) else { return Ok(()) };
        Err(Error::refused(format!(
            "reading and sorting took {} of memory, more than {}",
            Bytes(peak),
            self.budget.memory_text()
        ))
        .with_help("`ilk sample` makes a smaller input of whole users; --force runs it as it is"))
    }

    /// Refuses a job that would need more memory; `held`: what is held beside comparing.
    ///
    /// # Errors
    /// If it would.
    pub(crate) fn check_memory(
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
            self.budget.memory_text()
        ));
        let remedies = remedies(interactions, self.of, |size| needed(size) <= limit);
        Err(refusal.with_help(remedies_text(&remedies)))
    }

    /// Refuses a job that goes through working files if what it takes is not known to be within
    /// the budget; `memory`: what it stays below.
    ///
    /// # Errors
    /// If time is limited, or memory to less.
    pub(crate) fn check_on_disk(&self, memory: crate::memory::Bytes) -> Result<(), Error> {
        if self.limits.seconds.is_some() {
            return Err(Error::refused(format!(
                "the job does not fit in {memory} of memory, and how long it takes through files is \
                 not known beforehand"
            ))
            .with_help("give it more --memory, `ilk sample` its input, or --force it"));
        }
        if self.limits.memory.is_some_and(|limit| limit < memory.0) {
            return Err(Error::refused(format!(
                "the job takes up to {memory} of memory, more than {}",
                self.budget.memory_text()
            ))
            .with_help("--memory makes it stay below"));
        }
        Ok(())
    }

    /// Refuses a job that would take longer.
    ///
    /// # Errors
    /// If it would.
    pub(crate) fn check_time(&self, work: &Work<'_>) -> Result<(), Error> {
        let Some(limit) = self.limits.seconds else { return Ok(()) };
        let taken = self.started.elapsed().as_secs_f64();
        let (outlook, whole) = (work.outlook, &work.outlook.size);
        let forecast = outlook.forecast(work.plan);
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

    /// Names the budget of time, and the time where it is a sum of money.
    fn text(&self, limit: f64) -> String {
        let text = self.budget.time_text();
        if text.starts_with("budget_cost") { format!("{text} ({})", Span(limit)) } else { text }
    }
}

/// What is about to be computed.
#[derive(Clone, Copy)]
pub(crate) struct Work<'a> {
    /// What is compared.
    pub(crate) interactions: &'a Interactions,
    /// What is known of it.
    pub(crate) outlook: &'a Outlook,
    /// Its tiles.
    pub(crate) plan: &'a Plan,
    /// What the result names.
    pub(crate) catalogue: &'a Catalogue,
    /// How the result is written.
    pub(crate) format: OutputFormat,
    /// Threads that share it.
    pub(crate) workers: usize,
}

/// Says what would make a job fit.
pub(crate) fn remedies_text(remedies: &[Remedy]) -> String {
    if remedies.is_empty() {
        return "no cap or least support makes it fit; `ilk sample` makes a smaller input of whole \
                users; --force runs it as it is"
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
    format!("to make it fit, {}; --force runs it as it is", texts.join(", or "))
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
        to make it fit, cap heavy users with --max-items-per-user 1200 (saves 61.2 % of the pair operations), or leave out items of fewer than 40 users with --min-support 40 (saves 70.0 % of the pair operations); --force runs it as it is
        to make it fit, leave out items of fewer than 40 users with --min-support 40 (saves 70.0 % of the pair operations); --force runs it as it is
        no cap or least support makes it fit; `ilk sample` makes a smaller input of whole users; --force runs it as it is
        ");
    }
}
