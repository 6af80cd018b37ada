//! What a plan will cost, from what is counted before anything is arranged.

use super::{filter::ItemFilter, tiles::Sides};
use crate::{
    cost::{Additions, CostModel, Extent, Layout, Machine, Shape},
    job::Job,
    simd::CHUNK,
    weighting::WeightKind,
};

/// What is counted of interactions, by position.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts<'a> {
    /// Users.
    pub(crate) users: usize,
    /// Position -> code.
    pub(crate) codes: &'a [u32],
    /// Users of the item at each position, descending.
    pub(crate) supports: &'a [u32],
    /// Additions of its row.
    pub(crate) additions: &'a Additions,
    /// What is added up.
    pub(crate) weights: WeightKind,
}

/// The tiles of a job as [`Plan`](super::Plan) will cut them, without the tiles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sketch {
    /// Pair operations that the tiles take.
    pub(crate) operations: u64,
    /// Picoseconds of one core for counting.
    pub(crate) cost: u64,
    /// The same where a core pays what is usual, by which the tiles are cut.
    usual: u64,
    /// The share of additions that fall on the head, where rows are computed whole.
    share_of_head: Option<f64>,
}

impl Sketch {
    /// Sketches the plan of a job whose tiles are computed block by block. Cost: O(items).
    pub(crate) fn new(counts: &Counts<'_>, layout: &Layout, filter: &ItemFilter) -> Self {
        let drafts =
            [Sides::Row, Sides::Both].map(|sides| Draft::new(counts, layout, filter, sides));
        let [row, both] = &drafts;
        let usual = layout.model();
        let draft = if row.cost(&usual) < both.cost(&usual) { row } else { both };
        draft.sketch(&layout.machine())
    }

    /// Sketches the plan by which `job` is computed fastest. Cost: O(items).
    pub(crate) fn of_job(
        counts: &Counts<'_>,
        layout: &Layout,
        (job, filter): (&Job, &ItemFilter),
    ) -> Self {
        let Counts { codes, supports, additions, .. } = *counts;
        let halves =
            [Sides::Both, Sides::Row].map(|sides| Draft::new(counts, layout, filter, sides));
        let may_be_whole = halves[0].has_tail()
            && counts.weights == WeightKind::One
            && job.measure.falls_with_support()
            && !filter.has_groups();
        if !may_be_whole {
            return Self::new(counts, layout, filter);
        }
        let met = additions.others_met(supports).zip(codes);
        let met = met.filter(|(_, code)| filter.wants(**code));
        let found = met.map(|(met, _)| met.min(f64::from(job.top))).sum::<f64>();
        let usual = layout.model();
        let cost = |draft: &Draft<'_>| {
            let sketch = draft.sketch(&usual);
            sketch.cost + sketch.finding(&usual, found, true) as u64
        };
        let drafts = halves.into_iter().flat_map(|half| [half.clone(), half.whole()]);
        // The first of those that cost the same, as the plan chooses.
        let best = drafts.min_by_key(cost).expect("there are drafts");
        best.sketch(&layout.machine())
    }

    /// Returns how many times as long as usual a core takes for counting.
    pub(crate) fn slowness(&self) -> f64 {
        if self.usual > 0 { self.cost as f64 / self.usual as f64 } else { 1.0 }
    }

    /// Predicts the picoseconds that finding so many neighbours takes next to counting. `is_unit`:
    /// every weight is 1.
    pub(crate) fn finding(&self, machine: &Machine, neighbours: f64, is_unit: bool) -> f64 {
        machine.finding_in_plan(neighbours, is_unit, self.share_of_head)
    }
}

/// One of the ways to compute a job.
#[derive(Clone)]
struct Draft<'a> {
    counts: &'a Counts<'a>,
    filter: &'a ItemFilter,
    layout: Layout,
    shape: Shape,
    sides: Sides,
    /// Rows meet the tail whole.
    is_whole: bool,
}

impl<'a> Draft<'a> {
    fn new(counts: &'a Counts<'a>, layout: &Layout, filter: &'a ItemFilter, sides: Sides) -> Self {
        let Counts { users, supports, additions, weights, .. } = *counts;
        let shape = layout.shape(additions, supports, users, weights);
        Self { counts, filter, layout: *layout, shape, sides, is_whole: false }
    }

