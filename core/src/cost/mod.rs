//! What computing costs, and the choices that follow from it.

mod additions;
mod model;
mod shape;

pub use self::{additions::Additions, model::Machine, shape::Layout};
pub(crate) use self::{
    model::{CostModel, Extent},
    shape::Shape,
};
