//! What counting hands to scoring.

/// A position that may matter to the row, or the row to it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hit<S> {
    /// The position, counted from the first of the block.
    pub(super) index: u32,
    pub(super) sum: S,
}
