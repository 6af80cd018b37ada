//! The program on data: the main job, bad input, signals and pipes, real orders.

mod bad_input;
mod faults;
mod job;
mod logs;
mod plan;
mod real_data;
mod rundir;
mod sample;
#[cfg(unix)]
mod signals;
mod tools;
