//! The laws of core: the real pipeline against the naive oracle, and what must hold whatever the
//! data is.

mod behaviours;
mod clean;
mod crew;
mod encode;
mod evaluate;
mod explain;
mod groups;
mod independence;
mod jobs;
mod measures;
mod oracle;
mod overlaps;
mod sample;
mod selection;
mod spill;
mod world;
