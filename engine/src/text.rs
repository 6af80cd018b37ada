//! Numbers, ids and suggestions as people read them.

pub use ilk_core::text::{counted, grouped};
use ilk_formats::printable;

/// Writes a count of pair operations.
pub fn pair_operations(number: u128) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} pair operation{plural}", rounded(number))
}

/// Writes a large count with three digits that matter: `266,802`, `48.0 million`, `3.60e18`.
pub fn rounded(number: u128) -> String {
    const SCALES: [(f64, &str); 4] =
        [(1e15, "quadrillion"), (1e12, "trillion"), (1e9, "billion"), (1e6, "million")];
    if number < 1_000_000 {
        return grouped(number as u64);
    }
    // Rounded first: 999.9 million is 1 billion.
    let rounded: f64 = format!("{:.2e}", number as f64).parse().unwrap_or(number as f64);
    let scale = SCALES.iter().find(|(scale, _)| rounded >= *scale && rounded < scale * 1e3);
    let Some((scale, name)) = scale else { return format!("{rounded:.2e}") };
    let value = rounded / scale;
    let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.digits$} {name}")
}

/// Writes a number of bytes with three digits that matter: `512 B`, `1.50 KiB`, `40.2 GiB`.
pub fn bytes_text(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = (bytes.max(1).ilog2() as usize / 10).min(UNITS.len() - 1);
    let value = bytes as f64 / (1_u64 << (10 * unit)) as f64;
    if unit == 0 {
        return format!("{bytes} B");
    }
    let digits = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.digits$} {}", UNITS[unit])
}

/// Quotes a word for a shell where it needs that.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./,:=@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.into();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Cuts `text` to at most `width` columns of the terminal, ending in `…` where something is gone.
pub fn shortened(text: &str, width: usize) -> String {
    console::truncate_str(&printable(text), width, "…").into_owned()
}

/// Finds the known names most like `text`: at most three, best first, none that is unlike it.
pub fn closest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let lower = text.to_lowercase();
    let mut scored: Vec<(f64, &str)> = Vec::new();
    for candidate in candidates {
        let name = candidate.to_lowercase();
        let begins = !lower.is_empty() && name.starts_with(&lower);
        let is_begun = lower.starts_with(&name);
        let alike = strsim::jaro_winkler(&lower, &name);
        // Half of its letters wrong is another word, however it begins; one slip is the same.
        let slips = strsim::osa_distance(&lower, &name);
        let near = slips * 2 <= lower.chars().count().max(2) && (alike > 0.8 || slips == 1);
        if begins || is_begun || near {
            // What was cut short, or has one slip, is nearer than a part of it.
            scored.push((if begins || slips == 1 { alike + 1.0 } else { alike }, candidate));
            // Only three are wanted: of a million ids the others need not be kept.
            if scored.len() > 64 {
                keep_best(&mut scored);
            }
        }
    }
    keep_best(&mut scored);
    scored.into_iter().map(|(_, name)| name).collect()
}

fn keep_best(scored: &mut Vec<(f64, &str)>) {
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.truncate(3);
}

/// Asks `did you mean …?` where a known name is near.
pub fn did_you_mean<'a>(
    text: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let names = closest(text, candidates);
    let names: Vec<_> = names.iter().map(|name| format!("`{}`", shortened(name, 60))).collect();
    (!names.is_empty()).then(|| format!("did you mean {}?", names.join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_have_three_digits() {
        for (number, text) in [
            (999_999, "999,999"),
            (1_000_000, "1.00 million"),
            (48_021_734, "48.0 million"),
            (999_900_000, "1.00 billion"),
            (360_000_000_000, "360 billion"),
            (10_u128.pow(17), "100 quadrillion"),
            (10_u128.pow(20), "1.00e20"),
        ] {
            assert_eq!(rounded(number), text);
        }
    }

    #[test]
    fn bytes_are_told_in_binary_units() {
        for (bytes, text) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_536, "1.50 KiB"),
            (43_200_000_000, "40.2 GiB"),
            (1 << 50, "1024 TiB"),
        ] {
            assert_eq!(bytes_text(bytes), text);
        }
    }

    #[test]
    fn ids_cannot_drive_the_terminal() {
        assert_eq!(shortened("a long text", 6), "a lon…");
        assert_eq!(shortened("a\u{1b}[2J", 40), "a\\u{1b}[2J");
    }

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        let names = ["measure", "weighting", "min_support", "min_overlap", "top"];
        assert_eq!(closest("mesure", names), ["measure"]);
        assert_eq!(closest("min-support", names)[0], "min_support");
        assert_eq!(closest("zzz", names), Vec::<&str>::new());
        assert_eq!(closest("8512", ["85123A", "71053"]), ["85123A"]);
        assert_eq!(closest("TIME_UNT", ["TIME", "TIME_UNIT"]), ["TIME_UNIT", "TIME"]);
        assert_eq!(did_you_mean("tpo", names), Some("did you mean `top`?".into()));
    }
}
