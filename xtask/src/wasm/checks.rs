//! The package's tests: in Node and in a browser.

use std::{env, ffi::OsString};

use crate::house::{self, House};

/// Finds a browser: the one that CHROMIUM names, or one of the usual names.
pub(crate) fn browser(house: &House) -> Option<OsString> {
    let usual = ["chromium", "chromium-browser", "google-chrome"].map(OsString::from);
    let named = env::var_os("CHROMIUM").filter(|name| !name.is_empty());
    let candidates = named.map_or_else(|| usual.to_vec(), |name| vec![name]);
    candidates.into_iter().find(|name| house::succeeds(house.command(name).arg("--version")))
}
