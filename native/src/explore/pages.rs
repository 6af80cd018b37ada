//! The notebook's files, packed into the program when it was built.

/// A file as it is sent: packed with gzip.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    /// Its kind, as browsers want it named.
    pub(crate) media_type: &'static str,
    /// Its bytes, packed with gzip.
    pub(crate) packed: &'static [u8],
}

/// All files, by path from the page's own folder; none where the notebook was not built before the
/// program.
const PAGES: &[(&str, &[u8])] = &include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// Returns whether the notebook is in the program.
pub(crate) const fn are_there() -> bool {
    !PAGES.is_empty()
}

/// Finds a file by its path; the page itself has none.
pub(crate) fn find(path: &str) -> Option<Page> {
    let path = if path.is_empty() { "index.html" } else { path };
    let (name, packed) = PAGES.iter().find(|(name, _)| *name == path)?;
    Some(Page { media_type: media_type(name), packed })
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript",
        Some("css") => "text/css",
        Some("svg") => "image/svg+xml",
        Some("wasm") => "application/wasm",
        Some("md") => "text/markdown; charset=utf-8",
        _ => "application/octet-stream",
    }
}
