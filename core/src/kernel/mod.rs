//! Computes tiles: co-counts, measure, and the offers of each pair to its items.
//!
//! A [`Task`] does it for a matrix in memory, at once or step by step; [`neighbours`] for one that is
//! only borrowed. A surface that keeps blocks elsewhere uses a [`Comparison`].

mod ceiling;
mod comparison;
mod counts;
mod hit;
mod left;
mod needs;
mod once;
mod packed;
mod rows;
mod scale;
mod scorer;
mod sparse;
mod task;
mod topk;
mod whole;

pub use self::{
    comparison::{Comparison, Worker},
    left::{
        NoneLeft, NoneListed, best_without_threshold, meant, none_listed, popular,
        without_threshold,
    },
    once::{PairsOnce, pairs_once},
    scale::ScoreScale,
    task::{Task, Work},
    topk::{Offer, bytes_of_gathering, most_kept, rank, to_score},
};
pub(crate) use self::{
    counts::RowCounts,
    topk::{place_of, score_at},
};
use crate::{
    cost::Layout,
    executor::{Executor, Sequential},
    job::Job,
    matrix::Matrix,
    plan::{ItemFilter, Plan},
    prepare::Interactions,
    result::Neighbours,
};

/// Computes every tile of `plan` and selects each item's neighbours. `on_tile` is called with
/// the number of each tile, from the thread that computed it.
///
/// Cost: `plan.cost` of one core; what a [`Comparison`] and, per worker, a [`Worker`] take. The
/// result depends on `matrix`, `job` and `filter` alone.
///
/// # Panics
/// If `matrix` holds weights and the measure only counts, which no resolved job asks for.
pub fn neighbours(
    matrix: &Matrix,
    plan: &Plan,
    job: &Job,
    filter: &ItemFilter,
    executor: &impl Executor,
    on_tile: impl Fn(usize) + Sync,
) -> Neighbours {
    let comparison = Comparison::new(matrix.table(), job, filter, plan.sides, matrix.kernel());
    executor.map_with(
        plan.tiles.len(),
        || comparison.worker(),
        |worker, index| {
            comparison.compute_tile(matrix, plan, &plan.tiles[index], worker);
            on_tile(index);
        },
    );
    comparison.neighbours(executor)
}

/// Finds the neighbours of every item, on the caller's thread; of interactions of two behaviours
/// those of the items of the input, among the items of the target. Cost: as the forecast of a
/// [`Plan`] says; memory for the matrix and the result.
///
/// # Panics
/// If the interactions have weights that the job's weighting keeps and its measure only counts,
/// which no resolved job asks for.
pub fn similar_items(interactions: &Interactions, job: &Job) -> Neighbours {
    similar_items_with(interactions, job, &Sequential)
}

/// Finds the neighbours of every item on the executor's threads. The result is the same.
///
/// # Panics
/// As for [`similar_items`].
pub fn similar_items_with(
    interactions: &Interactions,
    job: &Job,
    executor: &impl Executor,
) -> Neighbours {
    let filter = ItemFilter::default().across(interactions.items(), interactions.target());
    Task::new(interactions, job, &filter, Layout::default(), executor).run(executor, |_| {})
}
