//! `cargo xtask wasm`: the npm package, what builds it, and its tests.

pub(crate) mod checks;
mod package;
pub(crate) mod toolchain;

pub(crate) use self::package::{
    Options, Purpose, build_and_hold, build_for_tests, gzip, package, run, shrink, tool, tools,
};
