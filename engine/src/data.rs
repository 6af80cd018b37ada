//! Where data lie, and whether they are in hand.

/// Data that lie in memory or in working files.
pub(crate) enum Data<M, D> {
    /// All of it fits.
    Memory(M),
    /// It does not.
    Disk(D),
}

/// Where a stage works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// In memory.
    Memory,
    /// Through working files.
    Disk,
}

/// A stage's result: in hand, or kept from before and read when it is needed. `D` proves that it is
/// kept; where nothing is, there is no such proof.
pub(crate) enum Made<T, D> {
    /// In hand.
    Now(T),
    /// Kept.
    Before(D),
}

impl<T, D> Made<T, D> {
    /// Returns the result, which `load` reads where it is not in hand.
    ///
    /// # Errors
    /// What `load` returns.
    pub(crate) fn take<E>(self, load: impl FnOnce(D) -> Result<T, E>) -> Result<T, E> {
        match self {
            Self::Now(result) => Ok(result),
            Self::Before(done) => load(done),
        }
    }
}
