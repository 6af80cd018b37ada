//! For tests and benchmarks: a naive oracle, and generators of data (feature `testing`).

pub mod generate;
pub mod oracle;
