//! The errors of what does not fit in memory, each with a limit that would be enough.

use crate::{
    error::Error,
    memory::{Allowance, Bytes},
    text::counted,
};

/// Limits are named in steps of so many bytes.
const STEP: u64 = 16 << 20;

/// What something that does not fit needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needed {
    /// Bytes of data.
    pub(crate) bytes: usize,
    /// Where only the first rows are known: how many.
    pub(crate) rows: Option<u64>,
}

impl Needed {
    /// So many bytes, and no more.
    pub(crate) const fn all(bytes: usize) -> Self {
        Self { bytes, rows: None }
    }
}

/// The error of something that does not fit: what it needs leaves room for the rest under the limit that
/// is named.
pub(crate) fn does_not_fit(what: &str, needed: Needed, budget: &Allowance) -> Error {
    let least = budget.least().0 + needed.bytes as u64;
    let enough = Bytes((least + least / 8).next_multiple_of(STEP));
    let enough = format!("--memory {} is enough", String::from(enough));
    refused(what, budget).with_help(match needed.rows {
        None => enough,
        Some(rows) => {
            format!("{enough} for the first {}; the rest may need more", counted(rows, "row"))
        }
    })
}

/// The error of something that does not fit, with the least memory, in steps of 16 MiB, under which it
/// `fits`.
pub(crate) fn does_not_fit_until(
    what: &str,
    budget: &Allowance,
    fits: impl Fn(&Allowance) -> bool,
) -> Error {
    let first = budget.limit.0.max(budget.least().0).div_ceil(STEP);
    let under = |steps: u64| fits(&budget.under(Bytes(steps * STEP)));
    refused(what, budget).with_help(match least_that(first, under) {
        Some(steps) => format!("--memory {} is enough", String::from(Bytes(steps * STEP))),
        None => "no --memory is enough; use fewer --threads, a smaller -k or `ilk sample`".into(),
    })
}

/// Finds the least number from `first` on that is enough; where more is never too little. `None` where
/// none is.
fn least_that(first: u64, is_enough: impl Fn(u64) -> bool) -> Option<u64> {
    /// Past any machine's memory.
    const MOST: u64 = (1 << 50) / STEP;
    // Doubling finds some that is enough, halving the least.
    let (mut little, mut step) = (first.saturating_sub(1), 1);
    while !is_enough(little + step) {
        little += step;
        step *= 2;
        if little + step > MOST {
            return None;
        }
    }
    let mut enough = little + step;
    while enough - little > 1 {
        let middle = little.midpoint(enough);
        if is_enough(middle) {
            enough = middle;
        } else {
            little = middle;
        }
    }
    Some(enough)
}

fn refused(what: &str, budget: &Allowance) -> Error {
    Error::refused(format!("{what} do not fit in memory of {}", budget.limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(error: &Error) -> String {
        format!("{}\n{}", error.message(), error.help().unwrap_or_default())
    }

    #[test]
    fn the_least_that_is_enough_is_found() {
        for least in [4, 5, 6, 7, 100, 12_345] {
            assert_eq!(least_that(4, |number| number >= least), Some(least));
        }
        assert_eq!(least_that(4, |_| false), None);
    }

    #[test]
    fn limits_that_are_enough_are_named() {
        let budget = Allowance::of_data(8 << 20, 2);
        let all = does_not_fit("the labels", Needed::all(50 << 20), &budget);
        let some = Needed { bytes: 50 << 20, rows: Some(1_000) };
        let until = |least: u64| {
            does_not_fit_until("the tables", &budget, |budget| budget.limit.0 >= least << 20)
        };
        let none = does_not_fit_until("the tables", &budget, |_| false);
        let errors =
            [all, does_not_fit("the labels", some, &budget), until(100), until(2048), none];
        insta::assert_snapshot!(errors.each_ref().map(told).join("\n"), @r"
        the labels do not fit in memory of 8.0 MiB
        --memory 64MiB is enough
        the labels do not fit in memory of 8.0 MiB
        --memory 64MiB is enough for the first 1,000 rows; the rest may need more
        the tables do not fit in memory of 8.0 MiB
        --memory 112MiB is enough
        the tables do not fit in memory of 8.0 MiB
        --memory 2GiB is enough
        the tables do not fit in memory of 8.0 MiB
        no --memory is enough; use fewer --threads, a smaller -k or `ilk sample`
        ");
    }
}
