//! The `ilk` program.

fn main() {}
