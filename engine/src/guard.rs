//! Refuses a job that would not fit its budget, and says what would make it fit.

use std::{sync::OnceLock, time::Instant};

use ilk_core::{
    cost::{Layout, Machine},
    data::Ids,
    forecast::{
        Bytes, Forecast, HEAVIEST_USER, HeavyUser, Limits, Outlook, Remedy, Setting, Size, Span,
        cap_that_fits, find_heavy_user, remedies,
    },
    job::Of,
    plan::Plan,
    prepare::{Interactions, pairs_among},
    result::Catalogue,
};
use ilk_formats::OutputStyle;

use crate::{
    disk::Disk,
    error::Error,
    lists::IdLists,
    machine::{self, Writing},
    progress::Reporter,
    request::{Budget, Request},
    spill::{Arranged, Recording},
    text::{counted, rounded, shortened},
};

/// The program itself, with its threads and what an allocator keeps.
const PROGRAM: u64 = 24 << 20;

/// Counts the bytes that a job holds from its interactions on until its end; `ids`: of both sides.
pub fn held<'i>(ids: impl IntoIterator<Item = &'i Ids>) -> u64 {
    PROGRAM + ids.into_iter().map(Ids::bytes).sum::<u64>()
}

/// Refuses what would take too much: what a run may take, and what it has taken.
#[derive(Debug)]
pub(crate) struct Guard {
    budget: Budget,
    limits: Limits,
    /// Whether users with too many items are a reason.
    heavy: Heavy,
    started: Instant,
    /// What a core pays, where that is known.
    machine: Option<Machine>,
    /// Seconds in which the machine was measured: the job without a budget does not take them.
    measuring: OnceLock<f64>,
    of: Of,
    /// The load of the machine before the run.
    load: Option<f64>,
    /// The time that was predicted, once it was.
    predicted: OnceLock<Predicted>,
}

/// The time that a run is predicted to take.
#[derive(Clone, Copy, Debug)]
struct Predicted {
    /// Seconds in all.
    seconds: f64,
    /// Those of them that earlier processes took.
    before: f64,
}

/// What becomes of a job with users of too many items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heavy {
    Refused,
    Run,
}

/// A refusal that does not hold where few items are asked for: those are few pairs, however many a
/// user has, and the plan will tell.
#[derive(Debug)]
pub(crate) struct Reserve(Option<Error>);

impl Reserve {
    /// Refuses, unless the plan has few pair operations.
    ///
    /// # Errors
    /// The refusal.
    pub(crate) fn check(&self, operations: u64) -> Result<(), Error> {
        let refusal = self.0.clone().filter(|_| operations > HEAVIEST_PLAN);
        refusal.map_or(Ok(()), Err)
    }
}

/// What is known of a job in memory that is watched.
#[derive(Debug)]
pub(crate) struct Foreseen(Option<Outlook>);

impl Guard {
    /// Begins to watch what a request may take.
    pub(crate) fn of(request: &Request) -> Self {
        if request.force {
            return Self::forced(request.job.of);
        }
        let budget = request.budget.clone();
        let machine = request.resources.machine;
        Self { limits: budget.limits, budget, machine, ..Self::unlimited(request.job.of) }
    }

    /// Limits nothing but users with too many items.
    pub(crate) fn unlimited(of: Of) -> Self {
        let (budget, limits) = (Budget::default(), Limits::default());
        Self {
            budget,
            limits,
            heavy: Heavy::Refused,
            started: Instant::now(),
            machine: None,
            measuring: OnceLock::new(),
            of,
            load: machine::load(),
            predicted: OnceLock::new(),
        }
    }

    /// Refuses nothing.
    pub(crate) fn forced(of: Of) -> Self {
        Self { heavy: Heavy::Run, ..Self::unlimited(of) }
    }

    /// Refuses a job with a user of too many items; `name` finds out how a user is called.
    ///
    /// # Errors
    /// If there is one, unless few items are asked for, and what `name` returns.
    pub(crate) fn check_users(
        &self,
        lists: &IdLists,
        degrees: impl Iterator<Item = usize> + Clone,
        name: impl FnOnce(u32) -> Result<String, Error>,
    ) -> Result<Reserve, Error> {
        let refusal = match self.heavy {
            Heavy::Refused => too_heavy(degrees, name)?,
            Heavy::Run => None,
        };
        match refusal {
            Some(refusal) if !lists.has_targets() => Err(refusal),
            refusal => Ok(Reserve(refusal)),
        }
    }

