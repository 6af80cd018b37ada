//! Stage `matrix`: the interactions weighed, and the items in the order of their popularity.
//!
//! Where the job fits, the matrix is laid out in memory, else in segments on disk. Either is made
//! again from the interactions, in seconds, when a later stage needs it and it is not in hand.

use std::collections::BTreeSet;

use ilk_core::{
    cost::{Layout, Machine},
    data::Ids,
    executor::Executor as _,
    forecast::Outlook,
    kernel::ScoreScale,
    matrix::Matrix,
    plan::Plan,
    prepare::Interactions,
    result::Catalogue,
};

use crate::{
    context::{Means, Run},
    data::{Data, Made, Scale},
    error::Error,
    guard::{self, DiskWork, Reserve, held},
    handed::{Arrangement, Committed, Encoded, Laid, Named},
    keep::{Ending, Keep, Kept, Step},
    machine,
    record::StageName,
    sandbox::does_not_fit,
    spill::{self, Covered, Recording, catalogue_bytes},
    text::{counted, grouped},
};

/// Lays the matrix out.
///
/// # Errors
/// For damaged results, where the disk refuses, and where the job is too much work.
pub(crate) fn matrix<'r, K: Keep<'r>>(
    run: Run<'r>,
    keep: &mut K,
    encoded: Made<Encoded, K::Done>,
) -> Result<Made<Laid, K::Done>, Error> {
    if let Some(done) = keep.done(StageName::Matrix) {
        return Ok(Made::Before(done));
    }
    let pairs = size_of(&encoded, run)?.interactions as u64;
    let (step, laid) = lay_out(run, keep, StageName::Matrix, encoded)?;
    let arrangement = &laid.arrangement;
    keep.laid(&step, arrangement)?;
    let table = arrangement.table();
    if !ScoreScale::of(table, &run.job.measure).is_one() {
        run.reporter.note(
            "dot products leave the range of 32-bit scores: neighbours are ordered by the products, \
             and the scores are the largest or smallest there are",
        );
    }
    let (items, head) = (table.len() as u64, arrangement.head_items());
    step.count("items", items);
    step.count("users", table.users() as u64);
    step.count("head_items", head);
    step.count("blocks", arrangement.blocks());
    let of_stage = match head {
        0 => format!("{} as lists", counted(items, "item")),
        head => format!("{}, {} of them as bits", counted(items, "item"), grouped(head)),
    };
    let ending = Ending { rows_in: pairs, rows_out: items, of_stage, of_part: String::new() };
    keep.finish(step, ending)?;
    Ok(Made::Now(laid))
}

fn size_of<D: Kept>(
    encoded: &Made<Encoded, D>,
    run: Run<'_>,
) -> Result<crate::memory::Size, Error> {
    match encoded {
        Made::Now(encoded) => Ok(encoded.size(run.job.top)),
        Made::Before(done) => done.size(run.job.top),
    }
}

/// Begins `stage` and lays out what is left of the job for it: a run with finished tiles is
/// resumed on disk, unless they are tiles of the plan in memory.
///
/// # Errors
/// For damaged results, where the disk refuses, and where the job is too much work.
pub(super) fn lay_out<'r, K: Keep<'r>>(
    run: Run<'r>,
    keep: &mut K,
    stage: StageName,
    encoded: Made<Encoded, K::Done>,
) -> Result<(Step<'r>, Laid), Error> {
    let size = size_of(&encoded, run)?;
    let committed = keep.committed()?;
    let was_on_disk = committed.through_files && !committed.areas.is_empty();
    let fits = run.fits(size, K::RECORDING) && !was_on_disk;
    let source = Source::of(encoded, keep.done(StageName::Encode), fits)?;
    let scale = source.scale(fits);
    if scale == Scale::Disk {
        check_plugin(run)?;
    }
    if let (Source::Hand { .. }, Scale::Disk) = (&source, scale) {
        run.reporter.note(format!(
            "comparing does not fit in {} of memory: working in files {}",
            run.means.budget.limit,
            run.means.desk.text()
        ));
    }
    let layout = measured(run, keep)?;
    let step = keep.begin(run, (stage, scale), None);
    let laying = Laying { run, layout, step: &step, committed: &committed };
    let (arrangement, named, reserve, predicted) = match source {
        Source::Disk(folded, catalogue) => {
            let reserve = run
                .guard
                .check_users(run.lists, folded.each_degree(), |_| folded.heaviest_user())?;
            laying.on_disk(keep, folded, catalogue, reserve)?
        }
        Source::Hand { interactions, users, catalogue } => {
            let name = |user: u32| Ok(users.display(user).into_owned());
            let reserve = run.guard.check_users(run.lists, interactions.degrees(), name)?;
            laying.of(keep, scale, (interactions, Some(users), catalogue), reserve)?
        }
        Source::Kept(done, catalogue) if scale == Scale::Memory => {
            let interactions = done.interactions(run)?;
            let name = |user: u32| Ok(done.users()?.display(user).into_owned());
            let reserve = run.guard.check_users(run.lists, interactions.degrees(), name)?;
            laying.of(keep, scale, (interactions, None, catalogue), reserve)?
        }
        Source::Kept(done, catalogue) => {
            let folded = done.gathered(run.on_disk(layout, K::RECORDING)?)?;
            let reserve =
                run.guard.check_users(run.lists, folded.each_degree(), |_| done.heaviest_user())?;
            laying.on_disk(keep, folded, catalogue, reserve)?
        }
    };
    Ok((step, Laid { arrangement, layout, named, reserve, committed, predicted }))
}

