//! What a result is worth: held-out evaluation, explanations, and how stable it is.

mod buckets;
mod evaluate;
mod explain;
mod grid;
mod lists;
mod stability;

pub use self::{
    evaluate::{Counts, LeftOut, Mean, Quality, Trial, cut_for, evaluate, judge, most_popular},
    explain::{Contribution, Explainer, Explanation, MeasureValue, Need, Rival, Standing},
    grid::evaluate_each,
    stability::{Agreement, neighbours_of_part},
};
