//! For tests and benchmarks: a naive oracle, and generators of data (feature `testing`).

pub mod generate;
pub mod oracle;

/// Returns how many cases a property is tried with, usually `usual`. The variable `PROPTEST_CASES`
/// sets the effort of all properties together: 256, proptest's own default, stands for the usual
/// one, 13 for a twentieth of it.
#[expect(clippy::disallowed_methods, reason = "how thorough tests are decides no result")]
pub fn cases(usual: u32) -> u32 {
    let effort = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse::<u64>().ok());
    let scaled = |effort: u64| (u64::from(usual) * effort).div_ceil(256).clamp(1, u32::MAX.into());
    effort.map_or(usual, |effort| scaled(effort.min(1 << 24)) as u32)
}
