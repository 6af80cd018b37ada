//! Several values of one setting, where a command compares them.

use std::ffi::OsString;

/// Settings of which `ilk evaluate` takes several values, and the flags that take them.
const PLURALS: [(&str, &str); 3] = [
    ("--min-overlap", "--min-overlaps"),
    ("--shrinkage", "--shrinkages"),
    ("--weighting", "--weightings"),
];

/// Hands values with commas between them to the flag that takes several: `--min-overlap 1,3` of
/// `ilk evaluate` is `--min-overlaps 1,3`.
pub(super) fn with_plurals(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments = arguments.into_iter().collect::<Vec<_>>();
    let commands = arguments.iter().skip(1).filter(|one| !one.to_string_lossy().starts_with('-'));
    if commands.map(|one| one.to_string_lossy()).next().as_deref() != Some("evaluate") {
        return arguments;
    }
    for place in 0..arguments.len() {
        let text = arguments[place].to_string_lossy().into_owned();
        let next = arguments.get(place + 1).map(|next| next.to_string_lossy().into_owned());
        for (one, several) in PLURALS {
            let values = text.strip_prefix(one).and_then(|rest| rest.strip_prefix('='));
            if values.is_some_and(|values| values.contains(',')) {
                arguments[place] = format!("{several}={}", values.unwrap_or_default()).into();
            } else if text == one && next.as_ref().is_some_and(|next| next.contains(',')) {
                arguments[place] = several.into();
            }
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(text: &str) -> String {
        let arguments = text.split(' ').map(OsString::from);
        let words = with_plurals(arguments).into_iter().map(|one| one.into_string().unwrap());
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn values_with_commas_go_to_the_flag_that_takes_several() {
        assert_eq!(
            rewritten("ilk evaluate a.csv --min-overlap 1,3 --shrinkage=0,10 --weighting binary"),
            "ilk evaluate a.csv --min-overlaps 1,3 --shrinkages=0,10 --weighting binary"
        );
        for other in
            ["ilk run a.csv --min-overlap 1,3", "ilk evaluate --min-overlap 1 a,b.csv", "ilk"]
        {
            assert_eq!(rewritten(other), other);
        }
    }
}
