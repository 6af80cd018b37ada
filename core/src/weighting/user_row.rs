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

impl UserRow<'_> {
    /// Splits the row before the first item from `first` on.
    pub(super) fn split(self, first: u32) -> (Self, Self) {
        let at = self.items.partition_point(|item| *item < first);
        let (items, rest) = self.items.split_at(at);
        let (weights, of_rest) = self.weights.map(|all| all.split_at(at)).unzip();
        let (times, times_of_rest) = self.times.map(|all| all.split_at(at)).unzip();
        (
            Self { items, weights, times },
            Self { items: rest, weights: of_rest, times: times_of_rest },
        )
    }
}
