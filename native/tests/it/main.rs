//! The program on data: the main job, bad input, run directories and their faults, signals and
//! pipes, real orders, and what is told of all that.

mod bad_input;
mod behaviours;
mod budget;
mod compare;
#[cfg(unix)]
mod dated;
mod evaluate;
mod explain;
#[cfg(feature = "explore")]
mod explore;
mod faults;
mod files;
mod job;
mod logs;
mod narrow;
mod outputs;
mod plan;
mod products;
mod proposals;
mod real_data;
mod report;
mod rundir;
mod sample;
#[cfg(feature = "plugins")]
mod sandboxed;
mod schedule;
#[cfg(unix)]
mod signals;
mod similar;
mod tools;
mod usage;
mod verify;