/// Stops where a job does not fit in memory that only fits there.
fn check_plugin(run: Run<'_>) -> Result<(), Error> {
    run.means.plugin.map_or(Ok(()), |_| Err(does_not_fit(run.means.budget.limit)))
}

/// Measures the machine where time is limited, before the work is cut by what it pays.
fn measured<'r, K: Keep<'r>>(run: Run<'r>, keep: &mut K) -> Result<Layout, Error> {
    let layout = Layout { kernel: run.means.kernel, ..Layout::default() };
    let layout = Layout { machine: keep.costs().or(layout.machine), ..layout };
    if layout.machine.is_some() {
        return Ok(layout);
    }
    let layout = run.guard.layout(layout, run.reporter);
    if let Some(costs) = layout.machine {
        keep.measured(costs)?;
    }
    Ok(layout)
}

/// Where the interactions come from.
#[expect(clippy::large_enum_variant, reason = "there is one of it in a run")]
enum Source<D> {
    /// Memory.
    Hand { interactions: Interactions, users: Ids, catalogue: Catalogue },
    /// Working files.
    Disk(spill::Folded, Catalogue),
    /// What is kept of stage `encode`.
    Kept(D, Catalogue),
}

impl<D: Kept> Source<D> {
    /// Takes what is in hand; what was folded on disk and fits in memory all the same is read from
    /// what is kept, if anything is.
    fn of(encoded: Made<Encoded, D>, done: Option<D>, fits: bool) -> Result<Self, Error> {
        let Encoded { folded, catalogue, .. } = match encoded {
            Made::Now(encoded) => encoded,
            Made::Before(done) => {
                let catalogue = done.catalogue()?;
                return Ok(Self::Kept(done, catalogue));
            }
        };
        Ok(match (folded, done.filter(|_| fits)) {
            (Data::Memory((interactions, users)), _) => {
                Self::Hand { interactions, users, catalogue }
            }
            (Data::Disk(_), Some(done)) => Self::Kept(done, catalogue),
            (Data::Disk(folded), None) => Self::Disk(folded, catalogue),
        })
    }

    /// Decides where to work.
    const fn scale(&self, fits: bool) -> Scale {
        match self {
            Self::Hand { .. } | Self::Kept(..) if fits => Scale::Memory,
            Self::Disk(..) | Self::Hand { .. } | Self::Kept(..) => Scale::Disk,
        }
    }
}

/// A job being laid out.
#[derive(Clone, Copy)]
struct Laying<'a, 'r> {
    run: Run<'r>,
    layout: Layout,
    step: &'a Step<'r>,
    committed: &'a Committed,
}

/// What laying out comes to; last the CPU seconds that are predicted.
type Out = (Arrangement, Named, Reserve, Option<f64>);

