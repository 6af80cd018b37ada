//! The program on data: the main job, bad input, signals and pipes, real orders.

mod bad_input;
mod faults;
mod job;
mod logs;
mod real_data;
mod rundir;
#[cfg(unix)]
mod signals;
mod tools;
