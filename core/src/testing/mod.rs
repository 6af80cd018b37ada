//! For tests and benchmarks: a naive oracle, and generators of data (feature `testing`).

pub mod generate;
pub mod oracle;

/// Scales the `usual` number of cases of a property test by `PROPTEST_CASES`, of which proptest's own
/// default is 256: with 13 in it a twentieth of them run. At least one does.
///
/// # Panics
/// If the variable is set to anything but a number.
#[expect(clippy::disallowed_methods, reason = "for tests, which have an environment")]
pub fn cases(usual: u32) -> u32 {
    let Ok(set) = std::env::var("PROPTEST_CASES") else { return usual };
    scaled(usual, set.parse().expect("PROPTEST_CASES is a number"))
}

fn scaled(usual: u32, set: u32) -> u32 {
    (u64::from(usual) * u64::from(set)).div_ceil(256).clamp(1, u32::MAX.into()) as u32
}

#[cfg(test)]
mod tests {
    use super::scaled;

    #[test]
    fn cases_are_scaled_by_what_is_set() {
        assert_eq!(scaled(3_000, 256), 3_000);
        assert_eq!(scaled(3_000, 13), 153);
        assert_eq!(scaled(3_000, 512), 6_000);
        assert_eq!(scaled(24, 1), 1);
        assert_eq!(scaled(24, 0), 1);
    }
}