    /// Finds out how fast the machine is, where time is limited.
    pub(crate) fn layout(&self, layout: Layout, reporter: &Reporter) -> Layout {
        if self.limits.seconds.is_none() || self.machine.is_some() {
            let machine = self.machine.filter(|_| self.limits.seconds.is_some());
            return Layout { machine: machine.or(layout.machine), ..layout };
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

    /// Returns what counts of the seconds that earlier processes took.
    const fn earlier(&self, before: f64) -> f64 {
        if self.budget.hard { 0.0 } else { before }
    }

    /// Tells what a run within its budget is predicted to take, once; `workers`: cores that share the
    /// work.
    fn foretell(&self, predicted: Predicted, workers: usize, reporter: &Reporter) {
        if self.predicted.set(predicted).is_err() {
            return;
        }
        let busy = self.load.map(|load| busy_text(load, workers, machine::cores(usize::MAX)));
        reporter.note(format!(
            "predicted {}, within {}{}",
            Span(predicted.seconds),
            self.name(),
            busy.unwrap_or_default()
        ));
    }

    /// Tells of a run that has ended where it took much longer than predicted, or than it might.
    pub(crate) fn tell_excess(&self, reporter: &Reporter) {
        let (Some(limit), Some(predicted)) = (self.limits.seconds, self.predicted.get()) else {
            return;
        };
        let took = predicted.before + self.taken();
        let over = (took > limit).then(|| self.name());
        if let Some(text) = excess_text(took, predicted.seconds, over) {
            reporter.note(text);
        }
    }

    /// Refuses a job whose reading and sorting took more memory; `peak`: how much, where the
    /// system tells.
    ///
    /// # Errors
    /// If they did.
    pub(crate) fn check_reading(&self, peak: impl FnOnce() -> Option<u64>) -> Result<(), Error> {
        let peak = self.limits.memory.and_then(|limit| peak().filter(|peak| *peak > limit));
        let Some(peak) = peak else { return Ok(()) };
        Err(Error::refused(format!(
            "reading and sorting took {} of memory, more than {}",
            Bytes(peak),
            self.budget.memory_text
        ))
        .with_help(
            "`ilk sample` makes a smaller input of whole users; `ilk run … --force` runs the job anyway",
        ))
    }

    /// Refuses a job that would need more memory; `held`: what is held beside comparing, `look`
    /// finds out what is known of it, for a job that is watched.
    ///
    /// # Errors
    /// If it would.
    pub(crate) fn foresee(
        &self,
        interactions: &Interactions,
        (look, disk): (impl FnOnce() -> Outlook, &Disk),
        held: u64,
    ) -> Result<Foreseen, Error> {
        if self.limits == Limits::default() && !disk.is_limited() {
            return Ok(Foreseen(None));
        }
        let outlook = look();
        self.check_memory(interactions, &outlook, held)?;
        Ok(Foreseen(Some(outlook)))
    }

    fn check_memory(
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
    pub(crate) fn check_limit(&self, memory: crate::memory::Bytes) -> Result<(), Error> {
        if self.limits.memory.is_some_and(|limit| limit < memory.0) {
            return Err(Error::refused(format!(
                "the job takes up to {memory} of memory, more than {}",
                self.budget.memory_text
            ))
            .with_help("set a lower --memory"));
        }
        Ok(())
    }

    /// Refuses a job that would take longer.
    ///
    /// # Errors
    /// If it would.
    pub(crate) fn check_time<'w>(
        &self,
        foreseen: &Foreseen,
        work: impl FnOnce() -> Work<'w>,
        reporter: &Reporter,
    ) -> Result<(), Error> {
        let (Some(limit), Some(outlook)) = (self.limits.seconds, &foreseen.0) else {
            return Ok(());
        };
        let work = work();
        let before = self.earlier(work.before);
        let taken = before + self.taken();
        let whole = &outlook.size;
        let forecast = outlook.forecast(work.plan);
        let (counting, finding) = (forecast.counting * work.share, forecast.finding * work.share);
        let forecast = Forecast { counting, finding, ..forecast };
        let neighbours = outlook.neighbours as usize;
        let each = neighbours / work.catalogue.ids.len().max(1);
        let row = Writing::guess(work.style, work.catalogue, each).seconds;
        // Arranging is done by now, so it counts for smaller data only.
        let left = |size: &Size| {
            let smaller = forecast.scaled(whole, size);
            let items = size.items as f64 / whole.items.max(1) as f64;
            smaller.elapsed(work.workers) + row * neighbours as f64 * items
        };
        let needed = taken + left(whole) - forecast.elapsed_arranging(work.workers);
        if needed <= limit {
            let predicted = Predicted { seconds: needed, before };
            self.foretell(predicted, work.workers, reporter);
            return Ok(());
        }
        let refusal = Error::refused(format!(
            "the job needs about {}, more than {}",
            Span(needed),
            self.text(limit)
        ));
        let done = (taken - forecast.elapsed_arranging(work.workers)).max(0.0);
        let fits = |size: &Size| done + left(size) <= limit;
        let remedies = remedies(work.interactions, self.of, fits);
        Err(refusal.with_help(remedies_text(&remedies)))
    }

    /// Refuses a job that goes through working files if it would take longer; returns the CPU
    /// seconds that comparing is predicted to take, if time is limited.
    ///
    /// # Errors
    /// If it would, and if the disk fails.
    pub(crate) fn check_time_on_disk(
        &self,
        work: &DiskWork<'_>,
        reporter: &Reporter,
    ) -> Result<Option<f64>, Error> {
        let Some(limit) = self.limits.seconds else { return Ok(None) };
        let before = self.earlier(work.before);
        let taken = before + self.taken();
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
        let row = Writing::guess(work.style, work.catalogue, each).seconds;
        let left = |share: f64| {
            let smaller = Forecast { counting: forecast.counting * share, ..forecast };
            smaller.elapsed(work.workers) + reading + row * arranged.neighbours
        };
        let needed = taken + left(1.0);
        if needed <= limit {
            let predicted = Predicted { seconds: needed, before };
            self.foretell(predicted, work.workers, reporter);
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

    /// Names the budget of time, without its price.
    fn name(&self) -> &str {
        self.budget.time_text.split(" at ").next().unwrap_or_default()
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

/// Describes what a load of other programs means for a job on `workers` of the cores, where it means
/// something: threads share cores evenly.
fn busy_text(load: f64, workers: usize, cores: usize) -> String {
    /// A job that is slowed down by less takes about as long as predicted.
    const LITTLE: f64 = 1.5;
    let slower = (load + workers.min(cores) as f64) / cores as f64;
    if slower < LITTLE {
        return String::new();
    }
    format!(" (load {load:.0}: could be {slower:.0}x)")
}

/// Describes that a run took much longer than predicted; `over`: the budget that it exceeded.
fn excess_text(took: f64, predicted: f64, over: Option<&str>) -> Option<String> {
    /// What is no news.
    const RATIO: f64 = 1.5;
    const SECONDS: f64 = 1.0;
    let is_much = took > predicted * RATIO && took > predicted + SECONDS;
    if !is_much && over.is_none() {
        return None;
    }
    let over = over.map(|budget| format!(", over {budget}")).unwrap_or_default();
    Some(format!("took {}, {:.1}x the prediction{over}", Span(took), took / predicted))
}

/// Refuses a job whose result is predicted not to fit on the disk that a run directory may take;
/// `style`: of the result.
///
/// # Errors
/// If it is so.
pub(crate) fn check_disk(
    (disk, recording): (&Disk, Recording),
    foreseen: &Foreseen,
    (style, catalogue): (OutputStyle, &Catalogue),
) -> Result<(), Error> {
    /// What tiles find and merged lists take beside the result, at least.
    const TWICE: f64 = 2.0;
    let Some(outlook) = foreseen.0.as_ref().filter(|_| recording == Recording::Yes) else {
        return Ok(());
    };
    let each = outlook.neighbours as usize / catalogue.ids.len().max(1);
    let row = Writing::guess(style, catalogue, each).bytes;
    disk.foresee((row * outlook.neighbours as f64 * TWICE) as u64)
}

/// Bytes of a neighbour on disk: its code, score and overlap.
pub(crate) const NEIGHBOUR_BYTES: f64 = 12.0;

/// What is about to be computed through working files.
#[derive(Clone, Copy)]
pub(crate) struct DiskWork<'a> {
    /// The tiles that are left.
    pub arranged: &'a Arranged,
    /// How many users have how many items.
    pub degrees: &'a [(u32, u64)],
    /// What the result names.
    pub catalogue: &'a Catalogue,
    /// How the result is written.
    pub style: OutputStyle,
    /// What a core pays.
    pub machine: Machine,
    /// Cores that share it.
    pub workers: usize,
    /// Seconds that earlier processes took.
    pub before: f64,
}

/// What is about to be computed.
#[derive(Clone, Copy)]
pub(crate) struct Work<'a> {
    /// What is compared.
    pub interactions: &'a Interactions,
    /// Its tiles.
    pub plan: &'a Plan,
    /// What the result names.
    pub catalogue: &'a Catalogue,
    /// How the result is written.
    pub style: OutputStyle,
    /// Threads that share it.
    pub workers: usize,
    /// The share of the tiles that is left to be computed.
    pub share: f64,
    /// Seconds that earlier processes took.
    pub before: f64,
}

/// Describes what would make a job fit.
pub fn remedies_text(remedies: &[Remedy]) -> String {
    if remedies.is_empty() {
        return "no setting makes the job fit; use `ilk sample` for a smaller input of whole users, or run \
                it anyway with `ilk run … --force`"
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
    format!("to make it fit, {}; `ilk run … --force` runs the job anyway", texts.join(", or "))
}

/// Finds a user whose items make comparing everything with everything too expensive; the refusal
/// names the cap that would help.
pub fn heavy_user(interactions: &Interactions, users: &Ids) -> Option<Error> {
    let name = |user| Ok(users.display(user).into_owned());
    // A name in memory cannot fail.
    too_heavy(interactions.degrees(), name).ok().flatten()
}

/// Returns how many items of a user to keep at most where one has too many; `None` where none has.
pub fn cap_of_heavy(interactions: &Interactions) -> Option<u32> {
    Some(readable_cap(find_heavy_user(interactions.degrees())?.cap))
}

/// Does the same from the number of items of every user; `name` finds out how a user is called.
///
/// # Errors
/// What `name` returns.
fn too_heavy(
    degrees: impl Iterator<Item = usize> + Clone,
    name: impl FnOnce(u32) -> Result<String, Error>,
) -> Result<Option<Error>, Error> {
    let Some(heavy) = find_heavy_user(degrees.clone()) else { return Ok(None) };
    let HeavyUser { user, items, operations, all_operations, cap, .. } = heavy;
    let cap = readable_cap(cap);
    let capped = degrees.map(|items| pairs_among(items.min(cap as usize))).sum();
    let refusal = Error::refused(format!(
        "user {} has {}: their pairs take {} of the job's {} pair operations",
        shortened(&name(user)?, 40),
        counted(items, "item"),
        rounded(operations),
        rounded(all_operations)
    ));
    Ok(Some(refusal.with_help(format!(
        "--max-items-per-user {cap} leaves {} at most; `ilk run … --force` runs the job anyway",
        rounded(capped)
    ))))
}

/// Pair operations of the heaviest user that is no reason to refuse.
const HEAVIEST_PLAN: u64 = HEAVIEST_USER * HEAVIEST_USER / 2;

/// Rounds a cap down to two digits that matter.
fn readable_cap(cap: u32) -> u32 {
    let scale = 10_u32.pow(cap.checked_ilog10().unwrap_or(0).saturating_sub(1));
    cap / scale * scale
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
        to make it fit, cap heavy users with --max-items-per-user 1200 (saves 61.2 % of the pair operations), or leave out items of fewer than 40 users with --min-support 40 (saves 70.0 % of the pair operations); `ilk run … --force` runs the job anyway
        to make it fit, leave out items of fewer than 40 users with --min-support 40 (saves 70.0 % of the pair operations); `ilk run … --force` runs the job anyway
        no setting makes the job fit; use `ilk sample` for a smaller input of whole users, or run it anyway with `ilk run … --force`
        ");
    }

    #[test]
    fn a_busy_machine_is_told_of() {
        assert_eq!(busy_text(13.0, 8, 8), " (load 13: could be 3x)");
        assert_eq!(busy_text(13.4, 2, 2), " (load 13: could be 8x)");
        // One thread finds a free core.
        assert_eq!(busy_text(2.0, 1, 8), "");
        assert_eq!(busy_text(0.3, 2, 2), "");
    }

    #[test]
    fn a_run_that_takes_much_longer_is_told_of() {
        assert_eq!(
            excess_text(32.0, 10.7, Some("budget_time 15s")).as_deref(),
            Some("took 32.0 s, 3.0x the prediction, over budget_time 15s")
        );
        assert_eq!(
            excess_text(16.0, 10.0, None).as_deref(),
            Some("took 16.0 s, 1.6x the prediction")
        );
        assert_eq!(
            excess_text(15.1, 14.0, Some("budget_time 15s")).as_deref(),
            Some("took 15.1 s, 1.1x the prediction, over budget_time 15s")
        );
        assert_eq!(excess_text(14.0, 10.0, None), None);
        assert_eq!(excess_text(0.9, 0.1, None), None);
    }

    #[test]
    fn under_a_hard_budget_earlier_attempts_do_not_count() {
        let guard = Guard::unlimited(Of::Items);
        assert_eq!(guard.earlier(9.0).to_bits(), 9.0_f64.to_bits());
        let budget = Budget { hard: true, ..Budget::default() };
        let guard = Guard { budget, ..guard };
        assert_eq!(guard.earlier(9.0).to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn caps_are_rounded_down() {
        for (cap, readable) in
            [(1, 1), (99, 99), (107, 100), (99_999, 99_000), (u32::MAX, 4_200_000_000)]
        {
            assert_eq!(readable_cap(cap), readable);
        }
    }
}
