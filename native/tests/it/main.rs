//! The program on data: the main job, bad input, signals and pipes, real orders.

mod bad_input;
mod evaluate;
mod explain;
mod job;
mod logs;
mod real_data;
mod report;
#[cfg(unix)]
mod signals;
mod tools;
mod usage;
