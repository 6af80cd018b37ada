//! One user as weightings see it.

/// The interactions of one user, ascending by item.
#[derive(Clone, Copy, Debug)]
pub struct UserRow<'a> {
    /// The items.
    pub items: &'a [u32],
    /// As many weights; absent where all are 1.
    pub weights: Option<&'a [f64]>,
    /// As many times; absent where the job does not look at them.
    pub times: Option<&'a [i64]>,
}