    fn whole(self) -> Self {
        Self { is_whole: true, ..self }
    }

    fn has_tail(&self) -> bool {
        self.first() < self.counts.supports.len()
    }

    /// Returns the first position of the tail.
    fn first(&self) -> usize {
        self.shape.head_items()
    }

    fn sketch(&self, machine: &Machine) -> Sketch {
        Sketch {
            operations: self.operations(),
            cost: self.cost(machine),
            usual: self.cost(&self.layout.model()),
            share_of_head: self.is_whole.then(|| self.share_of_head()),
        }
    }

    fn wants(&self, row: usize) -> bool {
        self.filter.wants(self.counts.codes[row])
    }

    fn operations(&self) -> u64 {
        let Additions { all, smaller } = self.counts.additions;
        match self.sides {
            Sides::Both => smaller.iter().sum(),
            Sides::Row => (0..all.len()).filter(|row| self.wants(*row)).map(|row| all[row]).sum(),
        }
    }

    /// Returns the share of all additions that fall on the head: what rows add to a position is what
    /// its row adds to all.
    fn share_of_head(&self) -> f64 {
        let all = &self.counts.additions.all;
        let of_tail = all[self.first()..].iter().sum::<u64>();
        1.0 - of_tail as f64 / all.iter().sum::<u64>().max(1) as f64
    }

    /// Predicts picoseconds of one core for counting.
    fn cost(&self, machine: &Machine) -> u64 {
        let Counts { users, supports, additions, weights, .. } = *self.counts;
        let (items, additions) = (supports.len(), additions.all.iter().sum());
        let model = CostModel::of(machine, &Extent { users, items, additions, weights });
        let head = (0..items).map(|row| self.chunks_met(row) * model.head_row(supports[row]));
        head.sum::<u64>() + self.cost_of_tail(&model)
    }

    /// Counts the chunks of the head that a row is computed against.
    fn chunks_met(&self, row: usize) -> u64 {
        let chunks = self.shape.chunks();
        match self.sides {
            Sides::Both => chunks.min(row / CHUNK + 1) as u64,
            Sides::Row if self.wants(row) => chunks as u64,
            Sides::Row => 0,
        }
    }

    fn cost_of_tail(&self, model: &CostModel) -> u64 {
        let (first, supports) = (self.first(), self.counts.supports);
        let all = &self.counts.additions.all;
        if !self.has_tail() {
            return 0;
        }
        // Rows, and what all of them would add to the tail.
        let later = || (first..supports.len()).map(|at| self.added_later(at)).sum::<u64>();
        let itself = || supports[first..].iter().copied().map(u64::from).sum::<u64>();
        let (from, additions) = match (self.sides, self.is_whole) {
            // The first row of the tail has nothing before it there.
            (Sides::Both, false) => (first + 1, later()),
            (Sides::Both, true) => (first, 2 * later() + itself()),
            (Sides::Row, _) => (0, all[first..].iter().sum()),
        };
        let chooses = self.sides == Sides::Row || self.is_whole;
        // A row that adds nothing is left out.
        let smaller = &self.counts.additions.smaller;
        let is_needed = |row: &usize| if chooses { self.wants(*row) } else { smaller[*row] > 0 };
        let rows = || (from..supports.len()).filter(is_needed);
        let work = |rows: &mut dyn Iterator<Item = usize>| rows.map(|row| all[row]).sum::<u64>();
        let (of_rows, of_all) = (work(&mut rows()), work(&mut (from..supports.len())));
        let share = if chooses { of_rows as f64 / of_all.max(1) as f64 } else { 1.0 };
        let additions = (additions as f64 * share) as u64;
        if self.is_whole {
            let begun = rows().map(|row| model.whole_row(supports[row], 0)).sum::<u64>();
            begun + model.whole_row(0, additions) - model.whole_row(0, 0)
        } else {
            let begun = rows().map(|row| model.tail_row(supports[row], 0)).sum::<u64>();
            begun + additions * model.addition()
        }
    }

