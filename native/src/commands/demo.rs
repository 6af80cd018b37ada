//! `ilk demo`: the whole job on a made-up shop.

use std::path::Path;

use crate::{error::Error, progress::Reporter};

/// Runs the demo; `keep` names a new folder for the shop's orders and the result.
///
/// # Errors
/// If `keep` cannot be written.
pub(crate) fn demo(keep: Option<&Path>, reporter: &Reporter) -> Result<(), Error> {
    let _ = (keep, reporter);
    Err(Error::internal("demo is not wired yet"))
}
