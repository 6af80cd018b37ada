//! The kernels: every layout of the matrix, every instruction set and every number of workers
//! gives what an obvious reference gives, bit by bit.

mod blocks;
mod bounds;
#[path = "../laws/crew.rs"]
mod crew;
mod paths;
mod plan;
mod reference;
mod sizes;
mod whole;
mod world;