    /// Counts what rows after `at` add to it.
    fn added_later(&self, at: usize) -> u64 {
        self.counts.additions.of_later(at, self.counts.supports[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        executor::Sequential,
        job::{Given, SimilarityJob},
        matrix::{ItemTable, Matrix},
        plan::Plan,
        prepare::Interactions,
        weighting::Weighting,
    };

    /// Users of many items and of few, over more items than a chunk has.
    fn interactions(users: u32, items: u32) -> Interactions {
        let rows = (0..users).map(|user| {
            let mut row = (0..3 + user % 40)
                .map(|at| (user * 31 + at * at * 7) % items / (1 + at % 3))
                .collect::<Vec<_>>();
            row.sort_unstable();
            row.dedup();
            row
        });
        Interactions::of_rows(rows, items as usize)
    }

    fn check(interactions: &Interactions, head: Option<usize>, filter: &ItemFilter) {
        let job = SimilarityJob::default().resolve(Given::default()).unwrap();
        let layout = Layout { head, ..Layout::default() };
        let matrix = Matrix::with_layout(interactions, Weighting::Binary, layout, &Sequential);
        let by_code = interactions.supports();
        let codes = ItemTable::order(&by_code);
        let counts = Counts {
            users: interactions.users(),
            codes: &codes,
            supports: matrix.table().supports(),
            additions: matrix.additions(),
            weights: WeightKind::One,
        };
        let is_near = |sketched: u64, planned: u64| {
            let ratio = sketched as f64 / planned.max(1) as f64;
            assert!((0.98..1.02).contains(&ratio), "{sketched} for {planned}, {head:?}");
        };
        let (sketch, plan) = (Sketch::new(&counts, &layout, filter), Plan::new(&matrix, filter));
        assert_eq!(sketch.operations, plan.operations);
        is_near(sketch.cost, plan.cost);
        let sketch = Sketch::of_job(&counts, &layout, (&job, filter));
        let plan = Plan::of_job(&matrix, &job, filter);
        assert_eq!(sketch.operations, plan.operations);
        assert_eq!(sketch.share_of_head.is_some(), plan.has_whole_rows());
        is_near(sketch.cost, plan.cost);
        assert_eq!(sketch.slowness(), 1.0);
    }

    #[test]
    fn a_sketch_is_what_the_plan_comes_to() {
        for (users, items) in [(3_000, 700), (2_000, 5_000), (500, 90)] {
            let interactions = interactions(users, items);
            for head in [None, Some(0), Some(1), Some(20)] {
                check(&interactions, head, &ItemFilter::default());
            }
        }
    }

    #[test]
    fn rows_that_nobody_asks_for_cost_nothing() {
        let interactions = interactions(3_000, 700);
        let filter = ItemFilter::new(700, None, None, Some(&[1, 2, 3]));
        let layout = Layout::default();
        let matrix = Matrix::with_layout(&interactions, Weighting::Binary, layout, &Sequential);
        let plan = Plan::new(&matrix, &filter);
        let counts = Counts {
            users: interactions.users(),
            codes: matrix.table().codes(),
            supports: matrix.table().supports(),
            additions: matrix.additions(),
            weights: WeightKind::One,
        };
        let sketch = Sketch::new(&counts, &layout, &filter);
        assert_eq!(sketch.operations, plan.operations);
        assert!(sketch.cost < 2 * plan.cost && plan.cost < 2 * sketch.cost, "{sketch:?}");
    }

    #[test]
    fn a_slow_machine_changes_the_cost_and_nothing_else() {
        let interactions = interactions(3_000, 700);
        let layout = Layout::default();
        let matrix = Matrix::with_layout(&interactions, Weighting::Binary, layout, &Sequential);
        let counts = Counts {
            users: interactions.users(),
            codes: matrix.table().codes(),
            supports: matrix.table().supports(),
            additions: matrix.additions(),
            weights: WeightKind::One,
        };
        let usual = layout.model();
        // Where only additions are dear, a choice by these costs would make all of it bits.
        let slow = Machine { addition: 50 * usual.addition, ..usual };
        let slow_layout = Layout { machine: Some(slow), ..layout };
        let filter = ItemFilter::default();
        let of = |layout| Sketch::new(&counts, &layout, &filter);
        assert_eq!(of(layout).operations, of(slow_layout).operations);
        assert_eq!(of(layout).usual, of(slow_layout).usual);
        let slow = Matrix::with_layout(&interactions, Weighting::Binary, slow_layout, &Sequential);
        assert_eq!(slow.head_items(), matrix.head_items());
        assert_eq!(Plan::new(&slow, &filter).tiles, Plan::new(&matrix, &filter).tiles);
    }
}
