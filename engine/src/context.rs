//! What all stages of a run share: the job, what the work may use, and who is told.

use ilk_core::{
    cost::Layout,
    job::{Job, Pairs},
    plan::ItemFilter,
    prepare::Needs,
    result::{Catalogue, Neighbour},
    simd::Kernel,
    weighting::WeightKind,
};

use crate::{
    error::Error,
    guard::Guard,
    labels::LabelTable,
    lists::IdLists,
    memory::{Allowance, Size, Written, of_comparing, of_lists},
    observe::Observer,
    pool::{Pool, Threads},
    progress::Reporter,
    sandbox::{Plugin, sandbox_bytes},
    spill::{self, Coming, Desk, Recording},
};

/// A run, as every stage sees it.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    /// What to compute, every setting decided.
    pub(crate) job: &'a Job,
    /// The columns that the job looks at.
    pub(crate) needs: Needs,
    /// The inputs, by number.
    pub(crate) names: &'a [String],
    /// The number of the first input of a second behaviour, if there are two.
    pub(crate) target: Option<u32>,
    pub(crate) lists: &'a IdLists,
    /// What things are called, where a table of its own says so.
    pub(crate) labels: Option<&'a LabelTable>,
    pub(crate) means: Means<'a>,
    /// Refuses what would take too much.
    pub(crate) guard: &'a Guard,
    pub(crate) observer: &'a dyn Observer,
    pub(crate) reporter: &'a Reporter,
}

/// What the work may use.
#[derive(Clone, Copy)]
pub(crate) struct Means<'a> {
    /// Threads.
    pub(crate) pool: &'a Pool,
    /// Memory.
    pub(crate) budget: &'a Allowance,
    /// Instructions.
    pub(crate) kernel: Kernel,
    /// Where working files go.
    pub(crate) desk: &'a Desk,
    /// What computes the tiles, if it is not this crate.
    pub(crate) plugin: Option<&'a Plugin>,
}

impl<'a> Means<'a> {
    /// The threads that may read at the same time.
    pub(crate) fn readers(&self) -> Threads<'a> {
        self.pool.at_most(self.budget.readers())
    }

    /// The threads that may take in what tiles found at the same time.
    pub(crate) fn restorers(&self) -> Threads<'a> {
        self.pool.at_most(self.budget.restorers())
    }
}

impl Run<'_> {
    /// Returns true if comparing so much is predicted to fit in memory. That depends on the size of
    /// the job alone, so that a run goes on as it began.
    pub(crate) fn fits(&self, size: Size, recording: Recording) -> bool {
        let Means { budget, .. } = self.means;
        let weights =
            WeightKind::of(self.job.weighting, self.needs.weight).with_target(self.target);
        let mut needed = of_comparing(size, self.needs, weights, budget.workers) + size.catalogue;
        if self.job.pairs == Pairs::Once {
            // Both lists of a pair in one place, beside those it comes from.
            needed += 2 * size_of::<Neighbour>() * size.items * size.top.min(size.items);
        }
        if recording == Recording::Yes {
            needed += budget.recording();
        }
        if self.means.plugin.is_some() {
            needed += sandbox_bytes(size.interactions, weights, budget.workers);
        }
        // Lists that are merged and written have readers or a writer beside them.
        let writer = budget.writer_of(Written::of(size.items, size.top, size.catalogue));
        let reader = if recording == Recording::Yes { budget.restoring() } else { 0 };
        let lists = of_lists(size.items, size.items, size.top) + size.items * 136 + size.catalogue;
        needed <= budget.left(0) && lists + writer.max(reader) <= budget.left(0)
    }

    /// Returns what is known of the rows to come; `rows`: as many as files say there are, if they do.
    pub(crate) fn coming(&self, rows: Option<u64>) -> Coming {
        Coming { needs: self.needs, rows, target: self.target }
    }

    /// Finds out which of the items may be neighbours, and which are asked for.
    ///
    /// # Errors
    /// For lists of which nothing is there, and groups that cannot be read.
    pub(crate) fn filter(&self, catalogue: &Catalogue) -> Result<ItemFilter, Error> {
        self.lists.filter(catalogue, (self.means.pool, self.means.budget), self.reporter)
    }

    /// Prepares steps through working files, for which there is a folder from here on.
    ///
    /// # Errors
    /// If memory is too little even so, and if the system gives no folder.
    pub(crate) fn on_disk(
        &self,
        layout: Layout,
        recording: Recording,
    ) -> Result<spill::Work<'_>, Error> {
        let Means { pool, budget, desk, .. } = self.means;
        Ok(spill::Work {
            job: self.job,
            needs: self.needs,
            layout,
            budget,
            folder: desk.folder(budget)?,
            pool,
            recording,
        })
    }
}
