//! A job on interactions in memory, in as many steps as its caller likes.

use std::sync::Arc;

use super::comparison::{Comparison, Worker};
use crate::{
    cost::Layout,
    executor::Executor,
    job::Job,
    matrix::Matrix,
    plan::{ItemFilter, Plan},
    prepare::Interactions,
    result::Neighbours,
};

/// What a task has to do, known before it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// Pair operations: what adding up every pair of a user's items once takes.
    pub operations: u64,
    /// Predicted picoseconds of one core.
    pub cost: u64,
    /// Tiles: the smallest steps.
    pub tiles: usize,
    /// Items of the dense head.
    pub head_items: usize,
}

/// A job from its matrix to its neighbours, tile by tile: on the caller's thread, on many, or on
/// some of both. The result is the same whatever the steps.
///
/// Cost: the matrix, which may be shared, and what a [`Comparison`] and a [`Worker`] take.
#[derive(Debug)]
pub struct Task {
    matrix: Arc<Matrix>,
    plan: Plan,
    comparison: Comparison,
    /// Serves where one worker computes.
    worker: Worker,
    /// The tile to compute next.
    next: usize,
    /// What those before it were predicted to cost.
    done: u64,
}

impl Task {
    /// Arranges interactions and plans the tiles. Cost: O(interactions).
    pub fn new(
        interactions: &Interactions,
        job: &Job,
        filter: &ItemFilter,
        layout: Layout,
        executor: &impl Executor,
    ) -> Self {
        let matrix = Matrix::with_layout(interactions, job, layout, executor);
        let plan = Plan::of_job(&matrix, job, filter);
        Self::of_plan(matrix, plan, job, filter)
    }

    /// Begins to compute the tiles of `plan`, all of them or a part, from a matrix that is there.
    pub fn of_plan(
        matrix: impl Into<Arc<Matrix>>,
        plan: Plan,
        job: &Job,
        filter: &ItemFilter,
    ) -> Self {
        let matrix = matrix.into();
        let comparison = Comparison::new(matrix.table(), job, filter, plan.sides, matrix.kernel());
        let worker = comparison.worker();
        Self { matrix, plan, comparison, worker, next: 0, done: 0 }
    }

    /// Returns the matrix.
    pub fn matrix(&self) -> &Arc<Matrix> {
        &self.matrix
    }

    /// Returns the plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns what there is to do in all.
    pub fn work(&self) -> Work {
        Work {
            operations: self.plan.operations,
            cost: self.plan.cost,
            tiles: self.plan.tiles.len(),
            head_items: self.matrix.head_items(),
        }
    }

    /// Returns the share of the predicted cost that is done, 0 to 1.
    pub fn done(&self) -> f64 {
        if self.is_complete() { 1.0 } else { self.done as f64 / self.plan.cost.max(1) as f64 }
    }

    /// Returns whether all tiles are computed.
    pub fn is_complete(&self) -> bool {
        self.next == self.plan.tiles.len()
    }

    /// Computes the next `tiles` tiles, or as many as are left.
    ///
    /// # Panics
    /// If the matrix holds weights and the measure only counts, which no resolved job asks for.
    pub fn advance(&mut self, tiles: usize, executor: &impl Executor) {
        self.compute(tiles, executor, |_| {});
    }

    /// Computes all tiles that are left, and takes the neighbours out. `on_tile` is called with the
    /// number of each tile in the plan, from the thread that computed it.
    ///
    /// # Panics
    /// As for [`advance`](Self::advance).
    pub fn run(mut self, executor: &impl Executor, on_tile: impl Fn(usize) + Sync) -> Neighbours {
        self.compute(usize::MAX, executor, on_tile);
        self.finish(executor)
    }

    fn compute(&mut self, tiles: usize, executor: &impl Executor, on_tile: impl Fn(usize) + Sync) {
        let (first, last) = (self.next, self.next.saturating_add(tiles).min(self.plan.tiles.len()));
        let Self { matrix, plan, comparison, worker, .. } = self;
        let tile = |number: usize, worker: &mut Worker| {
            comparison.compute_tile(matrix, plan, &plan.tiles[number], worker);
            on_tile(number);
        };
        if executor.workers() == 1 {
            for number in first..last {
                tile(number, worker);
            }
        } else {
            let init = || comparison.worker();
            executor.map_with(last - first, init, |worker, index| tile(first + index, worker));
        }
        self.done += plan.tiles[first..last].iter().map(|tile| tile.cost).sum::<u64>();
        self.next = last;
    }

    /// Takes the neighbours out. With a part of a plan they are no result.
    ///
    /// # Panics
    /// If tiles are left to compute.
    pub fn finish(self, executor: &impl Executor) -> Neighbours {
        assert!(self.is_complete(), "tiles are left to compute");
        self.comparison.neighbours(executor)
    }
}