impl<'r> Laying<'_, 'r> {
    /// Finds the items that are asked for, and those that may be neighbours.
    ///
    /// # Errors
    /// If a list leaves none.
    fn named(&self, catalogue: Catalogue) -> Result<Named, Error> {
        let filter = self.run.filter(&catalogue)?;
        Ok(Named { catalogue, filter })
    }

    /// Lays out interactions that are in memory.
    fn of<K: Keep<'r>>(
        self,
        keep: &K,
        scale: Scale,
        (interactions, users, catalogue): (Interactions, Option<Ids>, Catalogue),
        reserve: Reserve,
    ) -> Result<Out, Error> {
        if scale == Scale::Memory {
            let named = self.named(catalogue)?;
            let laid = self.in_memory(keep, &interactions, users, &named)?;
            let arrangement = Data::Memory(laid);
            if self.is_of(&arrangement) {
                return Ok((arrangement, named, reserve, None));
            }
            drop(arrangement);
            check_plugin(self.run)?;
            let folded = self.spilled::<K>(&interactions, None)?;
            drop(interactions);
            return self.arranged(keep, folded, named, reserve);
        }
        let folded = self.spilled::<K>(&interactions, users)?;
        drop(interactions);
        self.on_disk(keep, folded, catalogue, reserve)
    }

    /// Returns true if the tiles that are done are tiles of this plan.
    fn is_of(&self, arrangement: &Arrangement) -> bool {
        if self.committed.areas.is_empty() {
            return true;
        }
        let planned = arrangement.planned().into_iter().map(|tile| tile.area);
        let planned = planned.collect::<BTreeSet<_>>();
        self.committed.areas.iter().all(|area| planned.contains(area))
    }

    /// Takes interactions out of memory. Nobody asks for the ids of users any more.
    fn spilled<K: Keep<'r>>(
        &self,
        interactions: &Interactions,
        users: Option<Ids>,
    ) -> Result<spill::Folded, Error> {
        let codes = 0..interactions.users() as u32;
        let users = users.unwrap_or_else(|| Ids::Integer(codes.map(i64::from).collect()));
        spill::spill(interactions, &users, self.run.on_disk(self.layout, K::RECORDING)?)
    }

    fn in_memory<K: Keep<'r>>(
        &self,
        keep: &K,
        interactions: &Interactions,
        users: Option<Ids>,
        named: &Named,
    ) -> Result<(Matrix, Plan), Error> {
        let Self { run, layout, committed, .. } = *self;
        let Means { pool, .. } = run.means;
        let Named { catalogue, filter } = named;
        run.guard.check_reading(|| keep.peak_of_reading())?;
        let held = held(users.iter().chain([&catalogue.ids]));
        drop(users);
        let look = || Outlook::of(interactions, run.job, filter, layout, pool);
        let disk = run.means.desk.disk();
        let foreseen = run.guard.foresee(interactions, (look, disk), held)?;
        let recording = (disk, K::RECORDING);
        guard::check_disk(recording, &foreseen, (keep.style(), catalogue))?;
        let matrix = Matrix::with_layout(interactions, run.job, layout, pool);
        // Offers that others make, or that are read back, go with tiles that offer to both sides.
        let plan = if run.means.plugin.is_some() || K::RECORDING == Recording::Yes {
            Plan::new(&matrix, filter)
        } else {
            Plan::of_job(&matrix, run.job, filter)
        };
        let laid = (matrix, plan);
        run.guard.check_time(
            &foreseen,
            || {
                let (matrix, plan) = &laid;
                guard::Work {
                    interactions,
                    plan,
                    catalogue,
                    style: keep.style(),
                    workers: machine::cores(pool.workers()),
                    share: share_left(matrix, plan, committed),
                    before: keep.seconds_before() + committed.seconds,
                }
            },
            run.reporter,
        )?;
        Ok(laid)
    }

    /// Lays out interactions that are in working files.
    fn on_disk<K: Keep<'r>>(
        self,
        keep: &K,
        folded: spill::Folded,
        catalogue: Catalogue,
        reserve: Reserve,
    ) -> Result<Out, Error> {
        let named = self.named(catalogue)?;
        self.arranged(keep, folded, named, reserve)
    }

    fn arranged<K: Keep<'r>>(
        self,
        keep: &K,
        folded: spill::Folded,
        named: Named,
        reserve: Reserve,
    ) -> Result<Out, Error> {
        let Self { run, layout, step, committed } = self;
        let Means { pool, budget, .. } = run.means;
        run.guard.check_limit(budget.limit)?;
        let (degrees, used) = (folded.degrees().0, catalogue_bytes(&named.catalogue));
        step.expect(2 * folded.interactions());
        let progress = |units| step.advance(units);
        let (filter, covered) = (&named.filter, Covered(&committed.areas));
        let work = run.on_disk(layout, K::RECORDING)?;
        let arranged = folded.arrange(used, (filter, covered), work, &progress)?;
        run.means.desk.disk().foresee((arranged.neighbours * guard::NEIGHBOUR_BYTES) as u64)?;
        let predicted = run.guard.check_time_on_disk(
            &DiskWork {
                arranged: &arranged,
                degrees: &degrees,
                catalogue: &named.catalogue,
                style: keep.style(),
                machine: layout.machine.unwrap_or_else(|| Machine::of(layout.kernel)),
                workers: machine::cores(pool.workers()),
                before: keep.seconds_before() + committed.seconds,
            },
            run.reporter,
        )?;
        Ok((Data::Disk(arranged), named, reserve, predicted))
    }
}

/// Predicts which share of the work is left.
fn share_left(matrix: &Matrix, plan: &Plan, committed: &Committed) -> f64 {
    if committed.areas.is_empty() {
        return 1.0;
    }
    let done = committed.areas.iter().collect::<BTreeSet<_>>();
    let planned = crate::handed::planned_in_memory(matrix, plan);
    let left = planned.iter().filter(|tile| !done.contains(&tile.area));
    left.map(|tile| tile.cost).sum::<u64>() as f64 / plan.cost.max(1) as f64
}
